//! The demo book, carried in the program. The list is the folder `examples/demo/`, file by file; a test holds
//! it to that.

use trueup::emit::BookFile;

macro_rules! demo_files {
    ($($path:literal)*) => {
        /// Paths within the book, in order, and their bytes.
        pub const DEMO_FILES: &[BookFile] =
            &[$(($path, include_bytes!(concat!("../../../examples/demo/", $path)) as &[u8]),)*];
    };
}

demo_files! {
    "README.md"
    "decisions.csv"
    "map/accounts.csv"
    "map/products.csv"
    "psa/clients.csv"
    "psa/contract_lines.csv"
    "psa/contracts.csv"
    "psa/products.csv"
    "trueup.toml"
    "usage/2026-09/datto-saas-seats.csv"
    "usage/2026-09/huntress-2026-09.csv"
    "usage/2026-09/microsoft-nce-2026-09.csv"
    "usage/2026-09/pax8-draft-2026-09-20.csv"
    "usage/2026-09/pax8-invoice-2026-09.csv"
    "usage/2026-10/datto-saas-seats.csv"
    "usage/2026-10/huntress-2026-10.csv"
    "usage/2026-10/keeper-msp-billing-report.csv"
    "usage/2026-10/microsoft-nce-2026-10.csv"
    "usage/2026-10/pax8-invoice-2026-10.json"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_list_is_the_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo");
        let mut found = Vec::new();
        for entry in walkdir::WalkDir::new(&root).into_iter().filter_map(Result::ok).filter(|e| e.file_type().is_file())
        {
            let path = entry.path().strip_prefix(&root).expect("below the root").to_string_lossy().replace('\\', "/");
            // What a run in the folder wrote is no part of the demo.
            if !path.starts_with("out/") {
                found.push(path);
            }
        }
        found.sort();
        assert_eq!(DEMO_FILES.iter().map(|(path, _)| *path).collect::<Vec<_>>(), found);
    }
}
