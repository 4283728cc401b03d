//! The node as a whole.

use axum::{Json, extract::State};
use vanus_types::control::ClusterInfo;

use crate::gateway::Gateway;

/// Tells about the node, with the addresses it listens on.
pub(crate) async fn info(State(gateway): State<Gateway>) -> Json<ClusterInfo> {
    let options = gateway.options();
    Json(ClusterInfo {
        http: options.http.clone(),
        quic: options.quic.clone(),
        ..gateway.vanus().cluster_info()
    })
}
