use proptest::prelude::*;

use super::*;

fn shown(text: &str, order: Option<DateOrder>) -> Result<String, DateFault> {
    parse_date(text, order).map(|p| match p.time {
        Some(time) => format!("{} {time}", p.date),
        None => p.date.to_string(),
    })
}

#[test]
fn dates_that_need_no_order() {
    for (text, date) in [
        ("2026-10-01", "2026-10-01"),
        (" 2026-10-01 ", "2026-10-01"),
        ("2026/1/2", "2026-01-02"),
        ("2026.10.01", "2026-10-01"),
        ("20261001", "2026-10-01"),
        ("2026-10-01T00:00:00Z", "2026-10-01 00:00:00"),
        ("2026-10-01T00:00:00.1234567Z", "2026-10-01 00:00:00.123456700"),
        ("2026-10-01T23:59:59-08:00", "2026-10-01 23:59:59"),
        ("2026-10-01T23:59+0200", "2026-10-01 23:59:00"),
        ("2026-10-01 10:00:00 UTC", "2026-10-01 10:00:00"),
        ("2026-10-01 10:00:00+00", "2026-10-01 10:00:00"),
        ("20261001T100000", "?"),
        ("30-AUG-2025", "2025-08-30"),
        ("30-Aug-25", "2025-08-30"),
        ("1 Oct 2026", "2026-10-01"),
        ("October 1, 2026", "2026-10-01"),
        ("Oct 1 2026", "2026-10-01"),
        ("Sept 30, 2026 4:05 PM", "2026-09-30 16:05:00"),
        ("2026-Oct-01", "2026-10-01"),
        ("0001-01-01T00:00:00", "0001-01-01 00:00:00"),
        ("10/31/2026", "2026-10-31"),
        ("31.10.2026", "2026-10-31"),
        ("5/5/2026", "2026-05-05"),
        ("12/31/70", "1970-12-31"),
        ("12/31/69", "2069-12-31"),
        ("2/28/2019 23:59", "2019-02-28 23:59:00"),
        ("2/28/2019 12:30 AM", "2019-02-28 00:30:00"),
        ("2/28/2019, 12:30:01 pm", "2019-02-28 12:30:01"),
        ("99-12-31", "1999-12-31"),
    ] {
        match date {
            "?" => assert_eq!(shown(text, None), Err(DateFault::NotATime), "{text:?}"),
            _ => assert_eq!(shown(text, None).as_deref(), Ok(date), "{text:?}"),
        }
    }
}

#[test]
fn an_order_settles_what_is_not_certain() {
    use DateOrder::{Dmy, Mdy, Ymd};
    assert_eq!(shown("10/3/2026", None), Err(DateFault::Ambiguous));
    assert_eq!(shown("10/3/2026", Some(Mdy)).as_deref(), Ok("2026-10-03"));
    assert_eq!(shown("10/3/2026", Some(Dmy)).as_deref(), Ok("2026-03-10"));
    assert_eq!(shown("2/1/2019 0:00", Some(Mdy)).as_deref(), Ok("2019-02-01 00:00:00"));
    assert_eq!(shown("25-12-11", None), Err(DateFault::Ambiguous));
    assert_eq!(shown("25-12-11", Some(Ymd)).as_deref(), Ok("2025-12-11"));
    assert_eq!(shown("25/12/26", None).as_deref(), Ok("2026-12-25"));
    // An order is no reason to swap what stands there.
    assert_eq!(shown("31/10/2026", Some(Mdy)), Err(DateFault::NoSuchMonth(31)));
    assert_eq!(shown("10/31/2026", Some(Dmy)), Err(DateFault::NoSuchMonth(31)));
    assert_eq!(shown("10/31/2026", Some(Ymd)), Err(DateFault::OtherOrder(Ymd)));
    // Nor can it turn what is plain.
    assert_eq!(shown("2026-10-03", Some(Dmy)).as_deref(), Ok("2026-10-03"));
    assert_eq!(DateFault::OtherOrder(Ymd).to_string(), "the date is not in year-month-day order, as its column is");
}

