//! Every message comes back from its bytes, and hostile bytes do no harm.

use std::fmt::Debug;

use proptest::prelude::*;
use vanus_proto::{
    Op,
    message::{
        Call, CreateEventbus, CreateNamespace, CreateSubscription, DeadLetter, DeadLetterPage,
        DeleteEventbus, DeleteNamespace, DeleteSubscription, DisableSubscription, DrainNotice,
        EventbusKey, GetClusterInfo, GetDeadLetters, GetEventbus, GetNamespace, GetSubscription,
        Hello, HelloReply, ListEventbuses, ListNamespaces, ListSubscriptions, LookupOffset,
        LookupOffsetReply, NamespaceKey, PublishReply, PublishRequest, ReadEvent, ReadReply,
        ReadRequest, Request, ResendDeadLetters, ResendReport, ResetSubscription,
        ResumeSubscription, SessionLimits, TailProgress, TailRequest, UpdateEventbus,
        UpdateSubscription,
    },
};
use vanus_types::{
    Durability, EventId, EventbusId, EventlogId, Name, NamespaceId, SubscriptionId,
    codec::{self, Decode, Encode},
    control::{EventbusSpec, EventbusUpdate, NamespaceSpec, StartFrom, SubscriptionSpec},
};

fn comes_back<M: Encode + Decode<()> + PartialEq + Debug>(message: &M) {
    let bytes = codec::encode(message);
    assert_eq!(&codec::decode::<M>(&bytes).unwrap(), message);
    for cut in 0..bytes.len() {
        assert!(
            codec::decode::<M>(&bytes[..cut]).is_err(),
            "{message:?} cut at {cut}"
        );
    }
}

