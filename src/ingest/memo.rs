//! What a row is typed to, kept from the row before: a date, a price or a word is parsed when its cells change.

use chrono::Datelike;
use rust_decimal::Decimal;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

use super::Treatment;
use super::seen::{Uses, two_words};
use super::typed::{Typed, Typist, exact_product};
use super::usage::Amounts;
use crate::format::{ChargeCategory, Column};
use crate::rate::{Currency, Small};

const fn of(column: Column) -> Uses {
    Uses::column(column as usize)
}

const CATEGORY: Uses = of(Column::ChargeCategory);
const CURRENCY: Uses = of(Column::Currency);
const QUANTITY: Uses = of(Column::Quantity);
const UNIT_COST: Uses = of(Column::UnitCost).and(Uses::RATE);
const STATED_COST: Uses = of(Column::Cost);
const COST: Uses = STATED_COST.and(QUANTITY).and(UNIT_COST);
const PERIOD: Uses = of(Column::ChargePeriodStart).and(of(Column::ChargePeriodEnd));
const TREATMENT: Uses = CATEGORY.and(Uses::RULES);
const SELDOM: Uses = of(Column::ProviderName).and(CATEGORY).and(CURRENCY).and(PERIOD);
/// What [`Memo::values`] is of.
const VALUED: Uses = QUANTITY.and(of(Column::UnitCost)).and(STATED_COST).and(PERIOD);
/// What [`Memo::alike`] stands for.
const ALIKE: Uses = SELDOM.and(TREATMENT).and(Uses::EXPORTED);
/// What a format may require.
const NEEDED: Uses = TREATMENT
    .and(QUANTITY)
    .and(of(Column::SubAccountId))
    .and(of(Column::SubAccountName))
    .and(of(Column::SkuId))
    .and(of(Column::ChargeDescription));

/// What names accounts and SKUs.
const NAMES: Uses = of(Column::SubAccountId)
    .and(of(Column::SubAccountName))
    .and(of(Column::SkuId))
    .and(of(Column::ChargeDescription))
    .and(of(Column::Term))
    .and(of(Column::Metric));
/// The columns whose text is content.
const TEXTS: Uses = NAMES
    .and(of(Column::SubscriptionId))
    .and(of(Column::LineId))
    .and(of(Column::BillingFrequency))
    .and(of(Column::Unit));
const COLUMNS: usize = Column::ALL.len();

/// Whether a column's text is content.
pub(super) fn is_content(column: Column) -> bool {
    TEXTS.has(of(column))
}

/// Whether a column tells whole rows apart by what it says, however that is written.
pub(super) fn is_valued(column: Column) -> bool {
    VALUED.has(of(column))
}

#[derive(Debug)]
pub(super) struct Memo {
    typed: Typed,
    /// Of the cost column, before what is computed.
    stated_cost: Option<Decimal>,
    plain: Amounts,
    treatment: Treatment,
    /// What tells whether something is missing: of the row for which it was asked last.
    needs: Option<(u8, bool, Treatment)>,
    /// What of the row has a problem.
    wrong: Wrong,
    /// Whether content is asked for.
    contents: bool,
    content: u64,
    /// What has changed since `content` was worked out.
    stale: Uses,
    alike: u64,
    identified: bool,
    prints: [u64; COLUMNS],
    /// As [`Memo::values`], of rows without an identity; its parts, and what of them has changed since.
    values: u128,
    valued: [u128; COLUMNS],
    unvalued: Uses,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Wrong {
    ids: bool,
    category: bool,
    currency: bool,
    quantity: bool,
    unit_cost: bool,
    stated_cost: bool,
    cost: bool,
    period: bool,
    missing: bool,
}

impl Memo {
    /// `nth`: of those of its file.
    pub fn new(nth: u64, contents: bool) -> Self {
        Self {
            // No file has so many rows that the numbers of two meet.
            alike: (nth << 48) + 1,
            identified: false,
            typed: Typed::default(),
            stated_cost: None,
            plain: Amounts::default(),
            treatment: Treatment::Counted,
            needs: None,
            wrong: Wrong::default(),
            contents,
            content: 0,
            stale: Uses::NONE,
            prints: [0; COLUMNS],
            values: 0,
            valued: [0; COLUMNS],
            unvalued: Uses::NONE,
        }
    }

