//! UDP sockets with room for a burst.

use std::net::{SocketAddr, UdpSocket};

use rustix::net::sockopt;

/// Bytes the system may hold for the socket, each way; it grants what it allows.
const BUFFER_LEN: usize = 4 * 1024 * 1024;

/// A UDP socket bound to `address`.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where sockets are opened"
)]
pub(super) fn bind_udp(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    // More than the system's limit needs a privilege; without it the limit itself is taken. A
    // small buffer costs speed and nothing else, so that a refusal is no error.
    if sockopt::set_socket_recv_buffer_size_force(&socket, BUFFER_LEN).is_err() {
        let _ = sockopt::set_socket_recv_buffer_size(&socket, BUFFER_LEN);
    }
    let _ = sockopt::set_socket_send_buffer_size(&socket, BUFFER_LEN);
    Ok(socket)
}
