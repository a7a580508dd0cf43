//! Reads `trueup.toml`. Every key is looked up by name in one place, so that a misspelt one is told from a
//! missing one, and numbers are taken from their source text: a float in between would change them.

use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, de::DeString};

use super::{Billing, Config, Period, Proration};
use crate::finding::Place;
use crate::rate::{Currency, Rounding};

/// The settings file, relative to the book.
pub const CONFIG_FILE: &str = "trueup.toml";

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the settings cannot be read")]
    Read(#[from] std::io::Error),
    /// Every problem of the file, in file order.
    #[error("{}", lines(.0))]
    Invalid(Vec<ConfigProblem>),
}

/// One thing wrong with the settings, and the way out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    pub place: Place,
    pub message: String,
    pub hint: Option<String>,
}

impl std::fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\nhint: {hint}"))
    }
}

fn lines(problems: &[ConfigProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

pub(super) type Key<'a> = Spanned<DeString<'a>>;
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

const BILLING: &[(&str, Billing)] =
    &[("metered", Billing::Metered), ("contract", Billing::Contract), ("greater", Billing::Greater)];
pub(super) const PRORATION: &[(&str, Proration)] =
    &[("none", Proration::None), ("actual_days", Proration::ActualDays), ("thirty_days", Proration::ThirtyDays)];
const ROUNDING: &[(&str, Rounding)] =
    &[("half_away_from_zero", Rounding::HalfAwayFromZero), ("half_even", Rounding::HalfEven)];

impl Config {
    /// Where a book keeps its settings.
    pub fn path(book_root: &Path) -> PathBuf {
        book_root.join(CONFIG_FILE)
    }

    /// The settings of a book; the defaults where it has no settings file.
    pub fn load(book_root: &Path) -> Result<Self, ConfigError> {
        let path = Self::path(book_root);
        if !path.try_exists()? {
            return Ok(Self::default());
        }
        Self::parse(&fs_err::read_to_string(path)?)
    }

    /// Reads the text of a settings file.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut reader = Reader { text, problems: Vec::new() };
        let mut config = Self::default();
        match DeTable::parse(text) {
            Ok(table) => reader.root(table.get_ref(), &mut config),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                reader.problem(at, format!("this is not TOML: {}", error.message()), None);
            }
        }
        if reader.problems.is_empty() {
            return Ok(config);
        }
        reader.problems.sort_by(|a, b| a.place.cmp(&b.place));
        Err(ConfigError::Invalid(reader.problems))
    }
}

pub(super) struct Reader<'t> {
    text: &'t str,
    problems: Vec<ConfigProblem>,
}

