//! What ingest hands on: one typed usage row at a time, with its place, and everything it could not use.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::bind::Binding;
use crate::finding::{Code, Finding, Place};
use crate::format::{ChargeCategory, Column};
use crate::rate::{Currency, ExactSum, Small};

/// How a format or its words say a row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Treatment {
    /// Quantity and cost count.
    Counted,
    /// The cost counts, the quantity does not (credits, taxes, proration rows).
    CostOnly,
    /// Neither counts: a format rule leaves the row out, for the reason named in the spec.
    Excluded,
}

impl Treatment {
    pub const fn word(self) -> &'static str {
        match self {
            Treatment::Counted => "counted",
            Treatment::CostOnly => "cost_only",
            Treatment::Excluded => "excluded",
        }
    }
}

/// What a row is charged by where its unit cost is in another currency than its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChargedAt {
    /// In the other currency.
    pub unit_price: Decimal,
    /// What it is multiplied by; never 1.
    pub rate: Decimal,
}

/// The texts of a row. They stay in its cells until they are asked for: most are compared with the row before and
/// never looked at.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a> {
    pub binding: &'a Binding,
    /// What the format says where the row names no provider.
    pub stated_provider: &'a str,
}

impl std::fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(Column::ALL.iter().map(|c| self.binding.text(*c as usize))).finish()
    }
}

/// The amounts of a row as they are written, of those that are written plainly: for whoever reckons with many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    pub quantity: Option<Small>,
    pub unit_cost: Option<Small>,
    pub cost: Option<Small>,
}

/// A usage row in canonical columns. Texts are trimmed; quantities and money are exact.
#[derive(Debug, Clone)]
pub struct UsageRow<'a> {
    pub(super) texts: Texts<'a>,
    pub charge_category: ChargeCategory,
    pub charge_period_start: Option<NaiveDate>,
    /// Exclusive.
    pub charge_period_end: Option<NaiveDate>,
    /// Absent only where the format has no quantity for this row (then it counts as zero units).
    pub quantity: Option<Decimal>,
    /// In `currency`.
    pub unit_cost: Option<Decimal>,
    /// Where the unit cost is stated in another currency, and so not known in this one.
    pub charged_at: Option<&'a ChargedAt>,
    /// As read, else quantity × unit_cost where both are there.
    pub cost: Option<Decimal>,
    /// The same numbers; `None` says nothing.
    pub plain: Amounts,
    pub currency: Currency,
    /// Physical line where the record begins (JSON: record number), 1-based.
    pub line: u64,
    pub treatment: Treatment,
    /// Fingerprint of (format, identity values) if the format names identity columns and all are filled.
    pub identity: Option<u128>,
    /// Fingerprint of the canonical columns (same content ⇔ equal), of rows with an identity; 0 of others.
    pub content: u64,
    /// Fingerprint of every field, by heading, independent of column order, of rows without an identity; 0 of others. Amounts
    /// and days are in it by value, whatever way they are written.
    pub whole: u128,
    /// Fingerprints of the texts that name the account and the SKU; 0 where no fingerprints are asked for.
    pub account_print: u64,
    pub sku_print: u64,
    /// A number that stands as long as rows of one file agree in provider, category, treatment, currency and dates, and in
    /// whether they have an identity; never 0. Where it has changed they may agree nevertheless.
    pub alike: u64,
    /// The export's own date on the row (invoice date or number column the spec names), to order conflicting copies.
    pub exported: Option<NaiveDate>,
}

impl<'a> UsageRow<'a> {
    /// Quantity and cost to be summed; a number that is not there is none.
    #[inline]
    pub fn sums(&self) -> [ExactSum; 2] {
        [(self.plain.quantity, self.quantity), (self.plain.cost, self.cost)]
            .map(|(plain, number)| plain.map_or_else(|| ExactSum::of(number.unwrap_or_default()), Small::exact))
    }

    pub fn provider_name(&self) -> &'a str {
        match self.text(Column::ProviderName) {
            "" => self.texts.stated_provider,
            named => named,
        }
    }

    pub fn sub_account_id(&self) -> &'a str {
        self.text(Column::SubAccountId)
    }

    pub fn sub_account_name(&self) -> &'a str {
        self.text(Column::SubAccountName)
    }

    pub fn sku_id(&self) -> &'a str {
        self.text(Column::SkuId)
    }

    pub fn charge_description(&self) -> &'a str {
        self.text(Column::ChargeDescription)
    }

    pub fn subscription_id(&self) -> &'a str {
        self.text(Column::SubscriptionId)
    }

    pub fn line_id(&self) -> &'a str {
        self.text(Column::LineId)
    }

    /// ISO 8601 duration or empty.
    pub fn term(&self) -> &'a str {
        self.text(Column::Term)
    }

    pub fn billing_frequency(&self) -> &'a str {
        self.text(Column::BillingFrequency)
    }

    pub fn metric(&self) -> &'a str {
        self.text(Column::Metric)
    }

    pub fn unit(&self) -> &'a str {
        self.text(Column::Unit)
    }

    /// The text of a column, to be compared or kept.
    #[inline]
    pub fn bytes(&self, column: Column) -> &'a [u8] {
        self.texts.binding.bytes(column as usize)
    }

    #[inline]
    fn text(&self, column: Column) -> &'a str {
        self.texts.binding.text(column as usize)
    }
}

