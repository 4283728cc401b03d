//! The HTTP endpoint for `/metrics`, `/livez` and `/readyz`.

use std::time::Duration;

use axum::{
    Router,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vanus_net::http::{HttpServerOptions, serve_http};

use super::{
    health::{Health, HealthProbe},
    metrics::Metrics,
};

/// Most connections at once; scrapers need few.
const MAX_CONNECTIONS: usize = 64;

/// How long a stop waits for a scrape under way.
const DRAIN_GRACE: Duration = Duration::from_secs(1);

/// The media type of the OpenMetrics text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves metrics and health on `listener` until `stopping` is cancelled.
///
/// `/livez` answers 503 when the daemon does not get well by itself, `/readyz` also when it cannot
/// be used now; both say why.
pub async fn serve_telemetry(
    listener: TcpListener,
    metrics: Metrics,
    health: HealthProbe,
    stopping: CancellationToken,
) {
    let options = HttpServerOptions {
        max_connections: MAX_CONNECTIONS,
        drain_grace: DRAIN_GRACE,
        ..HttpServerOptions::default()
    };
    let router = router(metrics, health);
    serve_http(listener, |_| router.clone(), options, stopping).await;
}

fn router(metrics: Metrics, health: HealthProbe) -> Router {
    let ready = health.clone();
    Router::new()
        .route("/metrics", get(move || async move { scrape(&metrics) }))
        .route("/livez", get(move || async move { live(&health.ask()) }))
        .route(
            "/readyz",
            get(move || async move { readiness(&ready.ask()) }),
        )
}

fn scrape(metrics: &Metrics) -> Response {
    match metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "metrics cannot be written\n",
        )
            .into_response(),
    }
}

fn live(health: &Health) -> Response {
    match health {
        Health::Ready | Health::NotReady(_) => (StatusCode::OK, "ok\n").into_response(),
        Health::Dead(why) => unavailable(why),
    }
}

fn readiness(health: &Health) -> Response {
    match health {
        Health::Ready => (StatusCode::OK, "ok\n").into_response(),
        Health::NotReady(why) | Health::Dead(why) => unavailable(why),
    }
}

fn unavailable(why: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the test is a client")]
    async fn get(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn metrics_and_health_are_served_until_the_drain() {
        let listener = vanus_net::http::bind_tcp("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(Health::Ready));
        let asked = Arc::clone(&state);
        let probe = HealthProbe::new(move || asked.lock().clone());
        let stopping = CancellationToken::new();
        let serving = tokio::spawn(serve_telemetry(
            listener,
            Metrics::new(),
            probe,
            stopping.clone(),
        ));

        let metrics = get(address, "/metrics").await;
        assert!(
            metrics.starts_with("HTTP/1.1 200") && metrics.ends_with("# EOF\n"),
            "{metrics}"
        );
        for (health, live, ready) in [
            (Health::Ready, "200", "200"),
            (Health::NotReady("draining".into()), "200", "503"),
            (Health::Dead("the disk failed".into()), "503", "503"),
        ] {
            *state.lock() = health;
            assert!(
                get(address, "/livez")
                    .await
                    .starts_with(&format!("HTTP/1.1 {live}"))
            );
            assert!(
                get(address, "/readyz")
                    .await
                    .starts_with(&format!("HTTP/1.1 {ready}"))
            );
        }
        assert!(get(address, "/livez").await.ends_with("the disk failed\n"));
        assert!(get(address, "/other").await.starts_with("HTTP/1.1 404"));

        stopping.cancel();
        serving.await.unwrap();
    }
}
