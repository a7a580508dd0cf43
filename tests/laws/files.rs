//! The side of the vendors: exports as real files, line by line, each line with what the test itself knows
//! it wrote. Nothing here asks the engine.

use std::collections::BTreeMap;
use std::path::Path;

use rust_decimal::Decimal;

use super::plan::{CURRENCIES, Dates, FilePlan, Item, LineId, Plan, RowPlan, Spoilt, TERMS, Vendor};

/// What a row was written to hold. A value that cannot be read is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub currency: &'static str,
    pub quantity: Option<Decimal>,
    pub cost: Option<Decimal>,
    pub rejected: bool,
}

/// A line of an export, or a record of a JSON one. Without `held` it is no usage row.
#[derive(Debug, Clone)]
pub struct Line {
    pub text: String,
    pub held: Option<Held>,
}

#[derive(Debug, Clone)]
pub struct UsageFile {
    /// Relative to the book.
    pub source: String,
    pub vendor: Vendor,
    pub json: Option<u8>,
    /// Titles and headings.
    pub head: Vec<String>,
    pub body: Vec<Line>,
    pub total: Option<String>,
}

impl UsageFile {
    pub fn text(&self) -> String {
        let body: Vec<&str> = self.body.iter().map(|l| l.text.as_str()).collect();
        match self.json {
            Some(0) => format!("[\n{}\n]\n", body.join(",\n")),
            Some(1) => format!("{{\"content\":[\n{}\n],\"page\":{{\"size\":200}}}}\n", body.join(",\n")),
            Some(_) => body.join("\n") + "\n",
            None => {
                let all = self.head.iter().map(String::as_str).chain(body).chain(self.total.as_deref());
                all.fold(String::new(), |text, line| text + line + "\n")
            }
        }
    }

    pub fn write(&self, root: &Path) {
        let path = root.join(&self.source);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, self.text()).expect("written");
    }

    /// Every usage row with the physical line, or record, where it begins.
    pub fn rows(&self) -> Vec<(u64, Held)> {
        let mut line = self.head.len() as u64 + 1;
        let mut out = Vec::new();
        for at in &self.body {
            out.extend(at.held.map(|held| (line, held)));
            line += at.text.matches('\n').count() as u64 + 1;
        }
        out
    }

    /// Rows, quantity and cost per currency.
    pub fn sums(&self) -> BTreeMap<&'static str, (u64, Decimal, Decimal)> {
        let mut out: BTreeMap<&'static str, (u64, Decimal, Decimal)> = BTreeMap::new();
        for (_, held) in self.rows() {
            let sum = out.entry(held.currency).or_default();
            sum.0 += 1;
            sum.1 += held.quantity.unwrap_or_default();
            sum.2 += held.cost.unwrap_or_default();
        }
        out
    }
}

impl Plan {
    /// The exports of the book, in order of their paths.
    pub fn usage(&self) -> Vec<UsageFile> {
        let mut out: Vec<UsageFile> = Vec::new();
        for (index, plan) in self.files.iter().enumerate() {
            let mut body: Vec<Line> = Vec::new();
            for (at, item) in plan.items.iter().enumerate() {
                match item {
                    Item::Row(row) => {
                        body.push(self.line(plan, row, (index, at), false));
                        if row.refunded {
                            body.push(self.line(plan, row, (index, at), true));
                        }
                    }
                    Item::Blank if plan.json.is_none() => body.push(Line { text: String::new(), held: None }),
                    Item::Blank => {}
                    Item::Again(n) => body.push(body[n % body.len()].clone()),
                    Item::Copied(f, r) => {
                        let like: Vec<&UsageFile> = out
                            .iter()
                            .filter(|o| o.vendor == plan.vendor && o.json.is_some() == plan.json.is_some())
                            .collect();
                        if !like.is_empty() {
                            let from = &like[f % like.len()].body;
                            body.push(from[r % from.len()].clone());
                        }
                    }
                }
            }
            let folder = if plan.last_month { "2026-09" } else { "2026-10" };
            let ending = if plan.json.is_some() { "json" } else { "csv" };
            let name = plan.vendor.name().to_lowercase();
            out.push(UsageFile {
                source: format!("usage/{folder}/{index}-{name}.{ending}"),
                vendor: plan.vendor,
                json: plan.json,
                head: if plan.json.is_some() { Vec::new() } else { head(plan.vendor) },
                total: total_row(plan, &body),
                body,
            });
        }
        out.sort_by(|a, b| a.source.cmp(&b.source));
        out
    }

