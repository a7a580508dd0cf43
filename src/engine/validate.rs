//! What is wrong with a file, read whole by its recognised format: what CI asks of every export that lands.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;

use anyhow::bail;
use rust_decimal::Decimal;

use super::charges::Charges;
use super::drift::{Drift, Part, drift, emptied, headings_of, part_gone};
use crate::book::load_psa;
use crate::emit::{CheckedFile, FindingLog};
use crate::finding::{Code, Finding, Place, Severity};
use crate::format::{Registry, TableKind, closest, normalise};
use crate::ingest::{
    Detection, Limits, OtherLine, ReadTotals, Reject, UsageRow, UsageSink, detect_all, read_table, read_usage,
    whole_sets,
};
use crate::rate::{Currency, ExactSum, Overflow};

/// What a file is to be.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected<'a> {
    /// A format's id.
    pub format: Option<&'a str>,
    pub against: Option<&'a Against<'a>>,
}

/// An earlier export of the same kind.
#[derive(Debug, Clone, Copy)]
pub struct Against<'a> {
    pub path: &'a Path,
    pub source: &'a str,
    /// How many percent of rows or total may be fewer now.
    pub max_fall: u8,
}

/// Checks a file: one answer for each list of records in it.
///
/// # Errors
/// Those of reading; where the expected format is not known; where the earlier export cannot be read.
pub fn validate(
    path: &Path,
    source: &str,
    registry: &Registry,
    limits: &Limits,
    expected: Expected<'_>,
) -> anyhow::Result<Vec<CheckedFile>> {
    let mut looked =
        recognise(path, source, registry, limits).into_iter().map(Looked::at).collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(id) = expected.format {
        for one in &mut looked {
            let finding = unexpected(one, id, (path, source), registry, limits)?;
            one.log.extend(finding);
        }
    }
    if let Some(against) = expected.against {
        compare(&mut looked, (path, source), registry, limits, against)?;
    }
    Ok(looked.into_iter().map(Looked::concluded).collect())
}

/// Why a file cannot even be opened: nothing can be said of what is in it.
pub fn unopened(path: &Path, source: &str) -> Option<Finding> {
    let why = match fs_err::metadata(path) {
        Ok(found) if found.is_dir() => "it is a folder; name the files in it".to_string(),
        Ok(_) => match fs_err::File::open(path) {
            Ok(_) => return None,
            Err(e) => reason(&e),
        },
        Err(e) => reason(&e),
    };
    let message = format!("the file cannot be opened: {why}");
    Some(Finding::new(Code::I101, message).at(Place::file(source)))
}

fn reason(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_string(),
        io::ErrorKind::PermissionDenied => "permission denied".to_string(),
        kind => kind.to_string(),
    }
}

/// A path as findings show it: as the user wrote it, with `/`.
pub fn shown_path(path: &Path) -> String {
    let mut shown = path.display().to_string();
    if std::path::MAIN_SEPARATOR == '\\' {
        shown = shown.replace('\\', "/");
    }
    shown.strip_prefix("./").map(ToString::to_string).unwrap_or(shown)
}

/// What a file is; each of several lists of records in it by itself.
fn recognise(path: &Path, source: &str, registry: &Registry, limits: &Limits) -> Vec<Result<Detection, Refusal>> {
    let refusal = |findings: Vec<Finding>| {
        // Of an archive or workbook, the part that is meant.
        let place = findings.first().and_then(|f| f.place.as_ref());
        Refusal { source: place.map_or(source, |p| &p.path).to_string(), findings }
    };
    detect_all(path, source, registry, limits).into_iter().map(|one| one.map_err(refusal)).collect()
}

struct Refusal {
    source: String,
    findings: Vec<Finding>,
}

/// A list of records that was looked at.
struct Looked {
    source: String,
    /// `None`: of no known format, or unreadable.
    detection: Option<Detection>,
    rows: u64,
    rejected: u64,
    /// What its rows add up to, by currency; without costs the quantity, under none.
    totals: BTreeMap<Currency, Decimal>,
    log: FindingLog,
}