/// The request comes back, and through its op as the same request.
fn is_requested<C: Call + PartialEq + Debug>(message: C, wrap: fn(C) -> Request) {
    comes_back(&message);
    let bytes = codec::encode(&message);
    let decoded = Request::decode(C::OP, &bytes).unwrap().unwrap();
    assert_eq!(decoded.op(), C::OP);
    assert_eq!(decoded, wrap(message));
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn bus() -> EventbusKey {
    EventbusKey::Name {
        namespace: name("default"),
        name: name("orders"),
    }
}

const LOG: EventlogId = EventlogId::from_u64(u64::MAX);
const SUB: SubscriptionId = SubscriptionId::from_u64(7);

#[test]
fn session_messages_come_back() {
    let limits = SessionLimits {
        max_batch_len: 1,
        max_event_len: 2,
        max_publish_in_flight: 3,
        max_requests_in_flight: 4,
        max_streams: 5,
    };
    comes_back(&Hello {
        protocol: 1,
        client: "me".into(),
        features: u64::MAX,
    });
    comes_back(&HelloReply {
        protocol: 1,
        server: "0.1".into(),
        node: 9,
        features: 0,
        limits,
    });
    comes_back(&DrainNotice { grace_ms: 10_000 });
}

#[test]
fn publish_and_tail_messages_come_back() {
    comes_back(&PublishRequest {
        eventlog: LOG,
        durability: Durability::PageCache,
    });
    comes_back(&PublishReply {
        base_offset: u64::MAX,
        count: u32::MAX,
        append_time_ms: i64::MIN,
        durability: Durability::Fsync,
        duplicate: true,
    });
    comes_back(&TailRequest {
        eventlog: LOG,
        from: 1,
        max_bytes: 2,
    });
    comes_back(&TailProgress {
        next_offset: 1,
        end_offset: 2,
    });
    assert_eq!(Request::decode(Op::Publish, &[]), Ok(None));
    assert_eq!(Request::decode(Op::Tail, &[]), Ok(None));
    assert_eq!(Request::decode(Op::Hello, &[]), Ok(None));
}

#[test]
fn read_messages_come_back() {
    let read = ReadRequest {
        eventlog: LOG,
        offset: 1,
        max_bytes: 2,
        wait_ms: 3,
    };
    is_requested(read, Request::Read);
    comes_back(&ReadReply {
        next_offset: 1,
        start_offset: 2,
        end_offset: 3,
    });
    let event = EventId {
        eventlog: LOG,
        offset: 5,
    };
    is_requested(ReadEvent { event }, Request::ReadEvent);
    let lookup = LookupOffset {
        eventbus: EventbusId::from_u64(1),
        time_ms: -1,
    };
    is_requested(lookup, Request::LookupOffset);
    comes_back(&LookupOffsetReply {
        offsets: vec![(LOG, 0), (LOG, u64::MAX)],
    });
}

#[test]
fn admin_messages_come_back() {
    let namespace = || NamespaceKey::Id(NamespaceId::from_u64(1));
    let spec = NamespaceSpec::new(name("shop"));
    is_requested(CreateNamespace { spec }, Request::CreateNamespace);
    is_requested(
        ListNamespaces {
            after: None,
            limit: 1,
        },
        Request::ListNamespaces,
    );
    is_requested(
        GetNamespace {
            namespace: namespace(),
        },
        Request::GetNamespace,
    );
    is_requested(
        DeleteNamespace {
            namespace: namespace(),
        },
        Request::DeleteNamespace,
    );

    let spec = EventbusSpec::new(name("orders"));
    let create = CreateEventbus {
        namespace: name("shop"),
        spec,
    };
    is_requested(create, Request::CreateEventbus);
    let list = ListEventbuses {
        namespace: None,
        after: Some(EventbusId::from_u64(1)),
        limit: 2,
    };
    is_requested(list, Request::ListEventbuses);
    is_requested(
        GetEventbus {
            eventbus: bus(),
            segments: true,
        },
        Request::GetEventbus,
    );
    let update = EventbusUpdate {
        description: Some("x".into()),
        retention_ms: None,
        retention_bytes: Some(1 << 33),
        retain_for: Some(vanus_types::control::RetainFor::Subscriptions),
    };
    is_requested(
        UpdateEventbus {
            eventbus: bus(),
            update,
        },
        Request::UpdateEventbus,
    );
    is_requested(DeleteEventbus { eventbus: bus() }, Request::DeleteEventbus);
    is_requested(GetClusterInfo, Request::GetClusterInfo);
}

#[test]
fn subscription_messages_come_back() {
    let spec = || SubscriptionSpec::new(name("s"), name("default"), name("orders"), "http://sink/");
    is_requested(
        CreateSubscription { spec: spec() },
        Request::CreateSubscription,
    );
    let list = ListSubscriptions {
        eventbus: Some(bus()),
        after: None,
        limit: 3,
    };
    is_requested(list, Request::ListSubscriptions);
    is_requested(
        GetSubscription { subscription: SUB },
        Request::GetSubscription,
    );
    let update = UpdateSubscription {
        subscription: SUB,
        spec: spec(),
    };
    is_requested(update, Request::UpdateSubscription);
    is_requested(
        DeleteSubscription { subscription: SUB },
        Request::DeleteSubscription,
    );
    is_requested(
        DisableSubscription { subscription: SUB },
        Request::DisableSubscription,
    );
    is_requested(
        ResumeSubscription { subscription: SUB },
        Request::ResumeSubscription,
    );
    let reset = ResetSubscription {
        subscription: SUB,
        reset: StartFrom::Timestamp(-5).into(),
    };
    is_requested(reset, Request::ResetSubscription);
}

#[test]
fn dead_letter_messages_come_back() {
    let get = GetDeadLetters {
        subscription: SUB,
        from: None,
        limit: 64,
    };
    is_requested(get, Request::GetDeadLetters);
    let id = EventId {
        eventlog: LOG,
        offset: 1,
    };
    comes_back(&DeadLetterPage {
        letters: vec![DeadLetter {
            id,
            append_time_ms: 5,
        }],
        next_offset: 2,
        end_offset: 3,
    });
    let resend = ResendDeadLetters {
        subscription: SUB,
        from: 1,
        to: Some(2),
    };
    is_requested(resend, Request::ResendDeadLetters);
    comes_back(&ResendReport {
        resent: 1,
        next_offset: 2,
        done: false,
    });
}

proptest! {
    #[test]
    fn hostile_control_bytes_are_refused_or_read_and_never_a_panic(
        index in 0..Op::ALL.len(),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = Request::decode(Op::ALL[index], &bytes);
    }
}
