//! Deliveries to a sink in this process.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use vanus_client::ProducerOptions;
use vanus_net::http::bind_tcp;
use vanus_types::{
    Durability, Name, SubscriptionId,
    control::{StartFrom, SubscriptionConfig, SubscriptionSpec},
};

use super::{
    super::{
        load::{Load, Until},
        payload,
        progress::{Count, Progress},
        report::Row,
        scratch::ScratchBus,
        stop::Stop,
    },
    Http,
};
use crate::{context::Context, error::CliError, output::Output};

/// How many events a second the sink takes from a generator that does nothing else: no delivery can
/// be faster.
pub(super) async fn measure_sink(
    bench: &Http,
    context: &Context,
    stop: &Stop,
) -> Result<Row, CliError> {
    let sink = Sink::open(u64::MAX).await?;
    bench.post("bare HTTP sink", &sink.url, context, stop).await
}

/// Publishes events and lets a subscription deliver them.
pub(super) async fn measure(
    bench: &Http,
    context: &Context,
    output: &Output,
    bus: &ScratchBus,
    stop: &Stop,
) -> Result<Row, CliError> {
    let events = payload::events(bench.size as usize, context.entropy())?;
    let options = ProducerOptions {
        durability: Durability::PageCache,
        ..ProducerOptions::default()
    };
    let load = Load {
        producers: 1,
        options,
        until: Until::Events(bench.count),
    };
    let published = load
        .run(
            context,
            std::slice::from_ref(bus),
            events,
            &Count::default(),
            stop,
        )
        .await?
        .events;
    if stop.is_asked() {
        return Err(CliError::Interrupted);
    }
    let mut sink = Sink::open(published).await?;
    let count = sink.count.clone();
    let progress = Progress::show(output, "delivering", &count, Some(published));
    let (admin, clock) = (context.admin().await?, context.clock());
    let begin = clock.monotonic_ns();
    let id = admin
        .create_subscription(spec(bench, bus, &sink.url)?)
        .await?
        .record
        .id;
    tokio::select! {
        _ = sink.all_came.wait_for(|all| *all) => {}
        () = stop.asked() => {}
    }
    let (delivered, elapsed_ns) = (count.get(), clock.monotonic_ns() - begin);
    drop(progress);
    admin.delete_subscription(id).await?;
    let row = Row {
        payload_bytes: Some(bench.size as usize),
        batch_events: Some(1),
        in_flight: Some(bench.in_flight as usize),
        eventlogs: Some(1),
        ..Row::named("HTTP delivery")
    };
    Ok(row.rate(delivered, elapsed_ns))
}

fn spec(bench: &Http, bus: &ScratchBus, url: &str) -> Result<SubscriptionSpec, CliError> {
    let name = Name::new("vsctl-bench").map_err(|error| CliError::invalid(&error))?;
    let (namespace, eventbus) = (bus.namespace.clone(), bus.name.clone());
    let config = SubscriptionConfig {
        start_from: StartFrom::Earliest,
        in_flight: bench.in_flight,
        ..SubscriptionConfig::default()
    };
    let id: Option<SubscriptionId> = None;
    Ok(SubscriptionSpec {
        config,
        id,
        ..SubscriptionSpec::new(name, namespace, eventbus, url)
    })
}

/// A sink that counts.
#[derive(Debug)]
struct Sink {
    url: String,
    count: Count,
    all_came: watch::Receiver<bool>,
    accepting: JoinHandle<()>,
}

impl Sink {
    /// Takes events in, and tells when `expected` have come.
    async fn open(expected: u64) -> Result<Self, CliError> {
        let listener = bind_tcp(([127, 0, 0, 1], 0).into())
            .await
            .map_err(CliError::Runtime)?;
        let address = listener.local_addr().map_err(CliError::Runtime)?;
        let (count, (tell, all_came)) = (Count::default(), watch::channel(false));
        let accepting = tokio::spawn(accept(listener, count.clone(), expected, tell));
        Ok(Self {
            url: format!("http://{address}/"),
            count,
            all_came,
            accepting,
        })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, count: Count, expected: u64, tell: watch::Sender<bool>) {
    while let Ok((stream, _)) = listener.accept().await {
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let (count, tell) = (count.clone(), tell.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (count, tell) = (count.clone(), tell.clone());
            async move {
                drop(request.into_body().collect().await);
                count.add(1);
                if count.get() >= expected {
                    tell.send_replace(true);
                }
                let mut response = Response::new(Empty::<Bytes>::new());
                *response.status_mut() = StatusCode::NO_CONTENT;
                Ok::<_, Infallible>(response)
            }
        });
        let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move { drop(serving.await) });
    }
}
