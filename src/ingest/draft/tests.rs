use std::path::{Path, PathBuf};

use super::draft_spec;
use crate::finding::Finding;
use crate::format::{DateOrderRule, DecimalRule, From, PeriodEnd, PeriodSource, Registry, Spec, parse_spec};
use crate::ingest::made::{simple_xlsx, zip};
use crate::ingest::{OtherLine, Reject, UsageRow, UsageSink, detect, read_usage};

/// Quantities and what was refused.
#[derive(Default)]
struct Seen {
    rows: Vec<String>,
    rejects: Vec<String>,
}

impl UsageSink for Seen {
    fn row(&mut self, row: &UsageRow<'_>) -> anyhow::Result<()> {
        let quantity = row.quantity.map(crate::rate::plain).unwrap_or_default();
        let start = row.charge_period_start.map(|d| d.to_string()).unwrap_or_default();
        self.rows.push(format!("{}|{}|{quantity}|{start}", row.sub_account_name(), row.sku_id()));
        Ok(())
    }
    fn reject(&mut self, reject: Reject) -> anyhow::Result<()> {
        self.rejects.push(reject.message);
        Ok(())
    }
    fn other(&mut self, _: u64, _: OtherLine) -> anyhow::Result<()> {
        Ok(())
    }
    fn finding(&mut self, _: Finding) -> anyhow::Result<()> {
        Ok(())
    }
}

struct Book {
    dir: tempfile::TempDir,
    file: PathBuf,
    name: String,
}

impl Book {
    fn with(name: &str, text: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join(name);
        fs_err::write(&file, text).expect("a file");
        Self { dir, file, name: name.to_string() }
    }

    fn of(name: &str, bytes: &[u8]) -> Self {
        let book = Self::with(name, "");
        fs_err::write(&book.file, bytes).expect("a file");
        book
    }

    fn draft(&self) -> (String, Spec) {
        let text = draft_spec(&self.file, &self.name).expect("a draft");
        let spec = parse_spec(&text).unwrap_or_else(|f| panic!("{}:{}: {}\n{text}", f.line, f.column, f.message));
        (text, spec)
    }

    /// Drafts, puts the draft among the user's formats, recognises the file by it and reads it.
    fn round(&self) -> (String, Spec, Seen) {
        let (text, spec) = self.draft();
        let formats = self.dir.path().join("formats");
        fs_err::create_dir_all(&formats).expect("a folder");
        fs_err::write(formats.join("own.toml"), &text).expect("a file");
        let registry = Registry::with_user(&formats).expect("the draft is a spec");
        let detection = detect(&self.file, &self.name, &registry).unwrap_or_else(|f| panic!("{f:?}\n{text}"));
        assert_eq!(detection.spec.id, spec.id, "{text}");
        let mut seen = Seen::default();
        read_usage(&detection, &mut seen).expect("read");
        (text, spec, seen)
    }
}

fn from(spec: &Spec, column: &str) -> Option<String> {
    let rule = spec.tables[0].column(column)?;
    match &rule.steps[0].from {
        From::Heading(heading) => Some(heading.clone()),
        other => panic!("{other:?}"),
    }
}

const ACME: &str = "Acme usage report\nOctober 2026\n\n\
    Site Ref,End Customer,Part,Item text,Seats used,Price each,Net,Cur.,Billed from,Billed to,Colour\n\
    1,Larkspur,SEC-01,Security,12,\"$1,000.50\",\"$12,006.00\",USD,10/01/2026,10/31/2026,red\n\
    2,\"Zoë, & Søn\",SEC-01,Security,3,$2.00,$6.00,USD,10/15/2026,10/31/2026,\n";

