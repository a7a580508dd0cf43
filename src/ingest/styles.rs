//! How numbers and dates are written in one file: as its format says, else as its own columns show. A
//! column that fits two readings is not guessed at.

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use super::bind::{Cells, Taken};
use super::glance::Doubts;
use super::seen::Ways;
use super::serial::{self, SerialEvidence};
use super::{
    CellKind, DateFault, DateOrder, DecimalStyle, NumberFault, OrderEvidence, OrderVerdict, Shape, StyleEvidence,
    StyleVerdict, parse_date, parse_number,
};
use crate::finding::Code;
use crate::format::{DateOrderRule, DecimalRule, Read};

/// What is known of a field's writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known<T> {
    /// How it is written; where both readings agree on every cell, either.
    As(T),
    /// Two readings fit: a sentence that says which.
    Open(String),
}

impl<T> Known<T> {
    fn way(&self) -> Option<&T> {
        match self {
            Known::As(way) => Some(way),
            Known::Open(_) => None,
        }
    }
}

/// Per field of the file.
#[derive(Debug, Clone)]
pub(super) struct Styles {
    pub numbers: Vec<Option<Known<DecimalStyle>>>,
    pub dates: Vec<Option<Known<Option<DateOrder>>>>,
    /// The date fields that hold nothing but spreadsheets' day numbers, with the first of each.
    serials: Vec<(usize, String)>,
}

impl Styles {
    /// Reads a number as its field is written.
    pub fn number(&self, taken: Taken<'_>) -> Result<Decimal, (Code, String)> {
        let known = taken.field.and_then(|f| self.numbers.get(f)).and_then(Option::as_ref);
        // A number that is stored as one is written one way only.
        let known = known.filter(|_| taken.kind != CellKind::Number);
        let style = match known {
            Some(Known::As(style)) => *style,
            None => DecimalStyle::Point,
            // A cell that no separator makes doubtful needs no style.
            Some(Known::Open(why)) => match parse_number(taken.text, DecimalStyle::Point) {
                Ok(value) if parse_number(taken.text, DecimalStyle::Comma) == Ok(value) => return Ok(value),
                _ => return Err((Code::I105, why.clone())),
            },
        };
        parse_number(taken.text, style).map_err(|fault| match fault {
            NumberFault::LostPrecision => (Code::I117, fault.to_string()),
            _ => (Code::I105, fault.to_string()),
        })
    }

    /// How a text that is a number of the usual form is written in a field; `None` says nothing.
    pub fn plain_style(&self, field: usize) -> Option<DecimalStyle> {
        match &self.numbers[field] {
            Some(Known::As(style)) => Some(*style),
            Some(Known::Open(_)) => None,
            None => Some(DecimalStyle::Point),
        }
    }

    /// Reads a date as its field is written.
    pub fn date(&self, taken: Taken<'_>) -> Result<(NaiveDate, Option<NaiveTime>), (Code, String)> {
        let known = taken.field.and_then(|f| self.dates.get(f)).and_then(Option::as_ref);
        let order = match known {
            Some(Known::As(order)) => *order,
            _ => None,
        };
        match (parse_date(taken.text, order), known) {
            (Ok(parsed), _) => Ok((parsed.date, parsed.time)),
            (Err(DateFault::Ambiguous), Some(Known::Open(why))) => Err((Code::I107, why.clone())),
            (Err(DateFault::Ambiguous), _) => Err((Code::I107, DateFault::Ambiguous.to_string())),
            (Err(fault), _) => match serial::day_of(taken.text).filter(|_| self.is_serial(taken)) {
                Some(day) => Ok((day, None)),
                None => Err((Code::I106, fault.to_string())),
            },
        }
    }

    /// How the file writes numbers and days: as the first field of which it is known.
    pub fn ways(&self) -> Ways {
        Ways {
            style: self.numbers.iter().flatten().find_map(Known::way).copied(),
            order: self.dates.iter().flatten().filter_map(Known::way).find_map(|order| *order),
        }
    }

    fn is_serial(&self, taken: Taken<'_>) -> bool {
        taken.kind == CellKind::Text && self.serials.iter().any(|(field, _)| Some(*field) == taken.field)
    }

    /// The date fields that hold nothing but spreadsheets' day numbers, with the first of each.
    pub fn serials(&self) -> impl Iterator<Item = (usize, &str)> {
        self.serials.iter().map(|(field, first)| (*field, first.as_str()))
    }
}

/// What the cells of a file show, gathered in a first pass.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    numbers: Vec<Option<StyleEvidence>>,
    dates: Vec<Option<(OrderEvidence, SerialEvidence)>>,
}

/// The decimal style a format states, which does not hold for a file with `;` between its fields: a
/// spreadsheet of another locale has written it again.
pub(super) fn stated_style(read: &Read, shape: Shape, delimiter: Option<u8>) -> Option<DecimalStyle> {
    match (shape.is_laid_out(), delimiter, read.decimal) {
        (false, _, _) => Some(DecimalStyle::Point),
        (_, Some(b';'), _) | (_, _, None) => None,
        (_, _, Some(DecimalRule::Point)) => Some(DecimalStyle::Point),
        (_, _, Some(DecimalRule::Comma)) => Some(DecimalStyle::Comma),
    }
}

