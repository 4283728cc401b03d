//! The granularity of a wheel.

/// The length of a tick is out of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tick of {0} ms is not possible: choose 1 to 1000 ms")]
pub struct InvalidTick(pub u32);

/// How finely a wheel sorts what is not due yet: 1 ms to 1 s, 10 ms by default.
///
/// Timers are given out to the millisecond whatever the tick is; a longer tick means fewer moves for
/// timers far ahead, and more of them to sort when their tick begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick(u32);

impl Tick {
    /// A tick of so many milliseconds.
    ///
    /// # Errors
    ///
    /// [`InvalidTick`] unless it is from 1 to 1000.
    pub const fn from_ms(ms: u32) -> Result<Self, InvalidTick> {
        match ms {
            1..=1_000 => Ok(Self(ms)),
            _ => Err(InvalidTick(ms)),
        }
    }

    /// Its length in milliseconds.
    #[must_use]
    pub const fn ms(self) -> u32 {
        self.0
    }
}

impl Default for Tick {
    fn default() -> Self {
        Self(10)
    }
}
