//! Dead letters of a subscription.

use axum::{
    Json,
    extract::{Path, Request, State},
    response::Response,
};
use serde::{Deserialize, Serialize};
use vanus_types::limits::MAX_DEAD_LETTERS;

use super::{Answer, stored::events_body};
use crate::{
    gateway::Gateway,
    http::{Parameters, Problem, json_body, parse, within},
};

/// Which letters are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// An offset of the dead letter eventlog; else the first letter not sent again.
    offset: Option<u64>,
    number: Option<usize>,
}

/// Reads some.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Response, Problem> {
    let number = query.number.unwrap_or(MAX_DEAD_LETTERS);
    let reading = gateway
        .vanus()
        .dead_letters(parse("id", &id)?, query.offset, number);
    let found = within(gateway.options().timeout, reading).await??;
    Ok(events_body(
        &found.letters,
        found.next_offset,
        found.end_offset,
    ))
}

/// Which letters to send again; both ends included.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    from: Option<u64>,
    to: Option<u64>,
}

/// What became of it.
#[derive(Debug, Serialize)]
pub(crate) struct Sent {
    count: u64,
    next_offset: u64,
    done: bool,
}

/// Sends some again.
pub(crate) async fn resend(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    request: Request,
) -> Answer<Sent> {
    let id = parse("id", &id)?;
    let Range { from, to } = json_body(request).await?;
    let resent = gateway.vanus().resend_dead_letters(id, from, to).await?;
    Ok(Json(Sent {
        count: resent.count,
        next_offset: resent.next_offset,
        done: resent.done,
    }))
}
