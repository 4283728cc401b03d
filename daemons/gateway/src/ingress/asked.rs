//! What a publisher asks for in headers.
//!
//! | header | meaning |
//! |---|---|
//! | `Vanus-Durability` | `fsync` or `page-cache`: what the acknowledgement shall promise |
//! | `Vanus-Producer-Id` | id of an idempotent producer, up to 16 hexadecimal digits |
//! | `Vanus-Producer-Sequence` | number of the first event of that producer, from 1 |
//! | `Vanus-Eventlog` | the eventlog to use, 16 hexadecimal digits |

use axum::http::HeaderMap;
use vanus_core::PublishOptions;
use vanus_types::{Durability, ErrorCode};

use crate::http::{Problem, parse};

const DURABILITY: &str = "vanus-durability";
const PRODUCER: &str = "vanus-producer-id";
const SEQUENCE: &str = "vanus-producer-sequence";
const EVENTLOG: &str = "vanus-eventlog";

/// How to publish, as the headers say.
///
/// # Errors
/// 400 when a header is there twice, has a wrong value, or lacks its companion.
pub(super) fn options(headers: &HeaderMap, default: Durability) -> Result<PublishOptions, Problem> {
    let durability = text(headers, DURABILITY)?;
    let producer = text(headers, PRODUCER)?;
    let sequence = text(headers, SEQUENCE)?;
    let eventlog = text(headers, EVENTLOG)?;
    let producer = match (producer, sequence) {
        (None, None) => None,
        (Some(id), Some(sequence)) => Some((parse(PRODUCER, id)?, parse(SEQUENCE, sequence)?)),
        _ => {
            let detail = format!("{PRODUCER} and {SEQUENCE} belong together");
            return Err(Problem::new(ErrorCode::InvalidArgument, detail));
        }
    };
    Ok(PublishOptions {
        durability: durability.map_or(Ok(default), |text| parse(DURABILITY, text))?,
        eventlog: eventlog.map(|text| parse(EVENTLOG, text)).transpose()?,
        producer,
    })
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Problem> {
    let bad = |what| {
        let detail = format!("header {name} {what}");
        Problem::new(ErrorCode::InvalidArgument, detail)
    };
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(bad("is there twice"));
    }
    first
        .map(|value| value.to_str().map_err(|_| bad("is no text")))
        .transpose()
}

#[cfg(test)]
mod tests {
    use vanus_types::{EventlogId, ProducerId};

    use super::*;

    fn of(list: &[(&'static str, &'static str)]) -> Result<PublishOptions, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(*name, value.parse().unwrap());
        }
        options(&headers, Durability::Fsync)
    }

    #[test]
    fn everything_can_be_asked_for() {
        assert_eq!(of(&[]).unwrap(), PublishOptions::default());
        let all = of(&[
            ("vanus-durability", "page-cache"),
            ("vanus-producer-id", "A1"),
            ("vanus-producer-sequence", "7"),
            ("vanus-eventlog", "00000000000000FF"),
        ]);
        let expected = PublishOptions {
            durability: Durability::PageCache,
            eventlog: Some(EventlogId::from_u64(255)),
            producer: Some((ProducerId::from_u64(0xA1), 7)),
        };
        assert_eq!(all.unwrap(), expected);
    }

    #[test]
    fn wrong_wishes_are_refused() {
        for bad in [
            &[("vanus-durability", "maybe")][..],
            &[("vanus-durability", "fsync"), ("vanus-durability", "fsync")],
            &[("vanus-producer-id", "A1")],
            &[("vanus-producer-sequence", "1")],
            &[("vanus-producer-id", "0"), ("vanus-producer-sequence", "1")],
            &[
                ("vanus-producer-id", "1"),
                ("vanus-producer-sequence", "-1"),
            ],
            &[("vanus-eventlog", "x")],
        ] {
            assert_eq!(of(bad).unwrap_err().status(), 400, "{bad:?}");
        }
    }
}
