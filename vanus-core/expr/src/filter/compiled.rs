//! A compiled filter and its evaluation.

use vanus_types::control::FilterSpec;

use super::{EventView, FilterError, compile::compile, test::Test};

/// A list of filters, checked and compiled.
///
/// Evaluation takes time proportional to the compiled size, and to the data of the event if that
/// has to be read; it never allocates when only attributes are looked at. Clones are deep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    root: Node,
}

/// A node of a compiled filter. How deep nodes nest was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A comparison.
    Test(Test),
    /// The inner node fails.
    Not(Box<Node>),
    /// Every inner node passes; cheap ones come first.
    All(Box<[Node]>),
    /// An inner node passes; cheap ones come first.
    Any(Box<[Node]>),
}

impl Filter {
    /// Compiles a list of filters, all of which must pass.
    ///
    /// # Errors
    ///
    /// [`FilterError`] says what is wrong with which filter, such as `filters[0].all[2].exact`.
    pub fn compile(filters: &[FilterSpec]) -> Result<Self, FilterError> {
        compile(filters).map(|root| Self { root })
    }

    /// The filter that passes every event.
    #[must_use]
    pub fn pass() -> Self {
        Self {
            root: Node::All(Box::default()),
        }
    }

    /// Whether the event passes.
    #[must_use]
    pub fn matches(&self, view: &EventView<'_>) -> bool {
        self.root.passes(view)
    }
}

impl Default for Filter {
    /// The filter that passes every event.
    fn default() -> Self {
        Self::pass()
    }
}

impl Node {
    fn passes(&self, view: &EventView<'_>) -> bool {
        match self {
            Self::Test(test) => test.passes(view),
            Self::Not(inner) => !inner.passes(view),
            Self::All(inner) => inner.iter().all(|node| node.passes(view)),
            Self::Any(inner) => inner.iter().any(|node| node.passes(view)),
        }
    }
}
