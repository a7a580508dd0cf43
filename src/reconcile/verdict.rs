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
    scopes: BTreeMap<(VerdictScope, String), Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    name: String,
    compared: u64,
    discrepancies: u64,
    gaps: u64,
    gap: Option<String>,
    /// Recover, refund, dispute.
    money: BTreeMap<Currency, [Decimal; 3]>,
    currencies: BTreeSet<Currency>,
}

impl Verdicts {
    pub fn note(&mut self, case: &Case<'_, '_>, vendors: &[String], rows: &[Discrepancy]) -> Result<(), Overflow> {
        let client = case.unit.client;
        let mut scopes = vec![
            (VerdictScope::Run, String::new(), String::new()),
            (VerdictScope::Client, client.id.to_string(), client.name.clone()),
        ];
        scopes.extend(vendors.iter().map(|v| (VerdictScope::Provider, v.clone(), v.clone())));
        for (scope, id, name) in scopes {
            let tally = self.scopes.entry((scope, id)).or_default();
            tally.name = name;
            if case.comparison.compared {
                let lines = case.comparison.is_compared.iter().filter(|c| **c).count().max(1);
                tally.compared += lines as u64;
            }
            tally.currencies.insert(case.currency);
            for row in rows {
                tally.add(row)?;
            }
        }
        Ok(())
    }

    /// The rows of `verdicts.csv`: the run, then vendors, then clients, each by id and currency.
    pub fn rows(mut self, input: &Input<'_>) -> Vec<VerdictRow> {
        self.scopes.entry((VerdictScope::Run, String::new())).or_default();
        for (key, name) in input.supply.all_vendors() {
            let known = self.scopes.iter().any(|((s, id), _)| *s == VerdictScope::Provider && id_key(id) == key);
            if !known {
                self.scopes.entry((VerdictScope::Provider, name.clone())).or_default().name.clone_from(&name);
            }
        }
        for client in input.psa.clients.iter().filter(|c| c.active) {
            self.scopes.entry((VerdictScope::Client, client.id.to_string())).or_default().name.clone_from(&client.name);
        }
        for ((scope, id), tally) in &mut self.scopes {
            if *scope == VerdictScope::Provider
                && tally.gap.is_none()
                && let Some(reason) = input.supply.vendor_gap(&id_key(id))
            {
                tally.gap = Some(reason);
                tally.gaps += 1;
            }
        }
        self.scopes.into_iter().flat_map(|((scope, id), tally)| tally.rows(scope, &id)).collect()
    }
}

impl Tally {
    fn add(&mut self, row: &Discrepancy) -> Result<(), Overflow> {
        if row.severity == Severity::Info || row.decision.is_some() {
            return Ok(());
        }
        match row.code {
            Code::R416 | Code::R419 => {
                self.gaps += 1;
                self.gap.get_or_insert_with(|| row.message.clone());
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
        let gap = self.gap.map(|first| match self.gaps {
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
