//! A generated book. Every row is worked out from its number alone, so files are written by several threads
//! at once, a copy needs nothing but the number of the row it copies, and nothing is kept but sums.

#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

pub mod names;
mod rows;
mod tables;
mod text;

use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use names::Names;
use rows::{Drawn, Kind};
use serde::Serialize;

/// The period that the book is for; a few rows are of the month before.
pub const PERIOD: &str = "2026-10";
/// SKUs of the vendor; a client uses half of them.
pub const SKUS: usize = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    TrueupUsage,
    Pax8Invoice,
    MicrosoftNce,
}

impl Format {
    pub fn id(self) -> &'static str {
        match self {
            Format::TrueupUsage => "trueup-usage",
            Format::Pax8Invoice => "pax8-invoice",
            Format::MicrosoftNce => "microsoft-nce",
        }
    }

    /// Whether a row says which it is, so that a copy is one in its own file too.
    fn has_identity(self) -> bool {
        self == Format::TrueupUsage
    }
}

/// The months that programs meet, and the extremes that break them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    Usual,
    /// Ten thousand files.
    ManyFiles,
    OneFile,
    AllRejected,
    /// Every file is the first once more.
    AllDuplicates,
    /// Every row is the first once more.
    OneRow,
    /// Every row has an account of its own, joined by ten patterns.
    DistinctAccounts,
    /// Every row has an account of its own that nothing joins.
    UnmappedAccounts,
}

impl Shape {
    pub fn files(self, rows: u64) -> u64 {
        match self {
            Shape::ManyFiles => rows.min(10_000),
            Shape::OneFile => 1,
            _ => rows.min(4),
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    pub rows: u64,
    pub files: u64,
    pub format: Format,
    pub shape: Shape,
    pub clients: u64,
    pub names: u64,
    /// In millionths of the rows.
    pub duplicates: u64,
    /// In millionths of the rows.
    pub rejects: u64,
    pub seed: u64,
}

impl Plan {
    /// The book that is measured at this size: a client and more for every hundred rows, a lone one up to a thousand,
    /// eight spellings of each, 3 % copies and 1 % that cannot be read.
    pub fn usual(rows: u64, format: Format, shape: Shape) -> Self {
        let clients = if rows <= 1000 { 1 } else { (rows / 100).min(5000) };
        let (files, names) = (shape.files(rows), clients * 8);
        Self { rows, files, format, shape, clients, names, duplicates: 30_000, rejects: 10_000, seed: 1 }
    }
}

/// What the book holds, for whoever holds a run's results against it.
#[derive(Debug, Clone, Serialize)]
pub struct Made {
    pub plan: Plan,
    pub bytes: u64,
    pub rows: RowCounts,
    /// Units of all that is metered, as a decimal.
    pub metered_quantity: String,
    pub lines: tables::LineCounts,
}

/// Rows by where they must end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RowCounts {
    pub read: u64,
    pub metered: u64,
    pub duplicate: u64,
    pub rejected: u64,
    pub out_of_period: u64,
    pub unmapped: u64,
    pub internal: u64,
    /// Of those above, rows with a line break in a field.
    pub over_two_lines: u64,
    /// Of those above, rows equal to another of their file that are kept.
    pub repeated: u64,
}

/// The sums that contracts are made to fit: units in ten-thousandths by client and SKU.
struct Sums {
    counts: RowCounts,
    bytes: u64,
    units: Vec<i64>,
}

impl Sums {
    fn new(plan: &Plan) -> Self {
        Self { counts: RowCounts::default(), bytes: 0, units: vec![0; plan.clients as usize * SKUS] }
    }