    fn line(&self, file: &FilePlan, row: &RowPlan, at: (usize, usize), refund: bool) -> Line {
        let vendor = file.vendor;
        let mut spoilt = row.spoilt;
        let has_dates = !matches!(vendor, Vendor::Keeper | Vendor::Datto);
        let possible = match spoilt {
            Spoilt::No | Spoilt::NoAccount => true,
            Spoilt::Quantity => vendor != Vendor::Datto,
            Spoilt::Cost | Spoilt::Date | Spoilt::Currency => has_dates,
            Spoilt::OneFieldMore | Spoilt::FieldsCutOff => file.json.is_none(),
        };
        if !possible {
            spoilt = Spoilt::No;
        }
        let sign = if refund { -Decimal::ONE } else { Decimal::ONE };
        let cells = Cells {
            account: self.account(vendor, row.account),
            sku: self.sku(row.sku),
            quantity: sign * row.quantity.decimal(),
            unit_cost: row.unit_cost.map(super::plan::Number::decimal),
            cost: row.cost.map(|c| sign * c.decimal()),
            currency: CURRENCIES[row.currency],
            line_id: match row.line_id {
                LineId::None => String::new(),
                LineId::Own => format!("own-{}-{}-{refund}", at.0, at.1),
                LineId::Shared(n) => format!("shared-{n}"),
            },
            // Five in nine are purchases.
            category: ["Usage", "Credit", "Tax", "Adjustment"].get(row.category).copied().unwrap_or("Purchase"),
            row,
            spoilt,
        };
        let decimal_comma = vendor == Vendor::Acronis;
        let (mut text, fields, held) = match vendor {
            Vendor::Huntress | Vendor::Acronis => cells.own_columns(vendor),
            Vendor::Pax8 => cells.pax8(file.json.is_some()),
            Vendor::Microsoft => cells.microsoft(),
            Vendor::Keeper => cells.keeper(),
            Vendor::Datto => cells.datto(),
        };
        let separator = if decimal_comma { ';' } else { ',' };
        let mut held = Held { rejected: spoilt != Spoilt::No && held.rejected, ..held };
        if matches!(spoilt, Spoilt::OneFieldMore | Spoilt::FieldsCutOff) {
            // Which cell is in which column is not certain, so no amount is read.
            (held.quantity, held.cost, held.rejected) = (None, None, true);
            if spoilt == Spoilt::OneFieldMore {
                text = format!("{text}{separator}stray");
            } else {
                text = fields[..3].join(&separator.to_string());
                held.currency = "";
            }
        }
        Line { text, held: Some(held) }
    }
}

struct Cells<'a> {
    account: (String, String),
    sku: String,
    quantity: Decimal,
    unit_cost: Option<Decimal>,
    cost: Option<Decimal>,
    currency: &'static str,
    line_id: String,
    category: &'static str,
    row: &'a RowPlan,
    spoilt: Spoilt,
}

type Written = (String, Vec<String>, Held);

