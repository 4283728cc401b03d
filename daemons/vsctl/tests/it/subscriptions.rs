//! Subscriptions and their dead letters.

use std::{convert::Infallible, time::Duration};

use http_body_util::{BodyExt as _, Empty};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vanus_net::http::{HttpServerOptions, bind_tcp, serve_http};

use crate::stage::Stage;

/// A sink that answers every event with the same status and tells what it got.
struct Sink {
    url: String,
    got: mpsc::UnboundedReceiver<String>,
    stopping: CancellationToken,
}

impl Sink {
    async fn answering(status: u16) -> Self {
        let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (tell, got) = mpsc::unbounded_channel();
        let service = tower(move |id| {
            let _ = tell.send(id);
            status
        });
        let stopping = CancellationToken::new();
        let options = HttpServerOptions {
            drain_grace: Duration::ZERO,
            ..HttpServerOptions::default()
        };
        let serving = serve_http(
            listener,
            move |_| service.clone(),
            options,
            stopping.clone(),
        );
        tokio::spawn(serving);
        Self { url, got, stopping }
    }
}

fn tower(
    answer: impl Fn(String) -> u16 + Clone + Send + 'static,
) -> impl tower_service::Service<
    http::Request<hyper::body::Incoming>,
    Response = http::Response<Empty<bytes::Bytes>>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ 'static {
    tower_service_fn::ServiceFn(move |request: http::Request<hyper::body::Incoming>| {
        let id = request.headers()["ce-id"].to_str().unwrap().to_owned();
        let status = answer(id);
        async move {
            let _ = request.into_body().collect().await;
            let response = http::Response::builder()
                .status(status)
                .body(Empty::new())
                .unwrap();
            Ok::<_, Infallible>(response)
        }
    })
}

/// A function as a service.
mod tower_service_fn {
    use std::task::{Context, Poll};

    #[derive(Clone)]
    pub(super) struct ServiceFn<F>(pub(super) F);

    impl<F, R, A, O, E> tower_service::Service<R> for ServiceFn<F>
    where
        F: Fn(R) -> A,
        A: Future<Output = Result<O, E>>,
    {
        type Response = O;
        type Error = E;
        type Future = A;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: R) -> A {
            (self.0)(request)
        }
    }
}

async fn subscribe(stage: &Stage, url: &str, more: &[&str]) -> String {
    let create = [
        "subscription",
        "create",
        "--name",
        "bill",
        "--eventbus",
        "orders",
        "--sink",
        url,
    ];
    let info = stage.json(&[&create, more].concat()).await;
    info["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_subscription_delivers_what_passes_its_filters_and_is_paused_and_resumed() {
    let stage = Stage::with_orders(1).await;
    let mut sink = Sink::answering(204).await;
    let filters = ["--filters", "[{\"exact\": {\"type\": \"placed\"}}]"];
    let id = subscribe(&stage, &sink.url, &filters).await;
    let put =
        |id: &'static str, ty: &'static str| ["event", "put", "orders", "--id", id, "--type", ty];
    stage.ok(&put("1", "other")).await;
    stage.ok(&put("2", "placed")).await;
    assert_eq!(sink.got.recv().await.unwrap(), "2");

    let paused = stage.json(&["subscription", "disable", "--id", &id]).await;
    assert_eq!(
        (&paused["disabled"], &paused["phase"]),
        (&true.into(), &"stopped".into())
    );
    stage.ok(&put("3", "placed")).await;
    let moved = [
        "subscription",
        "reset-offset",
        "--id",
        &id,
        "--time",
        "earliest",
    ];
    assert_eq!(stage.json(&moved).await["progress"][0]["committed"], 0);
    stage.ok(&["subscription", "resume", "--id", &id]).await;
    assert_eq!(sink.got.recv().await.unwrap(), "2");
    assert_eq!(sink.got.recv().await.unwrap(), "3");

    let running = stage
        .run(&[
            "subscription",
            "reset-offset",
            "--id",
            &id,
            "--time",
            "latest",
        ])
        .await;
    assert_eq!(running.code, 1, "a running subscription was moved");
    sink.stopping.cancel();
    stage.close().await;
}

#[tokio::test]
async fn expressions_filter_from_the_command_line_to_the_sink() {
    let stage = Stage::with_orders(1).await;
    let mut sink = Sink::answering(204).await;
    let sql = [
        "--filters",
        "[{\"sql\": \"source = '/shop' AND EXISTS subject\"}]",
    ];
    let id = subscribe(&stage, &sink.url, &sql).await;
    let put = |id: &'static str, more: &[&'static str]| {
        [
            &["event", "put", "orders", "--id", id, "--source", "/shop"],
            more,
        ]
        .concat()
    };
    stage.ok(&put("1", &[])).await;
    stage.ok(&put("2", &["--subject", "Ada"])).await;
    assert_eq!(sink.got.recv().await.unwrap(), "2");

    let cel = [
        "--filters",
        "{\"cel\": \"$total.(int64) > 100 && has(event.subject)\"}",
    ];
    let update = ["subscription", "update", "--id", &id];
    let changed = stage.json(&[&update[..], &cel].concat()).await;
    assert_eq!(
        changed["filters"][0]["cel"],
        "$total.(int64) > 100 && has(event.subject)"
    );
    let subject = ["--subject", "Ada", "--data"];
    for (id, data) in [("3", "{\"total\": 100}"), ("4", "{\"total\": 101}")] {
        stage.ok(&put(id, &[&subject[..], &[data]].concat())).await;
    }
    assert_eq!(sink.got.recv().await.unwrap(), "4");

    for (filters, says) in [
        (
            "{\"sql\": \"source = \"}",
            "V9102 filters[0].sql: at line 1, column 10",
        ),
        (
            "{\"cel\": \"event.id = 1\"}",
            "V9103 filters[0].cel: at line 1, column 10",
        ),
    ] {
        let done = stage
            .run(&[&update[..], &["--filters", filters]].concat())
            .await;
        assert!(done.code != 0 && done.err.contains(says), "{}", done.err);
    }
    sink.stopping.cancel();
    stage.close().await;
}

