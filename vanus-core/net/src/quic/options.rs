//! How a QUIC endpoint behaves.

use std::{fmt, time::Duration};

use quinn::{AckFrequencyConfig, IdleTimeout, MtuDiscoveryConfig, TransportConfig, VarInt};

use super::{LOOPBACK_PACKET_LEN, ResetSeed};

/// Most streams a peer may have open on one connection.
pub const MAX_STREAMS: u32 = 256;

/// What one stream may have under way before its reader has read it, in bytes.
const STREAM_WINDOW: u32 = 8 * 1024 * 1024;

/// What all streams of one connection may have under way together, in bytes.
const CONNECTION_WINDOW: u32 = 32 * 1024 * 1024;

/// What one connection may keep for sending and sending again, in bytes.
const SEND_WINDOW: u64 = 16 * 1024 * 1024;

/// The congestion window a connection on loopback starts with, in bytes: there is no path to
/// probe.
const LOOPBACK_INITIAL_WINDOW: u64 = 1024 * 1024;

/// Packets a peer on loopback takes in before it tells so. Nothing is lost or reordered there, and
/// each such packet takes as long to handle as one with events.
const LOOPBACK_ACK_EVERY: u32 = 16;

/// The longest such a peer waits before it tells, for want of further packets.
const LOOPBACK_ACK_DELAY: Duration = Duration::from_millis(5);

/// How a QUIC endpoint behaves. The default connects to loopback peers and to those with a
/// publicly trusted certificate, and cannot listen.
#[derive(Debug, Clone)]
pub struct QuicOptions {
    /// Who this endpoint is when it listens. Default: none, it cannot listen.
    pub identity: Identity,
    /// Whom it believes when it connects. Default: [`Trust::Public`].
    pub trust: Trust,
    /// How often an idle connection shows that it is alive. Default: 4 s.
    pub keep_alive: Duration,
    /// After what silence a connection counts as broken. Default: 15 s.
    pub idle_timeout: Duration,
    /// How long a handshake may take, on either side. Default: 5 s.
    pub handshake_timeout: Duration,
    /// Most handshakes under way when listening; further connections are refused. Default: 256.
    pub max_handshakes: usize,
    /// What tells peers that this endpoint was started again when it listens, so that they make a
    /// new connection at once and not only after the idle timeout. Must be the same at every start.
    /// Default: none, they are not told.
    pub reset_seed: Option<ResetSeed>,
    /// How long the thread of a runtime with one thread looks for more after something was sent or
    /// received, before it sleeps, on connections made from here; zero sleeps at once. To wake it takes
    /// longer than a quick answer; when nothing arrives within such spans, it stops by itself.
    /// Default: 100 µs.
    pub idle_poll: Duration,
}

impl Default for QuicOptions {
    fn default() -> Self {
        Self {
            identity: Identity::None,
            trust: Trust::Public,
            keep_alive: Duration::from_secs(4),
            idle_timeout: Duration::from_secs(15),
            handshake_timeout: Duration::from_secs(5),
            max_handshakes: 256,
            reset_seed: None,
            idle_poll: Duration::from_micros(100),
        }
    }
}

impl QuicOptions {
    /// The rules of one connection.
    pub(super) fn transport_config(&self, loopback: bool) -> TransportConfig {
        let mut config = TransportConfig::default();
        config
            .max_concurrent_bidi_streams(VarInt::from_u32(MAX_STREAMS))
            .max_concurrent_uni_streams(VarInt::from_u32(0))
            .datagram_receive_buffer_size(None)
            .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
            .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
            .send_window(SEND_WINDOW)
            .keep_alive_interval(Some(self.keep_alive))
            .max_idle_timeout(IdleTimeout::try_from(self.idle_timeout).ok());
        if loopback {
            let mut congestion = quinn::congestion::CubicConfig::default();
            congestion.initial_window(LOOPBACK_INITIAL_WINDOW);
            let mut acks = AckFrequencyConfig::default();
            acks.ack_eliciting_threshold(VarInt::from_u32(LOOPBACK_ACK_EVERY - 1))
                .max_ack_delay(Some(LOOPBACK_ACK_DELAY));
            config
                .ack_frequency_config(Some(acks))
                .initial_mtu(LOOPBACK_PACKET_LEN)
                .mtu_discovery_config(None)
                .congestion_controller_factory(std::sync::Arc::new(congestion));
        } else {
            config.mtu_discovery_config(Some(MtuDiscoveryConfig::default()));
        }
        config
    }
}

/// Who an endpoint is when it listens.
#[derive(Clone)]
pub enum Identity {
    /// Nobody: it cannot listen.
    None,
    /// A certificate made when the endpoint starts, for `localhost`. Only peers on the same
    /// machine believe it.
    SelfSigned,
    /// A certificate chain and its private key, both as PEM text.
    Pem {
        /// The certificate, then those that vouch for it.
        chain: Vec<u8>,
        /// The private key of the certificate.
        key: Vec<u8>,
    },
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::SelfSigned => "SelfSigned",
            Self::Pem { .. } => "Pem",
        })
    }
}

/// Whom an endpoint believes when it connects.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Peers on this machine (see [`LoopbackTrust`](super::LoopbackTrust)), and others whose
    /// certificate a public authority vouches for.
    Public,
    /// Only peers whose certificate one of these authorities vouches for; PEM text.
    Authorities(Vec<u8>),
}
