//! How fast one thread reads a large export, beside the bare `csv` crate's record loop over the same file: rounds of both
//! are taken in turn, so that whatever else the machine does falls on both. `cargo bench --bench reading -- --rows 4000000`
//! makes files of that many rows; with `--shuffled`, no row follows the one it resembles. `-- FILE…` measures files there
//! are.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use trueup::finding::Finding;
use trueup::format::Registry;
use trueup::ingest::{Detection, Event, OtherLine, Record, Reject, Rows, UsageRow, UsageSink, detect, read_usage};
use trueup::rate::ExactSum;

const ROUNDS: usize = 5;
const ROWS: u64 = 500_000;
/// How far apart rows stand that follow one another, shuffled: a prime, so that each comes once.
const FAR: u64 = 1_000_003;

fn main() -> Result<()> {
    let mut rows = ROWS;
    let mut rounds = ROUNDS;
    let mut shuffled = false;
    let mut files: Vec<PathBuf> = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|n| n.parse().ok()).context("a number must follow");
        match arg.as_str() {
            "--bench" => {}
            "--rows" => rows = number()?,
            "--shuffled" => shuffled = true,
            "--rounds" => rounds = usize::try_from(number()?)?,
            file => files.push(file.into()),
        }
    }
    say(
        "CPU seconds of one thread, medians; shares are of the speed of the csv crate's ByteRecord loop; survey in wall \
         seconds\n",
    )?;
    say(&format!(
        "{:<16}{:>7}{:>11}{:>8}{:>9}{:>7}{:>8}{:>7}{:>8}{:>7}{:>8}\n",
        "format", "MB", "rows", "csv", "records", "share", "typed", "share", "keyed", "share", "survey"
    ))?;
    let dir = tempfile::tempdir()?;
    if files.is_empty() {
        for shape in Shape::ALL {
            let path = dir.path().join(format!("{}.csv", shape.name()));
            shape.write(&path, rows, shuffled)?;
            measure(&path, rounds, Some(rows))?;
            fs_err::remove_file(&path)?;
        }
    }
    for file in files {
        measure(&file, rounds, None)?;
    }
    Ok(())
}

fn say(text: &str) -> Result<()> {
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

/// Measures a file's reading, and that it is read rightly.
fn measure(path: &Path, rounds: usize, expected: Option<u64>) -> Result<()> {
    let registry = Registry::builtin();
    let shown = path.display().to_string();
    let found = |findings: Vec<Finding>| anyhow::anyhow!("{shown} is not recognised: {findings:?}");
    let detection = detect(path, &shown, &registry).map_err(found)?;
    let delimiter = detection.delimiter.context("the file is no delimited text")?;
    let (mut csv, mut records, mut typed, mut keyed, mut survey) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..rounds {
        csv.push(timed(|| csv_loop(path, delimiter))?);
        records.push(timed(|| record_loop(&detection, delimiter))?);
        typed.push(timed(|| typed_loop(&detection, expected, false))?);
        keyed.push(timed(|| typed_loop(&detection, expected, true))?);
        let begun = Instant::now();
        detect(path, &shown, &registry).map_err(found)?;
        survey.push(begun.elapsed());
    }
    let [csv, records, typed, keyed, survey] = [csv, records, typed, keyed, survey].map(median);
    let share = |time: f64| csv / time;
    say(&format!(
        "{:<16}{:>7}{:>11}{:>8.3}{:>9.3}{:>7.2}{:>8.3}{:>7.2}{:>8.3}{:>7.2}{:>8.3}\n",
        detection.spec.id,
        detection.survey.bytes / 1_000_000,
        expected.map_or_else(String::new, |rows| rows.to_string()),
        csv,
        records,
        share(records),
        typed,
        share(typed),
        keyed,
        share(keyed),
        survey,
    ))
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

/// The thread's own time where the system tells it, so that what else runs does not count.
fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let (wall, before) = (Instant::now(), on_cpu());
    work()?;
    Ok(match (before, on_cpu()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => wall.elapsed(),
    })
}

fn on_cpu() -> Option<Duration> {
    let text = fs_err::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn csv_loop(path: &Path, delimiter: u8) -> Result<()> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).buffer_capacity(128 << 10).from_path(path)?;
    let mut record = csv::ByteRecord::new();
    let (mut rows, mut fields) = (0_u64, 0_u64);
    while reader.read_byte_record(&mut record)? {
        rows += 1;
        fields += record.len() as u64;
    }
    std::hint::black_box((rows, fields));
    Ok(())
}

