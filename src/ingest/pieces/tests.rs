use std::sync::{Arc, Barrier};

use proptest::prelude::*;

use super::super::hash::Hashing;
use super::super::trust::Trusted;
use super::super::{Event, OtherLine, ReadTotals, Record, Records, Reject, UsageFile, UsageRow, UsageSink, detect};
use super::*;
use crate::finding::Finding;
use crate::format::Registry;

const FIELDS: usize = 3;

fn cutter(header_line: u64, size: usize) -> Cutter {
    Cutter { dialect: Dialect::of(b','), header_line, fields: FIELDS, size }
}

/// Everything that is read, once the rows behind this line have so many fields as the headings.
fn events(mut records: Records<Box<dyn Read + Send>>, header_line: u64, out: &mut Vec<String>) {
    let mut record = Record::new();
    loop {
        match records.next(&mut record).expect("memory") {
            Event::End => return,
            Event::Record => {
                let cells: Vec<&str> = record.iter().collect();
                out.push(format!("{} {cells:?} {:?}", record.line(), record.raw()));
                if record.line() == header_line {
                    records.expect_fields(FIELDS);
                }
            }
            Event::Blank => out.push(format!("{} blank", records.line())),
            Event::Fault(fault) => out.push(format!("{fault:?}")),
        }
    }
}

fn records(text: &[u8]) -> Records<Box<dyn Read + Send>> {
    Records::new(Box::new(io::Cursor::new(text.to_vec())), Dialect::of(b','))
}

/// What is read of a text piece by piece, each by a reader of its own, and how many pieces there are.
fn by_pieces(text: &str, header_line: u64, size: usize) -> (Vec<String>, usize) {
    let open = Text::Open(Box::new(io::Cursor::new(text.as_bytes().to_vec())));
    let mut pieces = Pieces { text: open, begun: Vec::new(), number: 0, line: 1 };
    let (mut out, mut piece, mut count) = (Vec::new(), Piece::before_all(), 0);
    while pieces.take(&cutter(header_line, size), &mut piece).expect("memory") {
        assert_eq!(piece.number, count as u64);
        let mut reader = records(b"");
        if piece.number > 0 {
            reader.expect_fields(FIELDS);
        }
        let rest = piece.rest.take().map(|rest| -> Box<dyn Read + Send> {
            Box::new(io::Cursor::new(std::mem::take(&mut piece.bytes)).chain(rest))
        });
        reader.go_on(piece.line, &piece.bytes, rest).expect("UTF-8");
        events(reader, header_line, &mut out);
        count += 1;
    }
    (out, count)
}

#[test]
fn pieces_end_with_records_and_a_text_that_has_no_ends_is_read_as_a_whole() {
    let rows = |end: &str| format!("a,b,c{end}1,2,3{end}\"4\",\"5{end}\",6{end}7,8,9{end}x,y,z{end}");
    for (text, pieces) in
        [(rows("\n"), 3), (rows("\r\n"), 3), (rows("\r"), 3), ("a".repeat(100), 1), (String::new(), 0)]
    {
        let (read, count) = by_pieces(&text, 1, 14);
        let mut alone = Vec::new();
        events(records(text.as_bytes()), 1, &mut alone);
        assert_eq!(read, alone);
        assert_eq!(count, pieces, "{text:?}");
    }
}

/// Line ends as they are met.
fn one_by_one(mut rest: &[u8]) -> u64 {
    let mut count = 0;
    while let Some(at) = memchr2(b'\n', b'\r', rest) {
        count += 1;
        rest = &rest[at + line_end(rest, at, true).unwrap_or(1)..];
    }
    count
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn line_ends_are_counted_alike(text in "[ab\r\n]{0,300}", cut in 0usize..300) {
        prop_assert_eq!(count_line_ends(text.as_bytes()), one_by_one(text.as_bytes()));
        // What goes on is cut behind a line feed.
        if let Some(cut) = text.get(..cut).and_then(|begin| begin.rfind('\n')) {
            let (begin, rest) = text.split_at(cut + 1);
            prop_assert_eq!(count_line_ends(begin.as_bytes()) + count_line_ends(rest.as_bytes()), count_line_ends(text.as_bytes()));
        }
    }

    #[test]
    fn a_text_is_read_by_pieces_as_it_is_read_alone(
        text in "(a,b,c\n|1,\"2\",3\r\n|\"4\n5\",\"6\",7\n|\"[,\n]{0,3}\"[,\n]|[ab1]{0,4}|[,\"\n\r =é\u{feff}\u{1a}]){0,60}\n",
        titles in 0usize..3,
        size in 8usize..80,
    ) {
        let text = format!("{}h,i,j\n{text}", "a title\n".repeat(titles));
        let header_line = titles as u64 + 1;
        let mut alone = Vec::new();
        events(records(text.as_bytes()), header_line, &mut alone);
        prop_assert_eq!(by_pieces(&text, header_line, size).0, alone);
    }
}

