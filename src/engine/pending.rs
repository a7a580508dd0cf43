//! What was metered, per group, file and currency, until it is known in which bucket the group ends. There may
//! be as many of these as rows, so they are put aside.

use std::io;
use std::sync::Arc;

use crate::control::Tally;
use crate::rate::{Currency, ExactSum};
use crate::tidy::{Extent, Spill, damaged};

/// Bytes of an entry put aside.
const RECORD: usize = 53;
/// Bytes put aside at a time.
const PIECE: usize = 1 << 20;

/// One thread's part.
pub struct Pending {
    /// Entries, encoded.
    done: Vec<u8>,
    extents: Vec<Extent>,
    spill: Arc<Spill>,
    piece: usize,
}

impl Pending {
    pub fn new(spill: Arc<Spill>) -> Self {
        Self::in_pieces(spill, PIECE)
    }

    fn in_pieces(spill: Arc<Spill>, piece: usize) -> Self {
        Self { done: Vec::new(), extents: Vec::new(), spill, piece }
    }

    /// Adds rows as they were read.
    pub fn add(&mut self, group: u32, file: u32, currency: Currency, tally: &Tally) -> io::Result<()> {
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
        if out.len() >= self.piece {
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_entry_comes_back(
            entries in proptest::collection::vec((0u32..40, 0u32..3, 1u64..9, any::<i128>(), 0u32..29), 0..100),
            piece in 1usize..2_000,
        ) {
            let dir = tempfile::tempdir().expect("a folder");
            let mut pending = Pending::in_pieces(Arc::new(Spill::new(dir.path(), 0)), piece);
            let usd = Currency::parse("USD").expect("a code");
            let mut expected = Vec::new();
            for (round, (group, file, rows, mantissa, scale)) in entries.iter().enumerate() {
                let currency = if round % 2 == 0 { usd } else { Currency::NONE };
                let quantity = ExactSum::from_parts(*mantissa, *scale);
                let cost = ExactSum::from_parts(mantissa.wrapping_neg() >> round, *scale);
                let tally = Tally { rows: *rows, quantity, cost };
                pending.add(*group, *file, currency, &tally).expect("room");
                expected.push((*group, *file, currency, tally.rows, quantity.parts(), cost.parts()));
            }
            let mut seen = Vec::new();
            pending.each(|group, file, currency, tally| {
                seen.push((group, file, currency, tally.rows, tally.quantity.parts(), tally.cost.parts()));
                Ok(())
            })
            .expect("readable");
            seen.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(seen, expected);
        }
    }
}