fn record_loop(detection: &Detection, delimiter: u8) -> Result<()> {
    let dialect = trueup::ingest::Dialect::of(delimiter);
    let mut rows = Rows::open(&detection.path, &detection.survey, dialect)?;
    rows.expect_fields(detection.headings.len());
    let mut record = Record::new();
    let mut fields = 0_u64;
    loop {
        match rows.next(&mut record)? {
            Event::Record => fields += record.len() as u64,
            Event::Blank | Event::Fault(_) => {}
            Event::End => break,
        }
    }
    std::hint::black_box(fields);
    Ok(())
}

/// `prints`: with the fingerprints that tell copies.
fn typed_loop(detection: &Detection, expected: Option<u64>, prints: bool) -> Result<()> {
    let mut count = Count { prints, ..Count::default() };
    read_usage(detection, &mut count)?;
    if let Some(expected) = expected {
        ensure!(
            (count.rows, count.rejected) == (expected, 0),
            "{} of {expected} rows were read, {} rejected",
            count.rows,
            count.rejected
        );
    }
    std::hint::black_box((count.cost.to_decimal()?, count.lines, count.raw));
    Ok(())
}

/// Takes what a sink may take, and keeps sums.
#[derive(Default)]
struct Count {
    rows: u64,
    rejected: u64,
    cost: ExactSum,
    lines: u64,
    raw: u64,
    copies: u128,
    prints: bool,
}

impl UsageSink for Count {
    fn row(&mut self, row: &UsageRow<'_>) -> Result<()> {
        self.rows += 1;
        self.lines += row.line;
        self.copies ^= row.identity.unwrap_or(row.whole) ^ u128::from(row.content);
        if let Some(cost) = row.cost {
            self.cost.add(cost)?;
        }
        Ok(())
    }

    fn reject(&mut self, _: Reject) -> Result<()> {
        self.rejected += 1;
        Ok(())
    }

    fn other(&mut self, _: u64, _: OtherLine) -> Result<()> {
        Ok(())
    }

    fn finding(&mut self, _: Finding) -> Result<()> {
        Ok(())
    }

    fn wants_prints(&self) -> bool {
        self.prints
    }

    fn wants_raw(&self) -> bool {
        true
    }

    fn raw(&mut self, raw: &str) -> Result<()> {
        self.raw += raw.len() as u64;
        Ok(())
    }
}

/// An export of a known format, as wide and as repetitive as vendors write it.
#[derive(Clone, Copy)]
enum Shape {
    TrueupUsage,
    MicrosoftNce,
    Pax8Invoice,
}

impl Shape {
    const ALL: [Self; 3] = [Self::TrueupUsage, Self::MicrosoftNce, Self::Pax8Invoice];

