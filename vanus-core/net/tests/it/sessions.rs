//! Sessions: the same stories over both transports.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use vanus_net::serve::ServeOptions;
use vanus_proto::{
    Op,
    frame::{EncodedFrame, Flags},
    message::{
        DeleteNamespace, DrainNotice, GetClusterInfo, GetNamespace, Hello, NamespaceKey,
        PublishRequest, Push, ReadRequest, Settle, Settlement, TailRequest,
    },
    transport::{CloseCode, TransportError},
};
use vanus_types::{ErrorCode, EventlogId, NamespaceId, SubscriptionId, codec};

use crate::shelf::{Shelf, Stage, Talk, batch};

macro_rules! over_both_transports {
    ($($story:ident)*) => {
        mod memory {
            use super::*;
            $(#[tokio::test]
            async fn $story() {
                super::$story(async |shelf, options| Stage::over_memory(shelf, options).await).await;
            })*
        }
        mod quic {
            use super::*;
            $(#[tokio::test]
            async fn $story() {
                super::$story(async |shelf, options| Stage::over_quic(shelf, options).await).await;
            })*
        }
    };
}

over_both_transports! {
    a_batch_is_acknowledged_with_its_place
    batches_are_submitted_in_order_without_waiting_for_outcomes
    too_many_batches_in_flight_are_not_read
    damaged_and_misplaced_batches_are_refused_and_the_stream_goes_on
    an_unknown_op_is_answered_and_the_stream_goes_on
    a_session_must_begin_with_a_hello
    a_hello_of_no_version_is_refused_with_a_reason
    a_read_carries_its_batches_and_is_capped
    a_failing_handler_is_an_internal_fault
    giving_a_stream_up_gives_the_request_up
    a_reader_that_does_not_read_holds_the_tail_back
    a_stop_answers_what_is_under_way_and_refuses_the_rest
    a_stop_does_not_wait_for_reads_and_tails
    a_stop_closes_what_takes_longer_than_the_grace
    a_stop_lets_what_was_pushed_be_settled
    requests_past_the_limit_are_told_to_wait
    sessions_past_the_limit_are_closed
}

/// Sets the stage over one of the transports.
trait Staging: AsyncFn(Arc<Shelf>, ServeOptions) -> Stage {}

impl<F: AsyncFn(Arc<Shelf>, ServeOptions) -> Stage> Staging for F {}

fn read(offset: u64) -> ReadRequest {
    ReadRequest {
        eventlog: EventlogId::from_u64(1),
        offset,
        max_bytes: u32::MAX,
        wait_ms: 0,
    }
}

fn stuck() -> GetNamespace {
    GetNamespace {
        namespace: NamespaceKey::Id(NamespaceId::from_u64(1)),
    }
}

fn stuck_change() -> DeleteNamespace {
    DeleteNamespace {
        namespace: NamespaceKey::Id(NamespaceId::from_u64(1)),
    }
}

async fn a_batch_is_acknowledged_with_its_place(stage: impl Staging) {
    let stage = stage(Shelf::new(), ServeOptions::default()).await;
    let peer = stage.connect().await;
    let mut talk = peer.talk().await;
    for expected in 0..3 {
        talk.publish(expected, 1, &batch(expected)).await;
        let reply = talk.answer::<PublishRequest>(expected).await.unwrap();
        assert_eq!((reply.base_offset, reply.count), (expected, 1));
    }
}

async fn batches_are_submitted_in_order_without_waiting_for_outcomes(stage: impl Staging) {
    let shelf = Shelf::new();
    shelf.hold_outcomes();
    let stage = stage(shelf, ServeOptions::default()).await;
    let peer = stage.connect().await;
    let mut talk = peer.talk().await;
    for sequence in 0..20 {
        talk.publish(sequence, 1, &batch(sequence)).await;
    }
    // A read on the same stream is answered although all outcomes are open: nothing waits for
    // them, and everything before the read has its place.
    talk.ask(99, &read(0)).await;
    talk.answer::<ReadRequest>(99).await.unwrap();
    assert_eq!(*stage.shelf.submitted.lock(), (0..20).collect::<Vec<_>>());
    stage.shelf.outcomes.add_permits(20);
    for _ in 0..20 {
        let frame = talk.frame().await.unwrap().unwrap();
        assert!(!frame.flags.is_fault());
    }
}

