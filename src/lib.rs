//! trueup reconciles vendor usage exports with PSA contracts.
//!
//! Data flows one way through the rooms below; a room imports only rooms above it in this list
//! (`tests/import_rule.rs` holds that):
//!
//! | room | in → out |
//! |---|---|
//! | [`finding`] | the one table of codes; what the program has to say about data |
//! | [`rate`] | quantity × contract terms → money; pure, no files |
//! | [`control`] | buckets and conservation; pure, no files |
//! | [`mod@format`] | what a file is: the spec vocabulary and recognition |
//! | [`ingest`] | bytes → records → typed rows with file and line |
//! | [`book`] | the MSP's directory: settings, PSA entities, mappings, decisions |
//! | [`tidy`] | typed rows → rows without duplicates, periods assigned |
//! | [`resolve`] | distinct accounts and SKUs → clients and products |
//! | [`meter`] | rows → metered quantity and cost per client × product × term |
//! | [`reconcile`] | metered × contract → line items and discrepancies |
//! | [`emit`] | results → files |
//! | [`history`] | the atomic exchange of a run's outputs, manifests |
//! | [`engine`] | the main job, stage by stage |
//!
//! Only the binary's `cli` room knows the terminal, the environment and the clock.

pub mod book;
pub mod control;
pub mod emit;
pub mod engine;
pub mod finding;
pub mod format;
pub mod history;
pub mod ingest;
pub mod meter;
pub mod rate;
pub mod reconcile;
pub mod resolve;
pub mod tidy;
