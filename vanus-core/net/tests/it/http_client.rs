//! The HTTP client against real servers.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use tokio::sync::Notify;
use vanus_net::{
    egress::Egress,
    http::{HttpClient, HttpClientOptions, HttpError, HttpServerOptions, HttpTarget, bind_tcp},
};

use crate::web::{Page, Peer, Web, text};

const LIMIT: Duration = Duration::from_secs(5);

/// A client of this machine.
fn client(options: HttpClientOptions) -> HttpClient {
    let egress = Egress::loopback();
    HttpClient::new(HttpClientOptions { egress, ..options }).unwrap()
}

fn target(url: &str) -> HttpTarget {
    HttpTarget::parse(url).unwrap()
}

/// Answers with what came, and remembers from where.
fn echo() -> (Page, Arc<Mutex<HashSet<u16>>>) {
    let ports = Arc::new(Mutex::new(HashSet::new()));
    let seen = Arc::clone(&ports);
    let page = Page::new(move |request: Request<Incoming>| {
        seen.lock()
            .insert(request.extensions().get::<Peer>().unwrap().0.port());
        async move {
            let said = request.headers().get("x-said").cloned();
            let path = request.uri().to_string();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            text(
                200,
                format!("{path} {said:?} {}", String::from_utf8_lossy(&body)),
            )
        }
    });
    (page, ports)
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let (page, ports) = echo();
    let web = Web::serve(page, HttpServerOptions::default()).await;
    let client = client(HttpClientOptions::default());
    let to = target(&web.url("/a?b=c"));
    for n in 0..20 {
        let mut headers = HeaderMap::new();
        headers.insert("x-said", HeaderValue::from_static("hi"));
        let answer = client
            .post(&to, headers, Bytes::from(format!("{n}")), LIMIT)
            .await
            .unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, format!("/a?b=c Some(\"hi\") {n}"));
        assert!(!answer.truncated);
    }
    assert_eq!(ports.lock().len(), 1);
}

