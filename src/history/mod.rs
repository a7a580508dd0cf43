//! What a book keeps from run to run. A run's outputs appear together or not at all, and two runs on one book
//! never interleave.
//!
//! The folder `out/` holds, besides the periods: `.lock`, held by the run at work; `.staging-<period>`, the
//! outputs it is writing; and for an instant, where the system cannot swap two folders in one step,
//! `.old-<period>` and `.trash-<period>`.

mod error;
mod exchange;
mod folder;
mod lock;
mod unfinished;

pub use error::HistoryError;
pub use exchange::Staging;
pub use folder::NewFolder;
pub use lock::RunLock;
pub use unfinished::Unfinished;
