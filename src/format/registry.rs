//! The known formats: those built in and the user's own, and which of them a heading row belongs to.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::spec_file::{SpecFault, parse_spec};
use super::{From, Spec, TableSpec, Word, closest, means, normalise};
use crate::finding::{Code, Finding, Place};

const BUILTIN: &[&str] = &[
    include_str!("specs/microsoft-nce.toml"),
    include_str!("specs/microsoft-legacy.toml"),
    include_str!("specs/microsoft-daily-usage.toml"),
    include_str!("specs/azure-ea.toml"),
    include_str!("specs/azure-mca.toml"),
    include_str!("specs/aws-cur.toml"),
    include_str!("specs/pax8-invoice.toml"),
    include_str!("specs/sherweb.toml"),
    include_str!("specs/dicker-annuity.toml"),
    include_str!("specs/dicker-invoice.toml"),
    include_str!("specs/cove.toml"),
    include_str!("specs/cove-usage.toml"),
    include_str!("specs/keeper.toml"),
    include_str!("specs/datto-saas.toml"),
    include_str!("specs/xarios.toml"),
    include_str!("specs/focus.toml"),
    include_str!("specs/trueup-usage.toml"),
    include_str!("specs/trueup-tidy.toml"),
    include_str!("specs/generic.toml"),
    include_str!("specs/connectwise.toml"),
    include_str!("specs/autotask.toml"),
    include_str!("specs/halopsa.toml"),
    include_str!("specs/trueup-psa.toml"),
];

/// Formats in the order they were added.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    formats: Vec<Known>,
    /// The headings that some table requires: nearly every row of data has none, and fits nothing.
    required: HashSet<String>,
}

/// A spec with its headings ready to compare.
#[derive(Debug, Clone)]
struct Known {
    spec: Arc<Spec>,
    tables: Vec<KnownTable>,
}

#[derive(Debug, Clone)]
struct KnownTable {
    required: Vec<Vec<String>>,
    headings: HashSet<String>,
    families: Vec<String>,
}

/// How well a heading row fits a table of a format.
#[derive(Debug, Clone)]
pub struct Fit {
    pub spec: Arc<Spec>,
    pub table: usize,
    /// Headings of the file that the table knows.
    pub matched: usize,
    /// Required headings found.
    pub present: usize,
    /// Required headings not found, each as its first spelling.
    pub missing: Vec<String>,
}

impl Registry {
    /// The formats every trueup knows.
    pub fn builtin() -> Self {
        let mut registry = Self::default();
        for text in BUILTIN {
            let spec = parse_spec(text);
            registry.add(spec.expect("a built-in spec is correct: a test reads them all"));
        }
        registry
    }

