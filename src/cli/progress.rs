//! A progress bar for work that takes more than a second.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use trueup::ingest::Progress;

const PATIENCE: Duration = Duration::from_secs(1);

/// Bytes and rows read of all files, at what rate, and the time left. Nothing is drawn before the work has taken a second.
pub struct Bar {
    drawn: ProgressBar,
    started: Instant,
    shown: AtomicBool,
    rows: AtomicU64,
}

impl Bar {
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let template = "{msg:16} {wide_bar} {bytes} of {total_bytes}, {prefix} rows, {bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { drawn: bar, started: Instant::now(), shown: AtomicBool::new(false), rows: AtomicU64::new(0) }
    }

    fn show_when_late(&self) {
        if !self.shown.load(Ordering::Relaxed)
            && self.started.elapsed() >= PATIENCE
            && !self.shown.swap(true, Ordering::Relaxed)
        {
            self.drawn.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Progress for Bar {
    fn file(&self, _source: &str, bytes: u64) {
        self.drawn.inc_length(bytes);
        self.show_when_late();
    }

    fn advance(&self, bytes: u64) {
        self.drawn.inc(bytes);
        self.show_when_late();
    }

    fn rows(&self, rows: u64) {
        let rows = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        self.drawn.set_prefix(HumanCount(rows).to_string());
    }

    fn again(&self) {
        self.rows.store(0, Ordering::Relaxed);
        self.drawn.set_length(0);
        self.drawn.reset();
    }

    fn stage(&self, name: &str) {
        self.drawn.set_message(name.to_string());
        self.show_when_late();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.drawn.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_add_up_and_quick_work_shows_nothing() {
        let bar = Bar::new();
        bar.file("a.csv", 10);
        bar.file("b.csv", 5);
        bar.advance(4);
        bar.rows(1200);
        bar.rows(34);
        bar.stage("reading");
        assert_eq!((bar.drawn.length(), bar.drawn.position()), (Some(15), 4));
        assert_eq!(bar.drawn.prefix(), "1,234");
        assert!(!bar.shown.load(Ordering::Relaxed));
    }

    #[test]
    fn work_of_more_than_a_second_is_shown() {
        let mut bar = Bar::new();
        bar.started = Instant::now().checked_sub(PATIENCE).expect("a second ago");
        bar.advance(1);
        assert!(bar.shown.load(Ordering::Relaxed));
    }
}
