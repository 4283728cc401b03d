//! The network in memory keeps to the contract of a transport.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::timeout;
use vanus_proto::{
    frame::{EncodedFrame, Flags},
    transport::{
        CloseCode, Connection, Listener, MemoryNetwork, SendHalf, Transport, TransportError,
    },
};

struct Pair {
    network: MemoryNetwork,
    listener: Box<dyn Listener>,
    client: Arc<dyn Connection>,
    server: Arc<dyn Connection>,
}

async fn pair() -> Pair {
    let network = MemoryNetwork::new();
    let listener = network.transport("server").listen("here").await.unwrap();
    let client = network.transport("client").connect("here").await.unwrap();
    let server = listener.accept().await.unwrap();
    Pair {
        network,
        listener,
        client,
        server,
    }
}

fn frame(number: u64) -> EncodedFrame {
    let body = vec![Bytes::from(number.to_string())];
    EncodedFrame::new(1, Flags::NONE, number, &number, body).unwrap()
}

async fn send(half: &mut dyn SendHalf, number: u64) -> Result<(), TransportError> {
    half.send(&mut vec![frame(number)]).await
}

#[tokio::test]
async fn frames_arrive_in_order_on_independent_streams_both_ways() {
    let pair = pair().await;
    assert_eq!(
        (pair.client.peer(), pair.server.peer()),
        ("here".into(), "client".into())
    );
    let (mut a, _a) = pair.client.open_stream().await.unwrap();
    let (mut b, mut b_back) = pair.client.open_stream().await.unwrap();
    let (_, mut at_a) = pair.server.accept_stream().await.unwrap();
    let (mut from_b, mut at_b) = pair.server.accept_stream().await.unwrap();
    send(&mut *b, 100).await.unwrap();
    assert_eq!(at_b.recv().await.unwrap().unwrap().correlation, 100);
    for number in 0..10 {
        send(&mut *a, number).await.unwrap();
    }
    for number in 0..10 {
        let got = at_a.recv().await.unwrap().unwrap();
        assert_eq!(
            (got.correlation, got.body),
            (number, Bytes::from(number.to_string()))
        );
    }
    send(&mut *from_b, 7).await.unwrap();
    assert_eq!(b_back.recv().await.unwrap().unwrap().correlation, 7);
}

#[tokio::test]
async fn a_direction_ends_after_what_was_sent() {
    let pair = pair().await;
    let (mut send_half, _recv) = pair.client.open_stream().await.unwrap();
    let (_back, mut recv) = pair.server.accept_stream().await.unwrap();
    send(&mut *send_half, 1).await.unwrap();
    let finishing = tokio::spawn(async move {
        send_half.finish().await.unwrap();
        send_half
    });
    tokio::task::yield_now().await;
    assert!(
        !finishing.is_finished(),
        "the peer has not received everything"
    );
    assert_eq!(recv.recv().await.unwrap().unwrap().correlation, 1);
    assert_eq!(recv.recv().await.unwrap(), None);
    finishing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_held_back_by_a_receiver_that_does_not_read() {
    let pair = pair().await;
    let (mut send_half, _recv) = pair.client.open_stream().await.unwrap();
    let (_back, mut recv) = pair.server.accept_stream().await.unwrap();
    let mut sent = 0;
    while timeout(Duration::from_millis(1), send(&mut *send_half, sent))
        .await
        .is_ok()
    {
        sent += 1;
    }
    assert!(sent < 1000);
    recv.recv().await.unwrap().unwrap();
    timeout(Duration::from_secs(1), send(&mut *send_half, sent))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_receiver_that_left_is_noticed() {
    let pair = pair().await;
    let (mut send_half, _recv) = pair.client.open_stream().await.unwrap();
    drop(pair.server.accept_stream().await.unwrap());
    assert_eq!(
        send(&mut *send_half, 1).await,
        Err(TransportError::StreamReset)
    );
}

#[tokio::test]
async fn closing_tells_both_sides_why_and_fails_all_streams() {
    let pair = pair().await;
    let (mut send_half, mut recv) = pair.client.open_stream().await.unwrap();
    let reading = tokio::spawn(async move { recv.recv().await });
    pair.server.close(CloseCode::Drained, "enough");
    let why = TransportError::Closed {
        code: 1,
        reason: "enough".into(),
    };
    assert_eq!(pair.client.closed().await, why);
    assert_eq!(reading.await.unwrap(), Err(why.clone()));
    assert_eq!(send(&mut *send_half, 1).await, Err(why.clone()));
    assert_eq!(pair.server.accept_stream().await.unwrap_err(), why);
    assert_eq!(pair.client.open_stream().await.unwrap_err(), why);
}

#[tokio::test]
async fn dropping_the_connection_closes_it() {
    let pair = pair().await;
    drop(pair.client);
    let why = pair.server.closed().await;
    assert!(
        matches!(why, TransportError::Closed { code: 0, .. }),
        "{why}"
    );
}

#[tokio::test]
async fn a_cut_link_breaks_connections_and_lets_none_through_until_healed() {
    let pair = pair().await;
    pair.network.cut("here");
    assert!(matches!(
        pair.client.closed().await,
        TransportError::Lost { .. }
    ));
    assert!(matches!(
        pair.server.closed().await,
        TransportError::Lost { .. }
    ));
    let transport = pair.network.transport("client");
    let refused = transport.connect("here").await.unwrap_err();
    assert!(
        matches!(refused, TransportError::Connect { .. }),
        "{refused}"
    );
    pair.network.heal("here");
    transport.connect("here").await.unwrap();
    assert!(pair.listener.accept().await.is_some());
}

#[tokio::test]
async fn addresses_are_taken_once_and_free_after_closing() {
    let pair = pair().await;
    let transport = pair.network.transport("other");
    assert!(matches!(
        transport.listen("here").await,
        Err(TransportError::Listen { .. })
    ));
    assert!(matches!(
        transport.connect("there").await,
        Err(TransportError::Connect { .. })
    ));
    pair.listener.close();
    assert!(pair.listener.accept().await.is_none());
    assert!(transport.connect("here").await.is_err());
    drop(pair.listener);
    transport.listen("here").await.unwrap();
}

#[tokio::test]
async fn a_stream_past_the_most_waits_until_both_sides_dropped_another() {
    let pair = pair().await;
    let mut open = Vec::new();
    for _ in 0..256 {
        let ours = pair.client.open_stream().await.unwrap();
        open.push((ours, pair.server.accept_stream().await.unwrap()));
    }
    let wait = Duration::from_millis(10);
    assert!(timeout(wait, pair.client.open_stream()).await.is_err());
    let (ours, theirs) = open.pop().unwrap();
    drop(ours);
    assert!(timeout(wait, pair.client.open_stream()).await.is_err());
    drop(theirs);
    let last = pair.client.open_stream().await.unwrap();
    let (waited, ()) = tokio::join!(pair.client.open_stream(), async {
        pair.network.drop_connections("here");
    });
    assert!(matches!(waited, Err(TransportError::Lost { .. })));
    drop(last);
}
