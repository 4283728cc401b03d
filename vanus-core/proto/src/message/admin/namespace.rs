//! Namespaces.

use vanus_types::{
    Name, NamespaceId,
    codec::{Decode, Encode},
    control::{NamespaceRecord, NamespaceSpec},
};

/// Names one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub enum NamespaceKey {
    /// By its id.
    Id(NamespaceId),
    /// By its name.
    Name(Name),
}

/// Creates a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct CreateNamespace {
    /// What it shall be.
    pub spec: NamespaceSpec,
}

/// Lists namespaces in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct ListNamespaces {
    /// Begin after this one.
    pub after: Option<NamespaceId>,
    /// Most items wanted; the server may answer fewer.
    pub limit: u32,
}

/// Some namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct NamespacePage {
    /// The namespaces.
    pub items: Vec<NamespaceRecord>,
    /// Ask again after this one; `None` on the last page.
    pub next: Option<NamespaceId>,
}

/// Describes a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct GetNamespace {
    /// Which one.
    pub namespace: NamespaceKey,
}

/// Deletes an empty namespace.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct DeleteNamespace {
    /// Which one.
    pub namespace: NamespaceKey,
}
