//! A folder of outputs that appears whole or not at all: written beside its place, then put there in one
//! step. A folder that holds anything else than earlier outputs is left alone.

use std::path::{Path, PathBuf};

use fs_err as fs;
use tempfile::TempDir;

use super::error::HistoryError;
use super::exchange::{Swapped, swap, sync_folder, sync_tree};
use super::unfinished::Unfinished;

/// A folder being written. Dropped without `commit`, it is gone.
#[derive(Debug)]
pub struct NewFolder {
    target: PathBuf,
    parent: PathBuf,
    /// Beside the target, so that one rename puts it there. Removed with all in it when dropped.
    beside: TempDir,
    folder: PathBuf,
    unfinished: Unfinished,
}

impl NewFolder {
    /// Begins a folder that will stand at `target`. One that stands there already may hold only files of
    /// these names, which it will then hold anew.
    pub fn begin(target: &Path, own: &[&str]) -> Result<Self, HistoryError> {
        if target.is_dir() {
            for entry in fs::read_dir(target)? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if !own.contains(&name.as_str()) {
                    return Err(HistoryError::Foreign { folder: target.to_path_buf(), name });
                }
            }
        }
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&parent)?;
        let beside = tempfile::Builder::new().prefix(".trueup-").tempdir_in(&parent)?;
        // The outer folder is for its owner alone; what appears in the end is like any new folder.
        let folder = beside.path().join("new");
        fs::create_dir(&folder)?;
        Ok(Self { target: target.to_path_buf(), parent, beside, folder, unfinished: Unfinished::default() })
    }

    /// As [`NewFolder::begin`], so that an interrupted run can be cleared away by others.
    pub fn begin_watched(target: &Path, own: &[&str], unfinished: &Unfinished) -> Result<Self, HistoryError> {
        let made = || {
            let new = Self::begin(target, own)?;
            let beside = new.beside.path().to_path_buf();
            Ok::<_, HistoryError>((new, beside))
        };
        let mut new = unfinished.begin_with(made)?;
        new.unfinished = unfinished.clone();
        Ok(new)
    }

    /// Where to write.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts everything written in its place.
    pub fn commit(self) -> Result<PathBuf, HistoryError> {
        sync_tree(&self.folder)?;
        // From here on the exchange is done to its end, whatever interrupts.
        let unfinished = self.unfinished.clone();
        let _whole = unfinished.end();
        if !self.target.try_exists()? {
            fs::rename(&self.folder, &self.target)?;
        } else if swap(&self.folder, &self.target).map_err(|source| HistoryError::Exchange {
            from: self.folder.clone(),
            to: self.target.clone(),
            source,
        })? == Swapped::Unsupported
        {
            let old = self.beside.path().join("old");
            fs::rename(&self.target, &old)?;
            if let Err(error) = fs::rename(&self.folder, &self.target) {
                fs::rename(&old, &self.target)?;
                return Err(error.into());
            }
        }
        sync_folder(&self.parent)?;
        // The old folder goes before anyone may interrupt again.
        drop(self.beside);
        Ok(self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("a folder")
            .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_appears_whole_and_takes_the_place_of_its_own_kind_only() {
        let dir = tempfile::tempdir().expect("a folder");
        let target = dir.path().join("deep/out");
        let new = NewFolder::begin(&target, &["a.csv", "b.csv"]).expect("begun");
        fs::write(new.folder().join("a.csv"), "1").expect("written");
        assert!(!target.exists(), "nothing is there before it is whole");
        new.commit().expect("put in place");
        let new = NewFolder::begin(&target, &["a.csv", "b.csv"]).expect("begun");
        fs::write(new.folder().join("b.csv"), "2").expect("written");
        drop(new);
        assert_eq!(names(&target), ["a.csv"], "what is not committed changes nothing");
        let new = NewFolder::begin(&target, &["a.csv", "b.csv"]).expect("begun");
        fs::write(new.folder().join("b.csv"), "2").expect("written");
        new.commit().expect("put in place");
        assert_eq!(names(&target), ["b.csv"]);
        assert_eq!(names(&dir.path().join("deep")), ["out"], "nothing is left beside it");
        fs::write(target.join("mine.txt"), "x").expect("written");
        let error = NewFolder::begin(&target, &["a.csv", "b.csv"]).expect_err("not ours");
        assert!(error.to_string().contains("mine.txt"), "{error}");
    }
}
