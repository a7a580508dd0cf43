//! The settings that say what a PSA's tables leave open: `[psa]`, and `[words]` for the picklists whose
//! numbers every tenant chooses for itself.

use toml::de::DeTable;

use super::config_file::{PRORATION, Reader, Value};
use super::{Config, PsaName, WholeUnits, WordMeaning};
use crate::rate::{Currency, Proration};

/// The words for a PSA, here and on the command line.
pub const PSA_NAMES: &[(&str, PsaName)] =
    &[("connectwise", PsaName::ConnectWise), ("autotask", PsaName::Autotask), ("halopsa", PsaName::HaloPsa)];
const WHOLE_UNITS: &[(&str, WholeUnits)] =
    &[("no", WholeUnits::No), ("up", WholeUnits::Up), ("down", WholeUnits::Down), ("nearest", WholeUnits::Nearest)];

impl Reader<'_> {
    pub(super) fn psa(&mut self, table: &DeTable<'_>, config: &mut Config) {
        let psa = &mut config.psa;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "changes" => {
                    let mut name = PsaName::ConnectWise;
                    self.word("psa.changes", value, PSA_NAMES, &mut name);
                    psa.changes = Some(name);
                }
                "whole_units" => self.word("psa.whole_units", value, WHOLE_UNITS, &mut psa.whole_units),
                "proration" => {
                    let mut rule = Proration::None;
                    self.word("psa.proration", value, PRORATION, &mut rule);
                    psa.proration = Some(rule);
                }
                "currency" => match value.get_ref().as_str().and_then(Currency::parse) {
                    Some(currency) => psa.currency = currency,
                    None => {
                        self.wrong_type("psa.currency", value, "an ISO 4217 code", "write it as in \"USD\"");
                    }
                },
                _ => self.unknown(key, "key", "psa", &["changes", "whole_units", "proration", "currency"]),
            }
        }
    }

    /// `[words.<format>.<heading>]` with lines like `"7" = "recurring"`.
    pub(super) fn words(&mut self, formats: &DeTable<'_>, config: &mut Config) {
        for (format, headings) in formats {
            let format = format.get_ref();
            let Some(table) = self.section(&format!("words.{format}"), headings) else { continue };
            for (heading, words) in table {
                let heading = heading.get_ref();
                let Some(words) = self.section(&format!("words.{format}.{heading}"), words) else { continue };
                for (word, means) in words {
                    let place = self.place(word.span().start);
                    let word = word.get_ref();
                    let Some(means) = means.get_ref().as_str() else {
                        let name = format!("words.{format}.{heading}.{word}");
                        self.wrong_type(&name, means, "a word", "write what it means, as in \"7\" = \"recurring\"");
                        continue;
                    };
                    config.words.push(WordMeaning {
                        format: format.to_string(),
                        heading: heading.to_string(),
                        word: word.to_string(),
                        means: means.to_string(),
                        place,
                    });
                }
            }
        }
    }

    fn section<'v, 'd>(&mut self, name: &str, value: &'v Value<'d>) -> Option<&'v DeTable<'d>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let hint = "write [words.<format>.<heading>] and a line for each word below it";
            self.wrong_type(name, value, "a section", hint);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{ConfigError, Proration};

    #[test]
    fn what_the_psa_leaves_open_is_read() {
        let config = Config::parse(
            "[psa]\nchanges = \"autotask\"\nwhole_units = \"up\"\nproration = \"none\"\ncurrency = \"EUR\"\n\
             [words.autotask.contractType]\n\"7\" = \"recurring\"\n\
             [words.connectwise.\"billingCycle/name\"]\n\"Every month\" = \"monthly\"\n",
        )
        .expect("settings");
        assert_eq!(config.psa.changes, Some(PsaName::Autotask));
        assert_eq!((config.psa.whole_units, config.psa.proration), (WholeUnits::Up, Some(Proration::None)));
        assert_eq!(config.psa.currency.code(), "EUR");
        let words: Vec<_> =
            config.words.iter().map(|w| (w.format.as_str(), w.heading.as_str(), w.word.as_str())).collect();
        assert_eq!(words, [("autotask", "contractType", "7"), ("connectwise", "billingCycle/name", "Every month")]);
        assert_eq!(config.words[0].place.line, Some(7));
    }

    #[test]
    fn what_is_not_of_that_kind_is_placed() {
        for (text, said) in [
            ("[psa]\nchanges = \"halo\"", "trueup.toml:2:11: psa.changes cannot be \"halo\""),
            ("[psa]\ncurrency = \"EURO\"", "psa.currency must be an ISO 4217 code"),
            ("[psa]\nchange = \"x\"", "did you mean \"changes\"?"),
            ("[words]\nautotask = 1", "words.autotask must be a section"),
            ("[words.autotask.status]\n\"1\" = 1", "words.autotask.status.1 must be a word"),
        ] {
            let Err(ConfigError::Invalid(problems)) = Config::parse(text) else { panic!("{text}") };
            assert!(problems[0].to_string().contains(said), "{}", problems[0]);
        }
    }
}
