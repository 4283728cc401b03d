//! The data of an event and how it was given.

/// How the data of an event was given, so that it can be given back the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DataKind {
    /// The event has no data.
    #[default]
    None,
    /// Bytes whose meaning `datacontenttype` tells.
    Binary,
    /// A string: a JSON string of a structured event that is not JSON data, or protobuf text.
    Text,
    /// JSON text: a JSON value of a structured event.
    Json,
    /// An encoded `google.protobuf.Any`.
    Proto,
}

impl DataKind {
    pub(crate) const fn to_byte(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Binary => 1,
            Self::Text => 2,
            Self::Json => 3,
            Self::Proto => 4,
        }
    }

    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::None),
            1 => Some(Self::Binary),
            2 => Some(Self::Text),
            3 => Some(Self::Json),
            4 => Some(Self::Proto),
            _ => None,
        }
    }
}

/// The data of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Data<'a> {
    /// How the data was given.
    pub kind: DataKind,
    /// The bytes; UTF-8 for [`DataKind::Text`] and [`DataKind::Json`].
    pub bytes: &'a [u8],
}

impl<'a> Data<'a> {
    /// No data.
    pub const NONE: Self = Self {
        kind: DataKind::None,
        bytes: &[],
    };

    /// Data of `kind`.
    #[must_use]
    pub const fn new(kind: DataKind, bytes: &'a [u8]) -> Self {
        Self { kind, bytes }
    }

    /// The data as text, where it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes).ok()
    }

    /// Whether there is no data.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self.kind, DataKind::None)
    }
}
