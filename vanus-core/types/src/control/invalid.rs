//! Why a caller's wish cannot be stored.

use super::{filter::FilterSpecError, percent::Percent, transformer::TransformerSpecError};
use crate::{
    error::{Coded, ErrorCode},
    event::InvalidEvent,
    name::InvalidName,
};

/// A field of a specification is out of its range or of the wrong form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSpec {
    /// A name is not allowed.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A number is out of range.
    #[error("{field} is {value}, allowed are {least} to {most}")]
    Range {
        /// The field.
        field: &'static str,
        /// The value given.
        value: u64,
        /// The least value allowed.
        least: u64,
        /// The greatest value allowed.
        most: u64,
    },
    /// A text is too long.
    #[error("{field} has {length} bytes, allowed are {most}")]
    Length {
        /// The field.
        field: &'static str,
        /// The length given.
        length: usize,
        /// The greatest length allowed.
        most: usize,
    },
    /// The sink is no address that can be delivered to.
    #[error("sink \"{sink}\" {why}")]
    Sink {
        /// The address given.
        sink: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A header of the sink is not allowed.
    #[error("header \"{name}\" {why}")]
    Header {
        /// The name of the header.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A route is malformed.
    #[error("route \"{route}\" {why}")]
    Route {
        /// Its name.
        route: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Weights do not add up.
    #[error("the weights of {group} are {sum} together, they must be 100%")]
    RouteWeights {
        /// Whose they are.
        group: String,
        /// What they are together.
        sum: Percent,
    },
    /// Events would go round in a circle.
    #[error("group \"{0}\" leads to itself")]
    RouteCycle(String),
    /// What is ordered has one delivery of a key in flight anyway.
    #[error(
        "key_limit and ordering exclude each other: of ordered events one of a key is in flight at a time"
    )]
    KeyLimitOfOrdered,
    /// The way of delivery makes no sense.
    #[error("delivery: {why}")]
    Delivery {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The credential does not suit.
    #[error("credential: {why}")]
    Credential {
        /// What is wrong with it.
        why: &'static str,
    },
    /// Only the mask of a secret was given, and there is no secret that it could stand for.
    #[error("credential: {field} is only masked; give the secret itself")]
    Masked {
        /// The field.
        field: &'static str,
    },
    /// A schedule ends before it starts.
    #[error("the schedule ends before it starts")]
    EndBeforeStart,
    /// The event of a schedule breaks a rule.
    #[error("event: {0}")]
    Event(#[from] InvalidEvent),
    /// A filter is malformed.
    #[error(transparent)]
    Filter(#[from] FilterSpecError),
    /// A transformer is malformed.
    #[error(transparent)]
    Transformer(#[from] TransformerSpecError),
}

impl Coded for InvalidSpec {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Name(error) => error.code(),
            Self::Filter(error) => error.code(),
            Self::Transformer(error) => error.code(),
            Self::Sink { .. } => ErrorCode::InvalidSink,
            Self::Event(error) => error.code(),
            Self::Range { .. }
            | Self::EndBeforeStart
            | Self::Length { .. }
            | Self::Header { .. }
            | Self::KeyLimitOfOrdered
            | Self::Route { .. }
            | Self::RouteWeights { .. }
            | Self::RouteCycle(_)
            | Self::Delivery { .. }
            | Self::Credential { .. }
            | Self::Masked { .. } => ErrorCode::InvalidArgument,
        }
    }
}

pub(super) fn check_range(
    field: &'static str,
    value: u64,
    least: u64,
    most: u64,
) -> Result<(), InvalidSpec> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(InvalidSpec::Range {
            field,
            value,
            least,
            most,
        })
    }
}

pub(super) fn check_length(
    field: &'static str,
    text: &str,
    most: usize,
) -> Result<(), InvalidSpec> {
    if text.len() <= most {
        Ok(())
    } else {
        Err(InvalidSpec::Length {
            field,
            length: text.len(),
            most,
        })
    }
}
