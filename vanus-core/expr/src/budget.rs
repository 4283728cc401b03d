//! What one evaluation may use.

use std::cell::Cell;

use vanus_types::limits::MAX_EXPRESSION_WORK;

/// The work that is left for one evaluation of an expression.
///
/// A unit is one step, or one byte that is looked at or made. Everything that takes time or memory
/// is paid for, so that an evaluation ends after [`MAX_EXPRESSION_WORK`] units, or one walk through
/// the data of the event later, whatever the expression and the event are. The expressions of one
/// filter share a budget.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Cell<u64>,
}

/// The work of one evaluation is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Budget {
    /// The budget of one evaluation.
    pub(crate) const fn new() -> Self {
        Self::with(MAX_EXPRESSION_WORK)
    }

    /// A budget of which only `left` is left.
    pub(crate) const fn with(left: u64) -> Self {
        Self {
            left: Cell::new(left),
        }
    }

    /// What is left.
    pub(crate) const fn left(&self) -> u64 {
        self.left.get()
    }

    /// The budget of a run of a transformer for an event whose record has `record_len` bytes.
    #[cfg(feature = "transform")]
    pub(crate) const fn of_transform(record_len: usize) -> Self {
        use vanus_types::limits::{MAX_TRANSFORM_WORK, TRANSFORM_WORK_PER_BYTE};
        let more = (record_len as u64).saturating_mul(TRANSFORM_WORK_PER_BYTE);
        Self {
            left: Cell::new(MAX_TRANSFORM_WORK.saturating_add(more)),
        }
    }

    /// Whether nothing is left.
    #[cfg(feature = "transform")]
    pub(crate) const fn is_exhausted(&self) -> bool {
        self.left.get() == 0
    }

    /// Pays for one step and for `bytes`.
    pub(crate) fn pay(&self, bytes: usize) -> Result<(), Exhausted> {
        let cost = (bytes as u64).saturating_add(1);
        match self.left.get().checked_sub(cost) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                // Nothing that comes later is cheap enough then.
                self.left.set(0);
                Err(Exhausted)
            }
        }
    }
}

impl Budget {
    /// Pays for `work` at once if there is so much; else pays nothing and answers false.
    pub(crate) fn spend(&self, work: u64) -> bool {
        let left = self.left.get().checked_sub(work);
        if let Some(left) = left {
            self.left.set(left);
        }
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_left_cannot_be_paid_and_nothing_after_it() {
        let budget = Budget::new();
        assert_eq!(budget.pay(0), Ok(()));
        assert_eq!(budget.pay(usize::MAX), Err(Exhausted));
        assert_eq!(budget.pay(0), Err(Exhausted));
        let budget = Budget::new();
        let all = usize::try_from(MAX_EXPRESSION_WORK).unwrap();
        assert_eq!(budget.pay(all - 1), Ok(()));
        assert_eq!(budget.pay(0), Err(Exhausted));
    }
}
