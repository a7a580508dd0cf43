//! Text to civil dates. The date is taken as written, in no time zone: a charge that starts on the
//! first of a month starts there wherever the MSP sits. Day and month are never guessed.

use chrono::{NaiveDate, NaiveTime};

#[cfg(test)]
mod tests;

/// The order of a date's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DateOrder {
    Ymd,
    Mdy,
    Dmy,
}

impl DateOrder {
    const ALL: [Self; 3] = [Self::Ymd, Self::Mdy, Self::Dmy];

    /// As a person says it.
    pub const fn words(self) -> &'static str {
        match self {
            DateOrder::Ymd => "year-month-day",
            DateOrder::Mdy => "month-day-year",
            DateOrder::Dmy => "day-month-year",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ParsedDate {
    pub date: NaiveDate,
    /// As written; an offset is accepted and not applied.
    pub time: Option<NaiveTime>,
}

/// Whether a date with this time says its day and nothing more.
pub(super) fn is_midnight(time: Option<NaiveTime>) -> bool {
    time.is_none_or(|time| time == NaiveTime::MIN)
}

/// Why a cell is not a date to bill by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DateFault {
    #[error("the cell is empty where a date must stand")]
    Empty,
    #[error("the cell is not a date")]
    NotADate,
    #[error("the date fits both day-month and month-day order")]
    Ambiguous,
    #[error("the date is not in {} order, as its column is", .0.words())]
    OtherOrder(DateOrder),
    #[error("the date has no month {0}")]
    NoSuchMonth(u32),
    #[error("the date's month has no day {0}")]
    NoSuchDay(u32),
    #[error("the date has no year 0")]
    NoSuchYear,
    #[error("the time has no hour {0}")]
    NoSuchHour(u32),
    #[error("the time has no minute {0}")]
    NoSuchMinute(u32),
    #[error("the time has no second {0}")]
    NoSuchSecond(u32),
    #[error("what stands behind the date is not a time")]
    NotATime,
}

/// Reads ISO dates, dates with a month's English name, and numeric dates; for the last, `order` says
/// which part is which. Without it only what fits one order is a date.
pub fn parse_date(text: &str, order: Option<DateOrder>) -> Result<ParsedDate, DateFault> {
    if let Some(parsed) = parse_usual(text.as_bytes(), order) {
        return Ok(parsed);
    }
    let (parts, rest) = read_parts(text)?;
    let date = match parts {
        Parts::Known(y, m, d) => civil(y, m, d)?,
        Parts::Numeric(n) => match order {
            Some(order) => n.civil(order).unwrap_or(Err(DateFault::OtherOrder(order)))?,
            None => n.certain()?,
        },
    };
    Ok(ParsedDate { date, time: read_time(rest)? })
}

/// Nearly every cell: `2026-10-01`, also at midnight UTC, and `10/1/2026` where the order is known.
fn parse_usual(text: &[u8], order: Option<DateOrder>) -> Option<ParsedDate> {
    // Longer texts are no part of a usual date, and their number might not fit.
    fn digits(text: &[u8]) -> Option<u32> {
        if text.len() > 4 {
            return None;
        }
        text.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
    }
    let (day, time) = match text {
        [day @ .., b'T', b'0', b'0', b':', b'0', b'0', b':', b'0', b'0', b'Z'] => (day, Some(NaiveTime::MIN)),
        day => (day, None),
    };
    if let [year @ .., b'-', m1, m2, b'-', d1, d2] = day {
        let year = digits(year).filter(|_| year.len() == 4)?;
        let date = civil(i32::try_from(year).ok()?, digits(&[*m1, *m2])?, digits(&[*d1, *d2])?).ok()?;
        return Some(ParsedDate { date, time });
    }
    let [short @ .., b'/', y1, y2, y3, y4] = day else { return None };
    let slash = if short.get(1) == Some(&b'/') { 1 } else { 2 };
    if !matches!(short.len(), 3..=5) || short.get(slash) != Some(&b'/') || !matches!(short.len() - slash, 2 | 3) {
        return None;
    }
    let (first, second) = (digits(&short[..slash])?, digits(&short[slash + 1..])?);
    let (month, day) = match order? {
        DateOrder::Mdy => (first, second),
        DateOrder::Dmy => (second, first),
        DateOrder::Ymd => return None,
    };
    let date = civil(i32::try_from(digits(&[*y1, *y2, *y3, *y4])?).ok()?, month, day).ok()?;
    Some(ParsedDate { date, time })
}

enum Parts {
    /// Year, month, day.
    Known(i32, u32, u32),
    Numeric(Numeric),
}

/// Three numbers of which the year does not stand first, or has two digits.
#[derive(Clone, Copy)]
struct Numeric {
    parts: [u32; 3],
    /// Two digits each and dashes: the year may stand first.
    may_be_ymd: bool,
    short_year: bool,
}

impl Numeric {
    /// The date in `order`, or `None` where it cannot be in that order at all.
    fn civil(self, order: DateOrder) -> Option<Result<NaiveDate, DateFault>> {
        let [first, second, third] = self.parts;
        let (year, month, day) = match order {
            DateOrder::Ymd if self.may_be_ymd => (first, second, third),
            DateOrder::Ymd => return None,
            DateOrder::Mdy => (third, first, second),
            DateOrder::Dmy => (third, second, first),
        };
        let year = if self.short_year { full_year(year) } else { i32::try_from(year).unwrap_or(0) };
        Some(civil(year, month, day))
    }

