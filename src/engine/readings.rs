//! Readings of meters whose rule looks at days (the highest, the last, the average). There may be as many
//! meters as rows, so their readings wait in partitions, and a meter counts once all of them are together.

use std::io;
use std::sync::Arc;

use chrono::NaiveDate;

use super::intern::ByNumber;
use crate::book::Period;
use crate::format::MeterRule;
use crate::meter::{Reading, Series, Sums};
use crate::rate::ExactSum;
use crate::tidy::{Partitions, Spill, damaged, records};

/// Bytes of a record, its length included.
const RECORD: usize = 50;
const NO_DAY: i32 = i32::MIN;

pub struct Readings(Partitions);

impl Readings {
    pub fn new(spill: Arc<Spill>, partitions: usize, in_memory: usize) -> Self {
        Self(Partitions::new(spill, partitions, in_memory))
    }

    pub fn push(&self, group: u32, reading: &Reading) -> io::Result<()> {
        let day = |day: Option<NaiveDate>| day.map_or(NO_DAY, |d| d.to_epoch_days()).to_le_bytes();
        let (mantissa, scale) = reading.units.parts();
        let mut record = [0u8; RECORD];
        record[0] = 50;
        record[1] = reading.rule as u8;
        record[2..6].copy_from_slice(&group.to_le_bytes());
        record[6..22].copy_from_slice(&reading.series.to_le_bytes());
        record[22..26].copy_from_slice(&day(reading.start));
        record[26..30].copy_from_slice(&day(reading.end));
        record[30..46].copy_from_slice(&mantissa.to_le_bytes());
        record[46..].copy_from_slice(&scale.to_le_bytes());
        self.0.push(self.0.index_of(reading.series), &record)
    }

    /// Counts every meter; `about` names a group whose readings have too many digits.
    pub fn settle(&self, period: Period, sums: &mut [Sums], about: impl Fn(u32) -> String) -> anyhow::Result<()> {
        for index in 0..self.0.count() {
            let part = self.0.take(index);
            let mut meters: ByNumber<(u32, u8, u64, u64), Series> = ByNumber::default();
            part.pieces(self.0.spill(), |piece| -> anyhow::Result<()> {
                for record in records(piece) {
                    let (group, reading) = decode(record?).ok_or_else(damaged)?;
                    #[allow(clippy::cast_possible_truncation, reason = "the two halves of it")]
                    let key = (group, reading.rule as u8, reading.series as u64, (reading.series >> 64) as u64);
                    let added = meters.entry(key).or_default().add(period, reading.start, reading.end, reading.units);
                    added.map_err(|e| anyhow::Error::new(e).context(about(group)))?;
                }
                Ok(())
            })?;
            for ((group, rule, ..), series) in meters {
                let settled = rule_of(rule).map(|rule| sums[group as usize].settle(rule, &series, period));
                settled.ok_or_else(damaged)?.map_err(|e| anyhow::Error::new(e).context(about(group)))?;
            }
        }
        Ok(())
    }
}

fn decode(record: &[u8]) -> Option<(u32, Reading)> {
    let narrow = |at: usize| -> Option<[u8; 4]> { record.get(at..at + 4)?.try_into().ok() };
    let wide = |at: usize| -> Option<[u8; 16]> { record.get(at..at + 16)?.try_into().ok() };
    let day = |at: usize| {
        let number = i32::from_le_bytes(narrow(at)?);
        if number == NO_DAY { Some(None) } else { NaiveDate::from_epoch_days(number).map(Some) }
    };
    let units = ExactSum::from_parts(i128::from_le_bytes(wide(30)?), u32::from_le_bytes(narrow(46)?));
    let (rule, series) = (rule_of(*record.get(1)?)?, u128::from_le_bytes(wide(6)?));
    Some((u32::from_le_bytes(narrow(2)?), Reading { rule, series, start: day(22)?, end: day(26)?, units }))
}

fn rule_of(byte: u8) -> Option<MeterRule> {
    use MeterRule::{Average, Last, Max, Prorated, Sum};
    [Sum, Max, Last, Average, Prorated].into_iter().find(|rule| *rule as u8 == byte)
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;

    #[test]
    fn the_readings_of_a_meter_meet_wherever_they_waited() {
        let dir = tempfile::tempdir().expect("a folder");
        let readings = Readings::new(Arc::new(Spill::new(dir.path(), 0)), 4, 0);
        let october: Period = "2026-10".parse().expect("a period");
        let day = |d| NaiveDate::from_ymd_opt(2026, 10, d);
        for meter in 0..20u128 {
            let series = meter << 121 | 1;
            for (start, units) in [(day(1), 5), (day(9), 7)] {
                let units = ExactSum::of(Decimal::new(units, 0));
                let end = if start == day(1) { day(9) } else { None };
                let reading = Reading { rule: MeterRule::Last, series, start, end, units };
                readings.push(u32::from(meter >= 10), &reading).expect("room");
            }
        }
        let mut sums = vec![Sums::default(); 2];
        readings.settle(october, &mut sums, |_| String::new()).expect("fits");
        let quantities: Vec<String> = sums.iter().map(|s| s.quantity(october).expect("fits").to_string()).collect();
        assert_eq!(quantities, ["70", "70"]);
    }
}
