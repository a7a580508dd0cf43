//! Annotations of a GitHub workflow: lines on stdout that the runner shows beside the file. One per cause, as the
//! runner shows ten of each severity at most.

use std::fmt::Write as _;

use super::checked::{CheckedFile, headline};
use crate::finding::Severity;

/// The annotations of the files checked, in the workflow command syntax.
pub fn github_text(files: &[CheckedFile]) -> String {
    let mut text = String::new();
    for file in files {
        for group in &file.findings {
            let command = match group.level() {
                Severity::Info => "notice",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            let place = group.examples.first().and_then(|e| e.at.as_ref());
            let path = place.map_or(file.file.as_str(), |p| p.path.as_str());
            let _ = write!(text, "::{command} file={}", property(path));
            if let Some(line) = place.and_then(|p| p.line) {
                let _ = write!(text, ",line={line}");
            }
            let title = property(&format!("{} {}", group.code, group.name));
            let message = format!("{}\nhint: {}", headline(group), group.hint);
            let _ = writeln!(text, ",title={title}::{}", data(&message));
        }
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::checked::sample;
    use super::*;

    #[test]
    fn one_annotation_per_cause_and_nothing_breaks_its_line() {
        let text = github_text(&sample::files());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(
            lines[0],
            "::error file=in/a b.csv,line=2,title=I105 bad-number::quantity: the cell is not a number: \"<12..5> & \
             \\\"%25\\\"\" in field 4 (7 times)%0Ahint: Correct the cell at the source and export again."
        );
        assert!(lines[1].starts_with("::warning file=in/a b.csv,line=1,title=I116 format-drift::"));
        assert!(lines[2].starts_with("::notice file=in/a b.csv,title=I108 not-utf8::"));
        assert_eq!(property("a,b:c%\n"), "a%2Cb%3Ac%25%0A");
        assert_eq!(data("a,b:c"), "a,b:c");
    }
}
