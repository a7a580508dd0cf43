//! Writes a book of any size, to measure and to test with: usage over several files, copies over files, rows
//! that cannot be read, names as vendors spell them, and the PSA's tables and mappings that go with them.
//! The same arguments write the same bytes anywhere. `made.json` says what is in the book.

mod book;

use std::io::Write;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::ExitCode;

use book::{Format, Plan, Shape};
use clap::Parser;

#[derive(Parser)]
#[command(about = "Write a book of any size, to measure and to test with")]
struct Args {
    /// The new book's folder; it must not be there, or be empty
    out_dir: PathBuf,
    /// Usage rows over all files, copies and rows that cannot be read among them
    #[arg(long)]
    rows: NonZeroU64,
    /// Files that the rows are spread over [default: 4; 10,000 in many small files, 1 in one large]
    #[arg(long)]
    files: Option<NonZeroU64>,
    #[arg(long, value_enum, default_value_t = Format::TrueupUsage)]
    format: Format,
    #[arg(long, value_enum, default_value_t = Shape::Usual)]
    shape: Shape,
    /// Clients in the PSA [default: one for every hundred rows, at most 5000; one up to 1000 rows]
    #[arg(long)]
    clients: Option<NonZeroU64>,
    /// Spellings of account names over all clients [default: eight a client]
    #[arg(long)]
    names: Option<NonZeroU64>,
    /// Rows that repeat one of an earlier file
    #[arg(long, value_name = "SHARE", default_value = "3%", value_parser = share)]
    duplicates: u64,
    /// Rows that cannot be read
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = share)]
    rejects: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let usual = Plan::usual(args.rows.get(), args.format, args.shape);
    let clients = args.clients.map_or(usual.clients, NonZeroU64::get);
    let plan = Plan {
        files: args.files.map_or(usual.files, NonZeroU64::get),
        clients,
        names: args.names.map_or(clients * 8, NonZeroU64::get),
        duplicates: args.duplicates,
        rejects: args.rejects,
        seed: args.seed,
        ..usual
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    match book::write(&plan, &args.out_dir, threads) {
        Ok(made) => {
            let text = serde_json::to_string_pretty(&made).unwrap_or_default();
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

/// A share as `3%` or `0.5%`, in millionths.
fn share(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no share of the rows; write it as in 3% or 0.5%");
    let number = text.strip_suffix('%').ok_or_else(wrong)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = format!("{fraction:0<4}");
    if fraction.len() > 4 {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let fraction: u64 = fraction.parse().map_err(|_| wrong())?;
    let millionths = whole.saturating_mul(10_000).saturating_add(fraction);
    if millionths > 500_000 { Err(format!("{text} is more than half of the rows")) } else { Ok(millionths) }
}
