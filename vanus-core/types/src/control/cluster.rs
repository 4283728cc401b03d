//! The node, or later the cluster, as a whole.

use serde::{Deserialize, Serialize};

use crate::codec::{Decode, Encode};

/// What is told about the node.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ClusterInfo {
    /// Version of the software.
    pub version: String,
    /// Identifies the data directory, 32 hexadecimal digits.
    pub store_id: String,
    /// Milliseconds since the engine was opened.
    pub uptime_ms: u64,
    /// Number of namespaces.
    pub namespaces: u64,
    /// Number of eventbuses, those of the system not counted.
    pub eventbuses: u64,
    /// Number of subscriptions.
    pub subscriptions: u64,
    /// Address of the HTTP front door, if one is open: `host:port`.
    pub http: Option<String>,
    /// Address of the QUIC endpoint, if one is open: `host:port`.
    pub quic: Option<String>,
    /// Whether everything can be stored and read; else what is wrong.
    pub health: String,
}
