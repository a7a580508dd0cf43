//! The side of the MSP: PSA tables, mappings, settings.

use std::fmt::{self, Write as _};
use std::path::Path;

use rust_decimal::Decimal;

use super::plan::{CURRENCIES, ContractPlan, Item, LinePlan, Number, Plan, TERMS, VENDORS, Vendor};

const NAMES: &[&str] = &["Larkspur Bakery", "Tidal Works", "Zoë & Søn", "Quill Law", "Old Mill Dairy"];
const STARTS: &[&str] = &["", "2025-01-01", "2026-08-01"];
const ENDS: &[&str] = &["", "", "", "2026-09-15", "2026-10-25", "2027-01-01"];
const EFFECTIVE: &[&str] = &["", "", "2026-01-01", "2026-11-05", "2026-10-10", "2026-11-05"];
const CANCELLED: &[&str] = &["", "", "", "2026-09-30", "2026-10-20", "2027-12-31"];
const CYCLES: &[&str] = &["monthly", "monthly", "", "", "quarterly", "annual"];
const PRORATION: &[&str] = &["", "none", "actual_days", "thirty_days"];
const BILLING: &[&str] = &["", "", "", "metered", "contract", "greater"];
const WHOLE_UNITS: &[&str] = &["", "", "", "", "no", "up", "down", "nearest"];
const MULTIPLIERS: &[&str] = &["", "", "", "2", "0.001"];
const RULES: &[&str] = &["", "", "", "sum", "max", "last", "average", "prorated"];
const CONFIGS: &[&str] = &[
    "",
    "",
    "",
    "",
    "[rounding]\nmode = \"half_even\"\n",
    "[tolerance]\nunits = 2\n",
    "[billing]\nmapped = \"greater\"\n",
    "[proration]\nrule = \"actual_days\"\n",
];

/// What an account of a vendor stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    Client(usize),
    SecondOfFirstClient,
    Pattern,
    Internal,
    Excluded,
    Nobody(usize),
}

/// A failing book is shown as its files: that is what a person can read and reproduce.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usage = self.usage().into_iter().map(|file| (file.source.clone(), file.text()));
        for (name, text) in self.psa().into_iter().map(|(name, text)| (name.to_string(), text)).chain(usage) {
            write!(f, "\n--- {name}\n{text}")?;
        }
        write!(f, "\n--- decisions {:?}", self.decisions)
    }
}

impl Plan {
    pub fn client_of(&self, contract: &ContractPlan) -> usize {
        contract.client % self.clients
    }

    pub fn contract_of(&self, line: &LinePlan) -> usize {
        line.contract % self.contracts.len()
    }

    pub fn product_of(&self, line: &LinePlan) -> usize {
        line.product % self.products.len()
    }

    pub fn half_even(&self) -> bool {
        CONFIGS[self.config].contains("half_even")
    }

    pub fn means(&self, account: usize) -> Means {
        match (account % (self.clients + 6)).checked_sub(self.clients) {
            None => Means::Client(account % (self.clients + 6)),
            Some(0) => Means::Internal,
            Some(1) => Means::Excluded,
            Some(2) => Means::Pattern,
            Some(3) => Means::SecondOfFirstClient,
            Some(n) => Means::Nobody(n),
        }
    }

    /// Id and name of an account as the vendor writes them.
    pub fn account(&self, vendor: Vendor, account: usize) -> (String, String) {
        let of = vendor.name();
        match self.means(account) {
            Means::Client(i) => (format!("{of}-a{i}"), NAMES[i].to_string()),
            Means::SecondOfFirstClient => (format!("{of}-b0"), "Warehouse".to_string()),
            Means::Pattern => (format!("{of}-p"), format!("servers-m-{of}")),
            Means::Internal => (format!("{of}-own"), "Our Own Use".to_string()),
            Means::Excluded => (format!("{of}-out"), "Left Out".to_string()),
            Means::Nobody(n) => (format!("{of}-n{n}"), format!("Nobody {n}")),
        }
    }

    /// The id of a SKU: of a product, of none, excluded, or a product code itself.
    pub fn sku(&self, sku: usize) -> String {
        let n = self.products.len();
        match (sku % (n + 4)).checked_sub(n) {
            None => format!("S{}", sku % (n + 4)),
            Some(2) => "FREE".to_string(),
            Some(3) => "P0".to_string(),
            Some(x) => format!("X{x}"),
        }
    }

