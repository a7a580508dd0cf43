//! The health of the PSA's data: which client records billing can rely on, and what keeps the others from
//! it. A record is clean if none of T205 to T208 is on it and it could be read. Nothing is merged or changed;
//! likeness only says where to look.

mod clusters;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Months, NaiveDate};

use crate::book::{Client, Ignore, IgnoreKind, Psa, id_key};
use crate::finding::{Code, Finding, Place, Severity};
use crate::format::TableKind;
use crate::ingest::Table;

/// What a problem is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordKind {
    Client,
    Contract,
    ContractLine,
    PriceTier,
}

impl RecordKind {
    pub const fn word(self) -> &'static str {
        match self {
            RecordKind::Client => "client",
            RecordKind::Contract => "contract",
            RecordKind::ContractLine => "contract_line",
            RecordKind::PriceTier => "price_tier",
        }
    }
}

/// One thing that makes a record unclean.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub kind: RecordKind,
    pub place: Place,
    pub code: Code,
    pub message: String,
    pub id: String,
    pub name: String,
    /// The number of its cluster, for T205.
    pub cluster: Option<usize>,
}

/// Client records that are likely one company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// From 1, in the order of its first record.
    pub number: usize,
    /// Id and name, in the order of the records.
    pub clients: Vec<(String, String)>,
    /// Why each pair that was found belongs together.
    pub reasons: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Client records read.
    pub records: u64,
    pub ignored: u64,
    pub clean: u64,
    /// By kind, then file and line.
    pub problems: Vec<Problem>,
    pub clusters: Vec<Cluster>,
}

impl Health {
    /// Clean ÷ (all − ignored) × 1000, rounded down; `None` if there is nothing to judge.
    pub fn score(&self) -> Option<u64> {
        (self.clean * 1000).checked_div(self.records - self.ignored)
    }
}

/// Judges the PSA's records. `findings` is what loading `tables` into `psa` said.
pub fn examine(
    tables: &[(TableKind, Table)],
    psa: &Psa,
    findings: &[Finding],
    ignores: &[Ignore],
    stale_months: u32,
) -> Health {
    let ignored = |client: &Client, code: Code| {
        let of = |i: &Ignore| i.names(IgnoreKind::Client, client.id.as_str()) && i.code.is_none_or(|c| c == code);
        ignores.iter().any(of)
    };
    let whole =
        |client: &Client| ignores.iter().any(|i| i.code.is_none() && i.names(IgnoreKind::Client, client.id.as_str()));
    let mut problems = Vec::new();
    let compared: Vec<&Client> = psa.clients.iter().filter(|c| !ignored(c, Code::T205)).collect();
    let clusters = clusters::clusters(&compared, &mut problems);
    let fields = Fields::of(tables, psa);
    let newest = psa.clients.iter().filter_map(|c| c.last_activity).max();
    let stale_before = newest.and_then(|day| day.checked_sub_months(Months::new(stale_months)));
    for client in &psa.clients {
        let mut say = |code, message: String| {
            if !ignored(client, code) {
                problems.push(of_client(client, code, message));
            }
        };
        if let Some(message) = stale(client, stale_before, newest) {
            say(Code::T206, message);
        }
        for message in fields.lacking(client) {
            say(Code::T207, message);
        }
    }
    orphans(psa, findings, ignores, &mut problems);
    unreadable(tables, psa, findings, &mut problems);
    problems.sort();
    problems.dedup();
    let records: u64 = client_tables(tables).map(|t| t.rows.len() as u64).sum();
    let ignored_records = psa.clients.iter().filter(|c| whole(c)).count() as u64;
    let on_clients = problems.iter().filter(|p| p.kind == RecordKind::Client);
    let whole_places: BTreeSet<&Place> = psa.clients.iter().filter(|c| whole(c)).map(|c| &c.place).collect();
    let unclean: BTreeSet<&Place> = on_clients.map(|p| &p.place).filter(|p| !whole_places.contains(p)).collect();
    let clean = records - ignored_records - unclean.len() as u64;
    Health { records, ignored: ignored_records, clean, problems, clusters }
}

