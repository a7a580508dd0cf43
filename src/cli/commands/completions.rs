//! `trueup completions SHELL`.

use clap_complete::Shell;

use crate::cli::printer::Printer;
use crate::cli::{ExitStatus, args};

pub fn run(shell: Shell, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "trueup", &mut script);
    printer.result(std::str::from_utf8(&script)?)?;
    Ok(ExitStatus::Done)
}
