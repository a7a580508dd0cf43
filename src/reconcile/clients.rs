//! A reconciliation client by client. Clients share no line, usage or bundle, so that each is concluded by itself,
//! by whichever thread takes it, and only what it comes to is kept: a run holds one client's comparisons at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use super::bundle;
use super::conclude::{Input, Outcome, Placement, case_of, conclude};
use super::counts::{self, Settled};
use super::decide;
use super::disappeared;
use super::dispute;
use super::supply::Supply;
use super::unit::{Index, Unit, units};
use super::verdict::{Turn, Verdicts};
use crate::book::{Client, ClientId, Contract, ContractId, ContractLine};
use crate::control::Bucket;
use crate::rate::Overflow;

/// What there is of a client.
#[derive(Default)]
struct Side<'a> {
    lines: Vec<(&'a ContractLine, &'a Contract)>,
    /// Indices of what was metered.
    usage: Vec<usize>,
}

/// What there is of each client, by the keys of their ids.
#[derive(Default)]
struct Sides<'a> {
    all: Vec<(String, Side<'a>)>,
    numbers: HashMap<String, usize>,
}

impl Sides<'_> {
    /// The number of a client's.
    fn of(&mut self, client: &ClientId) -> usize {
        let key = client.key();
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        self.numbers.insert(key.clone(), self.all.len());
        self.all.push((key, Side::default()));
        self.all.len() - 1
    }
}

/// A reconciliation that is prepared: what all clients share.
pub struct Reconciliation<'a> {
    given: &'a Input<'a>,
    index: Index<'a>,
    supply: Supply,
    /// Bundles that a vendor sells as such.
    direct: BTreeSet<String>,
    settled: Settled<'a>,
    /// In order of their ids' keys.
    clients: Vec<(&'a Client, String, Side<'a>)>,
    /// Keys of clients of which something was used in the period before and has no row in this one.
    asked: HashSet<String>,
}

/// Contract lines that an error names.
const SHOWN: usize = 3;

/// Whose numbers cannot be added up or multiplied exactly.
#[derive(Debug, thiserror::Error)]
#[error("{of}: {overflow}")]
pub struct TooManyDigits {
    of: String,
    overflow: Overflow,
}

impl TooManyDigits {
    /// Of a client's product, with the contract lines that state some of its numbers.
    fn of_unit(unit: &Unit<'_>, overflow: Overflow) -> Self {
        let mut places = unit.active.iter().map(|view| view.line.place.to_string());
        let shown: Vec<String> = places.by_ref().take(SHOWN).collect();
        let lines = match (shown.is_empty(), places.count()) {
            (true, _) => String::new(),
            (false, 0) => format!(" ({})", shown.join(", ")),
            (false, more) => format!(" ({} and {more} more)", shown.join(", ")),
        };
        Self { of: format!("client {}, product {}{lines}", unit.client.id, unit.product_code), overflow }
    }
}

/// What is concluded of some clients.
#[derive(Default)]
pub struct Part {
    /// Lines, discrepancies, changes and residue.
    outcome: Outcome,
    placements: Vec<(usize, Placement)>,
    verdicts: Verdicts,
    /// Client and product of active lines, where it matters what disappeared.
    billed: Vec<(String, String)>,
}

/// Reconciles a period.
pub fn reconcile(input: &Input<'_>) -> Result<Outcome, TooManyDigits> {
    let all_clients = |overflow| TooManyDigits { of: "all clients".to_string(), overflow };
    let all = Reconciliation::new(input).map_err(all_clients)?;
    let part = all.conclude(0..all.clients())?;
    all.finish(vec![part]).map_err(all_clients)
}