#[test]
fn a_draft_recognises_and_reads_the_file_it_is_from() {
    let (text, spec, seen) = Book::with("acme usage.csv", ACME).round();
    assert_eq!(spec.id, "acme-usage");
    assert_eq!(seen.rejects, [""; 0], "{text}");
    assert_eq!(seen.rows, ["Larkspur|SEC-01|12|2026-10-01", "Zoë, & Søn|SEC-01|3|2026-10-15"], "{text}");
    let table = &spec.tables[0];
    for (column, heading) in [
        ("sub_account_name", "End Customer"),
        ("sku_id", "Part"),
        ("charge_description", "Item text"),
        ("cost", "Net"),
        ("quantity", "Seats used"),
        ("unit_cost", "Price each"),
        ("currency", "Cur."),
        ("charge_period_start", "Billed from"),
        ("charge_period_end", "Billed to"),
    ] {
        assert_eq!(from(&spec, column).as_deref(), Some(heading), "{column}\n{text}");
    }
    assert_eq!(table.read.date_order, Some(DateOrderRule::Mdy));
    assert_eq!(table.read.decimal, Some(DecimalRule::Point));
    assert_eq!(table.read.period_end, PeriodEnd::Inclusive);
    assert!(table.known_headings().contains(&"Colour"), "what feeds nothing is known, so it is no drift");
    assert!(text.contains("# by its values alone"), "{text}");
}

#[test]
fn what_cannot_be_guessed_is_a_commented_line_with_its_doubt() {
    let (text, spec) = Book::with("x.csv", ACME).draft();
    assert!(spec.tables[0].column("metric").is_none());
    for line in ["# metric = \"…\"", "# term = \"…\"", "# charge_category = \"…\""] {
        assert!(text.lines().any(|l| l.starts_with(line)), "{line}\n{text}");
    }
    for column in &spec.tables[0].columns {
        let at = text.lines().position(|l| l.starts_with(&format!("{} = ", column.name))).expect("its line");
        let before = text.lines().nth(at - 1).expect("a line before");
        assert!(before.starts_with("# ") && before.len() > 10, "{}: {before}", column.name);
    }
}

#[test]
fn a_heading_whose_values_are_of_another_kind_is_doubted_and_not_taken() {
    let text = "Customer,Product,Quantity,Licences\nA,P,many,4\nB,P,few,5\n";
    let (text, spec, seen) = Book::with("t.csv", text).round();
    assert_eq!(from(&spec, "quantity").as_deref(), Some("Licences"), "{text}");
    assert!(text.contains("\"Quantity\" has the name, but not the values, such as \"many\""), "{text}");
    assert_eq!(seen.rows.len(), 2);
}

#[test]
fn dates_that_fit_two_orders_are_left_open_and_so_are_numbers() {
    let text = "Client;SKU;Qty;Cost;Date\nA;S;1,234;2,500;01/02/2026\nB;S;2;3;03/04/2026\n";
    let (text, spec) = Book::with("t.csv", text).draft();
    assert_eq!((spec.tables[0].read.date_order, spec.tables[0].read.decimal), (None, None));
    assert!(text.contains("doubt: \"01/02/2026\" is two dates"), "{text}");
    assert!(text.contains("is two numbers"), "{text}");
}

#[test]
fn words_for_nothing_among_numbers_are_told() {
    let text = "Client,SKU,Qty,Cost\nA,S,1,N/A\nB,S,2,3.5\nC,S,4,n/a\n";
    let (text, spec, seen) = Book::with("t.csv", text).round();
    assert_eq!(spec.tables[0].read.null_words, ["N/A", "n/a"], "{text}");
    assert_eq!((seen.rows.len(), seen.rejects.len()), (3, 0));
    assert_eq!(spec.tables[0].read.period, PeriodSource::Folder);
}

#[test]
fn json_is_drafted_by_its_paths() {
    let text = r#"{"items":[{"org":{"id":7,"name":"Larkspur"},"plan":"EDR","agents":12},{"org":{"id":8,"name":"Tidal"},"plan":"EDR","agents":3.5}]}"#;
    let (text, spec, seen) = Book::with("huntress.json", text).round();
    assert_eq!(from(&spec, "quantity").as_deref(), Some("agents"), "{text}");
    assert_eq!(from(&spec, "sku_id").as_deref(), Some("plan"), "{text}");
    assert_eq!(from(&spec, "sub_account_id").as_deref(), Some("org/id"), "{text}");
    assert_eq!(seen.rows.len(), 2, "{text}");
}

