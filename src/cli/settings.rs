//! Command line and machine, resolved once into what each command takes. No command sees clap or asks the
//! environment.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anstream::ColorChoice;
use clap::error::ErrorKind;
use clap_complete::Shell;
use trueup::book::{Period, PsaName};
use trueup::emit::{RecordFormat, UsageFormat};
use trueup::engine::TidySettings;
use trueup::finding::Severity;
use trueup::history::Unfinished;

use super::args::{self, Args, Color, Command, FailOnFinding, Format, FormatsCommand, PsaChoice, ReadTo, TidyTo};

pub use super::args::FailOn;

#[derive(Debug)]
pub struct Settings {
    pub output: OutputSettings,
    pub command: CommandSettings,
}

/// What the printer needs to know.
#[derive(Debug, Clone, Copy)]
pub struct OutputSettings {
    pub verbosity: Verbosity,
    pub color: ColorChoice,
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

#[derive(Debug)]
pub enum CommandSettings {
    Reconcile(ReconcileSettings),
    Detect(DetectSettings),
    Read(ReadSettings),
    Validate(ValidateSettings),
    Tidy(TidySettings),
    Init(InitSettings),
    Formats(FormatsSettings),
    Completions(Shell),
    Man,
}

#[derive(Debug)]
pub struct ReconcileSettings {
    pub book: PathBuf,
    /// `None`: the latest folder under `usage/`.
    pub period: Option<Period>,
    pub threads: NonZeroUsize,
    /// `None`: as the book's settings say.
    pub psa: Option<PsaName>,
    pub fail_on: FailOn,
    /// Bytes.
    pub memory: u64,
    pub temp: Option<PathBuf>,
}

#[derive(Debug)]
pub struct DetectSettings {
    /// Its own format specs are known too.
    pub book: PathBuf,
    pub files: Vec<PathBuf>,
}

#[derive(Debug)]
pub struct ReadSettings {
    /// Its own format specs are known too.
    pub book: PathBuf,
    pub files: Vec<PathBuf>,
    pub to: RecordFormat,
    pub lines: bool,
    /// The least severity that makes the exit code 1; `None`: none does.
    pub fail_on: Option<Severity>,
}

#[derive(Debug)]
pub struct ValidateSettings {
    /// Its own format specs are known too.
    pub book: PathBuf,
    pub files: Vec<PathBuf>,
    pub expect: Option<String>,
    pub against: Option<PathBuf>,
    pub max_fall: u8,
    /// The least severity that makes the exit code 1; `None`: none does.
    pub fail_on: Option<Severity>,
    pub form: ReportForm,
}

/// What a report of findings is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportForm {
    Text,
    Json,
    Sarif,
    Junit,
    Github,
}

#[derive(Debug)]
pub struct InitSettings {
    pub folder: PathBuf,
    pub demo: bool,
}

#[derive(Debug)]
pub struct FormatsSettings {
    pub book: PathBuf,
    pub ask: FormatsAsk,
}

#[derive(Debug)]
pub enum FormatsAsk {
    List,
    /// The format of this id.
    Show(String),
    /// A draft from a file, under this id.
    New {
        file: PathBuf,
        id: String,
    },
}