impl<'a> Reconciliation<'a> {
    /// Prepares what all clients share.
    pub fn new(input: &'a Input<'a>) -> Result<Self, Overflow> {
        let (supply, direct) = bundle::supply(input.supply, input.bundles);
        let settled = counts::settle(input.metered, input.beside)?;
        let index = Index::new(input.psa, &settled.metered);
        let mut sides: Sides<'a> = Sides::default();
        // The lines of a contract stand together, mostly, and so does what was metered of a client.
        let mut last: Option<(&ContractId, Option<(&'a Contract, usize)>)> = None;
        for line in &input.psa.contract_lines {
            let found = if let Some((_, found)) = last.filter(|(id, _)| *id == &line.contract_id) {
                found
            } else {
                let contract = index.contracts.get(&line.contract_id.key()).copied();
                contract.map(|contract| (contract, sides.of(&contract.client_id)))
            };
            last = Some((&line.contract_id, found));
            if let Some((contract, side)) = found {
                sides.all[side].1.lines.push((line, contract));
            }
        }
        let mut last: Option<(&ClientId, usize)> = None;
        for (i, metered) in settled.metered.iter().enumerate() {
            let side = match last.filter(|(id, _)| *id == &metered.client_id) {
                Some((_, side)) => side,
                None => sides.of(&metered.client_id),
            };
            last = Some((&metered.client_id, side));
            sides.all[side].1.usage.push(i);
        }
        sides.all.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let known = sides.all.into_iter().filter_map(|(key, side)| Some((*index.clients.get(&key)?, key, side)));
        let clients = known.collect();
        let asked = input.before.iter().map(|before| before.client_id.key()).collect();
        Ok(Self { given: input, index, supply, direct, settled, clients, asked })
    }

    /// How many clients there is something to conclude of.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Concludes these clients.
    pub fn conclude(&self, clients: Range<usize>) -> Result<Part, TooManyDigits> {
        let mut part = Part::default();
        // A line item for each line, hardly ever more.
        let lines = self.clients.get(clients.clone()).unwrap_or_default().iter();
        part.outcome.lines.reserve_exact(lines.map(|(.., side)| side.lines.len()).sum());
        for number in clients {
            self.client(number, &mut part)?;
        }
        Ok(part)
    }

    /// Puts together what was concluded of all clients; the parts come in the order of their clients.
    pub fn finish(&self, parts: Vec<Part>) -> Result<Outcome, Overflow> {
        let input = &self.input();
        let nowhere =
            Placement { bucket: Bucket::Covered, line_id: String::new(), discrepancy_id: String::new(), code: None };
        let mut out = Outcome { placements: vec![nowhere; input.metered.len()], ..Outcome::default() };
        let mut verdicts = Verdicts::default();
        let mut billed = disappeared::Pairs::new();
        // Room for all at once: what grows is copied again and again.
        let of = |count: fn(&Outcome) -> usize| parts.iter().map(|part| count(&part.outcome)).sum();
        out.lines.reserve_exact(of(|o| o.lines.len()));
        out.discrepancies.reserve_exact(of(|o| o.discrepancies.len()));
        out.changes.reserve_exact(of(|o| o.changes.len()));
        for part in parts {
            out.lines.extend(part.outcome.lines);
            out.discrepancies.extend(part.outcome.discrepancies);
            out.changes.extend(part.outcome.changes);
            for (invoice, residue) in part.outcome.residue {
                out.residue.entry(invoice).or_default().merge(residue)?;
            }
            for (metered, placement) in part.placements {
                out.placements[metered] = placement;
            }
            verdicts.merge(part.verdicts)?;
            billed.extend(part.billed);
        }
        let before = out.discrepancies.len();
        disappeared::discrepancies(&billed, &self.asked, &self.index, input, &mut out);
        decide::settle(&mut out.discrepancies, before, input);
        out.verdicts = verdicts.rows(input);
        Ok(out)
    }

    fn input(&self) -> Input<'_> {
        Input { supply: &self.supply, metered: &self.settled.metered, ..*self.given }
    }

    fn client(&self, number: usize, part: &mut Part) -> Result<(), TooManyDigits> {
        let (client, client_key, side) = &self.clients[number];
        let (index, input) = (&self.index, &self.input());
        let mut all = units((client, client_key), &side.lines, &side.usage, index, input);
        for unit in &mut all {
            unit.commitments = unit.metered.iter().filter_map(|i| self.settled.commitments.get(i).cloned()).collect();
        }
        bundle::cover(&mut all, &self.direct, input, index)
            .map_err(|overflow| TooManyDigits { of: format!("bundles of client {}", client.id), overflow })?;
        // Bundles first: what they cover is placed where they are.
        let (bundles, others): (Vec<_>, Vec<_>) = all.iter().enumerate().partition(|(_, unit)| unit.sold.is_some());
        let mut placed: BTreeMap<usize, Placement> = BTreeMap::new();
        let mut reported_rejects: BTreeSet<&str> = BTreeSet::new();
        for (at, unit) in bundles.into_iter().chain(others) {
            let first_of_pair = reported_rejects.insert(&unit.product_key);
            let placement = self
                .unit(number, unit, first_of_pair, &placed, part)
                .map_err(|overflow| TooManyDigits::of_unit(unit, overflow))?;
            if unit.sold.is_some() {
                placed.insert(at, placement);
            }
        }
        Ok(())
    }

    /// Concludes one unit of a client; `placed` are the bundles before it, `first_of_pair` is the first of its product.
    fn unit(
        &self,
        client: usize,
        unit: &Unit<'_>,
        first_of_pair: bool,
        placed: &BTreeMap<usize, Placement>,
        part: &mut Part,
    ) -> Result<Placement, Overflow> {
        let (index, input) = (&self.index, &self.input());
        let client_key = &self.clients[client].1;
        let pair = || (client_key.clone(), unit.product_key.clone());
        let out = &mut part.outcome;
        let case = case_of(unit, index, input)?;
        let before = out.discrepancies.len();
        let placement = conclude(&case, first_of_pair, placed, out)?;
        if first_of_pair
            && !self.settled.disputes.is_empty()
            && let Some(disputes) = self.settled.disputes.get(&pair())
        {
            out.discrepancies.extend(dispute::overcharge(&case, disputes)?);
        }
        decide::settle(&mut out.discrepancies, before, input);
        let turn = Turn { is_other: unit.sold.is_none(), client };
        part.verdicts.note(turn, &case, &case.vendors, &out.discrepancies[before..])?;
        part.placements.extend(unit.metered.iter().map(|&i| (i, placement.clone())));
        if !unit.active.is_empty() && self.asked.contains(client_key) {
            part.billed.push(pair());
        }
        Ok(placement)
    }
}
