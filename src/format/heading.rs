//! Headings are matched without case, spacing or punctuation: vendors spell one heading several ways
//! (`MPNID`, `MpnId`) and APIs and their CSV twins differ in separators (`company/id`, `company.id`, `companyId`).

/// A heading reduced to its letters and digits in lower case: two headings are the same if this is.
pub fn normalise(heading: &str) -> String {
    heading.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether `text` is `normalised` once it is reduced so; it mostly shows at the first letter.
pub fn reads_as(text: &str, normalised: &str) -> bool {
    if let (Some(first), Some(wanted)) = (text.as_bytes().first(), normalised.as_bytes().first())
        && first.is_ascii_alphanumeric()
        && first.to_ascii_lowercase() != *wanted
    {
        return false;
    }
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).eq(normalised.chars())
}

/// Whether a heading, already normalised, is meant by a spec's entry; an entry that ends in `*` means every
/// heading that starts so.
pub fn means(entry: &str, normalised: &str) -> bool {
    match entry.strip_suffix('*') {
        Some(stem) => normalised.starts_with(&normalise(stem)),
        None => normalise(entry) == normalised,
    }
}

/// The candidate most like `text`, if one is like it at all: for "did you mean".
pub fn closest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = normalise(text);
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let score = strsim::jaro_winkler(&wanted, &normalise(candidate));
        if score >= 0.82 && best.is_none_or(|(s, _)| score > s) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_spacing_and_punctuation_do_not_tell_headings_apart() {
        for spelling in ["company/id", "company.id", "companyId", "COMPANY ID", " Company_Id "] {
            assert_eq!(normalise(spelling), "companyid");
            assert!(reads_as(spelling, "companyid"));
        }
        assert!(
            !reads_as("company", "companyid")
                && !reads_as("companyIdX", "companyid")
                && reads_as("Ärger İ", "ärgeri\u{307}")
        );
        assert_ne!(normalise("company"), normalise("companyId"));
    }

    #[test]
    fn an_entry_with_a_star_means_a_family_of_headings() {
        assert!(means("x_*", &normalise("x_SkuTier")));
        assert!(!means("x_*", &normalise("SkuId")));
        assert!(means("ReferenceID", &normalise("referenceId")));
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_word_and_a_stranger_none() {
        assert_eq!(closest("requierd", ["required", "usual"]), Some("required"));
        assert_eq!(closest("zzz", ["required", "usual"]), None);
    }
}
