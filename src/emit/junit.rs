//! JUnit XML, for the test reports of CI servers. A file is a suite, and each thing that is checked a test: the
//! list of tests is the same for every file, so that a report can be followed over time.

use std::fmt::Write as _;

use super::checked::{CheckedFile, case, checks, headline};
use super::findings::FindingGroup;
use crate::finding::{Code, Severity};

/// The report of the files checked. A check fails if a finding of at least this severity says so; what is below
/// stands in its output. Without a severity nothing fails.
pub fn junit_text(files: &[CheckedFile], least: Option<Severity>) -> String {
    let mut suites = String::new();
    let (mut tests, mut failures) = (0, 0);
    for file in files {
        let (suite, run, failed) = suite(file, least);
        suites.push_str(&suite);
        tests += run;
        failures += failed;
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"trueup validate\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n{suites}</testsuites>\n"
    )
}

fn suite(file: &CheckedFile, least: Option<Severity>) -> (String, usize, usize) {
    let (mut tests, mut failures, mut skipped) = (0, 0, 0);
    let name = escaped(&file.file);
    let mut cases = String::new();
    for code in checks() {
        tests += 1;
        let found: Vec<&FindingGroup> = file.findings.iter().filter(|g| g.code == code.id()).collect();
        let _ = write!(cases, "    <testcase name=\"{code}\" classname=\"{name}\" time=\"0\"");
        let (failed, told): (Vec<&FindingGroup>, Vec<&FindingGroup>) =
            found.iter().partition(|g| least.is_some_and(|least| g.level() >= least));
        if let Some(worst) = failed.first() {
            failures += 1;
            let _ = write!(
                cases,
                ">\n      <failure message=\"{}\" type=\"{}\">{}</failure>\n    </testcase>\n",
                escaped(&headline(worst)),
                worst.severity,
                escaped(&details(&found, code))
            );
        } else if !told.is_empty() {
            let text = escaped(&details(&told, code));
            let _ = write!(cases, ">\n      <system-out>{text}</system-out>\n    </testcase>\n");
        } else if file.format.is_none() {
            // A file that was not read can be found neither right nor wrong.
            skipped += 1;
            cases.push_str(">\n      <skipped/>\n    </testcase>\n");
        } else {
            cases.push_str("/>\n");
        }
    }
    let head = format!(
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"0\">\n"
    );
    (format!("{head}{cases}  </testsuite>\n"), tests, failures)
}

/// Every cause with its examples, and the way out.
fn details(groups: &[&FindingGroup], code: Code) -> String {
    let mut text = String::new();
    for group in groups {
        let _ = writeln!(text, "{}: {} ({})", group.severity, group.cause.trim_end_matches('.'), group.count);
        for example in &group.examples {
            let field = example.at.as_ref().and_then(|p| p.column);
            let _ = writeln!(text, "  {}{}", example.place, case(example.value.as_deref(), field));
        }
    }
    let _ = write!(text, "hint: {}", code.way_out());
    text
}

/// XML 1.0 has no way to write most control characters, so they are replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::checked::sample;
    use super::*;

    #[test]
    fn a_check_fails_at_the_severity_asked_for_and_is_else_told() {
        let report = junit_text(&sample::files(), Some(Severity::Error));
        let count = checks().count();
        assert!(report.contains(&format!("tests=\"{}\" failures=\"2\" errors=\"0\">", 2 * count)), "{report}");
        assert!(report.contains(
            "<failure message=\"quantity: the cell is not a number: &quot;&lt;12..5&gt; &amp; \\&quot;%\\&quot;&quot; in \
             field 4 (7 times)\" type=\"error\">error: quantity: the cell is not a number (7)\n  in/a b.csv:2:4: "
        ), "{report}");
        assert!(report.contains("<system-out>warning: the heading &quot;x&quot; is gone (1)\n  in/a b.csv:1\nhint: "));
        assert_eq!(report.matches("<skipped/>").count(), count - 1, "what was not read was not checked");
        assert!(!junit_text(&sample::files(), None).contains("<failure"));
        assert_eq!(junit_text(&sample::files(), Some(Severity::Info)).matches("<failure").count(), 4);
    }

    #[test]
    fn no_text_breaks_the_xml() {
        assert_eq!(escaped("a\u{0}\u{1b}<&>\"'\n\u{ffff}"), "a\u{fffd}\u{fffd}&lt;&amp;&gt;&quot;'\n\u{fffd}");
    }
}
