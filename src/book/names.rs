//! When two names are the same name. Companies are written differently in every system ("FJORD INSURANCE,
//! L.L.C.", "Fjord  Insurance LLC"); only differences that never tell two companies apart are folded here.
//!
//! Folded, in this order: width and compatibility forms (Unicode NFKC), accents on Latin letters (é is e),
//! case, `&` and the word `and`, apostrophes, dots between single letters (`L.L.C.`), a dot inside a word,
//! every other sign and run of spaces. For companies, legal forms are then taken off the end, one after
//! another, never leaving nothing. `S.p.A.` counts as a legal form only with its dots: a spa is a business.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Legal forms, as they stand after folding.
const LEGAL_FORMS: &[&str] = &[
    "ab",
    "ag",
    "aps",
    "as",
    "asa",
    "bv",
    "bvba",
    "co",
    "company",
    "corp",
    "corporation",
    "eurl",
    "gmbh",
    "inc",
    "incorporated",
    "kft",
    "kg",
    "kgaa",
    "lda",
    "limited",
    "llc",
    "llp",
    "lp",
    "ltd",
    "ltda",
    "mbh",
    "nv",
    "ohg",
    "oy",
    "oyj",
    "plc",
    "pllc",
    "pte",
    "pty",
    "pvt",
    "sa",
    "sarl",
    "sas",
    "se",
    "sl",
    "slu",
    "sro",
    "srl",
    "ug",
    "ulc",
];

/// Legal forms that are also words, and count only when written with dots.
const DOTTED_FORMS: &[&str] = &["spa"];

/// The key of a company's name: equal keys are one name. Empty only for a blank name.
pub fn company_key(name: &str) -> String {
    key(name, true)
}

/// The key of a product's name: as for companies, but nothing is taken off its end.
pub fn product_key(name: &str) -> String {
    key(name, false)
}

