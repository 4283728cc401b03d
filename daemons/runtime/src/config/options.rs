//! The options themselves. Each is a manual entry: meaning, unit, danger; defaults beside it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use vanus_net::check_bind;
use vanus_types::{
    Durability,
    limits::{DEFAULT_SEGMENT_LEN, MAX_TIMER_SHARDS, MIN_SEGMENT_LEN},
};

use super::{
    egress::EgressAllow,
    error::ConfigError,
    secrets::KeyFile,
    setting::{ByteSize, DiskReserve, LogFormat, OptionalUrl, Setting},
};

/// What the manual says about one option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionDoc {
    /// Its name in the configuration file.
    pub key: &'static str,
    /// What a value looks like.
    pub form: &'static str,
    /// The default value.
    pub default: String,
    /// Meaning, unit and danger.
    pub text: String,
    /// Whether it is a plain yes or no, so that a flag needs no value.
    pub switch: bool,
}

impl OptionDoc {
    /// The name of the environment variable.
    #[must_use]
    pub fn env(&self) -> String {
        format!("VANUS_{}", self.key.to_ascii_uppercase())
    }

    /// The name of the flag, without dashes in front.
    #[must_use]
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }
}

macro_rules! options {
    ($($(#[doc = $doc:literal])+ $key:ident: $kind:ty = $default:expr;)+) => {
        /// The options of a daemon.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $key: $kind,)+
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        impl Config {
            /// The manual: all options in the order of their importance.
            #[must_use]
            pub fn manual() -> Vec<OptionDoc> {
                let defaults = Self::default();
                vec![$(OptionDoc {
                    key: stringify!($key),
                    form: <$kind as Setting>::FORM,
                    default: defaults.$key.show(),
                    text: concat!($($doc),+).trim().to_owned(),
                    switch: defaults.$key.show() == "false",
                },)+]
            }

            /// Sets the option `key`. The outer nothing: no such option; the inner one: the text
            /// has not the form told.
            pub(super) fn set(&mut self, key: &str, text: &str) -> Option<Result<(), &'static str>> {
                match key {
                    $(stringify!($key) => Some(match Setting::parse(text) {
                        Some(value) => {
                            self.$key = value;
                            Ok(())
                        }
                        None => Err(<$kind as Setting>::FORM),
                    }),)+
                    _ => None,
                }
            }
        }
    };
}

options! {
    /// The directory that holds all data; made if absent. One process at a time uses it.
    data_dir: PathBuf = PathBuf::from("vanus-data");
    /// Address of the HTTP front door: CloudEvents and REST.
    http: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8081));
    /// UDP address of the QUIC endpoint for clients.
    quic: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080));
    /// Address of `/metrics`, `/livez` and `/readyz`.
    metrics: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 2112));
    /// Listens on addresses that other machines can reach. Danger: nobody is asked who they are;
    /// only for a network you trust.
    insecure: bool = false;
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or one of these per part, such
    /// as `info,vanus_core=debug`.
    log_level: String = "info".to_owned();
    /// How log lines are written.
    log_format: LogFormat = LogFormat::Text;
    /// What an acknowledgement promises when a publisher over HTTP does not say. Danger: with
    /// `page-cache`, power loss takes events that were acknowledged.
    durability: Durability = Durability::Fsync;
    /// Capacity of a segment file; at least 4MiB. Retention deletes whole segments.
    segment_size: ByteSize = ByteSize(DEFAULT_SEGMENT_LEN);
    /// Size of a file of the write-ahead log; 4MiB to 1GiB. Files are made before they are needed
    /// and used again.
    wal_size: ByteSize = ByteSize::mib(64);
    /// Most bytes of recent events kept in memory for readers.
    cache_size: ByteSize = ByteSize::mib(32);
    /// Free space of the disk below which nothing is published, so that there is room for everything
    /// else; publishing begins again a quarter above it. `auto` is 1GiB, but at most a twentieth of
    /// the file system; 0 is none. Danger: without it the disk is filled to the last byte.
    disk_reserve: DiskReserve = DiskReserve(None);
    /// Threads for the network and deliveries; 0: one for each core but one, which is left to the
    /// threads of the store. More than that cost latency: work then hops between cores.
    worker_threads: usize = 0;
    /// How long a network thread looks for more before it sleeps, after each frame that came or
    /// went; 0s: not at all. It saves the time to be woken, and takes up to one core while there
    /// is traffic.
    idle_poll: Duration = Duration::from_micros(200);
    /// What subscriptions may deliver to beyond the public internet, in all namespaces or, as
    /// `namespace=`, in one. `auto` is `loopback` if all addresses listened on are loopback ones, else
    /// `none`. A host by name never reaches a metadata service. Danger: with `any` whoever may create a
    /// subscription makes the daemon call whatever it can reach (docs/delivery.md).
    egress_allow: EgressAllow = EgressAllow(None);
    /// A file with the key, 64 hexadecimal digits, with which credentials of sinks are sealed in the
    /// metadata (`openssl rand -hex 32`). Danger: without it they are stored as they are, for whoever
    /// can read the data directory; without the right one they cannot be used.
    secrets_key_file: KeyFile = KeyFile(None);
    /// Where functions of AWS Lambda are called instead of the public endpoint of their region: a
    /// private endpoint, or a stand-in.
    aws_lambda_endpoint: OptionalUrl = OptionalUrl(None);
    /// How often events past their retention are looked for, besides at once when a retention is
    /// changed.
    retention_interval: Duration = Duration::from_secs(60);
    /// Most bytes that are read again each second, in the background, of segments that are full, to
    /// find damage before somebody needs what is there; 0: none.
    scrub_rate: ByteSize = ByteSize::mib(8);
    /// The shortest time from the start of one such pass over all segments to the next. The first
    /// begins at the start of the daemon.
    scrub_interval: Duration = Duration::from_secs(7 * 24 * 3600);
    /// Number of shards that keep timers, 1 to 64; taken when the first timer is set, and the same from then on.
    timer_shards: u16 = 4;
    /// Most timers held in memory; the others are on disk until a minute before they are due.
    timers_in_memory: usize = 1_000_000;
    /// Most bytes of events held in memory ahead of their time; what does not fit is read when it is due.
    timer_cache_size: ByteSize = ByteSize::mib(128);
    /// Most timers of one namespace that wait; further ones are refused with V9901.
    timer_quota: u64 = 20_000_000;
    /// Most connections of the HTTP front door at once; further ones wait to be accepted.
    http_max_connections: usize = 4096;
    /// Most requests of the HTTP front door under way at once; further ones are answered 429.
    http_max_requests: usize = 1024;
    /// Most bytes of the body of one HTTP request; larger ones are answered 413.
    http_max_body: ByteSize = ByteSize::mib(8);
    /// How long an HTTP request may take; longer ones are answered 503. Long polls and live tails
    /// are not bound by it.
    http_timeout: Duration = Duration::from_secs(30);
    /// How long a stop waits for requests and deliveries under way.
    drain_timeout: Duration = Duration::from_secs(10);
}

