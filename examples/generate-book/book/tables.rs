//! The PSA's tables and the mappings that go with the rows: most contract lines agree with what was used, some
//! have too few units and some too many, some usage has no line and some lines no usage.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::names::{Names, cell, client_name};
use super::rows::{Joined, UNMAPPED_SKU};
use super::text::{account_id, decimal, provider};
use super::{Format, Plan, SKUS, Shape};

/// Contract lines by how they compare with usage.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct LineCounts {
    pub written: u64,
    pub agree: u64,
    pub under: u64,
    pub over: u64,
    /// Clients and products with usage and no line.
    pub not_on_contract: u64,
    pub no_usage: u64,
}

/// A third of the SKUs are joined by mapping, a third by id and a third by name.
fn joined_by(sku: usize) -> &'static str {
    ["mapping", "id", "name"][sku % 3]
}

pub fn sku_id(format: Format, sku: usize) -> String {
    match format {
        Format::MicrosoftNce => format!("CFQ7TTC0LH{sku:02}:0001"),
        Format::TrueupUsage | Format::Pax8Invoice => format!("MRD-{sku:04}"),
    }
}

/// In ten-thousandths.
pub fn unit_cost(sku: usize) -> i64 {
    12_500 + sku as i64 * 31_875
}

pub fn charge_description(sku: usize) -> String {
    let what = ["Endpoint", "Mailbox", "Backup", "Firewall", "Storage", "Helpdesk", "Licence", "Gateway"];
    format!("Managed {} {}", what[sku % 8], ["Basic", "Plus", "Complete"][sku / 8])
}

fn product_code(format: Format, sku: usize) -> String {
    if joined_by(sku) == "id" { sku_id(format, sku).to_lowercase() } else { format!("P-{sku:02}") }
}

fn product_name(sku: usize) -> String {
    if joined_by(sku) == "name" { charge_description(sku).to_uppercase() } else { format!("Service {sku:02}") }
}

pub fn write(plan: &Plan, names: &Names, units: &[i64], dir: &Path) -> io::Result<LineCounts> {
    let mut clients = "client_id,name,status,currency\n".to_string();
    let mut contracts = "contract_id,client_id,name,status,start_date,bill_cycle,bill_timing,currency\n".to_string();
    for client in 0..plan.clients {
        let _ = writeln!(clients, "C{client:06},{},active,USD", cell(&client_name(client)));
        let _ = writeln!(contracts, "K{client:06},C{client:06},Managed services,active,2025-01-01,monthly,arrears,USD");
    }
    let mut products = "product_code,name,unit,unit_price,unit_cost\n".to_string();
    let mut mapped = "provider_name,sku_id,product_code,status\n".to_string();
    for sku in (0..SKUS).filter(|sku| *sku != UNMAPPED_SKU) {
        let (code, cost) = (product_code(plan.format, sku), unit_cost(sku));
        let (price, cost) = (decimal(i128::from(cost * 5 / 4)), decimal(i128::from(cost)));
        let _ = writeln!(products, "{code},{},unit,{price},{cost}", product_name(sku));
        if joined_by(sku) == "mapping" {
            let _ = writeln!(mapped, "{},{},{code},mapped", provider(plan.format), sku_id(plan.format, sku));
        }
    }
    let put = |path: &str, text: String| fs_err::write(dir.join(path), text);
    put("psa/clients.csv", clients)?;
    put("psa/contracts.csv", contracts)?;
    put("psa/products.csv", products)?;
    put("map/products.csv", mapped)?;
    put("map/accounts.csv", accounts(plan, names))?;
    contract_lines(plan, units, dir)
}

fn accounts(plan: &Plan, names: &Names) -> String {
    let mut out = "provider_name,sub_account_id,sub_account_name,client_id,status\n".to_string();
    let provider = provider(plan.format);
    let with_ids = plan.format != Format::TrueupUsage;
    match plan.shape {
        Shape::UnmappedAccounts => return out,
        Shape::DistinctAccounts => {
            for client in 0..plan.clients.min(10) {
                let _ = writeln!(out, "{provider},,Site {client} *,C{client:06},mapped");
            }
            return out;
        }
        _ => {}
    }
    for name in 0..plan.names {
        let (client, status) = match plan.joined(name) {
            Joined::ByMapping => (format!("C{:06}", name % plan.clients), "mapped"),
            Joined::Internal => (String::new(), "internal"),
            Joined::ByName | Joined::ByNothing => continue,
        };
        let id = if with_ids { String::from_utf8_lossy(&account_id(1, name)).into_owned() } else { String::new() };
        let spelling = String::from_utf8_lossy(names.cell(name));
        let _ = writeln!(out, "{provider},{id},{spelling},{client},{status}");
    }
    out
}

fn contract_lines(plan: &Plan, units: &[i64], dir: &Path) -> io::Result<LineCounts> {
    let mut counts = LineCounts::default();
    let mut out = io::BufWriter::new(fs_err::File::create(dir.join("psa/contract_lines.csv"))?);
    writeln!(out, "contract_line_id,contract_id,product_code,quantity,unit_price,effective_date")?;
    for (index, &used) in units.iter().enumerate() {
        let (client, sku) = (index / SKUS, index % SKUS);
        if sku == UNMAPPED_SKU {
            continue;
        }
        let chance = plan.hash(index as u64, 6) % 1000;
        let (quantity, count) = match chance {
            _ if used == 0 && chance >= 10 => continue,
            _ if used == 0 => (50_000, &mut counts.no_usage),
            0..20 => {
                counts.not_on_contract += 1;
                continue;
            }
            20..60 => (used - (used + 9) / 10, &mut counts.under),
            60..100 => (used + used / 10 + 10_000, &mut counts.over),
            _ => (used, &mut counts.agree),
        };
        *count += 1;
        counts.written += 1;
        let (code, price) = (product_code(plan.format, sku), decimal(i128::from(unit_cost(sku) * 5 / 4)));
        let quantity = decimal(i128::from(quantity));
        writeln!(out, "L{index:08},K{client:06},{code},{quantity},{price},2025-01-01")?;
    }
    out.flush()?;
    Ok(counts)
}
