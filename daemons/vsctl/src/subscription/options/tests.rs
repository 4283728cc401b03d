//! What is asked for, and what is left alone.

use clap::Parser as _;
use vanus_types::{control::DeliveryMode, limits::DEFAULT_DELIVERY_TIMEOUT_MS};

use super::*;

#[derive(Debug, clap::Parser)]
struct CreateLine {
    #[command(flatten)]
    create: Create,
}

#[derive(Debug, clap::Parser)]
struct UpdateLine {
    #[command(flatten)]
    update: Update,
}

fn create(more: &[&str]) -> Result<SubscriptionSpec, CliError> {
    let line = ["x", "--name", "s", "--eventbus", "b", "--sink", "http://h/"];
    CreateLine::parse_from(line.iter().chain(more))
        .create
        .spec()
}

#[test]
fn what_is_not_said_has_the_documented_defaults() {
    let spec = create(&[]).unwrap();
    assert_eq!(spec.config, SubscriptionConfig::default());
    assert_eq!(spec.config.delivery_timeout_ms, DEFAULT_DELIVERY_TIMEOUT_MS);
    assert_eq!(spec.namespace.as_str(), "default");
    assert!(!spec.disabled && spec.filters.is_empty());
}

#[test]
fn a_subscription_that_breaks_a_rule_is_not_sent() {
    for more in [
        ["--header", "host=x"],
        ["--delivery-timeout", "10h"],
        ["--max-retry-attempts", "33"],
        ["--filters", "{}"],
        ["--transformer", "[]"],
    ] {
        assert_eq!(create(&more).unwrap_err().exit_code(), 2, "{more:?}");
    }
}

#[test]
fn requests_to_the_sink_are_described_and_changed() {
    let words = "--delivery-mode batch --batch-size 8 --batch-linger 50ms --reply answers";
    let old = create(&words.split(' ').collect::<Vec<_>>()).unwrap();
    assert_eq!(old.delivery.mode, DeliveryMode::Batch);
    assert_eq!(
        (old.delivery.batch_events, old.delivery.batch_linger_ms),
        (8, 50)
    );
    assert_eq!(old.delivery.reply, Some(Name::new("answers").unwrap()));
    let line = [
        "x",
        "--id",
        "1",
        "--delivery-mode",
        "structured",
        "--reply",
        "none",
    ];
    let update = UpdateLine::parse_from(line).update;
    let new = update.changes().unwrap().apply(old).unwrap().delivery;
    assert_eq!(
        (new.mode, new.batch_events, new.reply),
        (DeliveryMode::Structured, 8, None)
    );
}

#[test]
fn a_credential_is_read_by_its_type_and_a_mistake_does_not_show_it() {
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:f";
    let key = r#"{"access_key_id": "AK", "secret_access_key": "s3cret"}"#;
    let lambda = [
        "--protocol",
        "aws-lambda",
        "--sink-credential-type",
        "aws",
        "--sink-credential",
    ];
    let line = ["x", "--name", "s", "--eventbus", "b", "--sink", arn];
    let read = |credential: &str| {
        let words = line.iter().chain(&lambda).copied().chain([credential]);
        CreateLine::parse_from(words).create.spec()
    };
    let spec = read(key).unwrap();
    assert_eq!(
        (spec.protocol.as_str(), spec.credential.kind()),
        ("aws-lambda", "aws")
    );
    assert!(!format!("{spec:?}").contains("s3cret"));
    for bad in [
        "s3cret",
        r#"{"secret": "s3cret"}"#,
        r#"{"access_key_id": "AK"}"#,
        r#"["s3cret"]"#,
    ] {
        let error = read(bad).unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    let file = r#"{"type": "service_account", "private_key": "k"}"#;
    let words = [
        "--protocol",
        "gcloud-functions",
        "--credential-type",
        "gcloud",
        "--credential",
        file,
    ];
    let spec = create(&words).unwrap();
    let (_, secret) = spec.credential.secret().unwrap();
    assert_eq!(secret.expose(), Some(file));
    assert!(create(&["--credential-type", "bearer"]).is_err());
    assert_eq!(
        create(&["--credential-type", "none"])
            .unwrap()
            .credential
            .kind(),
        "none"
    );
}

#[test]
fn a_secret_that_was_told_masked_is_sent_back_so() {
    let words = [
        "--credential-type",
        "bearer",
        "--credential",
        r#"{"token": "t"}"#,
    ];
    let mut told = create(&words).unwrap();
    told.credential = told.credential.masked();
    let update = UpdateLine::parse_from(["x", "--id", "1", "--description", "d"]).update;
    let new = update.changes().unwrap().apply(told).unwrap();
    assert!(new.check_change().is_ok() && new.check().is_err());
}

#[test]
fn a_sink_is_asked_first_if_the_sender_has_a_name() {
    let words = "--webhook-origin e.example.com --webhook-rate 120 --webhook-callback https://v.example.com";
    let old = create(&words.split(' ').collect::<Vec<_>>()).unwrap();
    let handshake = old.delivery.handshake.clone().unwrap();
    assert_eq!(
        (handshake.origin.as_str(), handshake.rate),
        ("e.example.com", Some(120))
    );
    assert!(create(&["--webhook-rate", "120"]).is_err());
    let update = |words: &[&str]| {
        let update = UpdateLine::parse_from([&["x", "--id", "1"], words].concat()).update;
        let new = update.changes().unwrap().apply(old.clone());
        new.unwrap().delivery.handshake
    };
    assert_eq!(update(&["--webhook-rate", "7"]).unwrap().rate, Some(7));
    assert_eq!(update(&["--webhook-origin", "none"]), None);
}

#[test]
fn a_change_leaves_alone_what_it_does_not_name() {
    let old = create(&["--header", "a=b", "--rate-limit", "7"]).unwrap();
    let line = [
        "x",
        "--id",
        "1",
        "--ordered-event",
        "true",
        "--disable-dead-letter",
        "true",
    ];
    let update = UpdateLine::parse_from(line).update;
    let new = update.changes().unwrap().apply(old.clone()).unwrap();
    assert_eq!(new.config.ordering, DeliveryOrder::Strict);
    assert!(!new.config.dead_letter);
    assert_eq!((&new.headers, new.config.rate_limit), (&old.headers, 7));
    assert_eq!((new.name, new.sink), (old.name, old.sink));
}
