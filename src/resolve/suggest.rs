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
        let name = company_key(&account.sub_account_name);
        let mut found = self.by_name(&name);
        for text in [&account.sub_account_name, &account.sub_account_id] {
            for part in folded(text).split([' ', ',', ';', '(', ')', '<', '>', '@', '/']) {
                for index in self.by_domain.get(part.trim_start_matches("www.")).into_iter().flatten() {
                    better(&mut found, *index, 95, Why::Domain(part.to_string()));
                }
            }
        }
        self.ranked(found, limit)
    }

    /// At most `limit` products a SKU may mean, the likeliest first.
    pub fn product(&self, sku: &SkuKey, limit: usize) -> Vec<Suggestion> {
        let (name, id) = (product_key(&sku.charge_description), product_key(&id_key(&sku.sku_id)));
        let mut found = self.by_name(&name);
        for (index, (score, why)) in self.by_name(&id) {
            better(&mut found, index, score, why);
        }
        self.ranked(found, limit)
    }

    fn by_name<'s>(&'s self, key: &'s str) -> Found<'s> {
        let mut found = BTreeMap::new();
        if key.is_empty() {
            return found;
        }
        let words: BTreeSet<String> = key.split(' ').flat_map(index_words).collect();
        let mut weights: Vec<Option<usize>> = vec![None; self.entries.len()];
        let mut candidates: Vec<usize> = Vec::new();
        for list in words.iter().filter_map(|word| self.by_word.get(word)) {
            for index in list {
                let weight = &mut weights[*index];
                if weight.is_none() {
                    candidates.push(*index);
                }
                *weight.get_or_insert(0) += WEIGHT / list.len();
            }
        }
        let order = |index: &usize| (std::cmp::Reverse(weights[*index]), *index);
        if candidates.len() > LOOKED_AT {
            candidates.select_nth_unstable_by_key(LOOKED_AT, order);
            candidates.truncate(LOOKED_AT);
        }
        candidates.sort_unstable_by_key(order);
        let name = Words::of(key);
        for index in candidates {
            for other in self.entries.get(index).map(|e| e.keys.as_slice()).unwrap_or_default() {
                better(&mut found, index, name.likeness(&Words::of(other)).0, Why::Alike(key, other));
            }
        }
        found
    }

    fn ranked(&self, found: Found<'_>, limit: usize) -> Vec<Suggestion> {
        let worth = found.into_iter().filter(|(_, (score, _))| *score >= WORTH_SAYING);
        let mut ranked: Vec<_> = worth.filter_map(|(i, (s, why))| Some((s, self.entries.get(i)?, why))).collect();
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.id.cmp(&b.1.id)));
        ranked
            .into_iter()
            .take(limit)
            .map(|(score, entry, why)| Suggestion {
                id: entry.id.clone(),
                name: entry.name.clone(),
                score: Decimal::new(i64::try_from(score).unwrap_or(0), 2),
                reason: why.in_words(),
            })
            .collect()
    }
}

/// Entries by number, how likely each is meant, and why.
type Found<'s> = BTreeMap<usize, (usize, Why<'s>)>;

/// Put in words only for what is suggested.
enum Why<'s> {
    Alike(&'s str, &'s str),
    Domain(String),
}

impl Why<'_> {
    fn in_words(&self) -> String {
        match self {
            Why::Alike(name, other) => {
                let (name, other) = (Words::of(name), Words::of(other));
                name.reason(&other, name.likeness(&other).1)
            }
            Why::Domain(part) => format!("domain {part} matches"),
        }
    }
}

fn better<'s>(found: &mut Found<'s>, index: usize, score: usize, why: Why<'s>) {
    // What has no likeness at all is found all the same, and no better than nothing.
    if found.get(&index).is_none_or(|(best, _)| score > *best) {
        found.insert(index, (score, why));
    }
}

/// A word, and its first three letters for words that are spelt differently further on.
fn index_words(word: &str) -> Vec<String> {
    let start: String = word.chars().take(3).collect();
    if word.chars().count() > 3 { vec![word.to_string(), format!("{start}…")] } else { vec![word.to_string()] }
}

