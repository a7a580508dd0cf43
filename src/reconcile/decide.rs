//! What the admin decided about a discrepancy, if it still holds.

use rust_decimal::Decimal;

use super::conclude::Input;
use super::ids::discrepancy_id;
use super::{Action, Discrepancy, OwedBy};
use crate::book::{Decision, DecisionKind, Period};
use crate::finding::{Code, Severity};
use crate::rate::plain;

/// How the decisions on one discrepancy stand in a period.
#[derive(Debug, Clone, Copy)]
pub enum Standing<'a> {
    Undecided,
    Decided(&'a Decision),
    /// There was a decision, and it holds no longer.
    Lapsed(&'a Decision, Lapse),
}

/// Why a decision holds no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// The period is not before its `until`.
    Expired,
    /// The difference is larger than the one it was made on.
    Outgrown,
}

/// The last row of the file that holds in the period rules. Where none holds, the last that did is lapsed.
pub fn standing<'a>(decisions: &'a [Decision], id: &str, period: Period, difference: Option<Decimal>) -> Standing<'a> {
    let about = decisions.iter().filter(|d| d.discrepancy_id.eq_ignore_ascii_case(id));
    let mut out = Standing::Undecided;
    for decision in about {
        if decision.from.is_some_and(|from| period < from) {
            continue;
        }
        let expired = decision.until.is_some_and(|until| period >= until);
        let outgrown = match (decision.difference, difference) {
            (Some(made_on), Some(now)) => now.abs() > made_on.abs(),
            _ => false,
        };
        out = match (expired, outgrown, out) {
            (false, false, _) => Standing::Decided(decision),
            (_, _, Standing::Decided(holds)) => Standing::Decided(holds),
            (true, _, _) => Standing::Lapsed(decision, Lapse::Expired),
            (false, true, _) => Standing::Lapsed(decision, Lapse::Outgrown),
        };
    }
    out
}

/// Enters into a discrepancy how it was decided. A row that was dismissed is for the record.
pub(super) fn take<'a>(row: &mut Discrepancy, input: &Input<'a>) -> Standing<'a> {
    let standing = standing(input.decisions, &row.discrepancy_id, input.period, row.difference);
    row.decision = standing.kind();
    if row.decision == Some(DecisionKind::Dismiss) {
        row.severity = Severity::Info;
    }
    standing
}

/// Enters the decisions on rows from `first` on that stand beside the comparison (margin, price, commitments, disputes,
/// what disappeared), and says which hold no longer.
pub(super) fn settle(rows: &mut Vec<Discrepancy>, first: usize, input: &Input<'_>) {
    let mut lapses = Vec::new();
    for row in &mut rows[first..] {
        if !is_beside(row.code) {
            continue;
        }
        if let Standing::Lapsed(decision, why) = take(row, input) {
            lapses.push(lapsed(row, row.product_code.as_str(), decision, why));
        }
    }
    rows.extend(lapses);
}

/// Codes that conclude nothing on quantity by themselves. The others are decided where they are concluded.
fn is_beside(code: Code) -> bool {
    matches!(code, Code::R407 | Code::R408 | Code::R410 | Code::R411 | Code::R414 | Code::R415 | Code::R418)
}

/// R417 for a decision on `of` that holds no longer. `about` is the product and term.
pub(super) fn lapsed(of: &Discrepancy, about: &str, decision: &Decision, why: Lapse) -> Discrepancy {
    let why = match why {
        Lapse::Expired => format!("held until {}", decision.until.map(|p| p.to_string()).unwrap_or_default()),
        Lapse::Outgrown => format!(
            "was made on a difference of {}, which is {} now",
            decision.difference.map(plain).unwrap_or_default(),
            of.difference.map(plain).unwrap_or_default()
        ),
    };
    let about = format!("{about} {}", of.discrepancy_id);
    Discrepancy {
        discrepancy_id: discrepancy_id(of.client_id.as_str(), &about, &of.provider_name, Code::R417),
        code: Code::R417,
        severity: Code::R417.severity(),
        impact: None,
        owed_by: OwedBy::Nobody,
        action: Action::DecideAgain,
        decision: None,
        place: decision.place.clone(),
        message: format!(
            "the decision {} on {} ({}) {why}: decide again",
            decision.kind.word(),
            of.discrepancy_id,
            of.code
        ),
        ..of.clone()
    }
}

impl Standing<'_> {
    pub fn kind(&self) -> Option<DecisionKind> {
        match self {
            Standing::Decided(decision) => Some(decision.kind),
            Standing::Undecided | Standing::Lapsed(..) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Place;

    fn decision(from: &str, until: &str, difference: Option<i64>) -> Decision {
        Decision {
            discrepancy_id: "dabc".into(),
            kind: DecisionKind::Keep,
            quantity: None,
            from: from.parse().ok(),
            until: until.parse().ok(),
            difference: difference.map(Decimal::from),
            who: String::new(),
            reason: String::new(),
            place: Place::default(),
        }
    }

    fn stands(decision: &Decision, period: &str, difference: i64) -> &'static str {
        let period = period.parse().expect("a period");
        match standing(std::slice::from_ref(decision), "DABC", period, Some(Decimal::from(difference))) {
            Standing::Undecided => "undecided",
            Standing::Decided(_) => "decided",
            Standing::Lapsed(..) => "lapsed",
        }
    }

    #[test]
    fn a_decision_holds_from_a_period_until_another() {
        let d = decision("2026-09", "2026-11", None);
        let periods = ["2026-08", "2026-09", "2026-10", "2026-11"];
        assert_eq!(periods.map(|p| stands(&d, p, 3)), ["undecided", "decided", "decided", "lapsed"]);
    }

    #[test]
    fn a_difference_that_grew_re_opens_it_in_either_direction() {
        let d = decision("", "", Some(3));
        assert_eq!([-3, 3, -4].map(|n| stands(&d, "2026-10", n)), ["decided", "decided", "lapsed"]);
    }
}
