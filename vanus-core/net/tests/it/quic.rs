//! What only QUIC has: certificates, packets, sockets.

use std::time::Duration;

use vanus_net::quic::{Identity, QuicOptions, QuicTransport, Trust};
use vanus_proto::transport::{Transport, TransportError};

fn transport(options: QuicOptions) -> QuicTransport {
    QuicTransport::new(options).unwrap()
}

fn certificate() -> (Identity, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let chain = made.cert.pem().into_bytes();
    let key = made.signing_key.serialize_pem().into_bytes();
    (
        Identity::Pem {
            chain: chain.clone(),
            key,
        },
        chain,
    )
}

#[tokio::test]
async fn a_named_authority_is_believed_and_only_that_one() {
    let (identity, authority) = certificate();
    let server = transport(QuicOptions {
        identity,
        ..QuicOptions::default()
    });
    let listener = server.listen("127.0.0.1:0").await.unwrap();
    let port = listener.address().rsplit_once(':').unwrap().1.to_owned();
    let address = format!("localhost:{port}");

    let trust = Trust::Authorities(authority);
    let friend = transport(QuicOptions {
        trust,
        ..QuicOptions::default()
    });
    friend.connect(&address).await.unwrap();

    let trust = Trust::Authorities(certificate().1);
    let stranger = transport(QuicOptions {
        trust,
        ..QuicOptions::default()
    });
    let refused = stranger.connect(&address).await.unwrap_err();
    assert!(
        matches!(refused, TransportError::Connect { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn nobody_there_is_an_error_within_the_time_limit() {
    let options = QuicOptions {
        handshake_timeout: Duration::from_millis(100),
        ..QuicOptions::default()
    };
    let refused = transport(options).connect("127.0.0.1:9").await.unwrap_err();
    assert!(
        matches!(refused, TransportError::Connect { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn listening_needs_an_identity_and_a_usable_one() {
    let nobody = transport(QuicOptions::default())
        .listen("127.0.0.1:0")
        .await
        .unwrap_err();
    assert!(nobody.to_string().contains("no identity"), "{nobody}");
    let identity = Identity::Pem {
        chain: b"no pem".to_vec(),
        key: Vec::new(),
    };
    let broken = transport(QuicOptions {
        identity,
        ..QuicOptions::default()
    });
    assert!(
        broken
            .listen("127.0.0.1:0")
            .await
            .unwrap_err()
            .to_string()
            .contains("certificate")
    );
    let trust = Trust::Authorities(b"no pem".to_vec());
    assert!(
        QuicTransport::new(QuicOptions {
            trust,
            ..QuicOptions::default()
        })
        .is_err()
    );
}

#[tokio::test]
async fn an_address_without_a_port_is_told_so() {
    let error = transport(QuicOptions::default())
        .connect("localhost")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("host:port"), "{error}");
}

#[tokio::test]
async fn closing_the_listener_keeps_connections() {
    let identity = Identity::SelfSigned;
    let handshake_timeout = Duration::from_millis(500);
    let both = transport(QuicOptions {
        identity,
        handshake_timeout,
        ..QuicOptions::default()
    });
    let listener = both.listen("[::1]:0").await.unwrap();
    let address = listener.address();
    let client = both.connect(&address).await.unwrap();
    let server = listener.accept().await.unwrap();
    listener.close();
    drop(listener);
    assert!(both.connect(&address).await.is_err());
    let (mut send, _recv) = client.open_stream().await.unwrap();
    let frame = vanus_proto::frame::EncodedFrame::new(
        1,
        vanus_proto::frame::Flags::NONE,
        7,
        &(),
        Vec::new(),
    );
    send.send(&mut vec![frame.unwrap()]).await.unwrap();
    let (_send, mut recv) = server.accept_stream().await.unwrap();
    assert_eq!(recv.recv().await.unwrap().unwrap().correlation, 7);
}
