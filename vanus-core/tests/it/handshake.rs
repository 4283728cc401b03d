//! The webhook handshake: a sink is asked before anything is delivered to it.

use std::time::Duration;

use http::Method;
use vanus_core::{
    Coded as _, DeliverySpec, ErrorCode, HandshakeSpec, StartFrom, SubscriptionId,
    SubscriptionSpec, Vanus,
};

use crate::{
    support::{event, eventbus, in_memory, on_disk, subscription, until},
    web::{Asked, Reply, Web, answer, answer_with},
};

const ORIGIN: &str = "events.example.com";

fn asking(sink: String, handshake: HandshakeSpec) -> SubscriptionSpec {
    let mut spec = SubscriptionSpec {
        sink,
        delivery: DeliverySpec {
            handshake: Some(handshake),
            ..DeliverySpec::default()
        },
        ..subscription("orders")
    };
    spec.config.start_from = StartFrom::Earliest;
    spec
}

fn as_origin() -> HandshakeSpec {
    HandshakeSpec {
        origin: ORIGIN.into(),
        rate: None,
        callback: None,
    }
}

/// A sink that answers the handshake so, and takes deliveries.
async fn sink(handshake: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Web {
    Web::serve(move |_, asked| match asked.method {
        Method::OPTIONS => handshake(asked),
        _ => answer(204, ""),
    })
    .await
}

async fn with_events(vanus: &Vanus, count: usize) {
    let bus = eventbus(vanus, "orders", 1).await;
    for id in 0..count {
        bus.publish(event(id, "t")).await.unwrap();
    }
}

fn deliveries(web: &Web) -> Vec<Asked> {
    let mut asked = web.asked();
    asked.retain(|asked| asked.method == Method::POST);
    asked
}

async fn problem(vanus: &Vanus, id: SubscriptionId) -> Option<String> {
    vanus.subscription(id).await.unwrap().problem
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_agrees_is_asked_once_and_told_who_delivers() {
    let vanus = in_memory().await;
    with_events(&vanus, 5).await;
    for allowed in ["*", ORIGIN, "Events.Example.Com"] {
        let web = sink(move |_| {
            answer_with(
                200,
                &[
                    ("webhook-allowed-origin", allowed),
                    ("webhook-allowed-rate", "*"),
                ],
                "",
            )
        })
        .await;
        let mut spec = asking(web.url("/hook?a=b"), as_origin());
        spec.headers.insert("x-key".into(), "k".into());
        let id = vanus.create_subscription(spec).await.unwrap().record.id;
        until("all are delivered", async || deliveries(&web).len() == 5).await;
        let asked = web.asked();
        assert_eq!(asked.len(), 6);
        assert_eq!(asked[0].method, Method::OPTIONS);
        assert_eq!(asked[0].uri.to_string(), "/hook?a=b");
        assert_eq!(asked[0].header("webhook-request-origin"), ORIGIN);
        assert_eq!(asked[0].header("x-key"), "k");
        assert!(!asked[0].headers.contains_key("webhook-request-rate"));
        assert!(!asked[0].headers.contains_key("webhook-request-callback"));
        for delivery in deliveries(&web) {
            assert_eq!(delivery.header("webhook-request-origin"), ORIGIN);
        }
        assert_eq!(problem(&vanus, id).await, None);
        vanus.delete_subscription(id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_handshake_nobody_is_asked() {
    let vanus = in_memory().await;
    with_events(&vanus, 1).await;
    let web = sink(|_| answer(405, "")).await;
    let mut spec = asking(web.url("/"), as_origin());
    spec.delivery.handshake = None;
    vanus.create_subscription(spec).await.unwrap();
    until("it is delivered", async || deliveries(&web).len() == 1).await;
    assert_eq!(web.asked().len(), 1);
    assert!(
        !web.asked()[0]
            .headers
            .contains_key("webhook-request-origin")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_does_not_agree_gets_nothing_and_the_subscription_says_why() {
    let vanus = in_memory().await;
    with_events(&vanus, 3).await;
    type Form = (u16, &'static [(&'static str, &'static str)], &'static str);
    let forms: [Form; 7] = [
        (405, &[], "405"),
        (200, &[], "without WebHook-Allowed-Origin"),
        (
            200,
            &[("allow", "POST, OPTIONS")],
            "without WebHook-Allowed-Origin",
        ),
        (
            200,
            &[("webhook-allowed-origin", "other.example.com")],
            "other.example.com",
        ),
        (403, &[("webhook-allowed-origin", "*")], "403"),
        (
            307,
            &[("location", "/elsewhere"), ("webhook-allowed-origin", "*")],
            "307",
        ),
        (
            200,
            &[
                ("webhook-allowed-origin", "*"),
                ("webhook-allowed-rate", "0"),
            ],
            "Allowed-Rate",
        ),
    ];
    for (status, headers, why) in forms {
        let web = sink(move |_| answer_with(status, headers, "")).await;
        let spec = asking(web.url("/"), as_origin());
        let id = vanus.create_subscription(spec).await.unwrap().record.id;
        until("the refusal is told", async || {
            problem(&vanus, id)
                .await
                .is_some_and(|problem| problem.contains(why))
        })
        .await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(deliveries(&web).len(), 0, "{status} {headers:?}");
        let totals = vanus.subscription(id).await.unwrap().totals;
        assert_eq!((totals.attempts, totals.dead_lettered), (0, 0));
        vanus.delete_subscription(id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_changes_its_mind_is_asked_again() {
    let vanus = in_memory().await;
    with_events(&vanus, 2).await;
    let web = Web::serve(|number, asked| match (number, &asked.method) {
        (0, _) => answer(405, ""),
        (_, &Method::OPTIONS) => answer_with(204, &[("webhook-allowed-origin", "*")], ""),
        _ => answer(204, ""),
    })
    .await;
    vanus
        .create_subscription(asking(web.url("/"), as_origin()))
        .await
        .unwrap();
    until("they are delivered", async || deliveries(&web).len() == 2).await;
    assert_eq!(web.asked().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_no_faster_than_the_sink_allows() {
    let vanus = in_memory().await;
    with_events(&vanus, 5).await;
    let web = sink(|asked| {
        assert_eq!(asked.header("webhook-request-rate"), "6000");
        answer_with(
            200,
            &[
                ("webhook-allowed-origin", "*"),
                ("webhook-allowed-rate", "300"),
            ],
            "",
        )
    })
    .await;
    let handshake = HandshakeSpec {
        rate: Some(6000),
        ..as_origin()
    };
    let begun = tokio::time::Instant::now();
    vanus
        .create_subscription(asking(web.url("/"), handshake))
        .await
        .unwrap();
    until("all are delivered", async || deliveries(&web).len() == 5).await;
    // 300 a minute is one in 200 ms; four gaps lie between five.
    assert!(
        begun.elapsed() >= Duration::from_millis(800),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_may_agree_later_and_its_consent_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let vanus = on_disk(folder.path()).await;
    with_events(&vanus, 3).await;
    let web = sink(|_| answer(200, "")).await;
    let handshake = HandshakeSpec {
        callback: Some("https://vanus.example.com/".into()),
        ..as_origin()
    };
    let spec = asking(web.url("/"), handshake);
    let id = vanus
        .create_subscription(spec.clone())
        .await
        .unwrap()
        .record
        .id;
    until("the sink is asked", async || !web.asked().is_empty()).await;
    let callback = web.asked()[0].header("webhook-request-callback").to_owned();
    let (base, key) = callback.split_once("?key=").unwrap();
    assert_eq!(
        base,
        format!("https://vanus.example.com/api/v1/subscriptions/{id}/handshake")
    );
    assert_eq!(key.len(), 32);
    // The key is told to the sink alone.
    let told = vanus.subscription(id).await.unwrap().record.consent;
    assert!(told.key.is_masked() && !told.granted);
    for wrong in ["", "******", &key[1..], &key.replace(&key[..1], "x")] {
        let error = vanus.grant_consent(id, wrong, None).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::SubscriptionNotFound, "{wrong}");
    }
    assert_eq!(deliveries(&web).len(), 0);
    vanus.grant_consent(id, key, Some(60_000)).await.unwrap();
    until("they are delivered", async || deliveries(&web).len() == 3).await;
    vanus.close().await.unwrap();
    drop(vanus);
    let vanus = on_disk(folder.path()).await;
    let consent = vanus.subscription(id).await.unwrap().record.consent;
    assert_eq!((consent.granted, consent.rate), (true, Some(60_000)));
    let asked = web.asked().len();
    let bus = vanus.eventbus("default", "orders").unwrap();
    bus.publish(event(9, "t")).await.unwrap();
    until("it is delivered", async || deliveries(&web).len() == 4).await;
    assert_eq!(web.asked().len(), asked + 1);
    // Another sink has not agreed to anything.
    let other = sink(|_| answer(200, "")).await;
    let spec = SubscriptionSpec {
        sink: other.url("/"),
        ..spec
    };
    let info = vanus.update_subscription(id, spec).await.unwrap();
    assert!(!info.record.consent.granted);
    let error = vanus.grant_consent(id, key, None).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::SubscriptionNotFound);
    vanus.close().await.unwrap();
}
