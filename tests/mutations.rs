//! Real samples, spoilt in the ways senders spoil them: bytes flipped, cut, doubled and spliced, delimiters, quotes,
//! line ends and encodings swapped, packed and then damaged. Nothing panics, what is counted is what was handed on,
//! and what is read, written as CSV and read again is equal. `PROPTEST_CASES` asks for more cases.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use trueup::emit::{RecordFormat, RecordWriter};
use trueup::finding::Finding;
use trueup::format::{Registry, TableKind};
use trueup::ingest::{
    Limits, OtherLine, RecordSink, Reject, UsageRow, UsageSink, detect_all, read_records, read_table, read_usage,
};

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::builtin);
static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut paths: Vec<PathBuf> = walkdir::WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"))
        .into_iter()
        .map(|entry| entry.expect("readable").into_path())
        .filter(|path| {
            let packed = path.parent().is_some_and(|folder| folder.ends_with("containers"));
            path.is_file() && (packed || path.extension().is_some_and(|e| e == "csv" || e == "json"))
        })
        .collect();
    paths.sort();
    let samples: Vec<Vec<u8>> = paths.iter().map(|path| fs_err::read(path).expect("readable")).collect();
    assert!(samples.len() > 50, "the samples are there");
    samples
});

#[derive(Debug, Clone)]
enum Spoil {
    Flip(Index, u8),
    Cut(Index, Index),
    Double(Index, Index),
    Splice(Index, Index, Index),
    Swap(u8, u8),
    Insert(Index, &'static [u8]),
    Utf16(bool),
    Windows1252,
    Gzip,
    Zstd,
    /// In two members, one behind the other.
    GzipTwice(Index),
    /// As one member of a zip archive, or as two.
    Zip(bool),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let at = any::<Index>;
    let byte = || prop::sample::select(b",;\t|\"'\n\r\\. {}[]:=0-".to_vec());
    let text = prop::sample::select(vec![
        b"\xEF\xBB\xBF".as_slice(),
        b"\0",
        b"\"",
        b"\n\n",
        b"\r\n",
        b"sep=;\n",
        b"\x80",
        b"\xC3\xBC",
        b"1.234,56",
        b"Total,,,\n",
        b"=\"0012\"",
        b"\\\"",
        b"1.23457E+17",
        b"\xC2\xA0",
        b"{\"a\":1,\"a\":2}",
        b",\"a\":null",
    ]);
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(a, b)| Spoil::Flip(a, b)),
        3 => (at(), at()).prop_map(|(a, b)| Spoil::Cut(a, b)),
        2 => (at(), at()).prop_map(|(a, b)| Spoil::Double(a, b)),
        2 => (at(), at(), at()).prop_map(|(a, b, c)| Spoil::Splice(a, b, c)),
        3 => (byte(), byte()).prop_map(|(a, b)| Spoil::Swap(a, b)),
        4 => (at(), text).prop_map(|(a, t)| Spoil::Insert(a, t)),
        1 => any::<bool>().prop_map(Spoil::Utf16),
        1 => Just(Spoil::Windows1252),
        1 => Just(Spoil::Gzip),
        1 => Just(Spoil::Zstd),
        1 => at().prop_map(Spoil::GzipTwice),
        1 => any::<bool>().prop_map(Spoil::Zip),
    ]
}

/// A short stretch, or all behind its beginning.
fn stretch(bytes: &[u8], from: Index, length: Index) -> std::ops::Range<usize> {
    let from = from.index(bytes.len() + 1);
    let rest = bytes.len() - from;
    from..from + if length.index(4) == 0 { rest } else { length.index(rest.min(200) + 1) }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).expect("memory");
    writer.finish().expect("memory")
}