impl Looked {
    fn at(found: Result<Detection, Refusal>) -> anyhow::Result<Self> {
        let mut log = FindingLog::default();
        let detection = match found {
            Err(Refusal { source, findings }) => {
                log.extend(findings);
                return Ok(Self { source, detection: None, rows: 0, rejected: 0, totals: BTreeMap::new(), log });
            }
            Ok(detection) => detection,
        };
        log.extend(detection.findings.iter().cloned());
        let source = detection.source.clone();
        let (rows, rejected, totals);
        if detection.kind() == TableKind::Usage {
            let mut sums = Sums::new(source.clone(), log);
            let read: ReadTotals = read_usage(&detection, &mut sums)?;
            (rows, rejected) = (read.rows, read.rejected);
            totals = sums.totals()?;
            log = sums.log;
            for (currency, checked) in sums.charges.by_currency() {
                log.extend(checked.finding(&source, currency));
            }
        } else {
            (rows, rejected) = psa_table(&detection, &mut log);
            totals = BTreeMap::new();
        }
        Ok(Self { source, detection: Some(detection), rows, rejected, totals, log })
    }

    fn concluded(self) -> CheckedFile {
        let detection = self.detection.as_ref();
        let version = detection.map(|d| d.format_version.clone()).filter(|v| !v.is_empty());
        CheckedFile {
            file: self.source,
            format: detection.map(|d| d.spec.id.clone()),
            version,
            rows: self.rows,
            rejected: self.rejected,
            findings: self.log.groups(),
            page: detection.and_then(|d| d.page.clone()),
        }
    }
}

/// Takes back that pages of an API are missing where all of them were checked.
pub fn settle_pages(files: &mut [CheckedFile]) {
    let whole = whole_sets(files.iter().filter_map(|f| f.page.as_ref()));
    for file in files.iter_mut().filter(|f| f.page.as_ref().is_some_and(|p| whole.contains(&p.set))) {
        file.findings.retain(|g| (g.code, g.level()) != (Code::I110.id(), Severity::Warning));
    }
}

/// The rows of a PSA table, read and rejected. One table alone cannot show what it refers to (T208).
fn psa_table(detection: &Detection, log: &mut FindingLog) -> (u64, u64) {
    let mut table = match read_table(detection) {
        Ok(table) => table,
        Err(findings) => {
            log.extend(findings);
            return (0, 0);
        }
    };
    let rows = table.rows.len() as u64;
    log.extend(std::mem::take(&mut table.findings));
    let (_, findings) = load_psa(&[(detection.kind(), table)]);
    let own: Vec<Finding> = findings.into_iter().filter(|f| f.code != Code::T208).collect();
    let bad: HashSet<Option<u64>> =
        own.iter().filter(|f| f.severity == Severity::Error).filter_map(|f| f.place.as_ref().map(|p| p.line)).collect();
    log.extend(own);
    let rejected = bad.iter().flatten().count() as u64;
    (rows.saturating_sub(rejected), rejected)
}

