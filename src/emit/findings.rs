//! Findings by cause: the screen and `summary.json` show a few examples of each, while counts stay exact.
//! What is kept does not depend on the order in which findings arrive, so threads may log apart and merge.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::finding::{About, Code, Finding, Place, Severity};

/// Examples kept per cause.
pub const EXAMPLES_KEPT: usize = 5;

/// Distinct causes kept per code and severity; what goes beyond is counted under the code's meaning.
const CAUSES_KEPT: usize = 200;

/// One case of a cause.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Example {
    /// `path:line:column`, empty where the finding has no place.
    pub place: String,
    /// The same in its parts.
    #[serde(skip)]
    pub at: Option<Place>,
    pub value: Option<String>,
    pub message: String,
}

/// All findings of one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingGroup {
    pub code: &'static str,
    pub name: &'static str,
    pub severity: &'static str,
    pub cause: String,
    pub count: u64,
    /// The first by place, at most [`EXAMPLES_KEPT`].
    pub examples: Vec<Example>,
    /// The way out.
    pub hint: &'static str,
}

impl FindingGroup {
    pub fn level(&self) -> Severity {
        let levels = [Severity::Info, Severity::Warning, Severity::Error];
        levels.into_iter().find(|s| s.word() == self.severity).unwrap_or(Severity::Error)
    }
}

/// Takes findings one by one and keeps what the outputs show.
#[derive(Debug, Clone, Default)]
pub struct FindingLog {
    causes: BTreeMap<(Code, Severity), Causes>,
}

#[derive(Debug, Clone, Default)]
struct Causes {
    named: BTreeMap<String, Cause>,
    others: Cause,
}

#[derive(Debug, Clone, Default)]
struct Cause {
    count: u64,
    examples: BTreeSet<(Option<Place>, Option<String>, String)>,
}

impl Cause {
    fn add(&mut self, place: Option<Place>, value: Option<String>, message: String) {
        self.count += 1;
        self.keep((place, value, message));
    }

    fn is_full(&self) -> bool {
        self.examples.len() >= EXAMPLES_KEPT
    }

    fn merge(&mut self, other: Cause) {
        self.count += other.count;
        other.examples.into_iter().for_each(|e| self.keep(e));
    }

    fn keep(&mut self, example: (Option<Place>, Option<String>, String)) {
        self.examples.insert(example);
        if self.examples.len() > EXAMPLES_KEPT {
            self.examples.pop_last();
        }
    }
}

impl Causes {
    /// The first causes by text are kept. A cause that was put to the others can never come back, for the kept
    /// ones only ever move forward; so the counts of the kept ones are whole.
    fn shrink(&mut self) {
        while self.named.len() > CAUSES_KEPT {
            if let Some((_, cause)) = self.named.pop_last() {
                self.others.merge(cause);
            }
        }
    }
}

impl FindingLog {
    /// The cause of a finding is its message, which has neither place nor value.
    pub fn add(&mut self, finding: Finding) {
        let causes = self.causes.entry((finding.code, finding.severity)).or_default();
        let cause = causes.named.entry(finding.message.clone()).or_default();
        cause.add(finding.place, finding.value, finding.message);
        causes.shrink();
    }

    /// As [`FindingLog::add`] of a row's line, without a text made for what is only counted: there may be millions.
    pub fn add_at(&mut self, about: About, source: &str, line: u64) {
        if let Some(causes) = self.causes.get_mut(&(about.code, about.severity))
            && let Some(cause) = causes.named.get_mut(about.message)
            && cause.is_full()
            && let Some((Some(last), ..)) = cause.examples.last()
            && (last.path.as_str(), last.line, last.column) <= (source, Some(line), None)
        {
            cause.count += 1;
            return;
        }
        self.add(about.at(Place::line(source, line)));
    }

    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.add(finding));
    }

    /// Takes over another log, as if its findings had been added here.
    pub fn merge(&mut self, other: FindingLog) {
        for (key, others) in other.causes {
            let causes = self.causes.entry(key).or_default();
            for (text, cause) in others.named {
                causes.named.entry(text).or_default().merge(cause);
            }
            causes.others.merge(others.others);
            causes.shrink();
        }
    }

    /// How many findings of at least this severity there are.
    pub fn count_from(&self, severity: Severity) -> u64 {
        let whole = |c: &Causes| c.others.count + c.named.values().map(|n| n.count).sum::<u64>();
        self.causes.iter().filter(|((_, s), _)| *s >= severity).map(|(_, c)| whole(c)).sum()
    }

    /// Errors first, then by code and cause.
    pub fn groups(&self) -> Vec<FindingGroup> {
        let mut groups = Vec::new();
        let mut keys: Vec<_> = self.causes.keys().copied().collect();
        keys.sort_by_key(|(code, severity)| (std::cmp::Reverse(*severity), *code));
        for key in keys {
            let causes = &self.causes[&key];
            groups.extend(causes.named.iter().map(|(text, cause)| group(key, text, cause)));
            if causes.others.count > 0 {
                groups.push(group(key, key.0.meaning(), &causes.others));
            }
        }
        groups
    }
}

