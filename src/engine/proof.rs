//! The proof: what was read, on one side, and where it ended, on the other, must agree exactly for every
//! file and currency. If they do not, the run fails and nothing is written.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use super::collect::Collected;
use super::metered::MeteredSums;
use super::pending::Pending;
use super::place::Placed;
use super::threads::in_threads;
use crate::control::{Imbalance, Ledger};
use crate::reconcile::Outcome;

/// Rows do not add up. Says which file is out by how much.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unbalanced(String);

/// The balanced ledger of the run. `pending` is what was metered, and now ends in the buckets of its groups.
pub fn prove(
    read: &Collected,
    placed: &Placed,
    pending: Vec<Pending>,
    metered: &MeteredSums,
    outcome: &Outcome,
    threads: usize,
) -> anyhow::Result<Ledger> {
    let mut ledger = read.ledger.clone();
    ledger.merge(&placed.ledger)?;
    let (threads, ledger, pending) = (threads.min(pending.len()), Mutex::new(ledger), Mutex::new(pending));
    in_threads(threads, |_| {
        let next = || pending.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut ended = Ledger::default();
        while let Some(part) = next() {
            part.each(|group, file, currency, tally| {
                let bucket = outcome.placements[metered.index_of_group[group as usize]].bucket;
                Ok(ended.place(file, currency, bucket, tally)?)
            })?;
        }
        Ok(ledger.lock().unwrap_or_else(PoisonError::into_inner).merge(&ended)?)
    })?;
    let ledger = ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
    let imbalances = ledger.imbalances()?;
    if imbalances.is_empty() { Ok(ledger) } else { Err(unbalanced(read, &imbalances)?.into()) }
}

fn unbalanced(read: &Collected, imbalances: &[Imbalance]) -> anyhow::Result<Unbalanced> {
    let mut text = String::from("rows do not add up, so nothing was written; this is a fault of the program:");
    for imbalance in imbalances {
        let (file, currency) = imbalance.account;
        let source = read.files.get(file as usize).map_or("?", |f| f.export.detection.source.as_str());
        let (was, is) = (&imbalance.read, &imbalance.placed);
        let currency = if currency.is_none() { "no currency" } else { currency.code() };
        write!(
            text,
            "\n  {source} ({currency}): read {} rows, placed {}; quantity out by {}, cost out by {}",
            was.rows,
            is.rows,
            is.quantity.minus(was.quantity)?,
            is.cost.minus(was.cost)?,
        )?;
    }
    Ok(Unbalanced(text))
}
