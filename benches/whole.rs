//! The whole `trueup reconcile`, as the built program runs it, over generated books: wall and CPU time, rows a second
//! and peak memory, medians of rounds in which every book takes its turn.
//!
//! `cargo bench --bench whole` runs books of a thousand to a million rows; `-- --rows N --rows M` others,
//! `-- --formats` the other formats and `-- --extremes` the shapes that break programs. Books are kept in
//! `target/books`.

#[path = "../examples/generate-book/book/mod.rs"]
mod book;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use book::{Format, PERIOD, Plan, Shape};
use serde::Deserialize;

const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
const EXTREMES: [Shape; 7] = [
    Shape::ManyFiles,
    Shape::OneFile,
    Shape::AllRejected,
    Shape::AllDuplicates,
    Shape::OneRow,
    Shape::DistinctAccounts,
    Shape::UnmappedAccounts,
];

/// What `measure.py` says of one run.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Cost {
    wall: f64,
    cpu: f64,
    peak: f64,
}

struct Subject {
    name: String,
    rows: u64,
    folder: PathBuf,
    costs: Vec<Cost>,
}

fn main() -> Result<()> {
    let (mut sizes, mut rounds, mut threads) = (Vec::new(), 3, "2".to_string());
    let (mut formats, mut extremes) = (false, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("a value must follow {arg}"));
        match arg.as_str() {
            "--bench" => {}
            "--rows" => sizes.push(value()?.parse()?),
            "--rounds" => rounds = value()?.parse()?,
            "--threads" => threads = value()?,
            "--formats" => formats = true,
            "--extremes" => extremes = true,
            other => bail!("{other} is not known: --rows, --rounds, --threads, --formats, --extremes"),
        }
    }
    if sizes.is_empty() {
        sizes = if formats || extremes { vec![1_000_000] } else { SIZES.to_vec() };
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut subjects = Vec::new();
    for rows in sizes {
        for (format, shape) in wanted(formats, extremes) {
            subjects.push(subject(&root.join("target/books"), rows, format, shape)?);
        }
    }
    for _ in 0..rounds {
        for subject in &mut subjects {
            subject.costs.push(measure(root, &subject.folder, &threads)?);
        }
    }
    let mut out = io::stdout().lock();
    writeln!(out, "median of {rounds} rounds, {threads} threads\n")?;
    writeln!(out, "| book | rows | wall s | CPU s | rows/s | peak MB |\n|---|---|---|---|---|---|")?;
    for subject in &subjects {
        let [wall, cpu, peak] = [|c: &Cost| c.wall, |c: &Cost| c.cpu, |c: &Cost| c.peak].map(|f| subject.median(f));
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = subject.rows as f64 / wall;
        writeln!(out, "| {} | {} | {wall:.2} | {cpu:.2} | {rate:.0} | {peak:.0} |", subject.name, subject.rows)?;
    }
    Ok(())
}

fn wanted(formats: bool, extremes: bool) -> Vec<(Format, Shape)> {
    let mut out = Vec::new();
    if formats {
        out.extend([Format::TrueupUsage, Format::Pax8Invoice, Format::MicrosoftNce].map(|f| (f, Shape::Usual)));
    }
    if extremes {
        out.extend(EXTREMES.map(|shape| (Format::TrueupUsage, shape)));
    }
    if out.is_empty() { vec![(Format::TrueupUsage, Shape::Usual)] } else { out }
}

/// A book that is there already, or made now.
fn subject(books: &Path, rows: u64, format: Format, shape: Shape) -> Result<Subject> {
    let kind = match (shape, format) {
        (Shape::Usual, Format::TrueupUsage) => String::new(),
        (Shape::Usual, _) => format!("-{}", format.id()),
        (shape, _) => format!("-{shape:?}").to_lowercase(),
    };
    let folder = books.join(format!("rows-{rows}{kind}"));
    if !folder.join("made.json").exists() {
        book::write(&Plan::usual(rows, format, shape), &folder, 2)?;
    }
    let name = if shape == Shape::Usual { format.id().to_string() } else { format!("{shape:?}") };
    Ok(Subject { name, rows, folder, costs: Vec::new() })
}

fn measure(root: &Path, folder: &Path, threads: &str) -> Result<Cost> {
    let output = Command::new("python3")
        .arg(root.join("benches/measure.py"))
        .arg(env!("CARGO_BIN_EXE_trueup"))
        .args(["reconcile", "--quiet", "--period", PERIOD, "--threads", threads, "--book"])
        .arg(folder)
        .stderr(Stdio::inherit())
        .output()
        .context("python3 is needed to measure")?;
    ensure!(output.status.success(), "{} could not be reconciled", folder.display());
    Ok(serde_json::from_slice(&output.stdout)?)
}

impl Subject {
    fn median(&self, of: fn(&Cost) -> f64) -> f64 {
        let mut values: Vec<f64> = self.costs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
}
