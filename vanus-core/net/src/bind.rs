//! Which addresses may be listened on.

use std::net::{IpAddr, SocketAddr};

use vanus_types::{Coded, ErrorCode};

/// Whether only this machine can reach `address`.
#[must_use]
pub const fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Checks that listening on `address` exposes nothing, unless `insecure` asks for it by name.
///
/// # Errors
/// [`BindRefused`] for any address that other machines can reach.
pub const fn check_bind(address: SocketAddr, insecure: bool) -> Result<(), BindRefused> {
    if insecure || is_loopback(address.ip()) {
        Ok(())
    } else {
        Err(BindRefused { address })
    }
}

/// Listening there would let anybody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "refused to listen on {address}: other machines can reach it and nobody is authenticated; \
     use a loopback address, or --insecure if the network is trusted"
)]
pub struct BindRefused {
    /// The address asked for.
    pub address: SocketAddr,
}

impl Coded for BindRefused {
    fn code(&self) -> ErrorCode {
        ErrorCode::CannotOperate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_open_without_being_told() {
        for open in [
            "127.0.0.1:1",
            "127.9.9.9:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert_eq!(check_bind(open.parse().unwrap(), false), Ok(()), "{open}");
        }
        for closed in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[fe80::1]:1"] {
            let address = closed.parse().unwrap();
            assert_eq!(
                check_bind(address, false),
                Err(BindRefused { address }),
                "{closed}"
            );
            assert_eq!(check_bind(address, true), Ok(()), "{closed}");
        }
    }
}
