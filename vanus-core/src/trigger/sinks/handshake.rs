//! The handshake of the CloudEvents webhook specification: nothing is delivered to a sink that has
//! not agreed, and no faster than it allows.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use parking_lot::Mutex;
use tokio::sync::Mutex as AsyncMutex;
use vanus_net::http::{HttpClient, HttpRequest, HttpResponse, HttpTarget};
use vanus_types::{Clock, SubscriptionId, control::HandshakeSpec};

use crate::trigger::{limiter::RateLimiter, sink::Agreement};

/// Header of the handshake, and of every delivery.
pub(super) const REQUEST_ORIGIN: &str = "webhook-request-origin";
const REQUEST_CALLBACK: &str = "webhook-request-callback";
const REQUEST_RATE: &str = "webhook-request-rate";
const ALLOWED_ORIGIN: &str = "webhook-allowed-origin";
const ALLOWED_RATE: &str = "webhook-allowed-rate";

/// How long to wait before a sink that did not agree is asked again; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The longest such wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// The handshake with one sink.
#[derive(Debug)]
pub(super) struct Handshake {
    spec: HandshakeSpec,
    callback: Option<HeaderValue>,
    target: HttpTarget,
    /// Those of the subscription: the sink may want to be shown a credential.
    headers: HeaderMap,
    timeout: Duration,
    state: Mutex<State>,
    /// Held by the one who asks.
    asking: AsyncMutex<()>,
}

#[derive(Debug)]
enum State {
    /// The sink has not agreed, for this reason.
    Waiting(String),
    /// It has, and this is how fast it wants to be delivered to.
    Agreed(RateLimiter, bool),
}

impl Handshake {
    pub(super) fn new(
        spec: &HandshakeSpec,
        subscription: SubscriptionId,
        agreement: &Agreement<'_>,
        target: HttpTarget,
        headers: HeaderMap,
        timeout: Duration,
    ) -> Self {
        let state = if agreement.granted {
            agreed(limit(spec.rate, agreement.rate))
        } else {
            State::Waiting("the sink has not been asked yet".to_owned())
        };
        let callback = spec
            .callback
            .as_deref()
            .zip(agreement.key)
            .map(|(base, key)| {
                let base = base.trim_end_matches('/');
                format!("{base}/api/v1/subscriptions/{subscription}/handshake?key={key}")
            });
        Self {
            spec: spec.clone(),
            callback: callback.and_then(|url| {
                let mut url = HeaderValue::from_str(&url).ok()?;
                url.set_sensitive(true);
                Some(url)
            }),
            target,
            headers,
            timeout,
            state: Mutex::new(state),
            asking: AsyncMutex::new(()),
        }
    }

    /// Whether the sink has agreed to any rate.
    pub(super) fn is_free(&self) -> bool {
        matches!(&*self.state.lock(), State::Agreed(_, false))
    }

    /// Why nothing is delivered, as long as the sink has not agreed.
    pub(super) fn problem(&self) -> Option<String> {
        match &*self.state.lock() {
            State::Waiting(why) => Some(format!("the sink has not agreed to deliveries: {why}")),
            State::Agreed(..) => None,
        }
    }

