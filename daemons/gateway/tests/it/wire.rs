//! Over a real socket: what only shows there.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;
use vanus_core::{EventbusSpec, Name, Vanus};
use vanus_gateway::{Gateway, GatewayOptions};
use vanus_net::http::bind_tcp;

use crate::house::ONE;

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test is a client")]
async fn requests_follow_each_other_on_one_connection_until_the_drain() {
    let vanus = Vanus::builder().in_memory().open().await.unwrap();
    let spec = EventbusSpec::new(Name::new("orders").unwrap());
    vanus.create_eventbus("default", spec).await.unwrap();
    let stopping = CancellationToken::new();
    let gateway = Gateway::new(vanus.clone(), GatewayOptions::default(), stopping.clone());
    let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let serving = tokio::spawn(gateway.serve(listener));

    let with_length = format!(
        "POST /gateway/orders HTTP/1.1\r\nhost: h\r\ncontent-type: application/cloudevents+json\r\n\
         content-length: {}\r\n\r\n{ONE}",
        ONE.len()
    );
    let chunked = "POST /gateway/orders HTTP/1.1\r\nhost: h\r\nce-specversion: 1.0\r\nce-id: 2\r\n\
         ce-source: /s\r\nce-type: t\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let without = "POST /gateway/orders HTTP/1.1\r\nhost: h\r\ncontent-type: text/plain\r\n\r\n";
    for (request, status, needle) in [
        (with_length.as_str(), "200", "\"offset\":0"),
        (chunked, "200", "\"offset\":1"),
        (without, "411", "V9100"),
    ] {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains(needle) {
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).await.unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&piece[..count]);
        }
        assert!(answer.starts_with(format!("HTTP/1.1 {status}").as_bytes()));
    }

    stopping.cancel();
    serving.await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    vanus.close().await.unwrap();
}