pub(super) fn stated_order(read: &Read) -> Option<DateOrder> {
    read.date_order.map(|order| match order {
        DateOrderRule::Ymd => DateOrder::Ymd,
        DateOrderRule::Mdy => DateOrder::Mdy,
        DateOrderRule::Dmy => DateOrder::Dmy,
    })
}

impl Evidence {
    /// For the number and date fields among `fields` that are left open.
    pub fn new(fields: usize, numbers: &[usize], dates: &[usize]) -> Self {
        let mut evidence = Self { numbers: vec![None; fields], dates: vec![None; fields] };
        for field in numbers {
            evidence.numbers[*field] = Some(StyleEvidence::default());
        }
        for field in dates {
            evidence.dates[*field] = Some(<_>::default());
        }
        evidence
    }

    pub fn observe(&mut self, cells: &impl Cells) {
        for (field, evidence) in self.numbers.iter_mut().enumerate() {
            if let Some(evidence) = evidence
                && matches!(cells.kind(field), CellKind::Text)
            {
                evidence.observe(cells.cell(field).trim());
            }
        }
        for (field, evidence) in self.dates.iter_mut().enumerate() {
            if let Some((order, serials)) = evidence
                && matches!(cells.kind(field), CellKind::Text)
            {
                order.observe(cells.cell(field).trim());
                serials.observe(cells.cell(field).trim());
            }
        }
    }

    /// What elsewhere in the file could say otherwise than the cells so far. `None`: they are silent, or already at
    /// odds, and every cell must be asked.
    pub fn doubts(&self, delimiter: u8) -> Option<Doubts> {
        let (mut numbers, mut dates) =
            (self.numbers.iter().flatten().peekable(), self.dates.iter().flatten().peekable());
        let commas = numbers.peek().map(|_| delimiter);
        if commas.is_some() {
            let shown =
                numbers.fold((false, false), |(point, comma), n| (point | n.shows_point(), comma | n.shows_comma()));
            // One column with a decimal point settles the others, as long as none has a comma.
            if shown != (true, false) {
                return None;
            }
        }
        let orders = dates.peek().is_some();
        dates
            .all(|(order, serials)| order.verdict() == OrderVerdict::NoneNeeded && serials.is_settled())
            .then_some(Doubts { commas, orders })
    }

    /// What is known after the last row. A number column that cannot tell follows the others of its file
    /// if they agree; a date column likewise.
    pub fn conclude(self) -> Styles {
        let numbers: Vec<Option<StyleVerdict>> =
            self.numbers.iter().map(|e| e.as_ref().map(StyleEvidence::verdict)).collect();
        let dates: Vec<Option<OrderVerdict>> =
            self.dates.iter().map(|e| e.as_ref().map(|(order, _)| order.verdict())).collect();
        let serials = self.dates.iter().enumerate().filter_map(|(field, e)| {
            let (_, serials) = e.as_ref()?;
            serials.verdict().map(|first| (field, first.to_owned()))
        });
        let shows = |style: &StyleVerdict| numbers.iter().flatten().any(|v| v == style);
        let file_style = match (shows(&StyleVerdict::Point), shows(&StyleVerdict::Comma)) {
            (true, false) => Some(DecimalStyle::Point),
            (false, true) => Some(DecimalStyle::Comma),
            _ => None,
        };
        let mut orders =
            dates.iter().flatten().filter_map(|v| if let OrderVerdict::Known(o) = v { Some(*o) } else { None });
        let file_order = orders.next().filter(|first| orders.all(|o| o == *first));
        Styles {
            numbers: numbers.into_iter().map(|v| v.map(|v| conclude_style(v, file_style))).collect(),
            dates: dates.into_iter().map(|v| v.map(|v| conclude_order(v, file_order))).collect(),
            serials: serials.collect(),
        }
    }
}

fn conclude_style(verdict: StyleVerdict, file: Option<DecimalStyle>) -> Known<DecimalStyle> {
    match (verdict, file) {
        (StyleVerdict::Point, _) => Known::As(DecimalStyle::Point),
        (StyleVerdict::Comma, _) => Known::As(DecimalStyle::Comma),
        (StyleVerdict::Either, file) => Known::As(file.unwrap_or(DecimalStyle::Point)),
        (StyleVerdict::Ambiguous { .. }, Some(file)) => Known::As(file),
        (StyleVerdict::Ambiguous { example }, None) => Known::Open(format!(
            "the column fits two readings, decimal point and decimal comma (as in {example:?}), and no other column of \
             the file tells which; state read.decimal in a format spec"
        )),
        (StyleVerdict::Conflict { point_example, comma_example }, _) => Known::Open(format!(
            "the column mixes decimal points ({point_example:?}) and decimal commas ({comma_example:?})"
        )),
    }
}

fn conclude_order(verdict: OrderVerdict, file: Option<DateOrder>) -> Known<Option<DateOrder>> {
    match (verdict, file) {
        (OrderVerdict::Known(order), _) => Known::As(Some(order)),
        (OrderVerdict::NoneNeeded, file) => Known::As(file),
        (OrderVerdict::Ambiguous { .. }, Some(file)) => Known::As(Some(file)),
        (OrderVerdict::Ambiguous { example }, None) => Known::Open(format!(
            "the column fits day-month and month-day order (as in {example:?}); state read.date_order in a format spec"
        )),
        (OrderVerdict::Conflict { .. }, _) => Known::Open("the column mixes day-month and month-day order".into()),
    }
}
