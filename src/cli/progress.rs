//! A progress bar for work that takes more than a second.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use trueup::ingest::Progress;

const PATIENCE: Duration = Duration::from_secs(1);

/// Bytes read of all files. Nothing is drawn before the work has taken a second.
pub struct Bar {
    drawn: ProgressBar,
    started: Instant,
    shown: AtomicBool,
}

impl Bar {
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let template = "{msg:12} {wide_bar} {bytes} of {total_bytes}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { drawn: bar, started: Instant::now(), shown: AtomicBool::new(false) }
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
        bar.stage("reading");
        assert_eq!((bar.drawn.length(), bar.drawn.position()), (Some(15), 4));
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
