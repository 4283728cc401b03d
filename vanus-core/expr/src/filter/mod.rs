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
//! * `sql` and `cel` are expressions ([`cesql`](crate::cesql), [`cel`](crate::cel)), which pass
//!   when their value is true and nothing erred.
//!
//! Each kind of node sees the view and answers yes or no. [`matcher`](crate::matcher)
//! indexes the nodes of many filters by what they look at.

mod compile;
mod compiled;
mod error;
mod selector;
mod test;
mod view;

pub use compiled::Filter;
pub(crate) use compiled::Node;
pub use error::FilterError;
pub use selector::Selector;
pub(crate) use test::{Comparison, Subject, Test};
pub use view::EventView;

#[cfg(test)]
mod tests;
