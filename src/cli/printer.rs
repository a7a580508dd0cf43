//! The one place that writes to stdout and stderr. Results go to stdout, everything else to stderr; quiet,
//! verbose and colour are decided here and nowhere else.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use trueup::emit::{Example, FindingGroup};
use trueup::finding::Code;
use trueup::ingest::{Progress, Silent};

use super::progress::Bar;
use super::settings::{OutputSettings, Verbosity};

/// Examples shown per code on screen.
const EXAMPLES_SHOWN: usize = 3;

pub const BOLD: Style = Style::new().bold();
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
pub const BAD: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

#[derive(Debug, Clone)]
pub struct Printer {
    settings: OutputSettings,
}

impl Printer {
    pub fn new(settings: OutputSettings) -> Self {
        Self { settings }
    }

    /// Whether results are asked for as JSON.
    pub fn json(&self) -> bool {
        self.settings.json
    }

    /// The result of a command, on stdout. Styles in it are taken out where they would not show.
    pub fn result(&self, text: &str) -> io::Result<()> {
        let mut out = AutoStream::new(io::stdout().lock(), self.settings.color);
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Where a result goes that is too long to be held. It has no styles.
    pub fn stream() -> impl io::Write {
        io::BufWriter::with_capacity(64 << 10, io::stdout().lock())
    }

    /// Findings as a part of the result: every cause by itself.
    pub fn findings_result(&self, groups: &[FindingGroup]) -> String {
        findings_text(groups, self.settings.verbosity, causes)
    }

    /// Something worth knowing, on stderr.
    pub fn note(&self, text: &str) -> io::Result<()> {
        if self.settings.verbosity == Verbosity::Quiet { Ok(()) } else { self.stderr(&format!("{text}\n")) }
    }

    /// Why the process ends before its work is done. For a thread of its own: nothing here is locked for long.
    pub fn last_word(&self, text: &str) {
        // Where stderr is gone too, the exit code still tells.
        let _ = self.stderr(&format!("{text}\n"));
    }

    /// Why it could not be done.
    pub fn error(&self, error: &anyhow::Error) -> io::Result<()> {
        let mut text = format!("{BAD}error{BAD:#}: {error}\n");
        for cause in error.chain().skip(1) {
            let _ = writeln!(text, "  because: {cause}");
        }
        self.stderr(&text)
    }

    /// Findings by cause, errors first: some examples, all counts. Infos only when asked for.
    pub fn findings(&self, groups: &[FindingGroup]) -> io::Result<()> {
        let text = findings_text(groups, self.settings.verbosity, paragraph);
        if text.is_empty() { Ok(()) } else { self.stderr(&text) }
    }

    /// Someone to tell how far the work is: a bar on a terminal, nobody elsewhere.
    pub fn progress(&self) -> Box<dyn Progress> {
        let quiet = self.settings.verbosity == Verbosity::Quiet || self.settings.json;
        if quiet || !io::stderr().is_terminal() { Box::new(Silent) } else { Box::new(Bar::new()) }
    }

    fn stderr(&self, text: &str) -> io::Result<()> {
        let mut err = AutoStream::new(io::stderr().lock(), self.settings.color);
        err.write_all(text.as_bytes())?;
        err.flush()
    }
}

/// What is written of the findings of one code and severity.
type Part = fn(&mut String, &[FindingGroup], u64);

/// One part per code and severity, in the order in which the groups come.
fn findings_text(groups: &[FindingGroup], verbosity: Verbosity, part: Part) -> String {
    let mut text = String::new();
    let mut infos = 0;
    for same in groups.chunk_by(|a, b| (a.code, a.severity) == (b.code, b.severity)) {
        let first = &same[0];
        let count: u64 = same.iter().map(|g| g.count).sum();
        if first.severity == "info" && verbosity != Verbosity::Verbose {
            infos += count;
            continue;
        }
        if first.severity != "error" && verbosity == Verbosity::Quiet {
            continue;
        }
        part(&mut text, same, count);
    }
    if infos > 0 && verbosity == Verbosity::Normal {
        let what = if infos == 1 { "finding" } else { "findings" };
        let _ = writeln!(text, "{infos} {what} of severity info not shown; -v shows them");
    }
    text
}

fn paragraph(text: &mut String, same: &[FindingGroup], count: u64) {
    let first = &same[0];
    let style = if first.severity == "error" { BAD } else { WARN };
    let head = format!("{style}{}{style:#}[{} {}]", first.severity, first.code, first.name);
    let what = if same.len() == 1 { first.cause.as_str() } else { meaning(first) };
    let what = what.trim_end_matches('.');
    let times = if count == 1 { String::new() } else { format!(" ({count} times)") };
    let _ = writeln!(text, "{head}: {what}{times}");
    let mut shown = 0;
    for example in examples(same) {
        shown += 1;
        let mut parts = Vec::new();
        if !example.place.is_empty() {
            parts.push(example.place.clone());
        }
        if same.len() > 1 {
            parts.push(example.message.trim_end_matches('.').to_string());
        }
        parts.extend(example.value.as_ref().map(|v| format!("{v:?}")));
        if !parts.is_empty() {
            let _ = writeln!(text, "  {}", parts.join(": "));
        }
    }
    if count > shown {
        let _ = writeln!(text, "  and {} more", count - shown);
    }
    let _ = writeln!(text, "{HINT}hint{HINT:#}: {}", first.hint);
}

/// Some examples: the first of each cause before the second of any, and of those with a value not yet seen before
/// the others, for what is told once need not be found in another run.
fn examples(same: &[FindingGroup]) -> Vec<&Example> {
    let most = same.iter().map(|g| g.examples.len()).max().unwrap_or_default();
    let rounds = (0..most).flat_map(|round| same.iter().filter_map(move |g| g.examples.get(round).map(|e| (g, e))));
    let mut told = BTreeSet::new();
    let (new, known): (Vec<_>, Vec<_>) = rounds.partition(|(g, e)| told.insert((g.cause.as_str(), &e.value)));
    let chosen = new.into_iter().chain(known).take(EXAMPLES_SHOWN);
    let mut chosen: Vec<&Example> = chosen.map(|(_, e)| e).collect();
    let order = |e: &Example| same.iter().flat_map(|g| &g.examples).position(|of| std::ptr::eq(of, e));
    chosen.sort_by_key(|e| order(e));
    chosen
}

/// A paragraph for each cause, and the hint once.
fn causes(text: &mut String, same: &[FindingGroup], _: u64) {
    for (at, group) in same.iter().enumerate() {
        let mut one = String::new();
        paragraph(&mut one, std::slice::from_ref(group), group.count);
        let hint = one.rfind(&format!("{HINT}hint")).filter(|_| at + 1 < same.len());
        text.push_str(&one[..hint.unwrap_or(one.len())]);
    }
}

fn meaning(group: &FindingGroup) -> &'static str {
    Code::ALL.iter().find(|c| c.id() == group.code).map_or(group.name, |c| c.meaning())
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use trueup::emit::FindingLog;
    use trueup::finding::{Finding, Place};