    /// First and last day that a contract line is active, if it is on any day of the period. ISO dates
    /// compare as text.
    pub fn is_active(&self, line: &LinePlan) -> bool {
        let contract = &self.contracts[self.contract_of(line)];
        let or = |text: &'static str, other: &'static str| if text.is_empty() { other } else { text };
        let from = or(EFFECTIVE[line.effective], "0").max(or(STARTS[contract.start], "0"));
        let to = or(CANCELLED[line.cancelled], "9").min(or(ENDS[contract.end], "9"));
        contract.active && from <= to && from <= "2026-10-31" && to >= "2026-10-01"
    }

    /// In arrears a cycle is billed when it ends, or the contract does: what a line that ended earlier in it was
    /// used for is billed then, though the line is active no more. ISO dates compare as text.
    pub fn closes(&self, line: &LinePlan) -> bool {
        let contract = &self.contracts[self.contract_of(line)];
        let from_august = STARTS[contract.start] == "2026-08-01";
        let (start, last) = match (CYCLES[contract.cycle], from_august) {
            ("quarterly", true) => ("2026-08-01", "2026-10-31"),
            ("quarterly", false) => ("2026-10-01", "2026-12-31"),
            ("annual", true) => ("2026-08-01", "2027-07-31"),
            ("annual", false) => ("2026-01-01", "2026-12-31"),
            _ => return false,
        };
        let or = |text: &'static str, other: &'static str| if text.is_empty() { other } else { text };
        let from = or(EFFECTIVE[line.effective], "0").max(or(STARTS[contract.start], "0"));
        let to = or(CANCELLED[line.cancelled], "9").min(or(ENDS[contract.end], "9"));
        let billed_now = or(ENDS[contract.end], "9").min(last).starts_with("2026-10");
        contract.active && !contract.advance && billed_now && from <= to && to >= start && to < "2026-10-01"
    }

    /// Whether any row is of consumption, which is billed in the month it is used.
    pub fn has_consumption(&self) -> bool {
        let is_usage = |item: &Item| matches!(item, Item::Row(row) if row.category == 0);
        self.files.iter().flat_map(|file| &file.items).any(is_usage)
    }

    /// Every file but usage and decisions, by name.
    fn psa(&self) -> Vec<(&'static str, String)> {
        let mut out = vec![
            ("psa/clients.csv", self.clients_csv()),
            ("psa/products.csv", self.products_csv()),
            ("psa/contracts.csv", self.contracts_csv()),
            ("psa/contract_lines.csv", self.contract_lines_csv()),
            ("map/accounts.csv", self.accounts_csv()),
            ("map/products.csv", self.skus_csv()),
            ("map/bundles.csv", self.bundles_csv()),
        ];
        if !CONFIGS[self.config].is_empty() {
            out.push(("trueup.toml", CONFIGS[self.config].to_string()));
        }
        out
    }

    /// Writes everything but usage and decisions.
    pub fn write_psa(&self, root: &Path) {
        for folder in ["psa", "map", "usage"] {
            std::fs::create_dir_all(root.join(folder)).expect("made");
        }
        for (name, text) in self.psa() {
            std::fs::write(root.join(name), text).expect("written");
        }
    }

    fn clients_csv(&self) -> String {
        let mut out = "client_id,name,currency\n".to_string();
        for (i, name) in NAMES.iter().enumerate().take(self.clients) {
            let _ = writeln!(out, "C{i},\"{name}, Inc.\",{}", CURRENCIES[self.client_currency]);
        }
        out
    }

    fn products_csv(&self) -> String {
        let mut out = "product_code,name,unit_price,unit_cost,whole_units\n".to_string();
        for (j, p) in self.products.iter().enumerate() {
            let whole = WHOLE_UNITS[p.whole_units];
            let _ = writeln!(out, "P{j},Managed Thing {j},{},{},{whole}", cell(p.unit_price), cell(p.unit_cost));
        }
        out.push_str("B0,Bundle of Things,10.50,,\n");
        out
    }

    fn contracts_csv(&self) -> String {
        let mut out =
            "contract_id,client_id,name,status,start_date,end_date,bill_cycle,bill_timing,currency,proration\n"
                .to_string();
        for (k, c) in self.contracts.iter().enumerate() {
            let _ = writeln!(
                out,
                "K{k},C{},Agreement {k},{},{},{},{},{},{},{}",
                self.client_of(c),
                if c.active { "active" } else { "inactive" },
                STARTS[c.start],
                ENDS[c.end],
                CYCLES[c.cycle],
                if c.advance { "advance" } else { "" },
                CURRENCIES[c.currency],
                PRORATION[c.proration],
            );
        }
        out
    }