impl Reader<'_> {
    fn root(&mut self, root: &DeTable<'_>, config: &mut Config) {
        const SECTIONS: &[&str] = &["tolerance", "billing", "proration", "rounding", "psa", "words", "input", "fx"];
        for (key, value) in root {
            let name = key.get_ref().as_ref();
            if !SECTIONS.contains(&name) {
                self.unknown(key, "section", "", SECTIONS);
                continue;
            }
            let Some(table) = value.get_ref().as_table() else {
                self.wrong_type(name, value, "a section", &format!("write [{name}] and its keys below it"));
                continue;
            };
            match name {
                "tolerance" => self.tolerance(table, config),
                "billing" => self.billing(table, config),
                "proration" => self.proration(table, config),
                "rounding" => self.rounding(table, config),
                "psa" => self.psa(table, config),
                "words" => self.words(table, config),
                "input" => self.input(table, config),
                _ => self.fx(table, config),
            }
        }
    }

    fn tolerance(&mut self, table: &DeTable<'_>, config: &mut Config) {
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "units" => config.tolerance.units = self.bound("tolerance.units", value),
                "percent" => config.tolerance.percent = self.bound("tolerance.percent", value),
                "amount" => config.tolerance.amount = self.bound("tolerance.amount", value),
                _ => self.unknown(key, "key", "tolerance", &["units", "percent", "amount"]),
            }
        }
    }

    fn billing(&mut self, table: &DeTable<'_>, config: &mut Config) {
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "mapped" => self.word("billing.mapped", value, BILLING, &mut config.billing.mapped),
                "unmapped" => self.word("billing.unmapped", value, BILLING, &mut config.billing.unmapped),
                _ => self.unknown(key, "key", "billing", &["mapped", "unmapped"]),
            }
        }
    }

    fn proration(&mut self, table: &DeTable<'_>, config: &mut Config) {
        const KEYS: &[&str] = &["rule", "include_effective_day", "include_cancelled_day"];
        let proration = &mut config.proration;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "rule" => self.word("proration.rule", value, PRORATION, &mut proration.rule),
                "include_effective_day" => {
                    self.flag("proration.include_effective_day", value, &mut proration.include_effective_day);
                }
                "include_cancelled_day" => {
                    self.flag("proration.include_cancelled_day", value, &mut proration.include_cancelled_day);
                }
                _ => self.unknown(key, "key", "proration", KEYS),
            }
        }
    }

    fn rounding(&mut self, table: &DeTable<'_>, config: &mut Config) {
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "mode" => self.word("rounding.mode", value, ROUNDING, &mut config.rounding.mode),
                _ => self.unknown(key, "key", "rounding", &["mode"]),
            }
        }
    }

    fn input(&mut self, table: &DeTable<'_>, config: &mut Config) {
        const KEYS: &[&str] = &["max_workbook_bytes", "max_expanded_bytes", "max_ratio"];
        let input = &mut config.input;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "max_workbook_bytes" => {
                    // Offsets into a workbook's text are 32 bits wide.
                    self.count("input.max_workbook_bytes", value, 1 << 30, &mut input.max_workbook_bytes);
                }
                "max_expanded_bytes" => {
                    self.count("input.max_expanded_bytes", value, u64::MAX, &mut input.max_expanded_bytes);
                }
                "max_ratio" => self.count("input.max_ratio", value, u64::MAX, &mut input.max_ratio),
                _ => self.unknown(key, "key", "input", KEYS),
            }
        }
    }

    fn count(&mut self, name: &str, value: &Value<'_>, most: u64, into: &mut u64) {
        let digits = match value.get_ref() {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().replace('_', "").parse().ok(),
            _ => None,
        };
        match digits {
            Some(count) if (1..=most).contains(&count) => *into = count,
            Some(count) => {
                self.problem(value.span().start, format!("{name} must be from 1 to {most}, and is {count}"), None);
            }
            None => self.wrong_type(name, value, "a whole number above zero", "write digits, as in 67_108_864"),
        }
    }

    fn fx(&mut self, table: &DeTable<'_>, config: &mut Config) {
        for (key, value) in table {
            let period = key.get_ref().as_ref();
            if period.parse::<Period>().is_err() {
                let hint = "name the period, as in [fx.\"2026-10\"]";
                self.problem(key.span().start, format!("{period:?} is not a period"), Some(hint.into()));
                continue;
            }
            let Some(rates) = value.get_ref().as_table() else {
                self.wrong_type(&format!("fx.{period}"), value, "a section", "write \"EUR/USD\" = \"1.0875\" below it");
                continue;
            };
            for (pair, rate) in rates {
                let name = format!("fx.{period}.{}", pair.get_ref());
                let Some(currencies) = currency_pair(pair.get_ref()) else {
                    let message = format!("{:?} is not a pair of ISO 4217 currencies", pair.get_ref().as_ref());
                    let hint = "write it as \"EUR/USD\": one EUR is so many USD";
                    self.problem(pair.span().start, message, Some(hint.into()));
                    continue;
                };
                match self.decimal(&name, rate) {
                    Some(rate) if rate > Decimal::ZERO => {
                        config.fx.entry(period.to_string()).or_default().insert(currencies, rate);
                    }
                    Some(value) => {
                        self.problem(rate.span().start, format!("{name} must be above zero, and is {value}"), None);
                    }
                    None => {}
                }
            }
        }
    }

    fn bound(&mut self, name: &str, value: &Value<'_>) -> Option<Decimal> {
        let bound = self.decimal(name, value)?;
        if bound.is_sign_negative() && !bound.is_zero() {
            self.problem(value.span().start, format!("{name} must not be below zero, and is {bound}"), None);
            return None;
        }
        Some(bound)
    }

    /// A decimal from the digits as they stand in the file.
    fn decimal(&mut self, name: &str, value: &Value<'_>) -> Option<Decimal> {
        let digits = match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(integer) if integer.radix() == 10 => Some(integer.as_str().replace('_', "")),
            DeValue::Float(float) => Some(float.as_str().replace('_', "")),
            DeValue::Integer(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        let decimal = digits.as_deref().and_then(plain_decimal);
        if decimal.is_none() {
            self.wrong_type(name, value, "a plain decimal", "write digits with a point, as in 0.5 or \"0.5\"");
        }
        decimal
    }

    pub(super) fn word<T: Copy>(&mut self, name: &str, value: &Value<'_>, words: &[(&str, T)], into: &mut T) {
        let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(name, value, "a word", &format!("use one of {}", allowed.join(", ")));
            return;
        };
        if let Some((_, meant)) = words.iter().find(|(word, _)| *word == text) {
            *into = *meant;
            return;
        }
        let hint = nearest(text, &allowed).map_or_else(
            || format!("use one of {}", allowed.join(", ")),
            |near| format!("did you mean {near:?}? It is one of {}", allowed.join(", ")),
        );
        self.problem(value.span().start, format!("{name} cannot be {text:?}"), Some(hint));
    }

    fn flag(&mut self, name: &str, value: &Value<'_>, into: &mut bool) {
        match value.get_ref().as_bool() {
            Some(flag) => *into = flag,
            None => self.wrong_type(name, value, "true or false", "write true or false, without quotes"),
        }
    }

    pub(super) fn wrong_type(&mut self, name: &str, value: &Value<'_>, wanted: &str, hint: &str) {
        let written = self.text.get(value.span()).unwrap_or_default();
        let message = format!("{name} must be {wanted}, and is {written}");
        self.problem(value.span().start, message, Some(hint.to_string()));
    }

    pub(super) fn unknown(&mut self, key: &Key<'_>, what: &str, section: &str, known: &[&str]) {
        let name = key.get_ref().as_ref();
        let place = if section.is_empty() { String::new() } else { format!(" in [{section}]") };
        let hint = nearest(name, known).map_or_else(
            || format!("known here: {}", known.join(", ")),
            |near| format!("did you mean {near:?}? Known here: {}", known.join(", ")),
        );
        self.problem(key.span().start, format!("there is no {what} {name:?}{place}"), Some(hint));
    }

    pub(super) fn problem(&mut self, offset: usize, message: String, hint: Option<String>) {
        let place = self.place(offset);
        self.problems.push(ConfigProblem { place, message, hint });
    }

    pub(super) fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place::cell(CONFIG_FILE, line as u64, column as u64)
    }
}

