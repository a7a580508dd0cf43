//! One verdict for the run, each vendor and each client: `ok` needs something to have been compared and
//! nothing to be missing.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::conclude::{Case, Input};
use super::{Discrepancy, OwedBy, Verdict, VerdictRow, VerdictScope};
use crate::book::id_key;
use crate::finding::{Code, Severity};
use crate::rate::{Currency, Overflow, add};

/// Collects what the units of a run say.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    run: Tally,
    providers: BTreeMap<String, Tally>,
    /// By id, in the order in which clients are concluded: one after another.
    clients: Vec<(String, Tally)>,
}

/// When a unit is concluded: bundles before all others, then client by client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    pub is_other: bool,
    pub client: usize,
}

#[derive(Debug, Default)]
struct Tally {
    name: String,
    compared: u64,
    discrepancies: u64,
    gaps: u64,
    /// The first.
    gap: Option<(Turn, String)>,
    /// Recover, refund, dispute.
    money: BTreeMap<Currency, [Decimal; 3]>,
    currencies: BTreeSet<Currency>,
}

impl Verdicts {
    pub fn note(
        &mut self,
        turn: Turn,
        case: &Case<'_, '_>,
        vendors: &[String],
        rows: &[Discrepancy],
    ) -> Result<(), Overflow> {
        let client = case.unit.client;
        self.run.note(turn, case, rows)?;
        if self.clients.last().is_none_or(|(id, _)| id != client.id.as_str()) {
            self.clients.push((client.id.to_string(), Tally { name: client.name.clone(), ..Tally::default() }));
        }
        if let Some((_, tally)) = self.clients.last_mut() {
            tally.note(turn, case, rows)?;
        }
        for vendor in vendors {
            at(&mut self.providers, vendor, vendor).note(turn, case, rows)?;
        }
        Ok(())
    }

    /// Takes over what was said of other clients.
    pub fn merge(&mut self, other: Self) -> Result<(), Overflow> {
        self.run.merge(other.run)?;
        for (id, tally) in other.providers {
            at(&mut self.providers, &id, &tally.name).merge(tally)?;
        }
        self.clients.extend(other.clients);
        Ok(())
    }

    /// The rows of `verdicts.csv`: the run, then vendors, then clients, each by id and currency.
    pub fn rows(mut self, input: &Input<'_>) -> Vec<VerdictRow> {
        for (key, name) in input.supply.all_vendors() {
            if !self.providers.keys().any(|id| id_key(id) == key) {
                at(&mut self.providers, &name, &name);
            }
        }
        let mut clients: BTreeMap<String, Tally> = self.clients.into_iter().collect();
        for client in input.psa.clients.iter().filter(|c| c.active) {
            at(&mut clients, client.id.as_str(), &client.name);
        }
        for (id, tally) in self.providers.iter_mut().filter(|(_, tally)| tally.gap.is_none()) {
            if let Some(reason) = input.supply.vendor_gap(&id_key(id)) {
                tally.gap = Some((Turn { is_other: true, client: usize::MAX }, reason));
                tally.gaps += 1;
            }
        }
        let run = self.run.rows(VerdictScope::Run, "");
        let providers = self.providers.into_iter().flat_map(|(id, tally)| tally.rows(VerdictScope::Provider, &id));
        let clients = clients.into_iter().flat_map(|(id, tally)| tally.rows(VerdictScope::Client, &id));
        run.into_iter().chain(providers).chain(clients).collect()
    }
}

/// The tally of an id; the first name it has is kept.
fn at<'t>(tallies: &'t mut BTreeMap<String, Tally>, id: &str, name: &str) -> &'t mut Tally {
    if !tallies.contains_key(id) {
        tallies.insert(id.to_string(), Tally { name: name.to_string(), ..Tally::default() });
    }
    tallies.get_mut(id).expect("it was just added")
}

impl Tally {
    fn note(&mut self, turn: Turn, case: &Case<'_, '_>, rows: &[Discrepancy]) -> Result<(), Overflow> {
        if case.comparison.compared {
            let lines = case.comparison.is_compared.iter().filter(|c| **c).count().max(1);
            self.compared += lines as u64;
        }
        self.currencies.insert(case.currency);
        rows.iter().try_for_each(|row| self.add(turn, row))
    }

    fn merge(&mut self, other: Self) -> Result<(), Overflow> {
        self.compared += other.compared;
        self.discrepancies += other.discrepancies;
        self.gaps += other.gaps;
        self.gap = self.gap.take().into_iter().chain(other.gap).min_by_key(|(turn, _)| *turn);
        for (currency, theirs) in other.money {
            let mine = self.money.entry(currency).or_default();
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                *mine = add(*mine, theirs)?;
            }
        }
        self.currencies.extend(other.currencies);
        Ok(())
    }

    fn add(&mut self, turn: Turn, row: &Discrepancy) -> Result<(), Overflow> {
        if row.severity == Severity::Info || row.decision.is_some() {
            return Ok(());
        }
        match row.code {
            Code::R416 | Code::R419 => {
                self.gaps += 1;
                if self.gap.as_ref().is_none_or(|(first, _)| turn < *first) {
                    self.gap = Some((turn, row.message.clone()));
                }
            }
            Code::R401
            | Code::R402
            | Code::R403
            | Code::R404
            | Code::R405
            | Code::R406
            | Code::R409
            | Code::R412
            | Code::R415 => {
                self.discrepancies += 1;
                let money = self.money.entry(row.currency).or_default();
                let slot = match row.owed_by {
                    OwedBy::Client => 0,
                    OwedBy::Msp => 1,
                    OwedBy::Vendor => 2,
                    OwedBy::Nobody => return Ok(()),
                };
                money[slot] = add(money[slot], row.impact.unwrap_or_default())?;
            }
            // What is left is about margin, price or a decision; the two sides agree on quantity.
            _ => {}
        }
        Ok(())
    }

    fn rows(self, scope: VerdictScope, id: &str) -> Vec<VerdictRow> {
        let gap = self.gap.map(|(_, first)| match self.gaps {
            0 | 1 => first,
            gaps => format!("{gaps} comparisons could not be concluded, the first: {first}"),
        });
        let (verdict, reason) = if self.discrepancies > 0 {
            (Verdict::Discrepant, gap.unwrap_or_default())
        } else if let Some(gap) = gap {
            (Verdict::NotReconcilable, gap)
        } else if self.compared == 0 {
            (Verdict::NotReconcilable, "nothing was compared".to_string())
        } else {
            (Verdict::Ok, String::new())
        };
        let mut currencies: BTreeSet<Currency> = self.money.keys().copied().chain(self.currencies).collect();
        if currencies.is_empty() {
            currencies.insert(Currency::NONE);
        }
        currencies
            .into_iter()
            .map(|currency| {
                let [recover, refund, dispute] = self.money.get(&currency).copied().unwrap_or_default();
                VerdictRow {
                    scope,
                    id: id.to_string(),
                    name: self.name.clone(),
                    verdict,
                    compared_lines: self.compared,
                    discrepancies: self.discrepancies,
                    impact_recover: recover,
                    impact_refund: refund,
                    impact_dispute: dispute,
                    currency,
                    reason: reason.clone(),
                }
            })
            .collect()
    }
}
