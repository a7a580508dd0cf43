use proptest::prelude::*;

use super::*;

fn point(text: &str) -> Result<String, NumberFault> {
    parse_number(text, DecimalStyle::Point).map(|d| d.to_string())
}

fn comma(text: &str) -> Result<String, NumberFault> {
    parse_number(text, DecimalStyle::Comma).map(|d| d.to_string())
}

#[test]
fn numbers_read_as_written() {
    for (text, value) in [
        ("0", "0"),
        ("12.50", "12.50"),
        ("-0.000", "0.000"),
        ("  7\u{a0}", "7"),
        ("+3", "3"),
        ("\u{2212}4.5", "-4.5"),
        (".5", "0.5"),
        ("007", "7"),
        ("1,234.56", "1234.56"),
        ("1,234,567", "1234567"),
        ("1 234.56", "1234.56"),
        ("1\u{202f}234\u{202f}567.8", "1234567.8"),
        ("1'234.50", "1234.50"),
        ("12,345", "12345"),
        ("$3.10", "3.10"),
        ("-$3.10", "-3.10"),
        ("$-3.10", "-3.10"),
        ("($1,000.00)", "-1000.00"),
        ("$(12.00)", "-12.00"),
        ("(12.00) USD", "-12.00"),
        ("USD 12.00", "12.00"),
        ("12.00 EUR", "12.00"),
        ("12.00€", "12.00"),
        ("US$ 5", "5"),
        ("£5-", "-5"),
        ("12.00-", "-12.00"),
        ("( 12 )", "-12"),
        ("7.29E-9", "0.00000000729"),
        ("6E-06", "0.000006"),
        ("1e3", "1000"),
        ("1.5e3", "1500"),
        ("1.25e1", "12.5"),
        ("0e50", "0"),
        ("1E+05", "100000"),
        ("123456789012.123456789012345", "123456789012.123456789012345"),
        ("79228162514264337593543950335", "79228162514264337593543950335"),
        ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
        ("0.50000000000000000000000000000000000000", "0.5000000000000000000000000000"),
        ("1.00000000000000000000000000000000", "1.0000000000000000000000000000"),
    ] {
        assert_eq!(point(text).as_deref(), Ok(value), "{text:?}");
    }
    for (text, value) in [
        ("3,10", "3.10"),
        ("1.234,5", "1234.5"),
        ("1 234,56", "1234.56"),
        ("1\u{a0}234,56", "1234.56"),
        ("1\u{202f}234,56", "1234.56"),
        ("1'234'567,8", "1234567.8"),
        ("1.234", "1234"),
        ("-1.234.567,00 €", "-1234567.00"),
        ("7,29E-9", "0.00000000729"),
    ] {
        assert_eq!(comma(text).as_deref(), Ok(value), "{text:?}");
    }
}

#[test]
fn what_is_not_certain_is_refused() {
    use NumberFault as F;
    for (text, fault) in [
        ("", F::Empty),
        (" \u{a0}", F::Empty),
        ("-", F::NotANumber),
        ("12..5", F::NotANumber),
        ("1.2.3", F::NotANumber),
        ("--5", F::NotANumber),
        ("+-5", F::NotANumber),
        ("-5-", F::NotANumber),
        ("(-5)", F::NotANumber),
        ("NaN", F::NotANumber),
        ("inf", F::NotANumber),
        ("12.", F::NotANumber),
        (".", F::NotANumber),
        ("1e", F::NotANumber),
        ("1e5.5", F::NotANumber),
        ("1,000e3", F::CommaInPointColumn),
        ("0x10", F::NotANumber),
        ("1_000", F::NotANumber),
        ("٣", F::NotANumber),
        ("$$5", F::NotANumber),
        ("XYZ 5", F::NotANumber),
        ("usd 5", F::NotANumber),
        ("USD", F::NotANumber),
        ("5 seats", F::NotANumber),
        ("NULL", F::NotANumber),
        ("%", F::NotANumber),
        ("12%%", F::NotANumber),
        ("$12%", F::NotANumber),
        ("12% of 5", F::NotANumber),
        ("1,2,3", F::BadGroups),
        ("12,34,567", F::BadGroups),
        ("1,23,456.5", F::BadGroups),
        ("1234,567,890", F::BadGroups),
        ("1,234 567", F::BadGroups),
        ("1  234", F::BadGroups),
        ("3,10", F::CommaInPointColumn),
        ("1.234,5", F::CommaInPointColumn),
        ("0,081", F::CommaInPointColumn),
        ("0.00000000000000000000000000001", F::TooManyDigits),
        ("79228162514264337593543950336", F::TooManyDigits),
        ("1.00000000000000000000000000001", F::TooManyDigits),
        ("99999999999999999999999999999999999999999", F::TooManyDigits),
        ("1e30", F::TooManyDigits),
        ("1e-29", F::TooManyDigits),
        ("1e99999999999", F::TooManyDigits),
        ("1.23457E+17", F::LostPrecision),
        ("1.2E+10", F::LostPrecision),
    ] {
        assert_eq!(point(text), Err(fault), "{text:?}");
    }
    for (text, fault) in
        [("12.50", F::PointInCommaColumn), ("0.081", F::PointInCommaColumn), ("1,234,567", F::PointInCommaColumn)]
    {
        assert_eq!(comma(text), Err(fault), "{text:?}");
    }
}

#[test]
fn a_percentage_is_its_hundredth_exactly() {
    for (text, value) in [
        ("12%", "0.12"),
        ("12.5 %", "0.125"),
        ("12.5\u{a0}%", "0.125"),
        ("%12", "0.12"),
        ("-0.5%", "-0.005"),
        ("(15%)", "-0.15"),
        ("100%", "1.00"),
        ("1,250%", "12.50"),
        ("0%", "0.00"),
    ] {
        assert_eq!(point(text).as_deref(), Ok(value), "{text:?}");
    }
    assert_eq!(point("0.000000000000000000000000001%"), Err(NumberFault::TooManyDigits));
    assert_eq!(comma("12,5 %").as_deref(), Ok("0.125"));
}

