//! What an operator allows beyond the public internet.

use std::{fmt, net::IpAddr, str::FromStr};

use super::{
    host::{Host, read_host},
    kind::AddressKind,
    network::Network,
};

/// One thing that is allowed beyond the public internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EgressRule {
    /// Every address: no guard at all.
    Any,
    /// This machine.
    Loopback,
    /// Private networks: RFC 1918 and unique local addresses.
    Private,
    /// A block of addresses, whatever they are.
    Network(Network),
    /// A host by its name, to whatever address it resolves but never to a metadata service, a multicast or an unspecified address.
    Host(String),
    /// All hosts under a domain, in the same way; the domain itself is not meant.
    Under(String),
}

impl EgressRule {
    /// Whether the rule allows a connection to `address`, an address of this kind that `host`
    /// resolved to.
    #[must_use]
    pub fn allows(&self, host: &str, address: IpAddr, kind: AddressKind) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback => kind == AddressKind::Loopback,
            Self::Private => kind == AddressKind::Private,
            Self::Network(network) => network.contains(address),
            Self::Host(name) => host == name && !Self::never_by_name(kind),
            Self::Under(domain) => {
                let label = host.strip_suffix(domain.as_str());
                label.is_some_and(|label| label.len() > 1 && label.ends_with('.'))
                    && !Self::never_by_name(kind)
            }
        }
    }

    /// Kinds that a name never reaches, as whoever holds the name decides to what it resolves;
    /// they have to be allowed by address.
    const fn never_by_name(kind: AddressKind) -> bool {
        matches!(
            kind,
            AddressKind::Metadata | AddressKind::Multicast | AddressKind::Unspecified
        )
    }
}

impl FromStr for EgressRule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let invalid = |why| InvalidRule {
            rule: text.to_owned(),
            why,
        };
        match text {
            "any" => return Ok(Self::Any),
            "loopback" => return Ok(Self::Loopback),
            "private" => return Ok(Self::Private),
            "none" | "auto" => return Err(invalid("stands alone")),
            _ => {}
        }
        if text.contains('/') || text.parse::<IpAddr>().is_ok() {
            return text.parse().map(Self::Network).map_err(invalid);
        }
        let (name, under) = match text.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (text, false),
        };
        match read_host(name).map_err(invalid)? {
            Host::Name(name) if under => Ok(Self::Under(name)),
            Host::Name(name) => Ok(Self::Host(name)),
            Host::Address(_) => Err(invalid("is no host name")),
        }
    }
}

impl fmt::Display for EgressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Loopback => f.write_str("loopback"),
            Self::Private => f.write_str("private"),
            Self::Network(network) => network.fmt(f),
            Self::Host(name) => f.write_str(name),
            Self::Under(domain) => write!(f, "*.{domain}"),
        }
    }
}

/// A text that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{rule}\" {why}; a rule is any, loopback, private, a network such as 10.0.0.0/8, a host or *.domain"
)]
pub struct InvalidRule {
    /// The text.
    pub rule: String,
    /// What is wrong with it.
    pub why: &'static str,
}
