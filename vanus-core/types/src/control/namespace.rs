//! Namespaces.

use serde::{Deserialize, Serialize};

use super::invalid::{InvalidSpec, check_length};
use crate::{
    codec::{Decode, Encode},
    id::NamespaceId,
    limits::MAX_DESCRIPTION_LEN,
    name::Name,
};

/// The namespace that exists from the start and is meant when none is named.
pub const DEFAULT_NAMESPACE: &str = "default";

/// The namespace of the system's own eventbuses.
pub const SYSTEM_NAMESPACE: &str = "vanus-system";

/// What a caller asks for: a new namespace.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceSpec {
    /// Its name, unique on the node.
    pub name: Name,
    /// What people should know about it.
    #[serde(default)]
    pub description: String,
    /// An id of the caller's choice; else one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<NamespaceId>,
}

impl NamespaceSpec {
    /// A namespace of this name.
    #[must_use]
    pub const fn new(name: Name) -> Self {
        Self {
            name,
            description: String::new(),
            id: None,
        }
    }

    /// Checks what can be checked without the store.
    ///
    /// # Errors
    /// [`InvalidSpec`] names the field.
    pub fn check(&self) -> Result<(), InvalidSpec> {
        check_length("description", &self.description, MAX_DESCRIPTION_LEN)
    }
}

/// What is stored about a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct NamespaceRecord {
    /// Its id.
    pub id: NamespaceId,
    /// Its name.
    pub name: Name,
    /// What people should know about it.
    pub description: String,
    /// When it was created, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// When it was changed last, in milliseconds since the Unix epoch.
    pub updated_at_ms: i64,
}