    const fn name(self) -> &'static str {
        match self {
            Shape::TrueupUsage => "trueup-usage",
            Shape::MicrosoftNce => "microsoft-nce",
            Shape::Pax8Invoice => "pax8-invoice",
        }
    }

    const fn headings(self) -> &'static str {
        match self {
            Shape::TrueupUsage => {
                "provider_name,sub_account_id,sub_account_name,sku_id,charge_description,subscription_id,line_id,term,\
                 billing_frequency,charge_category,charge_period_start,charge_period_end,metric,quantity,unit,unit_cost,\
                 cost,currency"
            }
            Shape::MicrosoftNce => {
                "PartnerId,CustomerId,CustomerName,CustomerDomainName,CustomerCountry,InvoiceNumber,MpnId,\
                 ResellerMpnId,OrderId,OrderDate,ProductId,SkuId,AvailabilityId,SkuName,ProductName,ChargeType,\
                 UnitPrice,Quantity,Subtotal,TaxTotal,Total,Currency,PriceAdjustmentDescription,PublisherName,\
                 PublisherId,SubscriptionDescription,SubscriptionId,ChargeStartDate,ChargeEndDate,\
                 TermAndBillingCycle,EffectiveUnitPrice,UnitType,AlternateId,BillableQuantity,BillingFrequency,\
                 PricingCurrency,PCToBCExchangeRate,PCToBCExchangeRateDate,MeterDescription,ReservationOrderId,\
                 CreditReasonCode,SubscriptionStartDate,SubscriptionEndDate,ReferenceID,ProductQualifiers,PromotionID"
            }
            Shape::Pax8Invoice => {
                "type,companyId,companyName,startPeriod,endPeriod,quantity,unitOfMeasure,term,sku,description,rateType,\
                 chargeType,price,subTotal,cost,costTotal,offeredBy,billedByPax8,total,productId,productName,\
                 billingFee,billingFeeRate,amountDue,currencyCode,salesTax,subscriptionId"
            }
        }
    }

    fn write(self, path: &Path, rows: u64, shuffled: bool) -> Result<()> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        writeln!(file, "{}", self.headings())?;
        let mut line = String::new();
        for i in 0..rows {
            line.clear();
            let number = if shuffled { i * FAR % rows } else { i };
            self.row(&mut line, number)?;
            file.write_all(line.as_bytes())?;
        }
        match file.into_inner() {
            Ok(_) => Ok(()),
            Err(e) => bail!("{}: {}", path.display(), e.error()),
        }
    }

    /// Rows of one account follow one another, as exports are sorted; one name in ten has a comma, and so quotes.
    fn row(self, line: &mut String, i: u64) -> Result<()> {
        let (account, product) = (i / 7 % 40_000, i % 7);
        let name = if account % 10 == 0 {
            format!("\"Larkspur {account}, Inc.\"")
        } else {
            format!("Cobalt Dental {account} GmbH")
        };
        let (quantity, cents) = (i * 31 % 97 + 1, 185 + product * 460);
        let (price, cost) = (money(cents), money(cents * quantity));
        // One line in ten is prorated.
        let day = if i.is_multiple_of(10) { i / 10 % 28 + 1 } else { 1 };
        match self {
            Shape::TrueupUsage => writeln!(
                line,
                "Huntress,acc-{account:06},{name},SKU-{product:03},Managed EDR tier {product},sub-{account:06}-{product},\
                 ,P1M,P1M,Purchase,2026-10-01,2026-11-01,purchased,{quantity},seat,{price},{cost},USD"
            )?,
            Shape::MicrosoftNce => writeln!(
                line,
                "7f3d,0a51c9f2-7d1e-4c55-9a0e-1d2c3b{account:06},{name},,US,G000000001,4649221,,ab95cebe4f30,10/3/2026,\
                 CFQ7TTC0LCHC,{product:04},,Microsoft 365 Business Premium,Microsoft 365 Business Premium,cycleCharge,\
                 {price},{quantity},{cost},0,{cost},USD,,Microsoft,,,8d2b4c6e-0001-4a3b-9c1d-{account:06}{product:06},\
                 10/{day}/2026,10/31/2026,One-Month commitment for monthly billing,{price},Licenses,,{quantity},Monthly,\
                 USD,1,,,,,,,,,"
            )?,
            Shape::Pax8Invoice => writeln!(
                line,
                "subscription,3f6b1c50-1111-4c1a-8f00-aa11bb{account:06},{name},2026-10-{day:02},2026-10-31,{quantity},\
                 License,Monthly,SEN-CTRL-{product:03},SentinelOne Control - Monthly,FLAT,RECURRING,{price},{cost},\
                 {price},{cost},Pax8,true,{cost},,,,,,USD,0,6ef14ea0-0000-4171-8a39-{account:06}{product:06}"
            )?,
        }
        Ok(())
    }
}

fn money(cents: u64) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write!(text, "{}.{:02}", cents / 100, cents % 100);
    text
}
