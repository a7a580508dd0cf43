//! One file per verb: plain settings in, an exit status out.

mod completions;
mod demo_files;
mod detect;
mod formats;
mod init;
mod man;
mod read;
mod reconcile;
mod tidy;
mod validate;

use super::ExitStatus;
use super::printer::Printer;
use super::settings::CommandSettings;

pub fn run(settings: CommandSettings, printer: &Printer) -> anyhow::Result<ExitStatus> {
    match settings {
        CommandSettings::Reconcile(settings) => reconcile::run(&settings, printer),
        CommandSettings::Detect(settings) => detect::run(&settings, printer),
        CommandSettings::Read(settings) => read::run(&settings, printer),
        CommandSettings::Validate(settings) => validate::run(&settings, printer),
        CommandSettings::Tidy(settings) => tidy::run(&settings, printer),
        CommandSettings::Init(settings) => init::run(&settings, printer),
        CommandSettings::Formats(settings) => formats::run(&settings, printer),
        CommandSettings::Completions(shell) => completions::run(shell, printer),
        CommandSettings::Man => man::run(printer),
    }
}