    fn add(&mut self, drawn: &Drawn, plan: &Plan) {
        let counts = &mut self.counts;
        counts.read += 1;
        counts.over_two_lines += u64::from(drawn.over_two_lines);
        let copy = drawn.number != drawn.original;
        // Equal rows of one file are legal where no row says which it is.
        let other_file = plan.file_of(drawn.number) != plan.file_of(drawn.original);
        if copy && (other_file || plan.format.has_identity()) {
            counts.duplicate += 1;
            return;
        }
        counts.repeated += u64::from(copy);
        match (drawn.kind, drawn.client) {
            (Kind::Rejected(_), _) => counts.rejected += 1,
            (Kind::LastMonth, _) => counts.out_of_period += 1,
            (Kind::Plain, rows::Whose::Internal) => counts.internal += 1,
            (Kind::Plain, rows::Whose::Client(client)) if drawn.sku != rows::UNMAPPED_SKU => {
                counts.metered += 1;
                self.units[client as usize * SKUS + drawn.sku] += drawn.units;
            }
            (Kind::Plain, rows::Whose::Client(_) | rows::Whose::Nobody) => counts.unmapped += 1,
        }
    }

    fn merge(&mut self, other: &Sums) {
        let (a, b) = (&mut self.counts, &other.counts);
        a.read += b.read;
        a.metered += b.metered;
        a.duplicate += b.duplicate;
        a.rejected += b.rejected;
        a.out_of_period += b.out_of_period;
        a.unmapped += b.unmapped;
        a.internal += b.internal;
        a.over_two_lines += b.over_two_lines;
        a.repeated += b.repeated;
        self.bytes += other.bytes;
        for (sum, more) in self.units.iter_mut().zip(&other.units) {
            *sum += more;
        }
    }
}

/// Writes the book into `dir`.
///
/// # Errors
/// Where `dir` holds anything, more files than rows or more spellings than there are are asked for, or it cannot
/// be written.
pub fn write(plan: &Plan, dir: &Path, threads: usize) -> io::Result<Made> {
    plan.check()?;
    if dir.exists() && fs_err::read_dir(dir)?.next().is_some() {
        return Err(io::Error::other(format!("{} is not empty; name a folder that is not there", dir.display())));
    }
    let usage = dir.join("usage").join(PERIOD);
    for folder in [usage.clone(), dir.join("psa"), dir.join("map")] {
        fs_err::create_dir_all(folder)?;
    }
    let names = Names::new(plan);
    let next = AtomicU64::new(0);
    let all = Mutex::new((Sums::new(plan), Ok(())));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(plan.files as usize) {
            scope.spawn(|| {
                let mut sums = Sums::new(plan);
                let mut result = Ok(());
                while result.is_ok() {
                    let file = next.fetch_add(1, Ordering::Relaxed);
                    if file >= plan.files {
                        break;
                    }
                    result = write_file(plan, &names, file, &usage, &mut sums);
                }
                let mut all = all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                all.0.merge(&sums);
                if all.1.is_ok() {
                    all.1 = result;
                }
            });
        }
    });
    let (sums, result) = all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    result?;
    let lines = tables::write(plan, &names, &sums.units, dir)?;
    let made = Made {
        plan: plan.clone(),
        bytes: sums.bytes,
        rows: sums.counts,
        metered_quantity: text::decimal(sums.units.iter().map(|u| i128::from(*u)).sum()),
        lines,
    };
    let json = serde_json::to_string_pretty(&made).map_err(io::Error::other)?;
    fs_err::write(dir.join("made.json"), json + "\n")?;
    Ok(made)
}

fn write_file(plan: &Plan, names: &Names, file: u64, usage: &Path, sums: &mut Sums) -> io::Result<()> {
    let path = usage.join(format!("{}-{:05}.csv", plan.format.id(), file + 1));
    let mut out = fs_err::File::create(path)?;
    let mut buffer = Vec::with_capacity(1 << 20);
    let writer = text::Writer::new(plan, names);
    writer.head(&mut buffer);
    let mut written = 0;
    for number in plan.rows_of(file) {
        let drawn = plan.draw(number);
        writer.row(&drawn, &mut buffer);
        sums.add(&drawn, plan);
        if buffer.len() > (1 << 20) - (1 << 12) {
            out.write_all(&buffer)?;
            written += buffer.len();
            buffer.clear();
        }
    }
    out.write_all(&buffer)?;
    sums.bytes += (written + buffer.len()) as u64;
    Ok(())
}