/// Case and width folded and spaces collapsed, signs kept: what patterns are matched on.
pub fn folded(text: &str) -> String {
    fold(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Token {
    text: String,
    dotted: bool,
}

fn key(name: &str, company: bool) -> String {
    let folded = folded(name);
    let mut tokens = tokens(&folded);
    if company {
        strip_legal_forms(&mut tokens);
    }
    let key = tokens.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(" ");
    // A name of signs alone still is a name.
    if key.is_empty() { folded } else { key }
}

fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut current: String = fold_once(text);
    // A folded character may itself fold further; two rounds are enough for all known, the bound is for the unknown.
    for _ in 0..4 {
        let next = fold_once(&current);
        if next == current {
            break;
        }
        current = next;
    }
    current
}

fn fold_once(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut after_latin = false;
    for c in text.nfkd() {
        if ('\u{300}'..='\u{36F}').contains(&c) {
            if after_latin {
                continue;
            }
        } else {
            after_latin = c.is_ascii_alphabetic();
        }
        // Through upper case, so that ß is ss and both small sigmas are one.
        out.extend(c.to_uppercase().flat_map(char::to_lowercase));
    }
    out.nfkc().collect()
}

fn tokens(folded: &str) -> Vec<Token> {
    let mut spaced = String::with_capacity(folded.len());
    for c in folded.chars() {
        match c {
            '&' => spaced.push_str(" and "),
            '\'' | '\u{2019}' | '\u{2018}' | '\u{2BC}' | '`' | '\u{B4}' => {}
            '.' | '/' => spaced.push(c),
            c if c.is_alphanumeric() || is_combining_mark(c) => spaced.push(c),
            _ => spaced.push(' '),
        }
    }
    let mut tokens = Vec::new();
    for chunk in spaced.split_whitespace() {
        let pieces: Vec<&str> = chunk.split(['.', '/']).filter(|p| !p.is_empty()).collect();
        let letters = |p: &&str| p.chars().count() == 1 && p.chars().all(char::is_alphabetic);
        if pieces.len() > 1 && pieces.iter().all(letters) {
            tokens.push(Token { text: pieces.concat(), dotted: true });
            continue;
        }
        for piece in chunk.split('/') {
            // Where a sign is gone, marks may stand side by side that have an order of their own.
            let text = fold(&piece.replace('.', ""));
            if !text.is_empty() {
                tokens.push(Token { text, dotted: false });
            }
        }
    }
    tokens
}

fn strip_legal_forms(tokens: &mut Vec<Token>) {
    while tokens.len() > 1 && tokens.last().is_some_and(is_legal_form) {
        tokens.pop();
        // "GmbH & Co. KG" is one form; "Smith & Co" keeps its "and", which sets it apart from "Smith Co".
        let joins_two_forms = tokens.len() > 2
            && tokens.last().is_some_and(|t| t.text == "and")
            && tokens.get(tokens.len() - 2).is_some_and(is_legal_form);
        if joins_two_forms {
            tokens.pop();
        }
    }
}

fn is_legal_form(token: &Token) -> bool {
    LEGAL_FORMS.contains(&token.text.as_str()) || (token.dotted && DOTTED_FORMS.contains(&token.text.as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_company_have_one_key() {
        for same in [
            &["Granite Medical Co", "Granite Medical Company", "GRANITE  MEDICAL, CO."][..],
            &["Fjord Insurance LLC", "FJORD INSURANCE, L.L.C.", " Fjord  Insurance l.l.c"],
            &["Orchard Pharmacy & Sons", "ORCHARD PHARMACY AND SONS", "Orchard Pharmacy ＆ Sons"],
            &["Zephyr Dental Pty Ltd", "zephyr dental pty limited", "Zephyr Dental Pty. Ltd."],
            &["Café Müller GmbH", "Cafe Muller", "CAFÉ MÜLLER GMBH & CO. KG"],
            &["Joe's Diner", "Joes Diner", "Joe’s Diner, Inc"],
            &["Straße AG", "STRASSE A.G."],
            &["Nordlys A/S", "Nordlys AS"],
            &["Rossi S.p.A.", "Rossi S.r.l.", "Rossi"],
            &["Ａｃｍｅ Inc", "Acme"],
            &["J.B. Hunt", "JB Hunt"],
        ] {
            let keys: Vec<_> = same.iter().map(|n| company_key(n)).collect();
            assert!(keys.windows(2).all(|w| w[0] == w[1]), "{same:?} → {keys:?}");
        }
    }

    #[test]
    fn names_of_two_companies_keep_two_keys() {
        for (a, b) in [
            ("Orchard Pharmacy & Sons", "Orchard Pharmacy"),
            ("Acme Corp", "Acme Capital"),
            ("Serenity Spa", "Serenity"),
            ("Granite Group", "Granite"),
            ("Smith & Co", "Smith"),
            ("Acme (UK) Ltd", "Acme Ltd"),
            ("acme.co", "Acme Co"),
            ("कि", "का"),
        ] {
            assert_ne!(company_key(a), company_key(b), "{a} and {b}");
        }
    }

    #[test]
    fn a_name_never_becomes_nothing() {
        for (name, key) in [("Limited", "limited"), ("Co. Ltd.", "co"), ("L.L.C.", "llc"), ("???", "???"), ("&", "and")]
        {
            assert_eq!(company_key(name), key);
        }
        assert_eq!(company_key("  "), "");
    }

    #[test]
    fn marks_that_a_sign_kept_apart_are_put_in_order() {
        for name in ["\u{1e01b}'\u{a3c}", "\u{5d9}\u{5b4}.\u{10a39}", "Acme C.\u{301}o"] {
            let key = company_key(name);
            assert_eq!(company_key(&key), key);
        }
    }

    #[test]
    fn a_product_keeps_the_end_of_its_name() {
        assert_eq!(product_key("Backup & Restore, Co"), "backup and restore co");
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(name in "\\PC{0,24}", words in "([A-Za-z]{1,3}[ ./&,']{0,2}(co|kg|spa|s\\.a\\.|ltd|and|& )? ?){0,6}") {
            for text in [name, words] {
                let key = company_key(&text);
                prop_assert_eq!(company_key(&key), key);
                let key = product_key(&text);
                prop_assert_eq!(product_key(&key), key);
            }
        }

        #[test]
        fn case_and_spacing_do_not_matter(name in "[A-Za-zÀ-ÿ0-9 .,&'/()-]{0,32}") {
            let key = company_key(&name);
            prop_assert_eq!(&company_key(&name.to_uppercase()), &key);
            prop_assert_eq!(&company_key(&name.to_lowercase()), &key);
            prop_assert_eq!(&company_key(&format!("  {} ", name.replace(' ', " \u{a0} "))), &key);
        }

        #[test]
        fn only_a_blank_name_has_no_key(name in "\\PC{0,12}") {
            prop_assert_eq!(company_key(&name).is_empty(), folded(&name).is_empty());
        }
    }
}
