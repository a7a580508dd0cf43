//! A first spec for a file of no known format: what each column may be, by its heading and its values,
//! with the evidence and the doubts beside every guess. It is a start for a person to check, so what
//! nothing speaks for is left out rather than made up.

use std::path::Path;

use super::survey;

mod guess;
mod hints;
mod sample;
#[cfg(test)]
mod tests;
mod write;

/// Drafts a spec as TOML that [`crate::format::parse_spec`] reads and that recognises the file it is from.
/// `name` is the file's name as comments show it; the spec's id is made of it.
pub fn draft_spec(path: &Path, name: &str) -> anyhow::Result<String> {
    let survey = match survey(path, name) {
        Ok(survey) => survey,
        Err(finding) => anyhow::bail!("{}", finding.message),
    };
    let sample = sample::take(path, &survey)?;
    let guesses = guess::guess(&sample.columns);
    write::write(name, &sample, &guesses)
}
