//! The node or cluster as a whole.

use vanus_types::codec::{Decode, Encode};

/// Asks for a description of the node; answered by `ClusterInfo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct GetClusterInfo;