#[tokio::test]
async fn subscriptions_are_listed_changed_and_deleted() {
    let stage = Stage::with_orders(1).await;
    let id = subscribe(
        &stage,
        "http://127.0.0.1:1/",
        &["--disable", "--rate-limit", "5"],
    )
    .await;
    for (arguments, count) in [
        (&["subscription", "list"][..], 1),
        (&["subscription", "list", "--eventbus", "orders"], 1),
        (&["subscription", "list", "-A", "--name", "bill"], 1),
        (&["subscription", "list", "--name", "other"], 0),
        (&["subscription", "list", "--namespace", "vanus-system"], 0),
    ] {
        let listed = stage.json(arguments).await;
        assert_eq!(listed.as_array().unwrap().len(), count, "{arguments:?}");
    }
    let update = [
        "subscription",
        "update",
        "--id",
        &id,
        "--sink",
        "http://127.0.0.1:2/",
        "--ordered-event",
        "true",
    ];
    let changed = stage.json(&update).await;
    assert_eq!(changed["sink"], "http://127.0.0.1:2/");
    assert_eq!(changed["config"]["ordering"], "strict");
    assert_eq!(
        (&changed["config"]["rate_limit"], &changed["disabled"]),
        (&5.into(), &true.into())
    );
    let table = stage.ok(&["subscription", "info", "--id", &id]).await;
    for word in ["Phase:", "stopped", "Rate limit:", "5/s", "COMMITTED"] {
        assert!(table.contains(word), "{table}");
    }
    stage.ok(&["subscription", "delete", "--id", &id]).await;
    let gone = stage.run(&["subscription", "info", "--id", &id]).await;
    assert!(gone.err.contains("V9407"), "{}", gone.err);
    stage.close().await;
}

#[tokio::test]
async fn dead_letters_are_read_with_their_reason_and_sent_again() {
    let stage = Stage::with_orders(1).await;
    let mut sink = Sink::answering(400).await;
    let id = subscribe(&stage, &sink.url, &[]).await;
    stage.ok(&["event", "put", "orders", "--id", "1"]).await;
    assert_eq!(sink.got.recv().await.unwrap(), "1");
    let get = ["subscription", "dead-letter", "get", "--id", &id];
    let letters = loop {
        let page: Value = stage.json(&get).await;
        if page["dead_letters"]
            .as_array()
            .is_some_and(|letters| !letters.is_empty())
        {
            break page;
        }
    };
    let letter = &letters["dead_letters"][0];
    assert_eq!(letter["event"]["id"], "1");
    assert!(
        letter["event"]["xvanusdlreason"]
            .as_str()
            .unwrap()
            .contains("400"),
        "{letter}"
    );
    let resend = [
        "subscription",
        "dead-letter",
        "resend",
        "--id",
        &id,
        "--start",
        "0",
        "--end",
        "0",
    ];
    assert_eq!(stage.json(&resend).await["resent"], 1);
    assert_eq!(sink.got.recv().await.unwrap(), "1");
    sink.stopping.cancel();
    stage.close().await;
}

