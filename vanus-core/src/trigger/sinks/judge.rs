//! What the answer of an HTTP sink means. Pure.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};
use vanus_net::http::{HttpError, HttpResponse};
use vanus_types::limits::MAX_RETRY_AFTER_MS;

use crate::trigger::delivery::DeliveryError;

/// Characters of an answer's body that are kept with a failure.
const SHOWN_LEN: usize = 200;

/// What a sink said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It took the delivery.
    Accepted,
    /// It did not.
    Failed(DeliveryError),
    /// It will never take anything again.
    Gone(String),
}

impl Verdict {
    /// Whether the sink failed in a way that may pass.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(self, Self::Failed(error) if error.may_pass())
    }

    /// How long the sink asks to be left alone, if it does.
    pub(super) const fn pause(&self) -> Option<Duration> {
        match self {
            Self::Failed(error) => error.pause(),
            Self::Accepted | Self::Gone(_) => None,
        }
    }
}

/// Judges an answer: 2xx acknowledges; 410 ends the subscription; 429, 5xx and what is no final
/// answer may pass; everything else stays, redirects included.
pub(super) fn judge(answer: &HttpResponse, now_ms: i64) -> Verdict {
    let status = answer.status;
    if status.is_success() {
        return Verdict::Accepted;
    }
    let text = String::from_utf8_lossy(&answer.body);
    let shown: String = text.chars().take(SHOWN_LEN).collect();
    let message = format!("{status}: {shown}");
    match status {
        StatusCode::GONE => Verdict::Gone(message),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Verdict::Failed(match retry_after(&answer.headers, now_ms) {
                Some(after) => DeliveryError::RetryAfter { message, after },
                None => DeliveryError::Retry(message),
            })
        }
        status if status.is_server_error() || status.is_informational() => {
            Verdict::Failed(DeliveryError::retry(message))
        }
        status => {
            let reason = format!("Response{}", status.as_u16());
            Verdict::Failed(DeliveryError::reject(reason, message))
        }
    }
}

/// What it means that there is no answer.
pub(super) fn judge_error(error: &HttpError) -> DeliveryError {
    DeliveryError::retry(error.to_string())
}

/// How long the sink asks to be left alone: in seconds, or until a date, which is compared with
/// the date of the answer if it says one, as clocks differ. No longer than the limit.
fn retry_after(headers: &HeaderMap, now_ms: i64) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let date = |text: &str| {
        let date = httpdate::parse_http_date(text).ok()?;
        date.duration_since(SystemTime::UNIX_EPOCH).ok()
    };
    let asked = text(header::RETRY_AFTER)?;
    let after = match asked.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let now = text(header::DATE).and_then(date);
            let now = now.or_else(|| u64::try_from(now_ms).ok().map(Duration::from_millis))?;
            date(asked)?.saturating_sub(now)
        }
    };
    Some(after.min(Duration::from_millis(MAX_RETRY_AFTER_MS)))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> HttpResponse {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        HttpResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.collect(),
            body: Bytes::from_static(b"text"),
            truncated: false,
            trailers: HeaderMap::new(),
        }
    }

    #[test]
    fn statuses_are_judged_by_their_class() {
        let judge = |status: u16| judge(&answer(status, &[]), 0);
        for good in [200, 202, 204] {
            assert_eq!(judge(good), Verdict::Accepted);
        }
        for passing in [429, 500, 503, 599] {
            assert!(
                matches!(judge(passing), Verdict::Failed(DeliveryError::Retry(_))),
                "{passing}"
            );
        }
        for staying in [301, 400, 404, 408, 415] {
            let reason = format!("Response{staying}");
            assert!(matches!(
                judge(staying),
                Verdict::Failed(DeliveryError::Reject { reason: r, .. }) if r == reason
            ));
        }
        assert_eq!(judge(410), Verdict::Gone("410 Gone: text".into()));
    }

    #[test]
    fn a_sink_may_say_when_to_come_back() {
        let after = |status: u16, headers: &[(&'static str, &str)]| match judge(
            &answer(status, headers),
            784_111_777_000,
        ) {
            Verdict::Failed(DeliveryError::RetryAfter { after, .. }) => Some(after.as_secs()),
            _ => None,
        };
        assert_eq!(after(429, &[("retry-after", "17")]), Some(17));
        assert_eq!(after(503, &[("retry-after", " 0 ")]), Some(0));
        assert_eq!(after(503, &[("retry-after", "999999999")]), Some(3600));
        assert_eq!(after(429, &[("retry-after", "tomorrow")]), None);
        assert_eq!(after(429, &[("retry-after", "-1")]), None);
        assert_eq!(after(429, &[]), None);
        assert_eq!(after(500, &[("retry-after", "17")]), None);
        // All three forms of a date, against our clock at 08:49:37.
        for date in [
            "Sun, 06 Nov 1994 08:50:37 GMT",
            "Sunday, 06-Nov-94 08:50:37 GMT",
            "Sun Nov  6 08:50:37 1994",
        ] {
            assert_eq!(after(429, &[("retry-after", date)]), Some(60), "{date}");
        }
        let past = "Sun, 06 Nov 1994 08:40:00 GMT";
        assert_eq!(after(429, &[("retry-after", past)]), Some(0));
        // Against the clock of the sink, where it says what time it has.
        let both = [
            ("date", past),
            ("retry-after", "Sun, 06 Nov 1994 08:40:05 GMT"),
        ];
        assert_eq!(after(429, &both), Some(5));
    }
}
