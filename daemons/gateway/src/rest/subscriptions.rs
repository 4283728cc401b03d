//! Subscriptions.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use vanus_types::{
    Coded as _, ErrorCode, SubscriptionId,
    control::{
        DEFAULT_NAMESPACE, FilterSpec, SubscriptionInfo, SubscriptionReset, SubscriptionSpec,
        TransformerSpec,
    },
    format,
};

use super::{Answer, created, page::PageQuery};
use crate::{
    gateway::Gateway,
    http::{Parameters, Problem, json_body, parse},
};

/// Which subscriptions are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Those of this namespace; with `eventbus`, `default` if it is not said.
    namespace: Option<String>,
    /// Those of this eventbus.
    eventbus: Option<String>,
    /// Those of this name.
    name: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// A page of subscriptions.
#[derive(Debug, Serialize)]
pub(crate) struct Subscriptions {
    subscriptions: Vec<SubscriptionInfo>,
    next: Option<SubscriptionId>,
}

/// Lists them.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Parameters(query): Parameters<ListQuery>,
) -> Answer<Subscriptions> {
    let vanus = gateway.vanus();
    let bus = match &query.eventbus {
        None => None,
        Some(name) => {
            let namespace = query.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
            Some(vanus.eventbus(namespace, name)?.id())
        }
    };
    let mut infos = vanus.subscriptions(bus).await?;
    if let Some(namespace) = &query.namespace {
        let namespace = vanus.namespace(namespace)?.id;
        infos.retain(|info| info.record.namespace_id == namespace);
    }
    if let Some(name) = &query.name {
        infos.retain(|info| info.record.spec.name.as_str() == name);
    }
    let page = PageQuery::new(query.after, query.limit);
    let (subscriptions, next) = page.cut(infos, |info| info.record.id)?;
    Ok(Json(Subscriptions {
        subscriptions,
        next,
    }))
}

/// Creates one.
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    request: Request,
) -> Result<Response, Problem> {
    let spec = spec(request).await?;
    let info = gateway.vanus().create_subscription(spec).await?;
    Ok(created(
        &format!("/api/v1/subscriptions/{}", info.record.id),
        info,
    ))
}

/// Tells about one.
pub(crate) async fn info(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Answer<SubscriptionInfo> {
    Ok(Json(gateway.vanus().subscription(parse("id", &id)?).await?))
}

/// Changes one: what is sent takes the place of its whole specification.
pub(crate) async fn update(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    request: Request,
) -> Answer<SubscriptionInfo> {
    let id = parse("id", &id)?;
    let spec = spec(request).await?;
    Ok(Json(gateway.vanus().update_subscription(id, spec).await?))
}

/// Deletes one; its dead letters stay.
pub(crate) async fn delete(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    gateway
        .vanus()
        .delete_subscription(parse("id", &id)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pauses one.
pub(crate) async fn disable(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Answer<SubscriptionInfo> {
    Ok(Json(
        gateway
            .vanus()
            .disable_subscription(parse("id", &id)?)
            .await?,
    ))
}

/// Lets one go on.
pub(crate) async fn resume(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Answer<SubscriptionInfo> {
    Ok(Json(
        gateway
            .vanus()
            .resume_subscription(parse("id", &id)?)
            .await?,
    ))
}

/// Moves a paused one.
pub(crate) async fn reset_offset(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    request: Request,
) -> Answer<SubscriptionInfo> {
    let id = parse("id", &id)?;
    let reset: SubscriptionReset = json_body(request).await?;
    Ok(Json(gateway.vanus().reset_subscription(id, reset).await?))
}

/// What a sink shows that agrees.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsentQuery {
    key: String,
}

/// Takes the consent of a sink, which was given this URL in the handshake.
pub(crate) async fn consent(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    Parameters(query): Parameters<ConsentQuery>,
    headers: HeaderMap,
) -> Result<&'static str, Problem> {
    let rate = match headers.get("webhook-allowed-rate") {
        None => None,
        Some(value) => allowed_rate(value.to_str().unwrap_or_default().trim())?,
    };
    let id = parse("id", &id)?;
    gateway.vanus().grant_consent(id, &query.key, rate).await?;
    Ok("Deliveries are agreed to.\n")
}

/// A positive number of deliveries a minute, or `*` for any.
fn allowed_rate(text: &str) -> Result<Option<u32>, Problem> {
    match text.parse() {
        _ if text == "*" => Ok(None),
        Ok(rate) if rate > 0 => Ok(Some(rate)),
        _ => {
            let detail =
                format!("WebHook-Allowed-Rate is \"{text}\", no number above zero and no *");
            Err(Problem::new(ErrorCode::InvalidArgument, detail))
        }
    }
}

/// What is to be tried: filters and a transformer, those of a subscription where they are not
/// given, on an event.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attempt {
    subscription: Option<SubscriptionId>,
    filters: Option<Vec<FilterSpec>>,
    transformer: Option<TransformerSpec>,
    event: Box<RawValue>,
}

/// Tells what would become of an event; nothing is stored or delivered.
pub(crate) async fn attempt(
    State(gateway): State<Gateway>,
    request: Request,
) -> Answer<serde_json::Value> {
    let asked: Attempt = json_body(request).await?;
    let vanus = gateway.vanus();
    let (mut filters, mut transformer) = match asked.subscription {
        None => (Vec::new(), None),
        Some(id) => {
            let spec = vanus.subscription(id).await?.record.spec;
            (spec.filters, spec.transformer)
        }
    };
    filters = asked.filters.unwrap_or(filters);
    transformer = asked.transformer.or(transformer);
    let event = format::json::decode(asked.event.get().as_bytes())
        .map_err(|error| Problem::new(error.code(), format!("event: {error}")))?;
    let trial = vanus.try_event(&filters, transformer.as_ref(), &event)?;
    Ok(Json(trial.to_json()))
}

async fn spec(request: Request) -> Result<SubscriptionSpec, Problem> {
    let spec: SubscriptionSpec = json_body(request).await?;
    if spec.is_embedded() {
        let detail = "a sink embedded in a program can only be made by that program";
        return Err(Problem::new(ErrorCode::InvalidSink, detail));
    }
    Ok(spec)
}
