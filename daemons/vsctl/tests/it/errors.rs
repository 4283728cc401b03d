//! What went wrong: code, sentence, hint and exit code.

use serde_json::Value;

use crate::stage::{Stage, command, finish};

#[tokio::test]
async fn what_the_server_refuses_ends_with_1_and_says_what_to_do() {
    let stage = Stage::new().await;
    let done = stage.run(&["event", "get", "orders"]).await;
    assert_eq!((done.code, done.out.as_str()), (1, ""));
    assert!(done.err.starts_with("error: V9401 "), "{}", done.err);
    assert!(
        done.err.contains("orders") && done.err.contains("\nhint: "),
        "{}",
        done.err
    );
    let done = stage
        .run(&["event", "get", "orders", "--format", "json"])
        .await;
    let error: Value = serde_json::from_str(&done.err).unwrap();
    assert_eq!(error["error"]["code"], "V9401");
    assert_eq!(error["error"]["title"], "eventbus not found");
    assert!(error["error"]["hint"].is_string());
    stage.close().await;
}

#[tokio::test]
async fn what_is_written_wrong_ends_with_2_and_asks_nothing() {
    for arguments in [
        &["event", "put", "orders", "--data", "no json"][..],
        &["event", "put", "orders", "--file", "/does/not/exist"],
        &["event", "put", "orders", "--extension", "UPPER=1"],
        &[
            "subscription",
            "create",
            "--name",
            "s",
            "--eventbus",
            "b",
            "--sink",
            "ftp://h/",
        ],
        &[
            "subscription",
            "create",
            "--name",
            "s",
            "--eventbus",
            "b",
            "--sink",
            "http://h/",
            "--filters",
            "{\"like\":{}}",
        ],
        &["nonsense"],
    ] {
        // Nobody listens there: had anything been asked, the code would be another.
        let done = finish(command("127.0.0.1:1", arguments).spawn().unwrap()).await;
        assert_eq!(done.code, 2, "{arguments:?}: {}", done.err);
        assert!(done.err.starts_with("error: "), "{}", done.err);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_ends_with_3() {
    let arguments = ["cluster", "info", "--timeout", "200ms"];
    let done = finish(command("127.0.0.1:1", &arguments).spawn().unwrap()).await;
    assert_eq!(done.code, 3, "{}", done.err);
    assert!(
        done.err.contains("127.0.0.1:1") && done.err.contains("VANUS_GATEWAY"),
        "{}",
        done.err
    );
}

#[tokio::test]
async fn the_second_server_is_asked_when_the_first_is_not_there() {
    let stage = Stage::new().await;
    let both = format!("127.0.0.1:1,{}", stage.address);
    let arguments = ["cluster", "info", "--timeout", "500ms", "--endpoint", &both];
    let done = finish(command("127.0.0.1:1", &arguments).spawn().unwrap()).await;
    assert_eq!(done.code, 0, "{}", done.err);
    stage.close().await;
}

#[tokio::test]
async fn version_and_completions_ask_no_server() {
    for (arguments, expected) in [
        (
            &["version"][..],
            concat!("vsctl ", env!("CARGO_PKG_VERSION")),
        ),
        (&["completions", "bash"], "_vsctl()"),
        (&["completions", "zsh"], "#compdef vsctl"),
        (&["completions", "fish"], "complete -c vsctl"),
    ] {
        let done = finish(command("127.0.0.1:1", arguments).spawn().unwrap()).await;
        assert_eq!(done.code, 0, "{}", done.err);
        assert!(done.out.contains(expected), "{arguments:?}");
    }
}