#[test]
fn impossible_dates_name_the_part() {
    use DateFault as F;
    for (text, fault) in [
        ("", F::Empty),
        ("  ", F::Empty),
        ("soon", F::NotADate),
        ("NULL", F::NotADate),
        ("45292", F::NotADate),
        ("2026-10", F::NotADate),
        ("Oct 2026", F::NotADate),
        ("1/2/3", F::NotADate),
        ("1/2-2026", F::NotADate),
        ("2026-13-01", F::NoSuchMonth(13)),
        ("2026-00-01", F::NoSuchMonth(0)),
        ("2026-02-29", F::NoSuchDay(29)),
        ("2026-10-00", F::NoSuchDay(0)),
        ("31-Sep-2026", F::NoSuchDay(31)),
        ("20261301", F::NoSuchMonth(13)),
        ("0000-01-01", F::NoSuchYear),
        ("2/30/2026", F::NoSuchDay(30)),
        ("30/2/2026", F::NoSuchDay(30)),
        ("13/32/2026", F::NoSuchMonth(13)),
        ("2026-10-01T30:00:00Z", F::NoSuchHour(30)),
        ("2026-10-01T24:00:00", F::NoSuchHour(24)),
        ("2026-10-01 13:00 PM", F::NoSuchHour(13)),
        ("2026-10-01 10:60", F::NoSuchMinute(60)),
        ("2026-10-01 10:00:61", F::NoSuchSecond(61)),
        ("2026-10-01 noon", F::NotATime),
        ("2026-10-01T10:00:00+2", F::NotATime),
        ("2026-10-01T10:00:00+25:00", F::NotATime),
        ("2026-10-01x", F::NotATime),
        ("2026-10-011", F::NotADate),
        ("99999999999-01-01", F::NotADate),
        ("1/1/99999999999", F::NotADate),
    ] {
        assert_eq!(shown(text, None), Err(fault), "{text:?}");
    }
}

fn verdict(cells: &[&str]) -> OrderVerdict {
    let mut evidence = OrderEvidence::default();
    for cell in cells {
        evidence.observe(cell);
    }
    evidence.verdict()
}

#[test]
fn a_column_says_its_order() {
    use DateOrder::{Dmy, Mdy, Ymd};
    assert_eq!(verdict(&["1/2/2026", "", "junk", "10/31/2026", "2026-10-01"]), OrderVerdict::Known(Mdy));
    assert_eq!(verdict(&["1.2.2026", "31.10.2026 10:00"]), OrderVerdict::Known(Dmy));
    assert_eq!(verdict(&["26-10-01", "99-12-31"]), OrderVerdict::Known(Ymd));
    assert_eq!(verdict(&["2026-10-01", "1 Oct 2026", "99/99/2026"]), OrderVerdict::NoneNeeded);
    assert_eq!(verdict(&["5/5/2026"]), OrderVerdict::NoneNeeded);
    assert_eq!(verdict(&["5/5/2026", "1/2/2026", "3/4/2026"]), OrderVerdict::Ambiguous { example: "1/2/2026".into() });
    assert_eq!(
        verdict(&["10/31/2026", "1/2/2026", "31/10/2026"]),
        OrderVerdict::Conflict { not_month_day: "31/10/2026".into(), not_day_month: "10/31/2026".into() }
    );
    // A time that cannot be is no evidence.
    assert_eq!(verdict(&["1/2/2026", "10/31/2026 30:00"]), OrderVerdict::Ambiguous { example: "1/2/2026".into() });
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[0-9/.:TZ +a-zA-Z-]{0,22}|\\PC{0,20}") {
        for order in [None, Some(DateOrder::Ymd), Some(DateOrder::Mdy), Some(DateOrder::Dmy)] {
            let _ = parse_date(&text, order);
        }
        let mut evidence = OrderEvidence::default();
        evidence.observe(&text);
        let _ = evidence.verdict();
    }

    #[test]
    fn a_date_written_in_an_order_is_read_in_it(y in 1971_i32..2069, m in 1_u32..=12, d in 1_u32..=28, short in any::<bool>()) {
        let date = NaiveDate::from_ymd_opt(y, m, d).unwrap();
        let year = if short { format!("{:02}", y % 100) } else { y.to_string() };
        for (order, text) in [
            (DateOrder::Mdy, format!("{m}/{d}/{year}")),
            (DateOrder::Dmy, format!("{d:02}.{m:02}.{year}")),
            (DateOrder::Ymd, format!("{year}-{m:02}-{d:02}")),
        ] {
            prop_assert_eq!(parse_date(&text, Some(order)).map(|p| p.date), Ok(date));
            // Without an order: the same date, or none.
            if let Ok(guess) = parse_date(&text, None) {
                prop_assert_eq!(guess.date, date);
            }
        }
    }
}

proptest! {
    /// The short way reads what the long way reads, and nothing else.
    #[test]
    fn the_usual_forms_read_as_any_other(
        text in "[0-9]{1,4}[-/][0-9]{1,2}[-/][0-9]{1,4}(T00:00:00Z)?|20[0-9]{2}-[01][0-9]-[0-3][0-9]|[0-9/]{6,10}",
        order in prop::sample::select(vec![None, Some(DateOrder::Ymd), Some(DateOrder::Mdy), Some(DateOrder::Dmy)]),
    ) {
        // A space in front is no usual form.
        let padded = format!(" {text}");
        prop_assert!(parse_usual(padded.as_bytes(), order).is_none());
        let long = parse_date(&padded, order);
        if let Some(parsed) = parse_usual(text.as_bytes(), order) {
            prop_assert_eq!(Ok(parsed), long);
        } else {
            prop_assert_eq!(parse_date(&text, order), long);
        }
    }
}
