//! docs/FINDINGS.md and docs/codes/: the table of codes as pages, so that what a code says on screen and what
//! its page says are one text.

use std::fmt::Write as _;

use super::Code;

/// `docs/FINDINGS.md`: every code in one line.
pub fn findings_page() -> String {
    let mut text = String::from(
        "# Findings\n\n\
         Everything trueup has to say about data has a stable code. Written from the table in src/finding.rs.\n\n\
         `I` is about reading files, `T` about tidying rows, `M` about mapping, `R` about reconciling. An error means that \
         data was not used as it stands; a warning asks for a look; an info is for the record. A tolerance or the decision \
         `dismiss` lowers a discrepancy to an info.\n\n\
         | code | name | severity | means |\n|---|---|---|---|\n",
    );
    for code in Code::ALL {
        let _ = writeln!(
            text,
            "| [{id}](codes/{id}.md) | {} | {} | {} |",
            code.name(),
            code.severity(),
            code.meaning(),
            id = code.id(),
        );
    }
    text
}

/// `docs/codes/<ID>.md`.
pub fn code_page(code: Code) -> String {
    let example = code.example();
    let mut text = format!("# {code}\n\nSeverity: {}\n\n{}\n\n", code.severity(), code.meaning());
    if !example.detail.is_empty() {
        let _ = writeln!(text, "{}\n", example.detail);
    }
    let _ = match example.message {
        "" => writeln!(text, "This version of trueup does not raise it; the code is kept for it.\n"),
        message if code.id().starts_with('R') => {
            writeln!(text, "In discrepancies.csv, column `message`:\n\n```\n{message}\n```\n")
        }
        message => {
            let value = if example.value.is_empty() { String::new() } else { format!("{:?}", example.value) };
            let parts: Vec<&str> = [example.place, value.as_str()].into_iter().filter(|p| !p.is_empty()).collect();
            writeln!(
                text,
                "On screen:\n\n```\n{}[{code}]: {message}\n  {}\nhint: {}\n```\n",
                code.severity(),
                parts.join(": "),
                code.way_out(),
            )
        }
    };
    let _ = writeln!(text, "What to do: {}\n\n[All codes](../FINDINGS.md)", code.way_out());
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// `TRUEUP_BLESS=1` writes the pages.
    #[test]
    fn the_pages_are_what_the_table_says() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        let mut pages = vec![(docs.join("FINDINGS.md"), findings_page())];
        pages.extend(Code::ALL.iter().map(|c| (docs.join("codes").join(format!("{}.md", c.id())), code_page(*c))));
        if std::env::var_os("TRUEUP_BLESS").is_some() {
            fs_err::create_dir_all(docs.join("codes")).expect("docs can be made");
            for (path, page) in &pages {
                fs_err::write(path, page).expect("docs can be written");
            }
        }
        for (path, page) in &pages {
            let written = fs_err::read_to_string(path).expect("a page of every code");
            assert!(written == *page, "{} is not what the table says; write it with TRUEUP_BLESS=1", path.display());
        }
        let found = fs_err::read_dir(docs.join("codes")).expect("a folder");
        let found: BTreeSet<_> = found.map(|e| e.expect("an entry").path()).collect();
        assert_eq!(found, pages[1..].iter().map(|(path, _)| path.clone()).collect());
    }
}