/// Where a file is of another format than it should be.
fn unexpected(
    looked: &Looked,
    id: &str,
    (path, source): (&Path, &str),
    registry: &Registry,
    limits: &Limits,
) -> anyhow::Result<Option<Finding>> {
    let Some(wanted) = registry.get(id) else {
        let known: Vec<&str> = registry.iter().map(|s| s.id.as_str()).collect();
        let near = closest(id, known.iter().copied()).map(|n| format!(", did you mean {n}?")).unwrap_or_default();
        bail!("there is no format {id:?}{near}; `trueup formats` lists those known");
    };
    let found = looked.detection.as_ref().map(|d| d.spec.id.as_str());
    if found == Some(id) {
        return Ok(None);
    }
    let headings = match &looked.detection {
        Some(detection) => detection.headings.clone(),
        None => headings_of(Part { path, source, own: &looked.source }, registry, limits)?,
    };
    let normalised: Vec<String> = headings.iter().map(|h| normalise(h)).collect();
    let fits = registry.fits(&normalised);
    let fit = fits.iter().filter(|f| f.spec.id == wanted.id).min_by_key(|f| f.missing.len());
    let lacking = fit.map(|f| f.missing.join(", ")).filter(|m| !m.is_empty());
    let (code, mut message) = match found {
        Some(found) => (Code::I116, format!("the file is of format {found}, and {id} was expected")),
        None => (Code::I102, format!("the file is of no known format, and {id} was expected")),
    };
    match (&lacking, fit) {
        (Some(_), _) => message.push_str("; it lacks headings that this requires"),
        // Of a workbook's sheets none is the one that was meant.
        (None, None) if headings.is_empty() => {}
        (None, None) => message.push_str("; it has no heading that this requires"),
        (None, Some(_)) => {}
    }
    let mut finding = Finding::new(code, message).severity(Severity::Error).at(Place::file(&looked.source));
    finding.value = lacking;
    Ok(Some(finding))
}

/// Adds what has changed since an earlier export.
fn compare(
    looked: &mut [Looked],
    file: (&Path, &str),
    registry: &Registry,
    limits: &Limits,
    against: &Against<'_>,
) -> anyhow::Result<()> {
    if let Some(finding) = unopened(against.path, against.source) {
        bail!("{finding}");
    }
    let earlier = recognise(against.path, against.source, registry, limits).into_iter();
    let earlier = earlier.map(Looked::at).collect::<anyhow::Result<Vec<_>>>()?;
    let of = |looked: &Looked, (path, source): (&Path, &str)| {
        Drift::of(
            Part { path, source, own: &looked.source },
            looked.detection.as_ref(),
            looked.rows + looked.rejected,
            &looked.totals,
            registry,
            limits,
        )
    };
    let mut met = HashSet::new();
    for (i, now) in looked.iter_mut().enumerate() {
        // A file that is of no known format any more is compared with what it was.
        let same_part =
            earlier.iter().position(|then| part(&then.source).is_some() && part(&then.source) == part(&now.source));
        let at = same_part.unwrap_or(if i < earlier.len() { i } else { 0 });
        let Some(then) = earlier.get(at) else { continue };
        met.insert(at);
        let Some(before) = of(then, (against.path, against.source))? else {
            bail!("{} has no records to compare with; name an export that can be read", then.source);
        };
        let findings = match of(now, file)? {
            Some(after) => drift(&before, &after, against.max_fall)?,
            None => emptied(&before, &now.source).into_iter().collect(),
        };
        now.log.extend(findings);
    }
    let gone = earlier.iter().enumerate().filter(|(at, then)| !met.contains(at) && then.detection.is_some());
    for (name, now) in gone.filter_map(|(_, then)| part(&then.source)).zip(std::iter::repeat(file.1)) {
        if let Some(first) = looked.first_mut() {
            first.log.add(part_gone(against.source, name, now));
        }
    }
    Ok(())
}

/// The member or sheet that a source names.
fn part(source: &str) -> Option<&str> {
    source.split_once('#').map(|(_, part)| part)
}

/// Adds up what passes.
struct Sums {
    source: String,
    log: FindingLog,
    cost: BTreeMap<Currency, ExactSum>,
    quantity: ExactSum,
    charges: Charges,
    /// The last finding of a line: its reject says the same again.
    said: Option<(Code, u64)>,
}

impl Sums {
    fn new(source: String, log: FindingLog) -> Self {
        let (cost, quantity, charges) = (BTreeMap::new(), ExactSum::ZERO, Charges::default());
        Self { source, log, cost, quantity, charges, said: None }
    }

