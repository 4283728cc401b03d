//! Timers: events that wait for their time. They are set by publishing an event with a time.

use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use vanus_types::{
    ErrorCode, TimerId,
    control::{DEFAULT_NAMESPACE, TimerFilter, TimerInfo, TimerOutcome, TimerPlace},
    event::timestamp,
    format,
    limits::MAX_LISTED_TIMERS,
};

use super::Answer;
use crate::{
    gateway::Gateway,
    http::{Parameters, Problem, json_body, parse},
};

/// Which timers are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// The namespace of `eventbus`; `default` if it is not said.
    namespace: Option<String>,
    /// Those of this eventbus.
    eventbus: Option<String>,
    /// Those with this partition key.
    key: Option<String>,
    /// Those due at this time or later, RFC 3339.
    from: Option<String>,
    /// Those due before this time, RFC 3339.
    until: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    limit: Option<usize>,
}

/// A page of timers.
#[derive(Debug, Serialize)]
pub(crate) struct Timers {
    timers: Vec<TimerInfo>,
    next: Option<String>,
}

/// Lists them, by the time they are due.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Parameters(query): Parameters<ListQuery>,
) -> Answer<Timers> {
    let vanus = gateway.vanus();
    let eventbus_id = match &query.eventbus {
        None => None,
        Some(name) => {
            let namespace = query.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
            Some(vanus.eventbus(namespace, name)?.id())
        }
    };
    let time = |name: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => due("query", name, text).map(Some),
    };
    let filter = TimerFilter {
        eventbus_id,
        key: query.key,
        from_ms: time("from", &query.from)?,
        until_ms: time("until", &query.until)?,
    };
    let limit = query.limit.unwrap_or(MAX_LISTED_TIMERS);
    if !(1..=MAX_LISTED_TIMERS).contains(&limit) {
        let detail = format!("limit is {limit}, allowed are 1 to {MAX_LISTED_TIMERS}");
        return Err(Problem::new(ErrorCode::InvalidArgument, detail));
    }
    let after = query.after.as_deref().map(place).transpose()?;
    let list = vanus.timers(filter, after, limit).await?;
    let text = |place: TimerPlace| format!("{}_{}", place.due_ms, place.id);
    Ok(Json(Timers {
        timers: list.items,
        next: list.next.map(text),
    }))
}

/// Where a page begins.
fn place(text: &str) -> Result<TimerPlace, Problem> {
    let (due_ms, id) = text.split_once('_').unwrap_or((text, ""));
    Ok(TimerPlace {
        due_ms: parse("after", due_ms)?,
        id: parse("after", id)?,
    })
}

/// Reads a time.
fn due(what: &str, name: &str, text: &str) -> Result<i64, Problem> {
    timestamp::parse_ms(text).ok_or_else(|| {
        let detail = format!("{name} of the {what} is no RFC 3339 time: \"{text}\"");
        Problem::new(ErrorCode::InvalidArgument, detail)
    })
}

/// A timer and its event.
#[derive(Debug, Serialize)]
struct Detail {
    #[serde(flatten)]
    info: TimerInfo,
    event: Box<RawValue>,
}

/// Tells about one.
pub(crate) async fn info(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (info, event) = gateway.vanus().timer(parse("id", &id)?).await?;
    let broken = |detail: String| Problem::new(ErrorCode::Internal, detail);
    let text =
        String::from_utf8(format::json::encode(&event)).map_err(|e| broken(e.to_string()))?;
    let event = RawValue::from_string(text).map_err(|e| broken(e.to_string()))?;
    Ok(Json(Detail { info, event }).into_response())
}

/// What became of a wish.
#[derive(Debug, Serialize)]
pub(crate) struct Granted {
    timer: TimerId,
    outcome: TimerOutcome,
}

fn granted(timer: TimerId, outcome: TimerOutcome) -> Answer<Granted> {
    match outcome {
        TimerOutcome::Done => Ok(Json(Granted { timer, outcome })),
        TimerOutcome::TooLate => {
            let detail = format!("too late: timer {timer} has fired, was cancelled, or never was");
            Err(Problem::new(ErrorCode::TimerNotFound, detail))
        }
    }
}

/// Cancels one.
pub(crate) async fn cancel(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Answer<Granted> {
    let id = parse("id", &id)?;
    granted(id, gateway.vanus().cancel_timer(id).await?)
}

/// When a timer shall be due.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    /// RFC 3339.
    delivery_time: String,
}

/// Lets one be due at another time.
pub(crate) async fn update(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    request: Request,
) -> Answer<Granted> {
    let id = parse("id", &id)?;
    let Update { delivery_time } = json_body(request).await?;
    let due_ms = due("body", "delivery_time", &delivery_time)?;
    granted(id, gateway.vanus().update_timer(id, due_ms).await?)
}

/// Lets one be due now.
pub(crate) async fn fire_now(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Answer<Granted> {
    let id = parse("id", &id)?;
    granted(id, gateway.vanus().fire_timer(id).await?)
}
