//! docs/OUTPUTS.md: the files of a run, written from the table of outputs, with the meaning of each column.

use std::fmt::Write as _;

use super::columns::Output;
use crate::control::Bucket;

/// What a column holds: its type, and what it means. The first entry that fits file and name is the one.
struct Meaning {
    /// Empty for every file.
    file: &'static str,
    column: &'static str,
    holds: &'static str,
    means: &'static str,
}

macro_rules! meanings {
    ($($file:literal $column:literal $holds:literal $means:literal;)*) => {
        static MEANINGS: &[Meaning] =
            &[$(Meaning { file: $file, column: $column, holds: $holds, means: $means },)*];
    };
}

meanings! {
    "connectwise_additions.csv" "quantity" "decimal, units" "The new quantity; empty for an addition that is only cancelled.";
    "connectwise_additions.csv" "description" "text" "Of a new addition, as the old one has it.";
    "connectwise_additions.csv" "id" "text" "The addition to patch; empty for one to create.";
    "halopsa_recurring_invoice_lines.csv" "id" "text" "The line's id in the PSA.";
    "autotask_contract_service_adjustments.csv" "effectiveDate" "date" "From when.";
    "" "line_id" "id" "Short stable id of the line item: client, contract line or product, kind and period.";
    "lineage.parquet" "discrepancy_id" "id" "The discrepancy that the row's line or usage is part of, if any.";
    "invoice_lines.csv" "discrepancy_id" "id" "The first discrepancy that touches the line, if any.";
    "" "discrepancy_id" "id" "Short stable id: client, contract line or product, vendor and kind, without the period.";
    "invoice_lines.csv" "status" "word" "`ready`; `review`: an undecided discrepancy touches it and the quantity is the proposed one; `held`: it cannot be billed as it stands.";
    "invoice_lines.csv" "kind" "word" "`recurring`; `minimum`: what lacks to a minimum amount; `proration`: the truing up of what was billed in advance; `adjustment`; `one-time`. docs/BILLING.md says when each is billed.";
    "health.csv" "kind" "word" "`client`, `contract`, `contract_line` or `price_tier`.";
    "" "kind" "word" "The name of the code, as in `under-billed`.";
    "" "client_id" "text" "The client in the PSA.";
    "" "client_name" "text" "";
    "" "contract_id" "text" "The contract in the PSA.";
    "" "contract_name" "text" "";
    "invoice_lines.csv" "contract_line_id" "text" "The contract line in the PSA; empty for usage without one that was accepted.";
    "" "contract_line_id" "text" "The contract line in the PSA, if it is about one.";
    "" "product_code" "text" "The product in the PSA's catalogue.";
    "" "product_name" "text" "";
    "" "description" "text" "The contract line's description, else the product's name; where `unit_price` is empty, then what the amount is made of (`1000 at 0.10 = 100.00, 1500 at 0.08 = 120.00; 14 of 31 days`); and the stated exchange rate of its cost.";
    "" "service_start" "date" "First day of service.";
    "" "service_end" "date" "Last day of service.";
    "" "contract_quantity" "decimal, units" "What the PSA would bill, before the included part is taken off; empty without a contract line.";
    "" "metered_quantity" "decimal, units" "What the exports say was used; empty where nothing metered it.";
    "" "difference" "decimal, units" "Metered less contract.";
    "invoice_lines.csv" "quantity" "decimal, units" "Units billed, after included, minimum and maximum.";
    "" "quantity" "decimal, units" "As the vendor counts, over the rows.";
    "" "unit" "text" "The product's unit.";
    "invoice_lines.csv" "unit_price" "decimal, money" "Filled only where quantity × unit_price is the amount before rounding; else the description says the slices.";
    "" "unit_price" "decimal, money" "The price the impact was taken at.";
    "" "amount" "decimal, money" "Net, in the currency's minor unit; empty where the price is unknown.";
    "" "currency" "ISO 4217" "Of every amount in the row; empty where the source names none.";
    "" "taxable" "text" "As the PSA has it.";
    "" "tax_code" "text" "As the PSA has it.";
    "" "account_code" "text" "As the PSA has it.";
    "" "unit_cost" "decimal, money" "The vendor's where all its rows agree on one, else the PSA's.";
    "invoice_lines.csv" "cost" "decimal, money" "The line's share of the metered cost of the time it bills, a charge for several months in equal parts; else quantity × unit_cost.";
    "" "cost" "decimal, money" "What the vendor charges for the rows.";
    "" "margin" "decimal, money" "Amount less cost; empty where either is unknown.";
    "" "code" "code" "See FINDINGS.md.";
    "" "severity" "word" "`error`, `warning` or `info`.";
    "" "provider_name" "text" "The vendor.";
    "" "impact" "decimal, money" "How much money this period, never negative; empty where it is unknown. Of a cycle of several months the whole in the period that bills it, one month's share in the others.";
    "" "owed_by" "word" "`client`: revenue to recover; `msp`: money to give back; `vendor`: money to dispute; empty: nobody.";
    "" "action" "word" "What would settle it, as in `raise-quantity`, `cancel-line`, `supply-export`; empty if nothing is to be done.";
    "" "decision" "word" "`accept`, `keep`, `set` or `dismiss`, where one of decisions.csv holds.";
    "" "source" "path" "The file, relative to the book, with `/`.";
    "" "line" "integer" "The physical line in it, from 1 (JSON: the record's number).";
    "" "message" "text" "In a sentence.";
    "" "old_quantity" "decimal, units" "The contract line's quantity now.";
    "" "new_quantity" "decimal, units" "What it should be.";
    "" "effective_date" "date" "From when.";
    "" "agreementId" "text" "The agreement in the PSA.";
    "" "replaces" "text" "Of an addition to create, the one that is cancelled for it.";
    "" "product/identifier" "text" "The catalog item.";
    "" "lessIncluded" "decimal, units" "Of a new addition, as the old one has it; so are the columns up to taxableFlag.";
    "" "unitPrice" "decimal, money" "";
    "" "unitCost" "decimal, money" "";
    "" "billCustomer" "word" "`Billable`, `DoNotBill` or `NoCharge`.";
    "" "taxableFlag" "text" "";
    "" "effectiveDate" "date" "First day of an addition to create.";
    "" "cancelledDate" "date" "Last day of an addition to patch; of one to create, as the old one has it.";
    "" "contractID" "text" "The contract in the PSA.";
    "" "contractServiceID" "text" "The contract service; empty for a bundle.";
    "" "serviceID" "text" "";
    "" "contractServiceBundleID" "text" "The contract service bundle; empty for a service. Such rows are ContractServiceBundleAdjustments.";
    "" "serviceBundleID" "text" "";
    "" "unitChange" "integer, units" "New less old.";
    "" "recurring_invoice_id" "text" "The recurring invoice in the PSA.";
    "" "_itemid" "text" "The item in the PSA.";
    "" "qty_order" "decimal, units" "The new quantity.";
    "changes.csv" "column" "word" "The column of usage.csv.";
    "" "rule" "word" "`computed`: quantity × unit_cost; `constant`: the format states it; `date`: written otherwise; `default`: the cell is empty; `end_exclusive`: the last day became the day after; `joined`: of several cells; `null_word`: a word for empty; `number`: written otherwise; `other_currency`: an amount in another currency, at the rate beside it; `restored`: a `'` before what a spreadsheet would run was taken off; `trimmed`; `word`: the format's meaning of a word.";
    "" "from" "text" "The cell as it stands, of the first such change.";
    "" "to" "text" "What became of it.";
    "" "count" "integer" "How many values; 1 each with `--every-change`.";
    "" "cluster" "integer" "Records with one number are likely one company.";
    "health.csv" "id" "text" "The record's id in the PSA.";
    "" "what" "word" "`account` or `product`.";
    "" "id" "text" "The account's or SKU's id; of a verdict, the vendor or client.";
    "" "name" "text" "";
    "" "term" "ISO 8601" "The SKU's commitment term.";
    "" "rows" "integer" "Usage rows that hold it.";
    "" "suggested_id" "text" "The client or product it most likely means; never joined without a mapping.";
    "" "suggested_name" "text" "";
    "" "score" "decimal" "Likeness, 0 to 1.";
    "" "reason" "text" "Why.";
    "" "column" "integer" "The field in the line, from 1; empty or 0 where it is about the whole line.";
    "" "value" "text" "The offending text, as read.";
    "" "raw" "text" "The whole line, as it stands in the file.";
    "" "kept_source" "path" "Where the copy that is kept stands.";
    "" "kept_line" "integer" "";
    "" "sha256" "hex" "Of the file's bytes.";
    "" "format" "text" "The id of the format it was read as.";
    "" "rows_read" "integer" "Usage rows in the file.";
    "" "quantity_read" "decimal" "Their quantities, added up as the vendor counts.";
    "" "cost_read" "decimal, money" "Their costs, added up exactly.";
    "" "other_lines" "integer" "Titles, headings, totals, notes and blank lines, on the file's first row.";
    "" "stated_total" "decimal" "What the file's own total row states.";
    "" "balanced" "true, false" "Over the buckets, rows, quantity and cost are what was read.";
    "" "scope" "word" "`run`, `provider` or `client`.";
    "" "verdict" "word" "`ok`, `discrepant` or `not_reconcilable`.";
    "" "compared_lines" "integer" "Contract lines and accepted usage that were compared.";
    "" "discrepancies" "integer" "Open discrepancies.";
    "" "impact_recover" "decimal, money" "Owed by clients.";
    "" "impact_refund" "decimal, money" "Owed to clients.";
    "" "impact_dispute" "decimal, money" "Owed by vendors.";
    "" "bucket" "word" "Where the row ended.";
}

