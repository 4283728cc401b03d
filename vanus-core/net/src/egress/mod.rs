//! Which addresses the node connects to on behalf of others.
//!
//! Whoever creates a subscription names a host, and the node connects to it from where it stands:
//! behind firewalls, beside databases, in front of the metadata service of a cloud. So the address
//! that is really connected to is checked, after the name was resolved and for each connection
//! anew: a name that resolves to something else a moment later gains nothing.
//!
//! * [`AddressKind`]: what an address is, however it is wrapped.
//! * [`EgressRule`]: what an operator allows beyond the public internet.
//! * [`Egress`]: the rules of one namespace, and the check.
//! * [`EgressPolicy`]: the rules of all namespaces, as text.
//! * [`Resolve`]: the seam to the resolver.

mod guard;
mod host;
mod kind;
mod network;
mod policy;
mod resolve;
mod rule;

pub use guard::{Egress, EgressRefused};
pub(crate) use host::{Host, read_host};
pub use kind::AddressKind;
pub use network::Network;
pub use policy::{EgressPolicy, InvalidPolicy};
pub use resolve::{Resolve, SystemResolver};
pub use rule::{EgressRule, InvalidRule};