/// A usage row that could not be used. It is counted, named and kept as text.
#[derive(Debug, Clone)]
pub struct Reject {
    pub line: u64,
    /// 1-based field number, 0 if the whole row is meant.
    pub column: u64,
    pub code: Code,
    pub value: String,
    pub message: String,
    /// The row as it stood in the file.
    pub raw: String,
    /// Its file is refused whole, and one finding says so of all its rows.
    pub with_its_file: bool,
    /// What of the row could still be read, so that the line it touches can be put in review, and the money shown.
    pub provider_name: String,
    pub sub_account_id: String,
    pub sub_account_name: String,
    pub sku_id: String,
    pub charge_description: String,
    pub term: String,
    pub metric: String,
    pub charge_period_start: Option<NaiveDate>,
    pub charge_period_end: Option<NaiveDate>,
    pub quantity: Option<Decimal>,
    pub cost: Option<Decimal>,
    pub currency: Currency,
}

impl Reject {
    /// What there is to say of the row, at its place in `source`.
    pub fn finding(&self, source: &str) -> Finding {
        let place = match self.column {
            0 => Place::line(source, self.line),
            column => Place::cell(source, self.line, column),
        };
        let finding = Finding::new(self.code, self.message.clone()).at(place);
        if self.value.is_empty() { finding } else { finding.value(self.value.clone()) }
    }
}

/// Lines of a file that are no usage rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OtherLine {
    Title,
    Heading,
    RepeatedHeading,
    Total,
    Note,
    Blank,
}

/// Why a value differs from its cell. In the order of the words, as outputs list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeRule {
    /// The cost is quantity × unit_cost.
    Computed,
    /// The format states the value; no cell does.
    Constant,
    /// The date was written in another style, or with a time.
    Date,
    /// The cell is empty, and its column has a default.
    Default,
    /// The last day of the period became the day after it.
    EndExclusive,
    /// Several cells were joined.
    Joined,
    /// The cell holds a word that means "empty".
    NullWord,
    /// The number was written in another style.
    Number,
    /// The amount is in another currency, at a rate that stands beside it.
    OtherCurrency,
    /// A `'` before what a spreadsheet would run was taken off.
    Restored,
    /// White space around the value was taken off.
    Trimmed,
    /// The format says what the word means.
    Word,
}

impl ChangeRule {
    pub const fn word(self) -> &'static str {
        match self {
            ChangeRule::Trimmed => "trimmed",
            ChangeRule::NullWord => "null_word",
            ChangeRule::OtherCurrency => "other_currency",
            ChangeRule::Restored => "restored",
            ChangeRule::Word => "word",
            ChangeRule::Joined => "joined",
            ChangeRule::Constant => "constant",
            ChangeRule::Default => "default",
            ChangeRule::Number => "number",
            ChangeRule::Date => "date",
            ChangeRule::EndExclusive => "end_exclusive",
            ChangeRule::Computed => "computed",
        }
    }
}

/// A value that differs from the cell it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    pub line: u64,
    pub column: Column,
    pub rule: ChangeRule,
    /// The cell as it stands; empty where no cell has the value.
    pub from: &'a str,
    pub to: &'a str,
}

/// Where a reader puts what it reads, one row at a time.
pub trait UsageSink {
    fn row(&mut self, row: &UsageRow<'_>) -> anyhow::Result<()>;
    fn reject(&mut self, reject: Reject) -> anyhow::Result<()>;
    fn other(&mut self, line: u64, kind: OtherLine) -> anyhow::Result<()>;
    fn finding(&mut self, finding: Finding) -> anyhow::Result<()>;

    /// Whether the sink tells copies by a row's fingerprints. Without it `identity`, `content` and `whole` say nothing.
    fn wants_prints(&self) -> bool {
        true
    }

    /// Headings of which the sink wants the cells beside each row.
    fn wants_cells(&self) -> &[&'static str] {
        &[]
    }

    /// These cells of the row that comes next, trimmed; `None` where the file has no such heading.
    fn cells(&mut self, _cells: &[Option<&str>]) -> anyhow::Result<()> {
        Ok(())
    }

    /// Whether the sink wants the text of the row last taken.
    fn wants_raw(&self) -> bool {
        false
    }

    /// The row last taken, as it stands in its file.
    fn raw(&mut self, _raw: &str) -> anyhow::Result<()> {
        Ok(())
    }

    /// Whether the sink wants to know how the row last taken differs from its cells.
    fn wants_changes(&self) -> bool {
        false
    }

    /// A change of the row last taken.
    fn change(&mut self, _change: &Change<'_>) -> anyhow::Result<()> {
        Ok(())
    }
}
