//! What can go wrong while writing: the disk, never the data.

use std::io;
use std::path::{Path, PathBuf};

/// An output could not be written. The outputs of the run before are untouched.
#[derive(Debug, thiserror::Error)]
#[error("could not write {}; free some space or correct the folder's permissions, then run again", path.display())]
pub struct EmitError {
    pub path: PathBuf,
    #[source]
    pub source: io::Error,
}

impl EmitError {
    pub(super) fn new(path: &Path, source: impl Into<io::Error>) -> Self {
        Self { path: path.to_path_buf(), source: source.into() }
    }
}