    /// Whether nothing is wrong with the row.
    pub fn is_whole(&self) -> bool {
        self.wrong == Wrong::default()
    }

    /// What the row is typed to, if nothing is wrong with it.
    pub fn typed(&self) -> &Typed {
        &self.typed
    }

    pub fn plain(&self) -> &Amounts {
        &self.plain
    }

    /// As [`UsageRow::alike`](super::UsageRow).
    pub fn alike(&self) -> u64 {
        self.alike
    }

    pub fn treatment(&self) -> Treatment {
        self.treatment
    }

    /// The fingerprint of the canonical columns of the row: numbers by value, not by how they are written. A
    /// sum over the columns, so that only those that changed are gone through.
    pub fn content(&self) -> u64 {
        self.content
    }

    /// Takes the text of a column, which has changed: its fingerprint.
    #[inline]
    pub fn take_text(&mut self, column: usize, text: &[u8], start: usize, length: usize) {
        let print = if length <= SHORT {
            print_of_words(two_words(text, start, length), length, column)
        } else {
            print_of_text(&text[start..start + length], column)
        };
        self.put(column, print);
    }

    /// Takes the number of a column, which has changed, and the field it stands in.
    #[inline]
    pub fn take_number(&mut self, column: Column, plain: Small, field: usize) {
        let (typed, plains, number) = (&mut self.typed, &mut self.plain, plain.decimal());
        match column {
            Column::Quantity => {
                (typed.quantity, plains.quantity, typed.quantity_field) = (number, Some(plain), Some(field));
                self.wrong.quantity = false;
            }
            Column::UnitCost => {
                (typed.unit_cost, plains.unit_cost) = (number, Some(plain));
                self.wrong.unit_cost = false;
            }
            _ => {
                (self.stated_cost, plains.cost, typed.cost_field) = (number, Some(plain), Some(field));
                self.wrong.stated_cost = false;
            }
        }
    }

    /// Types what has changed, but for the numbers that were taken.
    pub fn renew(&mut self, typist: &Typist<'_>, changed: Uses, taken: Uses) {
        if changed == Uses::NONE {
            return;
        }
        self.alike += u64::from(changed.has(ALIKE));
        let typed = &mut self.typed;
        self.wrong.ids = typist.binding.has_cut_ids();
        if changed.has(CATEGORY) {
            let category = ChargeCategory::parse(typist.text(Column::ChargeCategory));
            self.wrong.category = category.is_none();
            typed.category = category.unwrap_or_default();
        }
        if changed.has(CURRENCY) {
            let currency = Currency::parse(typist.text(Column::Currency));
            self.wrong.currency = currency.is_none();
            typed.currency = currency.unwrap_or(Currency::NONE);
        }
        if changed.has(QUANTITY) && !taken.has(QUANTITY) {
            let (number, field, plain) = (&mut typed.quantity, &mut typed.quantity_field, &mut self.plain.quantity);
            self.wrong.quantity = !number_of(typist, Column::Quantity, number, field, plain);
        }
        if changed.has(UNIT_COST) && !taken.has(UNIT_COST) {
            let (number, plain) = (&mut typed.unit_cost, &mut self.plain.unit_cost);
            self.wrong.unit_cost = !number_of(typist, Column::UnitCost, number, &mut None, plain);
            if typist.binding.rate.is_some() {
                *plain = None;
                (typed.unit_cost, typed.charged_at) = typist.in_own_currency(typed.unit_cost);
            }
        }
        if changed.has(STATED_COST) && !taken.has(STATED_COST) {
            let (number, field, plain) = (&mut self.stated_cost, &mut typed.cost_field, &mut self.plain.cost);
            self.wrong.stated_cost = !number_of(typist, Column::Cost, number, field, plain);
        }
        if changed.has(COST) {
            typed.cost = self.stated_cost;
            self.wrong.cost = false;
            if typed.cost.is_none()
                && !typist.has_text(Column::Cost)
                && let (Some(quantity), Some(unit_cost)) = (typed.quantity, typed.unit_cost)
            {
                typed.cost = exact_product(quantity, unit_cost);
                self.wrong.cost = typed.cost.is_none();
            }
        }
        if changed.has(PERIOD) {
            (typed.start, typed.end) = (None, None);
            self.wrong.period = typist.period(typed).is_err();
        }
        if changed.has(Uses::EXPORTED) {
            typed.exported = typist.exported();
        }
        if changed.has(TREATMENT) {
            self.treatment = typist.treatment(typed.category);
        }
        if changed.has(NEEDED) {
            // Told by what is filled, and is mostly what it was in the row before.
            let needs = (typist.filled(), typed.quantity.is_some(), self.treatment);
            if self.needs != Some(needs) {
                self.needs = Some(needs);
                self.wrong.missing =
                    self.treatment != Treatment::Excluded && typist.missing(typed.quantity, self.treatment).is_some();
            }
        }
        self.stale = self.stale.and(changed.without(typist.printed()));
        self.unvalued = self.unvalued.and(changed.both(VALUED));
    }

