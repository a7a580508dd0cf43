//! Work shared over threads: as many as the run may take, each of which asks for its next turn.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;

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

/// Does two things at the same time, if there are threads for it.
pub(super) fn beside<A, B: Send>(
    threads: NonZeroUsize,
    one: impl FnOnce() -> A,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    if threads.get() == 1 {
        return (one(), other());
    }
    std::thread::scope(|scope| {
        let other = scope.spawn(other);
        let one = one();
        (one, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Lets go of what nobody needs any more, without waiting for it.
pub(super) fn let_go<T: Send + 'static>(what: T) {
    // Where the system gives no thread, it is let go at once.
    let _ = Builder::new().name("letting go".to_string()).spawn(move || drop(what));
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
