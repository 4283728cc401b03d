//! The check of one address.

use std::{net::IpAddr, sync::Arc};

use super::{kind::AddressKind, rule::EgressRule};

/// What may be connected to: the public internet, and what the rules add. Cheap to clone.
///
/// The default adds nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Egress {
    rules: Arc<[EgressRule]>,
}

impl Egress {
    /// The public internet and what `rules` add.
    pub fn new(rules: impl IntoIterator<Item = EgressRule>) -> Self {
        Self {
            rules: rules.into_iter().collect(),
        }
    }

    /// The public internet and this machine.
    #[must_use]
    pub fn loopback() -> Self {
        Self::new([EgressRule::Loopback])
    }

    /// Everything.
    #[must_use]
    pub fn any() -> Self {
        Self::new([EgressRule::Any])
    }

    /// Checks a connection to `address`, to which `host` resolved, or which it is.
    ///
    /// # Errors
    /// [`EgressRefused`] unless the address is one of the public internet, or a rule allows it.
    pub fn check(&self, host: &str, address: IpAddr) -> Result<(), EgressRefused> {
        let Some(kind) = AddressKind::of(address) else {
            return Ok(());
        };
        if self
            .rules
            .iter()
            .any(|rule| rule.allows(host, address, kind))
        {
            return Ok(());
        }
        Err(EgressRefused { address, kind })
    }
}

/// An address is not connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {kind}, which this node does not deliver to unless its operator allows it")]
pub struct EgressRefused {
    /// The address.
    pub address: IpAddr,
    /// What it is.
    pub kind: AddressKind,
}