async fn too_many_batches_in_flight_are_not_read(stage: impl Staging) {
    let shelf = Shelf::new();
    shelf.hold_outcomes();
    let options = ServeOptions {
        max_publish_in_flight: 3,
        ..ServeOptions::default()
    };
    let stage = stage(shelf, options).await;
    let peer = stage.connect().await;
    let mut talk = peer.talk().await;
    for sequence in 0..10 {
        talk.publish(sequence, 1, &batch(sequence)).await;
    }
    stage.shelf.outcomes.add_permits(1);
    talk.frame().await.unwrap().unwrap();
    assert!(stage.shelf.submitted.lock().len() <= 4);
    stage.shelf.outcomes.add_permits(9);
    for _ in 0..9 {
        talk.frame().await.unwrap().unwrap();
    }
    assert_eq!(stage.shelf.submitted.lock().len(), 10);
}

async fn damaged_and_misplaced_batches_are_refused_and_the_stream_goes_on(stage: impl Staging) {
    let stage = stage(Shelf::new(), ServeOptions::default()).await;
    let peer = stage.connect().await;
    let mut talk = peer.talk().await;
    let good = batch(0);
    let mut bytes = [&good.header().encode()[..], good.body()].concat();
    let request = |eventlog| PublishRequest {
        eventlog: EventlogId::from_u64(eventlog),
        durability: vanus_types::Durability::Fsync,
    };
    let twice = Bytes::from([&bytes[..], &bytes[..]].concat());
    talk.ask_with(1, &request(1), vec![twice]).await;
    assert_eq!(talk.fault().await.code, ErrorCode::MalformedMessage);
    talk.ask_with(2, &request(404), vec![Bytes::copy_from_slice(&bytes)])
        .await;
    assert_eq!(talk.fault().await.code, ErrorCode::EventlogNotFound);
    *bytes.last_mut().unwrap() ^= 1;
    talk.ask_with(3, &request(1), vec![Bytes::from(bytes)])
        .await;
    assert_eq!(talk.fault().await.code, ErrorCode::CorruptData);
    talk.publish(4, 1, &good).await;
    assert_eq!(
        talk.answer::<PublishRequest>(4).await.unwrap().base_offset,
        0
    );
}

async fn an_unknown_op_is_answered_and_the_stream_goes_on(stage: impl Staging) {
    let stage = stage(Shelf::new(), ServeOptions::default()).await;
    let peer = stage.connect().await;
    let mut talk = peer.talk().await;
    let frame = EncodedFrame::new(0x7777, Flags::NONE, 5, &(), Vec::new()).unwrap();
    talk.0.0.send(&mut vec![frame]).await.unwrap();
    let fault = talk.fault().await;
    assert_eq!(fault.code, ErrorCode::Unsupported);
    assert!(fault.message.contains("0x7777"), "{fault}");
    talk.ask(6, &read(0)).await;
    talk.answer::<ReadRequest>(6).await.unwrap();
}

async fn a_session_must_begin_with_a_hello(stage: impl Staging) {
    let options = ServeOptions {
        hello_timeout: Duration::from_secs(1),
        ..ServeOptions::default()
    };
    let stage = stage(Shelf::new(), options).await;
    let connection = stage.transport.connect(&stage.address).await.unwrap();
    let mut talk = Talk(connection.open_stream().await.unwrap());
    talk.ask(1, &read(0)).await;
    assert_eq!(talk.fault().await.code, ErrorCode::InvalidRequest);
    // Who reads why, and then goes on to say nothing, is left after the time limit at the latest.
    drop(talk);
    let why = connection.closed().await;
    assert!(matches!(why, TransportError::Closed { .. }), "{why}");

    let silent = stage.transport.connect(&stage.address).await.unwrap();
    let why = silent.closed().await;
    assert!(
        matches!(why, TransportError::Closed { code, .. } if code == CloseCode::Refused.number())
    );
}

