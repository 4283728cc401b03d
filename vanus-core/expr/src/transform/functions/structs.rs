//! Functions that move values about.

use super::super::{action::Action, error::ActionFault, run::Run};

pub(super) fn create<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    run.expect_free(action, 0)?;
    let value = run.copy(action, 1)?;
    run.set(action, 0, value)
}

pub(super) fn delete<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let argument = Run::argument(action, 0)?;
    run.document.delete(argument, &run.budget)?;
    Ok(())
}

pub(super) fn replace<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    if !run.is_there(action, 0)? {
        let written = Run::argument(action, 0)?.written.to_string();
        return Err(ActionFault::Missing(written));
    }
    let value = run.copy(action, 1)?;
    run.set(action, 0, value)
}

/// Also of `rename`.
pub(super) fn relocate<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    run.expect_free(action, 1)?;
    let value = run.copy(action, 0)?;
    let from = Run::argument(action, 0)?;
    // What lies inside what is moved would go with it; a whole event's data has no other place.
    if let super::Source::Data(path) = &from.source
        && path.is_whole()
    {
        return Err(ActionFault::value("the data as a whole cannot be moved"));
    }
    if let (super::Source::Data(from), super::Source::Data(to)) =
        (&from.source, &Run::argument(action, 1)?.source)
        && to.is_inside(from)
    {
        return Err(ActionFault::value("a value cannot be moved into itself"));
    }
    run.set(action, 1, value)?;
    run.document.delete(from, &run.budget)?;
    Ok(())
}

pub(super) fn duplicate<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let value = run.copy(action, 0)?;
    run.set(action, 1, value)
}
