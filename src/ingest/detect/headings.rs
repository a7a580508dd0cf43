//! Headings that a file spreads over two rows: a group's name above the headings of its columns, or words of one
//! heading one above the other. Joined ways are only tried on a file in which no single row is enough.

use super::Detection;
use crate::finding::{self, Code, Finding, Place, Severity};

/// Every way in which two rows may be meant as one, the surest last. `true`: the way joins words, and so may
/// make a heading that is not there.
pub(super) fn joined(upper: &[String], lower: &[String]) -> Vec<(bool, Vec<String>)> {
    if upper.len() != lower.len() || !is_any(upper) || !is_any(lower) {
        return Vec::new();
    }
    let mut ways = Vec::new();
    // A group's name holds for the columns behind it, up to the next name.
    let mut group = "";
    let grouped = upper.iter().zip(lower).map(|(above, below)| {
        group = if above.is_empty() { group } else { above };
        both(if below.is_empty() { above } else { group }, below)
    });
    ways.push((true, grouped.collect()));
    ways.push((true, upper.iter().zip(lower).map(|(above, below)| both(above, below)).collect()));
    ways.extend(one_each(upper, lower).map(|way| (false, way)));
    ways
}

fn is_any(row: &[String]) -> bool {
    row.iter().any(|cell| !cell.is_empty())
}

fn both(above: &str, below: &str) -> String {
    format!("{above} {below}").trim().to_owned()
}

/// Each cell is filled in one of the rows, or stands under a group's name that spans several columns. `None` where
/// the rows are not of that kind.
fn one_each(upper: &[String], lower: &[String]) -> Option<Vec<String>> {
    let is_filled = |row: &[String], i: usize| row.get(i).is_some_and(|cell| !cell.is_empty());
    let is_group = |i| !is_filled(upper, i + 1) && is_filled(lower, i + 1);
    let fields = 0..upper.len();
    let one_each = fields.clone().all(|i| !is_filled(upper, i) || !is_filled(lower, i) || is_group(i));
    let both_give = fields.clone().any(|i| !is_filled(lower, i));
    if !one_each || !both_give {
        return None;
    }
    Some(fields.map(|i| if is_filled(lower, i) { lower[i].clone() } else { upper[i].clone() }).collect())
}

/// That the headings were joined, and to what.
pub(super) fn joined_finding(detection: &Detection) -> Finding {
    let message = "the headings stand over two rows, this one and the one above it, and were read as one";
    let place = Place::line(&detection.source, detection.header_line);
    let finding = Finding::new(Code::I116, message).severity(Severity::Info).at(place);
    finding.value(finding::shown(detection.headings.join(", ")))
}
