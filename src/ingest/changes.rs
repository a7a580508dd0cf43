//! How a row differs from its cells. Nothing is changed in silence: what reading took off, translated,
//! joined or filled in is told, value by value, to whoever asks.

use super::bind::{Cells, Taken};
use super::typed::{Typed, Typist};
use super::{Change, ChangeRule, UsageSink};
use crate::format::{Column, ColumnKind, restore};
use crate::rate::as_read;

impl Typist<'_> {
    /// Tells `sink` every value of the row last read that is not its cell, in the order of the columns.
    pub fn changes(
        &self,
        cells: &impl Cells,
        line: u64,
        typed: &Typed,
        sink: &mut dyn UsageSink,
    ) -> anyhow::Result<()> {
        for column in Column::ALL.iter().copied() {
            let taken = self.binding.take(column as usize);
            let cell = taken.field.map_or("", |f| cells.cell(f));
            let to = self.value(column, taken, typed);
            if cell == to {
                continue;
            }
            let rule = self.rule(column, taken, cell, &to);
            sink.change(&Change { line, column, rule, from: cell, to: &to })?;
        }
        Ok(())
    }

    /// The value as tidy writes it.
    fn value<'a>(&'a self, column: Column, taken: Taken<'a>, typed: &Typed) -> std::borrow::Cow<'a, str> {
        let number = |n: Option<rust_decimal::Decimal>| n.map(as_read).unwrap_or_default().into();
        let date = |d: Option<chrono::NaiveDate>| d.map(|d| d.to_string()).unwrap_or_default().into();
        match column {
            Column::Quantity => number(typed.quantity),
            Column::UnitCost => number(typed.unit_cost),
            Column::Cost => number(typed.cost),
            Column::ChargePeriodStart => date(typed.start),
            Column::ChargePeriodEnd => date(typed.end),
            Column::ChargeCategory => typed.category.word().into(),
            Column::Currency => typed.currency.code().to_string().into(),
            Column::ProviderName if taken.text.is_empty() => self.stated_provider().into(),
            _ => taken.text.into(),
        }
    }

    fn rule(&self, column: Column, taken: Taken<'_>, cell: &str, to: &str) -> ChangeRule {
        let trimmed = cell.trim();
        if trimmed == to {
            return ChangeRule::Trimmed;
        }
        if taken.text.is_empty() {
            return match column {
                // A cell that is not empty means it, by a word of the format.
                _ if to.is_empty() => ChangeRule::NullWord,
                Column::Cost => ChangeRule::Computed,
                Column::ChargeCategory => ChangeRule::Default,
                _ => ChangeRule::Constant,
            };
        }
        if to.is_empty() && column == Column::UnitCost {
            return ChangeRule::OtherCurrency;
        }
        let Some(field) = taken.field else { return ChangeRule::Constant };
        match column.kind() {
            ColumnKind::Number => ChangeRule::Number,
            ColumnKind::Date => {
                let read = self.date_in(taken);
                if read.is_some_and(|date| date.to_string() != to) {
                    ChangeRule::EndExclusive
                } else {
                    ChangeRule::Date
                }
            }
            _ if self.binding.is_joined(column as usize, field) => ChangeRule::Joined,
            ColumnKind::Text if restore(trimmed).trim() == to => ChangeRule::Restored,
            ColumnKind::Text | ColumnKind::Currency | ColumnKind::Category => ChangeRule::Word,
        }
    }
}
