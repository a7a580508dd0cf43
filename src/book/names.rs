//! When two names are the same name. Companies are written differently in every system ("FJORD INSURANCE,
//! L.L.C.", "Fjord  Insurance LLC"); only differences that never tell two companies apart are folded here.
//!
//! Folded, in this order: width and compatibility forms (Unicode NFKC), accents on Latin letters (é is e),
//! case, `&` and the word `and`, apostrophes, dots between single letters (`L.L.C.`), a dot inside a word,
//! every other sign and run of spaces. For companies, legal forms are then taken off the end, one after
//! another, never leaving nothing. `S.p.A.` counts as a legal form only with its dots: a spa is a business.

use std::borrow::Cow;

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
    company_key_of(folded(name))
}

/// [`company_key`] of a name that is folded already.
pub fn company_key_of(folded: String) -> String {
    key(folded, true)
}

/// The key of a product's name: as for companies, but nothing is taken off its end.
pub fn product_key(name: &str) -> String {
    key(folded(name), false)
}

/// Case and width folded and spaces collapsed, signs kept: what patterns are matched on.
pub fn folded(text: &str) -> String {
    let folded = fold(text);
    let mut out = String::with_capacity(folded.len());
    for word in folded.split_whitespace() {
        push_word(&mut out, word);
    }
    out
}

fn push_word(words: &mut String, word: &str) {
    if !words.is_empty() {
        words.push(' ');
    }
    words.push_str(word);
}

struct Token<'t> {
    text: Cow<'t, str>,
    dotted: bool,
}

fn key(folded: String, company: bool) -> String {
    let spaced = spaced(&folded);
    let mut tokens = tokens(&spaced);
    if company {
        strip_legal_forms(&mut tokens);
    }
    let mut key = String::with_capacity(spaced.len());
    for token in &tokens {
        push_word(&mut key, &token.text);
    }
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
        if current.is_ascii() {
            // Lower case it has, and there is nothing else to fold.
            break;
        }
        let next = fold_once(&current);
        if next == current {
            break;
        }
        current = next;
    }
    current
}

/// Characters of ASCII stand for themselves in every form of Unicode, and what stands before one is never put behind
/// it: between two of them each stretch of other characters is normalised by itself.
fn fold_once(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut after_latin = false;
    let mut rest = text;
    while !rest.is_empty() {
        let (ascii, behind) = rest.split_at(rest.bytes().position(|b| !b.is_ascii()).unwrap_or(rest.len()));
        out.extend(ascii.bytes().map(|b| char::from(b.to_ascii_lowercase())));
        after_latin = ascii.bytes().last().map_or(after_latin, |b| b.is_ascii_alphabetic());
        let (other, behind) = behind.split_at(behind.bytes().position(|b| b.is_ascii()).unwrap_or(behind.len()));
        fold_stretch(other, &mut after_latin, &mut out);
        rest = behind;
    }
    if out.is_ascii() { out } else { out.nfkc().collect() }
}

fn fold_stretch(text: &str, after_latin: &mut bool, out: &mut String) {
    for c in text.nfkd() {
        if ('\u{300}'..='\u{36F}').contains(&c) {
            if *after_latin {
                continue;
            }
        } else {
            *after_latin = c.is_ascii_alphabetic();
        }
        if c.is_ascii() {
            out.push(c.to_ascii_lowercase());
        } else {
            // Through upper case, so that ß is ss and both small sigmas are one.
            out.extend(c.to_uppercase().flat_map(char::to_lowercase));
        }
    }
}

/// The name with every sign that tells nothing as a space.
fn spaced(folded: &str) -> String {
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
    spaced
}

fn tokens(spaced: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for chunk in spaced.split_whitespace() {
        if chunk.bytes().all(|b| b.is_ascii() && !matches!(b, b'.' | b'/')) {
            tokens.push(Token { text: Cow::Borrowed(chunk), dotted: false });
            continue;
        }
        let pieces: Vec<&str> = chunk.split(['.', '/']).filter(|p| !p.is_empty()).collect();
        let letters = |p: &&str| p.chars().count() == 1 && p.chars().all(char::is_alphabetic);
        if pieces.len() > 1 && pieces.iter().all(letters) {
            tokens.push(Token { text: Cow::Owned(pieces.concat()), dotted: true });
            continue;
        }
        for piece in chunk.split('/') {
            // Where a sign is gone, marks may stand side by side that have an order of their own.
            let text = fold(&piece.replace('.', ""));
            if !text.is_empty() {
                tokens.push(Token { text: Cow::Owned(text), dotted: false });
            }
        }
    }
    tokens
}

fn strip_legal_forms(tokens: &mut Vec<Token<'_>>) {
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

fn is_legal_form(token: &Token<'_>) -> bool {
    LEGAL_FORMS.contains(&&*token.text) || (token.dotted && DOTTED_FORMS.contains(&&*token.text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One round of folding, by the rules of Unicode alone.
    fn fold_whole(text: &str) -> String {
        let mut out = String::new();
        let mut after_latin = false;
        for c in text.nfkd() {
            if ('\u{300}'..='\u{36F}').contains(&c) {
                if after_latin {
                    continue;
                }
            } else {
                after_latin = c.is_ascii_alphabetic();
            }
            out.extend(c.to_uppercase().flat_map(char::to_lowercase));
        }
        out.nfkc().collect()
    }

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
        fn what_is_folded_in_stretches_is_folded_as_a_whole(
            text in "([A-Za-z0-9 .&']{0,4}(\\PC|[\u{300}-\u{36F}ßΣςﬁＡ．İ№㎏ǅ가각\u{1112}\u{1161}\u{11ab}\u{a3c}\u{5b4}]){0,3}){0,6}",
        ) {
            prop_assert_eq!(fold_once(&text), fold_whole(&text));
            let mut folded = text.clone();
            for _ in 0..5 {
                folded = fold_whole(&folded);
            }
            prop_assert_eq!(fold(&text), folded);
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