    /// The fingerprint of some columns' texts, which tell an account or a SKU.
    #[inline]
    pub fn print_of(&self, columns: &[Column]) -> u64 {
        columns.iter().fold(0, |print, column| print.wrapping_add(self.prints[*column as usize]))
    }

    /// Makes the fingerprints of names those of the row, and [`Memo::content`] if it is `identified`: then it is compared
    /// with others.
    pub fn settle(&mut self, typist: &Typist<'_>, identified: bool) {
        self.alike += u64::from(self.identified != identified);
        self.identified = identified;
        if !self.contents {
            return;
        }
        if !identified && self.unvalued != Uses::NONE {
            self.settle_values(typist);
        }
        let changed = if identified { self.stale } else { self.stale.both(NAMES) };
        self.stale = self.stale.without(changed);
        if changed == Uses::NONE {
            return;
        }
        for column in changed.both(TEXTS).columns() {
            self.put(column, print_of_text(typist.binding.bytes(column), column));
        }
        if changed.has(SELDOM) {
            self.settle_seldom(typist, changed);
        }
        let (Typed { quantity, unit_cost, cost, .. }, plain) = (self.typed, self.plain);
        if changed.has(QUANTITY) {
            self.put(Column::Quantity as usize, print_of_amount(plain.quantity, quantity, Column::Quantity));
        }
        if changed.has(UNIT_COST) {
            self.put(Column::UnitCost as usize, print_of_amount(plain.unit_cost, unit_cost, Column::UnitCost));
        }
        if changed.has(COST) {
            self.put(Column::Cost as usize, print_of_amount(plain.cost, cost, Column::Cost));
        }
    }

    /// The fingerprint of the amounts and days of a row without an identity, which tells it from others together with that of
    /// its other cells: by value, so that an export that was saved again has the same rows.
    pub fn values(&self) -> u128 {
        self.values
    }