#[tokio::test]
async fn routes_are_given_shown_and_weighed_anew() {
    let stage = Stage::with_orders(1).await;
    let routes = r#"[{"name": "stable", "sink": "http://127.0.0.1:1/", "weight": 90},
        {"name": "canary", "sink": "http://127.0.0.1:2/"}]"#;
    let create = [
        "subscription",
        "create",
        "--name",
        "split",
        "--eventbus",
        "orders",
        "--disable",
        "--routes",
        routes,
    ];
    let made = stage.json(&create).await;
    assert_eq!(made["sink"], "routes");
    let id = made["id"].as_str().unwrap().to_owned();
    let table = stage.ok(&["route", "list", "--id", &id]).await;
    for word in ["ROUTE", "stable", "90%", "canary", "10%"] {
        assert!(table.contains(word), "{table}");
    }
    let weights = "stable=99.99,canary@0.01%";
    let update = ["route", "update", "--id", &id, "--weights", weights];
    let changed = stage.json(&update).await;
    assert_eq!(changed["routes"][1]["weight"], 0.01);
    let condition = r#"{"exact": {"tier": "test"}}"#;
    let set = ["route", "set", "--id", &id, "--route", "canary"];
    let set = [&set[..], &["--condition", condition, "--strength", "50"]].concat();
    let changed = stage.json(&set).await;
    assert_eq!(changed["routes"][1]["strength"], 50);
    let wrong = ["route", "update", "--id", &id, "--weights", "stable=50"];
    let refused = stage.run(&wrong).await;
    assert!(
        refused.code != 0 && refused.err.contains("must be 100%"),
        "{}",
        refused.err
    );
    let unknown = ["route", "update", "--id", &id, "--weights", "other=50"];
    let refused = stage.run(&unknown).await;
    assert!(
        refused.err.contains("no route \"other\""),
        "{}",
        refused.err
    );
    // One sink takes their place.
    let one = [
        "subscription",
        "update",
        "--id",
        &id,
        "--sink",
        "http://127.0.0.1:3/",
    ];
    let changed = stage.json(&one).await;
    assert!(changed.get("routes").is_none(), "{changed}");
    let none = stage.run(&["route", "list", "--id", &id]).await;
    assert!(none.err.contains("has no routes"), "{}", none.err);
    stage.close().await;
}

#[tokio::test]
async fn a_transformer_is_created_shown_changed_and_tried() {
    let stage = Stage::with_orders(1).await;
    let transformer = r#"{"pipeline":[{"command":["upper_case","$.data.a"]}]}"#;
    let more = ["--transformer", transformer, "--disable"];
    let id = subscribe(&stage, "http://127.0.0.1:9/", &more).await;
    let shown = stage.ok(&["subscription", "info", "--id", &id]).await;
    assert!(shown.contains(transformer), "{shown}");

    let event = r#"{"type": "t", "data": {"a": "x"}}"#;
    let tried = stage
        .json(&["subscription", "try", "--id", &id, "--event", event])
        .await;
    assert_eq!(tried["event"]["data"]["a"], "X");
    let shown = stage
        .ok(&[
            "subscription",
            "try",
            "--id",
            &id,
            "--event",
            "{\"data\": {}}",
        ])
        .await;
    assert!(
        shown.contains("pipeline[0] upper_case: $.data.a is missing"),
        "{shown}"
    );

    let update = ["subscription", "update", "--id", &id, "--transformer", "{}"];
    assert_eq!(stage.json(&update).await["transformer"], Value::Null);
    let wrong = ["subscription", "update", "--id", &id, "--transformer"];
    let wrong = [&wrong[..], &[r#"{"pipeline":[{"command":["nope"]}]}"#]].concat();
    let told = stage.run(&wrong).await;
    assert_eq!(told.code, 1, "{}", told.err);
    assert!(
        told.err.contains("V9108") && told.err.contains("pipeline[0].command[0]"),
        "{}",
        told.err
    );
    stage.close().await;
}
