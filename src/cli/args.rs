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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// SARIF 2.1.0, for code scanning; `validate` alone writes it
    Sarif,
    /// JUnit XML, for test reports; `validate` alone writes it
    Junit,
    /// Annotations of a GitHub workflow; `validate` alone writes them
    Github,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Reconcile(Reconcile),
    Detect(Detect),
    Read(Read),
    Validate(Validate),
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
    /// Write changes of quantity as this PSA takes them, too; by default what [psa] changes in trueup.toml says
    #[arg(long, value_name = "PSA", value_enum)]
    pub psa: Option<PsaChoice>,
    /// What makes the exit code 1
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub fail_on: FailOn,
    #[command(flatten)]
    pub room: Room,
}

/// What rows may take while they wait.
#[derive(Debug, ClapArgs)]
pub struct Room {
    /// Memory to work in, like 512MB or 2GB; more rows than it holds wait in temporary files
    /// [default: a quarter of the machine's, at most 512MB]
    #[arg(long, value_name = "SIZE", value_parser = super::settings::memory_size)]
    pub memory: Option<u64>,
    /// The folder for temporary files [default: where the outputs are made]
    #[arg(long, value_name = "DIR", env = "TRUEUP_TEMP")]
    pub temp: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PsaChoice {
    /// Additions to patch and to create
    #[value(name = "connectwise")]
    ConnectWise,
    /// Contract service adjustments
    Autotask,
    /// Lines of recurring invoices
    #[value(name = "halopsa")]
    HaloPsa,
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

/// Write the records of files exactly as read
///
/// Any delimited, Excel, JSON or Parquet file will do, of a known format or not: delimiter and heading row are
/// recognised from the rows. Of a workbook every sheet is read, of a zip archive every member. The records go
/// to stdout, as CSV (RFC 4180) or JSON lines; what was skipped or refused goes to stderr.
///
/// Nothing is trimmed, typed or made inert: a cell that a spreadsheet would run as a formula is written as it
/// stands. Open the result in a spreadsheet only if you trust the file. One thing is undone: ="0012", as
/// spreadsheets keep a text a text, is read as 0012.
///
/// In JSON lines all values are text, as CSV has no types. Of headings that stand twice, the second becomes name_2;
/// a blank third one is column_3. In CSV they stay as they are, and a file or sheet whose headings differ from
/// the first one's is refused.
///
/// Exit codes: 0 done; 1 done, and what was skipped or refused reaches --fail-on; 2 could not be done.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = "Examples:
  trueup read export.csv
  trueup read --to jsonl --lines usage/2026-10/*.csv | jq -c 'select(.sku == \"X\")'
  trueup read api.json.gz > api.csv")]
pub struct Read {
    /// The files to read
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// What records are written as
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    pub to: ReadTo,
    /// Put the columns file and line in front
    #[arg(long)]
    pub lines: bool,
    /// What makes the exit code 1
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t)]
    pub fail_on: FailOnFinding,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum ReadTo {
    #[default]
    Csv,
    Jsonl,
}

/// The findings that make the exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum FailOnFinding {
    /// Any finding
    Info,
    /// A finding of severity warning or error
    Warning,
    /// A finding of severity error
    #[default]
    Error,
    /// Nothing does
    Never,
}

/// Check that files are of a known format, and whole
///
/// Reads each file to its end by its recognised format and says what is wrong with it: findings by cause, with
/// exact counts and a few examples. --format sarif, junit and github are for CI; examples/ci has a workflow.
///
/// With --against, the file is also compared with an earlier export: headings gone, new or renamed, columns that
/// were all numbers, all dates or empty and no longer are, and rows or total fallen (I116).
///
/// Exit codes: 0 done; 1 done, and findings reach --fail-on; 2 could not be done, as where a file is not there.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = "Examples:
  trueup validate usage/2026-10/*.csv
  trueup validate --expect microsoft-nce --fail-on warning export.csv
  trueup validate --against usage/2026-09/pax8.csv usage/2026-10/pax8.csv
  trueup validate --format sarif exports/* > trueup.sarif")]
pub struct Validate {
    /// The files to check
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The format they must be of
    #[arg(long, value_name = "FORMAT")]
    pub expect: Option<String>,
    /// An earlier export of the same kind, to compare a single FILE with
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// How many percent of rows, or of the total, may be fewer than in the earlier export
    #[arg(long, value_name = "PERCENT", default_value_t = 50, value_parser = clap::value_parser!(u8).range(0..=100), requires = "against")]
    pub max_fall: u8,
    /// What makes the exit code 1
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t)]
    pub fail_on: FailOnFinding,
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
    /// Threads to work on; by default as many as the machine has
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub room: Room,
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

/// List the known formats, show one, or draft one from a file
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
    ("Looking at files", &["detect", "read", "validate", "tidy", "formats"]),
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
