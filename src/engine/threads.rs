//! Work shared over threads: as many as the run may take, each of which asks for its next turn.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Does the work on so many threads, each told its number. The first failure by number is the one told.
pub(super) fn in_threads(threads: usize, work: impl Fn(usize) -> anyhow::Result<()> + Sync) -> anyhow::Result<()> {
    if threads <= 1 {
        return work(0);
    }
    let work = &work;
    let results: Vec<std::thread::Result<anyhow::Result<()>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|number| scope.spawn(move || work(number))).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    for result in results {
        match result {
            Ok(done) => done?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    Ok(())
}

/// Numbers that are handed out once each, to whichever thread asks next.
#[derive(Debug)]
pub(super) struct Turns {
    next: AtomicUsize,
    count: usize,
}

impl Turns {
    /// The numbers below `count`.
    pub fn new(count: usize) -> Self {
        Self { next: AtomicUsize::new(0), count }
    }

    /// The next number; `None` once all are handed out.
    pub fn next(&self) -> Option<usize> {
        Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < self.count)
    }

    /// No more are handed out.
    pub fn stop(&self) {
        self.next.store(self.count, Ordering::Relaxed);
    }
}