fn meaning(output: Output, column: &str) -> Option<&'static Meaning> {
    MEANINGS.iter().find(|m| m.column == column && (m.file.is_empty() || m.file == output.file()))
}

/// The page.
pub fn outputs_page() -> String {
    let mut text = String::from(INTRODUCTION);
    for output in Output::ALL {
        let _ = write!(text, "\n## {}\n\nA row is {}.", output.file(), output.row());
        if *output == Output::Summary {
            text.truncate(text.len() - "A row is the run.".len());
            text.push_str(SUMMARY);
            continue;
        }
        let _ = writeln!(text, " Order: {}.\n\n| column | holds | meaning |\n|---|---|---|", output.order());
        for column in output.columns() {
            let derived = Bucket::ALL.iter().any(|b| column.strip_prefix(b.name()).is_some_and(|c| c.starts_with('_')));
            if derived {
                continue;
            }
            if column == "other_lines" {
                buckets(&mut text);
            }
            if let Some(m) = meaning(*output, &column) {
                let _ = writeln!(text, "| {column} | {} | {} |", m.holds, m.means);
            }
        }
    }
    text
}

/// The three columns of each bucket, in one row of the page.
fn buckets(text: &mut String) {
    for bucket in Bucket::ALL {
        let name = bucket.name();
        let _ = writeln!(
            text,
            "| {name}_rows, {name}_quantity, {name}_cost | integer, decimal, decimal | {} |",
            bucket.meaning()
        );
    }
}