async fn a_hello_of_no_version_is_refused_with_a_reason(stage: impl Staging) {
    let stage = stage(Shelf::new(), ServeOptions::default()).await;
    let connection = stage.transport.connect(&stage.address).await.unwrap();
    let mut talk = Talk(connection.open_stream().await.unwrap());
    talk.ask(
        1,
        &Hello {
            protocol: 0,
            client: "old".into(),
            features: 0,
        },
    )
    .await;
    let refused = talk.answer::<Hello>(1).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::UnsupportedVersion);
}

async fn a_read_carries_its_batches_and_is_capped(stage: impl Staging) {
    let options = ServeOptions {
        max_read_len: 1234,
        ..ServeOptions::default()
    };
    let stage = stage(Shelf::with_read_len(8 * 1024 * 1024), options).await;
    let peer = stage.connect().await;
    let mut talk = peer.talk().await;
    for id in 0..3 {
        talk.ask(id, &read(41)).await;
        let frame = talk.frame().await.unwrap().unwrap();
        assert_eq!(frame.body.len(), 8 * 1024 * 1024);
        assert!(frame.body.iter().all(|byte| *byte == 7));
        let reply: vanus_proto::message::ReadReply = codec::decode(&frame.control).unwrap();
        assert_eq!((reply.next_offset, reply.start_offset), (42, 1234));
    }
}

async fn a_failing_handler_is_an_internal_fault(stage: impl Staging) {
    let stage = stage(Shelf::new(), ServeOptions::default()).await;
    let peer = stage.connect().await;
    let mut talk = peer.talk().await;
    talk.ask(1, &GetClusterInfo).await;
    assert_eq!(talk.fault().await.code, ErrorCode::Internal);
    talk.ask(2, &read(0)).await;
    talk.answer::<ReadRequest>(2).await.unwrap();
}

async fn giving_a_stream_up_gives_the_request_up(stage: impl Staging) {
    let stage = stage(Shelf::new(), ServeOptions::default()).await;
    let peer = stage.connect().await;
    let mut talk = peer.talk().await;
    talk.ask(1, &stuck()).await;
    stage.shelf.call_began.notified().await;
    drop(talk);
    stage.shelf.call_given_up.noted.notified().await;
    assert!(stage.shelf.call_given_up.given_up.load(Ordering::SeqCst));
}

async fn a_reader_that_does_not_read_holds_the_tail_back(stage: impl Staging) {
    let stage = stage(Shelf::with_read_len(512 * 1024), ServeOptions::default()).await;
    let peer = stage.connect().await;
    let mut talk = peer.talk().await;
    let from = TailRequest {
        eventlog: EventlogId::from_u64(1),
        from: 5,
        max_bytes: 1024 * 1024,
    };
    talk.ask(1, &from).await;
    let mut last = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let pushed = stage.shelf.pushed.load(Ordering::SeqCst);
        if pushed == last && pushed > 0 {
            break;
        }
        last = pushed;
    }
    assert!(
        last < 120,
        "{last} pushes went to a reader that does not read"
    );
    for offset in 5..160 {
        let frame = talk.frame().await.unwrap().unwrap();
        let progress: vanus_proto::message::TailProgress = codec::decode(&frame.control).unwrap();
        assert_eq!(progress.next_offset, offset + 1);
    }
}

async fn a_stop_answers_what_is_under_way_and_refuses_the_rest(stage: impl Staging) {
    let shelf = Shelf::new();
    shelf.hold_outcomes();
    let stage = stage(shelf, ServeOptions::default()).await;
    let mut peer = stage.connect().await;
    let mut talk = peer.talk().await;
    talk.publish(1, 1, &batch(0)).await;
    talk.ask(2, &read(0)).await;
    talk.answer::<ReadRequest>(2).await.unwrap();
    stage.stopping.cancel();
    let notice = peer.session.frame().await.unwrap().unwrap();
    assert_eq!(notice.op, Op::Drain.number());
    assert_eq!(
        codec::decode::<DrainNotice>(&notice.control)
            .unwrap()
            .grace_ms,
        10_000
    );
    talk.publish(3, 1, &batch(1)).await;
    let refused = talk.answer::<PublishRequest>(3).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotRunning);
    stage.shelf.outcomes.add_permits(1);
    talk.answer::<PublishRequest>(1).await.unwrap();
    let end = talk.frame().await;
    assert!(
        matches!(end, Ok(None) | Err(TransportError::Closed { .. })),
        "{end:?}"
    );
    drop(talk);
    let why = peer.connection.closed().await;
    assert!(
        matches!(why, TransportError::Closed { code, .. } if code == CloseCode::Drained.number())
    );
    stage.server.await.unwrap();
    assert!(stage.transport.connect(&stage.address).await.is_err());
}

