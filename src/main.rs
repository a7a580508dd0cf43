//! Arguments → settings → command → exit code.

fn main() {}