fn client_tables(tables: &[(TableKind, Table)]) -> impl Iterator<Item = &Table> {
    tables.iter().filter(|(kind, _)| *kind == TableKind::Clients).map(|(_, table)| table)
}

fn of_client(client: &Client, code: Code, message: String) -> Problem {
    Problem {
        kind: RecordKind::Client,
        place: client.place.clone(),
        code,
        message,
        id: client.id.to_string(),
        name: client.name.clone(),
        cluster: None,
    }
}

fn stale(client: &Client, before: Option<NaiveDate>, newest: Option<NaiveDate>) -> Option<String> {
    let (last, before, newest) = (client.last_activity?, before?, newest?);
    let message = format!("its last activity was on {last}, and the newest of all clients on {newest}");
    (client.active && last < before).then_some(message)
}

/// What billing needs of a client, as far as the tables have columns for it: a PSA that keeps no currency
/// per client has not left it out.
struct Fields {
    /// Records whose status cell is empty.
    no_status: BTreeSet<Place>,
    currency: bool,
    with_currency: BTreeSet<String>,
    ids: BTreeSet<String>,
}

impl Fields {
    fn of(tables: &[(TableKind, Table)], psa: &Psa) -> Self {
        let has = |table: &Table, column: &str| table.columns.iter().any(|c| c == column);
        let mut no_status = BTreeSet::new();
        for table in client_tables(tables).filter(|t| has(t, "status")) {
            let bare = table.rows.iter().filter(|row| table.cell(row, "status").trim().is_empty());
            no_status.extend(bare.map(|row| Place::line(table.source.clone(), row.line)));
        }
        let of_money = |kind: &TableKind| matches!(kind, TableKind::Clients | TableKind::Contracts);
        Self {
            no_status,
            currency: tables.iter().any(|(kind, table)| of_money(kind) && has(table, "currency")),
            with_currency: psa.contracts.iter().filter(|c| !c.currency.is_none()).map(|c| c.client_id.key()).collect(),
            ids: psa.clients.iter().map(|c| c.id.key()).collect(),
        }
    }

    fn lacking(&self, client: &Client) -> Vec<String> {
        let mut lacking = Vec::new();
        if !client.active {
            return lacking;
        }
        if client.name.trim().is_empty() {
            lacking.push("it has no name, which stands on its invoices".to_string());
        }
        if self.no_status.contains(&client.place) {
            lacking.push("it has no status, so it is taken as active and billed".to_string());
        }
        if self.currency && client.currency.is_none() && !self.with_currency.contains(&client.id.key()) {
            lacking.push("neither it nor a contract of it has a currency".to_string());
        }
        for (what, id) in
            [("bill_to_client_id", &client.bill_to_client_id), ("parent_client_id", &client.parent_client_id)]
        {
            if !id.is_empty() && !self.ids.contains(&id.key()) {
                lacking.push(format!("its {what} names a client that does not exist: {id}"));
            }
        }
        lacking
    }
}

