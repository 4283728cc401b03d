//! Limits in front of the routes, and the last touch to every answer.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit},
    time::timeout,
};
use vanus_types::ErrorCode;

use super::problem::Problem;
use crate::gateway::Gateway;

/// Bounds requests that change or publish something, in number and time.
pub(crate) async fn bound_requests(
    State(gateway): State<Gateway>,
    request: Request,
    next: Next,
) -> Response {
    bounded(&gateway, next.run(request)).await
}

/// Gives `answering` one of the places for requests, and the time a request may take.
pub(crate) async fn bounded(
    gateway: &Gateway,
    answering: impl Future<Output = Response>,
) -> Response {
    let permit = match enter(gateway.requests(), gateway.options().max_requests) {
        Ok(permit) => permit,
        Err(problem) => return problem.into_response(),
    };
    let answered = within(gateway.options().timeout, answering).await;
    drop(permit);
    answered.unwrap_or_else(Problem::into_response)
}

/// Waits for `future` for at most `limit`.
///
/// # Errors
/// 503 when it takes longer.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Result<F::Output, Problem> {
    timeout(limit, future).await.map_err(|_| {
        let detail = format!(
            "the request took longer than {} ms; it may or may not have taken effect",
            limit.as_millis()
        );
        Problem::new(ErrorCode::Timeout, detail)
    })
}

/// Bounds the number of reads. How long one may take depends on what it waits for, so that is for
/// each to bound.
pub(crate) async fn bound_reads(
    State(gateway): State<Gateway>,
    mut request: Request,
    next: Next,
) -> Response {
    let readers = Arc::clone(gateway.readers());
    match readers.try_acquire_owned() {
        Ok(permit) => {
            // Whoever answers for longer than the request takes it along.
            let held = ReaderPermit(Arc::new(permit));
            request.extensions_mut().insert(held.clone());
            let response = next.run(request).await;
            drop(held);
            response
        }
        Err(_) => busy(gateway.options().max_readers).into_response(),
    }
}

/// The place of one read under way, kept as long as any clone is.
#[derive(Debug, Clone)]
pub(crate) struct ReaderPermit(
    #[expect(dead_code, reason = "its end is what it is for")] Arc<OwnedSemaphorePermit>,
);

/// Writes problems down, the router's own ones too.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    // A URI shares its text, so that a clone costs a reference count.
    let uri = request.uri().clone();
    written(next.run(request).await, uri.path())
}

/// Writes down the problem that `response`, to a request for `path`, tells.
pub(crate) fn written(mut response: Response, path: &str) -> Response {
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if response.status().is_client_error() || response.status().is_server_error() => {
            Problem::of_status(response.status())
        }
        None => return response,
    };
    if problem.status() >= 500 {
        tracing::warn!(path, problem = problem.json(path), "a request failed");
    }
    problem.write(response, path)
}

fn enter(room: &Semaphore, limit: usize) -> Result<SemaphorePermit<'_>, Problem> {
    room.try_acquire().map_err(|_| busy(limit))
}

fn busy(limit: usize) -> Problem {
    let detail = format!("{limit} requests are under way, which is the limit; ask again");
    Problem::new(ErrorCode::TryAgain, detail)
}