#[tokio::test]
async fn connections_to_one_host_are_capped() {
    let (page, ports) = echo();
    let web = Web::serve(page, HttpServerOptions::default()).await;
    let options = HttpClientOptions {
        max_connections_per_host: 2,
        ..Default::default()
    };
    let client = client(options);
    let to = target(&web.url("/"));
    let posts = (0..50).map(|_| client.post(&to, HeaderMap::new(), Bytes::new(), LIMIT));
    for answer in futures_util::future::join_all(posts).await {
        assert_eq!(answer.unwrap().status, 200);
    }
    assert!(ports.lock().len() <= 2);
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_a_timeout() {
    let page = Page::new(|_| std::future::pending());
    let web = Web::serve(page, HttpServerOptions::default()).await;
    let client = client(HttpClientOptions::default());
    let to = target(&web.url("/"));
    let limit = Duration::from_millis(50);
    let error = client
        .post(&to, HeaderMap::new(), Bytes::new(), limit)
        .await
        .unwrap_err();
    assert!(
        matches!(error, HttpError::Timeout { limit_ms: 50, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_host_that_is_not_there_cannot_be_connected_to() {
    let client = client(HttpClientOptions::default());
    let to = target("http://127.0.0.1:9/");
    let error = client
        .post(&to, HeaderMap::new(), Bytes::new(), LIMIT)
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error}");
}

#[tokio::test]
async fn a_long_answer_is_cut_and_the_client_goes_on() {
    let page = Page::new(|_| async { text(200, vec![b'x'; 10 << 20]) });
    let web = Web::serve(page, HttpServerOptions::default()).await;
    let client = client(HttpClientOptions {
        max_response_len: 1000,
        ..Default::default()
    });
    let to = target(&web.url("/"));
    for _ in 0..3 {
        let answer = client
            .post(&to, HeaderMap::new(), Bytes::new(), LIMIT)
            .await
            .unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.body.len(), answer.truncated),
            (200, 1000, true)
        );
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let hits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&hits);
    let page = Page::new(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async {
            let mut answer = text(307, "");
            answer
                .headers_mut()
                .insert("location", HeaderValue::from_static("/elsewhere"));
            answer
        }
    });
    let web = Web::serve(page, HttpServerOptions::default()).await;
    let client = client(HttpClientOptions::default());
    let answer = client
        .post(
            &target(&web.url("/")),
            HeaderMap::new(),
            Bytes::new(),
            LIMIT,
        )
        .await
        .unwrap();
    assert_eq!(answer.status, 307);
    assert_eq!(hits.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced_without_telling() {
    let (page, ports) = echo();
    let first = Web::serve(page.clone(), HttpServerOptions::default()).await;
    let client = client(HttpClientOptions::default());
    let to = target(&first.url("/"));
    client
        .post(&to, HeaderMap::new(), Bytes::new(), LIMIT)
        .await
        .unwrap();
    first.stopping.cancel();
    first.server.await.unwrap();
    let _second = Web::serve_at(first.address, page, HttpServerOptions::default()).await;
    client
        .post(&to, HeaderMap::new(), Bytes::new(), LIMIT)
        .await
        .unwrap();
    assert_eq!(ports.lock().len(), 2);
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_request_is_told() {
    let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::AsyncReadExt;
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
    });
    let client = client(HttpClientOptions::default());
    let to = target(&format!("http://{address}/"));
    let error = client
        .post(&to, HeaderMap::new(), Bytes::new(), LIMIT)
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn unused_connections_and_hosts_are_dropped() {
    let closed = Arc::new(Notify::new());
    let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let note = Arc::clone(&closed);
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
        while stream.read(&mut request).await.unwrap() > 0 {}
        note.notify_one();
    });
    let options = HttpClientOptions {
        idle_timeout: Duration::from_millis(20),
        ..Default::default()
    };
    let client = client(options);
    let to = target(&format!("http://{address}/"));
    client
        .post(&to, HeaderMap::new(), Bytes::new(), LIMIT)
        .await
        .unwrap();
    tokio::time::timeout(LIMIT, closed.notified())
        .await
        .expect("the connection is closed");
}

#[tokio::test]
async fn hosts_past_the_limit_replace_unused_ones() {
    let (page, _) = echo();
    let webs = [
        Web::serve(page.clone(), HttpServerOptions::default()).await,
        Web::serve(page, HttpServerOptions::default()).await,
    ];
    let client = client(HttpClientOptions {
        max_hosts: 1,
        ..Default::default()
    });
    for web in webs.iter().chain(&webs) {
        let to = target(&web.url("/"));
        client
            .post(&to, HeaderMap::new(), Bytes::new(), LIMIT)
            .await
            .unwrap();
    }
    let held = Web::serve(
        Page::new(|_| std::future::pending()),
        HttpServerOptions::default(),
    )
    .await;
    let to = target(&held.url("/"));
    let mut waiting = std::pin::pin!(client.post(&to, HeaderMap::new(), Bytes::new(), LIMIT));
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    let other = target(&webs[0].url("/"));
    let error = client
        .post(&other, HeaderMap::new(), Bytes::new(), LIMIT)
        .await
        .unwrap_err();
    assert!(
        matches!(error, HttpError::TooManyHosts { limit: 1, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn tls_hosts_are_verified_and_spoken_to_in_http2() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, counted) = (acceptor.clone(), Arc::clone(&counted));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                counted.fetch_add(1, Ordering::SeqCst);
                let service = hyper::service::service_fn(|request: Request<Incoming>| async move {
                    Ok::<_, std::convert::Infallible>(text(200, format!("{:?}", request.version())))
                });
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    let to = target(&format!("https://localhost:{port}/"));

    let wary = client(HttpClientOptions::default());
    let error = wary
        .post(&to, HeaderMap::new(), Bytes::new(), LIMIT)
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error}");

    let authorities = Some(made.cert.pem().into_bytes());
    let friend = client(HttpClientOptions {
        authorities,
        ..Default::default()
    });
    let first = friend
        .post(&to, HeaderMap::new(), Bytes::new(), LIMIT)
        .await
        .unwrap();
    assert_eq!(first.body, "HTTP/2.0");
    let posts = (0..20).map(|_| friend.post(&to, HeaderMap::new(), Bytes::new(), LIMIT));
    for answer in futures_util::future::join_all(posts).await {
        assert_eq!(answer.unwrap().body, "HTTP/2.0");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
