//! Everything trueup has to say about data carries a stable code and a place. This is the one table
//! of codes: messages, docs and tests read it, so that a code is described in a single spot.

mod example;
mod pages;

use std::fmt;

pub use example::Example;
pub use pages::{code_page, findings_page};

/// How much a finding matters. `Error` findings mean data was not used as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Info,
    Warning,
    Error,
}

impl Severity {
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

macro_rules! codes {
    ($($code:ident $name:literal $severity:ident $meaning:literal $way_out:literal;)*) => {
        /// A stable finding code, `R401` and the like. The order is the order of the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $meaning] $code,)* }

        impl Code {
            /// Every code, in table order.
            pub const ALL: &'static [Code] = &[$(Code::$code,)*];

            /// The stable id, `R401`.
            pub const fn id(self) -> &'static str {
                match self { $(Code::$code => stringify!($code),)* }
            }

            /// The stable name, `under-billed`; also the `kind` of a discrepancy.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$code => $name,)* }
            }

            /// The severity a finding of this code has unless a tolerance or a decision lowers it.
            pub const fn severity(self) -> Severity {
                match self { $(Code::$code => Severity::$severity,)* }
            }

            /// One sentence: what it means.
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$code => $meaning,)* }
            }

            /// One sentence: what to do next.
            pub const fn way_out(self) -> &'static str {
                match self { $(Code::$code => $way_out,)* }
            }
        }
    };
}

codes! {
    I101 "unreadable-file" Error "The file could not be opened or decoded." "Put the export here anew as text (CSV or JSON), or fix its permissions; nothing of it was used.";
    I102 "unknown-format" Error "No known format has these headings." "Correct the headings, add a format spec to the book's formats/ folder, or take the file out of this folder.";
    I103 "missing-column" Error "A column the format requires is not in the file." "Export again with that column, or correct the format spec.";
    I104 "wrong-field-count" Error "A row has more or fewer fields than the heading row." "Look at the row for an unquoted delimiter or a cut-off end and export again.";
    I105 "bad-number" Error "A cell that must be a number is not one, or is not exact." "Correct the cell at the source and export again.";
    I106 "bad-date" Error "A cell that must be a date is not one, or names a day that does not exist." "Correct the cell at the source and export again.";
    I107 "ambiguous-date" Error "Every date of a column fits both day-month and month-day order." "State the order in a format spec (read.date_order).";
    I108 "not-utf8" Info "The file is not UTF-8 and was read in the encoding named." "Nothing, if the names look right; else export as UTF-8.";
    I109 "unbalanced-quote" Error "A quoted field is not closed where it should be." "Correct the quote at the place named and export again.";
    I110 "truncated-file" Error "The file ends in the middle of a row or of its compressed data." "Download the export again.";
    I111 "missing-value" Error "A row lacks a value that it needs, or has one that means nothing there." "Fill or correct the cell at its source and run again.";
    I112 "repeated-header" Info "The heading row stands again among the data." "Nothing: it was not counted as usage.";
    I113 "total-mismatch" Warning "An amount that the file states, of a total row or of rows, is not what it is made of." "Check with the vendor whether rows are missing, or why amounts differ from quantity × unit cost.";
    I114 "empty-file" Warning "The file has no data rows." "Export again, or remove the file if there was no usage.";
    I115 "out-of-period" Info "A row's dates lie outside the period its folder states." "Move the file to its own month, or check the export's date range.";
    I116 "format-drift" Info "The file has headings its format does not know, or lacks usual ones." "Nothing, if the known columns are right; else update the format spec.";
    I117 "lost-precision" Error "A spreadsheet turned an id or number into exponent notation and its digits are lost." "Export again without opening the file in a spreadsheet.";
    I118 "bad-currency" Error "A currency is not an ISO 4217 code." "Correct the cell at the source and export again.";
    T201 "duplicate-row" Info "The same line stands twice in one file; one is kept." "Nothing: the copy was not counted.";
    T202 "overlapping-export" Info "The same line stands in two exports; one is kept." "Nothing: the copy was not counted.";
    T203 "conflicting-duplicate" Warning "Two rows carry one identity and differ in content." "Find out which is right and take the other out; the message says which was used, if any.";
    T204 "suspected-duplicate" Info "Equal rows stand in one file of a format without line ids; both are kept." "Check with the vendor whether the purchase was made twice.";
    T205 "duplicate-client" Warning "Two client records look like the same company." "Merge them in the PSA, or ignore one.";
    T206 "stale-client" Info "A client has had no activity for long." "Set it inactive in the PSA, or ignore it.";
    T207 "incomplete-client" Info "A client record lacks values that billing needs." "Fill them in the PSA.";
    T208 "orphan-contract-line" Warning "A contract line names a contract, client or product that does not exist." "Correct the reference in the PSA and export again.";
    M301 "unmapped-account" Warning "A vendor account is joined to no client." "Add a row to map/accounts.csv; unmapped.csv says whom it may mean.";
    M302 "unmapped-product" Warning "A vendor SKU is joined to no product." "Add a row to map/products.csv; unmapped.csv says what it may mean.";
    M303 "ambiguous-name" Warning "An account name fits several clients." "Add a row to map/accounts.csv that says which.";
    M304 "mapped-to-missing" Error "A mapping names a client or product that the PSA does not have." "Correct the id in the mapping, or add the record to the PSA export.";
    M305 "mapped-to-inactive" Warning "A mapping names a client or product that is inactive." "Reactivate it in the PSA, or correct the mapping.";
    M306 "total-and-part-mapped" Warning "A total and a part of it are mapped to one product: the same units stand in both." "Map the metric that the contract bills by, and exclude the other.";
    M307 "unused-mapping" Info "A mapping row matched nothing in this period." "Nothing, or remove the row.";
    M308 "conflicting-mapping" Error "Two equally specific mapping rows disagree." "Make one row more specific, or remove one.";
    R401 "under-billed" Warning "The client used more than the contract bills." "Raise the contract quantity (quantity_changes.csv), or decide keep.";
    R402 "over-billed" Warning "The contract bills more than the client used." "Lower the contract quantity (quantity_changes.csv), or decide keep.";
    R403 "not-on-contract" Warning "The client used a product that no contract line bills." "Add a contract line in the PSA, or decide accept to bill at the catalogue price.";
    R404 "no-usage" Warning "A contract line bills a product of which the client used nothing." "Cancel the line in the PSA, or decide keep.";
    R405 "contract-ended" Warning "The client still uses a product whose contract line has ended." "Renew the line, or cancel the product at the vendor.";
    R406 "contract-not-started" Warning "The client already uses a product whose contract line starts later." "Move the start date, or bill the early units by deciding accept.";
    R407 "below-cost" Warning "A line is sold for less than it costs." "Raise the price, or renegotiate the cost.";
    R408 "cost-changed" Info "The vendor's unit cost differs from the contract's." "Update the cost in the PSA, and the price if it follows cost.";
    R409 "duplicate-contract-line" Warning "Two contract lines bill the same thing at the same time." "Cancel one of them in the PSA.";
    R410 "currency-mismatch" Warning "The contract's currency and the cost's differ." "State the period's rate under [fx] in trueup.toml.";
    R411 "disappeared" Warning "Usage that was present last period is absent now." "Check that the export is whole, and whether the client has left the vendor.";
    R412 "over-bundle" Warning "More components were used than the bundle covers." "Add bundle units, or bill the surplus.";
    R413 "unused-bundle" Info "Bundle units cover more components than were used." "Lower the bundle quantity, or keep it.";
    R414 "reduced-under-commitment" Warning "Usage fell below what the vendor's term still charges." "Keep billing the committed quantity until renewal.";
    R415 "vendor-overcharge" Warning "The vendor charges for more than it counted." "Dispute the difference with the vendor.";
    R416 "not-reconcilable" Warning "One side is missing or known to be incomplete, so nothing is concluded." "Supply what the message names: the export, the mapping, or the contract line.";
    R417 "decision-expired" Warning "A recorded decision no longer holds." "Decide again.";
    R418 "price-unknown" Warning "No price is known for a product that was used." "Add a unit_price to the product or the contract line.";
    R419 "incomplete-metering" Warning "A row that could not be read names this client and product." "Correct the row at the source and run again.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id(), self.name())
    }
}

