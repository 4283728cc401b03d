//! The egress guard against real sockets: what is refused never sees a connection.

use std::{
    collections::{HashMap, HashSet},
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use parking_lot::Mutex;
use vanus_net::{
    egress::{AddressKind, Egress, EgressRule, Resolve},
    http::{HttpClient, HttpClientOptions, HttpError, HttpServerOptions, HttpTarget, bind_tcp},
};

use crate::web::{Page, Web, text};

const LIMIT: Duration = Duration::from_secs(5);

/// Answers from a table, each name with its next answer every time it is asked for.
#[derive(Debug, Default)]
struct Table {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    asked: AtomicUsize,
}

impl Table {
    fn answer(&self, host: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
        let mut answers = self.answers.lock();
        answers.entry(host.to_owned()).or_default().push(addresses);
    }
}

#[async_trait]
impl Resolve for Table {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock();
        let next = answers.get_mut(host).ok_or(io::ErrorKind::NotFound)?;
        if next.len() > 1 {
            return Ok(next.remove(0));
        }
        Ok(next[0].clone())
    }
}

fn client(table: &Arc<Table>, egress: Egress) -> HttpClient {
    HttpClient::new(HttpClientOptions {
        egress,
        resolver: Arc::clone(table) as Arc<dyn Resolve>,
        ..Default::default()
    })
    .unwrap()
}

async fn post(client: &HttpClient, url: &str) -> Result<u16, HttpError> {
    let target = HttpTarget::parse(url)?;
    let answer = client.post(&target, HeaderMap::new(), Bytes::new(), LIMIT);
    answer.await.map(|answer| answer.status.as_u16())
}

/// Rows of `egress/refused.txt`: why, URL, addresses.
fn rows() -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let lines = include_str!("egress/refused.txt").lines();
    let rows = lines.filter(|line| !line.starts_with('#')).map(|line| {
        let mut fields = line.split(" | ");
        let (why, url) = (fields.next().unwrap(), fields.next().unwrap());
        (
            why,
            url,
            fields
                .next()
                .map_or_else(Vec::new, |list| list.split(' ').collect()),
        )
    });
    rows.collect()
}

fn kind(why: &str) -> Option<AddressKind> {
    Some(match why {
        "loopback" => AddressKind::Loopback,
        "private" => AddressKind::Private,
        "shared" => AddressKind::Shared,
        "link-local" => AddressKind::LinkLocal,
        "metadata" => AddressKind::Metadata,
        "multicast" => AddressKind::Multicast,
        "unspecified" => AddressKind::Unspecified,
        "documentation" => AddressKind::Documentation,
        "reserved" => AddressKind::Reserved,
        _ => return None,
    })
}

#[tokio::test]
async fn three_hundred_addresses_and_tricks_are_refused_without_a_connection() {
    let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let table = Arc::new(Table::default());
    let client = client(&table, Egress::default());
    let (mut seen, mut refused) = (HashSet::new(), 0);
    for (why, url, addresses) in rows() {
        assert!(
            seen.insert((url, addresses.clone())),
            "{url} is there twice"
        );
        let url = url.replace("{port}", &port).replace("\\t", "\t");
        let asked = table.asked.load(Ordering::SeqCst);
        if !addresses.is_empty() {
            let host = url.split("//").nth(1).unwrap().split(':').next().unwrap();
            let host = host.trim_end_matches('.').to_ascii_lowercase();
            table.answers.lock().remove(&host);
            table.answer(&host, &addresses);
        }
        let error = post(&client, &url).await.expect_err(&url);
        let asked = table.asked.load(Ordering::SeqCst) - asked;
        match (why, &error) {
            ("spelling" | "url", HttpError::Url { .. }) => assert_eq!(asked, 0, "{url}"),
            ("name", HttpError::Refused { .. }) => assert_eq!(asked, 1, "{url}"),
            (why, HttpError::Refused { refused, .. }) if !["spelling", "url"].contains(&why) => {
                assert_eq!(asked, 0, "{url}");
                assert!(
                    kind(why).is_none_or(|kind| refused.kind == kind),
                    "{url}: {error}"
                );
            }
            _ => panic!("{url}: {error}"),
        }
        refused += 1;
    }
    assert!(refused >= 300, "only {refused} rows");
    let connection = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(connection.is_err(), "somebody connected");
    println!("refused {refused} addresses and tricks");
}

/// A page at 127.0.0.1 that counts its visits.
async fn counting() -> (Web, Arc<AtomicUsize>) {
    let hits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&hits);
    let page = Page::new(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { text(200, "") }
    });
    (Web::serve(page, HttpServerOptions::default()).await, hits)
}

fn only(network: &str) -> Egress {
    Egress::new([EgressRule::Network(network.parse().unwrap())])
}

