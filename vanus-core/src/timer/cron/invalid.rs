//! What may be wrong with a schedule.

use vanus_types::{Coded, ErrorCode, limits::MAX_SCHEDULE_LEN};

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCron {
    /// It is longer than the limit.
    #[error("a schedule of {0} bytes is too long, {MAX_SCHEDULE_LEN} are allowed")]
    TooLong(usize),
    /// It has too few or too many fields.
    #[error(
        "a schedule has 5 fields, or 6 with seconds first, this has {0}: write it such as \"30 9 * * MON-FRI\""
    )]
    Fields(usize),
    /// A value is out of its range, or of the wrong form.
    #[error("\"{text}\" is no {field}: {allowed}")]
    Value {
        /// What the field stands for.
        field: &'static str,
        /// The value.
        text: String,
        /// What would be right.
        allowed: &'static str,
    },
    /// A range ends before it begins.
    #[error(
        "the range \"{text}\" of the {field} runs backwards: write the lower value first, or two ranges"
    )]
    Backwards {
        /// What the field stands for.
        field: &'static str,
        /// The range.
        text: String,
    },
    /// The step is zero, no number, or longer than the field.
    #[error("the step of \"{text}\" in the {field} must be a number from 1 to {most}")]
    Step {
        /// What the field stands for.
        field: &'static str,
        /// The value with its step.
        text: String,
        /// The largest step.
        most: u32,
    },
    /// No day is like this.
    #[error("there is no such day: the days of \"{0}\" are in none of its months")]
    Never(String),
    /// There is no such name.
    #[error(
        "there is no schedule \"{0}\": write @hourly, @daily, @weekly, @monthly, @yearly, or @every and a duration"
    )]
    Name(String),
    /// The period of `@every` is none.
    #[error(
        "\"@every {0}\" has no duration: write it such as @every 90, @every 1h30m or @every PT1H30M"
    )]
    Every(String),
    /// The period of `@every` is out of its range.
    #[error("\"@every {0}\" is out of range: a second to 365,000 days are possible")]
    Period(String),
}

impl Coded for InvalidCron {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}
