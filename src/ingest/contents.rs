//! What is in a file: usually one text; in an archive a text per member, in a workbook a sheet at a time. Told
//! by content, never by name.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use super::container::{Container, foreign};
use super::hash::{Hash, Hashing, hex};
use super::judge::{Judge, Verdict};
use super::limits::Limits;
use super::record::shown;
use super::shape::Shape;
use super::text::{Encoding, HEAD, Survey, broken, head_of, read_through, reason};
use super::trust::{Look, Trusted, is_suspicious};
use super::workbook::{self, Sheet, WorkbookFault};
use super::zip::{self, Entry, Member, ZipFault};
use crate::finding::{Code, Finding, Place, Severity};

const XLS: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

/// One list of records within a file.
#[derive(Debug, Clone)]
pub struct Content {
    /// The file's path as findings show it, with `#` and the member or sheet where it is one of several.
    pub source: String,
    pub path: PathBuf,
    pub survey: Survey,
    /// For a sheet, the source of its workbook.
    pub workbook: Option<String>,
    /// What was left out beside it.
    pub findings: Vec<Finding>,
}

impl Content {
    /// Said of a sheet that is hidden, once it is read: who sent it may not know of it.
    pub(super) fn hidden_sheet(&self) -> Option<Finding> {
        self.survey.sheet.as_ref().filter(|sheet| sheet.is_hidden()).map(|_| {
            let message =
                "the sheet is hidden and was read like the others; delete it from the workbook if it is not meant";
            Finding::new(Code::I116, message).severity(Severity::Warning).at(Place::file(&self.source))
        })
    }
}

/// Reads a file through, once, and says what is in it; each part by itself is there or refused.
pub fn contents(path: &Path, shown: &str, limits: &Limits) -> Vec<Result<Content, Finding>> {
    contents_by(path, shown, limits, Look::WHOLE)
}

/// [`contents`], looking at the file as is said.
pub(super) fn contents_by(path: &Path, shown: &str, limits: &Limits, look: Look) -> Vec<Result<Content, Finding>> {
    let unreadable = |e: &io::Error| {
        let message = format!("the file cannot be read: {}", reason(e));
        Finding::new(Code::I101, message).at(Place::file(shown))
    };
    let file = File { path, shown, limits, look };
    match file.read() {
        Ok(parts) => parts,
        Err(Stop::Said(finding)) => vec![Err(Finding { place: Some(placed(&finding, shown)), ..*finding })],
        Err(Stop::Read(e)) => vec![Err(unreadable(&e))],
    }
}

/// Why nothing of a file is read. A finding's place has a line at most.
enum Stop {
    Said(Box<Finding>),
    Read(io::Error),
}

impl From<io::Error> for Stop {
    fn from(e: io::Error) -> Self {
        Stop::Read(e)
    }
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Stop::Said(Box::new(finding))
    }
}

impl From<ZipFault> for Stop {
    fn from(fault: ZipFault) -> Self {
        match fault {
            ZipFault::Broken(_) => Finding::new(Code::I110, fault.to_string()).into(),
            ZipFault::Refused(_) => Finding::new(Code::I101, fault.to_string()).into(),
            ZipFault::Read(e) => e.into(),
        }
    }
}

impl From<WorkbookFault> for Stop {
    fn from(fault: WorkbookFault) -> Self {
        let code = if matches!(fault, WorkbookFault::Broken(_)) { Code::I110 } else { Code::I101 };
        Finding::new(code, fault.to_string()).into()
    }
}

fn placed(finding: &Finding, shown: &str) -> Place {
    match &finding.place {
        Some(Place { line: Some(line), .. }) => Place::line(shown, *line),
        _ => Place::file(shown),
    }
}

/// What is known of a file's bytes on disk.
#[derive(Clone)]
struct Disk {
    sha256: String,
    bytes: u64,
}

struct File<'a> {
    path: &'a Path,
    shown: &'a str,
    limits: &'a Limits,
    look: Look,
}

