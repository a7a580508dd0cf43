//! Truing up what was billed before: under advance billing a cycle is paid for before it is used, and a line that
//! begins, ends or changes within it owes, or is owed, the difference. Each is a line of its own, so that it can
//! be worked out by hand from what is written in it.

use rust_decimal::Decimal;

use super::conclude::Outcome;
use super::ids::line_id;
use super::lines::{Before, Billed, LineBuilder};
use super::rating::{rate_month, rate_share};
use super::service::Span;
use super::unit::LineView;
use super::{LineItem, LineKind, LineStatus};
use crate::book::BillTiming;
use crate::rate::{Overflow, Rated, Share, add, plain, subtract};

impl<'a> LineBuilder<'a, '_, '_> {
    /// What was billed before and has turned out otherwise: the line began, or ended, within a cycle that is
    /// paid for in advance, or not the contract quantity was used.
    pub(super) fn true_up(&self, view: &LineView<'a>, billed: &Billed, out: &mut Outcome) -> Result<(), Overflow> {
        let mut view = view.clone();
        view.terms.unit_cost = view.terms.unit_cost.or(self.case.metered_unit_cost());
        for span in &view.service.spans {
            self.dated(&view, billed, span, out)?;
        }
        if view.service.billed_before && billed.quantity != billed.before.quantity() {
            self.quantity_changed(&view, billed, out)?;
        }
        Ok(())
    }

    /// A cycle that the line began in, or ended in.
    fn dated(&self, view: &LineView<'a>, billed: &Billed, span: &Span, out: &mut Outcome) -> Result<(), Overflow> {
        let began = span.before.is_none();
        // In arrears: the contract ends within a second cycle, whose days are billed beside the first's.
        let arrears = view.service.timing == BillTiming::Arrears;
        let mut item = self.item(view, if arrears { LineKind::Recurring } else { LineKind::Proration });
        let about = format!("{} {}", view.line.id, span.start);
        item.line_id = line_id(self.case.input.period, self.case.unit.client.id.as_str(), &about, item.kind);
        (item.service_start, item.service_end) = (span.start, span.end);
        let (quantity, spread) = match (began, view.service.months) {
            (true, 1) => (billed.quantity, billed.spread),
            (true, _) => (billed.next, false),
            (false, _) => (billed.before.quantity(), false),
        };
        let share = if spread { Share::WHOLE } else { span.now };
        let Some(now) = self.worth(view, &mut item, quantity, share, out)? else { return Ok(()) };
        let Some(before) = self.worth(view, &mut item, quantity, span.before, out)? else { return Ok(()) };
        let what = if began {
            item.quantity = now.quantity;
            item.unit_price = now.unit_price;
            if share.is_whole() { "as it begins".to_string() } else { days(share.active, share.of) }
        } else {
            item.quantity = -before.quantity;
            match (span.before.is_whole(), span.now.is_none()) {
                (_, true) => "all given back".to_string(),
                (true, false) => format!("{} given back", days(span.now.of - span.now.active, span.now.of)),
                (false, false) => {
                    format!("{} given back", days(span.before.active.saturating_sub(span.now.active), span.before.of))
                }
            }
        };
        item.description = format!("{}: from {}, {what}", item.description, span.start);
        difference(view, item, &now, &before, out)
    }

    /// The contract quantity was billed for this period, and another one used: what that is for its days.
    fn quantity_changed(&self, view: &LineView<'a>, billed: &Billed, out: &mut Outcome) -> Result<(), Overflow> {
        let period = self.case.input.period;
        let mut item = self.item(view, LineKind::Proration);
        (item.service_start, item.service_end) = view.active.unwrap_or((period.start(), period.last_day()));
        let paid = billed.before.quantity();
        if matches!(billed.before, Before::Doubtful(_)) && item.status == LineStatus::Ready {
            item.status = LineStatus::Review;
        }
        let now = if billed.spread {
            rate_share(billed.quantity, &view.terms, Share::WHOLE)?
        } else {
            rate_month(view, billed.quantity)?
        };
        let (now, before) = match (now, rate_month(view, paid)?) {
            (Ok(now), Ok(before)) => (now, before),
            (Err(problem), _) | (_, Err(problem)) => {
                // Where the cycle itself is billed, its line has said so.
                if !view.service.due {
                    item.quantity = billed.quantity;
                    self.unpriced(view, item, &problem, out);
                }
                return Ok(());
            }
        };
        item.quantity = subtract(now.quantity, before.quantity)?;
        item.unit_price = now.unit_price.filter(|_| now.unit_price == before.unit_price);
        let of_cycle =
            if view.service.months > 1 { format!(", a month of {}", view.service.months) } else { String::new() };
        item.description = format!(
            "{}: {} instead of {} in {period}{of_cycle}",
            item.description,
            plain(billed.quantity),
            plain(paid)
        );
        difference(view, item, &now, &before, out)
    }

    /// A quantity for a share of a cycle; `None` if it has no price, which is said.
    fn worth(
        &self,
        view: &LineView<'a>,
        item: &mut LineItem,
        quantity: Decimal,
        share: Share,
        out: &mut Outcome,
    ) -> Result<Option<Rated>, Overflow> {
        if share.is_none() {
            return Ok(Some(Rated::default()));
        }
        match rate_share(quantity, &view.terms, share)? {
            Ok(rated) => Ok(Some(rated)),
            Err(problem) => {
                item.quantity = quantity;
                self.unpriced(view, item.clone(), &problem, out);
                Ok(None)
            }
        }
    }
}

/// Adds a line for what one amount is more or less than another, minimums in.
fn difference(
    view: &LineView<'_>,
    mut item: LineItem,
    now: &Rated,
    before: &Rated,
    out: &mut Outcome,
) -> Result<(), Overflow> {
    let minimums = !now.minimum_shortfall.is_zero() || !before.minimum_shortfall.is_zero();
    let (amount, exact) = if minimums {
        item.unit_price = None;
        let whole = |r: &Rated| add(r.amount, r.minimum_shortfall);
        let amount = subtract(whole(now)?, whole(before)?)?;
        (amount, amount)
    } else {
        // Rounded once, as any line is.
        let exact = |r: &Rated| subtract(r.amount, r.residue);
        let exact = subtract(exact(now)?, exact(before)?)?;
        (view.terms.rounding.line(exact, view.terms.currency), exact)
    };
    if amount.is_zero() && (item.quantity.is_zero() || !before.amount.is_zero()) {
        return Ok(());
    }
    item.amount = Some(view.terms.rounding.line(amount, view.terms.currency));
    out.add_residue(&view.contract.id, view.terms.currency, subtract(amount, exact)?)?;
    out.lines.push(item);
    Ok(())
}

/// `15 of 31 days`.
fn days(active: u32, of: u32) -> String {
    format!("{active} of {of} days")
}
