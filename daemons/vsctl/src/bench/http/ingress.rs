//! Posting events as fast as answers come.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::task::JoinSet;
use vanus_net::http::{HttpClient, HttpClientOptions, HttpTarget};
use vanus_types::Clock;

use super::super::{recorder::Latencies, stop::Stop};
use crate::{context::Context, error::CliError};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// How to post.
#[derive(Debug, Clone, Copy)]
pub(super) struct Post {
    pub(super) connections: usize,
    pub(super) duration: Duration,
    pub(super) size: usize,
}

/// What one connection does.
#[derive(Debug, Clone)]
struct Poster {
    client: HttpClient,
    target: HttpTarget,
    headers: HeaderMap,
    body: Bytes,
    clock: Arc<dyn Clock>,
    end_ns: u64,
    stop: Stop,
}

impl Post {
    /// Posts to `url`; answers requests, nanoseconds and latencies.
    pub(super) async fn run(
        self,
        url: &str,
        context: &Context,
        stop: &Stop,
    ) -> Result<(u64, u64, Latencies), CliError> {
        let options = HttpClientOptions {
            max_connections_per_host: self.connections,
            ..HttpClientOptions::default()
        };
        let client = HttpClient::new(options).map_err(|error| CliError::invalid(&error))?;
        let target = HttpTarget::parse(url).map_err(|error| CliError::invalid(&error))?;
        let (clock, mut body) = (context.clock(), vec![0; self.size]);
        context.entropy().fill(&mut body);
        let begin = clock.monotonic_ns();
        let length = u64::try_from(self.duration.as_nanos()).unwrap_or(u64::MAX);
        let poster = Poster {
            client,
            target,
            headers: headers(),
            body: body.into(),
            clock: Arc::clone(&clock),
            end_ns: begin.saturating_add(length),
            stop: stop.clone(),
        };
        let mut running = JoinSet::new();
        for _ in 0..self.connections {
            running.spawn(poster.clone().post());
        }
        let mut latencies = Latencies::new()?;
        while let Some(done) = running.join_next().await {
            latencies.merge(&done.map_err(|error| CliError::Bench(error.to_string()))??)?;
        }
        Ok((latencies.count(), clock.monotonic_ns() - begin, latencies))
    }
}

impl Poster {
    async fn post(self) -> Result<Latencies, CliError> {
        let mut latencies = Latencies::new()?;
        let mut before = self.clock.monotonic_ns();
        while before < self.end_ns && !self.stop.is_asked() {
            let (headers, body) = (self.headers.clone(), self.body.clone());
            let answer = self.client.post(&self.target, headers, body, ANSWER).await;
            let answer = answer.map_err(|error| CliError::engine(&error))?;
            if !answer.status.is_success() {
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                return Err(CliError::Bench(format!("{} {text}", answer.status)));
            }
            let after = self.clock.monotonic_ns();
            latencies.record(after - before);
            before = after;
        }
        Ok(latencies)
    }
}

/// The headers of an event in binary mode.
fn headers() -> HeaderMap {
    let attributes = [
        ("ce-specversion", "1.0"),
        ("ce-id", "0000000000000001"),
        ("ce-source", "/vsctl/bench"),
        ("ce-type", "vsctl.bench"),
    ];
    let mut headers: HeaderMap = attributes
        .into_iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, octets);
    headers
}
