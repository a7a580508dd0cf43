//! Why the outputs could not be put in place.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("another run is at work on this book ({} is locked); wait until it is done, then run again", .0.display())]
    Busy(PathBuf),
    /// The message of the inner error names the path.
    #[error("could not put the outputs in place; free some space or correct the folder's permissions, then run again")]
    Io(#[from] io::Error),
    #[error(
        "{} holds {name}, which is no output of this command; name a new folder, or an empty one",
        folder.display()
    )]
    Foreign { folder: PathBuf, name: String },
    #[error("{} is a file where the outputs' folder belongs; move it away, then run again", .0.display())]
    NoFolder(PathBuf),
    #[error("could not exchange {} and {}; the outputs are as they were", from.display(), to.display())]
    Exchange {
        from: PathBuf,
        to: PathBuf,
        #[source]
        source: io::Error,
    },
}
