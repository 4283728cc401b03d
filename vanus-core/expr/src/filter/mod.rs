//! Filters: which events a subscription wants.
//!
//! A list of [`FilterSpec`](vanus_types::control::FilterSpec)s is compiled into a [`Filter`],
//! which is asked about one [`EventView`] after the other. What is common to all filters of an
//! event, such as where the values of its JSON data are, belongs to the view and is worked out
//! once however many filters ask.
//!
//! The rules:
//!
//! * All filters of a list must pass; an empty list passes everything.
//! * `exact`, `prefix` and `suffix` pass when every one of their values does. A value is compared
//!   in the canonical string form of its attribute. What is missing fails.
//! * `data` is the whole payload. `data.` and a path is a value of the payload read as JSON (see
//!   [`JsonValue::text`](crate::json::JsonValue::text)); null, and anything in a payload that is
//!   not JSON, is missing.
//! * `not`, `all` and `any` are what they are called, and nothing fails in any other way: there
//!   are two truth values.
//!
//! Another dialect becomes another kind of `Test`, beside the comparisons: it sees
//! the view and answers yes or no. What matches many filters at once would take the tests out of
//! the compiled nodes and index them by what they look at.

mod compile;
mod compiled;
mod error;
mod test;
mod view;

pub use compiled::Filter;
pub use error::FilterError;
pub use view::EventView;

#[cfg(test)]
mod tests;
