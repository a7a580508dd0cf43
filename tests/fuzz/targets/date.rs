//! Any text: a date that means the same when it is written as ISO has it, or a fault; no order is guessed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trueup::ingest::{DateOrder, OrderEvidence, parse_date};

fuzz_target!(|cells: Vec<String>| {
    let mut evidence = OrderEvidence::default();
    for cell in &cells {
        evidence.observe(cell);
        let certain = parse_date(cell, None);
        for order in [DateOrder::Ymd, DateOrder::Mdy, DateOrder::Dmy] {
            let Ok(parsed) = parse_date(cell, Some(order)) else { continue };
            if let Ok(certain) = certain {
                assert_eq!(certain, parsed, "{cell:?} is certain, and another date in {order:?} order");
            }
            let iso = parsed.date.format("%Y-%m-%d").to_string();
            let again = parse_date(&iso, None).map(|p| p.date);
            assert_eq!(again, Ok(parsed.date), "{cell:?} as {iso:?}");
        }
    }
    let _ = evidence.verdict();
});
