//! All routes, in one table from which the router is made and the OpenAPI document is checked.

use axum::{
    Router,
    handler::Handler,
    http::Method,
    middleware::from_fn_with_state,
    routing::{MethodFilter, on},
};

use crate::{
    gateway::Gateway,
    http::{bound_reads, bound_requests},
    ingress,
    rest::{
        cluster, dead_letters, eventbuses, events, namespaces, openapi, schedules, stream,
        subscriptions, timers,
    },
};

/// Routes with their names.
pub(crate) struct Table {
    router: Router<Gateway>,
    names: Vec<(Method, &'static str)>,
}

impl Table {
    fn new() -> Self {
        Self {
            router: Router::new(),
            names: Vec::new(),
        }
    }

    fn add<H, T>(mut self, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Gateway>,
        T: 'static,
    {
        // Every method used below has a filter.
        if let Ok(filter) = MethodFilter::try_from(method.clone()) {
            self.router = self.router.route(path, on(filter, handler));
            self.names.push((method, path));
        }
        self
    }

    fn get<H: Handler<T, Gateway>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::GET, path, handler)
    }

    fn post<H: Handler<T, Gateway>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::POST, path, handler)
    }

    fn delete<H: Handler<T, Gateway>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::DELETE, path, handler)
    }

    fn and(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.names.extend(other.names);
        self
    }

    pub(crate) fn into_router(self) -> Router<Gateway> {
        self.router
    }
}

/// The table of all routes, with their limits.
pub(crate) fn table(gateway: &Gateway) -> Table {
    let mut requests = requests();
    requests.router = requests
        .router
        .route_layer(from_fn_with_state(gateway.clone(), bound_requests));
    let mut reads = reads();
    reads.router = reads
        .router
        .route_layer(from_fn_with_state(gateway.clone(), bound_reads));
    requests.and(reads)
}

const NAMESPACES: &str = "/api/v1/namespaces";
const NAMESPACE: &str = "/api/v1/namespaces/{namespace}";
const EVENTBUSES: &str = "/api/v1/namespaces/{namespace}/eventbuses";
const EVENTBUS: &str = "/api/v1/namespaces/{namespace}/eventbuses/{eventbus}";
const SUBSCRIPTIONS: &str = "/api/v1/subscriptions";
const TIMER: &str = "/api/v1/timers/{id}";
const SCHEDULE: &str = "/api/v1/namespaces/{namespace}/schedules/{schedule}";
const SUBSCRIPTION: &str = "/api/v1/subscriptions/{id}";

/// What publishes, manages and tells.
fn requests() -> Table {
    Table::new()
        .post(
            "/namespaces/{namespace}/eventbus/{eventbus}/events",
            ingress::publish,
        )
        .post("/gateway/{eventbus}", ingress::publish_default)
        .get("/openapi.json", openapi::document)
        .get("/api/v1/cluster", cluster::info)
        .get(NAMESPACES, namespaces::list)
        .post(NAMESPACES, namespaces::create)
        .get(NAMESPACE, namespaces::info)
        .delete(NAMESPACE, namespaces::delete)
        .get("/api/v1/eventbuses", eventbuses::list_all)
        .get(EVENTBUSES, eventbuses::list)
        .post(EVENTBUSES, eventbuses::create)
        .get(EVENTBUS, eventbuses::info)
        .add(Method::PATCH, EVENTBUS, eventbuses::update)
        .delete(EVENTBUS, eventbuses::delete)
        .get(SUBSCRIPTIONS, subscriptions::list)
        .post(SUBSCRIPTIONS, subscriptions::create)
        .post("/api/v1/subscriptions/try", subscriptions::attempt)
        .get(SUBSCRIPTION, subscriptions::info)
        .add(Method::PUT, SUBSCRIPTION, subscriptions::update)
        .delete(SUBSCRIPTION, subscriptions::delete)
        .post("/api/v1/subscriptions/{id}/disable", subscriptions::disable)
        .post("/api/v1/subscriptions/{id}/resume", subscriptions::resume)
        .post(
            "/api/v1/subscriptions/{id}/reset-offset",
            subscriptions::reset_offset,
        )
        .get(
            "/api/v1/subscriptions/{id}/handshake",
            subscriptions::consent,
        )
        .post(
            "/api/v1/subscriptions/{id}/handshake",
            subscriptions::consent,
        )
        .post(
            "/api/v1/subscriptions/{id}/dead-letters/resend",
            dead_letters::resend,
        )
        .and(later())
}