/// What two keys have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Same,
    OtherOrder,
    /// All words of one of them.
    ButFor,
    /// So many letters apart.
    Spelt(usize),
    Shares,
}

/// A key with its words, each once and in order.
struct Words<'k> {
    key: &'k str,
    words: Vec<&'k str>,
}

impl<'k> Words<'k> {
    fn of(key: &'k str) -> Self {
        let mut words: Vec<&str> = key.split(' ').collect();
        words.sort_unstable();
        words.dedup();
        Self { key, words }
    }

    fn shared(&self, other: &Self) -> impl Iterator<Item = &'k str> {
        self.words.iter().copied().filter(|word| other.words.contains(word))
    }

    /// How alike two keys are in hundredths, and in what.
    fn likeness(&self, other: &Self) -> (usize, Likeness) {
        let (a, b) = (self.key, other.key);
        if a == b {
            return (100, Likeness::Same);
        }
        let (left, right, shared) = (self.words.len(), other.words.len(), self.shared(other).count());
        // "and" says as little as a blank.
        let telling = self.shared(other).filter(|word| *word != "and").count();
        let by_words = if telling == 0 { 0 } else { 200 * shared / (left + right) };
        let letters = a.chars().count().max(b.chars().count());
        let spelt_alike = |apart: usize| 100 * (letters - apart.min(letters)) / letters.max(1);
        // Most are told apart by their letters alone, whatever their order.
        let apart = (spelt_alike(least_apart(a, b)) >= SPELT_ALIKE).then(|| strsim::osa_distance(a, b));
        let by_letters = apart.map_or(0, spelt_alike);
        let by_letters = if by_letters < SPELT_ALIKE { 0 } else { by_letters };
        if left == shared && right == shared {
            (98, Likeness::OtherOrder)
        } else if telling > 0 && (left == shared || right == shared) {
            (by_words.max(by_letters).min(97), Likeness::ButFor)
        } else if let Some(apart) = apart.filter(|_| by_letters > by_words) {
            (by_letters.min(97), Likeness::Spelt(apart))
        } else {
            (by_words.min(97), Likeness::Shares)
        }
    }

    fn reason(&self, other: &Self, likeness: Likeness) -> String {
        let quoted = |words: Vec<&str>| words.iter().map(|w| format!("'{w}'")).collect::<Vec<_>>().join(" ");
        match likeness {
            Likeness::Same => "same name".to_string(),
            Likeness::OtherOrder => "same words in another order".to_string(),
            Likeness::ButFor => {
                let mut extra: Vec<&str> = self.words.iter().chain(&other.words).copied().collect();
                extra.retain(|word| !(self.words.contains(word) && other.words.contains(word)));
                extra.sort_unstable();
                format!("same name but for {}", quoted(extra))
            }
            Likeness::Spelt(apart) => {
                let plural = if apart == 1 { "" } else { "s" };
                format!("spelt alike, {apart} letter{plural} apart")
            }
            Likeness::Shares => format!("shares {}", quoted(self.shared(other).collect())),
        }
    }
}

/// Letters that two keys are apart at least: each step from one to the other takes away one letter at most that the other
/// lacks, and puts in one at most that it has more of.
fn least_apart(a: &str, b: &str) -> usize {
    // Other letters count as one: then there are no more apart.
    let mut more = [0i32; 128];
    let place = |c: char| usize::try_from(u32::from(c)).map_or(0, |c| if c < 128 { c } else { 0 });
    a.chars().for_each(|c| more[place(c)] += 1);
    b.chars().for_each(|c| more[place(c)] -= 1);
    let sum = |sign: i32| more.iter().map(|n| usize::try_from(n * sign).unwrap_or(0)).sum::<usize>();
    sum(1).max(sum(-1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn keys_are_never_nearer_than_their_letters_allow(a in "[ab é☃]{0,12}", b in "[abc é☂]{0,12}") {
            prop_assert!(least_apart(&a, &b) <= strsim::osa_distance(&a, &b));
            prop_assert_eq!(least_apart(&a, &a), 0);
        }
    }
}
