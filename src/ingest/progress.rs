//! How the library tells whoever waits how far it is. It never knows whether anyone looks.

/// Told from any thread, many times a second; must be cheap.
pub trait Progress: Sync {
    /// A file of this many bytes is to be read.
    fn file(&self, source: &str, bytes: u64);
    /// So many more bytes of the files were read.
    fn advance(&self, bytes: u64);
    /// So many more rows of them were read.
    fn rows(&self, _rows: u64) {}
    /// Everything is read again from the beginning.
    fn again(&self) {}
    /// What is being done now, in a word or two.
    fn stage(&self, name: &str);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn file(&self, _source: &str, _bytes: u64) {}
    fn advance(&self, _bytes: u64) {}
    fn stage(&self, _name: &str) {}
}
