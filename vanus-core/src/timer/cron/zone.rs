//! Time zones, by name. Their rules are in the program; no files are read.

use std::fmt;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use vanus_types::{Coded, ErrorCode};

/// There is no time zone of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone \"{0}\": write it such as \"Europe/Lisbon\", or UTC")]
pub struct InvalidZone(pub String);

impl Coded for InvalidZone {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// A time zone of the IANA database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The zone of this name, in capitals or not.
    ///
    /// # Errors
    ///
    /// [`InvalidZone`] if there is none.
    pub fn named(name: &str) -> Result<Self, InvalidZone> {
        if name.eq_ignore_ascii_case("UTC") {
            return Ok(Self::UTC);
        }
        let shown = || InvalidZone(name.chars().take(64).collect());
        jiff::tz::db().get(name).map(Self).map_err(|_| shown())
    }

    /// Its name, as the database writes it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    pub(super) const fn rules(&self) -> &TimeZone {
        &self.0
    }

    /// The next moment at which clocks change, after `moment`.
    pub(super) fn change_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let mut changes = self.0.following(moment);
        changes.next().map(|change| change.timestamp())
    }

    /// The last moment at which clocks changed, up to `moment`.
    pub(super) fn change_until(&self, moment: Timestamp) -> Option<Timestamp> {
        let behind = Timestamp::from_second(moment.as_second().checked_add(1)?).ok()?;
        let mut changes = self.0.preceding(behind);
        changes.next().map(|change| change.timestamp())
    }

    pub(super) fn local(&self, moment: Timestamp) -> DateTime {
        self.0.to_datetime(moment)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
