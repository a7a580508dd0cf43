//! docs/FORMATS.md, written from the specs, so that what is documented is what is read.

use std::fmt::Write;

use super::troubles::TROUBLES;
use super::{DecimalRule, From, MeterRule, PeriodEnd, PeriodSource, Registry, Spec, Step, TableKind, TableSpec};

/// The page: one section per format, in registry order.
pub fn formats_page(registry: &Registry) -> String {
    let mut page = String::from(
        "# Formats\n\n\
         What trueup reads, written from the specs in `src/format/specs/` (`trueup formats show ID` prints one). A \
         file is recognised by its headings, whatever its name: without case, spacing or punctuation, in any order. \
         Headings a format does not know are left out and reported as `I116`. A book's own specs go into its \
         `formats/` folder and use the same vocabulary, described at the top of `src/format/spec.rs` and, for editors, in \
         [format-spec.schema.json](format-spec.schema.json).\n\n\
         | format | holds | provider |\n|---|---|---|\n",
    );
    for spec in registry.iter() {
        let kinds: Vec<&str> = spec.tables.iter().map(|t| t.kind.word()).collect();
        let provider = if spec.provider.is_empty() { "named in the file" } else { &spec.provider };
        line(&mut page, format_args!("| [{0}](#{0}) | {1} | {2} |", spec.id, kinds.join(", "), provider));
    }
    troubles(&mut page);
    for spec in registry.iter() {
        section(&mut page, spec);
    }
    page
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(page, "{text}");
}

fn troubles(page: &mut String) {
    line(
        page,
        format_args!(
            "\n## Troubles\n\nWhat becomes of files that are not as they should be. A refusal names file, line and \
             field; the tests named hold each row.\n\n| trouble | read | refused | tests |\n|---|---|---|---|"
        ),
    );
    for trouble in TROUBLES {
        let cell = |text: &str| if text.is_empty() { "–".to_string() } else { text.replace('|', "\\|") };
        let tests: Vec<String> = trouble.tests.iter().map(|t| format!("`{t}`")).collect();
        let (read, refused) = (cell(trouble.read), cell(trouble.refused));
        line(page, format_args!("| {} | {read} | {refused} | {} |", cell(trouble.name), tests.join(", ")));
    }
}

fn section(page: &mut String, spec: &Spec) {
    line(page, format_args!("\n## {}\n\n{}\n", spec.id, spec.notes.trim()));
    line(page, format_args!("Knowledge of {}; source: {}.", spec.version, spec.source.trim_end_matches('.')));
    for table in &spec.tables {
        if spec.tables.len() > 1 {
            line(page, format_args!("\n### {}: {}", spec.id, table.kind.word()));
        }
        table_section(page, table);
    }
}

fn table_section(page: &mut String, table: &TableSpec) {
    let required: Vec<String> = table.recognise.required.iter().map(|any| quoted(any, " or ")).collect();
    line(page, format_args!("\nRecognised by {}.", required.join(", ")));
    if !table.recognise.versions.is_empty() {
        let versions = table.recognise.versions.iter().map(|v| match v.headings.as_slice() {
            [] => format!("else {}", v.version),
            some => format!("{} with any of {}", v.version, quoted(some, ", ")),
        });
        line(page, format_args!("\nVersion {}.", versions.collect::<Vec<_>>().join("; ")));
    }
    line(page, format_args!("\n| column | from |\n|---|---|"));
    for column in &table.columns {
        let steps: Vec<String> = column.steps.iter().map(step_words).collect();
        line(page, format_args!("| {} | {} |", column.name, steps.join("; else ")));
    }
    line(page, format_args!(""));
    for rule in reading_rules(table) {
        line(page, format_args!("- {rule}"));
    }
}

fn quoted(headings: &[String], with: &str) -> String {
    headings.iter().map(|h| format!("`{h}`")).collect::<Vec<_>>().join(with)
}

fn step_words(step: &Step) -> String {
    let mut text = match &step.from {
        From::Heading(heading) => format!("`{heading}`"),
        From::Constant(constant) => return format!("always “{constant}”"),
        From::Join(parts, with) => {
            parts.iter().map(|p| format!("`{p}`")).collect::<Vec<_>>().join(&format!(" {with} "))
        }
    };
    if let Some(parts) = &step.parts {
        let _ = write!(text, " split at `{}`, part {}", parts.separator, parts.first);
        if parts.last > parts.first {
            let _ = write!(text, " to {}", parts.last);
        }
    }
    if !step.words.is_empty() {
        let words: Vec<String> = step
            .words
            .iter()
            .map(|w| format!("“{}” → {}", w.word, if w.means.is_empty() { "empty" } else { &w.means }))
            .collect();
        let _ = write!(text, " ({}", words.join(", "));
        match step.otherwise.as_deref() {
            None => text.push(')'),
            Some("") => text.push_str(", otherwise empty)"),
            Some(other) => {
                let _ = write!(text, ", otherwise {other})");
            }
        }
    }
    if !step.prefix.is_empty() {
        let _ = write!(text, " with “{}” before it", step.prefix);
    }
    if let Some(unless) = &step.unless {
        let _ = write!(text, " unless `{}` is {}", unless.heading, quoted(&unless.words, ", "));
    }
    text
}

