//! The command line: the one room that knows terminal, environment and clock. Clap's types end in `settings`;
//! a command takes plain settings and a printer, and only [`main`] turns what it returns into an exit code.

mod args;
mod commands;
mod interrupt;
mod printer;
mod progress;
mod report;
mod settings;

use std::io;
use std::process::ExitCode;

use clap::FromArgMatches;

use printer::Printer;
use settings::Settings;
use trueup::ingest::is_told_as_damage;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    Done,
    /// Done, and findings reach `--fail-on`.
    Findings,
    /// Could not be done; nothing was written.
    Failed,
}

impl ExitStatus {
    /// The one table of exit codes.
    pub const fn code(self) -> u8 {
        match self {
            ExitStatus::Done => 0,
            ExitStatus::Findings => 1,
            ExitStatus::Failed => 2,
        }
    }
}

pub fn main() -> ExitCode {
    let said = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !is_told_as_damage(panic) {
            said(panic);
        }
    }));
    let parsed = args::command().try_get_matches().and_then(|m| args::Args::from_arg_matches(&m));
    let settings = match parsed.and_then(Settings::resolve) {
        Ok(settings) => settings,
        Err(error) => {
            // Whoever closed the pipe does not want the help; nothing is left to tell.
            let _ = error.print();
            let status = if error.use_stderr() { ExitStatus::Failed } else { ExitStatus::Done };
            return status.code().into();
        }
    };
    let printer = Printer::new(settings.output);
    let status = match commands::run(settings.command, &printer) {
        Ok(status) => status,
        // The reader of our output has seen enough: not an error.
        Err(error) if is_broken_pipe(&error) => ExitStatus::Done,
        Err(error) => {
            // Where stderr is gone too, the exit code still tells.
            let _ = printer.error(&error);
            ExitStatus::Failed
        }
    };
    status.code().into()
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|e| e.downcast_ref::<io::Error>()).any(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