    fn settle_values(&mut self, typist: &Typist<'_>) {
        let changed = std::mem::take(&mut self.unvalued);
        let (Typed { quantity, unit_cost, days, .. }, stated_cost, plain) = (self.typed, self.stated_cost, self.plain);
        let mut put = |column: Column, print: u128| {
            let before = std::mem::replace(&mut self.valued[column as usize], print);
            self.values = self.values.wrapping_sub(before).wrapping_add(print);
        };
        for (column, plain, number) in [
            (Column::Quantity, plain.quantity, quantity),
            (Column::UnitCost, plain.unit_cost, unit_cost),
            (Column::Cost, plain.cost, stated_cost),
        ] {
            if changed.has(of(column)) {
                put(column, wide_print_of_amount(plain, number, column));
            }
        }
        for (column, day) in [Column::ChargePeriodStart, Column::ChargePeriodEnd].into_iter().zip(days) {
            if changed.has(of(column)) {
                let print = match day {
                    Some(day) => xxh3_128_with_seed(&day.num_days_from_ce().to_le_bytes(), column as u64),
                    // A time of day has too many ways to be written, and may be all that tells two rows apart.
                    None => xxh3_128_with_seed(typist.text(column).as_bytes(), column as u64 ^ MIX[0]),
                };
                put(column, print);
            }
        }
    }

    /// The columns that mostly stand as they are for many rows.
    #[inline(never)]
    fn settle_seldom(&mut self, typist: &Typist<'_>, changed: Uses) {
        let Typed { category, currency, start, end, .. } = self.typed;
        let mut put =
            |column: Column, text: &str| self.put(column as usize, print_of_text(text.as_bytes(), column as usize));
        if changed.has(of(Column::ProviderName)) {
            put(Column::ProviderName, typist.provider());
        }
        if changed.has(CATEGORY) {
            put(Column::ChargeCategory, category.word());
        }
        if changed.has(CURRENCY) {
            put(Column::Currency, currency.code());
        }
        if changed.has(PERIOD) {
            for (column, date) in [(Column::ChargePeriodStart, start), (Column::ChargePeriodEnd, end)] {
                let day = date.map_or(0, |d| u64::from(d.num_days_from_ce().cast_unsigned()));
                self.put(column as usize, print_of(u128::from(day), 4, column as usize));
            }
        }
    }

