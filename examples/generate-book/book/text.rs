//! A row as its format writes it.

use super::names::Names;
use super::rows::{Drawn, Joined, Kind};
use super::tables::{charge_description, sku_id, unit_cost};
use super::{Format, Plan, SKUS, Shape};

const OWN: &str = "provider_name,sub_account_name,sku_id,charge_description,line_id,charge_period_start,\
                   charge_period_end,quantity,unit_cost,cost,currency";
const PAX8: &str = "type,companyId,companyName,startPeriod,endPeriod,quantity,unitOfMeasure,term,sku,description,\
                    cost,costTotal,currencyCode,subscriptionId";
const NCE: &str = "CustomerId,CustomerName,ProductId,SkuId,SkuName,ChargeType,Subtotal,Currency,SubscriptionId,\
                   ChargeStartDate,ChargeEndDate,TermAndBillingCycle,EffectiveUnitPrice,Quantity,BillableQuantity";

/// The vendor of each format.
pub fn provider(format: Format) -> &'static str {
    match format {
        Format::TrueupUsage => "Meridian",
        Format::Pax8Invoice => "Pax8",
        Format::MicrosoftNce => "Microsoft",
    }
}

/// Turns rows to text. What does not change from row to row is written out once.
pub struct Writer<'a> {
    plan: &'a Plan,
    names: &'a Names,
    skus: Vec<Sku>,
}

struct Sku {
    id: String,
    description: String,
    broken_description: String,
    unit_cost: i64,
}

impl<'a> Writer<'a> {
    pub fn new(plan: &'a Plan, names: &'a Names) -> Self {
        let skus = (0..SKUS).map(|sku| Sku {
            id: sku_id(plan.format, sku),
            description: charge_description(sku),
            broken_description: format!("\"{}\"", charge_description(sku).replacen(' ', "\n", 1)),
            unit_cost: unit_cost(sku),
        });
        Self { plan, names, skus: skus.collect() }
    }

    pub fn head(&self, out: &mut Vec<u8>) {
        let head = match self.plan.format {
            Format::TrueupUsage => OWN,
            Format::Pax8Invoice => PAX8,
            Format::MicrosoftNce => NCE,
        };
        out.extend_from_slice(head.as_bytes());
        out.push(b'\n');
    }

    pub fn row(&self, row: &Drawn, out: &mut Vec<u8>) {
        match self.plan.format {
            Format::TrueupUsage => self.own(row, out),
            Format::Pax8Invoice => self.pax8(row, out),
            Format::MicrosoftNce => self.nce(row, out),
        }
        if row.kind == Kind::Rejected(3) {
            out.extend_from_slice(b",stray");
        }
        out.push(b'\n');
    }

    fn own(&self, row: &Drawn, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Meridian,");
        self.name(row, out);
        comma(out, self.skus[row.sku].id.as_bytes());
        comma(out, self.description(row));
        out.extend_from_slice(b",L");
        number(out, row.original as i64, 10);
        comma(out, dates(row, [b"2026-10-01,2026-11-01", b"2026-09-01,2026-10-01", b"2026-13-45,2026-11-01"]));
        out.push(b',');
        quantity(row, out);
        self.money(row, out);
        out.extend_from_slice(b",USD");
    }

    fn pax8(&self, row: &Drawn, out: &mut Vec<u8>) {
        out.extend_from_slice(b"subscription,");
        self.account_id(row, out);
        out.push(b',');
        self.name(row, out);
        comma(out, dates(row, [b"2026-10-01,2026-10-31", b"2026-09-01,2026-09-30", b"2026-13-45,2026-10-31"]));
        out.push(b',');
        quantity(row, out);
        out.extend_from_slice(b",License,Monthly,");
        out.extend_from_slice(self.skus[row.sku].id.as_bytes());
        comma(out, self.description(row));
        self.money(row, out);
        out.extend_from_slice(b",USD,");
        subscription(row, out);
    }

    fn nce(&self, row: &Drawn, out: &mut Vec<u8>) {
        let sku = &self.skus[row.sku];
        let (product, part) = sku.id.split_once(':').unwrap_or((&sku.id, ""));
        self.account_id(row, out);
        out.push(b',');
        self.name(row, out);
        comma(out, product.as_bytes());
        comma(out, part.as_bytes());
        comma(out, self.description(row));
        out.extend_from_slice(b",cycleCharge,");
        ten_thousandths(out, cost(row.units, sku.unit_cost));
        out.extend_from_slice(b",USD,");
        subscription(row, out);
        comma(out, dates(row, [b"10/1/2026,10/31/2026", b"9/1/2026,9/30/2026", b"13/45/2026,10/31/2026"]));
        out.extend_from_slice(b",One-Month commitment for monthly billing,");
        ten_thousandths(out, sku.unit_cost);
        out.push(b',');
        quantity(row, out);
        out.push(b',');
        quantity(row, out);
    }