    fn dates(self) -> [Option<NaiveDate>; 3] {
        DateOrder::ALL.map(|order| self.civil(order).and_then(Result::ok))
    }

    fn certain(self) -> Result<NaiveDate, DateFault> {
        let mut possible = self.dates().into_iter().flatten();
        match possible.next() {
            Some(date) if possible.all(|other| other == date) => Ok(date),
            Some(_) => Err(DateFault::Ambiguous),
            // Say what is wrong with it in the order that gets furthest.
            None => match (self.parts[0], self.parts[1]) {
                (month, day) if month > 12 && day > 12 => Err(DateFault::NoSuchMonth(month)),
                (first, _) => {
                    let order = if first > 12 { DateOrder::Dmy } else { DateOrder::Mdy };
                    self.civil(order).unwrap_or(Err(DateFault::NotADate))
                }
            },
        }
    }
}

/// Two digits: 70 to 99 are of the last century.
fn full_year(year: u32) -> i32 {
    let century = if year >= 70 { 1900 } else { 2000 };
    century + i32::try_from(year).unwrap_or(0)
}

fn civil(year: i32, month: u32, day: u32) -> Result<NaiveDate, DateFault> {
    if year == 0 {
        return Err(DateFault::NoSuchYear);
    }
    if !(1..=12).contains(&month) {
        return Err(DateFault::NoSuchMonth(month));
    }
    NaiveDate::from_ymd_opt(year, month, day).ok_or(DateFault::NoSuchDay(day))
}

/// The date's parts and the text behind it.
fn read_parts(text: &str) -> Result<(Parts, &str), DateFault> {
    let text = text.trim();
    if text.is_empty() {
        return Err(DateFault::Empty);
    }
    let (first, rest) = split_digits(text);
    match first.len() {
        0 => named_month_first(text),
        8 => Ok((
            Parts::Known(i32::try_from(number(&first[..4])).unwrap_or(0), number(&first[4..6]), number(&first[6..])),
            rest,
        )),
        1 | 2 | 4 => {
            if let Some((month, rest)) = name_of_month(skip_separator(rest)) {
                let (last, rest) = split_digits(skip_separator(rest));
                return match (first.len(), last.len()) {
                    (4, 1 | 2) => Ok((Parts::Known(year(first)?, month, number(last)), rest)),
                    (1 | 2, 2 | 4) => Ok((Parts::Known(year(last)?, month, number(first)), rest)),
                    _ => Err(DateFault::NotADate),
                };
            }
            numeric(first, rest)
        }
        _ => Err(DateFault::NotADate),
    }
}

fn numeric<'a>(first: &'a str, rest: &'a str) -> Result<(Parts, &'a str), DateFault> {
    let Some(separator) = rest.chars().next().filter(|c| matches!(c, '-' | '/' | '.')) else {
        return Err(DateFault::NotADate);
    };
    let (second, rest) = split_digits(&rest[1..]);
    let (third, rest) = split_digits(rest.strip_prefix(separator).ok_or(DateFault::NotADate)?);
    match (first.len(), second.len(), third.len()) {
        (4, 1 | 2, 1 | 2) => Ok((Parts::Known(year(first)?, number(second), number(third)), rest)),
        (1 | 2, 1 | 2, 2 | 4) => Ok((
            Parts::Numeric(Numeric {
                parts: [number(first), number(second), number(third)],
                may_be_ymd: separator == '-' && first.len() == 2 && third.len() == 2,
                short_year: third.len() == 2,
            }),
            rest,
        )),
        _ => Err(DateFault::NotADate),
    }
}

