//! What must not be left behind by a run that is told to stop. A run that fails clears away by itself; one that
//! is interrupted has no time to, so whoever hears the signal does it in its place.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fs_err as fs;

/// The folder that a run writes into, while its outputs are not in place. Clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct Unfinished(Arc<Mutex<Option<PathBuf>>>);

/// How often a folder is removed again into which other threads still write.
const TRIES: u32 = 200;

impl Unfinished {
    /// From here on the folder is litter if the run stops.
    pub(super) fn begin(&self, folder: &Path) {
        *self.lock() = Some(folder.to_path_buf());
    }

    /// As `begin`, of a folder that is made now: nobody is told that there is none while it is being made.
    pub(super) fn begin_with<T, E>(&self, make: impl FnOnce() -> Result<(T, PathBuf), E>) -> Result<T, E> {
        let mut folder = self.lock();
        let (made, path) = make()?;
        *folder = Some(path);
        Ok(made)
    }

    /// From here on it is not. While the guard lives, nothing is cleared away: the outputs are being put in place.
    pub(super) fn end(&self) -> MutexGuard<'_, Option<PathBuf>> {
        let mut folder = self.lock();
        *folder = None;
        folder
    }

    /// Removes what an interrupted run has written so far, and keeps the run from putting it in place, or from beginning,
    /// for as long as the process lives. Whether there was anything.
    pub fn clear(&self) -> io::Result<bool> {
        let mut guard = self.lock();
        let Some(folder) = guard.take() else {
            // Nor is it given back here: a run that has not begun yet must not begin while the process ends.
            std::mem::forget(guard);
            return Ok(false);
        };
        let mut last = Ok(());
        for _ in 0..TRIES {
            last = match fs::remove_dir_all(&folder) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
                other => other,
            };
            if last.is_ok() {
                break;
            }
            // A thread that has not heard of it makes a file meanwhile.
            std::thread::sleep(Duration::from_millis(1));
        }
        // The guard is never given back: a commit that waits for it must not find a folder half there.
        std::mem::forget(guard);
        last.map(|()| true)
    }

    /// For a run that fails: if it does because its folder was cleared away, whoever did that ends the process and
    /// says why, and this never returns.
    pub fn settle(&self) {
        drop(self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Option<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unfinished_is_cleared_away_and_what_is_done_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("staging");
        let begun = || {
            let unfinished = Unfinished::default();
            fs::create_dir_all(&folder).expect("made");
            fs::write(folder.join("a.csv"), "1").expect("written");
            unfinished.begin(&folder);
            unfinished
        };
        assert!(begun().clone().clear().expect("cleared"));
        assert!(!folder.exists());
        let unfinished = begun();
        drop(unfinished.end());
        assert!(!unfinished.clear().expect("nothing to clear"));
        assert!(folder.exists());
    }

    #[test]
    fn a_run_that_has_not_begun_does_not_begin_once_it_is_told_to_stop() {
        let unfinished = Unfinished::default();
        assert!(!unfinished.clear().expect("nothing to clear"));
        let (begun, (begins, is_held)) = (unfinished.clone(), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            begun.begin(Path::new("staging"));
            begins.send(())
        });
        assert!(is_held.recv_timeout(Duration::from_millis(50)).is_err(), "it waits for the end of the process");
    }
}
