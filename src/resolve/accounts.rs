//! Accounts to clients.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;

use super::rows::{Cell, Choice, Row, Rows, Subject};
use super::target::{How, Reason, Resolution};
use crate::book::{Client, ClientId, MapStatus, Mappings, Psa, id_key};
use crate::book::{company_key, company_key_of, folded};
use crate::finding::{Code, Finding, Place};

/// An account as the vendor names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AccountKey {
    pub provider_name: String,
    pub sub_account_id: String,
    pub sub_account_name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountResolution {
    pub outcome: Resolution<ClientId>,
    pub how: How,
}

impl AccountResolution {
    pub fn client(&self) -> Option<&ClientId> {
        match &self.outcome {
            Resolution::Mapped(client) => Some(client),
            Resolution::Internal | Resolution::Excluded | Resolution::Unmapped(_) => None,
        }
    }
}

/// A client under a name, and whether the name is its own or an alias.
struct Named {
    client: usize,
    name: String,
    alias: bool,
}

/// Joins accounts to clients, and remembers what it has to say about it.
pub struct AccountResolver<'p> {
    clients: &'p [Client],
    by_id: HashMap<String, usize>,
    by_any_id: HashMap<String, BTreeSet<usize>>,
    by_name: HashMap<String, Vec<Named>>,
    rows: Rows<(MapStatus, String)>,
    /// Provider and name → the ids that bear it.
    bearers: HashMap<(String, String), BTreeSet<String>>,
    findings: BTreeMap<(Code, Place, String), Finding>,
}

const ID: usize = 1;
const NAME: usize = 2;

impl<'p> AccountResolver<'p> {
    pub fn new(psa: &'p Psa, mappings: &Mappings) -> Self {
        let clients = &psa.clients;
        let mut by_id = HashMap::new();
        let mut by_any_id: HashMap<String, BTreeSet<usize>> = HashMap::new();
        let mut by_name: HashMap<String, Vec<Named>> = HashMap::new();
        for (index, client) in clients.iter().enumerate() {
            by_id.entry(client.id.key()).or_insert(index);
            let ids = client.external_ids.iter().map(|id| id_key(id)).chain([client.id.key()]);
            for id in ids.filter(|id| !id.is_empty()) {
                by_any_id.entry(id).or_default().insert(index);
            }
            let own = [(&client.name, false)].into_iter().chain(client.aliases.iter().map(|a| (a, true)));
            for (name, alias) in own.filter(|(name, _)| !name.trim().is_empty()) {
                let named = by_name.entry(company_key(name)).or_default();
                if !named.iter().any(|n| n.client == index) {
                    named.push(Named { client: index, name: name.clone(), alias });
                }
            }
        }
        let rows = mappings.accounts.iter().map(|m| Row {
            cells: vec![
                Cell::equal(company_key(&m.provider_name)),
                Cell::equal(id_key(&m.sub_account_id)),
                Cell::pattern(&m.sub_account_name, company_key),
            ],
            from: m.valid_from,
            to: m.valid_to,
            says: (m.status, if m.status == MapStatus::Mapped { m.client_id.key() } else { String::new() }),
            written: m.client_id.to_string(),
            place: m.place.clone(),
        });
        Self {
            clients,
            by_id,
            by_any_id,
            by_name,
            rows: Rows::new(rows.collect(), &[ID, NAME]),
            bearers: HashMap::new(),
            findings: BTreeMap::new(),
        }
    }

    /// Makes an account known before any is resolved: a name that two of a vendor's accounts bear joins
    /// neither, whichever is met first.
    pub fn observe(&mut self, account: &AccountKey) {
        let id = id_key(&account.sub_account_id);
        if id.is_empty() {
            return;
        }
        let name = company_key(&account.sub_account_name);
        // Of a name that no client has, nothing will be asked.
        if self.by_name.contains_key(&name) {
            self.bearers.entry((company_key(&account.provider_name), name)).or_default().insert(id);
        }
    }

    /// Whether resolutions may differ from day to day; if not, any date gives the same.
    pub fn depends_on_date(&self) -> bool {
        self.rows.dated()
    }

