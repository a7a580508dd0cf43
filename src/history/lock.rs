//! One run at a time on a book. The lock is the operating system's, so it is released when its holder dies.

use std::path::{Path, PathBuf};

use fs_err::{self as fs, File, OpenOptions};
use std::fs::TryLockError;

use super::error::HistoryError;
use super::exchange::recover;

/// Held by the one run that may write to the book's `out/`.
#[derive(Debug)]
pub struct RunLock {
    out: PathBuf,
    /// The lock file stays when the lock is released: removing it would let two runs lock two files of one name.
    _file: File,
}

impl RunLock {
    /// Locks the book's `out/` (made if missing), then puts right what a run that died left behind.
    pub fn acquire(book_root: &Path) -> Result<Self, HistoryError> {
        let out = book_root.join("out");
        fs::create_dir_all(&out)?;
        let path = out.join(".lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(HistoryError::Busy(path)),
            Err(TryLockError::Error(error)) => return Err(HistoryError::Io(error)),
        }
        recover(&out)?;
        Ok(Self { out, _file: file })
    }

    /// The book's `out/`.
    pub fn out(&self) -> &Path {
        &self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_told_that_another_is_at_work() {
        let book = tempfile::tempdir().expect("a folder");
        let first = RunLock::acquire(book.path()).expect("free");
        let error = RunLock::acquire(book.path()).expect_err("taken");
        assert!(matches!(error, HistoryError::Busy(_)), "{error}");
        assert!(error.to_string().contains(".lock"), "{error}");
        drop(first);
        RunLock::acquire(book.path()).expect("free again");
    }

    #[test]
    fn an_out_that_is_no_folder_is_an_error_that_names_it() {
        let book = tempfile::tempdir().expect("a folder");
        fs::write(book.path().join("out"), "a file").expect("written");
        let error = RunLock::acquire(book.path()).expect_err("no folder");
        let HistoryError::Io(inner) = error else { panic!("{error}") };
        assert!(inner.to_string().contains("/out"), "{inner}");
    }
}