/// An archive that holds the bytes unpacked, so often.
fn zip(bytes: &[u8], members: u16) -> Vec<u8> {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    let length = u32::try_from(bytes.len()).expect("small").to_le_bytes();
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for member in 0..members {
        let name = [b'a' + u8::try_from(member).expect("few")];
        // Version, flags, method, time, date, sum, both lengths, the name's length, none more.
        let about =
            [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &sum.sum().to_le_bytes(), &length, &length, &[1, 0, 0, 0]].concat();
        let at = u32::try_from(archive.len()).expect("small").to_le_bytes();
        directory.extend([&b"PK\x01\x02\x14\0"[..], &about, &[0; 10], &at, &name].concat());
        archive.extend([&b"PK\x03\x04"[..], &about, &name, bytes].concat());
    }
    let (at, size) = (archive.len(), directory.len());
    let [at, size] = [at, size].map(|n| u32::try_from(n).expect("small").to_le_bytes());
    let count = members.to_le_bytes();
    [&archive[..], &directory, b"PK\x05\x06\0\0\0\0", &count, &count, &size, &at, &[0, 0]].concat()
}

impl Spoil {
    fn of(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Spoil::Flip(at, with) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] ^= with;
            }
            Spoil::Flip(..) => {}
            Spoil::Cut(from, length) => {
                let cut = stretch(&bytes, *from, *length);
                bytes.drain(cut);
            }
            Spoil::Double(from, length) => {
                let range = stretch(&bytes, *from, *length);
                let piece = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, piece);
            }
            Spoil::Splice(sample, from, at) => {
                let other = &SAMPLES[sample.index(SAMPLES.len())];
                let piece = other[stretch(other, *from, *at)].to_vec();
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, piece);
            }
            Spoil::Swap(one, other) => bytes.iter_mut().filter(|b| *b == one).for_each(|b| *b = *other),
            Spoil::Insert(at, text) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, text.iter().copied());
            }
            Spoil::Utf16(big) => {
                let units: Vec<u16> = String::from_utf8_lossy(&bytes).encode_utf16().collect();
                bytes = units.iter().flat_map(|u| if *big { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
            }
            Spoil::Windows1252 => {
                bytes = encoding_rs::WINDOWS_1252.encode(&String::from_utf8_lossy(&bytes)).0.into_owned();
            }
            Spoil::Gzip => bytes = gzip(&bytes),
            Spoil::GzipTwice(at) => {
                let (one, other) = bytes.split_at(at.index(bytes.len() + 1));
                bytes = [gzip(one), gzip(other)].concat();
            }
            Spoil::Zip(two) => bytes = zip(&bytes, if *two { 2 } else { 1 }),
            Spoil::Zstd => bytes = zstd::encode_all(bytes.as_slice(), 1).expect("memory"),
        }
        bytes
    }
}

#[derive(Default)]
struct Counted {
    rows: u64,
    rejected: u64,
    findings: u64,
}

impl UsageSink for Counted {
    fn row(&mut self, _: &UsageRow<'_>) -> anyhow::Result<()> {
        self.rows += 1;
        Ok(())
    }
    fn reject(&mut self, _: Reject) -> anyhow::Result<()> {
        self.rejected += 1;
        Ok(())
    }
    fn other(&mut self, _: u64, _: OtherLine) -> anyhow::Result<()> {
        Ok(())
    }
    fn finding(&mut self, _: Finding) -> anyhow::Result<()> {
        self.findings += 1;
        Ok(())
    }
}

/// The first list of records of a file, as it is read and as CSV.
struct Kept {
    lists: usize,
    records: Vec<Vec<String>>,
    csv: RecordWriter<BufWriter<fs_err::File>>,
    findings: Vec<String>,
}

impl RecordSink for Kept {
    fn headings(&mut self, source: &str, _: u64, headings: &[&str]) -> anyhow::Result<bool> {
        self.lists += 1;
        if self.lists == 1 {
            self.records.push(headings.iter().map(ToString::to_string).collect());
            self.csv.headings(source, headings)?;
        }
        Ok(self.lists == 1)
    }
    fn record(&mut self, line: u64, cells: &[&str]) -> anyhow::Result<()> {
        self.records.push(cells.iter().map(ToString::to_string).collect());
        Ok(self.csv.record(line, cells)?)
    }
    fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        self.findings.push(finding.to_string());
        Ok(())
    }
}