fn verdict(cells: &[&str]) -> StyleVerdict {
    let mut evidence = StyleEvidence::default();
    for cell in cells {
        evidence.observe(cell);
    }
    evidence.verdict()
}

#[test]
fn a_column_says_its_style() {
    for cell in
        ["0.081", "1234.567", "12.50", "1,234,567", "1,234.56", ".5", "1 234.5", "1.2345", "$9.99", "(1.5)", "1.234E3"]
    {
        assert_eq!(verdict(&["1.234", cell, "7", "junk"]), StyleVerdict::Point, "{cell}");
    }
    for cell in ["3,10", "1.234,5", "0,081", "1.234.567", "1 234,56", "9,99 €", "1234,567"] {
        assert_eq!(verdict(&["1,234", cell, ""]), StyleVerdict::Comma, "{cell}");
    }
    assert_eq!(verdict(&["12", "", "-3", "1 234", "n.a.", "1,2,3", "0.000"]), StyleVerdict::Point);
    assert_eq!(verdict(&["12", "", "-3", "1 234", "n.a.", "1,2,3"]), StyleVerdict::Either);
    assert_eq!(verdict(&["5", "1.234"]), StyleVerdict::Ambiguous { example: "1.234".into() });
    assert_eq!(verdict(&["1,234"]), StyleVerdict::Ambiguous { example: "1,234".into() });
    assert_eq!(
        verdict(&["1.5", "1,234", "2,5"]),
        StyleVerdict::Conflict { point_example: "1.5".into(), comma_example: "2,5".into() }
    );
}

/// Writes `number` with groups of three, as people do.
fn written(number: Decimal, style: DecimalStyle, group: &str) -> String {
    let plain = number.abs().to_string();
    let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), None), |(w, f)| (w, Some(f)));
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            grouped += group;
        }
        grouped.push(digit);
    }
    let sign = if number.is_sign_negative() && !number.is_zero() { "-" } else { "" };
    match fraction {
        Some(f) => format!("{sign}{grouped}{}{f}", style.separator()),
        None => format!("{sign}{grouped}"),
    }
}

proptest! {
    #[test]
    fn a_short_number_is_read_alike_in_one_word(
        text in prop_oneof![
            "[0-9]{1,16}", "-?[0-9]{1,3}[.,]?[0-9]{0,3}", "-?[0-9]{0,9}[.,]?[0-9]{0,5}", "[-0-9.,:/]{1,16}", "[-0-9.é]{1,4}",
            "[0-9]{0,15}[.,]", "[0-9]{0,7}[.,:][0-9]{0,8}", "-[0-9]{0,14}[.,]?"
        ],
        comma in any::<bool>(),
    ) {
        let style = if comma { DecimalStyle::Comma } else { DecimalStyle::Point };
        let mut bytes = [0; 16];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        prop_assume!(!text.is_empty());
        prop_assert_eq!(parse_short(u128::from_le_bytes(bytes), text.len(), style), parse_plain(&text, style));
    }
}

proptest! {
    #[test]
    fn writing_and_reading_is_identity(
        mantissa in prop_oneof![any::<i64>().prop_map(i128::from), -(1_i128 << 95)..(1_i128 << 95), -99_999_i128..99_999],
        scale in 0_u32..=28,
        comma in any::<bool>(),
        group in 0_usize..4,
    ) {
        let style = if comma { DecimalStyle::Comma } else { DecimalStyle::Point };
        let thousands = style.other().separator().to_string();
        let group = ["", thousands.as_str(), "\u{a0}", "'"][group];
        let number = Decimal::try_from_i128_with_scale(mantissa, scale).unwrap();
        let read = parse_number(&written(number, style, group), style).unwrap();
        prop_assert_eq!(read, number);
        prop_assert_eq!(read.scale(), number.scale());
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9.,eE+()$ %A-Z'-]{0,12}|\\PC{0,12}") {
        for style in [DecimalStyle::Point, DecimalStyle::Comma] {
            if let Ok(number) = parse_number(&text, style) {
                // No digit may appear from nowhere.
                prop_assert!(text.bytes().any(|b| b.is_ascii_digit()));
                prop_assert_eq!(number.is_zero(), !text.split(['e', 'E']).next().unwrap_or("").bytes().any(|b| matches!(b, b'1'..=b'9'))
                    );
            }
        }
        let mut evidence = StyleEvidence::default();
        evidence.observe(&text);
        let _ = evidence.verdict();
    }
}

proptest! {
    /// A cell that is passed over shows nothing that it would not have shown by itself.
    #[test]
    fn what_cells_show_is_what_each_shows(
        cells in prop::collection::vec("-?[0-9]{0,4}[.][0-9]{0,4}|-?[0-9]{1,3}[.,][0-9]{3}|[0-9]{1,2},[0-9]{1,2}", 1..8),
    ) {
        let mut all = StyleEvidence::default();
        let (mut point, mut comma, mut ambiguous) = (false, false, false);
        for cell in &cells {
            all.observe(cell);
            let mut alone = StyleEvidence::default();
            alone.observe(cell);
            point |= alone.point.is_some();
            comma |= alone.comma.is_some();
            ambiguous |= alone.ambiguous.is_some();
        }
        prop_assert_eq!((all.point.is_some(), all.comma.is_some(), all.ambiguous.is_some()), (point, comma, ambiguous));
    }
}