    fn totals(&self) -> Result<BTreeMap<Currency, Decimal>, Overflow> {
        if self.cost.is_empty() {
            return Ok(BTreeMap::from([(Currency::default(), self.quantity.to_decimal()?)]));
        }
        self.cost.iter().map(|(currency, sum)| Ok((*currency, sum.to_decimal()?))).collect()
    }
}

impl UsageSink for Sums {
    fn row(&mut self, row: &UsageRow<'_>) -> anyhow::Result<()> {
        if let Some(cost) = row.cost {
            self.cost.entry(row.currency).or_default().add(cost)?;
        }
        if let Some(quantity) = row.quantity {
            self.quantity.add(quantity)?;
        }
        self.charges.note(row);
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> anyhow::Result<()> {
        // What is refused with its whole file was said once, of the file.
        if reject.with_its_file || self.said == Some((reject.code, reject.line)) {
            return Ok(());
        }
        self.log.add(reject.finding(&self.source));
        Ok(())
    }

    fn other(&mut self, _line: u64, _kind: OtherLine) -> anyhow::Result<()> {
        Ok(())
    }

    fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        self.said = finding.place.as_ref().and_then(|p| p.line).map(|line| (finding.code, line));
        self.log.add(finding);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::sync::LazyLock;

    use super::*;
    use crate::ingest::made::{simple_xlsx, zip};

    static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::builtin);