impl File<'_> {
    fn read(&self) -> Result<Vec<Result<Content, Finding>>, Stop> {
        let mut file = fs_err::File::open(self.path)?;
        let mut head = Vec::new();
        (&mut file).take(4 << 10).read_to_end(&mut head)?;
        if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            let entries = zip::entries(&mut file)?;
            return match kind_of(&entries) {
                ZipKind::Workbook => self.workbook(),
                ZipKind::Foreign(what) => Err(Finding::new(
                    Code::I101,
                    format!("this is {what}, whatever its name says; save the sheet as CSV or .xlsx"),
                )
                .into()),
                ZipKind::Archive => self.archive(&entries),
            };
        }
        if head.starts_with(XLS) {
            return self.workbook();
        }
        if head.starts_with(b"PAR1") {
            let disk = hash(self.path)?;
            let survey = Survey { shape: Shape::Parquet, ..blank(disk) };
            return Ok(vec![Ok(self.content(self.shown.to_string(), survey))]);
        }
        if let Some((what, way_out)) = foreign(&head) {
            let message = format!("this is {what}, whatever its name says; {way_out}");
            return Err(Finding::new(Code::I101, message).into());
        }
        self.text(&head, &mut file)
    }

    fn text(&self, head: &[u8], file: &mut fs_err::File) -> Result<Vec<Result<Content, Finding>>, Stop> {
        let container = Container::of(head);
        let bytes = file.metadata()?.len();
        if container == Container::Plain && self.look.trusts.is_some_and(|from| bytes >= from) {
            if let Some(survey) = self.on_trust(head, file, bytes)? {
                return Ok(vec![Ok(self.content(self.shown.to_string(), survey))]);
            }
            file.seek(SeekFrom::Start(head.len() as u64))?;
        }
        let passed = AtomicU64::new(0);
        let hash = Hash::of(bytes, self.look.hashing);
        let mut hashed = Hashed { reader: head.chain(file), hash, passed: &passed };
        let verdict = {
            let mut reader = container.decode(&mut hashed)?;
            let packed = || passed.load(Ordering::Relaxed);
            read_through(&mut *reader, container, self.limits, &packed, &mut 0)?
        };
        // What stands behind the last frame is of the file, too.
        io::copy(&mut hashed, &mut io::sink())?;
        let disk = Disk { sha256: hashed.hash.finish(), bytes: passed.load(Ordering::Relaxed) };
        Ok(vec![Ok(self.content(self.shown.to_string(), text(disk, container, verdict)))])
    }

    /// What the head of a text shows, if that is usual and not all of it.
    fn on_trust(&self, head: &[u8], file: &mut fs_err::File, bytes: u64) -> Result<Option<Survey>, Stop> {
        let mut first = head.to_vec();
        file.take((HEAD + 16).saturating_sub(first.len()) as u64).read_to_end(&mut first)?;
        // A character may be cut in two at its end.
        let whole = match std::str::from_utf8(&first) {
            Ok(text) => text,
            Err(e) if e.error_len().is_none() => std::str::from_utf8(&first[..e.valid_up_to()]).unwrap_or_default(),
            Err(_) => return Ok(None),
        };
        if first.len() as u64 == bytes || is_suspicious(None, whole.as_bytes()) {
            return Ok(None);
        }
        let mut judge = Judge::default();
        judge.take(whole.as_bytes());
        // Whatever is wrong with it is said of the whole file.
        let Ok(verdict) = judge.verdict() else { return Ok(None) };
        let (head, _) = head_of(&first, verdict.encoding, false);
        let is_usual = matches!(verdict.encoding, Encoding::Utf8 | Encoding::Utf8Bom) && !verdict.escaped_quotes;
        if !is_usual || Shape::of(&head) != Shape::Delimited {
            return Ok(None);
        }
        let verdict = Verdict { head, head_is_whole: false, ends_with_newline: true, ..verdict };
        let trusted = Some(Arc::new(Trusted::new(bytes, self.look.hashing)));
        Ok(Some(Survey { trusted, ..text(Disk { sha256: String::new(), bytes }, Container::Plain, verdict) }))
    }

    fn content(&self, source: String, survey: Survey) -> Content {
        Content { source, path: self.path.to_path_buf(), survey, workbook: None, findings: Vec::new() }
    }

    /// A workbook that is the file.
    fn workbook(&self) -> Result<Vec<Result<Content, Finding>>, Stop> {
        let bytes = fs_err::metadata(self.path)?.len();
        if let Some(why) = self.limits.workbook_too_large(bytes) {
            return Err(Finding::new(Code::I101, why).into());
        }
        let bytes = fs_err::read(self.path)?;
        let disk = Disk { sha256: hex(Sha256::new_with_prefix(&bytes)), bytes: bytes.len() as u64 };
        self.sheets(workbook::read(&bytes, self.limits)?, self.shown, &disk)
    }

    /// Those that are hidden come behind those that are shown.
    fn sheets(&self, mut sheets: Vec<Sheet>, source: &str, disk: &Disk) -> Result<Vec<Result<Content, Finding>>, Stop> {
        sheets.sort_by_key(Sheet::is_hidden);
        let mut contents: Vec<Content> = Vec::new();
        for sheet in sheets.into_iter().filter(|s| !s.is_empty()) {
            let source_of_sheet = format!("{source}#{}", sheet.name());
            let hidden =
                sheet.hidden_rows().map(|(rows, first)| hidden_rows(rows, Place::line(&source_of_sheet, first)));
            let unseen = sheet.hidden_columns().map(|(columns, row, column, text)| {
                hidden_columns(columns, Place::cell(&source_of_sheet, row, column)).value(shown(text))
            });
            let merged = sheet
                .merged_over_rows()
                .map(|(cells, row, column)| merged_cells(cells, Place::cell(&source_of_sheet, row, column)));
            let unworked = sheet
                .not_worked_out()
                .map(|(cells, row, column)| not_worked_out(cells, Place::cell(&source_of_sheet, row, column)));
            let survey = Survey { shape: Shape::Sheet, sheet: Some(Arc::new(sheet)), ..blank(disk.clone()) };
            let findings = hidden.into_iter().chain(unseen).chain(merged).chain(unworked).collect();
            contents.push(Content {
                workbook: Some(source.to_string()),
                findings,
                ..self.content(source_of_sheet, survey)
            });
        }
        if contents.is_empty() {
            return Err(Finding::new(Code::I114, "the workbook's sheets are empty").into());
        }
        Ok(contents.into_iter().map(Ok).collect())
    }

    fn archive(&self, entries: &[Entry]) -> Result<Vec<Result<Content, Finding>>, Stop> {
        let members: Vec<&Entry> = entries.iter().filter(|e| !is_litter(&e.name)).collect();
        if members.is_empty() {
            let message = "the zip archive has no files in it; download the export again";
            return Err(Finding::new(Code::I114, message).into());
        }
        let disk = hash(self.path)?;
        let mut unpacked = 0;
        let mut parts = Vec::new();
        for (i, entry) in members.iter().enumerate() {
            let source = match members.len() {
                1 => self.shown.to_string(),
                _ => format!("{}#{}", self.shown, entry.name),
            };
            let said = |finding: Finding| {
                let place = placed(&finding, &source);
                vec![Err(finding.at(place))]
            };
            if members[..i].iter().any(|m| m.name == entry.name) {
                let message = "two members of the zip archive have this name; unpack it and name them apart";
                parts.extend(said(Finding::new(Code::I101, message)));
                continue;
            }
            match self.member(entry, &source, &disk, &mut unpacked) {
                Ok(read) => parts.extend(read),
                Err(Stop::Said(finding)) => parts.extend(said(*finding)),
                Err(Stop::Read(e)) => parts.extend(said(broken(Container::Zip(entry.member), &e, 0))),
            }
        }
        Ok(parts)
    }

    fn member(
        &self,
        entry: &Entry,
        source: &str,
        disk: &Disk,
        unpacked: &mut u64,
    ) -> Result<Vec<Result<Content, Finding>>, Stop> {
        if let Some(why) = entry.refused {
            return Err(Finding::new(Code::I101, format!("the member of the zip archive cannot be read: {why}")).into());
        }
        let container = Container::Zip(entry.member);
        let mut reader = container.open(self.path)?;
        let mut head = Vec::new();
        (&mut reader).take(8).read_to_end(&mut head)?;
        if head.starts_with(b"PK\x03\x04") || head.starts_with(XLS) {
            return self.packed_workbook(entry.member, source, disk, unpacked);
        }
        let mut reader = head.as_slice().chain(reader);
        let verdict = read_through(&mut reader, container, self.limits, &|| disk.bytes, unpacked)?;
        Ok(vec![Ok(self.content(source.to_string(), text(disk.clone(), container, verdict)))])
    }

    /// A workbook in an archive; another archive in it is refused.
    fn packed_workbook(
        &self,
        member: Member,
        source: &str,
        disk: &Disk,
        unpacked: &mut u64,
    ) -> Result<Vec<Result<Content, Finding>>, Stop> {
        if let Some(why) = self.limits.workbook_too_large(member.unpacked) {
            return Err(Finding::new(Code::I101, why).into());
        }
        let mut bytes = Vec::new();
        Container::Zip(member).open(self.path)?.take(member.unpacked + 1).read_to_end(&mut bytes)?;
        *unpacked += bytes.len() as u64;
        if let Some(why) = self.limits.exceeded(disk.bytes, *unpacked) {
            return Err(Finding::new(Code::I101, format!("the zip file is refused: {why}")).into());
        }
        if !bytes.starts_with(XLS) {
            let message = match kind_of(&zip::entries(&mut Cursor::new(&bytes))?) {
                ZipKind::Workbook => None,
                ZipKind::Archive => Some("inside the zip is another zip; unpack it and put its files here".to_string()),
                ZipKind::Foreign(what) => Some(format!("inside the zip is {what}; save the sheet as CSV or .xlsx")),
            };
            if let Some(message) = message {
                return Err(Finding::new(Code::I101, message).into());
            }
        }
        self.sheets(workbook::read(&bytes, self.limits)?, source, disk)
    }
}