#[test]
fn hostile_headings_and_cells_stay_inside_their_strings_and_comments() {
    let text = "\"Client \"\"x\"\" \\u0041\",SKU,\"Qty\nnow\",Client*,,SKU 2,SKU 2\nA\u{7},\"S\nid = \"\"evil\"\"\",4,c,d,e,f\nB,T,5,c,d,e,f\n";
    let (text, spec, seen) = Book::with("..weird \" name\n.csv", text).round();
    assert_eq!(spec.tables.len(), 1);
    assert_eq!(seen.rows.len() + seen.rejects.len(), 2, "{text}");
    assert_eq!(from(&spec, "quantity").as_deref(), Some("Qty\nnow"), "{text}");
}

#[test]
fn a_file_of_a_built_in_format_gets_an_id_of_its_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats");
    let text = fs_err::read_to_string(root.join("xarios/sample.csv")).expect("a sample");
    let (_, spec, seen) = Book::with("xarios.csv", &text).round();
    assert_eq!(spec.id, "xarios-own");
    assert_eq!(from(&spec, "sub_account_id").as_deref(), Some("tenantcode"));
    assert_eq!(seen.rows.len(), 2);
}

#[test]
fn every_usage_sample_can_be_drafted_and_is_recognised_by_its_draft() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats");
    let registry = Registry::builtin();
    let mut drafted = 0;
    for spec in registry.iter().filter(|s| s.is_usage()) {
        for entry in fs_err::read_dir(root.join(&spec.id)).expect("samples") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if name == "expected.csv" {
                continue;
            }
            let text = draft_spec(&path, &name).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let own = parse_spec(&text).unwrap_or_else(|f| panic!("{}: {}\n{text}", path.display(), f.message));
            let mut registry = Registry::builtin();
            let id = own.id.clone();
            registry.add(Spec { file: Some("formats/own.toml".into()), ..own });
            let found = detect(&path, &name, &registry).unwrap_or_else(|f| panic!("{f:?}\n{text}"));
            assert_eq!(found.spec.id, id, "{}\n{text}", path.display());
            read_usage(&found, &mut Seen::default()).expect("read");
            drafted += 1;
        }
    }
    assert!(drafted > 20);
}

#[test]
fn a_file_without_headings_is_refused() {
    for text in ["1,2,3\n4,5,6\n", "just a line\n"] {
        let book = Book::with("t.csv", text);
        assert!(draft_spec(&book.file, "t.csv").is_err(), "{text:?}");
    }
}

const SHEET: &str =
    "Invoice of May\n\nClient Name,Part Number,Seats,Start Date\nacme,P-1,3,2026-05-01\nbeta,P-2,4,2026-05-01\n";

#[test]
fn a_workbook_is_drafted_from_and_read_by_its_draft() {
    let (text, spec, seen) = Book::of("acme.xlsx", &simple_xlsx(&[("Lines", SHEET)])).round();
    assert!(text.contains("(a sheet, headings in row 3, 2 rows looked at)"), "{text}");
    assert_eq!(spec.tables[0].read.sheet, None);
    assert_eq!(
        (seen.rows.as_slice(), seen.rejects.len()),
        (&["acme|P-1|3|2026-05-01".to_string(), "beta|P-2|4|2026-05-01".into()][..], 0)
    );
}

#[test]
fn of_several_sheets_the_draft_names_the_one_with_headings() {
    let book = Book::of("acme.xlsx", &simple_xlsx(&[("Cover", "Made for Acme\n"), ("Lines", SHEET)]));
    let (text, spec) = book.draft();
    assert_eq!(spec.tables[0].read.sheet.as_deref(), Some("Lines"), "{text}");
}

#[test]
fn a_packed_file_is_drafted_from_and_a_foreign_one_named() {
    let packed = zip(&[("lines.csv", SHEET.trim_start_matches("Invoice of May\n\n").as_bytes())]);
    let (_, _, seen) = Book::of("acme.zip", &packed).round();
    assert_eq!(seen.rows.len(), 2);
    let foreign = Book::of("acme.pdf", b"%PDF-1.7\n");
    let why = draft_spec(&foreign.file, &foreign.name).expect_err("no text").to_string();
    assert!(why.contains("PDF"), "{why}");
}
