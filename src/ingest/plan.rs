//! What is made of a field's value as soon as it is known to have changed: most columns are one field as it stands, and
//! most numbers are plain. What is not is worked out later, column by column.

use super::memo::Memo;
use super::number::parse_short;
use super::seen::{Take, Uses, short_word};
use super::{CellKind, DecimalStyle};
use crate::format::Column;
use crate::rate::Small;

/// Of one field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Plan {
    #[default]
    Nothing,
    /// It is the text of this column.
    Text(usize),
    /// It is the number of this column, and written like this.
    Number(Column, DecimalStyle),
}

/// Of the fields of one file.
#[derive(Debug, Default)]
pub(super) struct Plans {
    fields: Vec<Plan>,
    /// The columns whose text is fingerprinted as soon as it changes.
    printed: Uses,
}

impl Plans {
    pub fn new(fields: usize) -> Self {
        Self { fields: vec![Plan::Nothing; fields], printed: Uses::NONE }
    }

    /// The first plan for a field counts; what else it is used for is worked out later.
    pub fn number(&mut self, field: usize, column: Column, style: DecimalStyle) {
        if self.fields[field] == Plan::Nothing {
            self.fields[field] = Plan::Number(column, style);
        }
    }

    pub fn text(&mut self, field: usize, column: Column) {
        if self.fields[field] == Plan::Nothing {
            self.fields[field] = Plan::Text(column as usize);
            self.printed = self.printed.and(Uses::column(column as usize));
        }
    }

    /// The columns of which no fingerprint is left to be made.
    pub fn printed(&self) -> Uses {
        self.printed
    }
}

/// Carries the plans out for one row.
pub(super) struct Carried<'a> {
    pub plans: &'a Plans,
    pub memo: &'a mut Memo,
    /// The numbers that were taken.
    pub done: Uses,
}

impl Take for Carried<'_> {
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "asked of nearly every field of every row, in one loop")]
    fn take(&mut self, field: usize, kind: CellKind, text: &[u8], start: usize, length: usize) {
        match self.plans.fields[field] {
            Plan::Nothing => {}
            Plan::Text(column) => self.memo.take_text(column, text, start, length),
            Plan::Number(column, style) => {
                if kind == CellKind::Text
                    && let Some(word) = short_word(text, start, length)
                    && let Some((digits, scale)) = parse_short(word, length, style)
                    && let Some(number) = Small::written(digits, scale)
                {
                    self.memo.take_number(column, number, field);
                    self.done = self.done.and(Uses::column(column as usize));
                }
            }
        }
    }
}