#[tokio::test]
async fn a_name_that_resolves_to_something_else_the_next_moment_gains_nothing() {
    let (web, hits) = counting().await;
    let port = web.address.port();
    let table = Arc::new(Table::default());
    // Nobody listens at 127.0.0.2, which stands for an address that is allowed.
    let client = client(&table, only("127.0.0.2/32"));
    for (number, after) in [
        "127.0.0.1",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
    ]
    .into_iter()
    .enumerate()
    {
        let host = format!("rebind{number}.example");
        table.answer(&host, &["127.0.0.2"]);
        table.answer(&host, &[after]);
        let url = format!("http://{host}:{port}/");
        let first = post(&client, &url).await.unwrap_err();
        assert!(matches!(first, HttpError::Connect { .. }), "{first}");
        let second = post(&client, &url).await.unwrap_err();
        assert!(matches!(second, HttpError::Refused { .. }), "{second}");
    }
    assert_eq!(hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_is_resolved_once_for_a_connection_and_what_was_checked_is_connected_to() {
    let (web, hits) = counting().await;
    let table = Arc::new(Table::default());
    let client = client(&table, only("127.0.0.1/32"));
    // A second look-up would lead to the metadata service.
    table.answer("once.example", &["127.0.0.1"]);
    table.answer("once.example", &["169.254.169.254"]);
    let url = format!("http://once.example:{}/", web.address.port());
    assert_eq!(post(&client, &url).await.unwrap(), 200);
    assert_eq!(
        (
            hits.load(Ordering::SeqCst),
            table.asked.load(Ordering::SeqCst)
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn of_many_addresses_only_those_allowed_are_tried() {
    let (web, hits) = counting().await;
    let table = Arc::new(Table::default());
    let client = client(&table, only("127.0.0.1/32"));
    table.answer(
        "mixed.example",
        &["10.0.0.1", "169.254.169.254", "127.0.0.2", "127.0.0.1"],
    );
    let url = format!("http://mixed.example:{}/", web.address.port());
    assert_eq!(post(&client, &url).await.unwrap(), 200);
    assert_eq!(hits.load(Ordering::SeqCst), 1);
    table.answer("empty.example", &[]);
    let error = post(&client, "http://empty.example/").await.unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error}");
}

#[tokio::test]
async fn a_kept_connection_is_not_for_those_who_may_not_make_it() {
    let (web, hits) = counting().await;
    let table = Arc::new(Table::default());
    let trusted = client(&table, Egress::loopback());
    let stranger = trusted.guarded(Egress::default());
    table.answer("shared.example", &["127.0.0.1"]);
    let url = format!("http://shared.example:{}/", web.address.port());
    assert_eq!(post(&trusted, &url).await.unwrap(), 200);
    let error = post(&stranger, &url).await.unwrap_err();
    assert!(matches!(error, HttpError::Refused { .. }), "{error}");
    // The one who may still has it.
    let asked = table.asked.load(Ordering::SeqCst);
    assert_eq!(post(&trusted, &url).await.unwrap(), 200);
    assert_eq!(table.asked.load(Ordering::SeqCst), asked);
    assert_eq!(hits.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_name_may_be_allowed_to_lead_inside_but_never_to_a_metadata_service() {
    let (web, _hits) = counting().await;
    let table = Arc::new(Table::default());
    let rules = ["sink.internal", "*.lan"].map(|rule| rule.parse().unwrap());
    let client = client(&table, Egress::new(rules));
    for host in ["sink.internal", "a.lan"] {
        table.answer(host, &["127.0.0.1"]);
        table.answer(host, &["169.254.169.254"]);
        let url = format!("http://{host}:{}/", web.address.port());
        assert_eq!(post(&client, &url).await.unwrap(), 200);
        // A new client has no connection to go by.
        let again = self::client(
            &table,
            Egress::new(["sink.internal", "*.lan"].map(|rule| rule.parse().unwrap())),
        );
        let error = post(&again, &url).await.unwrap_err();
        assert!(matches!(error, HttpError::Refused { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_inside_is_an_answer_and_not_followed() {
    let (inside, hits) = counting().await;
    let to = inside.url("/");
    let page = Page::new(move |_| {
        let mut answer = text(302, "");
        answer.headers_mut().insert("location", to.parse().unwrap());
        async { answer }
    });
    let outside = Web::serve(page, HttpServerOptions::default()).await;
    let client = client(&Arc::new(Table::default()), Egress::loopback());
    assert_eq!(post(&client, &outside.url("/")).await.unwrap(), 302);
    assert_eq!(hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_systems_resolver_knows_this_machine() {
    let (web, hits) = counting().await;
    let options = |egress| HttpClientOptions {
        egress,
        ..Default::default()
    };
    let url = format!("http://localhost:{}/", web.address.port());
    let open = HttpClient::new(options(Egress::loopback())).unwrap();
    assert_eq!(post(&open, &url).await.unwrap(), 200);
    let guarded = HttpClient::new(options(Egress::default())).unwrap();
    let error = post(&guarded, &url).await.unwrap_err();
    assert!(matches!(error, HttpError::Refused { .. }), "{error}");
    assert_eq!(hits.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_that_drips_is_cut_off_with_the_time_of_the_request() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
                let _ = stream.write_all(head).await;
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            });
        }
    });
    let client = client(&Arc::new(Table::default()), Egress::loopback());
    let target = HttpTarget::parse(&url).unwrap();
    let limit = Duration::from_millis(200);
    let begun = tokio::time::Instant::now();
    let answer = client
        .post(&target, HeaderMap::new(), Bytes::new(), limit)
        .await;
    assert!(
        matches!(answer, Err(HttpError::Timeout { .. })),
        "{answer:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
}
