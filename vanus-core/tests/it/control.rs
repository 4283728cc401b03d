//! Namespaces, eventbuses and subscriptions.

use vanus_core::{
    Coded, ErrorCode, EventbusSpec, EventbusUpdate, Name, NamespaceSpec, OpenOptions, StartFrom,
    SubscriptionPhase, SubscriptionSpec, Vanus,
};

use crate::support::{Seen, eventbus, in_memory, subscription};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_unique_and_missing_things_are_named() {
    let vanus = in_memory().await;
    eventbus(&vanus, "orders", 2).await;
    let twice = vanus
        .create_eventbus("default", EventbusSpec::new(name("orders")))
        .await;
    assert_eq!(twice.unwrap_err().code(), ErrorCode::AlreadyExists);
    let nowhere = vanus
        .create_eventbus("shop", EventbusSpec::new(name("orders")))
        .await;
    assert_eq!(nowhere.unwrap_err().code(), ErrorCode::NamespaceNotFound);
    let missing = vanus.eventbus("default", "nothing").unwrap_err();
    assert_eq!(missing.code(), ErrorCode::EventbusNotFound);
    assert_eq!(
        missing.to_string(),
        "eventbus \"nothing\" not found in namespace \"default\""
    );
    assert_eq!(vanus.eventbuses(None).unwrap().len(), 1);
    let system = vanus.eventbuses(Some("vanus-system")).unwrap();
    assert_eq!(system.len(), 1);
    assert!(system[0].name.as_str().starts_with("__dl_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_the_system_stays() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    for namespace in ["default", "vanus-system"] {
        let refused = vanus.delete_namespace(namespace).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::CannotOperate);
    }
    let letters = bus.record().unwrap().dead_letter.unwrap();
    assert!(vanus.delete_eventbus(letters).await.is_err());
    let letters = vanus.eventbus_by_id(letters).unwrap();
    assert!(
        letters
            .publish(crate::support::event(1, "t"))
            .await
            .is_err()
    );
    for bad in ["__mine", "vanus-system"] {
        let spec = EventbusSpec::new(name("__mine"));
        let namespace = if bad == "__mine" { "default" } else { bad };
        assert!(vanus.create_eventbus(namespace, spec).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_in_use_cannot_be_deleted() {
    let vanus = in_memory().await;
    vanus
        .create_namespace(NamespaceSpec::new(name("shop")))
        .await
        .unwrap();
    let bus = vanus
        .create_eventbus("shop", EventbusSpec::new(name("orders")))
        .await
        .unwrap();
    let refused = vanus.delete_namespace("shop").await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::CannotOperate);
    vanus.delete_eventbus(bus.id()).await.unwrap();
    vanus.delete_namespace("shop").await.unwrap();
    assert_eq!(
        vanus.namespace("shop").unwrap_err().code(),
        ErrorCode::NamespaceNotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eventbus_is_updated_and_deleted_with_all_it_has() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let update = EventbusUpdate {
        retention_ms: Some(5_000),
        ..EventbusUpdate::default()
    };
    let info = vanus.update_eventbus(bus.id(), update).await.unwrap();
    assert_eq!(info.record.retention_ms, 5_000);
    let short = EventbusUpdate {
        retention_ms: Some(0),
        ..EventbusUpdate::default()
    };
    let refused = vanus.update_eventbus(bus.id(), short).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    let sub = vanus
        .subscribe(subscription("orders"), Seen::default().sink())
        .await
        .unwrap();
    vanus.delete_eventbus(bus.id()).await.unwrap();
    assert!(bus.publish(crate::support::event(1, "t")).await.is_err());
    let gone = vanus.subscription(sub.record.id).await.unwrap_err();
    assert_eq!(gone.code(), ErrorCode::SubscriptionNotFound);
    assert!(vanus.eventbuses(Some("vanus-system")).unwrap().is_empty());
    eventbus(&vanus, "orders", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_subscription_is_refused_with_its_mistake() {
    let vanus = in_memory().await;
    eventbus(&vanus, "orders", 1).await;
    let base = SubscriptionSpec {
        sink: "http://127.0.0.1:9/".into(),
        ..subscription("orders")
    };
    for (sink, code) in [
        ("ftp://host/", ErrorCode::InvalidSink),
        ("http://", ErrorCode::InvalidSink),
        ("http://user:secret@host/", ErrorCode::InvalidSink),
    ] {
        let spec = SubscriptionSpec {
            sink: sink.into(),
            ..base.clone()
        };
        assert_eq!(
            vanus.create_subscription(spec).await.unwrap_err().code(),
            code,
            "{sink}"
        );
    }
    let mut spec = base.clone();
    spec.config.in_flight = 0;
    assert_eq!(
        vanus.create_subscription(spec).await.unwrap_err().code(),
        ErrorCode::InvalidArgument
    );
    let spec = SubscriptionSpec {
        eventbus: name("other"),
        ..base
    };
    assert_eq!(
        vanus.create_subscription(spec).await.unwrap_err().code(),
        ErrorCode::EventbusNotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_disabled_subscription_is_moved() {
    let vanus = in_memory().await;
    eventbus(&vanus, "orders", 1).await;
    let sub = vanus
        .subscribe(subscription("orders"), Seen::default().sink())
        .await
        .unwrap();
    let id = sub.record.id;
    assert_eq!(sub.phase, SubscriptionPhase::Running);
    let refused = vanus
        .reset_subscription(id, StartFrom::Earliest)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), ErrorCode::WrongState);
    assert_eq!(
        vanus.disable_subscription(id).await.unwrap().phase,
        SubscriptionPhase::Stopped
    );
    assert_eq!(
        vanus.disable_subscription(id).await.unwrap().phase,
        SubscriptionPhase::Stopped
    );
    vanus
        .reset_subscription(id, StartFrom::Earliest)
        .await
        .unwrap();
    assert_eq!(
        vanus.resume_subscription(id).await.unwrap().phase,
        SubscriptionPhase::Running
    );
    vanus.delete_subscription(id).await.unwrap();
    assert!(vanus.subscriptions(None).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_at_an_address_that_is_not_allowed_is_refused_until_its_namespace_allows_it() {
    let orders = |vanus: Vanus| async move {
        eventbus(&vanus, "orders", 1).await;
        vanus
    };
    let spec = |sink: &str| SubscriptionSpec {
        sink: sink.into(),
        ..subscription("orders")
    };
    let code = async |vanus: &Vanus, sink: &str| {
        let created = vanus.create_subscription(spec(sink)).await;
        created.err().map(|error| error.code())
    };
    let opened = |policy: &str| {
        let egress = policy.parse().unwrap();
        let options = OpenOptions {
            egress,
            ..OpenOptions::default()
        };
        Vanus::builder().in_memory().options(options).open()
    };
    let vanus = orders(opened("none").await.unwrap()).await;
    for sink in [
        "http://127.0.0.1:9/",
        "http://10.0.0.1/",
        "https://[::ffff:169.254.169.254]/",
    ] {
        assert_eq!(
            code(&vanus, sink).await,
            Some(ErrorCode::SinkForbidden),
            "{sink}"
        );
    }
    for sink in [
        "http://0x7f.1/",
        "http://2130706433/",
        "http://[fe80::1%25lo]/",
    ] {
        assert_eq!(
            code(&vanus, sink).await,
            Some(ErrorCode::InvalidSink),
            "{sink}"
        );
    }
    let vanus = orders(opened("other=private, default=10.0.0.0/8").await.unwrap()).await;
    assert_eq!(code(&vanus, "http://10.0.0.1/").await, None);
    let refused = code(&vanus, "http://192.168.0.1/").await;
    assert_eq!(refused, Some(ErrorCode::SinkForbidden));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_whose_sink_is_no_longer_allowed_waits_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let opened = |policy: &str| {
        let egress = policy.parse().unwrap();
        let options = OpenOptions {
            egress,
            ..OpenOptions::default()
        };
        Vanus::builder()
            .data_dir(folder.path())
            .options(options)
            .open()
    };
    let vanus = opened("10.0.0.0/8").await.unwrap();
    eventbus(&vanus, "orders", 1).await;
    let spec = SubscriptionSpec {
        sink: "http://10.0.0.1/".into(),
        ..subscription("orders")
    };
    let id = vanus.create_subscription(spec).await.unwrap().record.id;
    vanus.close().await.unwrap();
    drop(vanus);
    let vanus = opened("none").await.unwrap();
    let info = vanus.subscription(id).await.unwrap();
    assert_eq!(info.phase, SubscriptionPhase::Detached);
    assert!(info.problem.unwrap().contains("a private network"));
    vanus.close().await.unwrap();
}
