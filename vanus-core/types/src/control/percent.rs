//! Parts of a whole, in hundredths of a percent.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::codec::{Decode, Encode};

/// A part of a whole: 0 to 100 percent in steps of 0.01.
///
/// Written as a number (`12.5`) or as text (`"12.5%"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
pub struct Percent(u32);

impl Percent {
    /// All of it.
    pub const WHOLE: Self = Self(10_000);

    /// So many hundredths of a percent. More than 10,000 are only good for saying so.
    #[must_use]
    pub const fn from_hundredths(hundredths: u32) -> Self {
        Self(hundredths)
    }

    /// How many hundredths of a percent it is.
    #[must_use]
    pub const fn hundredths(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, part) if part % 10 == 0 => write!(f, "{whole}.{}%", part / 10),
            (whole, part) => write!(f, "{whole}.{part:02}%"),
        }
    }
}

/// A text is no percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a percentage from 0 to 100 in steps of 0.01 is expected, such as 12.5")]
pub struct InvalidPercent;

impl FromStr for Percent {
    type Err = InvalidPercent;

    fn from_str(text: &str) -> Result<Self, InvalidPercent> {
        let text = text.strip_suffix('%').unwrap_or(text).trim();
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || !digits(whole) || !digits(part) {
            return Err(InvalidPercent);
        }
        let part = part.trim_end_matches('0');
        let part = match part.len() {
            0 => 0,
            1 => 10 * part.parse::<u32>().map_err(|_| InvalidPercent)?,
            2 => part.parse().map_err(|_| InvalidPercent)?,
            _ => return Err(InvalidPercent),
        };
        let whole: u32 = whole.parse().map_err(|_| InvalidPercent)?;
        Some(Self(whole * 100 + part))
            .filter(|percent| *percent <= Self::WHOLE)
            .ok_or(InvalidPercent)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(100) {
            to.serialize_u32(self.0 / 100)
        } else {
            to.serialize_f64(f64::from(self.0) / 100.0)
        }
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Percent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a percentage from 0 to 100 in steps of 0.01")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Percent, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Percent, E> {
                // The shortest text that means this number is what was written.
                self.visit_str(&number.to_string())
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Percent, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_read_as_it_is_written() {
        for hundredths in 0..=10_000 {
            let percent = Percent::from_hundredths(hundredths);
            assert_eq!(percent.to_string().parse(), Ok(percent));
            let json = serde_json::to_string(&percent).unwrap();
            assert_eq!(
                serde_json::from_str::<Percent>(&json).unwrap(),
                percent,
                "{json}"
            );
        }
    }

    #[test]
    fn what_is_no_percentage_is_refused() {
        for bad in [
            "", "%", "-1", "100.01", "1.005", "1e1", "101", " ", "1.2.3", "0x1",
        ] {
            assert!(bad.parse::<Percent>().is_err(), "{bad}");
        }
        assert_eq!("007.50%".parse(), Ok(Percent::from_hundredths(750)));
    }
}