    fn name(&self, row: &Drawn, out: &mut Vec<u8>) {
        match self.plan.shape {
            Shape::DistinctAccounts => {
                out.extend_from_slice(b"Site ");
                number(out, (row.original % self.plan.clients.min(10)) as i64, 1);
                out.push(b' ');
                number(out, row.original as i64, 10);
            }
            Shape::UnmappedAccounts => {
                out.extend_from_slice(b"Walk-in ");
                number(out, row.original as i64, 10);
            }
            _ => out.extend_from_slice(self.names.cell(row.name)),
        }
    }

    /// A client's spellings share one id; what is mapped, or not joined, has an id of its own.
    fn account_id(&self, row: &Drawn, out: &mut Vec<u8>) {
        let (kind, id) = match self.plan.joined(row.name) {
            Joined::ByName => (0, row.name % self.plan.clients),
            Joined::ByMapping | Joined::Internal | Joined::ByNothing => (1, row.name),
        };
        out.extend_from_slice(&account_id(kind, id));
    }

    fn description(&self, row: &Drawn) -> &[u8] {
        let sku = &self.skus[row.sku];
        if row.over_two_lines { sku.broken_description.as_bytes() } else { sku.description.as_bytes() }
    }

    fn money(&self, row: &Drawn, out: &mut Vec<u8>) {
        let unit_cost = self.skus[row.sku].unit_cost;
        out.push(b',');
        ten_thousandths(out, unit_cost);
        out.push(b',');
        ten_thousandths(out, cost(row.units, unit_cost));
    }
}

pub fn account_id(kind: u64, id: u64) -> [u8; 36] {
    let mut out = *b"a0000000-0000-4000-8000-000000000000";
    out[7] = b'0' + kind as u8;
    let mut rest = id;
    for digit in out[24..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out
}

/// Of whole, last month's and impossible dates those of the row.
fn dates<'d>(row: &Drawn, [month, last_month, impossible]: [&'d [u8]; 3]) -> &'d [u8] {
    match row.kind {
        Kind::LastMonth => last_month,
        Kind::Rejected(2) => impossible,
        Kind::Plain | Kind::Rejected(_) => month,
    }
}

/// Whole units bare, others with four places and their thousands set apart: no figure can be read in two ways.
fn quantity(row: &Drawn, out: &mut Vec<u8>) {
    match row.kind {
        Kind::Rejected(0) => out.extend_from_slice(b"12..5"),
        Kind::Rejected(1) => out.extend_from_slice(b"a dozen"),
        _ if row.units % 10_000 == 0 => number(out, row.units / 10_000, 1),
        _ if row.units >= 10_000_000 => {
            out.push(b'"');
            number(out, row.units / 10_000_000, 1);
            out.push(b',');
            number(out, row.units / 10_000 % 1000, 3);
            out.push(b'.');
            number(out, row.units % 10_000, 4);
            out.push(b'"');
        }
        _ => ten_thousandths(out, row.units),
    }
}

/// Rounded to four places, half up.
fn cost(units: i64, unit_cost: i64) -> i64 {
    (units * unit_cost + 5_000) / 10_000
}

fn subscription(row: &Drawn, out: &mut Vec<u8>) {
    out.extend_from_slice(b"sub-");
    number(out, row.original as i64, 10);
}

fn comma(out: &mut Vec<u8>, cell: &[u8]) {
    out.push(b',');
    out.extend_from_slice(cell);
}

fn ten_thousandths(out: &mut Vec<u8>, value: i64) {
    number(out, value / 10_000, 1);
    out.push(b'.');
    number(out, value % 10_000, 4);
}

/// A number that is not negative, with at least `width` digits.
fn number(out: &mut Vec<u8>, value: i64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut rest = value;
    while rest > 0 || digits.len() - at < width {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Ten-thousandths as a decimal.
pub fn decimal(value: i128) -> String {
    format!("{}.{:04}", value / 10_000, value % 10_000)
}
