//! Delivery over HTTP: content modes, what answers mean, and replies.

use std::time::Duration;

use vanus_core::{
    AttributeRef, Coded as _, DeliveryMode, DeliverySpec, ErrorCode, Event, Name, StartFrom,
    SubscriptionConfig, SubscriptionId, SubscriptionPhase, SubscriptionSpec, Vanus,
};
use vanus_types::format::{json, json_batch};

use crate::{
    support::{Seen, event, eventbus, in_memory, on_disk, subscription, until},
    web::{Asked, Web, answer, answer_with},
};

/// A subscription to everything in "orders", delivered to `sink`.
fn to(sink: String, delivery: DeliverySpec) -> SubscriptionSpec {
    let config = SubscriptionConfig {
        start_from: StartFrom::Earliest,
        ..SubscriptionConfig::default()
    };
    SubscriptionSpec {
        sink,
        config,
        delivery,
        ..subscription("orders")
    }
}

fn mode(mode: DeliveryMode) -> DeliverySpec {
    DeliverySpec {
        mode,
        ..DeliverySpec::default()
    }
}

async fn delivered(vanus: &Vanus, id: SubscriptionId) -> u64 {
    vanus.subscription(id).await.unwrap().totals.delivered
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_comes_as_headers_or_as_json() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let sent = event(7, "order.placed").to_builder();
    let sent = sent.datacontenttype("text/plain").build().unwrap();
    bus.publish(sent.clone()).await.unwrap();
    let check = async |delivery: DeliverySpec, seen: &dyn Fn(&Asked)| {
        let web = Web::serve(|_, _| answer(204, "")).await;
        let mut spec = to(web.url("/in?x=1"), delivery);
        spec.headers
            .insert("authorization".into(), "Bearer t".into());
        let id = vanus.create_subscription(spec).await.unwrap().record.id;
        until("it is delivered", async || delivered(&vanus, id).await == 1).await;
        let asked = web.asked().remove(0);
        assert_eq!(asked.uri.to_string(), "/in?x=1");
        assert_eq!(asked.header("authorization"), "Bearer t");
        assert_eq!(asked.header("vanus-subscription"), id.to_string());
        assert_eq!(asked.header("vanus-attempt"), "1");
        seen(&asked);
        vanus.delete_subscription(id).await.unwrap();
    };
    check(DeliverySpec::default(), &|asked| {
        assert_eq!(asked.header("ce-type"), "order.placed");
        assert_eq!(asked.header("content-type"), "text/plain");
        assert_eq!(asked.body, "data");
        assert!(!asked.header("vanus-event-id").is_empty());
    })
    .await;
    check(mode(DeliveryMode::Structured), &|asked| {
        let content_type = asked.header("content-type");
        assert_eq!(content_type, "application/cloudevents+json; charset=utf-8");
        assert_eq!(json::decode(&asked.body).unwrap(), sent);
        assert!(!asked.header("vanus-event-id").is_empty());
        assert!(!asked.headers.contains_key("ce-type"));
    })
    .await;
    let quick = DeliverySpec {
        batch_linger_ms: 0,
        ..mode(DeliveryMode::Batch)
    };
    check(quick, &|asked| {
        let content_type = asked.header("content-type");
        assert_eq!(
            content_type,
            "application/cloudevents-batch+json; charset=utf-8"
        );
        assert_eq!(json_batch::decode(&asked.body).unwrap()[0], sent);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_acknowledged_or_given_up_as_one() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    for id in 0..20 {
        bus.publish(event(id, "t")).await.unwrap();
    }
    // The first request is refused for good, the others are taken.
    let web = Web::serve(|number, _| answer(if number == 0 { 400 } else { 200 }, "")).await;
    let spec = DeliverySpec {
        batch_events: 8,
        batch_linger_ms: 100,
        ..mode(DeliveryMode::Batch)
    };
    let sub = vanus
        .create_subscription(to(web.url("/"), spec))
        .await
        .unwrap();
    let id = sub.record.id;
    until("all events have ended", async || {
        let totals = vanus.subscription(id).await.unwrap().totals;
        totals.delivered + totals.dead_lettered == 20
    })
    .await;
    let sizes: Vec<_> = web
        .asked()
        .iter()
        .map(|asked| json_batch::decode(&asked.body).unwrap().len())
        .collect();
    assert_eq!(sizes.iter().sum::<usize>(), 20);
    assert!(sizes.iter().all(|size| *size <= 8), "{sizes:?}");
    let totals = vanus.subscription(id).await.unwrap().totals;
    assert_eq!(totals.dead_lettered as usize, sizes[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_and_strict_order_exclude_each_other() {
    let vanus = in_memory().await;
    eventbus(&vanus, "orders", 1).await;
    let mut spec = to("http://127.0.0.1:9/".into(), mode(DeliveryMode::Batch));
    spec.config.ordering = vanus_core::DeliveryOrder::Strict;
    let error = vanus.create_subscription(spec).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    let mut spec = to("http://127.0.0.1:9/".into(), DeliverySpec::default());
    spec.delivery.batch_events = 0;
    let error = vanus.create_subscription(spec).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_asks_for_a_pause_is_left_alone_by_all_deliveries() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    bus.publish(event(0, "t")).await.unwrap();
    let web = Web::serve(|number, _| match number {
        0 => answer_with(503, &[("retry-after", "3")], "busy"),
        _ => answer(204, ""),
    })
    .await;
    let sub = vanus
        .create_subscription(to(web.url("/"), DeliverySpec::default()))
        .await
        .unwrap();
    until("the sink is asked", async || web.asked().len() == 1).await;
    until("its answer is known", async || {
        vanus
            .subscription(sub.record.id)
            .await
            .unwrap()
            .totals
            .retrying
            == 1
    })
    .await;
    let begun = tokio::time::Instant::now();
    for id in 1..5 {
        bus.publish(event(id, "t")).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    // Without the pause the new events would be there, and the retry after a second.
    assert_eq!(web.asked().len(), 1);
    until("all are delivered", async || {
        delivered(&vanus, sub.record.id).await == 5
    })
    .await;
    assert!(begun.elapsed() > Duration::from_secs(2));
    assert_eq!(web.asked().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_whose_answers_are_too_long_is_left_alone_for_a_second_each_time() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    for id in 0..3 {
        bus.publish(event(id, "t")).await.unwrap();
    }
    let web = Web::serve(|_, _| answer(200, "x".repeat(100 * 1024))).await;
    let mut spec = to(web.url("/"), DeliverySpec::default());
    spec.config.in_flight = 1;
    let begin = vanus.clock().monotonic_ns();
    let id = vanus.create_subscription(spec).await.unwrap().record.id;
    until("all are delivered", async || {
        delivered(&vanus, id).await == 3
    })
    .await;
    assert!(vanus.clock().monotonic_ns() - begin >= 2_000_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_gone_disables_its_subscription_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let vanus = on_disk(folder.path()).await;
    let bus = eventbus(&vanus, "orders", 1).await;
    for id in 0..10 {
        bus.publish(event(id, "t")).await.unwrap();
    }
    let web = Web::serve(|_, _| answer(410, "moved away")).await;
    let spec = to(web.url("/"), DeliverySpec::default());
    let id = vanus
        .create_subscription(spec.clone())
        .await
        .unwrap()
        .record
        .id;
    until("it is disabled", async || {
        vanus.subscription(id).await.unwrap().phase == SubscriptionPhase::Stopped
    })
    .await;
    vanus.close().await.unwrap();
    drop((bus, vanus));
    // The reason outlives a restart.
    let vanus = on_disk(folder.path()).await;
    let info = vanus.subscription(id).await.unwrap();
    assert!(info.record.spec.disabled);
    let reason = info.record.disabled_reason.unwrap();
    assert!(reason.contains("410 Gone: moved away"), "{reason}");
    assert_eq!(info.totals.dead_lettered, 0);
    // Another sink takes what waited.
    let other = Web::serve(|_, _| answer(204, "")).await;
    let spec = SubscriptionSpec {
        sink: other.url("/"),
        ..spec
    };
    let info = vanus.update_subscription(id, spec).await.unwrap();
    assert_eq!(info.record.disabled_reason, None);
    until("all are delivered", async || {
        let mut ids: Vec<_> = other
            .asked()
            .iter()
            .map(|asked| asked.header("ce-id").to_owned())
            .collect();
        ids.sort();
        ids.dedup();
        ids.len() == 10
    })
    .await;
    vanus.close().await.unwrap();
}

/// Answers each event with another one.
async fn echo(ty: &'static str) -> Web {
    Web::serve(move |number, asked| {
        let id = format!("{ty}-{number}");
        let mut headers = vec![
            ("ce-specversion", "1.0"),
            ("ce-id", &id),
            ("ce-source", "/echo"),
            ("ce-type", ty),
            ("ce-xvanussubid", "forged"),
            ("content-type", "text/plain"),
        ];
        // A sink that copies attributes cannot set the count back.
        if asked.headers.contains_key("ce-vanusreplyhops") {
            headers.push(("ce-vanusreplyhops", "0"));
        }
        answer_with(200, &headers, "echo")
    })
    .await
}

fn reply_to(bus: &str) -> DeliverySpec {
    DeliverySpec {
        reply: Some(Name::new(bus).unwrap()),
        ..DeliverySpec::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sink_answers_is_published_where_the_subscription_says() {
    let vanus = in_memory().await;
    let orders = eventbus(&vanus, "orders", 1).await;
    eventbus(&vanus, "answers", 1).await;
    let replies = std::sync::Arc::new(std::sync::Mutex::new(Vec::<Event>::new()));
    let kept = std::sync::Arc::clone(&replies);
    vanus
        .subscribe(subscription("answers"), move |delivery| {
            kept.lock().unwrap().push(delivery.event);
            std::future::ready(Ok(()))
        })
        .await
        .unwrap();
    let web = echo("answer").await;
    let spec = to(web.url("/"), reply_to("answers"));
    let id = vanus.create_subscription(spec).await.unwrap().record.id;
    orders.publish(event(1, "t")).await.unwrap();
    until("the reply is there", async || {
        !replies.lock().unwrap().is_empty()
    })
    .await;
    let reply = replies.lock().unwrap()[0].clone();
    assert_eq!((reply.ty(), reply.source()), ("answer", "/echo"));
    assert_eq!(reply.data_bytes(), "echo");
    assert_eq!(
        reply.attribute("vanusreplyhops"),
        Some(AttributeRef::Integer(1))
    );
    assert_eq!(reply.attribute("xvanussubid"), None);
    assert_eq!(delivered(&vanus, id).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_all_forms_are_replies_and_what_is_no_event_is_none() {
    let vanus = in_memory().await;
    let orders = eventbus(&vanus, "orders", 1).await;
    eventbus(&vanus, "answers", 1).await;
    let seen = Seen::default();
    vanus
        .subscribe(subscription("answers"), seen.sink())
        .await
        .unwrap();
    let web = Web::serve(|number, _| {
        let json =
            |id: &str| format!(r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"t"}}"#);
        match number {
            0 => answer(200, "thank you"),
            1 => answer_with(200, &[("content-type", "application/json")], "{}"),
            2 => answer_with(
                200,
                &[("content-type", "application/cloudevents+json")],
                json("one"),
            ),
            3 => answer_with(
                200,
                &[("content-type", "application/cloudevents-batch+json")],
                format!("[{},{}]", json("two"), json("three")),
            ),
            _ => answer(204, ""),
        }
    })
    .await;
    let mut spec = to(web.url("/"), reply_to("answers"));
    spec.config.in_flight = 1;
    vanus.create_subscription(spec).await.unwrap();
    for id in 0..5 {
        orders.publish(event(id, "t")).await.unwrap();
    }
    until("the replies are there", async || seen.ids().len() == 3).await;
    let mut ids = seen.ids();
    ids.sort();
    assert_eq!(ids, ["one", "three", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_subscriptions_that_answer_each_other_come_to_an_end() {
    let vanus = in_memory().await;
    let orders = eventbus(&vanus, "orders", 1).await;
    let web = echo("again").await;
    let spec = to(web.url("/"), reply_to("orders"));
    let id = vanus.create_subscription(spec).await.unwrap().record.id;
    orders.publish(event(1, "t")).await.unwrap();
    until("the loop ends", async || {
        vanus.subscription(id).await.unwrap().totals.dead_lettered == 1
    })
    .await;
    assert_eq!(web.asked().len(), 17);
    let letters = vanus.dead_letters(id, None, 10).await.unwrap();
    let letter = &letters.letters[0].event;
    assert_eq!(
        letter.attribute("xvanusdlreason"),
        Some(AttributeRef::String("ReplyLoop"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_reply_or_one_that_is_too_large_is_no_success() {
    let vanus = in_memory().await;
    let orders = eventbus(&vanus, "orders", 1).await;
    eventbus(&vanus, "answers", 1).await;
    let web = Web::serve(|number, _| match number {
        0 => answer_with(
            200,
            &[("content-type", "application/cloudevents+json")],
            "{}",
        ),
        1 => answer_with(
            200,
            &[("content-type", "application/cloudevents+json")],
            vec![b' '; 2 * 1024 * 1024],
        ),
        _ => answer(204, ""),
    })
    .await;
    let mut spec = to(web.url("/"), reply_to("answers"));
    spec.config.max_retry_attempts = 1;
    let id = vanus
        .create_subscription(spec.clone())
        .await
        .unwrap()
        .record
        .id;
    orders.publish(event(1, "t")).await.unwrap();
    until("it is given up", async || {
        vanus.subscription(id).await.unwrap().totals.dead_lettered == 1
    })
    .await;
    let letters = vanus.dead_letters(id, None, 10).await.unwrap();
    let reason = letters.letters[0].event.attribute("xvanusdlreason");
    assert_eq!(reason, Some(AttributeRef::String("ReplyTooLarge")));
    // Nowhere to reply to.
    spec.delivery = reply_to("nowhere");
    let error = vanus.create_subscription(spec).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::EventbusNotFound);
}