const INTRODUCTION: &str = "\
# Outputs

What `trueup reconcile` writes to `out/YYYY-MM/`. Written from the table of outputs. `trueup tidy -o DIR` writes
`rejects.csv`, `duplicates.csv`, `changes.csv` and, of PSA tables, `health.csv`, beside the rows themselves.

All files of a run appear together or not at all, and the same book gives the same bytes. What you put beside them, a
note or a spreadsheet, is kept by the next run; files named as below are the run's. A decision holds from its `from` until
the month before its `until`. Rows of a file that ends early are all rejected, I110: a file is read whole or not at all. In
`rejects.csv` a value longer than 200 characters ends in `…`, and a row longer than 32,000 in `… [n more characters]`. CSV is UTF-8 without a byte
order mark, `\\n`, a heading row in snake_case, quoted as RFC 4180 says; dates are ISO 8601; decimals have a point, no
thousands separators and no exponent; rows stand in the order stated.

## Text that a spreadsheet would run

A text cell is dangerous if, after any number of leading `'`, it begins with a tab or a line break, or its first
character that is no white space is one of `=`, `+`, `-`, `@` or their full-width forms. A dangerous cell is written
with one more leading `'`. To read it back, take one `'` off a cell that begins with `'` and is dangerous. Numbers,
dates and yes/no are written as they are. `lineage.parquet` and `summary.json` are not for spreadsheets and hold text
as it is.
";

const SUMMARY: &str = "\
The run in one JSON object. Amounts are text, since JSON numbers are binary floats to most readers.

| key | holds |
|---|---|
| program | name and version |
| period | the month |
| verdict | the run's verdict and its reason |
| counts | files, rows, rows per bucket, other lines, line items per status, discrepancies per code, unmapped |
| money | per currency: invoiced, recover, refund, dispute, unmapped_cost, rejected_cost, rounding_residue |
| rounding_residue | per invoice (client, contract, currency): `residue`, what billing added or took by rounding each line, and of it `whole_units`, by whole units; exact, but for a share of a period, which is to 12 places |
| vendor_rounding | per file and currency whose amounts are not simply quantity × unit cost: the `rounding` that explains most rows, how many it explains, how many no rounding does and by how much those differ, and by how much all do |
| inputs | every file of the book that was read: path, hash, size, format, rows |
| config_sha256 | of trueup.toml, null without one |
| findings | per code and cause: how often, and a few examples with their places |
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_one_meaning_and_every_meaning_a_column() {
        let columns: Vec<_> = Output::ALL.iter().map(|o| (*o, o.columns())).collect();
        for (output, columns) in &columns {
            for column in columns {
                let derived = Bucket::ALL.iter().any(|b| column.starts_with(&format!("{}_", b.name())));
                assert!(derived || meaning(*output, column).is_some(), "{}: {column}", output.file());
            }
        }
        for entry in MEANINGS {
            let used = columns.iter().any(|(output, columns)| {
                columns.iter().any(|c| meaning(*output, c).is_some_and(|m| std::ptr::eq(m, entry)))
            });
            assert!(used, "{} {}", entry.file, entry.column);
        }
    }

    /// `TRUEUP_BLESS=1` writes the page.
    #[test]
    fn the_page_is_what_the_table_says() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/OUTPUTS.md");
        let page = outputs_page();
        if std::env::var_os("TRUEUP_BLESS").is_some() {
            fs_err::write(&path, &page).expect("docs can be written");
        }
        let written = fs_err::read_to_string(&path).expect("docs/OUTPUTS.md");
        assert!(written == page, "docs/OUTPUTS.md is not what the table says; write it with TRUEUP_BLESS=1");
    }
}