/// T208 as loading found it, on the record itself and on the client whose line it is.
fn orphans(psa: &Psa, findings: &[Finding], ignores: &[Ignore], problems: &mut Vec<Problem>) {
    let clients: BTreeMap<String, &Client> = psa.clients.iter().map(|c| (c.id.key(), c)).collect();
    let of_contract: BTreeMap<String, String> = psa.contracts.iter().map(|c| (c.id.key(), c.client_id.key())).collect();
    let mut lines: BTreeMap<&Place, (&str, String)> = BTreeMap::new();
    for line in &psa.contract_lines {
        let client = of_contract.get(&line.contract_id.key()).cloned().unwrap_or_default();
        lines.insert(&line.place, (line.id.as_str(), client));
    }
    for line in &psa.left_out {
        lines.insert(&line.place, (line.id.as_str(), line.client_id.key()));
    }
    for finding in findings.iter().filter(|f| f.code == Code::T208) {
        let Some(place) = &finding.place else { continue };
        let message = match &finding.value {
            Some(value) => format!("{}: {value}", finding.message),
            None => finding.message.clone(),
        };
        let (kind, id, client) = match lines.get(place) {
            Some((id, client)) => (RecordKind::ContractLine, (*id).to_string(), client.as_str()),
            None if finding.message.starts_with("contract ") => {
                let id = finding.message.split(' ').nth(1).unwrap_or_default();
                (RecordKind::Contract, id.to_string(), "")
            }
            // T207 says it of the client.
            None if finding.message.starts_with("client ") => continue,
            None if finding.message.starts_with("units ") => {
                (RecordKind::ContractLine, finding.value.clone().unwrap_or_default(), "")
            }
            None => (RecordKind::PriceTier, String::new(), ""),
        };
        let ignored = |of: IgnoreKind, id: &str| {
            ignores.iter().any(|i| i.names(of, id) && i.code.is_none_or(|c| c == Code::T208))
        };
        let of = match kind {
            RecordKind::Contract => Some(IgnoreKind::Contract),
            RecordKind::ContractLine => Some(IgnoreKind::ContractLine),
            RecordKind::Client | RecordKind::PriceTier => None,
        };
        if of.is_some_and(|of| ignored(of, &id)) {
            continue;
        }
        if let Some(client) = clients.get(client).filter(|c| !ignored(IgnoreKind::Client, c.id.as_str())) {
            problems.push(of_client(client, Code::T208, message.clone()));
        }
        problems.push(Problem {
            kind,
            place: place.clone(),
            code: Code::T208,
            message,
            id,
            name: String::new(),
            cluster: None,
        });
    }
}

/// Client records that loading could not use, and what it said of them.
fn unreadable(tables: &[(TableKind, Table)], psa: &Psa, findings: &[Finding], problems: &mut Vec<Problem>) {
    let used: BTreeSet<&Place> = psa.clients.iter().map(|c| &c.place).collect();
    for table in client_tables(tables) {
        for row in &table.rows {
            let place = Place::line(table.source.clone(), row.line);
            if used.contains(&place) {
                continue;
            }
            let here = |f: &&Finding| f.place.as_ref().is_some_and(|p| p.path == place.path && p.line == place.line);
            let said = findings.iter().filter(here).max_by_key(|f| f.severity);
            problems.push(Problem {
                kind: RecordKind::Client,
                code: said.map_or(Code::I111, |f| f.code),
                message: said.map_or_else(|| "the record cannot be used".to_string(), |f| f.message.clone()),
                id: table.cell(row, "client_id").to_string(),
                name: table.cell(row, "name").to_string(),
                cluster: None,
                place,
            });
        }
    }
}

/// What there is to say of ignore rows that name nothing.
pub fn unused_ignores(psa: &Psa, findings: &[Finding], ignores: &[Ignore]) -> Vec<Finding> {
    let mut known: BTreeSet<(IgnoreKind, String)> =
        psa.clients.iter().map(|c| (IgnoreKind::Client, c.id.key())).collect();
    known.extend(psa.contract_lines.iter().map(|l| (IgnoreKind::ContractLine, l.id.key())));
    known.extend(psa.left_out.iter().map(|l| (IgnoreKind::ContractLine, l.id.key())));
    known.extend(psa.contracts.iter().map(|c| (IgnoreKind::Contract, c.id.key())));
    let left_out = findings.iter().filter(|f| f.code == Code::T208 && f.message.starts_with("contract "));
    known.extend(left_out.filter_map(|f| Some((IgnoreKind::Contract, id_key(f.message.split(' ').nth(1)?)))));
    ignores
        .iter()
        .filter(|i| !known.contains(&(i.kind, id_key(&i.id))))
        .map(|i| {
            let message = "the row names no record of the PSA tables given, so it ignores nothing";
            Finding::new(Code::M307, message).severity(Severity::Info).at(i.place.clone()).value(i.id.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests;