/// Digits, a point and a minus sign only: no exponent, no infinity, nothing the decimal cannot hold exactly.
fn plain_decimal(text: &str) -> Option<Decimal> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let plain = unsigned.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && unsigned.starts_with(|c: char| c.is_ascii_digit())
        && unsigned.ends_with(|c: char| c.is_ascii_digit());
    if plain { Decimal::from_str_exact(text).ok() } else { None }
}

fn currency_pair(text: &str) -> Option<(Currency, Currency)> {
    let (from, to) = text.split_once('/')?;
    let (from, to) = (Currency::parse(from)?, Currency::parse(to)?);
    (!from.is_none() && !to.is_none() && from != to).then_some((from, to))
}

/// The known word that a slip of the keys most likely meant.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word = word.to_lowercase();
    known
        .iter()
        .map(|k| (strsim::osa_distance(&word, k), *k))
        .filter(|(distance, k)| *distance * 2 <= k.chars().count().max(2))
        .min()
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        match Config::parse(text) {
            Err(ConfigError::Invalid(problems)) => problems.iter().map(ToString::to_string).collect(),
            other => panic!("expected problems, got {other:?}"),
        }
    }

    fn d(text: &str) -> Option<Decimal> {
        Decimal::from_str_exact(text).ok()
    }

    #[test]
    fn a_book_without_settings_has_the_defaults() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(Config::load(dir.path()).expect("defaults"), Config::default());
        assert_eq!(Config::parse("").expect("defaults"), Config::default());
    }

    #[test]
    fn every_key_is_read() {
        let config = Config::parse(
            "[tolerance]\nunits = 2\npercent = \"0.5\"\namount = 1_000.10\n\
             [billing]\nmapped = \"greater\"\nunmapped = \"metered\"\n\
             [proration]\nrule = \"actual_days\"\ninclude_effective_day = false\ninclude_cancelled_day = false\n\
             [rounding]\nmode = \"half_even\"\n[input]\nmax_workbook_bytes = 1_000\n\
             max_expanded_bytes = 2000\nmax_ratio = 30\n[fx.\"2026-10\"]\n\"EUR/USD\" = \"1.0875\"\n",
        )
        .expect("settings");
        assert_eq!(config.tolerance.units, d("2"));
        assert_eq!(config.tolerance.percent, d("0.5"));
        assert_eq!(config.tolerance.amount, d("1000.10"));
        assert_eq!((config.billing.mapped, config.billing.unmapped), (Billing::Greater, Billing::Metered));
        assert_eq!(config.proration.rule, Proration::ActualDays);
        assert!(!config.proration.include_effective_day && !config.proration.include_cancelled_day);
        assert_eq!(config.rounding.mode, Rounding::HalfEven);
        let input = config.input;
        assert_eq!((input.max_workbook_bytes, input.max_expanded_bytes, input.max_ratio), (1000, 2000, 30));
        let pair = currency_pair("EUR/USD").expect("currencies");
        assert_eq!(config.fx["2026-10"].get(&pair).copied(), d("1.0875"));
    }

    #[test]
    fn a_number_keeps_the_digits_it_was_written_with() {
        let config = Config::parse("tolerance.amount = 0.12345678901234567890123\n").expect("settings");
        assert_eq!(config.tolerance.amount, d("0.12345678901234567890123"));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_a_suggestion() {
        assert_eq!(
            problems("[tolerance]\nunits = 1\n  persent = 2\n"),
            ["trueup.toml:3:3: there is no key \"persent\" in [tolerance]\n\
              hint: did you mean \"percent\"? Known here: units, percent, amount"]
        );
        assert_eq!(
            problems("[biling]\nmapped = \"metered\"\n"),
            ["trueup.toml:1:2: there is no section \"biling\"\n\
              hint: did you mean \"billing\"? Known here: tolerance, billing, proration, rounding, psa, words, input, fx"]
        );
        assert!(problems("zzzzzzzz = 1").concat().contains("hint: known here: tolerance"));
    }

    #[test]
    fn a_wrong_type_is_named_with_its_place_and_value() {
        let said = problems("[tolerance]\nunits = true\n[proration]\nrule = 3\ninclude_effective_day = \"yes\"\n");
        assert_eq!(said.len(), 3);
        assert!(
            said[0].starts_with("trueup.toml:2:9: tolerance.units must be a plain decimal, and is true"),
            "{said:?}"
        );
        assert!(said[1].starts_with("trueup.toml:4:8: proration.rule must be a word, and is 3"), "{said:?}");
        assert!(said[2].starts_with("trueup.toml:5:25: proration.include_effective_day must be true or false"));
        assert!(problems("fx = 1").concat().contains("fx must be a section"));
        assert!(problems("[rounding]\nmode = \"half-even\"").concat().contains("did you mean \"half_even\"?"));
    }

    #[test]
    fn numbers_that_are_not_plain_are_refused() {
        for value in ["1e3", "inf", "nan", "0x10", "\"1e3\"", "\"1_000\"", "\"\"", "\"1,5\"", "-1"] {
            assert_eq!(problems(&format!("tolerance.units = {value}")).len(), 1, "{value}");
        }
    }

    #[test]
    fn a_bound_is_a_whole_number_above_zero() {
        for value in ["0", "-1", "1.5", "\"9\"", "true", "0x10", "99999999999999999999"] {
            assert_eq!(problems(&format!("[input]\nmax_ratio = {value}")).len(), 1, "{value}");
        }
        assert!(problems("[input]\nmax_workbook_bytes = 5_000_000_000").concat().contains("from 1 to 1073741824"));
    }

    #[test]
    fn a_rate_needs_a_period_two_currencies_and_a_value_above_zero() {
        assert!(problems("[fx.October]\n\"EUR/USD\" = 1").concat().contains("\"October\" is not a period"));
        assert!(problems("[fx.\"2026-10\"]\n\"EUR-USD\" = 1").concat().contains("trueup.toml:2:1"));
        assert!(problems("[fx.\"2026-10\"]\n\"EUR/EUR\" = 1").concat().contains("not a pair"));
        assert!(problems("[fx.\"2026-10\"]\n\"EUR/USD\" = 0").concat().contains("must be above zero"));
    }

    #[test]
    fn broken_toml_is_named_with_its_place() {
        assert!(problems("[billing]\nmapped = = 1\n").concat().starts_with("trueup.toml:2:10: this is not TOML"));
    }
}
