//! Suggestions for what is unmapped, ranked and explained. They are for a person to confirm and never join
//! anything. Scores are whole hundredths, from counts of words and letters.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rust_decimal::Decimal;

use super::accounts::AccountKey;
use super::products::SkuKey;
use crate::book::{Psa, id_key};
use crate::book::{company_key, folded, product_key};

/// A client or product that an unmapped value may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    pub id: String,
    pub name: String,
    /// 0 to 1, two digits.
    pub score: Decimal,
    /// In words, for a person.
    pub reason: String,
}

/// Below this many hundredths a likeness is chance.
const WORTH_SAYING: usize = 50;
/// And below this many, two spellings are two words.
const SPELT_ALIKE: usize = 70;
/// What a word tells, shared out among the entries that have it: rare words weigh more.
const WEIGHT: usize = 1_000_000;
/// Entries looked at letter by letter, the ones that share the most telling words.
const LOOKED_AT: usize = 40;

struct Entry {
    id: String,
    name: String,
    /// The keys of its name and aliases.
    keys: Vec<String>,
    domain: String,
}

/// Finds suggestions through an index of words and word beginnings, so that one name is not held against all.
pub struct Suggester {
    entries: Vec<Entry>,
    by_word: HashMap<String, Vec<usize>>,
    by_domain: HashMap<String, Vec<usize>>,
}

impl Suggester {
    /// Suggests clients.
    pub fn for_clients(psa: &Psa) -> Self {
        Self::new(psa.clients.iter().map(|c| Entry {
            id: c.id.to_string(),
            name: c.name.clone(),
            keys: [&c.name].into_iter().chain(&c.aliases).map(|n| company_key(n)).collect(),
            domain: folded(&c.domain).trim_start_matches("www.").to_string(),
        }))
    }

    /// Suggests products.
    pub fn for_products(psa: &Psa) -> Self {
        Self::new(psa.products.iter().map(|p| Entry {
            id: p.code.to_string(),
            name: p.name.clone(),
            keys: vec![product_key(&p.name), product_key(p.code.as_str())],
            domain: String::new(),
        }))
    }

    fn new(entries: impl Iterator<Item = Entry>) -> Self {
        let entries: Vec<Entry> = entries.collect();
        let (mut by_word, mut by_domain): (HashMap<String, Vec<usize>>, HashMap<String, Vec<usize>>) =
            Default::default();
        for (index, entry) in entries.iter().enumerate() {
            let words: BTreeSet<String> = entry.keys.iter().flat_map(|k| k.split(' ')).flat_map(index_words).collect();
            for word in words {
                by_word.entry(word).or_default().push(index);
            }
            if !entry.domain.is_empty() {
                by_domain.entry(entry.domain.clone()).or_default().push(index);
            }
        }
        Self { entries, by_word, by_domain }
    }

    /// At most `limit` clients an account may mean, the likeliest first.
    pub fn account(&self, account: &AccountKey, limit: usize) -> Vec<Suggestion> {
        let mut found = self.by_name(&company_key(&account.sub_account_name));
        for text in [&account.sub_account_name, &account.sub_account_id] {
            for part in folded(text).split([' ', ',', ';', '(', ')', '<', '>', '@', '/']) {
                for index in self.by_domain.get(part.trim_start_matches("www.")).into_iter().flatten() {
                    better(&mut found, *index, 95, format!("domain {part} matches"));
                }
            }
        }
        self.ranked(found, limit)
    }

    /// At most `limit` products a SKU may mean, the likeliest first.
    pub fn product(&self, sku: &SkuKey, limit: usize) -> Vec<Suggestion> {
        let mut found = self.by_name(&product_key(&sku.charge_description));
        for (index, (score, reason)) in self.by_name(&product_key(&id_key(&sku.sku_id))) {
            better(&mut found, index, score, reason);
        }
        self.ranked(found, limit)
    }

    fn by_name(&self, key: &str) -> BTreeMap<usize, (usize, String)> {
        let mut found = BTreeMap::new();
        if key.is_empty() {
            return found;
        }
        let words: BTreeSet<String> = key.split(' ').flat_map(index_words).collect();
        let mut weights: HashMap<usize, usize> = HashMap::new();
        for list in words.iter().filter_map(|word| self.by_word.get(word)) {
            for index in list {
                *weights.entry(*index).or_default() += WEIGHT / list.len();
            }
        }
        let mut candidates: Vec<(usize, usize)> = weights.into_iter().map(|(index, weight)| (weight, index)).collect();
        candidates.sort_by_key(|(weight, index)| (std::cmp::Reverse(*weight), *index));
        for (_, index) in candidates.into_iter().take(LOOKED_AT) {
            for other in self.entries.get(index).map(|e| e.keys.as_slice()).unwrap_or_default() {
                let (score, reason) = likeness(key, other);
                better(&mut found, index, score, reason);
            }
        }
        found
    }

    fn ranked(&self, found: BTreeMap<usize, (usize, String)>, limit: usize) -> Vec<Suggestion> {
        let worth = found.into_iter().filter(|(_, (score, _))| *score >= WORTH_SAYING);
        let mut ranked: Vec<_> = worth.filter_map(|(i, (s, reason))| Some((s, self.entries.get(i)?, reason))).collect();
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.id.cmp(&b.1.id)));
        ranked
            .into_iter()
            .take(limit)
            .map(|(score, entry, reason)| Suggestion {
                id: entry.id.clone(),
                name: entry.name.clone(),
                score: Decimal::new(i64::try_from(score).unwrap_or(0), 2),
                reason,
            })
            .collect()
    }
}

fn better(found: &mut BTreeMap<usize, (usize, String)>, index: usize, score: usize, reason: String) {
    let entry = found.entry(index).or_default();
    if score > entry.0 {
        *entry = (score, reason);
    }
}

