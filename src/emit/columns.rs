//! The one table of the files a run writes: names, columns, what a row is, in which order rows stand.
//! Writers, docs and tests read it.

use std::borrow::Cow;

use crate::control::Bucket;

macro_rules! outputs {
    ($($variant:ident $file:literal $row:literal $order:literal [$($column:literal)*];)*) => {
        /// A file of `out/<period>/`, or of the folder that `tidy` writes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Output { $(#[doc = $file] $variant,)* }

        impl Output {
            /// In the order in which docs list them.
            pub const ALL: &'static [Output] = &[$(Output::$variant,)*];

            pub const fn file(self) -> &'static str {
                match self { $(Output::$variant => $file,)* }
            }

            /// What one row is.
            pub const fn row(self) -> &'static str {
                match self { $(Output::$variant => $row,)* }
            }

            /// The total order of the rows, in words.
            pub const fn order(self) -> &'static str {
                match self { $(Output::$variant => $order,)* }
            }

            const fn stated(self) -> &'static [&'static str] {
                match self { $(Output::$variant => &[$($column,)*],)* }
            }
        }
    };
}

outputs! {
    InvoiceLines "invoice_lines.csv" "a line item"
        "client_id, contract_id, contract_line_id, product_code, service_start, kind, line_id"
        ["line_id" "status" "kind" "client_id" "client_name" "contract_id" "contract_name" "contract_line_id"
         "product_code" "description" "service_start" "service_end" "metered_quantity" "quantity" "unit" "unit_price"
         "amount" "currency" "taxable" "tax_code" "account_code" "unit_cost" "cost" "margin" "discrepancy_id"];
    Discrepancies "discrepancies.csv" "a discrepancy"
        "severity (gravest first), currency, impact (largest first, unknown last), discrepancy_id, source, line, message"
        ["discrepancy_id" "code" "kind" "severity" "client_id" "client_name" "contract_id" "contract_line_id"
         "product_code" "product_name" "provider_name" "contract_quantity" "metered_quantity" "difference"
         "unit_price" "unit_cost" "impact" "currency" "owed_by" "action" "decision" "source" "line" "message"];
    QuantityChanges "quantity_changes.csv" "a change to make in the PSA"
        "client_id, contract_id, contract_line_id, product_code, effective_date, discrepancy_id"
        ["contract_id" "contract_line_id" "client_id" "product_code" "old_quantity" "new_quantity" "effective_date"
         "discrepancy_id"];
    ConnectWiseAdditions "connectwise_additions.csv" "an addition to patch (one with an id) or to create, with `--psa connectwise`"
        "agreementId, replaces (of an old addition its id), id (filled first)"
        ["agreementId" "id" "replaces" "product/identifier" "description" "quantity" "lessIncluded" "unitPrice"
         "unitCost" "billCustomer" "taxableFlag" "effectiveDate" "cancelledDate" "old_quantity" "new_quantity"
         "discrepancy_id"];
    AutotaskAdjustments "autotask_contract_service_adjustments.csv" "a ContractServiceAdjustment, or one of a bundle, to create, with `--psa autotask`"
        "contractID, contractServiceID, contractServiceBundleID"
        ["contractID" "contractServiceID" "serviceID" "contractServiceBundleID" "serviceBundleID" "effectiveDate"
         "unitChange" "old_quantity" "new_quantity" "discrepancy_id"];
    HaloPsaInvoiceLines "halopsa_recurring_invoice_lines.csv" "a line of a recurring invoice to update, with `--psa halopsa`"
        "recurring_invoice_id, id"
        ["recurring_invoice_id" "id" "_itemid" "qty_order" "old_quantity" "effective_date" "discrepancy_id"];
    Unmapped "unmapped.csv" "an account or SKU without a mapping"
        "what, currency, cost (largest first), provider_name, id, name, term"
        ["what" "provider_name" "id" "name" "term" "rows" "quantity" "cost" "currency" "suggested_id"
         "suggested_name" "score" "reason"];
    Rejects "rejects.csv" "a row that could not be used"
        "source, line, column"
        ["source" "line" "column" "code" "value" "message" "raw"];
    Duplicates "duplicates.csv" "a row dropped as a duplicate"
        "source, line"
        ["source" "line" "kept_source" "kept_line" "code"];
    Changes "changes.csv" "values of a file, column and rule that differ from their cells"
        "source, column (in the order of usage.csv), rule"
        ["source" "line" "column" "rule" "from" "to" "count"];
    Health "health.csv" "what makes a PSA record unclean"
        "kind, source, line, code, message"
        ["kind" "id" "name" "code" "cluster" "source" "line" "message"];
    Controls "controls.csv" "a file and currency (rows without one under an empty currency)"
        "source, currency"
        ["source" "sha256" "format" "provider_name" "rows_read" "quantity_read" "cost_read" "currency"];
    Verdicts "verdicts.csv" "a scope"
        "scope (run, provider, client), id, currency"
        ["scope" "id" "name" "verdict" "compared_lines" "discrepancies" "impact_recover" "impact_refund"
         "impact_dispute" "currency" "reason"];
    Lineage "lineage.parquet" "a usage row"
        "source, line"
        ["source" "line" "bucket" "line_id" "discrepancy_id" "code"];
    Summary "summary.json" "the run" "" [];
}

