//! Namespaces.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::StatusCode,
    response::Response,
};
use serde::Serialize;
use vanus_types::{
    NamespaceId,
    control::{NamespaceRecord, NamespaceSpec},
};

use super::{Answer, created, page::PageQuery};
use crate::{
    gateway::Gateway,
    http::{Parameters, Problem, json_body},
};

/// A page of namespaces.
#[derive(Debug, Serialize)]
pub(crate) struct Namespaces {
    namespaces: Vec<NamespaceRecord>,
    next: Option<NamespaceId>,
}

/// Lists them.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Parameters(page): Parameters<PageQuery>,
) -> Answer<Namespaces> {
    let (namespaces, next) = page.cut(gateway.vanus().namespaces(), |record| record.id)?;
    Ok(Json(Namespaces { namespaces, next }))
}

/// Creates one.
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    request: Request,
) -> Result<Response, Problem> {
    let spec: NamespaceSpec = json_body(request).await?;
    let record = gateway.vanus().create_namespace(spec).await?;
    Ok(created(
        &format!("/api/v1/namespaces/{}", record.name),
        record,
    ))
}

/// Tells about one.
pub(crate) async fn info(
    State(gateway): State<Gateway>,
    Path(namespace): Path<String>,
) -> Answer<NamespaceRecord> {
    Ok(Json(gateway.vanus().namespace(&namespace)?))
}

/// Deletes an empty one.
pub(crate) async fn delete(
    State(gateway): State<Gateway>,
    Path(namespace): Path<String>,
) -> Result<StatusCode, Problem> {
    gateway.vanus().delete_namespace(&namespace).await?;
    Ok(StatusCode::NO_CONTENT)
}
