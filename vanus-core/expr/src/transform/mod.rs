//! Transformers: what is made of an event before it is delivered.
//!
//! A [`TransformerSpec`](vanus_types::control::TransformerSpec) is compiled once into a
//! [`Transformer`], which is run for each event:
//!
//! 1. The data is read as JSON into a tree that borrows its text (`read`, `value`); an event without
//!    data has nothing there.
//! 2. The defines get their values from the event as it was published.
//! 3. The actions of the pipeline change attributes and data (`document`), each of them whole or not
//!    at all. One that fails is left out, or ends the run, as the specification says.
//! 4. The template makes the new data of what the pipeline left (`template`); without one the data is
//!    written as it is then.
//!
//! Everything pays into one budget, so that every run ends. Time and randomness are given with the
//! [`TransformContext`]. The functions are in one table, [`FUNCTIONS`]; `jq` reads expressions with
//! jaq and evaluates them within the same budget.

mod action;
mod argument;
mod cast;
mod document;
mod error;
mod functions;
mod jq;
mod path;
mod pattern;
mod read;
mod run;
mod template;
mod transformer;
mod value;
mod write;

pub use error::{ActionError, ActionFault, TransformError, TransformerError};
pub use functions::{FUNCTIONS, Function};
pub use jq::JQ_FUNCTIONS;
pub use transformer::{TransformContext, Transformer};
