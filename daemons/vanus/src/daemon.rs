//! Puts the daemon together: the engine, and what listens in front of it.

use std::{error::Error, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vanus_core::{
    ClusterInfo, EngineHealth, OpenOptions, SecretsKey, StoreOptions, TimerOptions, Vanus,
};
use vanus_gateway::{Gateway, GatewayOptions};
use vanus_net::{
    http::{HttpServerOptions, bind_tcp},
    quic::{Identity, QuicOptions, QuicTransport, ResetSeed},
    serve::{ServeOptions, serve},
};
use vanus_proto::transport::{Listener, Transport as _};
use vanus_runtime::{
    Config, ConfigError, allow_huge_pages,
    signals::Shutdown,
    telemetry::{Health, HealthProbe, Metrics, serve_telemetry},
};

use crate::metrics::EngineCollector;

/// Runs the daemon until it is asked to stop and has drained.
///
/// # Errors
/// When the data directory cannot be opened, or an address cannot be listened on.
pub(crate) async fn run(config: Config, shutdown: Shutdown) -> Result<(), Box<dyn Error>> {
    let (metrics_listener, http_listener) = listen(&config).await?;
    let (http, telemetry) = (http_listener.local_addr()?, metrics_listener.local_addr()?);

    let vanus = Vanus::builder()
        .data_dir(&config.data_dir)
        .options(open_options(&config)?)
        .open()
        .await?;
    let quic_listener = listen_quic(&config, &vanus).await?;
    let quic = quic_listener.address();
    let info = cluster_info(&vanus, http.to_string(), quic.clone());

    let metrics = Metrics::new();
    metrics.collect(EngineCollector::new(vanus.clone()));
    let stopped = CancellationToken::new();
    let probe = health_probe(&vanus, &shutdown);
    let telemetry_task = tokio::spawn(serve_telemetry(
        metrics_listener,
        metrics.clone(),
        probe,
        stopped.clone(),
    ));
    let service = Arc::new(vanus.service().telling(info));
    let quic_task = tokio::spawn(serve(
        quic_listener,
        service,
        serve_options(&config),
        shutdown.drain.clone(),
    ));
    let options = gateway_options(&config, http.to_string(), quic.clone());
    let gateway = Gateway::new(vanus.clone(), options, shutdown.drain.clone());
    metrics.fill(|registry| gateway.metrics().register(registry));
    let http_task = tokio::spawn(gateway.serve(http_listener));
    allow_huge_pages(true);
    tracing::info!(%http, %quic, metrics = %telemetry, data_dir = %config.data_dir.display(), "vanus is ready");

    shutdown.drain.cancelled().await;
    tracing::info!("draining: nothing new is taken in");
    let drain = async {
        let _ = quic_task.await;
        let _ = http_task.await;
        vanus.close().await
    };
    // Deliveries under way may take as long as their time-outs. What is cut short is delivered
    // again after the next start.
    let closed = tokio::select! {
        closed = tokio::time::timeout(config.drain_timeout, drain) => closed,
        () = shutdown.abort.cancelled() => {
            tracing::warn!("stopped before everything was drained; nothing acknowledged is lost");
            return Ok(());
        }
    };
    stopped.cancel();
    // A scrape under way ends with the process at the latest.
    let _ = tokio::time::timeout(Duration::from_secs(2), telemetry_task).await;
    match closed {
        Ok(closed) => closed?,
        Err(_) => tracing::warn!("the drain took too long; what was cut short is delivered again"),
    }
    tracing::info!("vanus stopped");
    Ok(())
}

fn serve_options(config: &Config) -> ServeOptions {
    ServeOptions {
        drain_grace: config.drain_timeout,
        idle_poll: config.idle_poll,
        ..ServeOptions::default()
    }
}

/// Opens everything the daemon listens on: the telemetry, the HTTP front door, the QUIC endpoint.
async fn listen(config: &Config) -> Result<(TcpListener, TcpListener), Box<dyn Error>> {
    let metrics = bind_tcp(config.metrics)
        .await
        .map_err(named("metrics", config.metrics))?;
    let http = bind_tcp(config.http)
        .await
        .map_err(named("http", config.http))?;
    Ok((metrics, http))
}

/// After a crash, clients are told at once that their connections are gone: what they are told
/// with follows from the identity of the store.
async fn listen_quic(config: &Config, vanus: &Vanus) -> Result<Box<dyn Listener>, Box<dyn Error>> {
    let options = QuicOptions {
        identity: Identity::SelfSigned,
        reset_seed: Some(ResetSeed::new(vanus.cluster_info().store_id)),
        ..QuicOptions::default()
    };
    let quic = QuicTransport::new(options)?;
    Ok(quic.listen(&config.quic.to_string()).await?)
}

fn named(key: &'static str, address: SocketAddr) -> impl FnOnce(io::Error) -> io::Error {
    move |error| {
        io::Error::new(
            error.kind(),
            format!("cannot listen on {address} (--{key}): {error}"),
        )
    }
}

fn open_options(config: &Config) -> Result<OpenOptions, ConfigError> {
    let store = StoreOptions {
        wal_file_bytes: config.wal_size.0,
        segment_bytes: config.segment_size.0,
        cache_bytes: config.cache_size.0,
        scrub_rate: config.scrub_rate.0,
        scrub_interval_ms: u64::try_from(config.scrub_interval.as_millis()).unwrap_or(u64::MAX),
        disk_reserve: config.disk_reserve.0,
        ..StoreOptions::default()
    };
    let key = config.secrets_key_file.read()?.map(|read| {
        if let Some(warning) = read.warning {
            tracing::warn!("{warning}");
        }
        SecretsKey::new(read.key)
    });
    Ok(OpenOptions {
        store,
        secrets_key: key,
        aws_lambda_endpoint: config.aws_lambda_endpoint.0.clone(),
        retention_interval: config.retention_interval,
        timers: TimerOptions {
            shards: config.timer_shards,
            in_memory: config.timers_in_memory,
            cache_bytes: config.timer_cache_size.as_usize(),
            quota: config.timer_quota,
        },
        egress: config
            .egress_allow
            .policy(&[config.http, config.quic, config.metrics]),
    })
}

fn cluster_info(
    vanus: &Vanus,
    http: String,
    quic: String,
) -> Arc<dyn Fn() -> ClusterInfo + Send + Sync> {
    let vanus = vanus.clone();
    Arc::new(move || ClusterInfo {
        http: Some(http.clone()),
        quic: Some(quic.clone()),
        ..vanus.cluster_info()
    })
}

fn gateway_options(config: &Config, http: String, quic: String) -> GatewayOptions {
    GatewayOptions {
        max_body: config.http_max_body.as_usize(),
        max_requests: config.http_max_requests,
        timeout: config.http_timeout,
        durability: config.durability,
        server: HttpServerOptions {
            max_connections: config.http_max_connections,
            drain_grace: config.drain_timeout,
            ..HttpServerOptions::default()
        },
        http: Some(http),
        quic: Some(quic),
        ..GatewayOptions::default()
    }
}

fn health_probe(vanus: &Vanus, shutdown: &Shutdown) -> HealthProbe {
    let (vanus, drain) = (vanus.clone(), shutdown.drain.clone());
    HealthProbe::new(move || match vanus.health() {
        EngineHealth::Failed(why) => Health::Dead(why),
        _ if drain.is_cancelled() => Health::NotReady("draining".to_owned()),
        health @ (EngineHealth::Full | EngineHealth::LowSpace { .. } | EngineHealth::Timers(_)) => {
            Health::NotReady(health.to_string())
        }
        EngineHealth::Ok => Health::Ready,
    })
}