    /// The built-in formats and those of a folder (`*.toml`, by name); a user's spec of a built-in's id
    /// replaces it. Every fault is a finding at its file, line and column. A missing folder is no fault.
    pub fn with_user(dir: &Path) -> Result<Self, Vec<Finding>> {
        let mut registry = Self::builtin();
        if !dir.is_dir() {
            return Ok(registry);
        }
        let shown = dir.file_name().map_or_else(|| "formats".into(), |n| n.to_string_lossy().into_owned());
        let unreadable = |e: std::io::Error| vec![Finding::new(Code::I101, e.to_string()).at(Place::file(&shown))];
        let mut paths = Vec::new();
        for entry in fs_err::read_dir(dir).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml")) {
                paths.push(path);
            }
        }
        paths.sort();
        let mut faults = Vec::new();
        let mut own: HashSet<String> = HashSet::new();
        for path in paths {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let source = format!("{shown}/{name}");
            let text = match fs_err::read_to_string(&path) {
                Ok(text) => text,
                Err(e) => {
                    faults.push(Finding::new(Code::I101, e.to_string()).at(Place::file(source)));
                    continue;
                }
            };
            match parse_spec(&text) {
                Ok(spec) if !own.insert(spec.id.clone()) => {
                    let message = "another spec of the folder has the same id; give one of them another";
                    faults.push(Finding::new(Code::I101, message).at(Place::file(source)).value(spec.id));
                }
                Ok(spec) => registry.add(Spec { file: Some(source), ..spec }),
                Err(SpecFault { line, column, value, message }) => {
                    let message = format!("the format spec cannot be used: {message}");
                    let mut finding = Finding::new(Code::I101, message).at(Place::cell(source, line, column));
                    finding.value = (!value.is_empty()).then_some(value);
                    faults.push(finding);
                }
            }
        }
        if faults.is_empty() { Ok(registry) } else { Err(faults) }
    }

    /// Adds a format, in the place of one of the same id.
    pub fn add(&mut self, spec: Spec) {
        let tables: Vec<KnownTable> = spec.tables.iter().map(KnownTable::of).collect();
        self.required.extend(tables.iter().flat_map(|t| &t.required).flatten().cloned());
        let known = Known { spec: Arc::new(spec), tables };
        match self.formats.iter_mut().find(|k| k.spec.id == known.spec.id) {
            Some(old) => *old = known,
            None => self.formats.push(known),
        }
    }

    /// Teaches a format what a word of a column means in this book: it is tried before the format's own words.
    ///
    /// # Errors
    /// What is known, where the format or the heading is not.
    pub fn teach(&mut self, format: &str, heading: &str, word: &str, means: &str) -> Result<(), String> {
        let Some(known) = self.formats.iter_mut().find(|k| k.spec.id == format) else {
            return Err(format!("there is no format {format:?}; `trueup formats` lists those known"));
        };
        let wanted = normalise(heading);
        let spec = Arc::make_mut(&mut known.spec);
        let mut bound = std::collections::BTreeSet::new();
        let mut taught = false;
        for step in spec.tables.iter_mut().flat_map(|t| &mut t.columns).flat_map(|c| &mut c.steps) {
            let From::Heading(own) = &step.from else { continue };
            if normalise(own) == wanted {
                step.words.insert(0, Word { word: word.to_string(), means: means.to_string() });
                taught = true;
            } else {
                bound.insert(own.clone());
            }
        }
        if taught {
            return Ok(());
        }
        let near = closest(heading, bound.iter().map(String::as_str));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
        Err(format!("format {format} reads no heading {heading:?}{hint}"))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Spec>> {
        self.formats.iter().map(|k| &k.spec)
    }

    pub fn get(&self, id: &str) -> Option<&Arc<Spec>> {
        self.iter().find(|s| s.id == id)
    }

    /// How every table fits a row of normalised headings; tables with no required heading there are left out.
    pub fn fits(&self, headings: &[String]) -> Vec<Fit> {
        if !headings.iter().any(|h| self.required.contains(h)) {
            return Vec::new();
        }
        let present: HashSet<&str> = headings.iter().map(String::as_str).filter(|h| !h.is_empty()).collect();
        let mut fits = Vec::new();
        for known in &self.formats {
            for (table, entry) in known.tables.iter().enumerate() {
                // Rows within another table's records are found by way of that table.
                if known.spec.tables[table].read.within.is_some() {
                    continue;
                }
                let there = |any: &&Vec<String>| any.iter().any(|h| present.contains(h.as_str()));
                let found = entry.required.iter().filter(there).count();
                if found == 0 {
                    continue;
                }
                let spec_table = &known.spec.tables[table];
                let missing = entry.required.iter().zip(&spec_table.recognise.required);
                let missing = missing.filter(|(any, _)| !there(any)).map(|(_, spelled)| spelled.join(" or ")).collect();
                let matched = present.iter().filter(|h| entry.knows(h)).count();
                fits.push(Fit { spec: known.spec.clone(), table, matched, present: found, missing });
            }
        }
        fits
    }
}