impl Settings {
    /// # Errors
    /// Where arguments that are right by themselves do not go together.
    pub fn resolve(args: Args) -> Result<Self, clap::Error> {
        let Args { everywhere, command } = args;
        let form = match everywhere.format {
            Format::Text => ReportForm::Text,
            Format::Json => ReportForm::Json,
            Format::Sarif => ReportForm::Sarif,
            Format::Junit => ReportForm::Junit,
            Format::Github => ReportForm::Github,
        };
        if !matches!((form, &command), (ReportForm::Text | ReportForm::Json, _) | (_, Command::Validate(_))) {
            let message = "sarif, junit and github are reports of `trueup validate`; other commands write text or json";
            return Err(conflict(message));
        }
        let output = OutputSettings {
            verbosity: match (everywhere.quiet, everywhere.verbose) {
                (true, _) => Verbosity::Quiet,
                (_, true) => Verbosity::Verbose,
                _ => Verbosity::Normal,
            },
            color: match everywhere.color {
                Color::Auto => ColorChoice::Auto,
                Color::Always => ColorChoice::Always,
                Color::Never => ColorChoice::Never,
            },
            json: matches!(everywhere.format, Format::Json),
        };
        let book = everywhere.book;
        let command = match command {
            Command::Reconcile(args) => CommandSettings::Reconcile(ReconcileSettings {
                book,
                period: args.period,
                threads: args.threads.unwrap_or_else(all_threads),
                psa: args.psa.map(|psa| match psa {
                    PsaChoice::ConnectWise => PsaName::ConnectWise,
                    PsaChoice::Autotask => PsaName::Autotask,
                    PsaChoice::HaloPsa => PsaName::HaloPsa,
                }),
                fail_on: args.fail_on,
                memory: args.room.memory.unwrap_or_else(usual_memory),
                temp: args.room.temp,
            }),
            Command::Detect(args) => CommandSettings::Detect(DetectSettings { book, files: args.files }),
            Command::Read(args) => CommandSettings::Read(ReadSettings {
                book,
                files: args.files,
                to: match args.to {
                    ReadTo::Csv => RecordFormat::Csv,
                    ReadTo::Jsonl => RecordFormat::Jsonl,
                },
                lines: args.lines,
                fail_on: least(args.fail_on),
            }),
            Command::Validate(args::Validate { files, expect, against, max_fall, fail_on }) => {
                if against.is_some() && files.len() > 1 {
                    return Err(conflict("--against compares one file with one: name a single FILE"));
                }
                let fail_on = least(fail_on);
                CommandSettings::Validate(ValidateSettings { book, files, expect, against, max_fall, fail_on, form })
            }
            Command::Tidy(args) => CommandSettings::Tidy(TidySettings {
                book,
                files: args.files,
                out: args.out,
                format: match args.to {
                    TidyTo::Csv => UsageFormat::Csv,
                    TidyTo::Parquet => UsageFormat::Parquet,
                    TidyTo::Focus => UsageFormat::Focus,
                },
                every_change: args.every_change,
                stale_months: args.stale_months,
                threads: args.threads.unwrap_or_else(all_threads).get(),
                unfinished: Unfinished::default(),
                spill_dir: args.room.temp.unwrap_or_else(std::env::temp_dir),
                memory: args.room.memory.unwrap_or_else(usual_memory),
            }),
            Command::Init(args) => {
                CommandSettings::Init(InitSettings { folder: args.folder.unwrap_or(book), demo: args.demo })
            }
            Command::Formats(args) => {
                let ask = match args.command {
                    Some(FormatsCommand::Show { id }) => FormatsAsk::Show(id),
                    Some(FormatsCommand::New { file, id }) => {
                        let stem = || file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
                        let id = id.unwrap_or_else(stem);
                        FormatsAsk::New { file, id }
                    }
                    Some(FormatsCommand::List) | None => FormatsAsk::List,
                };
                CommandSettings::Formats(FormatsSettings { book, ask })
            }
            Command::Completions(args) => CommandSettings::Completions(args.shell),
            Command::Man(_) => CommandSettings::Man,
        };
        Ok(Self { output, command })
    }
}

fn conflict(message: &str) -> clap::Error {
    args::command().error(ErrorKind::ArgumentConflict, message)
}

fn least(fail_on: FailOnFinding) -> Option<Severity> {
    match fail_on {
        FailOnFinding::Info => Some(Severity::Info),
        FailOnFinding::Warning => Some(Severity::Warning),
        FailOnFinding::Error => Some(Severity::Error),
        FailOnFinding::Never => None,
    }
}

/// The least that a run can do with.
const LEAST_MEMORY: u64 = 16_000_000;

/// A size in bytes, like `512MB`, `2GB` or `768MiB`.
pub fn memory_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no size; write it like 512MB or 2GB");
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    let bytes = number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).ok_or_else(wrong)?;
    if bytes < LEAST_MEMORY {
        return Err(format!("{text} is too little to work in; give 16MB or more"));
    }
    Ok(bytes)
}

/// A quarter of the machine's memory, and no more than a run has use for.
fn usual_memory() -> u64 {
    let most = trueup::engine::Settings::MEMORY;
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_memory(&text));
    // A container may have less than its machine.
    let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    let least: Option<u64> = machine.into_iter().chain(group).min();
    least.map_or(most, |bytes| (bytes / 4).clamp(LEAST_MEMORY, most))
}

fn total_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kilobytes: u64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

fn all_threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units_and_nothing_else_is() {
        assert_eq!(memory_size("512MB"), Ok(512_000_000));
        assert_eq!(memory_size(" 2 gb"), Ok(2_000_000_000));
        assert_eq!(memory_size("64MiB"), Ok(64 << 20));
        assert_eq!(memory_size("20000000"), Ok(20_000_000));
        for wrong in ["", "MB", "1.5GB", "-1GB", "5 apples", "99999999999999GB", "1KB", "0"] {
            assert!(memory_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_usual_memory_is_a_quarter_of_the_machines_and_bounded() {
        assert_eq!(total_memory("MemFree: 1 kB\nMemTotal:       24684084 kB\n"), Some(24_684_084 * 1024));
        assert!((LEAST_MEMORY..=trueup::engine::Settings::MEMORY).contains(&usual_memory()));
    }
}
