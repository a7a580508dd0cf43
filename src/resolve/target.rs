//! What a resolution is, and how two sides came to be joined or why not.

use crate::finding::Place;

/// What became of an account or SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution<T> {
    Mapped(T),
    /// The MSP's own use, by a mapping.
    Internal,
    /// Left out by a mapping.
    Excluded,
    Unmapped(Reason),
}

/// Why nothing was joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// No mapping row, id or name fits.
    NoMatch,
    /// The id or name fits several clients or products, whose ids these are.
    Ambiguous(Vec<String>),
    /// Several accounts or SKUs of the vendor have this name, so it says nothing.
    SharedName,
    /// The mapping names this id, which the PSA does not have.
    Missing(String),
    /// The mapping row at this place cannot be used.
    Unusable(Place),
    /// Equally specific mapping rows that disagree.
    Conflict(Vec<Place>),
}

/// How two sides were joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// By the mapping row at this place.
    Mapping(Place),
    /// By this id, which both sides have.
    Id(String),
    /// By this name of the client or product, equal but for spelling.
    Name(String),
    /// By this alias of the client, equal but for spelling.
    Alias(String),
    Nothing,
}