    fn contract_lines_csv(&self) -> String {
        let mut out = "contract_line_id,contract_id,product_code,quantity,included_quantity,minimum_quantity,\
                       maximum_quantity,minimum_amount,unit_price,discount_percent,pricing_model,effective_date,\
                       cancelled_date,term,billing\n"
            .to_string();
        let few = |n: Option<u8>| n.map(|n| n.to_string()).unwrap_or_default();
        for (k, l) in self.lines.iter().enumerate() {
            let _ = writeln!(
                out,
                "L{k},K{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
                self.contract_of(l),
                // One product is sold as a bundle and by no vendor.
                if l.product == 4 { "B0".to_string() } else { format!("P{}", self.product_of(l)) },
                l.quantity.decimal(),
                few(l.included),
                few(l.minimum),
                few(l.maximum),
                few(l.minimum_amount),
                cell(l.unit_price),
                few(l.discount),
                if l.flat { "flat" } else { "" },
                EFFECTIVE[l.effective],
                CANCELLED[l.cancelled],
                TERMS[l.term],
                BILLING[l.billing],
            );
        }
        out
    }

    fn bundles_csv(&self) -> String {
        let mut out = "bundle_code,component_code,quantity_per_bundle,driver\n".to_string();
        for b in &self.bundles {
            // P9 is no product.
            let component = if b.component == 4 { 9 } else { b.component % self.products.len() };
            let (bundle, driver) = (if b.bundle == 0 { "B0" } else { "P0" }, if b.driver { "yes" } else { "" });
            let _ = writeln!(out, "{bundle},P{component},{},{driver}", ["", "3", "3", "0.5"][b.quantity]);
        }
        out
    }

    fn accounts_csv(&self) -> String {
        let mut out =
            "provider_name,sub_account_id,sub_account_name,client_id,status,valid_from,valid_to,note\n".to_string();
        for vendor in VENDORS {
            for account in 0..self.clients + 4 {
                let (id, name) = self.account(*vendor, account);
                // Datto knows its customers by name alone.
                let (id, name) = if *vendor == Vendor::Datto { (String::new(), name) } else { (id, String::new()) };
                let of = vendor.name();
                let _ = match self.means(account) {
                    Means::Client(i) if self.accounts_mapped[*vendor as usize * 6 + i] => {
                        writeln!(out, "{of},{id},{name},C{i},,,,")
                    }
                    Means::SecondOfFirstClient => writeln!(out, "{of},{id},{name},C0,mapped,2026-01-01,,"),
                    Means::Internal => writeln!(out, "{of},{id},{name},,internal,,,"),
                    Means::Excluded => writeln!(out, "{of},{id},{name},,excluded,,,"),
                    Means::Client(_) | Means::Pattern | Means::Nobody(_) => Ok(()),
                };
            }
        }
        out.push_str(",,servers-m-*,C0,,,,all servers\n");
        out
    }

    fn skus_csv(&self) -> String {
        let mut out = "provider_name,sku_id,charge_description,term,metric,product_code,multiplier,rule,status,\
                       valid_from,valid_to,note\n"
            .to_string();
        for vendor in VENDORS {
            let of = vendor.name();
            for j in 0..self.products.len() {
                let mapping = &self.skus_mapped[*vendor as usize * 4 + j];
                if !mapping.mapped {
                    continue;
                }
                let sku = vendor.sku_id(&format!("S{j}"));
                let terms = format!("{},{}", MULTIPLIERS[mapping.multiplier], RULES[mapping.rule]);
                if let Some(then) = mapping.then {
                    let other = then % self.products.len();
                    let _ = writeln!(out, "{of},{sku},,,,P{j},{terms},,,2026-10-14,");
                    let _ = writeln!(out, "{of},{sku},,,,P{other},{terms},,2026-10-15,,");
                } else {
                    let _ = writeln!(out, "{of},{sku},,,,P{j},{terms},,,,");
                }
            }
            let _ = writeln!(out, "{of},{},,,,,,,excluded,,,", vendor.sku_id("FREE"));
        }
        out
    }
}

impl Vendor {
    /// Microsoft's SKUs are two ids joined.
    pub fn sku_id(self, sku: &str) -> String {
        if self == Vendor::Microsoft && sku != "P0" { format!("{sku}:0001") } else { sku.to_string() }
    }
}

fn cell(number: Option<Number>) -> String {
    number.map(Number::decimal).as_ref().map(Decimal::to_string).unwrap_or_default()
}
