//! Any text: a number that means the same when it is written plainly, or a fault; and what one style reads, the column's
//! verdict does not read otherwise in silence.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rust_decimal::Decimal;
use trueup::ingest::{DecimalStyle, StyleEvidence, StyleVerdict, parse_number};

fuzz_target!(|cells: Vec<String>| {
    let mut evidence = StyleEvidence::default();
    for cell in &cells {
        evidence.observe(cell);
        for style in [DecimalStyle::Point, DecimalStyle::Comma] {
            let Ok(number) = parse_number(cell, style) else { continue };
            let plain = number.to_string();
            assert_eq!(Decimal::from_str_exact(&plain), Ok(number));
            let plain = if style == DecimalStyle::Comma { plain.replace('.', ",") } else { plain };
            // Zeros behind 28 digits are dropped, not digits.
            assert_eq!(parse_number(&plain, style), Ok(number), "{cell:?}");
        }
    }
    // What the column settles on is read in no other way by what would fit, too.
    let reads = |style| cells.iter().filter(|c| !c.trim().is_empty()).all(|c| parse_number(c, style).is_ok());
    let same = cells.iter().all(|c| parse_number(c, DecimalStyle::Point) == parse_number(c, DecimalStyle::Comma));
    if reads(DecimalStyle::Point) && reads(DecimalStyle::Comma) {
        let verdict = evidence.verdict();
        let is_fair = if same { verdict == StyleVerdict::Either } else { matches!(verdict, StyleVerdict::Ambiguous { .. }) };
        assert!(is_fair, "{cells:?} fits both styles, and the verdict is {verdict:?}");
    }
});
