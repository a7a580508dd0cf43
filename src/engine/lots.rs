//! Rows that are placed together. Those of one file, kind and SKU and of one client differ in nothing but their amounts, so
//! that what becomes of them is concluded once, and they are entered once, added up.

use std::io;

use chrono::NaiveDate;

use super::intern::ByNumber;
use crate::meter::{Conversion, Together, UnitCost};
use crate::rate::Small;
use crate::tidy::{Belonging, Brief, End, Kind, Position, damaged};

/// What rows of a lot have alike, whoever they are of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Likeness {
    pub file: u32,
    pub sku: u32,
    pub kind: Kind,
    /// The amounts they have, as [`Brief::has`].
    pub has: u8,
    pub here: Belonging,
    /// On which they are judged.
    pub day: NaiveDate,
    /// What becomes of them hangs on their account, and not on its client alone.
    pub by_account: bool,
}

/// SKU and kind; file, and which amounts they have.
type Key = (u64, u64);

/// Likenesses by number.
#[derive(Debug, Default)]
pub(super) struct Likenesses {
    all: Vec<Likeness>,
    known: ByNumber<Key, u32>,
    /// Those lately met: rows come with others of their file.
    lately: Vec<Lately>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Lately {
    key: Key,
    /// Plus one: 0 is none's.
    number: u32,
    by_account: bool,
}

/// Likenesses for which a thread need not look far.
const LATELY: usize = 1 << 9;
/// Likenesses that a thread remembers.
const REMEMBERED: usize = 1 << 14;

impl Likenesses {
    /// The number of a row's likeness, if there is one, and whether it hangs on the account.
    #[inline]
    pub fn find(&mut self, brief: &Brief) -> Option<(u32, bool)> {
        let key = key_of(brief);
        let lately = self.lately.get_mut(place_of(key))?;
        if lately.number == 0 || lately.key != key {
            let number = *self.known.get(&key)?;
            *lately = Lately { key, number: number + 1, by_account: self.all[number as usize].by_account };
        }
        Some((lately.number - 1, lately.by_account))
    }

    /// Numbers a row's likeness, which was not found.
    pub fn add(&mut self, brief: &Brief, likeness: Likeness) -> u32 {
        let number = u32::try_from(self.all.len()).expect("few are remembered");
        self.lately.resize(LATELY, Lately::default());
        self.known.insert(key_of(brief), number);
        self.all.push(likeness);
        number
    }

    pub fn get(&self, number: u32) -> &Likeness {
        &self.all[number as usize]
    }

    pub fn is_full(&self) -> bool {
        self.all.len() >= REMEMBERED
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.all.clear();
        self.known.clear();
        self.lately.clear();
    }
}

fn key_of(brief: &Brief) -> Key {
    let (file, _) = brief.position.parts();
    (u64::from(brief.sku) << 32 | u64::from(brief.kind), u64::from(file) << 8 | u64::from(brief.has))
}

#[allow(clippy::cast_possible_truncation, reason = "a few bits are left")]
fn place_of((what, of): Key) -> usize {
    (((what ^ what >> 29) ^ of << 7).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - LATELY.trailing_zeros()))
        as usize
}

/// Where the rows of a lot go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Course {
    Internal,
    Excluded,
    OutOfPeriod,
    Unmapped {
        account: bool,
        product: bool,
    },
    /// Metered. `beside`: as a count that no line bills, beside another that is.
    Group {
        group: u32,
        conversion: Conversion,
        beside: bool,
    },
}

/// What is to be done of each row of a lot, beside adding it up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asks {
    /// Its account and SKU are remembered.
    pub present: bool,
    /// A finding names it.
    pub finding: bool,
    /// Its rule looks at each row.
    pub metering: bool,
}

/// Rows that are placed together, as far as they were met.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lot {
    /// The number of their likeness.
    pub likeness: u32,
    /// That of the first met.
    pub account: u32,
    pub end: End,
    pub course: Course,
    pub asks: Asks,
    rows: u64,
    first: Position,
    quantity: Small,
    cost: Small,
    unit_cost: Price,
    has_units: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Price {
    Unseen,
    One(Small),
    Many,
}