impl Cells<'_> {
    fn account(&self) -> (String, String) {
        if self.spoilt == Spoilt::NoAccount { Default::default() } else { self.account.clone() }
    }

    fn quantity(&self) -> String {
        if self.spoilt == Spoilt::Quantity { "12..5".to_string() } else { self.quantity.to_string() }
    }

    fn cost(&self) -> String {
        match (self.spoilt, self.cost) {
            (Spoilt::Cost, _) => "12,3.4,5".to_string(),
            (_, Some(cost)) => cost.to_string(),
            (_, None) => String::new(),
        }
    }

    fn unit_cost(&self) -> String {
        self.unit_cost.as_ref().map(Decimal::to_string).unwrap_or_default()
    }

    fn currency(&self) -> &'static str {
        if self.spoilt == Spoilt::Currency { "US$" } else { self.currency }
    }

    /// Start and exclusive end, or the days before that where the format writes the last day.
    fn dates(&self, inclusive: bool) -> [&'static str; 2] {
        let (start, exclusive, last) = match self.row.dates {
            Dates::Month => ("2026-10-01", "2026-11-01", "2026-10-31"),
            Dates::FromTheTwelfth => ("2026-10-12", "2026-11-01", "2026-10-31"),
            Dates::None => ("", "", ""),
            Dates::LastMonth => ("2026-09-01", "2026-10-01", "2026-09-30"),
            Dates::NextMonth => ("2026-11-01", "2026-12-01", "2026-11-30"),
            Dates::YearFromNow => ("2026-10-05", "2027-10-05", "2027-10-04"),
            Dates::YearFromMay => ("2026-05-05", "2027-05-05", "2027-05-04"),
        };
        let start = if self.spoilt == Spoilt::Date { "2026-13-45" } else { start };
        [start, if inclusive { last } else { exclusive }]
    }

    /// What a row with a cost, a unit cost and a currency holds.
    fn held(&self) -> Held {
        let quantity = Some(self.quantity).filter(|_| self.spoilt != Spoilt::Quantity);
        let product = || quantity.zip(self.unit_cost).map(|(q, u)| q * u);
        let cost = if self.spoilt == Spoilt::Cost { None } else { self.cost.or_else(product) };
        let currency = if self.spoilt == Spoilt::Currency { "" } else { self.currency };
        Held { currency, quantity, cost, rejected: true }
    }

    fn own_columns(&self, vendor: Vendor) -> Written {
        let (id, name) = self.account();
        let comma = vendor == Vendor::Acronis;
        let number = |text: String| if comma { text.replace('.', ",") } else { quoted(&text) };
        let provider = if self.row.small_letters { vendor.name().to_lowercase() } else { vendor.name().to_string() };
        let description =
            if self.row.two_lines { "\"Service\nby month\"".to_string() } else { format!("Service {}", self.sku) };
        let [start, end] = self.dates(false).map(str::to_string);
        let fields = vec![
            provider,
            id,
            quoted(&name),
            self.sku.clone(),
            description,
            String::new(),
            self.line_id.clone(),
            TERMS[self.row.term].to_string(),
            self.category.to_string(),
            start,
            end,
            number(self.quantity()),
            "seat".to_string(),
            number(self.unit_cost()),
            number(self.cost()),
            self.currency().to_string(),
        ];
        let separator = if comma { ";" } else { "," };
        (fields.join(separator), fields, self.held())
    }

    fn pax8(&self, json: bool) -> Written {
        let (id, name) = self.account();
        let kind = match self.category {
            "Credit" => "credit",
            "Tax" => "tax",
            "Usage" => "usage",
            "Adjustment" => "prorate",
            _ => "subscription",
        };
        let term = match TERMS[self.row.term] {
            "P1M" => "Monthly",
            "P1Y" => "Annual",
            _ => "",
        };
        let [start, end] = self.dates(true).map(str::to_string);
        let values = vec![
            kind.to_string(),
            id,
            name,
            start,
            end,
            self.quantity(),
            "License".to_string(),
            term.to_string(),
            self.sku.clone(),
            format!("Service {}", self.sku),
            self.unit_cost(),
            self.cost(),
            self.currency().to_string(),
            "sub-1".to_string(),
        ];
        let fields: Vec<String> = values.iter().map(|v| quoted(v)).collect();
        let text = if json {
            let pairs: Vec<String> = PAX8
                .iter()
                .zip(&values)
                .map(|(key, value)| {
                    let bare = ["quantity", "cost", "costTotal"].contains(key) && value.parse::<Decimal>().is_ok();
                    if bare { format!("\"{key}\": {value}") } else { format!("\"{key}\": \"{value}\"") }
                })
                .collect();
            format!("{{{}}}", pairs.join(", "))
        } else {
            fields.join(",")
        };
        (text, fields, self.held())
    }

    fn microsoft(&self) -> Written {
        let (id, name) = self.account();
        let charge = match self.category {
            "Credit" => "customerCredit",
            "Tax" => "tax",
            _ => "cycleCharge",
        };
        let cycle = match TERMS[self.row.term] {
            "P1M" => "One-Month commitment for monthly billing",
            "P1Y" => "One-Year commitment for monthly/yearly billing",
            _ => "",
        };
        let [start, end] = self.dates(true).map(american);
        // A product code stands for itself; the others are two ids joined.
        let (product, part) = if self.sku == "P0" { ("P0", "") } else { (self.sku.as_str(), "0001") };
        let meter = if self.category == "Usage" { "Virtual machine hours" } else { "" };
        let fields: Vec<String> = [
            &id,
            &name,
            product,
            part,
            "Service",
            charge,
            &self.quantity(),
            &self.cost(),
            self.currency(),
            "sub-1",
            &start,
            &end,
            cycle,
            &self.unit_cost(),
            &self.quantity(),
            meter,
        ]
        .map(quoted)
        .to_vec();
        (fields.join(","), fields, self.held())
    }

    /// Licences at a rate, without currency or dates.
    fn keeper(&self) -> Written {
        let (id, name) = self.account();
        let rate = self.unit_cost.unwrap_or(Decimal::ONE);
        let quantity = self.quantity();
        let fields: Vec<String> =
            [&name, &id, &self.sku, &quantity, &format!("${rate}"), &quantity].map(|f| quoted(f)).to_vec();
        let held_quantity = Some(self.quantity).filter(|_| self.spoilt != Spoilt::Quantity);
        let held =
            Held { currency: "", quantity: held_quantity, cost: held_quantity.map(|q| q * rate), rejected: true };
        (fields.join(","), fields, held)
    }

    /// A seat, billable or not.
    fn datto(&self) -> Written {
        let (_, name) = self.account();
        let billable = if self.category == "Tax" && self.spoilt == Spoilt::No { "0" } else { "1" };
        let seat = format!("seat-{}", self.quantity.mantissa());
        let fields: Vec<String> = [name.as_str(), &self.sku, &seat, "User", "Active", billable].map(quoted).to_vec();
        (fields.join(","), fields, Held { currency: "", quantity: Some(Decimal::ONE), cost: None, rejected: true })
    }
}

