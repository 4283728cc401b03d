//! Credentials of sinks: shown to the sink, to nobody else, and sealed at rest.

use std::path::Path;

use vanus_core::{
    Coded as _, Credential, ErrorCode, OpenOptions, Secret, SecretsKey, StartFrom,
    SubscriptionPhase, SubscriptionSpec, Vanus,
};

use crate::{
    support::{event, eventbus, in_memory, subscription, until},
    web::{Web, answer},
};

fn to(sink: String, credential: Credential) -> SubscriptionSpec {
    let mut spec = SubscriptionSpec {
        sink,
        credential,
        ..subscription("orders")
    };
    spec.config.start_from = StartFrom::Earliest;
    spec
}

fn bearer(token: &str) -> Credential {
    Credential::Bearer {
        token: Secret::new(token),
    }
}

async fn with_key(path: &Path, key: Option<u8>) -> Vanus {
    let options = OpenOptions {
        secrets_key: key.map(|byte| SecretsKey::new([byte; 32])),
        ..OpenOptions::default()
    };
    let builder = Vanus::builder().data_dir(path).options(options);
    builder.open().await.unwrap()
}

/// Whether any file under `path` holds these bytes.
#[expect(clippy::disallowed_methods, reason = "looks at what lies on disk")]
fn on_disk(path: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(path).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return on_disk(&path, bytes);
        }
        let held = std::fs::read(&path).unwrap();
        held.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_shown_to_the_sink_and_to_nobody_else() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    bus.publish(event(1, "t")).await.unwrap();
    let plain = Credential::Plain {
        identifier: "Aladdin".into(),
        secret: Secret::new("open sesame"),
    };
    for (credential, shown) in [
        (bearer("t0ken"), "Bearer t0ken"),
        // The example of RFC 7617.
        (plain, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
    ] {
        let web = Web::serve(|_, _| answer(204, "")).await;
        let spec = to(web.url("/"), credential);
        let info = vanus.create_subscription(spec).await.unwrap();
        until("it is delivered", async || web.asked().len() == 1).await;
        assert_eq!(web.asked()[0].header("authorization"), shown);
        let told = vanus.subscription(info.record.id).await.unwrap();
        let listed = vanus.subscriptions(None).await.unwrap();
        for info in [&info, &told].into_iter().chain(&listed) {
            assert!(info.record.spec.credential.secret().unwrap().1.is_masked());
        }
        vanus.delete_subscription(info.record.id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_that_is_sent_back_keeps_the_secret() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let web = Web::serve(|_, _| answer(204, "")).await;
    let created = vanus
        .create_subscription(to(web.url("/"), bearer("t0ken")))
        .await
        .unwrap();
    let id = created.record.id;
    // What was told is changed and sent back, mask and all.
    let mut spec = created.record.spec;
    spec.description = "changed".into();
    vanus.update_subscription(id, spec.clone()).await.unwrap();
    bus.publish(event(1, "t")).await.unwrap();
    until("it is delivered", async || web.asked().len() == 1).await;
    assert_eq!(web.asked()[0].header("authorization"), "Bearer t0ken");
    // A new secret takes the place of the old one, none takes it away.
    spec.credential = bearer("new");
    vanus.update_subscription(id, spec.clone()).await.unwrap();
    bus.publish(event(2, "t")).await.unwrap();
    until("it is delivered", async || web.asked().len() == 2).await;
    assert_eq!(web.asked()[1].header("authorization"), "Bearer new");
    spec.credential = Credential::None;
    vanus.update_subscription(id, spec.clone()).await.unwrap();
    bus.publish(event(3, "t")).await.unwrap();
    until("it is delivered", async || web.asked().len() == 3).await;
    assert!(!web.asked()[2].headers.contains_key("authorization"));
    // A token is not sent to another server than the one it was given for.
    spec.credential = bearer("new");
    vanus.update_subscription(id, spec.clone()).await.unwrap();
    let told = vanus.subscription(id).await.unwrap().record.spec;
    let (path, scheme) = (web.url("/other"), web.url("/").replace("http:", "https:"));
    for (sink, kept) in [
        (path, true),
        ("http://127.0.0.1:9/".to_owned(), false),
        (scheme, false),
    ] {
        let spec = SubscriptionSpec {
            sink,
            ..told.clone()
        };
        assert_eq!(vanus.update_subscription(id, spec).await.is_ok(), kept);
    }
    spec.credential = Credential::None;
    vanus.update_subscription(id, spec.clone()).await.unwrap();
    // Where there is none, a mask stands for nothing.
    spec.credential = bearer("******");
    let error = vanus
        .update_subscription(id, spec.clone())
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    let error = vanus.create_subscription(spec).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_secrets_lie_sealed_and_without_it_they_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let web = Web::serve(|_, _| answer(204, "")).await;
    let vanus = with_key(folder.path(), Some(1)).await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let spec = to(web.url("/"), bearer("a-t0ken-to-look-for"));
    let id = vanus.create_subscription(spec).await.unwrap().record.id;
    bus.publish(event(1, "t")).await.unwrap();
    until("it is delivered", async || web.asked().len() == 1).await;
    vanus.close().await.unwrap();
    drop((bus, vanus));
    assert!(!on_disk(folder.path(), b"a-t0ken-to-look-for"));
    // Neither without a key nor with another one; the events wait.
    for key in [None, Some(2)] {
        let vanus = with_key(folder.path(), key).await;
        let info = vanus.subscription(id).await.unwrap();
        assert_eq!(info.phase, SubscriptionPhase::Detached);
        assert!(info.problem.unwrap().contains("sealed"));
        let bus = vanus.eventbus("default", "orders").unwrap();
        bus.publish(event(2, "t")).await.unwrap();
        vanus.close().await.unwrap();
        drop((bus, vanus));
        assert_eq!(web.asked().len(), 1);
    }
    let vanus = with_key(folder.path(), Some(1)).await;
    until("they are delivered", async || web.asked().len() == 3).await;
    assert_eq!(
        web.asked()[2].header("authorization"),
        "Bearer a-t0ken-to-look-for"
    );
    vanus.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_stored_in_the_clear_are_sealed_once_there_is_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let web = Web::serve(|_, _| answer(204, "")).await;
    let vanus = with_key(folder.path(), None).await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let spec = to(web.url("/"), bearer("a-t0ken-to-look-for"));
    let id = vanus.create_subscription(spec).await.unwrap().record.id;
    vanus.close().await.unwrap();
    drop((bus, vanus));
    // This is what the documentation says of a node without a key.
    assert!(on_disk(folder.path(), b"a-t0ken-to-look-for"));
    let vanus = with_key(folder.path(), Some(1)).await;
    vanus.close().await.unwrap();
    drop(vanus);
    // It was sealed: without the key it is of no use.
    let vanus = with_key(folder.path(), None).await;
    let info = vanus.subscription(id).await.unwrap();
    assert_eq!(info.phase, SubscriptionPhase::Detached);
    vanus.close().await.unwrap();
}
