//! Unnamed temporary files for everything that outgrows its share of memory: written at their ends, read back by extent.
//! They have no name, so they vanish with the process, however that ends; and they are few, so that a run over ten thousand
//! exports does not run out of open files.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// As many threads may put aside at the same time; beyond, they wait for one another.
const FILES: usize = 16;

/// A piece of a file.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    file: usize,
    offset: u64,
    bytes: usize,
}

impl Extent {
    pub fn bytes(self) -> usize {
        self.bytes
    }
}

/// The files, each made when first needed. Shared by all threads.
#[derive(Debug)]
pub struct Spill {
    dir: PathBuf,
    /// About how many bytes the run may need here in all.
    needs: u64,
    open: [Mutex<Open>; FILES],
}

#[derive(Debug, Default)]
struct Open {
    file: Option<File>,
    written: u64,
}

impl Spill {
    /// Temporary files go to `dir`; `needs` is what a message about a full disk says the run may need.
    pub fn new(dir: &Path, needs: u64) -> Self {
        Self { dir: dir.to_path_buf(), needs, open: Default::default() }
    }

    /// Puts bytes aside.
    pub fn write(&self, bytes: &[u8]) -> io::Result<Extent> {
        let (number, mut open) = self.free();
        let Open { file, written } = &mut *open;
        let offset = *written;
        let mut put = || -> io::Result<()> {
            let file = match file {
                Some(file) => file,
                None => file.insert(tempfile::tempfile_in(&self.dir)?),
            };
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(bytes)
        };
        let put = put();
        if put.is_ok() {
            *written += bytes.len() as u64;
        }
        drop(open);
        put.map_err(|e| self.fault(&e, self.written()))?;
        Ok(Extent { file: number, offset, bytes: bytes.len() })
    }

    /// The first file that no other thread is at.
    fn free(&self) -> (usize, MutexGuard<'_, Open>) {
        for (number, file) in self.open.iter().enumerate() {
            match file.try_lock() {
                Ok(open) => return (number, open),
                Err(TryLockError::Poisoned(open)) => return (number, open.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        (0, self.lock(0))
    }

    /// Reads a piece back, behind what is in `out`.
    pub fn read(&self, extent: Extent, out: &mut Vec<u8>) -> io::Result<()> {
        let mut open = self.lock(extent.file);
        let start = out.len();
        out.resize(start + extent.bytes, 0);
        let Some(file) = &mut open.file else { return Err(damaged()) };
        file.seek(SeekFrom::Start(extent.offset))?;
        file.read_exact(&mut out[start..])
    }

    /// Bytes put aside so far.
    pub fn written(&self) -> u64 {
        (0..FILES).map(|file| self.lock(file).written).sum()
    }

    /// The files, of which nothing is read any more. To let them go takes the system as long as they are large.
    pub fn take_files(&self) -> Vec<File> {
        (0..FILES).filter_map(|file| self.lock(file).file.take()).collect()
    }

    fn fault(&self, e: &io::Error, written: u64) -> io::Error {
        let dir = self.dir.display();
        let full =
            matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge);
        let message = if full {
            format!(
                "there is no room for temporary files in {dir}: {} were written when it was full, and a run over these \
                 exports may need {} there; make room, or name another folder with --temp DIR ({e})",
                megabytes(written),
                megabytes(self.needs.max(written)),
            )
        } else {
            format!("a temporary file in {dir} cannot be written; name another folder with --temp DIR ({e})")
        };
        io::Error::new(e.kind(), message)
    }

    fn lock(&self, file: usize) -> MutexGuard<'_, Open> {
        self.open[file].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// What was put aside does not read back as it was.
pub fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a temporary file was damaged while the run was under way; run again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_aside_reads_back_in_any_order_and_leaves_no_name() {
        let dir = tempfile::tempdir().expect("a folder");
        let spill = Spill::new(dir.path(), 0);
        let extents = [b"one".as_slice(), b"", b"three"].map(|bytes| spill.write(bytes).expect("room"));
        let mut out = b"-".to_vec();
        for extent in extents.iter().rev() {
            spill.read(*extent, &mut out).expect("there");
        }
        assert_eq!(out, b"-threeone");
        assert_eq!(spill.written(), 8);
        assert_eq!(std::fs::read_dir(dir.path()).expect("readable").count(), 0, "no named file is left");
        assert_eq!(spill.take_files().len(), 1, "one thread needs no other");
        assert!(spill.read(extents[0], &mut out).is_err(), "nothing is left to read");
    }

    #[test]
    fn threads_put_aside_side_by_side_and_each_finds_its_own() {
        let dir = tempfile::tempdir().expect("a folder");
        let spill = Spill::new(dir.path(), 0);
        let busy: Vec<_> = (0..3).map(|file| spill.lock(file)).collect();
        let there = spill.write(b"there").expect("room");
        drop(busy);
        let here = spill.write(b"here").expect("room");
        assert_eq!((there.file, here.file, spill.written()), (3, 0, 9));
        let mut out = Vec::new();
        spill.read(there, &mut out).and_then(|()| spill.read(here, &mut out)).expect("there");
        assert_eq!(out, b"therehere");
        std::thread::scope(|scope| {
            for thread in 0u8..2 * u8::try_from(FILES).expect("few") {
                let spill = &spill;
                scope.spawn(move || {
                    for round in 1..50usize {
                        let extent = spill.write(&vec![thread; round]).expect("room");
                        let mut out = Vec::new();
                        spill.read(extent, &mut out).expect("there");
                        assert_eq!(out, vec![thread; round]);
                    }
                });
            }
        });
    }

    #[test]
    fn a_folder_that_takes_no_file_is_named_with_the_way_out() {
        let spill = Spill::new(Path::new("/nowhere/at/all"), 0);
        let error = spill.write(b"x").expect_err("no folder").to_string();
        assert!(error.contains("/nowhere/at/all") && error.contains("--temp DIR"), "{error}");
        let full = Spill::new(Path::new("/t"), 7_000_000).fault(&io::ErrorKind::StorageFull.into(), 1_500_000);
        assert!(full.to_string().contains("2 MB were written") && full.to_string().contains("may need 7 MB"), "{full}");
    }
}
