//! What feeds a column: its steps, bound to the fields of one file, and the rules by which rows are set apart.

use std::collections::{BTreeSet, HashMap};

use crate::format::{From, Parts, Step, Unless, Word, WordPattern};
use crate::ingest::CellKind;
use crate::ingest::seen::Seen;

/// How many distinct cells a word list remembers before it judges each anew.
const REMEMBERED: usize = 4096;
/// How many unknown words are named.
const NAMED: usize = 20;

#[derive(Debug)]
pub(super) struct BoundColumn {
    pub name: String,
    pub steps: Vec<BoundStep>,
    /// Needs no words, cutting or joining: the value is a cell.
    pub plain: bool,
    /// The value where it is not a cell.
    pub text: String,
    /// Where the value stands; where there is none, the field that would have it.
    pub field: Option<usize>,
    pub kind: CellKind,
}

#[derive(Debug)]
pub(super) struct BoundStep {
    pub from: BoundFrom,
    parts: Option<Parts>,
    words: Vec<Word>,
    otherwise: Option<String>,
    prefix: String,
    pub unless: Option<BoundRule>,
    remembered: HashMap<String, Fits>,
}

#[derive(Debug)]
pub(super) enum BoundFrom {
    Field(usize),
    Constant(String),
    Join(Vec<usize>, String),
}

/// What a word list says of a cell.
#[derive(Debug, Clone, Copy)]
enum Fits {
    Word(usize),
    Otherwise,
    Itself,
}

#[derive(Debug)]
pub(super) struct BoundRule {
    /// Its place among the rules of the format.
    pub number: usize,
    pub field: usize,
    words: Vec<WordPattern>,
}

impl BoundColumn {
    pub fn new(name: &str, steps: &[Step], find: &impl Fn(&str) -> Option<usize>) -> Self {
        let steps: Vec<BoundStep> = steps.iter().filter_map(|s| BoundStep::new(s, find)).collect();
        let is_cell = |s: &BoundStep| {
            let whole = s.words.is_empty() && s.parts.is_none() && s.prefix.is_empty() && s.unless.is_none();
            matches!(s.from, BoundFrom::Field(_)) && whole
        };
        let plain = steps.iter().all(is_cell);
        let field = steps.first().and_then(|s| s.fields().first().copied());
        Self { name: name.to_string(), steps, plain, text: String::new(), field, kind: CellKind::Text }
    }

    pub fn fields(&self) -> impl Iterator<Item = usize> + '_ {
        self.steps.iter().flat_map(|step| step.fields().iter().copied())
    }

    /// The field that has its value as it stands.
    pub fn cell(&self) -> Option<u32> {
        self.field.filter(|_| self.plain).and_then(|field| u32::try_from(field).ok())
    }

    /// Of a single cell it does not change where the value stands.
    pub fn is_settled(&self) -> bool {
        self.plain && self.steps.len() < 2
    }

    /// The value of the row last looked at: that of the first step that has one.
    pub fn work_out(&mut self, seen: &Seen, unknown_words: &mut BTreeSet<(String, String)>) {
        if self.plain {
            let mut fields = self.steps.iter().flat_map(BoundStep::fields).copied();
            let filled = fields.clone().find(|field| !seen.value(*field).is_empty());
            self.field = filled.or(fields.next());
            return;
        }
        self.text.clear();
        (self.field, self.kind) = (None, CellKind::Text);
        for step in &mut self.steps {
            if step.unless.as_ref().is_some_and(|u| u.fits(seen)) {
                continue;
            }
            let start = self.text.len();
            match &step.from {
                BoundFrom::Field(field) => {
                    let field = *field;
                    let text = seen.value(field);
                    let text = step.parts.as_ref().map_or(text, |parts| parts.of(text));
                    self.kind = CellKind::Text;
                    let value = if step.words.is_empty() {
                        // A part of a cell is text, whatever the cell is.
                        if step.parts.is_none() {
                            self.kind = seen.kind(field);
                        }
                        text
                    } else {
                        match step.fits(text) {
                            Fits::Word(i) => step.words[i].means.as_str(),
                            Fits::Otherwise => step.otherwise.as_deref().unwrap_or_default(),
                            Fits::Itself => {
                                if !text.is_empty() {
                                    keep_first(unknown_words, (self.name.clone(), text.to_string()));
                                }
                                text
                            }
                        }
                    };
                    self.text.push_str(value);
                    self.field = Some(field);
                }
                BoundFrom::Constant(constant) => {
                    self.text.push_str(constant);
                    (self.field, self.kind) = (None, CellKind::Text);
                }
                BoundFrom::Join(fields, with) => {
                    for field in fields {
                        let part = seen.value(*field);
                        if !part.is_empty() && self.text.len() > start {
                            self.text.push_str(with);
                        }
                        self.text.push_str(part);
                    }
                    (self.field, self.kind) = (fields.first().copied(), CellKind::Text);
                }
            }
            if !self.text.is_empty() {
                if !step.prefix.is_empty() {
                    self.text.insert_str(0, &step.prefix);
                    self.kind = CellKind::Text;
                }
                break;
            }
        }
    }
}

impl BoundStep {
    pub fn fields(&self) -> &[usize] {
        match &self.from {
            BoundFrom::Field(field) => std::slice::from_ref(field),
            BoundFrom::Join(fields, _) => fields,
            BoundFrom::Constant(_) => &[],
        }
    }

    pub fn new(step: &Step, find: &impl Fn(&str) -> Option<usize>) -> Option<Self> {
        let from = match &step.from {
            From::Heading(heading) => BoundFrom::Field(find(heading)?),
            From::Constant(constant) => BoundFrom::Constant(constant.clone()),
            From::Join(parts, with) => {
                let fields: Vec<usize> = parts.iter().filter_map(|p| find(p)).collect();
                if fields.is_empty() {
                    return None;
                }
                BoundFrom::Join(fields, with.clone())
            }
        };
        let bound = |u: &Unless| BoundRule::new(0, &u.heading, &u.words, find);
        Some(Self {
            from,
            parts: step.parts.clone(),
            words: step.words.clone(),
            otherwise: step.otherwise.clone(),
            prefix: step.prefix.clone(),
            unless: step.unless.as_ref().and_then(bound),
            remembered: HashMap::new(),
        })
    }

    fn fits(&mut self, text: &str) -> Fits {
        if let Some(fits) = self.remembered.get(text) {
            return *fits;
        }
        let fits = match self.words.iter().position(|w| WordPattern::new(&w.word).fits(text)) {
            Some(i) => Fits::Word(i),
            None if self.otherwise.is_some() => Fits::Otherwise,
            None => Fits::Itself,
        };
        if self.remembered.len() < REMEMBERED {
            self.remembered.insert(text.to_string(), fits);
        }
        fits
    }
}

/// Takes in a word. The first by their texts are kept, in whatever order they come.
pub fn keep_first(words: &mut BTreeSet<(String, String)>, word: (String, String)) {
    if words.len() < NAMED || words.last().is_some_and(|last| word < *last) {
        words.insert(word);
        if words.len() > NAMED {
            words.pop_last();
        }
    }
}

impl BoundRule {
    pub fn new(number: usize, heading: &str, words: &[String], find: &impl Fn(&str) -> Option<usize>) -> Option<Self> {
        let words = words.iter().map(|w| WordPattern::new(w)).collect();
        find(heading).map(|field| Self { number, field, words })
    }

    pub fn fits(&self, seen: &Seen) -> bool {
        let cell = seen.text(self.field).trim();
        self.words.iter().any(|w| w.fits(cell))
    }
}
