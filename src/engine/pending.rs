//! What was metered, per group, file and currency, until it is known in which bucket the group ends. There may
//! be as many of these as rows, so a thread adds up what it can hold and puts the rest aside.

use std::io;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::intern::ByNumber;
use crate::control::Tally;
use crate::rate::{Currency, ExactSum};
use crate::tidy::{Extent, Spill, damaged};

/// Bytes of an entry in memory, with what the table needs beside it.
const ENTRY_BYTES: usize = 72;
/// Bytes of an entry put aside.
const RECORD: usize = 53;
/// Bytes put aside at a time.
const PIECE: usize = 1 << 20;

/// Entries that are no burden to keep.
const SETTLED: usize = 1 << 9;

/// One thread's part.
pub struct Pending {
    open: ByNumber<(u32, u32, Currency), Small>,
    most: usize,
    /// Entries that are done with, encoded.
    done: Vec<u8>,
    extents: Vec<Extent>,
    spill: Arc<Spill>,
}

/// A tally in numbers that a processor adds in one step; what does not fit is put aside instead.
#[derive(Debug, Clone, Copy, Default)]
struct Small {
    rows: u32,
    quantity: SmallSum,
    cost: SmallSum,
}

#[derive(Debug, Clone, Copy, Default)]
struct SmallSum {
    halves: [u32; 2],
    scale: u8,
}

impl SmallSum {
    fn mantissa(self) -> i64 {
        i64::from(self.halves[1].cast_signed()) << 32 | i64::from(self.halves[0])
    }

    /// The sum with a value more; `None` if it does not fit.
    fn plus(self, value: Decimal) -> Option<Self> {
        let scale = u8::try_from(value.scale()).ok()?;
        let (mut mine, mut more) = (self.mantissa(), i64::try_from(value.mantissa()).ok()?);
        let common = self.scale.max(scale);
        if self.scale < common {
            mine = mine.checked_mul(10i64.checked_pow(u32::from(common - self.scale))?)?;
        }
        if scale < common {
            more = more.checked_mul(10i64.checked_pow(u32::from(common - scale))?)?;
        }
        let sum = mine.checked_add(more)?;
        let sum = sum.cast_unsigned();
        #[allow(clippy::cast_possible_truncation, reason = "the two halves of it")]
        let halves = [sum as u32, (sum >> 32) as u32];
        Some(Self { halves, scale: common })
    }
}

impl Small {
    fn plus(self, quantity: Decimal, cost: Decimal) -> Option<Self> {
        let (quantity, cost) = (self.quantity.plus(quantity)?, self.cost.plus(cost)?);
        Some(Self { rows: self.rows.checked_add(1)?, quantity, cost })
    }
}

impl Pending {
    pub fn new(spill: Arc<Spill>, in_memory: usize) -> Self {
        let most = (in_memory / ENTRY_BYTES).max(16);
        Self { open: ByNumber::default(), most, done: Vec::new(), extents: Vec::new(), spill }
    }

    /// Adds a row as it was read.
    pub fn add(
        &mut self,
        group: u32,
        file: u32,
        currency: Currency,
        quantity: Option<Decimal>,
        cost: Option<Decimal>,
    ) -> io::Result<()> {
        let (quantity, cost) = (quantity.unwrap_or_default(), cost.unwrap_or_default());
        let key = (group, file, currency);
        let known = self.open.entry(key).or_default();
        if let Some(more) = known.plus(quantity, cost) {
            *known = more;
            if self.open.len() > self.most {
                self.close_all()?;
            }
            return Ok(());
        }
        // Too large to be added up here: it goes by itself, exactly.
        let tally = Tally { rows: 1, quantity: ExactSum::of(quantity), cost: ExactSum::of(cost) };
        self.close(key, &tally)
    }

    /// Makes room for other groups: those there are hardly come again.
    pub fn settle(&mut self) -> io::Result<()> {
        if self.open.len() > SETTLED { self.close_all() } else { Ok(()) }
    }