    fn checked(text: &str, format: Option<&str>) -> anyhow::Result<CheckedFile> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("a.csv");
        fs_err::write(&path, text)?;
        let mut files = validate(&path, "a.csv", &REGISTRY, &Limits::default(), Expected { format, against: None })?;
        assert_eq!(files.len(), 1);
        Ok(files.remove(0))
    }

    fn said(file: &CheckedFile) -> Vec<String> {
        file.findings.iter().map(|g| format!("{} {} {} x{}", g.severity, g.code, g.cause, g.count)).collect()
    }

    #[test]
    fn counts_are_exact_however_many_rows_are_bad() {
        let mut text = "company_id,company,product,licenses,rate,max_licenses\n".to_string();
        for n in 0..3000 {
            let _ = writeln!(text, "C{n},Acme,P,1,1.00,x{n}");
        }
        let file = checked(&text, None).expect("checked");
        assert_eq!((file.rows, file.rejected), (0, 3000));
        let bad: Vec<_> = file.findings.iter().filter(|g| g.code == "I105").collect();
        assert_eq!(bad.len(), 1);
        assert_eq!((bad[0].count, bad[0].examples.len()), (3000, 5));
        assert_eq!(file.count(Severity::Error), 3000);
    }

    #[test]
    fn a_row_cut_short_is_one_finding() {
        let file = checked("company_id,company,product,licenses,rate,max_licenses\n1,A,P,1,1,1\n2,B,P", None);
        let file = file.expect("checked");
        let cut: Vec<_> = said(&file).into_iter().filter(|s| s.contains("I110")).collect();
        assert_eq!(cut.len(), 1, "{cut:?}");
        assert!(cut[0].ends_with("x1"), "{cut:?}");
    }

    #[test]
    fn amounts_that_no_rounding_explains_are_told_by_currency() {
        let head = "provider_name,sub_account_id,sku_id,quantity,unit_cost,cost,currency\n";
        let rows = |odd: &str| format!("{head}V,A,P,2,1.50,3.00,USD\nV,B,P,3,1.115,{odd},USD\nV,C,P,3,2.00,6.00,USD\n");
        let told = |text: &str| {
            let file = checked(text, None).expect("checked");
            assert_eq!((file.rows, file.rejected), (3, 0), "{:?}", said(&file));
            said(&file).into_iter().filter(|s| s.contains("I113")).collect::<Vec<_>>()
        };
        assert_eq!(told(&rows("3.35")), [""; 0], "rounded half away from zero");
        assert_eq!(told(&rows("3.34")), [""; 0], "cut");
        assert_eq!(
            told(&rows("4.00")),
            [
                "warning I113 no rounding of quantity × unit cost gives the cost of 1 of 3 rows (line 3): they state 0.655 \
              USD more than that x1"
            ]
        );
    }

    #[test]
    fn another_format_than_expected_is_an_error_that_names_it() {
        let text = "company_id,company,product,licenses,rate,max_licenses\n1,A,P,1,1,1\n";
        let as_expected = checked(text, Some("keeper")).expect("checked");
        assert_eq!(as_expected.count(Severity::Error), 0, "{:?}", said(&as_expected));
        let other = said(&checked(text, Some("focus")).expect("checked"));
        assert!(other[0].starts_with("error I116 the file is of format keeper, and focus was expected"), "{other:?}");
        let none = said(&checked("x,y\n1,2\n", Some("focus")).expect("checked"));
        assert!(none.iter().any(|s| s.contains("of no known format, and focus was expected")), "{none:?}");
        let unknown = checked(text, Some("keepr")).expect_err("no such format").to_string();
        assert!(unknown.contains("did you mean keeper?"), "{unknown}");
    }

    #[test]
    fn the_cells_of_a_psa_table_are_checked_and_not_what_it_refers_to() {
        let text = "contract_line_id,contract_id,product_code,quantity,unit_price\nL1,A1,P1,x,1.00\nL2,A1,P1,2,1.00\n";
        let file = checked(text, None).expect("checked");
        assert_eq!((file.format.as_deref(), file.rows, file.rejected), (Some("trueup-psa"), 1, 1), "{:?}", said(&file));
        assert!(file.findings.iter().any(|g| g.code == "I105") && file.findings.iter().all(|g| g.code != "T208"));
    }

    #[test]
    fn each_part_of_an_archive_or_workbook_is_checked_by_itself() {
        let keeper = "company_id,company,product,licenses,rate,max_licenses\n1,A,P,1,1,";
        let book = simple_xlsx(&[("Seats", &format!("{keeper}x\n")), ("About", "made,in\nOctober,2026\n")]);
        let packed = zip(&[("a.csv", format!("{keeper}1\n").as_bytes()), ("b.xlsx", &book), ("c.csv", b"x,y\n1,2\n")]);
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.zip");
        fs_err::write(&path, packed).expect("written");
        let against = Against { path: &path, source: "a.zip", max_fall: 0 };
        let expected = Expected { format: Some("keeper"), against: Some(&against) };
        let files = validate(&path, "a.zip", &REGISTRY, &Limits::default(), expected).expect("checked");
        let seen: Vec<_> = files.iter().map(|f| (f.file.as_str(), f.format.as_deref(), f.rows, f.rejected)).collect();
        assert_eq!(
            seen,
            [
                ("a.zip#a.csv", Some("keeper"), 1, 0),
                ("a.zip#b.xlsx#Seats", Some("keeper"), 0, 1),
                ("a.zip#c.csv", None, 0, 0)
            ]
        );
        assert_eq!(files[0].count(Severity::Error), 0, "{:?}", said(&files[0]));
        assert!(said(&files[1]).iter().all(|s| !s.contains("expected")), "{:?}", said(&files[1]));
        let unknown = said(&files[2]);
        assert!(unknown.iter().any(|s| s.contains("of no known format, and keeper was expected")), "{unknown:?}");
    }

    #[test]
    fn what_cannot_be_opened_is_told_from_what_is_wrong() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = unopened(dir.path(), "x").expect("a finding");
        assert!(folder.message.contains("it is a folder"));
        let missing = unopened(&dir.path().join("none"), "none").expect("a finding");
        assert_eq!(
            missing.to_string(),
            "none: error[I101 unreadable-file]: the file cannot be opened: there is no such file"
        );
        assert_eq!(shown_path(Path::new("./a/b.csv")), "a/b.csv");
    }
}