async fn a_stop_does_not_wait_for_reads_and_tails(stage: impl Staging) {
    let stage = stage(Shelf::new(), ServeOptions::default()).await;
    let peer = stage.connect().await;
    let mut talk = peer.talk().await;
    talk.ask(1, &stuck()).await;
    stage.shelf.call_began.notified().await;
    stage.stopping.cancel();
    assert_eq!(talk.fault().await.code, ErrorCode::NotRunning);
    stage.server.await.unwrap();
}

async fn a_stop_closes_what_takes_longer_than_the_grace(stage: impl Staging) {
    let options = ServeOptions {
        drain_grace: Duration::from_millis(50),
        ..ServeOptions::default()
    };
    let stage = stage(Shelf::new(), options).await;
    let peer = stage.connect().await;
    let mut talk = peer.talk().await;
    talk.ask(1, &stuck_change()).await;
    stage.shelf.call_began.notified().await;
    stage.stopping.cancel();
    stage.server.await.unwrap();
    assert!(talk.frame().await.is_err());
}

async fn a_stop_lets_what_was_pushed_be_settled(stage: impl Staging) {
    let stage = stage(Shelf::new(), ServeOptions::default()).await;
    let peer = stage.connect().await;
    let mut talk = peer.talk().await;
    let subscription = SubscriptionId::from_u64(1);
    let push = Push {
        subscription,
        window: 7,
    };
    talk.ask(1, &push).await;
    let received = talk.answer::<Push>(1).await.unwrap();
    assert_eq!(received.attempts[0].id.offset, 7);
    stage.stopping.cancel();
    // Nothing new is begun, but what was pushed is settled.
    talk.ask(2, &read(0)).await;
    let refused = talk.answer::<ReadRequest>(2).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotRunning);
    let attempts = vec![(received.attempts[0], Settlement::Ack)];
    let settle = Settle {
        subscription,
        attempts,
    };
    talk.ask(3, &settle).await;
    assert!(talk.answer::<Settle>(3).await.unwrap().late.is_empty());
    let end = talk.frame().await.unwrap().unwrap();
    assert!((end.op, end.correlation) == (Op::Push.number(), 1) && end.flags.is_end());
    drop(talk);
    stage.server.await.unwrap();
}

async fn requests_past_the_limit_are_told_to_wait(stage: impl Staging) {
    let options = ServeOptions {
        max_requests_in_flight: 1,
        ..ServeOptions::default()
    };
    let stage = stage(Shelf::new(), options).await;
    let peer = stage.connect().await;
    let mut talk = peer.talk().await;
    talk.ask(1, &stuck()).await;
    stage.shelf.call_began.notified().await;
    let mut other = peer.talk().await;
    other.ask(2, &read(0)).await;
    assert_eq!(other.fault().await.code, ErrorCode::TryAgain);
    drop(talk);
    stage.shelf.call_given_up.noted.notified().await;
    // The permit comes back with the request; how soon is up to the server.
    loop {
        other.ask(3, &read(0)).await;
        if other.answer::<ReadRequest>(3).await.is_ok() {
            break;
        }
    }
}

async fn sessions_past_the_limit_are_closed(stage: impl Staging) {
    let options = ServeOptions {
        max_sessions: 1,
        ..ServeOptions::default()
    };
    let stage = stage(Shelf::new(), options).await;
    let first = stage.connect().await;
    let second = stage.transport.connect(&stage.address).await.unwrap();
    let why = second.closed().await;
    assert!(
        matches!(why, TransportError::Closed { code, .. } if code == CloseCode::Refused.number())
    );
    let mut talk = first.talk().await;
    talk.ask(1, &read(0)).await;
    talk.answer::<ReadRequest>(1).await.unwrap();
}