impl Lot {
    pub fn new(likeness: u32, brief: &Brief, end: End, course: Course, asks: Asks) -> Self {
        Self {
            likeness,
            account: brief.account,
            end,
            course,
            asks,
            rows: 0,
            first: brief.position,
            quantity: Small::default(),
            cost: Small::default(),
            unit_cost: Price::Unseen,
            has_units: false,
        }
    }

    /// Adds a row, if its amounts are small; whether it fits. One that does not is not added in part.
    #[inline]
    pub fn add(&mut self, brief: &Brief, amounts: Option<[Small; 3]>) -> bool {
        let Some([quantity, cost, unit_cost]) = amounts else { return false };
        let (Some(quantities), Some(costs)) = (self.quantity.plus(quantity), self.cost.plus(cost)) else {
            return false;
        };
        (self.quantity, self.cost) = (quantities, costs);
        self.rows += 1;
        self.first = self.first.min(brief.position);
        self.has_units |= !quantity.is_zero();
        if self.unit_cost != Price::One(unit_cost) && brief.has & Brief::UNIT_COST != 0 {
            self.unit_cost = self.unit_cost.and(unit_cost);
        }
        true
    }

    /// What its rows come to, if there are any. `has`: the amounts they have.
    pub fn sum(&self, has: u8) -> io::Result<Option<Together>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let unit_cost = match self.unit_cost {
            Price::Unseen => UnitCost::Unseen,
            Price::One(cost) => UnitCost::One(cost.decimal().ok_or_else(damaged)?),
            Price::Many => UnitCost::Many,
        };
        let sum = |bit, sum: Small| (has & bit != 0).then(|| sum.exact());
        Ok(Some(Together {
            rows: self.rows,
            first: self.first.parts(),
            quantity: sum(Brief::QUANTITY, self.quantity),
            cost: sum(Brief::COST, self.cost),
            unit_cost,
            has_units: self.has_units,
        }))
    }
}

impl Price {
    /// With that of another row, written otherwise.
    #[cold]
    fn and(self, other: Small) -> Self {
        let one = |cost: Small| cost.decimal().map_or(UnitCost::Many, UnitCost::One);
        let mut both = match self {
            Price::Unseen => return Price::One(other),
            Price::Many => return Price::Many,
            Price::One(cost) => one(cost),
        };
        both.merge(one(other));
        match both {
            UnitCost::One(cost) => Small::of(cost).map_or(Price::Many, Price::One),
            UnitCost::Unseen | UnitCost::Many => Price::Many,
        }
    }
}

/// The lots that are open, by whose rows they are and their likeness.
#[derive(Debug)]
pub(super) struct Lots {
    /// A power of two of them, at most half of them taken.
    slots: Vec<Slot>,
    all: Vec<Lot>,
    most: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    key: u64,
    /// Plus one: 0 is nobody's.
    lot: u32,
}

/// Slots that a table begins with.
const FIRST: usize = 1 << 7;
/// Lots are looked up once a row: more than these are not in the processor's caches.
const MOST: usize = 1 << 13;

impl Lots {
    /// As many as these bytes hold.
    pub fn new(in_memory: usize) -> Self {
        let most = (in_memory / (size_of::<Lot>() + 4 * size_of::<Slot>())).clamp(16, MOST);
        Self { slots: vec![Slot::default(); FIRST], all: Vec::new(), most }
    }

    #[inline]
    pub fn find(&self, whose: u32, likeness: u32) -> Option<usize> {
        let slot = self.slots[self.place_of(key(whose, likeness))];
        (slot.lot > 0).then(|| slot.lot as usize - 1)
    }

