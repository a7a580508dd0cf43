//! `trueup init [DIR] [--demo]`.

use anyhow::ensure;
use trueup::emit::{SKELETON, write_new_book};

use super::demo_files::DEMO_FILES;
use crate::cli::ExitStatus;
use crate::cli::printer::Printer;
use crate::cli::settings::InitSettings;

pub fn run(settings: &InitSettings, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let files = if settings.demo { DEMO_FILES } else { SKELETON };
    ensure!(!files.is_empty(), "this build of trueup carries no demo book; run `trueup init` without --demo");
    write_new_book(&settings.folder, files)?;
    let folder = settings.folder.display();
    let next = if settings.demo {
        format!("Next: trueup reconcile --book {folder}")
    } else {
        "Next: put the PSA's tables in psa/, this month's exports in usage/YYYY-MM/, and run trueup reconcile"
            .to_string()
    };
    printer.note(&format!("A new book is in {folder}\n{next}"))?;
    Ok(ExitStatus::Done)
}
