//! Client records that look like one company. Equal names, tax ids and domains, and names one letter apart,
//! tie two records; whatever is tied, also over a third, is a cluster for a person to look at.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cluster, Problem, of_client};
use crate::book::{Client, company_key, folded};
use crate::finding::Code;

/// Mail domains that many companies share.
const SHARED_DOMAINS: &[&str] = &[
    "aol.com",
    "gmail.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "mail.com",
    "me.com",
    "msn.com",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "web.de",
    "yahoo.com",
];
/// Shorter names one letter apart are mostly two names.
const NEAR_LETTERS: usize = 6;

/// Finds the clusters, in the order of their first record, and says T205 of every record in one.
pub(super) fn clusters(clients: &[&Client], problems: &mut Vec<Problem>) -> Vec<Cluster> {
    let mut ties: BTreeMap<(usize, usize), String> = BTreeMap::new();
    let keys: Vec<String> = clients.iter().map(|c| company_key(&c.name)).collect();
    let named = |i: usize| -> BTreeSet<String> {
        let aliases = clients[i].aliases.iter().map(|a| company_key(a));
        [keys[i].clone()].into_iter().chain(aliases).filter(|k| !k.is_empty()).collect()
    };
    tie(&mut ties, group(clients.len(), named), |_, _| true, |key| format!("the same name ({key})"));
    let unrelated = |a: usize, b: usize| !related(clients[a], clients[b]);
    let tax = |i: usize| some(tax_key(&clients[i].tax_id));
    tie(&mut ties, group(clients.len(), tax), unrelated, |key| format!("the same tax id ({key})"));
    let domain = |i: usize| some(domain_key(&clients[i].domain));
    tie(&mut ties, group(clients.len(), domain), unrelated, |key| format!("the same domain ({key})"));
    let near = |a: usize, b: usize| unrelated(a, b) && is_near(&keys[a], &keys[b]);
    tie(&mut ties, group(clients.len(), |i| spellings(&keys[i])), near, |_| "nearly the same name".to_string());

    let mut parent: Vec<usize> = (0..clients.len()).collect();
    for (a, b) in ties.keys() {
        let (a, b) = (root(&parent, *a), root(&parent, *b));
        // The lower one leads, so that the outcome does not depend on the order of ties.
        parent[a.max(b)] = a.min(b);
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for i in 0..clients.len() {
        members.entry(root(&parent, i)).or_default().push(i);
    }
    let mut out = Vec::new();
    for (number, (first, members)) in (1..).zip(members.into_iter().filter(|(_, m)| m.len() > 1)) {
        let inside = ties.iter().filter(|((a, _), _)| root(&parent, *a) == first);
        let mut reasons = Vec::new();
        for ((a, b), why) in inside.clone() {
            reasons.push(format!("{} and {}: {why}", clients[*a].id, clients[*b].id));
        }
        for i in &members {
            let (other, why) = inside
                .clone()
                .find_map(|((a, b), why)| match *i {
                    i if i == *a => Some((*b, why)),
                    i if i == *b => Some((*a, why)),
                    _ => None,
                })
                .map_or((first, ""), |(other, why)| (other, why.as_str()));
            let message = format!("it looks like client {}, which has {why}", clients[other].id);
            problems.push(Problem { cluster: Some(number), ..of_client(clients[*i], Code::T205, message) });
        }
        let clients = members.iter().map(|i| (clients[*i].id.to_string(), clients[*i].name.clone())).collect();
        out.push(Cluster { number, clients, reasons });
    }
    out
}

fn root(parent: &[usize], mut i: usize) -> usize {
    while parent[i] != i {
        i = parent[i];
    }
    i
}

/// Records by what they may share.
fn group(count: usize, keys: impl Fn(usize) -> BTreeSet<String>) -> BTreeMap<String, Vec<usize>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for i in 0..count {
        for key in keys(i) {
            groups.entry(key).or_default().push(i);
        }
    }
    groups
}

/// Ties each record of a group to the ones before it that it goes with. The first reason found stands.
fn tie(
    ties: &mut BTreeMap<(usize, usize), String>,
    groups: BTreeMap<String, Vec<usize>>,
    goes: impl Fn(usize, usize) -> bool,
    why: impl Fn(&str) -> String,
) {
    for (key, members) in groups {
        for (at, b) in members.iter().enumerate() {
            // One tie is enough for the cluster; a large group must not become its square.
            if let Some(a) = members[..at].iter().rev().find(|a| goes(**a, *b)) {
                ties.entry((*a, *b)).or_insert_with(|| why(&key));
            }
        }
    }
}

fn some(key: String) -> BTreeSet<String> {
    [key].into_iter().filter(|k| !k.is_empty()).collect()
}

/// A company and its branches share tax ids and domains by right.
fn related(a: &Client, b: &Client) -> bool {
    let above = |c: &Client| [c.parent_client_id.key(), c.bill_to_client_id.key()];
    let (of_a, of_b) = (above(a), above(b));
    of_a.contains(&b.id.key())
        || of_b.contains(&a.id.key())
        || of_a.iter().any(|id| !id.is_empty() && of_b.contains(id))
}

fn tax_key(text: &str) -> String {
    let key: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect();
    // "n/a", "none", "-": a tax id has digits.
    if key.chars().filter(char::is_ascii_digit).count() >= 4 { key } else { String::new() }
}

fn domain_key(text: &str) -> String {
    let text = folded(text);
    let bare = text.trim_start_matches("https://").trim_start_matches("http://").trim_start_matches("www.");
    let bare = bare.split('/').next().unwrap_or_default().trim_end_matches('.');
    if bare.contains('.') && !SHARED_DOMAINS.contains(&bare) { bare.to_string() } else { String::new() }
}

/// What two names that are nearly the same share: the name with one letter left out, without its spaces, or
/// with its words in order.
fn spellings(key: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let mut words: Vec<&str> = key.split(' ').collect();
    words.sort_unstable();
    out.insert(format!("words {}", words.join(" ")));
    let letters: Vec<char> = key.chars().filter(|c| *c != ' ').collect();
    if letters.len() < NEAR_LETTERS {
        return out;
    }
    out.insert(letters.iter().collect());
    for skip in 0..letters.len() {
        out.insert(letters.iter().enumerate().filter(|(i, _)| *i != skip).map(|(_, c)| c).collect());
    }
    out
}

/// One letter apart, spaces aside, or the same words in another order. Digits tell companies apart.
fn is_near(a: &str, b: &str) -> bool {
    let digits = |t: &str| t.chars().filter(|c| c.is_numeric()).collect::<String>();
    if a.is_empty() || b.is_empty() || digits(a) != digits(b) {
        return false;
    }
    let words = |t: &str| {
        let mut words: Vec<String> = t.split(' ').map(str::to_string).collect();
        words.sort_unstable();
        words
    };
    let solid = |t: &str| t.replace(' ', "");
    words(a) == words(b) || strsim::osa_distance(&solid(a), &solid(b)) <= 1
}
