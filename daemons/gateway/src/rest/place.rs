//! Where a reader starts: an eventlog and an offset, out of what the request says.

use vanus_core::Eventbus;
use vanus_types::{ErrorCode, EventlogId, control::StartFrom, event::timestamp};

use crate::http::{Problem, parse};

/// Where to read, as asked for.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) eventlog: Option<String>,
    pub(super) offset: Option<String>,
    pub(super) time: Option<String>,
}

impl Place {
    /// The eventlog and offset meant; `default` where neither offset nor time is said.
    ///
    /// # Errors
    /// 400 when a value is malformed, both offset and time are said, or the eventbus has several
    /// eventlogs and none is named.
    pub(super) async fn find(
        &self,
        bus: &Eventbus,
        default: StartFrom,
    ) -> Result<(EventlogId, u64), Problem> {
        let eventlog = self.eventlog(bus)?;
        let from = match (self.offset.as_deref(), self.time.as_deref()) {
            (Some(_), Some(_)) => {
                let detail = "offset and time exclude each other";
                return Err(Problem::new(ErrorCode::InvalidArgument, detail));
            }
            (Some("earliest"), None) => StartFrom::Earliest,
            (Some("latest"), None) => StartFrom::Latest,
            (Some(offset), None) => return Ok((eventlog, parse("offset", offset)?)),
            (None, Some(time)) => StartFrom::Timestamp(parse_time(time)?),
            (None, None) => default,
        };
        let offsets = bus.offsets(from).await?;
        let found = offsets.into_iter().find(|(log, _)| *log == eventlog);
        found.ok_or_else(|| {
            let detail = format!("eventlog {eventlog} is none of this eventbus");
            Problem::new(ErrorCode::EventlogNotFound, detail)
        })
    }

    fn eventlog(&self, bus: &Eventbus) -> Result<EventlogId, Problem> {
        if let Some(eventlog) = &self.eventlog {
            return parse("eventlog", eventlog);
        }
        let record = bus.record()?;
        match record.eventlogs.as_slice() {
            [only] => Ok(*only),
            several => {
                let names: Vec<_> = several.iter().map(ToString::to_string).collect();
                let detail = format!(
                    "eventbus \"{}\" has several eventlogs, name one of {} as eventlog",
                    record.name,
                    names.join(", ")
                );
                Err(Problem::new(ErrorCode::InvalidArgument, detail))
            }
        }
    }
}

/// A time as RFC 3339 text, or in milliseconds since the Unix epoch.
fn parse_time(text: &str) -> Result<i64, Problem> {
    let time = timestamp::parse_ms(text).or_else(|| text.parse().ok());
    time.ok_or_else(|| {
        let detail =
            format!("time: \"{text}\" is neither RFC 3339 nor milliseconds since the Unix epoch");
        Problem::new(ErrorCode::InvalidArgument, detail)
    })
}
