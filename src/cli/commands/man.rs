//! `trueup man`: one page, each command a section of it.

use clap::CommandFactory;
use clap_mangen::Man;

use crate::cli::ExitStatus;
use crate::cli::args::Args;
use crate::cli::printer::Printer;

pub fn run(printer: &Printer) -> anyhow::Result<ExitStatus> {
    let mut page = Vec::new();
    let command = Args::command();
    Man::new(command.clone()).render(&mut page)?;
    for sub in command.get_subcommands() {
        let man = Man::new(sub.clone());
        page.extend_from_slice(format!(".SH \"TRUEUP {}\"\n", sub.get_name().to_uppercase()).as_bytes());
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        man.render_extra_section(&mut page)?;
    }
    printer.result(std::str::from_utf8(&page)?)?;
    Ok(ExitStatus::Done)
}
