//! What passes a limit is refused, and hurts nobody else.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use vanus_gateway::GatewayOptions;

use crate::house::{BATCH, EVENTS, House, ONE, STRUCTURED, request};

fn options() -> GatewayOptions {
    GatewayOptions {
        max_body: 4096,
        max_requests: 1,
        max_readers: 1,
        ..Default::default()
    }
}

/// A body that is there in part, and whose rest never comes.
fn endless() -> Body {
    let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
    Body::from_stream(futures_util::StreamExt::chain(first, stream::pending()))
}

#[tokio::test]
async fn a_body_without_a_length_is_refused() {
    let house = House::open().await;
    let mut without = request("POST", EVENTS, STRUCTURED, ONE);
    without.headers_mut().remove("content-length");
    house.call(without).await.is_problem(411, "V9100");

    let mut chunked = request("POST", EVENTS, STRUCTURED, ONE);
    chunked.headers_mut().remove("content-length");
    chunked
        .headers_mut()
        .insert("transfer-encoding", "chunked".parse().unwrap());
    house.call(chunked).await.ok();

    let mut two = request("POST", EVENTS, STRUCTURED, ONE);
    two.headers_mut().remove("content-length");
    *two.version_mut() = axum::http::Version::HTTP_2;
    house.call(two).await.ok();
}

#[tokio::test]
async fn a_large_body_is_refused_whether_its_length_is_told_or_not() {
    let house = House::with(options(), 1).await;
    let large = format!("[{}]", vec![ONE; 100].join(","));
    house
        .post(EVENTS, BATCH, &large)
        .await
        .is_problem(413, "V9113");
    let mut chunked = request("POST", EVENTS, BATCH, &large);
    chunked.headers_mut().remove("content-length");
    chunked
        .headers_mut()
        .insert("transfer-encoding", "chunked".parse().unwrap());
    house.call(chunked).await.is_problem(413, "V9113");
    // Told to be large, the body is not even waited for.
    let mut told = request("POST", EVENTS, BATCH, "");
    told.headers_mut()
        .insert("content-length", 1_000_000.into());
    *told.body_mut() = endless();
    house.call(told).await.is_problem(413, "V9113");
}

#[tokio::test]
async fn too_many_events_or_too_large_ones_are_refused() {
    let house = House::open().await;
    let large = ONE.replace("{\"a\":1}", &format!("\"{}\"", "x".repeat(4 * 1024 * 1024)));
    house
        .post(EVENTS, STRUCTURED, &large)
        .await
        .is_problem(413, "V9113");
    let many = format!("[{}]", ["{}"; 10].join(","));
    house
        .post(EVENTS, BATCH, &many)
        .await
        .is_problem(400, "V9109");
}

#[tokio::test]
async fn a_slow_request_ends_and_until_then_others_are_asked_to_come_again() {
    let options = GatewayOptions {
        timeout: Duration::from_secs(2),
        ..options()
    };
    let house = House::with(options, 1).await;
    let mut slow = request("POST", EVENTS, STRUCTURED, "");
    slow.headers_mut().insert("content-length", 100.into());
    *slow.body_mut() = endless();
    let mut slow = std::pin::pin!(house.call(slow));
    assert!(futures_util::poll!(slow.as_mut()).is_pending());

    let refused = house.post(EVENTS, STRUCTURED, ONE).await;
    refused.is_problem(429, "V9608");
    assert_eq!(refused.headers["retry-after"], "1");
    // Reading has room of its own.
    house
        .get("/api/v1/namespaces/default/eventbuses/orders/events")
        .await
        .ok();

    let ended = slow.await;
    ended.is_problem(503, "V9611");
    assert!(
        !ended.headers.contains_key("retry-after"),
        "its outcome is not known"
    );
    house.post(EVENTS, STRUCTURED, ONE).await.ok();
}

#[tokio::test]
async fn a_live_tail_keeps_its_place_until_it_ends() {
    let house = House::with(options(), 1).await;
    let path = "/api/v1/namespaces/default/eventbuses/orders/events";
    let tail = house
        .respond(request("GET", &format!("{path}/stream"), &[], ""))
        .await;
    assert_eq!(tail.status(), 200);
    house.get(path).await.is_problem(429, "V9608");
    drop(tail);
    house.get(path).await.ok();
}

#[tokio::test]
async fn a_long_poll_is_bounded() {
    let house = House::open().await;
    let path = "/api/v1/namespaces/default/eventbuses/orders/events";
    house
        .get(&format!("{path}?wait_ms=60001"))
        .await
        .is_problem(400, "V9101");
    house
        .get(&format!("{path}?number=10001"))
        .await
        .is_problem(400, "V9101");
    house
        .get(&format!("{path}?number=0"))
        .await
        .is_problem(400, "V9101");
}
