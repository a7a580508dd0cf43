//! The laws of DESIGN section 2, held over generated books. `plan` says what a book may be, `files` writes it
//! and knows what it wrote, `run` runs the engine and reads its outputs back; each other module is a law.
//! More cases than the default: `PROPTEST_CASES=500 cargo test --test laws`.

mod conservation;
mod deterministic;
mod faults;
mod files;
mod missing;
mod money;
mod order;
mod plan;
mod psa;
mod reach;
mod run;

/// `default` cases, or what `PROPTEST_CASES` says.
fn cases(default: u32) -> proptest::test_runner::Config {
    let stated = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok());
    proptest::test_runner::Config {
        cases: stated.unwrap_or(default),
        max_shrink_iters: 300,
        ..proptest::test_runner::Config::default()
    }
}