fn group((code, severity): (Code, Severity), text: &str, cause: &Cause) -> FindingGroup {
    FindingGroup {
        code: code.id(),
        name: code.name(),
        severity: severity.word(),
        cause: text.to_string(),
        count: cause.count,
        examples: cause
            .examples
            .iter()
            .map(|(place, value, message)| Example {
                place: place.as_ref().map(ToString::to_string).unwrap_or_default(),
                at: place.clone(),
                value: value.clone(),
                message: message.clone(),
            })
            .collect(),
        hint: code.way_out(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad_number(line: u64) -> Finding {
        Finding::new(Code::I105, "The quantity is not a number").at(Place::cell("a.csv", line, 2)).value("x")
    }

    fn log(findings: impl IntoIterator<Item = Finding>) -> FindingLog {
        let mut log = FindingLog::default();
        findings.into_iter().for_each(|f| log.add(f));
        log
    }

    #[test]
    fn counts_are_exact_and_the_first_five_by_place_are_kept() {
        let log = log((1..=100).rev().map(bad_number));
        let groups = log.groups();
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].count, 100);
        let places: Vec<_> = groups[0].examples.iter().map(|e| e.place.as_str()).collect();
        assert_eq!(places, ["a.csv:1:2", "a.csv:2:2", "a.csv:3:2", "a.csv:4:2", "a.csv:5:2"]);
        assert_eq!(groups[0].hint, Code::I105.way_out());
    }

    #[test]
    fn what_is_only_counted_is_counted_as_if_it_were_added() {
        let about = About::new(Code::T202, "the same row stands in another export");
        let places: Vec<(String, u64)> = (0..60u64).map(|i| (format!("{}.csv", i * 7 % 3), i * 11 % 17)).collect();
        let (mut quick, mut slow) = (FindingLog::default(), FindingLog::default());
        for (source, line) in &places {
            quick.add_at(about, source, *line);
            slow.add(about.at(Place::line(source.clone(), *line)));
        }
        assert_eq!(quick.groups(), slow.groups());
        assert_eq!(quick.groups()[0].count, 60);
    }

    #[test]
    fn errors_come_first_and_a_lowered_severity_stands_apart() {
        let log = log([
            Finding::new(Code::I108, "Read as Windows-1252"),
            bad_number(1).severity(Severity::Warning),
            bad_number(2),
        ]);
        let seen: Vec<_> = log.groups().iter().map(|g| (g.severity, g.code)).collect();
        assert_eq!(seen, [("error", "I105"), ("warning", "I105"), ("info", "I108")]);
        assert_eq!(log.count_from(Severity::Warning), 2);
        assert_eq!(log.count_from(Severity::Info), 3);
    }

    #[test]
    fn causes_past_the_limit_are_counted_together_whatever_the_order() {
        let finding = |n: usize| {
            Finding::new(Code::M307, format!("Row {n:04} matched nothing")).at(Place::line("m.csv", n as u64))
        };
        let forward = log((0..500).chain(0..500).map(finding));
        let backward = log((0..500).rev().chain((0..500).rev()).map(finding));
        let mut merged = log((250..500).chain(100..350).map(finding));
        merged.merge(log((0..250).chain(0..100).chain(350..500).map(finding)));
        assert_eq!(forward.groups(), backward.groups());
        assert_eq!(forward.groups(), merged.groups());
        let groups = forward.groups();
        assert_eq!(groups.len(), CAUSES_KEPT + 1);
        assert!(groups[..CAUSES_KEPT].iter().all(|g| g.count == 2));
        assert_eq!(groups[CAUSES_KEPT].cause, Code::M307.meaning());
        assert_eq!(groups[CAUSES_KEPT].count, 600);
        assert_eq!(groups[CAUSES_KEPT].examples[0].place, "m.csv:200");
    }
}
