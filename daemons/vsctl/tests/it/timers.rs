//! Timers.

use crate::stage::Stage;

/// Runs the program, which must fail; answers what it said about it.
async fn fails(stage: &Stage, arguments: &[&str]) -> String {
    let done = stage.run(arguments).await;
    assert_ne!(done.code, 0, "{arguments:?}: {}", done.out);
    done.err
}

#[tokio::test]
async fn an_event_that_waits_is_found_by_bus_key_and_time() {
    let stage = Stage::with_orders(1).await;
    let put = [
        "event",
        "put",
        "orders",
        "--id",
        "1",
        "--delay-time",
        "3600",
        "--extension",
        "partitionkey=k",
    ];
    let told = stage.json(&put).await;
    assert!(told[0]["eventlog"].is_null());
    let timer = told[0]["timer"].as_str().unwrap().to_owned();
    let create = [
        "timer",
        "create",
        "orders",
        "--id",
        "2",
        "--delivery-time",
        "2099-01-01T00:00:00Z",
    ];
    stage.json(&create).await;

    let list = stage.json(&["timer", "list", "--eventbus", "orders"]).await;
    assert_eq!(
        (&list[0]["event_id"], &list[1]["event_id"]),
        (&"1".into(), &"2".into())
    );
    let list = stage.json(&["timer", "list", "--key", "k"]).await;
    assert_eq!(list.as_array().unwrap().len(), 1);
    let table = stage
        .ok(&["timer", "list", "--from", "2098-01-01T00:00:00Z"])
        .await;
    assert!(
        table.contains("2099-01-01T00:00:00.000Z  default/orders"),
        "{table}"
    );
    let got = stage.json(&["timer", "get", "--id", &timer]).await;
    assert_eq!(got["event"]["partitionkey"], "k");

    let bad = fails(&stage, &["timer", "get", "--id", "7"]).await;
    assert!(bad.contains("hyphen"), "{bad}");
    stage.close().await;
}

#[tokio::test]
async fn wishes_are_granted_until_it_is_too_late() {
    let stage = Stage::with_orders(1).await;
    let mut timers = Vec::new();
    for id in ["1", "2"] {
        let create = [
            "timer",
            "create",
            "orders",
            "--id",
            id,
            "--delay-time",
            "P1D",
        ];
        let told = stage.json(&create).await;
        timers.push(told["timer"].as_str().unwrap().to_owned());
    }
    let [timer, other] = &timers[..] else {
        panic!("{timers:?}")
    };
    let update = [
        "timer",
        "update",
        "--id",
        timer,
        "--delivery-time",
        "2098-01-01T00:00:00Z",
    ];
    assert_eq!(stage.json(&update).await["outcome"], "done");
    assert_eq!(
        stage.json(&["timer", "cancel", "--id", timer]).await["outcome"],
        "done"
    );
    let late = fails(&stage, &["timer", "cancel", "--id", timer]).await;
    assert!(late.contains("too late"), "{late}");
    assert_eq!(
        stage.json(&["timer", "fire-now", "--id", other]).await["outcome"],
        "done"
    );
    for _ in 0..1_000 {
        if stage
            .ok(&["timer", "list"])
            .await
            .contains("No timer waits.")
        {
            break;
        }
    }
    let got = stage
        .json(&["event", "get", "orders", "--number", "5"])
        .await;
    assert_eq!(got[0]["event"]["id"], "2");
    stage.close().await;
}

#[tokio::test]
async fn times_that_make_no_sense_are_refused() {
    let stage = Stage::with_orders(1).await;
    let bad = fails(&stage, &["event", "put", "orders", "--delay-time", "soon"]).await;
    assert!(bad.contains("V9101"), "{bad}");
    let none = fails(&stage, &["timer", "create", "orders"]).await;
    assert!(none.contains("--delivery-time"), "{none}");
    let unknown = fails(&stage, &["timer", "get", "--id", "0-FFFF"]).await;
    assert!(unknown.contains("V9409"), "{unknown}");
    stage.close().await;
}