    /// Waits until the sink has agreed, and for the next moment at which it wants to be delivered
    /// to. Cancellation safe.
    pub(super) async fn pass(&self, client: &HttpClient, clock: &dyn Clock) {
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(wait) = self.book(clock) {
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
                return;
            }
            // One asks; the others wait for what it hears.
            let _asking = self.asking.lock().await;
            if !matches!(*self.state.lock(), State::Waiting(_)) {
                continue;
            }
            match self.ask(client).await {
                Ok(rate) => *self.state.lock() = agreed(rate),
                Err(why) => {
                    tracing::warn!(origin = %self.spec.origin, %why, "a sink has not agreed to deliveries");
                    *self.state.lock() = State::Waiting(why);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Books the next delivery; nothing, if the sink has not agreed.
    fn book(&self, clock: &dyn Clock) -> Option<Duration> {
        match &mut *self.state.lock() {
            State::Waiting(_) => None,
            State::Agreed(limiter, _) => {
                Some(Duration::from_nanos(limiter.book(clock.monotonic_ns())))
            }
        }
    }

    async fn ask(&self, client: &HttpClient) -> Result<Option<u32>, String> {
        let mut headers = self.headers.clone();
        let mut put = |name: &'static str, value: Option<HeaderValue>| {
            value.map(|value| headers.insert(name, value));
        };
        put(
            REQUEST_ORIGIN,
            HeaderValue::from_str(&self.spec.origin).ok(),
        );
        put(REQUEST_RATE, self.spec.rate.map(HeaderValue::from));
        put(REQUEST_CALLBACK, self.callback.clone());
        let mut request = HttpRequest::post(
            self.target.clone(),
            headers,
            bytes::Bytes::new(),
            self.timeout,
        );
        request.method = Method::OPTIONS;
        let answer = client.request(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        judge(&self.spec, &answer)
    }
}

fn agreed(rate: Option<u32>) -> State {
    // Deliveries a minute, spread evenly.
    let gap = rate.map_or(0, |rate| 60_000_000_000 / u64::from(rate.max(1)));
    State::Agreed(RateLimiter::with_gap_ns(gap), gap > 0)
}

/// The smaller of two limits.
fn limit(asked: Option<u32>, allowed: Option<u32>) -> Option<u32> {
    match (asked, allowed) {
        (Some(asked), Some(allowed)) => Some(asked.min(allowed)),
        (one, other) => one.or(other),
    }
}

/// What the sink agrees to: a rate, or any. Only its headers count, as servers that know nothing of
/// the handshake answer `OPTIONS` with success; an error is no consent whatever comes with it.
fn judge(spec: &HandshakeSpec, answer: &HttpResponse) -> Result<Option<u32>, String> {
    let status = answer.status;
    let mut origins = answer.headers.get_all(ALLOWED_ORIGIN).iter();
    let (origin, more) = (origins.next(), origins.next());
    if !status.is_success() {
        return Err(format!("it answered {status}"));
    }
    let origin = match (origin, more) {
        (None, _) => {
            return Err(format!(
                "it answered {status} without WebHook-Allowed-Origin"
            ));
        }
        (Some(_), Some(_)) => return Err("it answered with two WebHook-Allowed-Origin".to_owned()),
        (Some(origin), None) => String::from_utf8_lossy(origin.as_bytes()).trim().to_owned(),
    };
    if origin != "*" && !origin.eq_ignore_ascii_case(&spec.origin) {
        return Err(format!("it allows \"{origin}\", not \"{}\"", spec.origin));
    }
    let mut rates = answer.headers.get_all(ALLOWED_RATE).iter();
    let allowed = match (rates.next(), rates.next()) {
        // It should be said, and must be if it was asked for; then what was asked for holds.
        (None, _) => None,
        (Some(_), Some(_)) => return Err("it answered with two WebHook-Allowed-Rate".to_owned()),
        (Some(rate), None) => parse_rate(rate.as_bytes())?,
    };
    Ok(limit(spec.rate, allowed))
}

/// Reads a rate: a positive number of deliveries a minute, or `*` for any.
fn parse_rate(text: &[u8]) -> Result<Option<u32>, String> {
    let text = String::from_utf8_lossy(text);
    let text = text.trim();
    match text.parse() {
        _ if text == "*" => Ok(None),
        Ok(rate) if rate > 0 && !text.starts_with('+') => Ok(Some(rate)),
        _ => Err(format!(
            "its WebHook-Allowed-Rate is \"{text}\", no number above zero and no *"
        )),
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn judged(
        rate: Option<u32>,
        status: u16,
        headers: &[(&'static str, &str)],
    ) -> Result<Option<u32>, String> {
        let spec = HandshakeSpec {
            origin: "events.example.com".into(),
            rate,
            callback: None,
        };
        let mut answer = HttpResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: bytes::Bytes::new(),
            truncated: false,
            trailers: HeaderMap::new(),
        };
        for (name, value) in headers {
            answer
                .headers
                .append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        judge(&spec, &answer)
    }

    #[test]
    fn the_origin_or_all_origins_are_consent_and_nothing_else_is() {
        let origin = |value: &'static str| judged(None, 200, &[(ALLOWED_ORIGIN, value)]);
        for good in [
            "*",
            "events.example.com",
            "Events.Example.COM",
            " events.example.com ",
        ] {
            assert_eq!(origin(good), Ok(None), "{good}");
        }
        for bad in [
            "",
            "example.com",
            "*.example.com",
            "events.example.com.",
            "**",
            "null",
            "events.example.com, other.example.com",
            "http://events.example.com",
            "éxample",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
        let both = [
            (ALLOWED_ORIGIN, "*"),
            (ALLOWED_ORIGIN, "events.example.com"),
        ];
        assert!(judged(None, 200, &both).is_err());
    }

    #[test]
    fn a_status_alone_is_no_consent() {
        for status in [
            200, 202, 204, 301, 400, 401, 404, 405, 410, 429, 500, 501, 503,
        ] {
            assert!(judged(None, status, &[]).is_err(), "{status}");
            assert!(
                judged(None, status, &[("allow", "POST")]).is_err(),
                "{status}"
            );
            let consent = judged(None, status, &[(ALLOWED_ORIGIN, "*")]);
            assert_eq!(consent.is_ok(), status < 300, "{status}");
        }
    }

    #[test]
    fn the_rate_is_the_smaller_one_of_those_asked_for_and_allowed() {
        let rate = |asked, allowed: Option<&'static str>| {
            let mut headers = vec![(ALLOWED_ORIGIN, "*")];
            headers.extend(allowed.map(|allowed| (ALLOWED_RATE, allowed)));
            judged(asked, 200, &headers)
        };
        assert_eq!(rate(None, None), Ok(None));
        assert_eq!(rate(None, Some("*")), Ok(None));
        assert_eq!(rate(None, Some("100")), Ok(Some(100)));
        assert_eq!(rate(Some(120), None), Ok(Some(120)));
        assert_eq!(rate(Some(120), Some("*")), Ok(Some(120)));
        assert_eq!(rate(Some(120), Some("100")), Ok(Some(100)));
        assert_eq!(rate(Some(120), Some(" 500 ")), Ok(Some(120)));
        for bad in ["0", "-1", "+5", "1.5", "many", "", "99999999999", "* *"] {
            assert!(rate(None, Some(bad)).is_err(), "{bad}");
        }
        let two = [
            (ALLOWED_ORIGIN, "*"),
            (ALLOWED_RATE, "1"),
            (ALLOWED_RATE, "2"),
        ];
        assert!(judged(None, 200, &two).is_err());
    }
}
