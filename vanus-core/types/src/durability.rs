//! What an acknowledgement promises.

use std::{fmt, str::FromStr};

use crate::codec::{Decode, Encode};

/// What an acknowledged event survives. The safest level is the default; a weaker one is asked
/// for by name and echoed in the acknowledgement.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Written to the operating system: survives the death of the process, not power loss.
    PageCache,
    /// Synced to the disk before the acknowledgement: survives power loss.
    #[default]
    Fsync,
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PageCache => "page-cache",
            Self::Fsync => "fsync",
        })
    }
}

/// The text names no durability level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown durability \"{0}\": use \"fsync\" or \"page-cache\"")]
pub struct UnknownDurability(pub String);

impl FromStr for Durability {
    type Err = UnknownDurability;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "fsync" => Ok(Self::Fsync),
            "page-cache" => Ok(Self::PageCache),
            other => Err(UnknownDurability(other.to_owned())),
        }
    }
}