fn reading_rules(table: &TableSpec) -> Vec<String> {
    let mut rules = Vec::new();
    let usage = table.kind == TableKind::Usage;
    rules.push(match table.read.date_order {
        Some(order) => format!("Dates: {}; ISO 8601 always.", order.word()),
        None => "Dates: the order is decided from the file, and refused where two fit (`I107`).".into(),
    });
    rules.push(match table.read.decimal {
        Some(DecimalRule::Point) => {
            "Numbers: decimal point; in a file delimited by `;` decided per column from the file.".into()
        }
        Some(DecimalRule::Comma) => "Numbers: decimal comma.".into(),
        None => {
            "Numbers: decimal point or comma is decided per column from the file, and refused where two fit.".into()
        }
    });
    if table.read.neutralised {
        rules.push("Text that a spreadsheet would run stands behind a `'`, which is taken off.".into());
    }
    if let Some(within) = &table.read.within {
        rules.push(format!(
            "JSON: the objects of `{within}` in each record of another table; `header/…` is the record's own."
        ));
    }
    if let Some(sheet) = &table.read.sheet {
        rules.push(format!("Workbooks: the sheet `{sheet}`."));
    }
    if !table.read.null_words.is_empty() {
        rules.push(format!("Cells that mean “empty”: {}.", quoted(&table.read.null_words, ", ")));
    }
    if usage {
        rules.push(match table.read.period {
            PeriodSource::Charge => match table.read.period_end {
                PeriodEnd::Inclusive => "Period: the row's dates; the end is the last day.".into(),
                PeriodEnd::Exclusive => "Period: the row's dates; the end is the day after the last.".into(),
            },
            PeriodSource::Folder => "Period: the folder or file name, where rows carry no date.".into(),
        });
        if !table.read.exchange_rate.is_empty() {
            rules.push(format!(
                "The unit cost is in another currency where {} is not 1: it is then left empty, and the cost is held against \
                 quantity × unit cost × rate.",
                quoted(&table.read.exchange_rate, " or ")
            ));
        }
        if !table.read.require.is_empty() {
            let needed: Vec<&str> = table.read.require.iter().map(|n| n.word()).collect();
            rules.push(format!("A row needs: {}.", needed.join(", ")));
        }
        rules.push(format!(
            "Metered by: {}, unless the mapping says otherwise.",
            match table.meter {
                MeterRule::Sum => "sum",
                MeterRule::Max => "max",
                MeterRule::Last => "last",
                MeterRule::Average => "average",
                MeterRule::Prorated => "prorated",
            }
        ));
        rules.push(if table.identity.is_empty() {
            "Identity: none; whole rows compare.".into()
        } else {
            format!("Identity: {}.", quoted(&table.identity, ", "))
        });
    }
    if !table.exported.is_empty() {
        rules.push(format!("The export's own date: {}.", quoted(&table.exported, ", else ")));
    }
    for own in &table.each {
        let told = own.iter().flat_map(|c| c.steps.iter().map(move |s| (c.name.as_str(), &s.from)));
        let told: Vec<String> = told
            .map(|(name, from)| match from {
                From::Heading(heading) => format!("{name} `{heading}`"),
                From::Constant(constant) => format!("{name} “{constant}”"),
                From::Join(parts, _) => format!("{name} {}", quoted(parts, ", ")),
            })
            .collect();
        rules.push(format!("Each row counts, as a usage row of its own: {}.", told.join(", ")));
    }
    for rule in &table.exclude {
        rules.push(format!("Left out where `{}` is {}: {}.", rule.heading, quoted(&rule.words, ", "), rule.reason));
    }
    for rule in &table.cost_only {
        rules.push(format!("Cost alone where `{}` is {}: {}.", rule.heading, quoted(&rule.words, ", "), rule.reason));
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `TRUEUP_BLESS=1` writes the page.
    #[test]
    fn the_page_is_what_the_specs_say() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/FORMATS.md");
        let page = formats_page(&Registry::builtin());
        if std::env::var_os("TRUEUP_BLESS").is_some() {
            fs_err::create_dir_all(path.parent().expect("a folder")).expect("docs can be made");
            fs_err::write(&path, &page).expect("docs can be written");
        }
        let written = fs_err::read_to_string(&path).expect("docs/FORMATS.md");
        assert!(written == page, "docs/FORMATS.md is not what the specs say; write it with TRUEUP_BLESS=1");
    }
}