    /// Opens one that was not found; there is room.
    pub fn open(&mut self, whose: u32, lot: Lot) -> usize {
        if (self.all.len() + 1) * 2 > self.slots.len() {
            let room = vec![Slot::default(); self.slots.len() * 2];
            for slot in std::mem::replace(&mut self.slots, room).into_iter().filter(|slot| slot.lot > 0) {
                let at = self.place_of(slot.key);
                self.slots[at] = slot;
            }
        }
        let key = key(whose, lot.likeness);
        let at = self.place_of(key);
        self.all.push(lot);
        self.slots[at] = Slot { key, lot: u32::try_from(self.all.len()).expect("few are open") };
        self.all.len() - 1
    }

    /// Where a lot is, or would be.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "a few bits are left")]
    fn place_of(&self, key: u64) -> usize {
        let mixed = (key ^ key >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut at = (mixed >> (u64::BITS - self.slots.len().trailing_zeros())) as usize;
        while self.slots[at].lot > 0 && self.slots[at].key != key {
            at = (at + 1) & (self.slots.len() - 1);
        }
        at
    }

    #[inline]
    pub fn get_mut(&mut self, lot: usize) -> &mut Lot {
        &mut self.all[lot]
    }

    pub fn is_full(&self) -> bool {
        self.all.len() >= self.most
    }

    /// Takes all that are open.
    pub fn take(&mut self) -> Vec<Lot> {
        self.slots.fill(Slot::default());
        std::mem::take(&mut self.all)
    }

    /// Their room is used again.
    pub fn give_back(&mut self, mut taken: Vec<Lot>) {
        taken.clear();
        self.all = taken;
    }
}

fn key(whose: u32, likeness: u32) -> u64 {
    u64::from(whose) << 32 | u64::from(likeness)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;
    use crate::rate::ExactSum;

    const ALL: u8 = Brief::QUANTITY | Brief::COST | Brief::UNIT_COST;

    type Amounts = Option<[Small; 3]>;

    fn row(line: u64, has: u8, amounts: [(i64, u8); 3]) -> (Brief, Amounts) {
        let small = amounts.map(|(mantissa, scale)| Small::from_parts(mantissa, scale));
        (Brief { position: Position::of(3, line), account: 1, sku: 2, kind: 0, has }, Some(small))
    }

    fn lot(brief: &Brief) -> Lot {
        Lot::new(7, brief, End(5), Course::Internal, Asks::default())
    }

    fn added(rows: &[(Brief, Amounts)]) -> Together {
        let mut lot = lot(&rows[0].0);
        assert!(rows.iter().all(|(row, amounts)| lot.add(row, *amounts)));
        lot.sum(rows[0].0.has).expect("numbers").expect("rows")
    }

    #[test]
    fn a_lot_says_what_its_rows_come_to() {
        let rows = [row(9, ALL, [(15, 1), (300, 2), (2, 0)]), row(4, ALL, [(-150, 2), (1, 0), (20, 1)])];
        let sum = |mantissa, scale| Some(ExactSum::from_parts(mantissa, scale));
        let both = added(&rows);
        assert_eq!((both.rows, both.first, both.has_units), (2, (3, 4), true));
        assert_eq!((both.quantity, both.cost), (sum(0, 2), sum(400, 2)));
        // 2 and 2.0 are one price, written out.
        assert!(matches!(both.unit_cost, UnitCost::One(cost) if cost.to_string() == "2.0"), "{both:?}");
        let other = row(5, ALL, [(0, 0), (0, 0), (3, 0)]);
        assert_eq!(added(&[rows[0], rows[1], other]).unit_cost, UnitCost::Many);
        let bare = added(&[row(9, Brief::COST, [(0, 0), (1, 0), (0, 0)])]);
        assert_eq!((bare.quantity, bare.cost, bare.unit_cost), (None, sum(1, 0), UnitCost::Unseen));
        assert!(!bare.has_units);
        assert_eq!(lot(&rows[0].0).sum(ALL).expect("numbers"), None, "no rows");
    }

    #[test]
    fn a_row_that_does_not_fit_is_not_added_in_part() {
        let first = row(9, ALL, [(i64::MAX, 0), (1, 0), (1, 0)]);
        let mut lot = lot(&first.0);
        assert!(lot.add(&first.0, first.1));
        let before = lot.sum(ALL).expect("numbers");
        let wide = (row(2, ALL, [(0, 0); 3]).0, None);
        for (brief, amounts) in [wide, row(3, ALL, [(1, 0), (1, 0), (2, 0)]), row(3, ALL, [(-1, 0), (1, 19), (2, 0)])] {
            assert!(!lot.add(&brief, amounts));
            assert_eq!(lot.sum(ALL).expect("numbers"), before);
        }
    }

    proptest! {
        #[test]
        fn no_price_is_written_otherwise_than_row_by_row(
            prices in proptest::collection::vec((0i64..4, 0u8..3), 1..6)
        ) {
            let rows: Vec<(Brief, Amounts)> = prices.iter().map(|price| row(1, ALL, [(1, 0), (1, 0), *price])).collect();
            let mut expected = UnitCost::Unseen;
            for (mantissa, scale) in &prices {
                expected.merge(UnitCost::One(Decimal::new(*mantissa, u32::from(*scale))));
            }
            let scale = |cost: UnitCost| if let UnitCost::One(cost) = cost { Some(cost.scale()) } else { None };
            let told = added(&rows).unit_cost;
            prop_assert_eq!((told, scale(told)), (expected, scale(expected)));
        }

        #[test]
        fn every_row_finds_its_own_lot(rows in proptest::collection::vec((0u32..90, 0u32..90), 0..700)) {
            let mut lots = Lots::new(0);
            let (mut open, mut settled): (BTreeMap<(u32, u32), u64>, u64) = (BTreeMap::new(), 0);
            for (whose, likeness) in &rows {
                let (row, amounts) = row(2, ALL, [(1, 0); 3]);
                let known = lots.find(*whose, *likeness);
                prop_assert_eq!(known.is_some(), open.contains_key(&(*whose, *likeness)));
                let at = known.unwrap_or_else(|| {
                    if lots.is_full() {
                        let taken = lots.take();
                        assert_eq!(taken.len(), open.len());
                        settled += taken.iter().map(|lot| lot.rows).sum::<u64>();
                        lots.give_back(taken);
                        open.clear();
                    }
                    lots.open(*whose, Lot { likeness: *likeness, ..lot(&row) })
                });
                lots.get_mut(at).add(&row, amounts);
                let rows = open.entry((*whose, *likeness)).or_default();
                *rows += 1;
                prop_assert_eq!((lots.get_mut(at).rows, lots.get_mut(at).likeness), (*rows, *likeness));
            }
            settled += lots.take().iter().map(|lot| lot.rows).sum::<u64>();
            prop_assert_eq!(settled, rows.len() as u64);
        }

        #[test]
        fn every_likeness_keeps_its_number(rows in proptest::collection::vec((0u32..5, 0u32..5, 0u32..5, 0u8..8), 0..300)) {
            let mut likenesses = Likenesses::default();
            let mut known: BTreeMap<(u32, u32, u32, u8), u32> = BTreeMap::new();
            for (file, sku, kind, has) in rows {
                let (row, _) = row(2, has, [(1, 0); 3]);
                let row = Brief { position: Position::of(file, 2), sku, kind, ..row };
                let expected = known.get(&(file, sku, kind, has)).copied();
                let odd = |number: u32| (number, number % 2 == 1);
                prop_assert_eq!(likenesses.find(&row), expected.map(odd));
                if expected.is_none() {
                    let row_of = crate::tidy::Kind {
                        identified: false,
                        category: crate::format::ChargeCategory::Purchase,
                        treatment: crate::ingest::Treatment::Counted,
                        currency: crate::rate::Currency::NONE,
                        start: None,
                        end: None,
                        exported: None,
                    };
                    let here = Belonging { quantity: true, cost: true, months: 1 };
                    let likeness =
                        Likeness { file, sku, kind: row_of, has, here, day: NaiveDate::default(), by_account: known.len() % 2 == 1 };
                    known.insert((file, sku, kind, has), likenesses.add(&row, likeness));
                }
            }
        }
    }
}