    /// Puts a column's part of the content in the place of the one before; what is empty is no part of it.
    #[inline]
    fn put(&mut self, column: usize, print: u64) {
        let before = std::mem::replace(&mut self.prints[column], print);
        self.content = self.content.wrapping_sub(before).wrapping_add(print);
    }
}

/// Puts a column's number and its field in their places; `false` if it is wrong. They are written where they stay:
/// a decimal that is handed around is waited for at every step.
#[inline]
fn number_of(
    typist: &Typist<'_>,
    column: Column,
    number: &mut Option<Decimal>,
    field: &mut Option<usize>,
    plain: &mut Option<Small>,
) -> bool {
    let Some((found, at)) = typist.plain_number(column) else {
        *plain = None;
        return unusual_number(typist, column, number, field);
    };
    *number = found.decimal();
    *field = Some(at);
    *plain = Some(found);
    true
}

#[cold]
fn unusual_number(
    typist: &Typist<'_>,
    column: Column,
    number: &mut Option<Decimal>,
    field: &mut Option<usize>,
) -> bool {
    let read = typist.number(column);
    let is_right = read.is_ok();
    (*number, *field) = read.unwrap_or_default();
    is_right
}

/// Bytes of texts that are fingerprinted in two words.
const SHORT: usize = 32;

/// The fingerprint of a column's value, 0 where there is none.
fn print_of_text(text: &[u8], column: usize) -> u64 {
    if text.len() > SHORT {
        return xxh3_64_with_seed(text, column as u64);
    }
    let mut padded = [0; SHORT];
    padded[..text.len()].copy_from_slice(text);
    print_of_words(two_words(&padded, 0, text.len()), text.len(), column)
}

/// The same of a value in two words, which are filled up with nothing: what is of another length is another value.
#[inline]
fn print_of_words([first, second]: [u128; 2], length: usize, column: usize) -> u64 {
    let print = print_of(first, mixed(second, MIX[1]) ^ length as u64, column);
    if length == 0 { 0 } else { print }
}

const MIX: [u64; 4] = [0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93, 0xA076_1D64_78BD_642F, 0xE703_7ED1_A0B4_28DB];

/// The halves of a word multiplied, and the halves of that put together.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "64 bits of 128 each")]
fn mixed(word: u128, seed: u64) -> u64 {
    let product = u128::from(word as u64 ^ MIX[0]) * u128::from((word >> 64) as u64 ^ seed);
    product as u64 ^ (product >> 64) as u64
}

/// That of a value in one word, and what else there is of it.
#[inline]
fn print_of(word: u128, beside: u64, column: usize) -> u64 {
    let seed = MIX[3].wrapping_mul(column as u64 + 1);
    let once = mixed(word, MIX[1] ^ seed);
    mixed(u128::from(once) | u128::from(beside ^ once.rotate_left(32)) << 64, MIX[2] ^ seed)
}

/// That of a number, by its value: of one value there is one, however many zeros it is written with.
#[inline]
fn print_of_amount(plain: Option<Small>, number: Option<Decimal>, column: Column) -> u64 {
    match Digits::of(plain, number) {
        Some(Digits::Raised(raised)) => print_of(raised.cast_unsigned(), 0, column as usize),
        Some(Digits::Long(bytes)) => xxh3_64_with_seed(&bytes, column as u64),
        None => 0,
    }
}

/// The same in 128 bits.
fn wide_print_of_amount(plain: Option<Small>, number: Option<Decimal>, column: Column) -> u128 {
    match Digits::of(plain, number) {
        Some(Digits::Raised(raised)) => xxh3_128_with_seed(&raised.to_le_bytes(), column as u64),
        Some(Digits::Long(bytes)) => xxh3_128_with_seed(&bytes, column as u64),
        None => 0,
    }
}

/// What tells a number from others, in one way for each value.
enum Digits {
    /// Its digits at [`PLACES`].
    Raised(i128),
    /// Of one with more of them: all that are needed, and where they end.
    Long([u8; 20]),
}

/// Places to which a number is raised to be told by its digits alone: no number of 64 bits need be written with more.
const PLACES: u32 = 18;

impl Digits {
    #[inline]
    fn of(plain: Option<Small>, number: Option<Decimal>) -> Option<Self> {
        match plain.and_then(|plain| plain.at_places(PLACES)) {
            Some(raised) => Some(Self::Raised(raised)),
            None => number.map(Self::of_number),
        }
    }

    #[cold]
    fn of_number(number: Decimal) -> Self {
        let number = number.normalize();
        if let Some(raised) = Small::of(number).and_then(|small| small.at_places(PLACES)) {
            return Self::Raised(raised);
        }
        let mut bytes = [0; 20];
        bytes[..16].copy_from_slice(&number.mantissa().to_le_bytes());
        bytes[16..].copy_from_slice(&number.scale().to_le_bytes());
        Self::Long(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_one_value_have_one_fingerprint_however_many_zeros_they_are_written_with() {
        let print = |text: &str| {
            let number = Decimal::from_str_exact(text).expect("a number");
            print_of_amount(None, Some(number), Column::Cost)
        };
        assert_eq!(print("1"), print("1.000"));
        let plain = |digits, scale| print_of_amount(Small::written(digits, scale), None, Column::Cost);
        assert_eq!(print("-1.5"), plain(-1500, 3));
        assert_eq!(print("9223372036854775807"), plain(i64::MAX, 0));
        assert_eq!(print("0.000000000000000001"), plain(1, 18));
        assert_eq!(print("0.0000000000000000001"), print("0.00000000000000000010"));
        assert_eq!(print("1"), print("1.0000000000000000000"));
        assert_eq!(print("-12345678901234567890.1"), print("-12345678901234567890.1000"));
        assert_eq!(print("0"), print("0.00"));
        assert_ne!(print("1"), print("10"));
        assert_ne!(print("1"), print("-1"));
    }
}