fn kept(path: &Path, csv: &Path) -> Kept {
    let out = BufWriter::new(fs_err::File::create(csv).expect("made"));
    let csv = RecordWriter::new(out, RecordFormat::Csv, false);
    let mut kept = Kept { lists: 0, records: Vec::new(), csv, findings: Vec::new() };
    read_records(path, "x", &REGISTRY, &Limits::default(), &mut kept).expect("reading is not broken off");
    kept
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn spoilt_samples_are_read_whole_or_refused(
        sample in any::<Index>(),
        spoils in prop::collection::vec(spoil(), 0..6),
    ) {
        let clean = SAMPLES[sample.index(SAMPLES.len())].clone();
        let bytes = spoils.iter().fold(clean, |bytes, spoil| spoil.of(bytes));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        fs_err::write(&path, &bytes).expect("written");
        for detection in detect_all(&path, "x", &REGISTRY, &Limits::default()) {
            let Ok(detection) = detection else { continue };
            if detection.kind() == TableKind::Usage {
                let mut counted = Counted::default();
                let totals = read_usage(&detection, &mut counted).expect("read");
                prop_assert_eq!((totals.rows, totals.rejected), (counted.rows, counted.rejected));
                prop_assert!(!totals.truncated || counted.findings + counted.rejected > 0);
                prop_assert!(!totals.truncated || counted.rows == 0, "rows of a file that ends early");
            } else if let Err(findings) = read_table(&detection) {
                prop_assert!(!findings.is_empty());
            }
        }
        let csv = folder.path().join("csv");
        let first = kept(&path, &csv);
        if first.records.is_empty() {
            prop_assert!(!first.findings.is_empty(), "nothing is read and nothing said");
        }
        first.csv.finish().expect("written");
        // With NULs in it, what was told from text by the rest of its file is no text by itself.
        let has_nul = first.records.iter().flatten().any(|cell| cell.contains('\0'));
        if first.records.len() > 1 && !has_nul {
            let again = kept(&csv, &folder.path().join("again"));
            prop_assert_eq!(&again.records, &first.records, "{:?}", again.findings);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 32, ..ProptestConfig::default() })]

    /// One export of a whole month is spoilt: the run does all its work or none, and says which.
    #[test]
    fn a_spoilt_export_leaves_a_run_done_or_refused(
        file in any::<Index>(),
        spoils in prop::collection::vec(spoil(), 1..4),
    ) {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo");
        let folder = tempfile::tempdir().expect("a folder");
        let mut exports = Vec::new();
        for entry in walkdir::WalkDir::new(&demo).into_iter().map(|entry| entry.expect("readable")) {
            let within = entry.path().strip_prefix(&demo).expect("within");
            if within.starts_with("out") || entry.file_type().is_dir() {
                continue;
            }
            let copy = folder.path().join(within);
            fs_err::create_dir_all(copy.parent().expect("a folder")).expect("made");
            fs_err::copy(entry.path(), &copy).expect("copied");
            if within.starts_with("usage") {
                exports.push(copy);
            }
        }
        exports.sort();
        let export = &exports[file.index(exports.len())];
        let bytes = spoils.iter().fold(fs_err::read(export).expect("readable"), |bytes, spoil| spoil.of(bytes));
        fs_err::write(export, bytes).expect("written");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_trueup"));
        let output = command.args(["-q", "reconcile", "--book"]).arg(folder.path()).output().expect("ran");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        prop_assert!(!said.contains("panicked"), "{}", said);
        let out = walkdir::WalkDir::new(folder.path().join("out")).into_iter().filter_map(Result::ok);
        let written = out.filter(|entry| entry.file_name() == "controls.csv").count();
        match output.status.code() {
            Some(0 | 1) => prop_assert_eq!(written, 1, "{}", said),
            Some(2) => prop_assert!(written == 0 && !said.is_empty(), "{}", said),
            other => prop_assert!(false, "exit code {:?}: {}", other, said),
        }
    }
}
