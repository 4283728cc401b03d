//! Eventbuses.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::StatusCode,
    response::Response,
};
use serde::{Deserialize, Serialize};
use vanus_types::{
    EventbusId,
    control::{EventbusInfo, EventbusRecord, EventbusSpec, EventbusUpdate},
};

use super::{Answer, created, page::PageQuery};
use crate::{
    gateway::Gateway,
    http::{Parameters, Problem, json_body},
};

/// A page of eventbuses.
#[derive(Debug, Serialize)]
pub(crate) struct Eventbuses {
    eventbuses: Vec<EventbusRecord>,
    next: Option<EventbusId>,
}

/// Lists those of all namespaces but the system's.
pub(crate) async fn list_all(
    State(gateway): State<Gateway>,
    Parameters(page): Parameters<PageQuery>,
) -> Answer<Eventbuses> {
    listed(&gateway, None, &page)
}

/// Lists those of one namespace.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Path(namespace): Path<String>,
    Parameters(page): Parameters<PageQuery>,
) -> Answer<Eventbuses> {
    listed(&gateway, Some(&namespace), &page)
}

fn listed(gateway: &Gateway, namespace: Option<&str>, page: &PageQuery) -> Answer<Eventbuses> {
    let records = gateway.vanus().eventbuses(namespace)?;
    let (eventbuses, next) = page.cut(records, |record| record.id)?;
    Ok(Json(Eventbuses { eventbuses, next }))
}

/// Creates one.
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    Path(namespace): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let spec: EventbusSpec = json_body(request).await?;
    let bus = gateway.vanus().create_eventbus(&namespace, spec).await?;
    let info = gateway.vanus().eventbus_info(bus.id(), false)?;
    let name = &info.record.name;
    Ok(created(
        &format!("/api/v1/namespaces/{namespace}/eventbuses/{name}"),
        info,
    ))
}

/// What else is wanted to know.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InfoQuery {
    #[serde(default)]
    segments: bool,
}

/// Tells about one, with its segments if asked to.
pub(crate) async fn info(
    State(gateway): State<Gateway>,
    Path((namespace, name)): Path<(String, String)>,
    Parameters(query): Parameters<InfoQuery>,
) -> Answer<EventbusInfo> {
    let bus = gateway.vanus().eventbus(&namespace, &name)?;
    Ok(Json(
        gateway.vanus().eventbus_info(bus.id(), query.segments)?,
    ))
}

/// Changes one.
pub(crate) async fn update(
    State(gateway): State<Gateway>,
    Path((namespace, name)): Path<(String, String)>,
    request: Request,
) -> Answer<EventbusInfo> {
    let bus = gateway.vanus().eventbus(&namespace, &name)?;
    let update: EventbusUpdate = json_body(request).await?;
    Ok(Json(
        gateway.vanus().update_eventbus(bus.id(), update).await?,
    ))
}

/// Deletes one with its events, subscriptions and dead letters.
pub(crate) async fn delete(
    State(gateway): State<Gateway>,
    Path((namespace, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let bus = gateway.vanus().eventbus(&namespace, &name)?;
    gateway.vanus().delete_eventbus(bus.id()).await?;
    Ok(StatusCode::NO_CONTENT)
}
