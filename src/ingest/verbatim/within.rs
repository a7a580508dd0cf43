//! What JSON records may hold instead of being it: a list within an object, or objects by the names of their records.

use super::super::envelope::is_of_records;

/// A list within JSON objects that may be what was meant to be read.
#[derive(Default)]
pub(super) struct Within {
    /// Of the first record: a list, and one of objects under a name that interfaces give to records.
    any: Option<String>,
    records: Option<String>,
    /// How many records have the latter.
    times: u64,
    /// Of the first record: the names of members that all have the same members.
    pub named: Option<String>,
}

impl Within {
    pub fn look(&mut self, fields: &[(String, String)]) {
        if self.times == 0 && self.any.is_none() && self.named.is_none() {
            self.named = alike(fields);
        }
        let own_name = |key: &str| key.rsplit('/').next().unwrap_or(key).to_string();
        if self.times == 0 && self.any.is_none() {
            self.any = fields.iter().find(|(_, v)| v.len() > 2 && v.starts_with('[')).map(|(k, _)| k.clone());
            let is_alone = fields.len() == 1;
            let of_records =
                |(k, v): &&(String, String)| v.starts_with("[{") && (is_alone || is_of_records(&own_name(k)));
            self.records = fields.iter().find(of_records).map(|(k, _)| k.clone());
        }
        if let Some(list) = &self.records {
            self.times += u64::from(fields.iter().any(|(k, v)| k == list && v.starts_with('[')));
        }
    }

    /// The list of a lone object, or one that every object has.
    pub fn list(&self, records: u64) -> Option<&str> {
        if records == 1 { self.any.as_deref() } else { self.records.as_deref().filter(|_| self.times == records) }
    }
}

/// The names of a record's members, where each has the same members as the others: records by their ids, as some
/// programs write them, or columns by the numbers of their rows. An address or two within a record are none.
fn alike(fields: &[(String, String)]) -> Option<String> {
    let mut members: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut keys: Vec<&str> = fields.iter().map(|(key, _)| key.as_str()).collect();
    // What wraps all of them is no member.
    while let Some((wrapper, _)) = keys.first().and_then(|key| key.split_once('/'))
        && keys
            .iter()
            .all(|key| key.split_once('/').is_some_and(|(first, rest)| first == wrapper && rest.contains('/')))
    {
        for key in &mut keys {
            *key = &key[wrapper.len() + 1..];
        }
    }
    for key in keys {
        let (member, within) = key.split_once('/')?;
        match members.last_mut().filter(|(last, _)| *last == member) {
            Some((_, names)) => names.push(within),
            None => members.push((member, vec![within])),
        }
    }
    let (first, rest) = members.split_first()?;
    let is_number = |name: &str| name.bytes().all(|b| b.is_ascii_digit());
    let by_number = members.iter().all(|(name, _)| is_number(name)) || first.1.iter().all(|name| is_number(name));
    let is_alike =
        rest.iter().all(|(_, names)| *names == first.1) && (rest.len() > 1 || (by_number && !rest.is_empty()));
    is_alike.then(|| members.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "))
}
