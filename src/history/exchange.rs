//! The atomic exchange of a period's outputs. A run writes into a staging folder; only when every byte of it
//! is on disk does it take the place of `out/<period>`, in one step where the system can swap two folders.
//!
//! What others put beside the outputs (notes, a spreadsheet made of them) is carried over into the new folder.
//!
//! Where it cannot, the old folder is set aside first. A process that dies between the two steps leaves no
//! `out/<period>` but a whole `.old-<period>`, and the next start moves it back.

use std::io;
use std::path::{Path, PathBuf};

use fs_err::{self as fs, File, OpenOptions};

use super::error::HistoryError;
use super::lock::RunLock;
use super::unfinished::Unfinished;
use crate::book::Period;
use crate::emit::Output;

const STAGING: &str = ".staging-";
const OLD: &str = ".old-";
const TRASH: &str = ".trash-";

/// The outputs of a run while it writes them. Dropped without `commit`, they are gone.
#[derive(Debug)]
pub struct Staging<'lock> {
    out: &'lock Path,
    period: String,
    folder: PathBuf,
    unfinished: Unfinished,
}

impl<'lock> Staging<'lock> {
    /// An empty staging folder for the period.
    pub fn begin(lock: &'lock RunLock, period: Period) -> Result<Self, HistoryError> {
        let period = period.to_string();
        let target = lock.out().join(&period);
        if fs::symlink_metadata(&target).is_ok() && !target.is_dir() {
            return Err(HistoryError::NoFolder(target));
        }
        let folder = lock.out().join(format!("{STAGING}{period}"));
        fs::create_dir(&folder)?;
        Ok(Self { out: lock.out(), period, folder, unfinished: Unfinished::default() })
    }

    /// As [`Staging::begin`], so that an interrupted run can be cleared away by others.
    pub fn begin_watched(lock: &'lock RunLock, period: Period, unfinished: &Unfinished) -> Result<Self, HistoryError> {
        unfinished.begin(&lock.out().join(format!("{STAGING}{period}")));
        let mut staging = Self::begin(lock, period)?;
        staging.unfinished = unfinished.clone();
        Ok(staging)
    }

    /// Where to write.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where to write the file of that name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where the outputs will be.
    pub fn target(&self) -> PathBuf {
        self.out.join(&self.period)
    }

    /// Puts everything written in the place of the period's outputs, and removes the old ones.
    pub fn commit(self) -> Result<PathBuf, HistoryError> {
        self.commit_by(swap)
    }

    fn commit_by(self, swap: fn(&Path, &Path) -> io::Result<Swapped>) -> Result<PathBuf, HistoryError> {
        let target = self.target();
        carry_over(&target, &self.folder)?;
        sync_tree(&self.folder)?;
        let unfinished = self.unfinished.clone();
        // From here on the exchange is done to its end, whatever interrupts.
        let _whole = unfinished.end();
        // What the swap leaves in the staging folder are the old outputs: dropping `self` removes them.
        if !target.try_exists()? {
            fs::rename(&self.folder, &target)?;
        } else if swap(&self.folder, &target).map_err(|source| HistoryError::Exchange {
            from: self.folder.clone(),
            to: target.clone(),
            source,
        })? == Swapped::Unsupported
        {
            self.replace(&target)?;
        }
        sync_folder(self.out)?;
        // The old outputs go before anyone may interrupt again.
        drop(self);
        Ok(target)
    }

    /// The way without a swap, in steps of which each leaves something that [`recover`] can put right.
    fn replace(&self, target: &Path) -> Result<(), HistoryError> {
        let old = self.out.join(format!("{OLD}{}", self.period));
        fs::rename(target, &old)?;
        if let Err(error) = fs::rename(&self.folder, target) {
            fs::rename(&old, target)?;
            return Err(error.into());
        }
        sync_folder(self.out)?;
        discard(self.out, &old, &self.period)?;
        Ok(())
    }
}

/// Copies what is not an output of a run from the old folder into the new one. Copies, because until the
/// exchange the old folder must stay as it is.
fn carry_over(old: &Path, new: &Path) -> io::Result<()> {
    if !old.try_exists()? {
        return Ok(());
    }
    let mut entries = walkdir::WalkDir::new(old).follow_links(true).min_depth(1).into_iter();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let is_output = |name: &str| Output::ALL.iter().any(|output| output.file() == name);
        if entry.depth() == 1 && entry.file_name().to_str().is_some_and(is_output) {
            if entry.file_type().is_dir() {
                entries.skip_current_dir();
            }
            continue;
        }
        let Ok(below) = entry.path().strip_prefix(old) else { continue };
        if new.join(below).exists() {
            continue;
        }
        if entry.file_type().is_dir() {
            fs::create_dir_all(new.join(below))?;
        } else {
            fs::copy(entry.path(), new.join(below))?;
        }
    }
    Ok(())
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        // What cannot be removed now is litter that the next start removes.
        let _ = remove(&self.folder);
    }
}

/// Puts right what a run that died left in `out`. Only the holder of the lock may call it.
pub(super) fn recover(out: &Path) -> io::Result<()> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(out)? {
        names.extend(entry?.file_name().into_string());
    }
    names.sort_unstable();
    for name in names {
        let path = out.join(&name);
        if name.starts_with(STAGING) || name.starts_with(TRASH) {
            remove(&path)?;
        } else if let Some(period) = name.strip_prefix(OLD) {
            let target = out.join(period);
            if target.try_exists()? {
                discard(out, &path, period)?;
            } else {
                fs::rename(&path, &target)?;
            }
        }
    }
    Ok(())
}

/// Removes the old outputs under another name: a half removed folder must never be taken for old outputs.
fn discard(out: &Path, old: &Path, period: &str) -> io::Result<()> {
    let trash = out.join(format!("{TRASH}{period}"));
    remove(&trash)?;
    fs::rename(old, &trash)?;
    remove(&trash)
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Whether a swap of two folders in one step was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swapped {
    Done,
    /// Nothing was done: this system or file system has no such step.
    Unsupported,
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(super) fn swap(a: &Path, b: &Path) -> io::Result<Swapped> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(Swapped::Done),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(Swapped::Unsupported),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
#[allow(clippy::unnecessary_wraps, reason = "the shape of the systems that can")]
pub(super) fn swap(_: &Path, _: &Path) -> io::Result<Swapped> {
    Ok(Swapped::Unsupported)
}

/// Everything in the folder, and the folder, is on disk when this returns.
pub(super) fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in walkdir::WalkDir::new(folder).contents_first(true) {
        let entry = entry?;
        if entry.file_type().is_dir() {
            sync_folder(entry.path())?;
        } else if entry.file_type().is_file() {
            // Some systems sync only what is open for writing.
            let file = OpenOptions::new().write(true).open(entry.path()).or_else(|_| File::open(entry.path()))?;
            file.sync_all()?;
        }
    }
    Ok(())
}

#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "the shape of the systems that can")]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