/// `October 1, 2026`
fn named_month_first(text: &str) -> Result<(Parts, &str), DateFault> {
    let (month, rest) = name_of_month(text).ok_or(DateFault::NotADate)?;
    let (day, rest) = split_digits(skip_separator(rest));
    let (last, rest) = split_digits(skip_separator(rest));
    match (day.len(), last.len()) {
        (1 | 2, 2 | 4) => Ok((Parts::Known(year(last)?, month, number(day)), rest)),
        _ => Err(DateFault::NotADate),
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// At most eight digits come here.
fn number(digits: &str) -> u32 {
    digits.bytes().fold(0, |n, b| n * 10 + u32::from(b - b'0'))
}

fn year(digits: &str) -> Result<i32, DateFault> {
    match digits.len() {
        2 => Ok(full_year(number(digits))),
        4 => Ok(i32::try_from(number(digits)).unwrap_or(0)),
        _ => Err(DateFault::NotADate),
    }
}

fn skip_separator(text: &str) -> &str {
    let rest = text.strip_prefix(['-', '/', '.', ',']).unwrap_or(text);
    rest.trim_start_matches(' ')
}

/// English, whole or the first three letters (and `Sept`).
fn name_of_month(text: &str) -> Option<(u32, &str)> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let length = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (name, rest) = text.split_at(length);
    let is = |month: &str| {
        name.eq_ignore_ascii_case(month)
            || (length == 3 || length == 4 && month == "september") && name.eq_ignore_ascii_case(&month[..length])
    };
    (1..).zip(MONTHS).find(|(_, month)| is(month)).map(|(n, _)| (n, rest))
}

/// What may stand behind a date: nothing, or a time with `AM`/`PM`, fraction and offset.
fn read_time(text: &str) -> Result<Option<NaiveTime>, DateFault> {
    if text.is_empty() {
        return Ok(None);
    }
    let clock = text.strip_prefix(['T', 't', ' ']).or_else(|| text.strip_prefix(", ")).ok_or(DateFault::NotATime)?;
    let (hour, rest) = split_digits(clock.trim_start());
    let (minute, rest) = split_digits(rest.strip_prefix(':').ok_or(DateFault::NotATime)?);
    let (second, rest) = rest.strip_prefix(':').map_or(("00", rest), split_digits);
    if !matches!((hour.len(), minute.len(), second.len()), (1 | 2, 2, 2)) {
        return Err(DateFault::NotATime);
    }
    let (nanos, rest) = read_fraction(rest)?;
    let rest = rest.trim_start();
    let (half, rest) = read_half(rest);
    check_offset(rest.trim_start())?;
    let hour = match (number(hour), half) {
        (hour, None) if hour < 24 => hour,
        (hour @ 1..=12, Some(half)) => hour % 12 + half,
        (hour, _) => return Err(DateFault::NoSuchHour(hour)),
    };
    let (minute, second) = (number(minute), number(second));
    if minute > 59 {
        return Err(DateFault::NoSuchMinute(minute));
    }
    let time = NaiveTime::from_hms_nano_opt(hour, minute, second, nanos).ok_or(DateFault::NoSuchSecond(second))?;
    Ok(Some(time))
}

/// `.1234567` in nanoseconds; at most nine digits.
fn read_fraction(text: &str) -> Result<(u32, &str), DateFault> {
    let Some(rest) = text.strip_prefix(['.', ',']) else { return Ok((0, text)) };
    let (digits, rest) = split_digits(rest);
    let missing = 9_u32.checked_sub(u32::try_from(digits.len()).unwrap_or(u32::MAX)).ok_or(DateFault::NotATime)?;
    if digits.is_empty() {
        return Err(DateFault::NotATime);
    }
    Ok((number(digits) * 10_u32.pow(missing), rest))
}

/// The hours that `AM` and `PM` add.
fn read_half(text: &str) -> (Option<u32>, &str) {
    match text.get(..2) {
        Some(half) if half.eq_ignore_ascii_case("AM") => (Some(0), &text[2..]),
        Some(half) if half.eq_ignore_ascii_case("PM") => (Some(12), &text[2..]),
        _ => (None, text),
    }
}

/// `Z`, `UTC`, `GMT`, `+02`, `+0200` or `-08:00`.
fn check_offset(text: &str) -> Result<(), DateFault> {
    if matches!(text, "" | "Z" | "z" | "UTC" | "GMT") {
        return Ok(());
    }
    let (hours, minutes) = split_digits(text.strip_prefix(['+', '-']).ok_or(DateFault::NotATime)?);
    let (hours, minutes) = match (hours.len(), minutes) {
        (2, "") => (hours, "00"),
        (4, "") => hours.split_at(2),
        (2, rest) => (hours, rest.strip_prefix(':').unwrap_or_default()),
        _ => return Err(DateFault::NotATime),
    };
    let good = minutes.len() == 2 && minutes.bytes().all(|b| b.is_ascii_digit());
    if good && number(hours) <= 14 && number(minutes) < 60 { Ok(()) } else { Err(DateFault::NotATime) }
}

/// What the cells of one column say about its order.
#[derive(Debug, Clone, Default)]
pub struct OrderEvidence {
    /// For each order of [`DateOrder::ALL`], the first cell that it cannot read.
    excluded: [Option<String>; 3],
    /// The first cell that means several dates.
    ambiguous: Option<String>,
    /// Whether any cell needs an order.
    numeric: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderVerdict {
    Known(DateOrder),
    /// Every date reads the same in any order.
    NoneNeeded,
    Ambiguous {
        example: String,
    },
    /// No order reads every date: one cell that rules out month-day, one that rules out day-month.
    Conflict {
        not_month_day: String,
        not_day_month: String,
    },
}

impl OrderEvidence {
    /// Cells that are no dates in any order say nothing.
    pub fn observe(&mut self, text: &str) {
        let Ok((Parts::Numeric(numeric), rest)) = read_parts(text) else { return };
        if read_time(rest).is_err() {
            return;
        }
        let dates = numeric.dates();
        let mut possible = dates.iter().flatten();
        let Some(first) = possible.next() else { return };
        self.numeric = true;
        if possible.any(|other| other != first) && self.ambiguous.is_none() {
            self.ambiguous = Some(text.to_owned());
        }
        for (slot, date) in self.excluded.iter_mut().zip(dates) {
            if date.is_none() && slot.is_none() {
                *slot = Some(text.to_owned());
            }
        }
    }

    pub fn verdict(&self) -> OrderVerdict {
        if !self.numeric {
            return OrderVerdict::NoneNeeded;
        }
        let mut left = DateOrder::ALL.into_iter().zip(&self.excluded).filter(|(_, e)| e.is_none()).map(|(o, _)| o);
        match (left.next(), left.next(), &self.ambiguous, &self.excluded) {
            (Some(order), None, _, _) => OrderVerdict::Known(order),
            (Some(_), Some(_), Some(example), _) => OrderVerdict::Ambiguous { example: example.clone() },
            (None, _, _, [_, Some(mdy), Some(dmy)]) => {
                OrderVerdict::Conflict { not_month_day: mdy.clone(), not_day_month: dmy.clone() }
            }
            _ => OrderVerdict::NoneNeeded,
        }
    }
}
