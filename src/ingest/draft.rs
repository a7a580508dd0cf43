//! A first spec for a file of no known format: what each column may be, by its heading and its values,
//! with the evidence and the doubts beside every guess. It is a start for a person to check, so what
//! nothing speaks for is left out rather than made up.

use std::path::Path;

use super::{Limits, contents};

mod guess;
mod hints;
mod sample;
#[cfg(test)]
mod tests;
mod write;

/// Drafts a spec as TOML that [`crate::format::parse_spec`] reads and that recognises the file it is from.
/// `name` is the file's name as comments show it; the spec's id is made of it. Of several sheets or members it is the
/// first that has a heading row.
pub fn draft_spec(path: &Path, name: &str) -> anyhow::Result<String> {
    let mut refused = None;
    let mut samples = Vec::new();
    for content in contents(path, name, &Limits::default()) {
        match content {
            Ok(content) => samples.push(sample::take(&content.path, &content.survey)),
            Err(finding) => refused = refused.or(Some(finding)),
        }
    }
    let several = samples.len() > 1;
    let found = samples.iter().position(Result::is_ok).unwrap_or(0);
    let mut sample = match (samples.into_iter().nth(found), refused) {
        (Some(sample), _) => sample?,
        (None, Some(finding)) => anyhow::bail!("{}", finding.message),
        (None, None) => anyhow::bail!("there is nothing in the file to draft a spec from"),
    };
    if !several {
        // The only sheet is meant whatever it is called.
        sample.sheet = None;
    }
    let guesses = guess::guess(&sample.columns);
    write::write(name, &sample, &guesses)
}
