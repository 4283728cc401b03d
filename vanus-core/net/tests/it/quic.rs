//! What only QUIC has: certificates, packets, sockets.

use std::time::Duration;

use vanus_net::quic::{Identity, QuicOptions, QuicTransport, ResetSeed, Trust};
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
    let patient = transport(QuicOptions {
        identity: Identity::SelfSigned,
        ..QuicOptions::default()
    });
    let hasty = transport(QuicOptions {
        handshake_timeout: Duration::from_millis(500),
        ..QuicOptions::default()
    });
    let listener = patient.listen("[::1]:0").await.unwrap();
    let address = listener.address();
    let client = patient.connect(&address).await.unwrap();
    let server = listener.accept().await.unwrap();
    listener.close();
    drop(listener);
    assert!(hasty.connect(&address).await.is_err());
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

/// A silence that no test waits for.
const NEVER_IDLE: Duration = Duration::from_secs(600);

/// A server in a runtime of its own, which ends as if it were killed: without a word.
struct Life(tokio::runtime::Runtime);

impl Life {
    fn begin(address: &str) -> (Self, String) {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let options = QuicOptions {
            identity: Identity::SelfSigned,
            reset_seed: Some(ResetSeed::new("the same every time")),
            idle_timeout: NEVER_IDLE,
            ..QuicOptions::default()
        };
        let (told, bound) = std::sync::mpsc::channel();
        let address = address.to_owned();
        runtime.spawn(async move {
            let server = transport(options);
            let listener = loop {
                // The earlier life may not be quite over yet.
                match server.listen(&address).await {
                    Ok(listener) => break listener,
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            };
            told.send(listener.address()).unwrap();
            let mut held = Vec::new();
            while let Some(connection) = listener.accept().await {
                held.push(connection);
            }
        });
        let bound = bound.recv().unwrap();
        (Self(runtime), bound)
    }

    fn kill(self) {
        self.0.shutdown_background();
    }
}

#[tokio::test]
async fn clients_of_a_server_that_was_killed_and_started_again_are_told_so() {
    let (first, address) = Life::begin("127.0.0.1:0");
    let client = transport(QuicOptions {
        keep_alive: Duration::from_millis(50),
        idle_timeout: NEVER_IDLE,
        ..QuicOptions::default()
    });
    let connection = client.connect(&address).await.unwrap();
    let (_send, mut recv) = connection.open_stream().await.unwrap();
    first.kill();
    let (second, _) = Life::begin(&address);
    let told = tokio::time::timeout(Duration::from_secs(30), recv.recv()).await;
    assert!(told.unwrap().is_err());
    client.connect(&address).await.unwrap();
    second.kill();
}
