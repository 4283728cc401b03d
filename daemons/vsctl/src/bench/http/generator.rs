//! A load generator that costs little: it writes the same bytes again and reads just enough of an
//! answer to know its end. Whatever it spends, the server beside it on this machine lacks.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::Uri;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use vanus_net::http::connect_tcp;
use vanus_types::Clock;

use super::super::{recorder::Latencies, stop::Stop};
use crate::{context::Context, error::CliError};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// Longest answer that is read, in bytes.
const MAX_ANSWER_LEN: usize = 64 * 1024;

/// Posts one event in binary mode, again and again, on kept-alive HTTP/1.1 connections. Each waits
/// for its answer before it posts again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Generator {
    pub(super) connections: usize,
    pub(super) duration: Duration,
    pub(super) size: usize,
}

/// What was measured.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) elapsed_ns: u64,
    pub(super) latencies: Latencies,
}

impl Generator {
    /// Posts to `url`, which starts with `http://`.
    pub(super) async fn run(
        self,
        url: &str,
        context: &Context,
        stop: &Stop,
    ) -> Result<Posted, CliError> {
        let url: Uri = url
            .parse()
            .map_err(|_| CliError::argument(format!("\"{url}\" is no URL")))?;
        let clock = context.clock();
        let mut body = vec![0; self.size];
        context.entropy().fill(&mut body);
        let request = request(&url, &body);
        let mut connections = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            connections.push(Connection::open(&url, request.clone(), Arc::clone(&clock)).await?);
        }
        let begin = clock.monotonic_ns();
        let length = u64::try_from(self.duration.as_nanos()).unwrap_or(u64::MAX);
        let end = begin.saturating_add(length);
        let mut running = JoinSet::new();
        for connection in connections {
            running.spawn(connection.post_until(end, stop.clone()));
        }
        let mut latencies = Latencies::new()?;
        while let Some(done) = running.join_next().await {
            latencies.merge(&done.map_err(|error| CliError::Bench(error.to_string()))??)?;
        }
        Ok(Posted {
            elapsed_ns: clock.monotonic_ns() - begin,
            latencies,
        })
    }
}

/// Head and body of the request.
fn request(url: &Uri, body: &[u8]) -> Bytes {
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let host = url.authority().map_or("", |authority| authority.as_str());
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nce-specversion: 1.0\r\n\
         ce-id: 0000000000000001\r\nce-source: /vsctl/bench\r\nce-type: vsctl.bench\r\n\
         content-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat().into()
}

/// One connection.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    request: Bytes,
    answer: Vec<u8>,
    clock: Arc<dyn Clock>,
}

impl Connection {
    async fn open(url: &Uri, request: Bytes, clock: Arc<dyn Clock>) -> Result<Self, CliError> {
        let host = url.host().unwrap_or_default();
        let port = url.port_u16().unwrap_or(80);
        let stream = connect_tcp(host.trim_matches(['[', ']']), port)
            .await
            .map_err(CliError::Runtime)?;
        let answer = Vec::with_capacity(4096);
        Ok(Self {
            stream,
            request,
            answer,
            clock,
        })
    }

    async fn post_until(mut self, end_ns: u64, stop: Stop) -> Result<Latencies, CliError> {
        let mut latencies = Latencies::new()?;
        let clock = Arc::clone(&self.clock);
        let posting = async {
            let mut before = clock.monotonic_ns();
            while before < end_ns && !stop.is_asked() {
                self.exchange().await?;
                let after = clock.monotonic_ns();
                latencies.record(after - before);
                before = after;
            }
            Ok::<_, CliError>(())
        };
        // One deadline for all: a timer for each would cost the server time.
        let left = Duration::from_nanos(end_ns.saturating_sub(clock.monotonic_ns()));
        timeout(left + ANSWER, posting)
            .await
            .map_err(|_| CliError::Bench(format!("no answer within {ANSWER:?}")))??;
        Ok(latencies)
    }

    /// Posts once and reads the answer.
    async fn exchange(&mut self) -> Result<(), CliError> {
        self.stream
            .write_all(&self.request)
            .await
            .map_err(CliError::Runtime)?;
        self.answer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.answer).await;
            if read.map_err(CliError::Runtime)? == 0 {
                return Err(CliError::Bench("the server closed a connection".to_owned()));
            }
            if let Some(answer) = Answer::find(&self.answer)
                && self.answer.len() >= answer.len
            {
                return answer.check(&self.answer);
            }
            if self.answer.len() > MAX_ANSWER_LEN {
                return Err(CliError::Bench("an answer does not end".to_owned()));
            }
        }
    }
}

/// Where an answer ends. Chunked ones are not understood: neither server measured sends them.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    success: bool,
    len: usize,
}

impl Answer {
    /// Nothing, as long as the head is not complete.
    fn find(bytes: &[u8]) -> Option<Self> {
        let head_len = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(bytes.get(..head_len)?).ok()?;
        let body_len = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>().ok())?
        });
        let status = head.split_ascii_whitespace().nth(1)?;
        Some(Self {
            success: status.starts_with('2'),
            len: head_len + body_len.unwrap_or(0),
        })
    }

    fn check(&self, bytes: &[u8]) -> Result<(), CliError> {
        if self.success {
            return Ok(());
        }
        Err(CliError::Bench(String::from_utf8_lossy(bytes).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_as_long_as_its_head_says() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ndate: x\r\n\r\n{}";
        for end in 0..whole.len() {
            let found = Answer::find(&whole[..end]);
            assert!(
                found.is_none_or(|found| found.len == whole.len()),
                "{end} bytes"
            );
        }
        let found = Answer::find(whole).unwrap();
        assert_eq!((found.success, found.len), (true, whole.len()));
        let none = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(Answer::find(none).unwrap().len, none.len());
        let refused = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
        let refused = Answer::find(refused).unwrap();
        assert!(refused.check(b"503").is_err());
    }

    #[test]
    fn the_request_is_an_event_in_binary_mode() {
        let url = "http://[::1]:80/a?b".parse().unwrap();
        let request = request(&url, b"xyz");
        let text = std::str::from_utf8(&request).unwrap();
        assert!(
            text.starts_with("POST /a?b HTTP/1.1\r\nhost: [::1]:80\r\nce-specversion: 1.0\r\n")
        );
        assert!(text.ends_with("content-length: 3\r\n\r\nxyz"));
    }
}