impl KnownTable {
    fn of(table: &TableSpec) -> Self {
        let known = table.known_headings();
        Self {
            required: table.recognise.required.iter().map(|any| any.iter().map(|h| normalise(h)).collect()).collect(),
            headings: known.iter().filter(|h| !h.ends_with('*')).map(|h| normalise(h)).collect(),
            families: known.iter().filter(|h| h.ends_with('*')).map(ToString::to_string).collect(),
        }
    }

    fn knows(&self, normalised: &str) -> bool {
        self.headings.contains(normalised) || self.families.iter().any(|f| means(f, normalised))
    }
}

impl Fit {
    /// All required headings are there.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty()
    }

    /// Most required headings are there and most of the file's are known: the format, with columns lost.
    pub fn is_near(&self, headings: usize) -> bool {
        self.present + self.missing.len() >= 4 && self.present >= 2 * self.missing.len() && self.matched * 2 > headings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(headings: &[&str]) -> Vec<String> {
        headings.iter().map(|h| normalise(h)).collect()
    }

    fn whole(headings: &[&str]) -> Vec<String> {
        let fits = Registry::builtin().fits(&row(headings));
        fits.iter().filter(|f| f.is_whole()).map(|f| f.spec.id.clone()).collect()
    }

    #[test]
    fn every_built_in_spec_is_correct() {
        let registry = Registry::builtin();
        assert_eq!(registry.iter().count(), BUILTIN.len());
        for spec in registry.iter() {
            assert!(!spec.source.is_empty(), "{} says where it is from", spec.id);
        }
    }

    #[test]
    fn required_headings_are_found_in_any_order_and_spelling() {
        let headings = ["MAX LICENSES", "rate", "Licenses", "Product", "Company-Id"];
        assert_eq!(whole(&headings), ["keeper", "generic"]);
        assert!(!whole(&headings[1..]).contains(&"keeper".to_string()));
    }

    #[test]
    fn missing_required_headings_are_named() {
        let fits = Registry::builtin().fits(&row(&["company", "product", "licenses", "rate"]));
        let keeper = fits.iter().find(|f| f.spec.id == "keeper").expect("a fit");
        assert_eq!(keeper.missing, ["max_licenses"]);
        assert!(keeper.is_near(4));
    }

    #[test]
    fn a_taught_word_is_tried_before_the_formats_own() {
        let mut registry = Registry::builtin();
        registry.teach("connectwise", "billing_cycle.NAME", "Monthly", "quarterly").expect("taught");
        let spec = registry.get("connectwise").expect("known");
        let cycle = spec.tables.iter().find_map(|t| t.column("bill_cycle")).expect("a column");
        assert_eq!(cycle.steps[0].words[0], Word { word: "Monthly".into(), means: "quarterly".into() });
        assert!(registry.teach("connectwize", "x", "1", "y").expect_err("unknown").contains("no format"));
        let said = registry.teach("connectwise", "prorateFlags", "1", "none").expect_err("unknown");
        assert!(said.contains("did you mean \"prorateFlag\""), "{said}");
    }

    #[test]
    fn a_users_spec_joins_the_built_in_ones_and_its_faults_are_placed() {
        let dir = tempfile::tempdir().expect("a folder");
        let formats = dir.path().join("formats");
        fs_err::create_dir(&formats).expect("a folder");
        let good =
            "id = \"acme\"\nkind = \"usage\"\n[recognise]\nrequired = [\"Tenant\"]\n[columns]\nsku_id = \"Sku\"\n";
        fs_err::write(formats.join("acme.toml"), good).expect("a file");
        let registry = Registry::with_user(&formats).expect("formats");
        assert!(registry.get("acme").is_some() && registry.get("focus").is_some());

        fs_err::write(formats.join("bad.toml"), good.replace("sku_id", "skuid")).expect("a file");
        let faults = Registry::with_user(&formats).expect_err("a fault");
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].place, Some(Place::cell("formats/bad.toml", 6, 1)));
        assert!(faults[0].message.contains("`sku_id`"), "{}", faults[0].message);
        assert!(Registry::with_user(&dir.path().join("none")).is_ok());
    }
}
