//! What each code looks like and when it comes, for its page in docs/codes/. Name, severity, meaning and way
//! out are in the table of codes and not repeated here.

use super::Code;

/// A case of a code, as a run says it, and what else a reader may want to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// `path:line:column`, empty where a finding names no place.
    pub place: &'static str,
    /// The offending text, empty where there is none.
    pub value: &'static str,
    /// Empty where this version does not raise the code.
    pub message: &'static str,
    pub detail: &'static str,
}

macro_rules! examples {
    ($($code:ident $place:literal $value:literal $message:literal $detail:literal;)*) => {
        impl Code {
            /// An example of the code, and when it comes.
            pub const fn example(self) -> Example {
                match self {
                    $(Code::$code => Example { place: $place, value: $value, message: $message, detail: $detail },)*
                }
            }
        }
    };
}

examples! {
    I101 "usage/2026-10/pax8.csv" "" "this is an Excel workbook (.xlsx), whatever its name says; open it and save the sheet as CSV"
        "The file's content decides, never its name. The file is left out, the \
         run goes on, and the vendor's side counts as incomplete: its shortfalls become R416.";
    I102 "usage/2026-10/notes.csv" "" "no known format has these headings"
        "Headings are matched without case, spacing or punctuation and in any order. `trueup formats list` names the \
         known formats and `trueup formats show ID` what each requires.";
    I103 "usage/2026-10/microsoft.csv:1" "BillableQuantity" "the file is of format microsoft-nce, but lacks what it requires"
        "Also where a heading that is read stands twice, since which one is meant is then not known.";
    I104 "usage/2026-10/pax8.csv:14" "" "the row has 26 fields where the headings have 27"
        "The row is rejected and listed in rejects.csv; of its fields no amount is taken, since which is which is not certain.";
    I105 "usage/2026-10/huntress-2026-10.csv:11:8" "12..5" "quantity: the thousands separators do not stand between groups of three digits"
        "Nothing is rounded or guessed. The row is rejected with what can still be read of it, and if it names a client \
         and product, R419 marks the line it would have fed.";
    I106 "usage/2026-10/microsoft.csv:9:28" "2/30/2026" "charge_period_start: the date's month has no day 30"
        "The order of day and month is the format's, or is decided from the whole column.";
    I107 "usage/2026-10/usage.csv:2:5" "3/4/2026" "charge_period_start: the date fits both day-month and month-day order"
        "One date of the column with a day above 12 would settle it. Nothing is billed on a guess.";
    I108 "usage/2026-09/huntress-2026-09.csv" "" "the file is not UTF-8 and was read as Windows-1252"
        "UTF-16 is recognised by its byte order mark. What is neither UTF-8 nor UTF-16 is read as Windows-1252.";
    I109 "usage/2026-10/pax8.csv:40000:3" "\"Acme" "the quote opened here is never closed"
        "Only the line where the quote opens is rejected; the rows behind it are read.";
    I110 "usage/2026-10/pax8.csv.gz" "" "the gzip data is cut off or damaged: 65536 bytes could be unpacked before it broke; nothing of them was used"
        "Also where a text file ends within a row or a character. The vendor's side counts as incomplete.";
    I111 "map/accounts.csv:3:4" "" "the row has no client_id, and is left out"
        "Which values a row needs is in docs/FORMATS.md for each format.";
    I112 "usage/2026-10/usage.csv:501" "" "the heading row stands again and was not counted as usage"
        "Exports that were joined by hand have these.";
    I113 "usage/2026-10/huntress.csv:16:11" "312,00" "the file's total row states 312 for \"cost\" and its rows add up to 305.7"
        "A total may be of the whole file or of the rows since the last total. The rows are used as they stand.";
    I114 "usage/2026-10/keeper.csv:1" "" "the file has headings and no rows"
        "What an empty file means is not known: perhaps nothing was used, perhaps the export failed.";
    I115 "usage/2026-10/pax8.csv:7" "" "the row's dates lie outside the period that its folder or name states"
        "The row's own dates rule: it counts in the month they name, wherever the file lies.";
    I116 "usage/2026-10/microsoft.csv:1" "" "the headings differ from format microsoft-nce: unknown headings, left out: Region"
        "Vendors add and rename columns without notice. What is known is read; what is not is named here.";
    I117 "usage/2026-10/microsoft.csv:5:9" "5.67E+17" "the id is in exponent notation: a spreadsheet has cut its digits off"
        "Opening an export in a spreadsheet and saving it changes long ids and numbers for good.";
    I118 "usage/2026-10/pax8.csv:3:25" "US$" "the currency is not an ISO 4217 code"
        "Amounts of different currencies are never added up, so an unknown one cannot be used.";
    T201 "usage/2026-10/acme.csv:9" "" "the same line stands earlier in this file; that one is kept"
        "Only in formats whose rows carry an identity of their own (`line_id`). duplicates.csv names both lines.";
    T202 "usage/2026-09/pax8-invoice-2026-09.csv:2" "" "the same row stands in another export; that one is kept"
        "Without an identity whole rows compare, by what they say and not by how their numbers are written, and the copies \
         kept are the largest number in any one file. duplicates.csv names both lines.";
    T203 "usage/2026-10/acme-2.csv:4" "" "a later export has this line with other content; that one is kept"
        "The later export is the one with the later date of its own. Where nothing orders them the severity is error and \
         all of them are rejected.";
    T204 "usage/2026-10/microsoft.csv:8" "" "an equal row stands before it in the same file; both are kept"
        "Two equal purchases are legal, so nothing is dropped.";
    T205 "psa/clients.csv:3" "Northwind Foods" "it looks like client C1, which has the same name (northwind foods)"
        "Said by `tidy` of PSA files. A row of map/ignore.csv with the client's id silences it.";
    T206 "psa/clients.csv:4" "Dover Plumbing" "its last activity was on 2024-01-05, and the newest of all clients on 2026-10-01"
        "Said by `tidy` of PSA files, of active clients; `--stale-months` says how long is long.";
    T207 "psa/clients.csv:5" "Fjord Dental" "neither it nor a contract of it has a currency"
        "Said by `tidy` of PSA files. Only columns that the tables have are judged.";
    T208 "psa/contract_lines.csv:12" "K-999" "contract line L-7 names a contract that does not exist, and is left out"
        "What the line bills is then unknown, so nothing is concluded from its absence.";
    M301 "usage/2026-10/pax8-invoice-2026-10.json:6" "Pax8 Gullhaven Marine (Boatyard)" "an account is joined to no client"
        "Only an exact id, a mapping or an unambiguous name joins. What the account used is in the bucket unmapped, and \
         shortfalls of the products it holds are R416 until it is mapped.";
    M302 "usage/2026-10/microsoft-nce-2026-10.csv:7" "Microsoft Microsoft 365 Copilot" "a SKU is joined to no product"
        "To leave a SKU out for good, map it with status `excluded`.";
    M303 "psa/clients.csv:4" "Acme" "the name of an account of Pax8 fits the clients C-1, C-2"
        "Names compare without case, width, spacing, punctuation and legal form; where two clients are then alike, \
         neither is taken.";
    M304 "map/accounts.csv:3" "C-99" "the mapping names a client that the PSA does not have, so its accounts stay unmapped"
        "Nothing falls back on the name: the mapping was meant.";
    M305 "map/accounts.csv:4" "C-7" "an account is joined to a client that is inactive in the PSA"
        "The usage still counts.";
    M306 "map/products.csv:8" "S1" "Acme counts this SKU of account \"Tidal Works\" as total and as assigned, and all are joined to product SEAT: total is what is metered"
        "An export may count one thing under several metrics.";
    M307 "map/products.csv:5" "" "the mapping row matched nothing in this period"
        "A mapping of a product that nobody used this month is no fault.";
    M308 "map/accounts.csv:5" "" "this row and map/accounts.csv:4 fit the same value equally well and disagree"
        "The row that fills more cells is the more specific one; a pattern is less specific than a name. What both fit \
         stays unmapped.";
    R401 "" "" "Managed Endpoint Detection: 47 used, only 40 on contract"
        "The impact is the difference of the two amounts that the line's own price gives, owed by the client. Under \
         billing `metered` the line proposes the metered quantity and waits in review.";
    R402 "" "" "Microsoft 365 Business Standard: 15 on contract, only 11 used"
        "The difference comes off the newest line of the product first. Owed by the MSP.";
    R403 "" "" "Power BI Pro: 3 used, and no contract line bills it"
        "The impact is at the catalogue price. Nothing is invoiced until the decision is `accept` or `set`.";
    R404 "" "" "Microsoft Teams Rooms Pro: 2 on contract, nothing used"
        "Only where an export of the vendor was there and known to be whole; else it is R416.";
    R405 "" "" "Keeper Business: 4 used, but contract line L-104-4 has ended"
        "The impact is at the ended line's price.";
    R406 "" "" "Managed Identity Detection: 7 used, but contract line L-110-5 starts on 2026-11-01"
        "The impact is at the later line's price.";
    R407 "" "" "contract line L-111-1 bills 14.00 and costs 15.00"
        "The impact is the loss of the bill cycle and is owed by nobody. A year paid up front costs its part in each of its months.";
    R408 "" "" "the vendor's unit cost is 22.18, the contract's 21.12"
        "Only where all the vendor's rows agree on one unit cost, in the contract's currency. A price for a year is divided by its months. The impact is \
         the difference times the metered quantity.";
    R409 "" "" "contract line L-107-3 repeats line L-107-2; the money is in the over-billing beside it"
        "Equal in contract, product, term and price, with dates that overlap.";
    R410 "" "" "the contract is in USD and the cost in EUR; without a stated rate the margin is unknown"
        "What the client is billed does not depend on it.";
    R411 "" "" "Harbor Dental: the account was in the export of Northstar in the period before and is not in this one's; it had Endpoint protection"
        "From the exports of the month before that the book still has. A whole account of a vendor is one question; the \
         money of its contract lines is R404's. Of an account that is still there, a recurring product that no line bills is \
         named for the record. Not where the vendor's export is missing or not whole.";
    R412 "" "" "Endpoint protection: 10 used, only 8 covered by the bundle on contract line L1"
        "Where no line of the component's own takes the rest. The impact is at the component's catalogue price, else that \
         of as many bundles as it takes, owed by the client; `accept` bills it. A bundle with a driver is metered, and is \
         R401 itself.";
    R413 "" "" "Managed seat: 12 on contract, 10 made use of (Endpoint protection 10 of 12)"
        "Of bundles that their contract line counts. The impact is the price of those that no component makes use of, owed \
         by the MSP; it is nothing where each is used for some component. The contract quantity is billed unless decided \
         otherwise. With a driver too many bundles are R402.";
    R414 "" "" "Endpoint protection: 10 used, and the vendor's term still charges 13, of which 10 are billed"
        "Where an export has what was bought for a year or longer beside the count that is metered (a mapping excludes one). \
         What the term charges is not given up: the contract quantity stands as far as it goes. The impact is what the MSP \
         pays for and does not bill, at the vendor's unit cost, and is owed by nobody; it is an info where all is billed.";
    R415 "" "" "Endpoint protection: Northstar charges 12 and counts 10 for account ns-1"
        "A count under the metric `billed`, `charged`, `invoice` or `invoiced` is what is charged; else, of two exports in \
         different formats, the one with money beside one without. The units are counted once. The impact is what was charged \
         too much, at the unit cost. Charging less is no dispute, and a count that may be short disputes nothing.";
    R416 "" "" "Keeper Business: nothing is concluded, because no export of Keeper for this period was read"
        "Missing is not zero: there is no impact, the contract quantity stands and the line waits in review.";
    R417 "" "" "the decision on d3x9resrexkat (R402 over-billed) no longer holds"
        "Its `until` has come, or the difference has grown past the one it was made on.";
    R418 "" "" "contract line L-7 cannot be priced: no price is known"
        "The line item is held, without an amount; unknown is never 0.";
    R419 "" "" "Managed Endpoint Detection: 1 row of Ironquill Press could not be read, so the metered quantity may be short"
        "The line waits in review, and a shortfall on it is not concluded on.";
}