/// What one of several readers of a file is given.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    rows: Vec<(u64, String)>,
    others: Vec<(u64, OtherLine)>,
    findings: Vec<String>,
    /// They take turns, as far as the system does as it is asked.
    yields: bool,
}

impl UsageSink for Seen {
    fn row(&mut self, row: &UsageRow<'_>) -> anyhow::Result<()> {
        if self.yields {
            std::thread::yield_now();
        }
        let names = [row.provider_name(), row.sub_account_name(), row.sku_id(), row.term()].join("|");
        let told = (row.quantity, row.cost, row.currency, row.charge_period_start, row.treatment);
        self.rows.push((row.line, format!("{names} {told:?} {:?} {} {}", row.identity, row.whole, row.content)));
        Ok(())
    }
    fn reject(&mut self, reject: Reject) -> anyhow::Result<()> {
        self.rows.push((reject.line, format!("{reject:?}")));
        Ok(())
    }
    fn other(&mut self, line: u64, kind: OtherLine) -> anyhow::Result<()> {
        self.others.push((line, kind));
        Ok(())
    }
    fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        self.findings.push(finding.to_string());
        Ok(())
    }
}

impl Seen {
    fn in_order(mut all: Vec<Self>) -> Self {
        let mut one = Self::default();
        for seen in &mut all {
            one.rows.append(&mut seen.rows);
            one.others.append(&mut seen.others);
            one.findings.append(&mut seen.findings);
        }
        one.rows.sort();
        one.others.sort_by_key(|(line, _)| *line);
        one.findings.sort();
        one
    }
}

/// What so many threads read of a file together, and its totals.
fn together(detection: &Detection, size: usize, threads: usize) -> (Vec<Seen>, Vec<ReadTotals>) {
    let file = UsageFile::open(detection).expect("readable").in_pieces_of(size);
    let barrier = Barrier::new(threads);
    let read = || {
        let mut seen = Seen { yields: true, ..Seen::default() };
        barrier.wait();
        let totals = file.read(&mut seen).expect("read");
        (seen, totals)
    };
    let (seen, totals): (Vec<Seen>, Vec<Option<ReadTotals>>) = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(read)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).unzip()
    });
    (seen, totals.into_iter().flatten().collect())
}

const HEAD: &str = "provider_name,sub_account_name,sku_id,quantity,cost,currency,charge_period_start,\n";
const LINES: &[&str] = &[
    "A,x,S,1,2,USD,2026-10-01,\n",
    "A,\"y, z\",S,3,4.50,USD,2026-10-01,\n",
    "B,\"two\nlines\",T,2,1,EUR,2026-10-02,\n",
    "A,x,S,one,2,USD,2026-10-01,\n",
    "A,x,S,1,2,USD,2026-10-01,more\n",
    "A,x,5\" pipe,1,2,USD,2026-10-01,\n",
    "A,\"open,S,1,2,USD,2026-10-01,\n",
    "A,x\n",
    "a note,,,,,,,\n",
    "a note\n",
    "\n",
    ",,,,,,,\n",
    "Total,,,4,6.50,,,\n",
    "Subtotal,,,1,2,,,\n",
    HEAD,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn several_readers_of_a_file_come_to_what_one_comes_to(
        lines in prop::collection::vec(prop_oneof![4 => 0usize..2, 1 => 0..LINES.len(), 1 => 7usize..LINES.len()], 0..60),
        returns: bool,
        size in 90usize..400,
        threads in 1usize..4,
    ) {
        let mut text = format!("Usage\n{HEAD}");
        text.extend(lines.iter().map(|line| LINES[*line]));
        if returns {
            text = text.replace('\n', "\r\n");
        }
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.csv");
        fs_err::write(&path, &text).expect("written");
        let mut detection = detect(&path, "usage/a.csv", &Registry::builtin()).expect("recognised");
        let mut alone = Seen::default();
        let totals = UsageFile::open(&detection).expect("readable").read(&mut alone).expect("read");
        let sha256 = std::mem::take(&mut detection.survey.sha256);
        let trusted = Arc::new(Trusted::new(text.len() as u64, Hashing::Here));
        detection.survey.trusted = Some(trusted.clone());
        let (seen, all_totals) = together(&detection, size, threads);
        let (seen, alone) = (Seen::in_order(seen), Seen::in_order(vec![alone]));
        let differing = seen.rows.iter().zip(&alone.rows).find(|(a, b)| a != b);
        prop_assert_eq!(differing, None);
        prop_assert_eq!(seen, alone);
        prop_assert_eq!(all_totals, Vec::from_iter(totals));
        prop_assert_eq!(trusted.sha256(), Some(sha256.as_str()));
    }
}
