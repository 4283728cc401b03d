//! What must be so for a filter to pass, as far as an index can find it.

use crate::filter::{Comparison, Node, Subject, Test};

/// A condition without which a filter does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Need {
    /// The comparison passes.
    Test(Test),
    /// All of these hold.
    All(Vec<Need>),
    /// At least one of these holds.
    Any(Vec<Need>),
    /// Nothing that an index could find.
    Unknown,
}

impl Need {
    /// What a node of a filter needs.
    pub(super) fn of(node: &Node) -> Self {
        match node {
            Node::Test(test) => Self::Test(test.clone()),
            Node::Not(_) => Self::Unknown,
            Node::All(nodes) => Self::All(nodes.iter().map(Self::of).collect()),
            Node::Any(nodes) => Self::Any(nodes.iter().map(Self::of).collect()),
            Node::Sql(sql) => sql.need(),
            #[cfg(feature = "cel")]
            Node::Cel(cel) => cel.need(),
        }
    }

    /// A comparison of an attribute, unless the text is empty, which says nothing.
    pub(crate) fn attribute(name: &str, comparison: Comparison, wanted: &str) -> Self {
        Self::compare(Subject::Attribute(name.into()), comparison, wanted)
    }

    /// A comparison, unless the text is empty, which says nothing.
    pub(crate) fn compare(subject: Subject, comparison: Comparison, wanted: &str) -> Self {
        if wanted.is_empty() {
            return Self::Unknown;
        }
        Self::Test(Test {
            subject,
            comparison,
            wanted: wanted.into(),
        })
    }

    /// The comparisons of which one must pass, chosen so that they cost least; nothing if there are
    /// none, or too many.
    pub(super) fn cover(&self, cost: &impl Fn(&Test) -> usize) -> Option<(Vec<Test>, usize)> {
        match self {
            Self::Test(test) => Some((vec![test.clone()], cost(test))),
            Self::All(needs) => {
                let covers = needs.iter().filter_map(|need| need.cover(cost));
                covers.min_by_key(|(_, cost)| *cost)
            }
            Self::Any(needs) => {
                let mut all = (Vec::new(), 0_usize);
                for need in needs {
                    let (tests, cost) = need.cover(cost)?;
                    all.0.extend(tests);
                    all.1 = all.1.saturating_add(cost);
                    if all.0.len() > MOST_TESTS {
                        return None;
                    }
                }
                Some(all)
            }
            Self::Unknown => None,
        }
    }
}

/// Most places of an index that one filter takes.
const MOST_TESTS: usize = 256;