/// A word, and its first three letters for words that are spelt differently further on.
fn index_words(word: &str) -> Vec<String> {
    let start: String = word.chars().take(3).collect();
    if word.chars().count() > 3 { vec![word.to_string(), format!("{start}…")] } else { vec![word.to_string()] }
}

/// How alike two keys are in hundredths, and why.
fn likeness(a: &str, b: &str) -> (usize, String) {
    if a == b {
        return (100, "same name".to_string());
    }
    let (left, right): (BTreeSet<&str>, BTreeSet<&str>) = (a.split(' ').collect(), b.split(' ').collect());
    let shared: Vec<&str> = left.intersection(&right).copied().collect();
    // "and" says as little as a blank.
    let telling = shared.iter().filter(|w| **w != "and").count();
    let by_words = if telling == 0 { 0 } else { 200 * shared.len() / (left.len() + right.len()) };
    let letters = a.chars().count().max(b.chars().count());
    let apart = strsim::osa_distance(a, b);
    let by_letters = 100 * (letters - apart.min(letters)) / letters.max(1);
    let by_letters = if by_letters < SPELT_ALIKE { 0 } else { by_letters };
    let extra: Vec<String> = left.symmetric_difference(&right).map(|w| format!("'{w}'")).collect();
    if left.len() == shared.len() && right.len() == shared.len() {
        (98, "same words in another order".to_string())
    } else if telling > 0 && (left.len() == shared.len() || right.len() == shared.len()) {
        (by_words.max(by_letters).min(97), format!("same name but for {}", extra.join(" ")))
    } else if by_letters > by_words {
        let plural = if apart == 1 { "" } else { "s" };
        (by_letters.min(97), format!("spelt alike, {apart} letter{plural} apart"))
    } else {
        let quoted: Vec<String> = shared.iter().map(|w| format!("'{w}'")).collect();
        (by_words.min(97), format!("shares {}", quoted.join(" ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::load_psa;
    use crate::format::TableKind;
    use crate::ingest::{Table, TableRow};

    fn psa() -> Psa {
        let table = |columns: [&str; 3], rows: &[[&str; 3]]| Table {
            source: "psa/t.csv".into(),
            columns: columns.map(str::to_string).to_vec(),
            rows: (2..)
                .zip(rows)
                .map(|(line, r)| TableRow { line, cells: r.map(str::to_string).to_vec(), fields: vec![1, 2, 3] })
                .collect(),
            ..Table::default()
        };
        let clients = [
            ["C1", "Granite Accounting Group", "granite.test"],
            ["C2", "Granite Medical Co", ""],
            ["C3", "Westbrook Dental Inc.", "westbrook.test"],
            ["C4", "Orchard Pharmacy & Sons", ""],
            ["C5", "Orchard Dental & Sons", ""],
        ];
        let products = [["M365-BP", "Microsoft 365 Business Premium", ""], ["S1", "SentinelOne Control", ""]];
        load_psa(&[
            (TableKind::Clients, table(["client_id", "name", "domain"], &clients)),
            (TableKind::Products, table(["product_code", "name", "unit"], &products)),
        ])
        .0
    }

    fn accounts(id: &str, name: &str) -> Vec<(String, String, String)> {
        let account =
            AccountKey { provider_name: "Pax8".into(), sub_account_id: id.into(), sub_account_name: name.into() };
        let found = Suggester::for_clients(&psa()).account(&account, 2);
        found.into_iter().map(|s| (s.id, s.score.to_string(), s.reason)).collect()
    }

    fn one(id: &str, score: &str, reason: &str) -> (String, String, String) {
        (id.into(), score.into(), reason.into())
    }

    #[test]
    fn suggestions_are_ranked_and_explained() {
        assert_eq!(accounts("", "Granite Accounting")[0], one("C1", "0.80", "same name but for 'group'"));
        assert_eq!(accounts("", "Westbrok Dental")[0], one("C3", "0.93", "spelt alike, 1 letter apart"));
        assert_eq!(accounts("", "Dental Westbrook")[0], one("C3", "0.98", "same words in another order"));
        assert_eq!(accounts("", "Granite Medical Ltd")[0], one("C2", "1.00", "same name"));
        assert_eq!(accounts("", "Orchard and Sons")[0].2, "same name but for 'pharmacy'");
        let both: Vec<_> = accounts("", "Orchard and Sons").into_iter().map(|s| s.0).collect();
        assert_eq!(both, ["C4", "C5"]);
    }

    #[test]
    fn a_domain_is_a_good_hint() {
        assert_eq!(accounts("", "admin@westbrook.test"), [one("C3", "0.95", "domain westbrook.test matches")]);
        assert_eq!(accounts("granite.test", "GAG")[0].0, "C1");
    }

    #[test]
    fn what_is_unlike_is_not_suggested() {
        assert!(accounts("", "Zephyr Plumbing").is_empty());
        assert!(accounts("", "Ember and Ash").is_empty());
        assert!(accounts("", "Westway Dentistry").is_empty());
        assert!(accounts("", "").is_empty());
    }

    #[test]
    fn products_are_suggested_by_name_and_by_code() {
        let suggester = Suggester::for_products(&psa());
        let sku = |id: &str, name: &str| SkuKey {
            provider_name: "Microsoft".into(),
            sku_id: id.into(),
            charge_description: name.into(),
            ..SkuKey::default()
        };
        assert_eq!(suggester.product(&sku("x", "M365 Business Premium"), 1)[0].id, "M365-BP");
        assert_eq!(suggester.product(&sku("m365-bp2", "?"), 1)[0].reason, "spelt alike, 1 letter apart");
        assert!(suggester.product(&sku("x", "Huntress"), 1).is_empty());
    }
}
