//! `map/ignore.csv`: what is known and meant to be as it is. A row silences one code of a record, or all of
//! them; taking the row out brings them back.

use super::cells::Cells;
use super::id_key;
use crate::finding::{Code, Finding, Place};
use crate::ingest::Table;

pub const IGNORE_FILE: &str = "map/ignore.csv";
pub const IGNORE_COLUMNS: &[&str] = &["kind", "id", "code", "reason"];

/// What a row of `map/ignore.csv` speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IgnoreKind {
    Client,
    Contract,
    ContractLine,
}

const KINDS: &[(&str, Option<IgnoreKind>)] = &[
    ("client", Some(IgnoreKind::Client)),
    ("contract", Some(IgnoreKind::Contract)),
    ("contract_line", Some(IgnoreKind::ContractLine)),
];
const CODES: &[(&str, Option<Code>)] =
    &[("t205", Some(Code::T205)), ("t206", Some(Code::T206)), ("t207", Some(Code::T207)), ("t208", Some(Code::T208))];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignore {
    pub kind: IgnoreKind,
    pub id: String,
    /// `None`: every code.
    pub code: Option<Code>,
    pub reason: String,
    pub place: Place,
}

impl Ignore {
    /// Whether it speaks of that record.
    pub fn names(&self, kind: IgnoreKind, id: &str) -> bool {
        self.kind == kind && id_key(&self.id) == id_key(id)
    }
}

/// The rows that can be used, in file order.
pub fn load_ignores(table: &Table) -> (Vec<Ignore>, Vec<Finding>) {
    let (mut ignores, mut findings) = (Vec::new(), Vec::new());
    for row in &table.rows {
        let mut cells = Cells::new(table, row, &mut findings);
        cells.required("kind");
        let kind = cells.word("kind", KINDS, None);
        let id = cells.required("id").to_string();
        let code = cells.word("code", CODES, None);
        let reason = cells.owned("reason");
        if let (true, Some(kind)) = (cells.usable(), kind) {
            ignores.push(Ignore { kind, id, code, reason, place: Place::line(table.source.clone(), row.line) });
        }
    }
    (ignores, findings)
}

#[cfg(test)]
mod tests {
    use super::super::small_table;
    use super::*;

    #[test]
    fn a_row_names_a_record_and_one_code_or_all() {
        let text = "kind,id,code,reason\nclient,C1,,merged soon\nClient,c2,T205,twins\ncontract line,L1,T208,\n\
                    client,C3,T999,\nclient,,,\nclinet,C4,,\n";
        let (ignores, findings) = load_ignores(&small_table(IGNORE_FILE, text));
        let read: Vec<_> = ignores.iter().map(|i| (i.kind, i.id.as_str(), i.code)).collect();
        assert_eq!(
            read,
            [
                (IgnoreKind::Client, "C1", None),
                (IgnoreKind::Client, "c2", Some(Code::T205)),
                (IgnoreKind::ContractLine, "L1", Some(Code::T208)),
            ]
        );
        assert!(ignores[1].names(IgnoreKind::Client, " C2"));
        let places: Vec<_> = findings.iter().map(|f| f.place.clone().expect("a place").line).collect();
        assert_eq!(places, [Some(5), Some(6), Some(7)], "{findings:?}");
    }
}