    /// Joins an account as of the day `on`.
    pub fn resolve(&mut self, account: &AccountKey, on: NaiveDate) -> AccountResolution {
        let text = folded(&account.sub_account_name);
        let subject = [
            Subject { key: company_key(&account.provider_name), text: String::new() },
            Subject { key: id_key(&account.sub_account_id), text: String::new() },
            Subject { key: company_key_of(text.clone()), text },
        ];
        let (status, wanted, written, place) = match self.rows.choose(&subject, on) {
            Choice::None => return self.by_id_or_name(account, &subject),
            Choice::Conflict(places) => return unmapped(Reason::Conflict(places), How::Nothing),
            Choice::One { says: (status, wanted), written, place } => {
                (*status, wanted.clone(), written.to_string(), place.clone())
            }
        };
        let how = How::Mapping(place.clone());
        match status {
            MapStatus::Internal => AccountResolution { outcome: Resolution::Internal, how },
            MapStatus::Excluded => AccountResolution { outcome: Resolution::Excluded, how },
            MapStatus::Unusable => unmapped(Reason::Unusable(place), how),
            MapStatus::Mapped => {
                if let Some(index) = self.by_id.get(&wanted).copied() {
                    return self.join(index, how, &place);
                }
                let message = "the mapping names a client that the PSA does not have, so its accounts stay unmapped";
                self.say(Code::M304, place, &written, message.to_string());
                unmapped(Reason::Missing(written), how)
            }
        }
    }

    fn by_id_or_name(&mut self, account: &AccountKey, subject: &[Subject; 3]) -> AccountResolution {
        let [provider, id, name] = subject;
        if let Some(fitting) = self.by_any_id.get(&id.key) {
            let fitting: Vec<usize> = fitting.iter().copied().collect();
            return match fitting.as_slice() {
                [one] => self.join_unmapped(*one, How::Id(account.sub_account_id.trim().to_string())),
                several => self.ambiguous(several, account, "id", &account.sub_account_id),
            };
        }
        let Some(named) = self.by_name.get(&name.key) else {
            return unmapped(Reason::NoMatch, How::Nothing);
        };
        if let [one] = named.as_slice() {
            let how = if one.alias { How::Alias(one.name.clone()) } else { How::Name(one.name.clone()) };
            let client = one.client;
            let bearers = self.bearers.get(&(provider.key.clone(), name.key.clone())).map_or(0, BTreeSet::len);
            if bearers > 1 {
                let message = format!(
                    "{bearers} accounts of {} have the name of client {}, so the name does not say which is which",
                    account.provider_name,
                    self.id(client)
                );
                self.say(Code::M303, self.place(client), &account.sub_account_name, message);
                return unmapped(Reason::SharedName, How::Nothing);
            }
            return self.join_unmapped(client, how);
        }
        let fitting: Vec<usize> = named.iter().map(|n| n.client).collect();
        self.ambiguous(&fitting, account, "name", &account.sub_account_name)
    }

    fn ambiguous(&mut self, fitting: &[usize], account: &AccountKey, what: &str, value: &str) -> AccountResolution {
        let mut ids: Vec<String> = fitting.iter().map(|i| self.id(*i)).collect();
        ids.sort();
        let message =
            format!("the {what} of an account of {} fits the clients {}", account.provider_name, ids.join(", "));
        let place = fitting.iter().map(|i| self.place(*i)).min().unwrap_or_default();
        self.say(Code::M303, place, value, message);
        unmapped(Reason::Ambiguous(ids), How::Nothing)
    }

    fn join_unmapped(&mut self, index: usize, how: How) -> AccountResolution {
        let place = self.place(index);
        self.join(index, how, &place)
    }

    fn join(&mut self, index: usize, how: How, place: &Place) -> AccountResolution {
        let Some(client) = self.clients.get(index) else { return unmapped(Reason::NoMatch, How::Nothing) };
        if !client.active {
            let message = "an account is joined to a client that is inactive in the PSA".to_string();
            self.say(Code::M305, place.clone(), client.id.as_str(), message);
        }
        AccountResolution { outcome: Resolution::Mapped(client.id.clone()), how }
    }

    fn id(&self, index: usize) -> String {
        self.clients.get(index).map(|c| c.id.to_string()).unwrap_or_default()
    }

    fn place(&self, index: usize) -> Place {
        self.clients.get(index).map(|c| c.place.clone()).unwrap_or_default()
    }

    fn say(&mut self, code: Code, place: Place, value: &str, message: String) {
        let key = (code, place.clone(), value.to_string());
        self.findings.entry(key).or_insert_with(|| Finding::new(code, message).at(place).value(value));
    }

    /// What there is to say once every account is resolved, in a stable order: M303, M304, M305, M307, M308.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.findings.values().cloned().chain(self.rows.findings()).collect();
        findings.sort();
        findings
    }
}

fn unmapped(reason: Reason, how: How) -> AccountResolution {
    AccountResolution { outcome: Resolution::Unmapped(reason), how }
}

#[cfg(test)]
mod tests;
