//! What each stage of a run costs, told by the run itself as it goes from one to the next, and the small pieces of
//! work that a run is made of, each alone. Medians of rounds.
//!
//! `cargo bench --bench stages`; `-- --rows N` for another size than 1 million. Reading alone is in `reading.rs`.

#[path = "../examples/generate-book/book/mod.rs"]
mod book;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use book::{Format, Plan, Shape};
use rust_decimal::Decimal;
use trueup::engine::{Settings, reconcile};
use trueup::ingest::Progress;
use trueup::rate::{Currency, PricingModel, Rounding, Share, Terms, Tier, rate};
use trueup::resolve::{company_key, product_key};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Where a process stands: seconds since it began to count, CPU seconds, and the most memory since the last time.
#[derive(Debug, Clone, Copy)]
struct Mark {
    wall: f64,
    cpu: f64,
    peak: f64,
}

/// Marks the beginning of every stage.
struct Watch {
    start: Instant,
    stages: Mutex<Vec<(String, Mark)>>,
}

impl Progress for Watch {
    fn file(&self, _source: &str, _bytes: u64) {}

    fn advance(&self, _bytes: u64) {}

    fn stage(&self, name: &str) {
        let mark = self.mark();
        self.stages.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((name.to_string(), mark));
    }
}

impl Watch {
    fn new() -> Self {
        Self { start: Instant::now(), stages: Mutex::default() }
    }

    fn mark(&self) -> Mark {
        let mark = Mark { wall: self.start.elapsed().as_secs_f64(), cpu: cpu_seconds(), peak: peak_mb() };
        // From here on the system counts the peak anew. Where it cannot, the peak is that of all stages so far.
        let _ = fs_err::write("/proc/self/clear_refs", "5");
        mark
    }
}

fn main() -> Result<()> {
    let (mut rows, mut rounds) = (1_000_000, 3);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("a value must follow {arg}"));
        match arg.as_str() {
            "--bench" => {}
            "--rows" => rows = value()?.parse()?,
            "--rounds" => rounds = value()?.parse()?,
            other => bail!("{other} is not known: --rows, --rounds"),
        }
    }
    in_a_run(rows, rounds)?;
    alone(rounds)
}

fn in_a_run(rows: u64, rounds: usize) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/books/rows-{rows}"));
    if !folder.join("made.json").exists() {
        book::write(&usual(rows), &folder, 2)?;
    }
    let settings = Settings::new(&folder, NonZeroUsize::new(2).context("two")?);
    let mut names: Vec<String> = Vec::new();
    let mut costs: Vec<Vec<Mark>> = Vec::new();
    for _ in 0..rounds {
        let watch = Watch::new();
        watch.stage("finding files");
        reconcile(&settings, &watch)?;
        watch.stage("end");
        let stages = watch.stages.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        names = stages.iter().map(|(name, _)| name.clone()).collect();
        let between = stages.windows(2).map(|pair| Mark {
            wall: pair[1].1.wall - pair[0].1.wall,
            cpu: pair[1].1.cpu - pair[0].1.cpu,
            peak: pair[1].1.peak,
        });
        costs.push(between.collect());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "A run of {rows} rows, 2 threads, median of {rounds} rounds\n")?;
    writeln!(out, "| stage | wall s | CPU s | peak MB |\n|---|---|---|---|")?;
    for (stage, name) in names.iter().enumerate().take(names.len().saturating_sub(1)) {
        let of = |figure: fn(&Mark) -> f64| median(costs.iter().filter_map(|c| c.get(stage)).map(figure).collect());
        let (wall, cpu, peak) = (of(|m| m.wall), of(|m| m.cpu), of(|m| m.peak));
        writeln!(out, "| {name} | {wall:.3} | {cpu:.2} | {peak:.0} |")?;
    }
    Ok(())
}

fn usual(rows: u64) -> Plan {
    Plan::usual(rows, Format::TrueupUsage, Shape::Usual)
}

/// The judgements on distinct values and on lines: small beside rows, if each is cheap.
fn alone(rounds: usize) -> Result<()> {
    let plan = usual(500_000);
    let names: Vec<String> = (0..plan.names).map(|name| book::names::spelling(&plan, name)).collect();
    let mut out = io::stdout().lock();
    writeln!(out, "\nOne thread, median of {rounds} rounds\n\n| work | of them | µs each |\n|---|---|---|")?;
    let mut row = |work: &str, count: usize, run: &dyn Fn() -> Result<usize>| -> Result<()> {
        let mut times = Vec::new();
        for _ in 0..rounds {
            let start = Instant::now();
            std::hint::black_box(run()?);
            times.push(start.elapsed().as_secs_f64());
        }
        #[expect(clippy::cast_precision_loss, reason = "a time for people")]
        let each = median(times) / count as f64 * 1e6;
        writeln!(out, "| {work} | {count} | {each:.2} |")?;
        Ok(())
    };
    row("a company's name normalised", names.len(), &|| Ok(names.iter().map(|n| company_key(n).len()).sum()))?;
    row("a product's name normalised", names.len(), &|| Ok(names.iter().map(|n| product_key(n).len()).sum()))?;
    for model in [PricingModel::PerUnit, PricingModel::Graduated, PricingModel::Package] {
        let terms = terms(model)?;
        let lines = 100_000;
        row(&format!("a line rated, {}", model.word()), lines, &|| {
            let mut digits = 0;
            for line in 0..lines {
                let rated = rate(Decimal::new(i64::try_from(line)?, 1), &terms, Share { active: 17, of: 31 })?;
                digits += usize::from(rated.amount.is_zero());
            }
            Ok(digits)
        })?;
    }
    Ok(())
}

fn terms(model: PricingModel) -> Result<Terms> {
    let tier = |up_to: Option<i64>, price: i64| Tier {
        up_to: up_to.map(Decimal::from),
        unit_price: Some(Decimal::new(price, 2)),
        flat_amount: None,
    };
    Ok(Terms {
        model,
        unit_price: Some(Decimal::new(1234, 2)),
        tiers: vec![tier(Some(10), 1500), tier(Some(1000), 1200), tier(None, 950)],
        package_size: Some(Decimal::from(25)),
        included_quantity: Some(Decimal::from(5)),
        discount_percent: Some(Decimal::from(10)),
        currency: Currency::parse("USD").context("a currency")?,
        rounding: Rounding::default(),
        ..Terms::default()
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// User and system time in seconds, by the clock ticks of Linux; not a number elsewhere.
fn cpu_seconds() -> f64 {
    let stat = fs_err::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let field = |n: usize| after_name.split(' ').nth(n).and_then(|t| t.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (field(11) + field(12)) / 100.0
}

fn peak_mb() -> f64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).map_or(f64::NAN, |kb| kb / 1024.0)
}
