//! One run of a transformer: what the functions are given to work with.

use std::borrow::Cow;

use vanus_types::Entropy;

use super::{
    action::Action,
    argument::Argument,
    cast,
    document::{Document, Look},
    error::ActionFault,
    value::Value,
};
use crate::budget::Budget;

/// One run of a transformer.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) document: Document<'a>,
    pub(super) budget: Budget,
    pub(super) now_ms: i64,
    pub(super) entropy: &'a dyn Entropy,
}

impl<'a> Run<'a> {
    /// An argument of an action; how many there are was checked when it was compiled.
    pub(super) fn argument(action: &'a Action, n: usize) -> Result<&'a Argument, ActionFault> {
        let argument = action.arguments.get(n);
        argument.ok_or_else(|| ActionFault::value(format!("argument {} is not given", n + 1)))
    }

    /// The value of an argument, which is neither missing nor null.
    pub(super) fn look(&self, action: &'a Action, n: usize) -> Result<Look<'_, 'a>, ActionFault> {
        let argument = Self::argument(action, n)?;
        let found = self.document.look(&argument.source, &self.budget)?;
        found.ok_or_else(|| ActionFault::Missing(argument.written.to_string()))
    }

    /// Whether something, not null, is there.
    pub(super) fn is_there(&self, action: &'a Action, n: usize) -> Result<bool, ActionFault> {
        let argument = Self::argument(action, n)?;
        Ok(self
            .document
            .look(&argument.source, &self.budget)?
            .is_some())
    }

    /// That nothing, or null, is there.
    pub(super) fn expect_free(&self, action: &'a Action, n: usize) -> Result<(), ActionFault> {
        if self.is_there(action, n)? {
            let written = Self::argument(action, n)?.written.to_string();
            return Err(ActionFault::Exists(written));
        }
        Ok(())
    }

    /// A copy of the value of an argument. Null counts as a value where it is written as one.
    pub(super) fn copy(&self, action: &'a Action, n: usize) -> Result<Value<'a>, ActionFault> {
        let argument = Self::argument(action, n)?;
        if let super::argument::Source::Constant(value) = &argument.source {
            return Ok(value.lend(&self.budget)?);
        }
        Ok(self.look(action, n)?.into_copy(&self.budget)?)
    }

    /// The value of an argument as text.
    pub(super) fn text(&self, action: &'a Action, n: usize) -> Result<Cow<'_, str>, ActionFault> {
        Ok(match self.look(action, n)? {
            Look::There(value) => cast::text(value, &self.budget)?,
            Look::Made(Value::String(text)) => text,
            Look::Made(value) => Cow::Owned(cast::text(&value, &self.budget)?.into_owned()),
        })
    }

    /// The value of an argument as a number.
    pub(super) fn float(&self, action: &'a Action, n: usize) -> Result<f64, ActionFault> {
        let written = &Self::argument(action, n)?.written;
        cast::float(self.look(action, n)?.value(), written)
    }

    /// The value of an argument as a whole number.
    pub(super) fn integer(&self, action: &'a Action, n: usize) -> Result<i64, ActionFault> {
        let written = &Self::argument(action, n)?.written;
        cast::integer(self.look(action, n)?.value(), written)
    }

    /// The value of an argument as a number that is not negative.
    pub(super) fn position(&self, action: &'a Action, n: usize) -> Result<usize, ActionFault> {
        let number = self.integer(action, n)?;
        usize::try_from(number)
            .map_err(|_| ActionFault::value(format!("position {number} is negative")))
    }

    /// Puts a value where an argument says.
    pub(super) fn set(
        &mut self,
        action: &'a Action,
        n: usize,
        value: Value<'a>,
    ) -> Result<(), ActionFault> {
        let argument = Self::argument(action, n)?;
        self.document.set(argument, value, &self.budget)
    }

    /// Puts a text where an argument says.
    pub(super) fn set_text(
        &mut self,
        action: &'a Action,
        n: usize,
        text: String,
    ) -> Result<(), ActionFault> {
        self.budget.pay(text.len())?;
        self.set(action, n, Value::text(text))
    }
}
