//! What a generated book may hold: small numbers that point into fixed worlds of clients, products and
//! vendors, so that a failing book shrinks to one a person can read.

use proptest::collection::vec;
use proptest::prelude::*;
use rust_decimal::Decimal;

pub const PERIOD: &str = "2026-10";
/// Empty: the row or contract states none.
pub const CURRENCIES: &[&str] = &["USD", "USD", "EUR", "JPY", ""];
pub const TERMS: &[&str] = &["", "", "P1M", "P1Y"];

/// Who sells, each in a format of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vendor {
    /// trueup's own columns, comma and decimal point.
    Huntress,
    /// trueup's own columns, semicolon and decimal comma, titles above.
    Acronis,
    Pax8,
    Microsoft,
    Keeper,
    Datto,
}

pub const VENDORS: &[Vendor] =
    &[Vendor::Huntress, Vendor::Acronis, Vendor::Pax8, Vendor::Microsoft, Vendor::Keeper, Vendor::Datto];

impl Vendor {
    pub fn name(self) -> &'static str {
        match self {
            Vendor::Huntress => "Huntress",
            Vendor::Acronis => "Acronis",
            Vendor::Pax8 => "Pax8",
            Vendor::Microsoft => "Microsoft",
            Vendor::Keeper => "Keeper",
            Vendor::Datto => "Datto",
        }
    }
}

/// `mantissa` × 10^-`scale`. Never three places: `1.234` alone in a column means two things.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    pub mantissa: i64,
    pub scale: u32,
}

impl Number {
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.mantissa, self.scale)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dates {
    Month,
    FromTheTwelfth,
    None,
    LastMonth,
    NextMonth,
    /// A year paid up front that began this month.
    YearFromNow,
    /// A year paid up front that began five months ago.
    YearFromMay,
}

/// What is wrong with a row, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoilt {
    No,
    Quantity,
    Cost,
    Date,
    Currency,
    NoAccount,
    OneFieldMore,
    FieldsCutOff,
}

#[derive(Debug, Clone)]
pub struct RowPlan {
    pub account: usize,
    pub sku: usize,
    pub quantity: Number,
    pub unit_cost: Option<Number>,
    pub cost: Option<Number>,
    pub currency: usize,
    pub dates: Dates,
    pub category: usize,
    pub term: usize,
    pub line_id: LineId,
    pub spoilt: Spoilt,
    /// The same row with the opposite sign stands behind it.
    pub refunded: bool,
    /// The vendor's name in small letters.
    pub small_letters: bool,
    /// A description over two physical lines.
    pub two_lines: bool,
}

#[derive(Debug, Clone, Copy)]
pub enum LineId {
    None,
    Own,
    /// One of few, so that rows meet under one identity.
    Shared(u8),
}

#[derive(Debug, Clone)]
pub enum Item {
    Row(RowPlan),
    Blank,
    /// A row of the same file once more.
    Again(usize),
    /// A row of an earlier file of the same vendor.
    Copied(usize, usize),
}

#[derive(Debug, Clone)]
pub struct FilePlan {
    pub vendor: Vendor,
    /// Pax8 alone writes these: an array, an envelope, lines.
    pub json: Option<u8>,
    pub last_month: bool,
    pub total_row: bool,
    pub items: Vec<Item>,
}

#[derive(Debug, Clone)]
pub struct ProductPlan {
    pub unit_price: Option<Number>,
    pub unit_cost: Option<Number>,
    pub whole_units: usize,
}

#[derive(Debug, Clone)]
pub struct ContractPlan {
    pub client: usize,
    pub active: bool,
    pub start: usize,
    pub end: usize,
    pub currency: usize,
    pub cycle: usize,
    pub advance: bool,
    pub proration: usize,
}

#[derive(Debug, Clone)]
pub struct LinePlan {
    pub contract: usize,
    pub product: usize,
    pub quantity: Number,
    pub unit_price: Option<Number>,
    pub flat: bool,
    pub included: Option<u8>,
    pub minimum: Option<u8>,
    pub maximum: Option<u8>,
    pub minimum_amount: Option<u8>,
    pub discount: Option<u8>,
    pub effective: usize,
    pub cancelled: usize,
    pub term: usize,
    pub billing: usize,
}

#[derive(Debug, Clone)]
pub struct SkuMapping {
    pub mapped: bool,
    pub multiplier: usize,
    pub rule: usize,
    /// From the fifteenth on the SKU is another product.
    pub then: Option<usize>,
}