const OWN: &str = "provider_name,sub_account_id,sub_account_name,sku_id,charge_description,subscription_id,line_id,\
                   term,charge_category,charge_period_start,charge_period_end,quantity,unit,unit_cost,cost,currency";
const PAX8: &[&str] = &[
    "type",
    "companyId",
    "companyName",
    "startPeriod",
    "endPeriod",
    "quantity",
    "unitOfMeasure",
    "term",
    "sku",
    "description",
    "cost",
    "costTotal",
    "currencyCode",
    "subscriptionId",
];

fn head(vendor: Vendor) -> Vec<String> {
    match vendor {
        Vendor::Huntress => vec![OWN.to_string()],
        Vendor::Acronis => vec!["Usage of October".to_string(), String::new(), OWN.replace(',', ";")],
        Vendor::Pax8 => vec![PAX8.join(",")],
        Vendor::Microsoft => vec![
            "CustomerId,CustomerName,ProductId,SkuId,SkuName,ChargeType,Quantity,Subtotal,Currency,SubscriptionId,\
             ChargeStartDate,ChargeEndDate,TermAndBillingCycle,EffectiveUnitPrice,BillableQuantity,MeterDescription"
                .to_string(),
        ],
        Vendor::Keeper => vec!["company,company_id,product,licenses,rate,max_licenses".to_string()],
        Vendor::Datto => vec!["CustomerName,ProductType,MainId,SeatType,SeatState,Billable".to_string()],
    }
}

/// The file's own total of its quantities, in trueup's columns.
fn total_row(plan: &FilePlan, body: &[Line]) -> Option<String> {
    let separator = match plan.vendor {
        Vendor::Huntress => ",",
        Vendor::Acronis => ";",
        Vendor::Pax8 | Vendor::Microsoft | Vendor::Keeper | Vendor::Datto => return None,
    };
    let sum: Decimal = body.iter().filter_map(|l| l.held?.quantity).sum();
    let figure = if separator == ";" { sum.to_string().replace('.', ",") } else { sum.to_string() };
    // A sum with three places would itself mean two things.
    let mut cells = vec![String::new(); 16];
    (cells[4], cells[11]) = ("Total".to_string(), figure);
    (plan.total_row && sum.scale() != 3).then(|| cells.join(separator))
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_string() }
}

fn american(iso: &str) -> String {
    let parts: Vec<&str> = iso.split('-').collect();
    if let [y, m, d] = parts[..] { format!("{m}/{d}/{y}") } else { iso.to_string() }
}