/// Where in the book's files something stands. Lines and columns are 1-based; `line` is a physical
/// line (JSON: the record's number); `column` is the field's number in its row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// Relative to the book, with `/`.
    pub path: String,
    pub line: Option<u64>,
    pub column: Option<u64>,
}

impl Place {
    pub fn file(path: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, column: None }
    }

    pub fn line(path: impl Into<String>, line: u64) -> Self {
        Self { path: path.into(), line: Some(line), column: None }
    }

    pub fn cell(path: impl Into<String>, line: u64, column: u64) -> Self {
        Self { path: path.into(), line: Some(line), column: Some(column) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        Ok(())
    }
}

/// How much of an offending text is shown, in characters.
pub const SHOWN: usize = 200;

/// The first [`SHOWN`] characters of a text, with an ellipsis where it goes on: a cell can hold megabytes.
pub fn shown(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// One thing said about the data. `message` is a whole sentence without place or value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub code: Code,
    pub severity: Severity,
    pub place: Option<Place>,
    /// The offending text, as read.
    pub value: Option<String>,
    pub message: String,
}

impl Finding {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, severity: code.severity(), place: None, value: None, message: message.into() }
    }

    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(shown(value.into()));
        self
    }

    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

/// What is said of many rows alike, without their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    pub code: Code,
    pub severity: Severity,
    pub message: &'static str,
}

impl About {
    pub fn new(code: Code, message: &'static str) -> Self {
        Self { code, severity: code.severity(), message }
    }

    /// The finding on one row.
    pub fn at(self, place: Place) -> Finding {
        Finding::new(self.code, self.message).severity(self.severity).at(place)
    }
}

/// `path:line:column: error[I105 bad-number]: message: "value"`, the way out is left to the printer.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}[{}]: {}", self.severity, self.code, self.message)?;
        if let Some(value) = &self.value {
            write!(f, ": {value:?}")?;
        }
        Ok(())
    }
}