#[derive(Debug, Clone)]
pub struct DecisionPlan {
    pub discrepancy: usize,
    pub kind: usize,
    pub quantity: u8,
}

/// A component of a bundle. Products point at products, so some rows are refused.
#[derive(Debug, Clone)]
pub struct BundlePlan {
    pub bundle: usize,
    pub component: usize,
    pub quantity: usize,
    pub driver: bool,
}

#[derive(Clone)]
pub struct Plan {
    pub clients: usize,
    pub client_currency: usize,
    pub products: Vec<ProductPlan>,
    pub contracts: Vec<ContractPlan>,
    pub lines: Vec<LinePlan>,
    /// By vendor and client: whether an account row maps it; else its name does, or nothing.
    pub accounts_mapped: Vec<bool>,
    /// By vendor and product.
    pub skus_mapped: Vec<SkuMapping>,
    pub bundles: Vec<BundlePlan>,
    pub config: usize,
    pub files: Vec<FilePlan>,
    pub decisions: Vec<DecisionPlan>,
}

fn number(limit: i64) -> impl Strategy<Value = Number> {
    let whole = (-3..40i64).prop_map(|mantissa| Number { mantissa, scale: 0 });
    let scale = prop_oneof![Just(1u32), Just(2), Just(4), Just(7), Just(10)];
    let fraction = (-limit / 4..limit, scale).prop_map(|(mantissa, scale)| Number { mantissa, scale });
    prop_oneof![3 => whole, 2 => fraction]
}

fn price() -> impl Strategy<Value = Number> {
    (0..50_000i64, prop_oneof![Just(0u32), Just(2), Just(4)]).prop_map(|(m, scale)| Number { mantissa: m, scale })
}

fn row() -> impl Strategy<Value = RowPlan> {
    let dates = prop_oneof![
        8 => Just(Dates::Month), 2 => Just(Dates::FromTheTwelfth), 2 => Just(Dates::None), 1 => Just(Dates::LastMonth),
        1 => Just(Dates::NextMonth), 1 => Just(Dates::YearFromNow), 1 => Just(Dates::YearFromMay),
    ];
    let line_id = prop_oneof![4 => Just(LineId::None), 2 => Just(LineId::Own), 1 => (0..4u8).prop_map(LineId::Shared)];
    let spoilt = prop_oneof![
        21 => Just(Spoilt::No), 1 => Just(Spoilt::Quantity), 1 => Just(Spoilt::Cost), 1 => Just(Spoilt::Date),
        1 => Just(Spoilt::Currency), 1 => Just(Spoilt::NoAccount), 1 => Just(Spoilt::OneFieldMore),
        1 => Just(Spoilt::FieldsCutOff),
    ];
    let money = (proptest::option::of(price()), proptest::option::of(number(3_000_000)));
    let flags = (proptest::bool::weighted(0.1), proptest::bool::weighted(0.1), proptest::bool::weighted(0.05));
    let of = (0..12usize, 0..10usize, number(1_000_000), 0..CURRENCIES.len());
    (of, money, dates, 0..9usize, 0..TERMS.len(), line_id, spoilt, flags).prop_map(
        |((account, sku, quantity, currency), (unit_cost, cost), dates, category, term, line_id, spoilt, flags)| {
            let (refunded, small_letters, two_lines) = flags;
            RowPlan {
                account,
                sku,
                quantity,
                unit_cost,
                cost,
                currency,
                dates,
                category,
                term,
                line_id,
                spoilt,
                refunded,
                small_letters,
                two_lines,
            }
        },
    )
}

fn file() -> impl Strategy<Value = FilePlan> {
    let item = prop_oneof![
        12 => row().prop_map(Item::Row),
        1 => Just(Item::Blank),
        1 => (0..20usize).prop_map(Item::Again),
        2 => (0..6usize, 0..20usize).prop_map(|(f, r)| Item::Copied(f, r)),
    ];
    let vendor = proptest::sample::select(VENDORS);
    let json = proptest::option::of(0..3u8);
    let (old, total) = (proptest::bool::weighted(0.1), proptest::bool::weighted(0.3));
    (vendor, json, old, total, row(), vec(item, 0..12)).prop_map(
        |(vendor, json, last_month, total_row, first, rest)| {
            // A file begins with a row that can be read, so that it is recognised for certain.
            let first = Item::Row(RowPlan { spoilt: Spoilt::No, ..first });
            let json = json.filter(|_| vendor == Vendor::Pax8);
            FilePlan { vendor, json, last_month, total_row, items: std::iter::once(first).chain(rest).collect() }
        },
    )
}