const MOST_THREADS: usize = 1024;
const LEAST_WAL: ByteSize = ByteSize::mib(4);
const MOST_WAL: ByteSize = ByteSize::mib(1024);

impl Config {
    /// Checks what concerns more than the form of a value.
    ///
    /// # Errors
    /// [`ConfigError`] names the option.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (key, address) in [
            ("http", self.http),
            ("quic", self.quic),
            ("metrics", self.metrics),
        ] {
            check_bind(address, self.insecure)
                .map_err(|source| ConfigError::Bind { key, source })?;
        }
        let range = |key, value: ByteSize, least: ByteSize, most: ByteSize| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(ConfigError::Range {
                key,
                value: value.show(),
                least: least.show(),
                most: most.show(),
            })
        };
        let largest = ByteSize(1 << 40);
        range(
            "segment_size",
            self.segment_size,
            ByteSize(MIN_SEGMENT_LEN),
            largest,
        )?;
        range("wal_size", self.wal_size, LEAST_WAL, MOST_WAL)?;
        range(
            "http_max_body",
            self.http_max_body,
            ByteSize(1024),
            MOST_WAL,
        )?;
        self.check_counts()?;
        if self.retention_interval.is_zero() {
            return Err(ConfigError::Range {
                key: "retention_interval",
                value: self.retention_interval.show(),
                least: "1ms".to_owned(),
                most: "any".to_owned(),
            });
        }
        Ok(())
    }

    fn check_counts(&self) -> Result<(), ConfigError> {
        let count = |key, value: usize, least: usize, most: usize| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(ConfigError::Range {
                key,
                value: value.to_string(),
                least: least.to_string(),
                most: most.to_string(),
            })
        };
        let (connections, requests) = (self.http_max_connections, self.http_max_requests);
        count("http_max_connections", connections, 1, usize::MAX)?;
        count("http_max_requests", requests, 1, usize::MAX)?;
        let (shards, most) = (
            usize::from(self.timer_shards),
            usize::from(MAX_TIMER_SHARDS),
        );
        count("timer_shards", shards, 1, most)?;
        count("timers_in_memory", self.timers_in_memory, 1_000, usize::MAX)?;
        count("worker_threads", self.worker_threads, 0, MOST_THREADS)
    }
}
