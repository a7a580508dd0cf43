//! A book laid out in a temporary folder and run through the built program, for tests that hold what a
//! user sees: exit code, what is said, and what was written.

#![allow(dead_code)]

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use walkdir::WalkDir;

/// Where a file of this name stands in a case, the file of the base book is left out.
const ABSENT: &str = ".absent";

/// The small book under each case: two clients, two vendors, three contract lines that agree with usage.
pub fn base() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/codes/base")
}

/// A book of one test.
pub struct Book {
    dir: tempfile::TempDir,
}

/// How a run ended and what it said.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Book {
    /// The base book.
    pub fn new() -> Self {
        let book = Self { dir: tempfile::tempdir().expect("a folder") };
        book.lay(&base());
        book
    }

    /// An empty folder.
    pub fn empty() -> Self {
        Self { dir: tempfile::tempdir().expect("a folder") }
    }

    pub fn path(&self, source: &str) -> PathBuf {
        self.dir.path().join(source)
    }

    /// Lays the files of a folder over those that are there.
    pub fn lay(&self, from: &Path) {
        for entry in WalkDir::new(from) {
            let entry = entry.expect("readable");
            if entry.file_type().is_dir() {
                continue;
            }
            let source = entry.path().strip_prefix(from).expect("below").to_str().expect("text").to_string();
            match source.strip_suffix(ABSENT) {
                Some(absent) => fs_err::remove_file(self.path(absent)).expect("the base has it"),
                None => self.put(&source, fs_err::read(entry.path()).expect("readable")),
            }
        }
    }

    pub fn put(&self, source: &str, content: impl AsRef<[u8]>) {
        let path = self.path(source);
        fs_err::create_dir_all(path.parent().expect("a folder")).expect("room");
        fs_err::write(path, content).expect("room");
    }

    pub fn remove(&self, source: &str) {
        fs_err::remove_file(self.path(source)).expect("it was there");
    }

    pub fn text(&self, source: &str) -> String {
        fs_err::read_to_string(self.path(source)).expect("readable")
    }

    /// Changes a file of the book in place; what is replaced must be there.
    pub fn edit(&self, source: &str, from: &str, to: &str) {
        let text = self.text(source);
        assert!(text.contains(from), "{from:?} in {source}");
        self.put(source, text.replacen(from, to, 1));
    }

    pub fn append(&self, source: &str, more: &str) {
        self.put(source, self.text(source) + more);
    }

    /// Runs the program in the book.
    pub fn run(&self, args: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_trueup"))
            .args(args)
            .current_dir(self.dir.path())
            .env("NO_COLOR", "1")
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null())
            .output()
            .expect("started");
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    pub fn reconcile(&self) -> Ran {
        self.run(&["reconcile", "--book", ".", "--period", "2026-10", "-v"])
    }

    /// The rows of an output, each as its header's names and its values.
    pub fn rows(&self, name: &str) -> Vec<Vec<(String, String)>> {
        let file = fs_err::File::open(self.path(&format!("out/2026-10/{name}"))).expect("the output is there");
        let mut reader = csv::Reader::from_reader(io::BufReader::new(file));
        let header = reader.headers().expect("a header").clone();
        let rows = reader.records().map(|row| {
            let row = row.expect("CSV");
            header.iter().zip(row.iter()).map(|(h, v)| (h.to_string(), v.to_string())).collect()
        });
        rows.collect()
    }

    /// Chosen columns of every row of an output, joined by `|`.
    pub fn columns(&self, name: &str, columns: &[&str]) -> Vec<String> {
        let rows = self.rows(name);
        rows.iter().map(|row| columns.iter().map(|c| value(row, c)).collect::<Vec<_>>().join("|")).collect()
    }

    /// Verdict and reason of the run.
    pub fn verdict(&self) -> String {
        self.columns("verdicts.csv", &["scope", "verdict", "reason"]).swap_remove(0)
    }

    /// Holds that nothing at all was written: no outputs and nothing left half done.
    pub fn assert_untouched(&self) {
        let out = self.path("out");
        let left: Vec<_> = WalkDir::new(&out)
            .min_depth(1)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|e| e.file_type().is_file() && !e.file_name().to_string_lossy().starts_with('.'))
            .map(|e| e.path().to_path_buf())
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// A column of a row.
pub fn value<'r>(row: &'r [(String, String)], column: &str) -> &'r str {
    row.iter().find(|(name, _)| name == column).map_or_else(|| panic!("no column {column}"), |(_, v)| v)
}