/// What happens later: timers and schedules.
fn later() -> Table {
    Table::new()
        .get("/api/v1/schedules", schedules::list)
        .post(
            "/api/v1/namespaces/{namespace}/schedules",
            schedules::create,
        )
        .get(SCHEDULE, schedules::info)
        .delete(SCHEDULE, schedules::delete)
        .post(
            "/api/v1/namespaces/{namespace}/schedules/{schedule}/pause",
            schedules::pause,
        )
        .post(
            "/api/v1/namespaces/{namespace}/schedules/{schedule}/resume",
            schedules::resume,
        )
        .get("/api/v1/timers", timers::list)
        .get(TIMER, timers::info)
        .add(Method::PATCH, TIMER, timers::update)
        .delete(TIMER, timers::cancel)
        .post("/api/v1/timers/{id}/fire", timers::fire_now)
}

/// What reads events, and may wait for them.
fn reads() -> Table {
    Table::new()
        .get(
            "/api/v1/subscriptions/{id}/dead-letters",
            dead_letters::list,
        )
        .get(
            "/api/v1/namespaces/{namespace}/eventbuses/{eventbus}/events",
            events::read,
        )
        .get(
            "/api/v1/namespaces/{namespace}/eventbuses/{eventbus}/events/stream",
            stream::tail,
        )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        serde_json::from_str(crate::rest::openapi::DOCUMENT).unwrap()
    }

    #[test]
    fn the_document_describes_every_route_and_nothing_else() {
        let table = requests().and(reads());
        let routes: BTreeSet<_> = table
            .names
            .iter()
            .map(|(method, path)| format!("{method} {path}"))
            .collect();
        let document = document();
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                if method != "parameters" {
                    described.insert(format!("{} {path}", method.to_uppercase()));
                }
            }
        }
        assert_eq!(described, routes);
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_operation_has_a_name() {
        let document = document();
        let mut names = BTreeSet::new();
        let mut waiting = vec![&document];
        while let Some(value) = waiting.pop() {
            match value {
                Value::Array(items) => waiting.extend(items),
                Value::Object(members) => {
                    if let Some(Value::String(target)) = members.get("$ref") {
                        let pointer = target.strip_prefix('#').unwrap();
                        assert!(document.pointer(pointer).is_some(), "{target}");
                    }
                    if members.contains_key("responses") && members.contains_key("tags") {
                        let name = members["operationId"].as_str().unwrap();
                        assert!(names.insert(name.to_owned()), "{name} twice");
                        assert!(members["summary"].is_string(), "{name}");
                    }
                    waiting.extend(members.values());
                }
                _ => {}
            }
        }
        assert!(names.len() > 20);
    }

    #[test]
    fn every_parameter_of_a_path_is_described() {
        let document = document();
        for (path, item) in document["paths"].as_object().unwrap() {
            let wanted: BTreeSet<_> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            let none = Vec::new();
            let told = item["parameters"].as_array().unwrap_or(&none);
            let resolve = |value: &'_ Value| match value["$ref"].as_str() {
                Some(target) => document.pointer(&target[1..]).unwrap().clone(),
                None => value.clone(),
            };
            let told: Vec<_> = told.iter().map(resolve).collect();
            let told: BTreeSet<_> = told
                .iter()
                .map(|value| value["name"].as_str().unwrap())
                .collect();
            assert_eq!(told, wanted, "{path}");
        }
    }
}