    use super::*;

    fn groups() -> Vec<FindingGroup> {
        let mut log = FindingLog::default();
        for line in 1..=7 {
            let place = Place::cell("usage/a.csv", line, 4);
            log.add(Finding::new(Code::I105, "The quantity is not a number.").at(place).value("12..5"));
        }
        log.add(Finding::new(Code::M301, "Umbra is joined to no client.").at(Place::line("usage/a.csv", 2)));
        log.add(Finding::new(Code::M301, "Vega is joined to no client.").at(Place::line("usage/a.csv", 3)));
        log.add(Finding::new(Code::I108, "Read as Windows-1252.").at(Place::file("usage/b.csv")));
        log.groups()
    }

    fn shown(verbosity: Verbosity) -> String {
        strip_str(&findings_text(&groups(), verbosity, paragraph)).to_string()
    }

    #[test]
    fn findings_are_few_on_screen_and_their_counts_whole() {
        assert_eq!(
            shown(Verbosity::Normal),
            "\
error[I105 bad-number]: The quantity is not a number (7 times)
  usage/a.csv:1:4: \"12..5\"
  usage/a.csv:2:4: \"12..5\"
  usage/a.csv:3:4: \"12..5\"
  and 4 more
hint: Correct the cell at the source and export again.
warning[M301 unmapped-account]: A vendor account is joined to no client (2 times)
  usage/a.csv:2: Umbra is joined to no client
  usage/a.csv:3: Vega is joined to no client
hint: Add a row to map/accounts.csv; unmapped.csv says whom it may mean.
1 finding of severity info not shown; -v shows them
"
        );
    }

    #[test]
    fn as_a_result_every_cause_is_said() {
        let text = strip_str(&findings_text(&groups()[1..3], Verbosity::Normal, causes)).to_string();
        assert_eq!(
            text,
            "\
warning[M301 unmapped-account]: Umbra is joined to no client
  usage/a.csv:2
warning[M301 unmapped-account]: Vega is joined to no client
  usage/a.csv:3
hint: Add a row to map/accounts.csv; unmapped.csv says whom it may mean.
"
        );
    }

    #[test]
    fn quiet_leaves_the_errors_and_verbose_adds_the_infos() {
        assert!(shown(Verbosity::Quiet).contains("I105"));
        assert!(!shown(Verbosity::Quiet).contains("M301"));
        assert!(!shown(Verbosity::Quiet).contains("-v"));
        assert!(shown(Verbosity::Verbose).contains("info[I108 not-utf8]: Read as Windows-1252\n  usage/b.csv\n"));
    }
}