    fn close_all(&mut self) -> io::Result<()> {
        let open = std::mem::take(&mut self.open);
        for (key, small) in &open {
            let sum = |s: SmallSum| ExactSum::from_parts(i128::from(s.mantissa()), u32::from(s.scale));
            let tally = Tally { rows: u64::from(small.rows), quantity: sum(small.quantity), cost: sum(small.cost) };
            self.close(*key, &tally)?;
        }
        // Its room is used again.
        self.open = open;
        self.open.clear();
        Ok(())
    }

    fn close(&mut self, (group, file, currency): (u32, u32, Currency), tally: &Tally) -> io::Result<()> {
        let mut code = [0u8; 3];
        code[..currency.code().len()].copy_from_slice(currency.code().as_bytes());
        let out = &mut self.done;
        out.extend_from_slice(&group.to_le_bytes());
        out.extend_from_slice(&file.to_le_bytes());
        out.extend_from_slice(&code);
        out.extend_from_slice(&tally.rows.to_le_bytes());
        for sum in [tally.quantity, tally.cost] {
            let (mantissa, scale) = sum.parts();
            out.extend_from_slice(&mantissa.to_le_bytes());
            // A sum of decimals has the scale of one of them: at most 28.
            out.push(u8::try_from(scale).unwrap_or(u8::MAX));
        }
        if out.len() >= PIECE {
            self.extents.push(self.spill.write(out)?);
            out.clear();
        }
        Ok(())
    }

    /// Shows every entry; one group, file and currency may come in several.
    pub fn each(
        mut self,
        mut show: impl FnMut(u32, u32, Currency, &Tally) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.close_all()?;
        self.open = ByNumber::default();
        let mut piece = std::mem::take(&mut self.done);
        let mut extents = std::mem::take(&mut self.extents).into_iter();
        loop {
            for record in piece.chunks_exact(RECORD) {
                let (group, file, currency, tally) = decode(record).ok_or_else(damaged)?;
                show(group, file, currency, &tally)?;
            }
            let Some(extent) = extents.next() else { return Ok(()) };
            piece.clear();
            self.spill.read(extent, &mut piece)?;
        }
    }
}

fn decode(record: &[u8]) -> Option<(u32, u32, Currency, Tally)> {
    let narrow = |at: usize| record.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let code = std::str::from_utf8(record.get(8..11)?.split(|b| *b == 0).next()?).ok()?;
    let rows = record.get(11..19)?.try_into().ok().map(u64::from_le_bytes)?;
    let sum = |at: usize| -> Option<ExactSum> {
        let mantissa = record.get(at..at + 16)?.try_into().ok().map(i128::from_le_bytes)?;
        Some(ExactSum::from_parts(mantissa, u32::from(*record.get(at + 16)?)))
    };
    Some((narrow(0)?, narrow(4)?, Currency::parse(code)?, Tally { rows, quantity: sum(19)?, cost: sum(36)? }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_is_lost_however_little_is_held_and_however_large_it_is(
            rows in proptest::collection::vec((0u32..40, 0u32..3, any::<i64>(), 0u32..6, 0u32..64), 0..300)
        ) {
            let dir = tempfile::tempdir().expect("a folder");
            let mut pending = Pending::new(Arc::new(Spill::new(dir.path(), 0)), 0);
            let mut expected: BTreeMap<(u32, u32), Tally> = BTreeMap::new();
            let usd = Currency::parse("USD").expect("a code");
            for (group, file, mantissa, scale, shift) in rows {
                let value = Some(Decimal::new(mantissa >> shift, scale));
                pending.add(group, file, usd, value, value.filter(|_| shift % 2 == 0)).expect("room");
                expected.entry((group, file)).or_default().add(value, value.filter(|_| shift % 2 == 0)).expect("fits");
            }
            let mut seen: BTreeMap<(u32, u32), Tally> = BTreeMap::new();
            pending.each(|group, file, currency, tally| {
                assert_eq!(currency, usd);
                Ok(seen.entry((group, file)).or_default().merge(tally)?)
            })
            .expect("readable");
            prop_assert_eq!(seen, expected);
        }
    }
}