enum ZipKind {
    Workbook,
    Archive,
    /// As "this is …".
    Foreign(&'static str),
}

/// A filter is how someone last looked at a sheet: what it hides is data as well, and who looked may not know.
fn hidden_rows(rows: usize, first: Place) -> Finding {
    let are = if rows == 1 {
        "row of the sheet is hidden or filtered out and was"
    } else {
        "rows of the sheet are hidden or filtered out and were"
    };
    let message = format!("{rows} {are} read like the others; delete from the sheet what is not meant");
    Finding::new(Code::I116, message).severity(Severity::Warning).at(first)
}

fn hidden_columns(columns: usize, first: Place) -> Finding {
    let are =
        if columns == 1 { "column of the sheet is hidden and was" } else { "columns of the sheet are hidden and were" };
    let message = format!("{columns} {are} read like the others; delete from the sheet what is not meant");
    Finding::new(Code::I116, message).severity(Severity::Warning).at(first)
}

/// What stands in a merged cell stands in its first row: to a program the others are empty.
fn merged_cells(cells: usize, first: Place) -> Finding {
    let are = if cells == 1 { "cell of the sheet takes" } else { "cells of the sheet take" };
    let message =
        format!("{cells} {are} up several rows: the value was read in the first of them, and the others are empty");
    Finding::new(Code::I111, message).severity(Severity::Warning).at(first)
}

fn not_worked_out(cells: usize, first: Place) -> Finding {
    let are = if cells == 1 {
        "formula of the sheet was never worked out and has"
    } else {
        "formulas of the sheet were never worked out and have"
    };
    let message = format!("{cells} {are} no value; open the workbook in a spreadsheet program and save it");
    Finding::new(Code::I111, message).severity(Severity::Warning).at(first)
}

/// Office files are zip archives, told by what is in them.
fn kind_of(entries: &[Entry]) -> ZipKind {
    let has = |name: &str| entries.iter().any(|e| e.name.eq_ignore_ascii_case(name));
    let under = |folder: &str| entries.iter().any(|e| e.name.to_ascii_lowercase().starts_with(folder));
    if has("[Content_Types].xml") {
        return match (has("xl/workbook.bin"), under("word/"), under("ppt/")) {
            (true, _, _) => ZipKind::Foreign("a binary Excel workbook (.xlsb)"),
            (_, true, _) => ZipKind::Foreign("a Word document"),
            (_, _, true) => ZipKind::Foreign("a PowerPoint presentation"),
            _ => ZipKind::Workbook,
        };
    }
    if has("mimetype") && has("content.xml") { ZipKind::Workbook } else { ZipKind::Archive }
}

/// What archivers and operating systems put beside the files.
fn is_litter(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    name.starts_with("__MACOSX/") || base.starts_with('.') || matches!(base, "Thumbs.db" | "desktop.ini")
}

fn blank(disk: Disk) -> Survey {
    Survey {
        sha256: disk.sha256,
        bytes: disk.bytes,
        container: Container::Plain,
        encoding: Encoding::Utf8,
        shape: Shape::Delimited,
        head: String::new(),
        head_is_whole: false,
        ends_with_newline: true,
        escaped_quotes: false,
        strange: None,
        trusted: None,
        sheet: None,
    }
}

fn text(disk: Disk, container: Container, verdict: Verdict) -> Survey {
    Survey {
        container,
        encoding: verdict.encoding,
        shape: Shape::of(&verdict.head),
        head: verdict.head,
        head_is_whole: verdict.head_is_whole,
        ends_with_newline: verdict.ends_with_newline,
        escaped_quotes: verdict.escaped_quotes,
        strange: verdict.strange,
        ..blank(disk)
    }
}

fn hash(path: &Path) -> io::Result<Disk> {
    let passed = AtomicU64::new(0);
    let mut hashed = Hashed { reader: fs_err::File::open(path)?, hash: Hash::of(0, Hashing::Here), passed: &passed };
    io::copy(&mut hashed, &mut io::sink())?;
    Ok(Disk { sha256: hashed.hash.finish(), bytes: passed.load(Ordering::Relaxed) })
}

/// Hashes and counts what passes.
struct Hashed<'a, R> {
    reader: R,
    hash: Hash,
    passed: &'a AtomicU64,
}

impl<R: Read> Read for Hashed<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(out)?;
        self.hash.update(&out[..n]);
        self.passed.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
