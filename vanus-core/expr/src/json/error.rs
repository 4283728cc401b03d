//! Why a text is not JSON.

/// Deepest nesting of arrays and objects that is read.
pub(crate) const MAX_JSON_DEPTH: usize = 127;

/// Why a text cannot be read as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text breaks the grammar.
    #[error("not JSON at byte {at}: {expected} expected")]
    Syntax {
        /// How many bytes of the text were fine.
        at: usize,
        /// What should have been there.
        expected: &'static str,
    },
    /// Arrays and objects are nested too deep.
    #[error("JSON nested deeper than {MAX_JSON_DEPTH} at byte {at}")]
    TooDeep {
        /// Where the first one too many begins.
        at: usize,
    },
    /// The text is longer than an event can be.
    #[error("JSON text of {length} bytes is longer than an event can be")]
    TooLong {
        /// The length of the text in bytes.
        length: usize,
    },
}
