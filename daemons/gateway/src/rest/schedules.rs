//! Schedules: events made again and again.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::StatusCode,
    response::Response,
};
use serde::{Deserialize, Serialize};
use vanus_types::{
    ScheduleId,
    control::{ScheduleInfo, ScheduleSpec},
};

use super::{Answer, created, page::PageQuery};
use crate::{
    gateway::Gateway,
    http::{Parameters, Problem, json_body},
};

/// Which schedules are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Those of this namespace.
    namespace: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// A page of schedules.
#[derive(Debug, Serialize)]
pub(crate) struct Schedules {
    schedules: Vec<ScheduleInfo>,
    next: Option<ScheduleId>,
}

/// Which schedule.
#[derive(Debug, Deserialize)]
pub(crate) struct Place {
    namespace: String,
    schedule: String,
}

/// Lists them.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Parameters(query): Parameters<ListQuery>,
) -> Answer<Schedules> {
    let infos = gateway.vanus().schedules(query.namespace.as_deref())?;
    let page = PageQuery::new(query.after, query.limit);
    let (schedules, next) = page.cut(infos, |info| info.record.id)?;
    Ok(Json(Schedules { schedules, next }))
}

/// Creates one.
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    Path(namespace): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let spec: ScheduleSpec = json_body(request).await?;
    let info = gateway.vanus().create_schedule(&namespace, spec).await?;
    let (namespace, name) = (&info.record.namespace, &info.record.name);
    let location = format!("/api/v1/namespaces/{namespace}/schedules/{name}");
    Ok(created(&location, info))
}

/// Tells about one.
pub(crate) async fn info(
    State(gateway): State<Gateway>,
    Path(place): Path<Place>,
) -> Answer<ScheduleInfo> {
    let info = gateway.vanus().schedule(&place.namespace, &place.schedule);
    Ok(Json(info?))
}

/// Lets one make no events until it is resumed.
pub(crate) async fn pause(
    State(gateway): State<Gateway>,
    Path(Place {
        namespace,
        schedule,
    }): Path<Place>,
) -> Answer<ScheduleInfo> {
    let paused = gateway.vanus().pause_schedule(&namespace, &schedule);
    Ok(Json(paused.await?))
}

/// Lets one go on.
pub(crate) async fn resume(
    State(gateway): State<Gateway>,
    Path(Place {
        namespace,
        schedule,
    }): Path<Place>,
) -> Answer<ScheduleInfo> {
    let resumed = gateway.vanus().resume_schedule(&namespace, &schedule);
    Ok(Json(resumed.await?))
}

/// Deletes one; what it made stays.
pub(crate) async fn delete(
    State(gateway): State<Gateway>,
    Path(Place {
        namespace,
        schedule,
    }): Path<Place>,
) -> Result<StatusCode, Problem> {
    let deleted = gateway.vanus().delete_schedule(&namespace, &schedule);
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}
