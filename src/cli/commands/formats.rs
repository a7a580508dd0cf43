//! `trueup formats [list, show ID, new FILE]`.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use trueup::engine::registry_of;
use trueup::ingest::draft_spec;

use crate::cli::ExitStatus;
use crate::cli::printer::Printer;
use crate::cli::report::bare;
use crate::cli::settings::{FormatsAsk, FormatsSettings};

pub fn run(settings: &FormatsSettings, printer: &Printer) -> anyhow::Result<ExitStatus> {
    match &settings.ask {
        FormatsAsk::List => {
            let known = known(settings)?;
            if printer.json() {
                let mut text = serde_json::to_string_pretty(&known)?;
                text.push('\n');
                printer.result(&text)?;
            } else {
                printer.result(&list(&known))?;
            }
        }
        FormatsAsk::Show(id) => {
            let known = known(settings)?;
            let Some(format) = known.iter().find(|f| f.id == *id) else {
                let closest = known.iter().min_by_key(|f| strsim::levenshtein(&f.id, id));
                let hint = closest.map(|f| format!("did you mean {}? ", f.id)).unwrap_or_default();
                anyhow::bail!("no format is called {id:?}; {hint}`trueup formats` lists them all");
            };
            printer.result(&format.spec)?;
        }
        FormatsAsk::New { file, id } => printer.result(&draft_spec(file, id)?)?,
    }
    Ok(ExitStatus::Done)
}

/// A format, as the list shows it.
#[derive(Debug, Clone, Serialize)]
struct Known {
    id: String,
    provider: String,
    kind: String,
    version: String,
    /// `built-in`, or the book's file.
    from: String,
    /// The TOML text.
    #[serde(skip)]
    spec: String,
}

/// Every built-in spec and those of the book's formats/, in the order of ids.
fn known(settings: &FormatsSettings) -> anyhow::Result<Vec<Known>> {
    let registry = registry_of(&settings.book)?;
    let mut known: Vec<Known> = registry
        .iter()
        .map(|spec| {
            let kinds: Vec<&str> = spec.tables.iter().map(|t| t.kind.word()).collect();
            Known {
                id: spec.id.clone(),
                provider: spec.provider.clone(),
                kind: kinds.join(", "),
                version: spec.version.clone(),
                from: spec.file.clone().unwrap_or_else(|| "built-in".to_string()),
                spec: spec.text.clone(),
            }
        })
        .collect();
    known.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(known)
}

fn list(formats: &[Known]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["format", "provider", "kind", "version", "from"]);
    for f in formats {
        table.add_row([&f.id, &f.provider, &f.kind, &f.version, &f.from]);
    }
    bare(&table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_a_row_for_each_format() {
        let format = |id: &str, from: &str| Known {
            id: id.into(),
            provider: "Keeper".into(),
            kind: "usage".into(),
            version: "1".into(),
            from: from.into(),
            spec: String::new(),
        };
        assert_eq!(
            list(&[format("keeper", "built-in"), format("mine", "formats/mine.toml")]),
            "\
format  provider  kind   version  from
keeper  Keeper    usage  1        built-in
mine    Keeper    usage  1        formats/mine.toml
"
        );
    }
}
