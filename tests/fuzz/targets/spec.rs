//! Any text as a format spec: a spec, or a fault within the text; and a spec that parses can be used.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trueup::format::{Registry, normalise, parse_spec};

fuzz_target!(|text: &str| {
    match parse_spec(text) {
        Ok(spec) => {
            let headings: Vec<String> =
                spec.tables.iter().flat_map(|t| t.known_headings()).map(normalise).collect();
            for table in &spec.tables {
                let _ = (table.counted(), table.bound_headings());
            }
            let mut registry = Registry::builtin();
            registry.add(spec);
            let _ = registry.fits(&headings);
        }
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
});
