//! What may stand on the command line. The doc comments are the help texts; nothing here is seen by a command.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgAction, Args as ClapArgs, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use trueup::book::Period;

/// Reconciles vendor usage exports with PSA contracts, and proves that no row was lost.
///
/// Drop a month's exports and PSA tables in a folder, run `trueup reconcile`, and get invoice-ready lines and
/// a priced list of every place where the two sides disagree.
#[derive(Debug, Parser)]
#[command(name = "trueup", version, arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Args {
    #[command(flatten)]
    pub everywhere: Everywhere,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Everywhere")]
pub struct Everywhere {
    /// The book's folder
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub book: PathBuf,
    /// Say only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: findings of severity info too
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// When to use colour; NO_COLOR is heeded
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,
    /// What results are written as
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum Color {
    /// Where a terminal shows it
    #[default]
    Auto,
    /// Everywhere, also in pipes and files
    Always,
    /// Nowhere
    Never,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Reconcile(Reconcile),
    Detect(Detect),
    Tidy(Tidy),
    Init(Init),
    Formats(Formats),
    Completions(Completions),
    Man(Man),
}

/// Compare a month's usage with the contracts and write the outputs
///
/// Reads the exports under usage/, the PSA's tables under psa/, mappings and decisions, and writes
/// invoice_lines.csv, discrepancies.csv and the rest to out/<PERIOD>/, all of them or none.
///
/// Exit codes: 0 done; 1 done, and findings reach --fail-on; 2 could not be done, nothing written.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = "Examples:
  trueup reconcile
  trueup reconcile --period 2026-10 --fail-on error
  trueup reconcile --book acme --format json | jq .money")]
pub struct Reconcile {
    /// The billing month; by default the latest folder under usage/
    #[arg(long, value_name = "YYYY-MM")]
    pub period: Option<Period>,
    /// Threads to work on; by default as many as the machine has
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// What makes the exit code 1
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub fail_on: FailOn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum FailOn {
    /// Nothing does
    #[default]
    Never,
    /// A finding of severity error
    Error,
    /// A finding of severity warning or error
    Warning,
    /// Any finding
    Info,
    /// A discrepancy that no tolerance or decision settles
    Discrepancy,
}

/// Say what files are: format, encoding, header line, rows, period, totals
#[derive(Debug, ClapArgs)]
#[command(after_long_help = "Examples:
  trueup detect usage/2026-10/*.csv
  trueup detect export.json.gz --format json")]
pub struct Detect {
    /// The files to look at
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// Clean files: canonical rows without copies; on PSA files a health score
///
/// Exports become rows in trueup's own columns, each with the file and line it came from, and copies dropped
/// over all files given. With -o, rejects.csv, duplicates.csv and changes.csv say what was left out and what
/// was changed; without, rows go to stdout and the rest is summed up on stderr. PSA tables (clients,
/// contracts, lines) are scored out of 1000; what map/ignore.csv of the book names is left out.
///
/// Exit codes: 0 done; 1 done, but a file was left out; 2 could not be done, nothing written.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = "Examples:
  trueup tidy usage/2026-10/*.csv > clean.csv
  trueup tidy usage/2026-10/* -o clean --to parquet
  trueup tidy psa/*.csv --format json")]
pub struct Tidy {
    /// Exports, or PSA tables
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The folder to write, all of it or nothing
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What rows are written as
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub to: TidyTo,
    /// List every change in changes.csv, not only the count and first place per file, column and rule
    #[arg(long, action = ArgAction::SetTrue)]
    pub every_change: bool,
    /// Months without activity, before the newest of all clients, after which a client is stale
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub stale_months: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum TidyTo {
    /// trueup's own columns
    #[default]
    Csv,
    /// The same with types, for other engines; needs -o
    Parquet,
    /// The columns of FOCUS 1.2
    Focus,
}

/// Make a new book
///
/// Writes header-only mapping files, an empty decisions.csv and a trueup.toml with every setting commented
/// out. A folder with anything in it is refused.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = "Examples:
  trueup init acme
  trueup init demo --demo && trueup reconcile --book demo")]
pub struct Init {
    /// The folder of the new book; by default that of --book
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Fill it with a small realistic month to play with
    #[arg(long, action = ArgAction::SetTrue)]
    pub demo: bool,
}

/// List the known formats, or show one
#[derive(Debug, ClapArgs)]
#[command(after_long_help = "Examples:
  trueup formats
  trueup formats show microsoft-nce")]
pub struct Formats {
    #[command(subcommand)]
    pub command: Option<FormatsCommand>,
}

#[derive(Debug, Subcommand)]
pub enum FormatsCommand {
    /// List the known formats, the book's own among them
    List,
    /// Show the spec of a format
    Show {
        /// The format's id
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Draft a spec from a file, each guess explained; save it as formats/NAME.toml in the book and correct it
    New {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The format's id; by default the file's name
        #[arg(long, value_name = "ID")]
        id: Option<String>,
    },
}

/// Print a completion script for a shell
#[derive(Debug, ClapArgs)]
#[command(after_long_help = "Examples:
  trueup completions bash > ~/.local/share/bash-completion/completions/trueup")]
pub struct Completions {
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Print the manual page
#[derive(Debug, ClapArgs)]
#[command(after_long_help = "Examples:
  trueup man | man -l -")]
pub struct Man {}

/// The commands by what the user wants to do.
const GROUPS: &[(&str, &[&str])] = &[
    ("The month", &["reconcile"]),
    ("Looking at files", &["detect", "tidy", "formats"]),
    ("Setting up", &["init", "completions", "man"]),
];

/// The command line with the commands of its help grouped.
pub fn command() -> clap::Command {
    let command = Args::command();
    let mut listed = String::new();
    for (title, names) in GROUPS {
        let _ = writeln!(listed, "{title}:");
        for name in *names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(listed, "  {name:<12} {about}");
        }
        listed.push('\n');
    }
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{listed}{{options}}\n\n\
         Say `trueup COMMAND --help` for what a command takes, with examples.\n"
    );
    command.help_template(template)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_command_stands_in_one_group() {
        let grouped: Vec<_> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let command = Args::command();
        let known: BTreeSet<_> = command.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(grouped.iter().copied().collect::<BTreeSet<_>>(), known);
        assert_eq!(grouped.len(), known.len());
    }

    #[test]
    fn every_command_has_an_example() {
        for sub in Args::command().get_subcommands() {
            let after = sub.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains(&format!("trueup {}", sub.get_name())), "{}", sub.get_name());
        }
    }
}