fn contract_line() -> impl Strategy<Value = LinePlan> {
    let few = || proptest::option::weighted(0.2, 0..6u8);
    let quantity = (0..60i64, prop_oneof![4 => Just(0u32), 1 => Just(2)]);
    let price = proptest::option::weighted(0.8, price());
    let bounds = (few(), few(), few(), few(), few());
    let dates = (0..6usize, 0..6usize);
    let flat = proptest::bool::weighted(0.2);
    (0..8usize, 0..5usize, quantity, price, flat, bounds, dates, 0..TERMS.len(), 0..6usize).prop_map(
        |(contract, product, (mantissa, scale), unit_price, flat, bounds, (effective, cancelled), term, billing)| {
            let (included, minimum, maximum, minimum_amount, discount) = bounds;
            LinePlan {
                contract,
                product,
                quantity: Number { mantissa, scale },
                unit_price,
                flat,
                included,
                minimum,
                maximum: maximum.map(|m| m + 10),
                minimum_amount,
                discount,
                effective,
                cancelled,
                term,
                billing,
            }
        },
    )
}

fn contract() -> impl Strategy<Value = ContractPlan> {
    let kind = (0..6usize, proptest::bool::weighted(0.15), 0..4usize);
    (0..6usize, proptest::bool::weighted(0.9), 0..3usize, 0..6usize, 0..CURRENCIES.len(), kind).prop_map(
        |(client, active, start, end, currency, (cycle, advance, proration))| ContractPlan {
            client,
            active,
            start,
            end,
            currency,
            cycle,
            advance,
            proration,
        },
    )
}

/// A whole book.
pub fn book() -> impl Strategy<Value = Plan> {
    let product = (proptest::option::weighted(0.8, price()), proptest::option::of(price()), 0..8usize)
        .prop_map(|(unit_price, unit_cost, whole_units)| ProductPlan { unit_price, unit_cost, whole_units });
    let sku = (proptest::bool::weighted(0.8), 0..5usize, 0..8usize, proptest::option::weighted(0.1, 0..5usize))
        .prop_map(|(mapped, multiplier, rule, then)| SkuMapping { mapped, multiplier, rule, then });
    let decision = (0..30usize, 0..4usize, 0..20u8).prop_map(|(discrepancy, kind, quantity)| DecisionPlan {
        discrepancy,
        kind,
        quantity,
    });
    let psa = (vec(product, 1..5), vec(contract(), 1..6), vec(contract_line(), 1..10));
    let bundle = (0..2usize, 1..5usize, 0..4usize, proptest::bool::weighted(0.2))
        .prop_map(|(bundle, component, quantity, driver)| BundlePlan { bundle, component, quantity, driver });
    let maps = (vec(proptest::bool::weighted(0.7), 36), vec(sku, 24), vec(bundle, 0..5));
    let settings = (0..CURRENCIES.len(), 0..8usize, proptest::bool::weighted(0.7));
    (1..5usize, settings, psa, maps, vec(file(), 1..5), vec(decision, 0..4)).prop_map(
        |(clients, (client_currency, config, complete), (products, contracts, lines), maps, files, decisions)| {
            let (accounts_mapped, skus_mapped, bundles) = maps;
            let mut plan = Plan {
                clients,
                client_currency,
                products,
                contracts,
                lines,
                accounts_mapped,
                skus_mapped,
                bundles,
                config,
                files,
                decisions,
            };
            if complete {
                complete_the_metered_side(&mut plan);
            }
            plan
        },
    )
}

/// Nothing is expected of a vendor without exports, and no account is a stranger: only such a side can be
/// short of a contract.
fn complete_the_metered_side(plan: &mut Plan) {
    for vendor in VENDORS {
        if !plan.files.iter().any(|f| f.vendor == *vendor && !f.last_month) {
            for mapping in &mut plan.skus_mapped[*vendor as usize * 4..][..4] {
                mapping.mapped = false;
            }
        }
    }
    for file in &mut plan.files {
        for item in &mut file.items {
            if let Item::Row(row) = item {
                row.account %= plan.clients + 4;
            }
        }
    }
}
