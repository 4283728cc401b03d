//! The HTTP server loop against hostile and ordinary clients.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    time::timeout,
};
use vanus_net::http::HttpServerOptions;

use crate::web::{Page, Web, text};

const LIMIT: Duration = Duration::from_secs(5);

fn hello() -> Page {
    Page::new(|request: Request<hyper::body::Incoming>| async move {
        text(200, format!("{:?}", request.version()))
    })
}

#[expect(clippy::disallowed_methods, reason = "the client of this test")]
async fn connect(web: &Web) -> TcpStream {
    TcpStream::connect(web.address).await.unwrap()
}

#[tokio::test]
async fn one_port_speaks_both_versions() {
    let web = Web::serve(hello(), HttpServerOptions::default()).await;
    let mut old = connect(&web).await;
    old.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    old.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("HTTP/1.1"), "{answer}");

    let io = TokioIo::new(connect(&web).await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::get(web.url("/"))
        .body(Full::new(Bytes::new()))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(
        answer.into_body().collect().await.unwrap().to_bytes(),
        "HTTP/2.0"
    );
}

#[tokio::test]
async fn a_head_that_is_too_slow_or_too_large_ends_the_connection() {
    let options = HttpServerOptions {
        head_timeout: Duration::from_millis(50),
        max_head_len: 16 * 1024,
        ..Default::default()
    };
    let web = Web::serve(hello(), options).await;
    let mut slow = connect(&web).await;
    slow.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    let mut rest = Vec::new();
    timeout(LIMIT, slow.read_to_end(&mut rest))
        .await
        .expect("the server hangs up")
        .ok();

    let mut large = connect(&web).await;
    let head = format!(
        "GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
        "y".repeat(32 * 1024)
    );
    large.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(LIMIT, large.read_to_end(&mut answer))
        .await
        .expect("the server hangs up")
        .ok();
    assert!(
        !answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn connections_past_the_limit_wait_their_turn() {
    let options = HttpServerOptions {
        max_connections: 1,
        ..Default::default()
    };
    let web = Web::serve(hello(), options).await;
    let mut first = connect(&web).await;
    let get = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    first.write_all(get).await.unwrap();
    let mut byte = [0];
    first.read_exact(&mut byte).await.unwrap();
    let mut second = connect(&web).await;
    second.write_all(get).await.unwrap();
    let early = timeout(Duration::from_millis(50), second.read_exact(&mut byte)).await;
    assert!(
        early.is_err(),
        "the second connection was served beside the first"
    );
    drop(first);
    timeout(LIMIT, second.read_exact(&mut byte))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_stop_answers_requests_under_way_and_closes_idle_connections() {
    let (began, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (at_start, at_end) = (Arc::clone(&began), Arc::clone(&finish));
    let page = Page::new(move |_| {
        let (at_start, at_end) = (Arc::clone(&at_start), Arc::clone(&at_end));
        async move {
            at_start.notify_one();
            at_end.notified().await;
            text(200, "finished")
        }
    });
    let web = Web::serve(page, HttpServerOptions::default()).await;
    let mut idle = connect(&web).await;
    let mut busy = connect(&web).await;
    busy.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    began.notified().await;
    web.stopping.cancel();
    let mut rest = Vec::new();
    timeout(LIMIT, idle.read_to_end(&mut rest))
        .await
        .expect("idle connections are closed")
        .ok();
    finish.notify_one();
    let mut answer = String::new();
    timeout(LIMIT, busy.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.ends_with("finished"), "{answer}");
    timeout(LIMIT, web.server).await.unwrap().unwrap();
}
