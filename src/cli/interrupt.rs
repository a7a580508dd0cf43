//! Ctrl-C, and a service manager's order to stop: what the run has begun is cleared away at once, and the old
//! outputs stay. Temporary files have no names and need no clearing.

use trueup::history::Unfinished;

use super::printer::Printer;

/// Clears away and ends the process when it is told to stop, with 128 and the signal's number as exit code.
#[cfg(unix)]
pub fn watch(unfinished: &Unfinished, printer: &Printer) -> anyhow::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (unfinished, printer) = (unfinished.clone(), printer.clone());
    std::thread::spawn(move || {
        let Some(signal) = signals.forever().next() else { return };
        printer.last_word(match unfinished.clear() {
            Ok(true) => "interrupted: nothing was written, and earlier outputs are as they were",
            Ok(false) => "interrupted",
            Err(_) => {
                "interrupted: earlier outputs are as they were; the next run clears away what is left of this one"
            }
        });
        std::process::exit(128 + signal);
    });
    Ok(())
}

/// Elsewhere the next start clears away.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "the shape of the systems that can")]
pub fn watch(_: &Unfinished, _: &Printer) -> anyhow::Result<()> {
    Ok(())
}
