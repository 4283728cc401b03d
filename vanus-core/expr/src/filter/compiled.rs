//! A compiled filter and its evaluation.

use vanus_types::control::FilterSpec;

#[cfg(feature = "cel")]
use crate::cel::Cel;
use crate::{budget::Budget, cesql::Sql};

use super::{EventView, FilterError, compile::compile, test::Test};

/// A list of filters, checked and compiled.
///
/// Evaluation takes time proportional to the compiled size, and to the data of the event if that
/// has to be read; an expression takes no more than its budget
/// ([`MAX_EXPRESSION_WORK`](vanus_types::limits::MAX_EXPRESSION_WORK)). It never allocates when only
/// attributes are compared. Clones are deep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    root: Node,
}

/// A node of a compiled filter. How deep nodes nest was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A comparison.
    Test(Test),
    /// The inner node fails.
    Not(Box<Node>),
    /// Every inner node passes; cheap ones come first.
    All(Box<[Node]>),
    /// An inner node passes; cheap ones come first.
    Any(Box<[Node]>),
    /// A CESQL expression.
    Sql(Box<Sql>),
    /// A CEL expression.
    #[cfg(feature = "cel")]
    Cel(Box<Cel>),
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

    /// Its outermost node.
    pub(crate) const fn root(&self) -> &Node {
        &self.root
    }

    /// Whether the event passes.
    #[must_use]
    pub fn matches(&self, view: &EventView<'_>) -> bool {
        self.root.passes(view, &Budget::new())
    }
}

impl Default for Filter {
    /// The filter that passes every event.
    fn default() -> Self {
        Self::pass()
    }
}

impl Node {
    fn passes(&self, view: &EventView<'_>, budget: &Budget) -> bool {
        match self {
            Self::Test(test) => test.passes(view),
            Self::Not(inner) => !inner.passes(view, budget),
            Self::All(inner) => inner.iter().all(|node| node.passes(view, budget)),
            Self::Any(inner) => inner.iter().any(|node| node.passes(view, budget)),
            Self::Sql(sql) => sql.matches_within(view.event(), budget),
            #[cfg(feature = "cel")]
            Self::Cel(cel) => cel.matches_within(view, budget),
        }
    }
}