impl Output {
    /// The heading row. `controls.csv` has three columns for each bucket, from the table of buckets.
    pub fn columns(self) -> Vec<Cow<'static, str>> {
        let mut columns: Vec<_> = self.stated().iter().map(|c| Cow::Borrowed(*c)).collect();
        if self == Output::Controls {
            for bucket in Bucket::ALL {
                columns
                    .extend(["rows", "quantity", "cost"].map(|what| Cow::Owned(format!("{}_{what}", bucket.name()))));
            }
            columns.extend(["other_lines", "stated_total", "balanced"].map(Cow::Borrowed));
        }
        columns
    }
}

/// The orders stated in the table, as comparisons.
pub mod order {
    use std::cmp::Ordering;

    use crate::control::ControlRow;
    use crate::reconcile::{Discrepancy, LineItem, QuantityChange, Unmapped, VerdictRow};

    pub fn invoice_lines(a: &LineItem, b: &LineItem) -> Ordering {
        let key = |l: &LineItem| (l.service_start, l.kind);
        (&a.client_id, &a.contract_id, &a.contract_line_id, &a.product_code)
            .cmp(&(&b.client_id, &b.contract_id, &b.contract_line_id, &b.product_code))
            .then_with(|| key(a).cmp(&key(b)))
            .then_with(|| a.line_id.cmp(&b.line_id))
    }

    pub fn discrepancies(a: &Discrepancy, b: &Discrepancy) -> Ordering {
        b.severity
            .cmp(&a.severity)
            .then_with(|| a.currency.cmp(&b.currency))
            // `None` is the least, so the unknown impact comes last.
            .then_with(|| b.impact.cmp(&a.impact))
            .then_with(|| a.discrepancy_id.cmp(&b.discrepancy_id))
            .then_with(|| (&a.place, &a.message).cmp(&(&b.place, &b.message)))
    }

    pub fn quantity_changes(a: &QuantityChange, b: &QuantityChange) -> Ordering {
        (&a.client_id, &a.contract_id, &a.contract_line_id, &a.product_code)
            .cmp(&(&b.client_id, &b.contract_id, &b.contract_line_id, &b.product_code))
            .then_with(|| (a.effective_date, &a.discrepancy_id).cmp(&(b.effective_date, &b.discrepancy_id)))
    }

    pub fn unmapped(a: &Unmapped<'_>, b: &Unmapped<'_>) -> Ordering {
        (a.what, a.currency)
            .cmp(&(b.what, b.currency))
            .then_with(|| b.cost.cmp(&a.cost))
            .then_with(|| (a.provider_name, a.id, a.name, a.term).cmp(&(b.provider_name, b.id, b.name, b.term)))
    }

    pub fn controls(a: &ControlRow, b: &ControlRow) -> Ordering {
        (&a.source, a.currency).cmp(&(&b.source, b.currency))
    }

    pub fn verdicts(a: &VerdictRow, b: &VerdictRow) -> Ordering {
        (a.scope, &a.id, a.currency).cmp(&(b.scope, &b.id, b.currency))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn controls_have_rows_quantity_and_cost_of_every_bucket() {
        let columns = Output::Controls.columns();
        assert_eq!(columns.len(), 8 + 3 * Bucket::ALL.len() + 3);
        assert_eq!(columns[8..11], ["billed_rows", "billed_quantity", "billed_cost"]);
        assert_eq!(columns.last().map(AsRef::as_ref), Some("balanced"));
    }

    #[test]
    fn no_file_and_no_column_of_a_file_is_named_twice() {
        let files: BTreeSet<_> = Output::ALL.iter().map(|o| o.file()).collect();
        assert_eq!(files.len(), Output::ALL.len());
        for output in Output::ALL {
            let columns = output.columns();
            assert_eq!(columns.iter().collect::<BTreeSet<_>>().len(), columns.len(), "{}", output.file());
        }
    }

    #[test]
    fn an_order_names_only_columns_of_its_file() {
        for output in Output::ALL.iter().filter(|o| !o.order().is_empty()) {
            let columns = output.columns();
            let mut order = output.order().to_string();
            while let (Some(open), Some(close)) = (order.find('('), order.find(')')) {
                order.replace_range(open..=close, "");
            }
            for word in order.split(',') {
                assert!(columns.iter().any(|c| c == word.trim()), "{}: {word}", output.file());
            }
        }
    }
}
