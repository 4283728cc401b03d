//! Schedules in the notation of cron, in time zones. Pure: the time is an argument.
//!
//! A [`Cron`] answers one question: when is the next occurrence after a moment. What happens at an
//! occurrence, and what about those that were missed, is not its business.
//!
//! Local times that do not exist, or exist twice, when clocks are put forward or back:
//!
//! * A schedule that names hours (`30 2 * * *`) happens once on every day: at the first moment after the
//!   gap if its time does not exist, and the first time round if it exists twice.
//! * A schedule of all hours (`*/15 * * * *`) goes by the time that passes: it leaves the gap out, and
//!   happens both times round.

mod civil;

mod days;

mod field;

mod invalid;

mod next;

mod zone;

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use vanus_types::limits::{MAX_DELAY_MS, MAX_SCHEDULE_LEN};

use civil::Pattern;

pub use invalid::InvalidCron;
pub use zone::{InvalidZone, Zone};

/// Shortest period of `@every`, in milliseconds: as often as fields can say.
const MIN_EVERY_MS: u64 = 1_000;

/// When something happens again and again.
///
/// ```text
/// ┌──────────── second, 0 to 59; may be left out and is 0 then
/// │ ┌────────── minute, 0 to 59
/// │ │ ┌──────── hour, 0 to 23
/// │ │ │ ┌────── day of the month, 1 to 31; L, L-3, 15W, LW
/// │ │ │ │ ┌──── month, 1 to 12, JAN to DEC
/// │ │ │ │ │ ┌── day of the week, 0 to 7 or SUN to SAT; 5#2, 5L
/// * * * * * *
/// ```
///
/// or `@hourly`, `@daily` (`@midnight`), `@weekly`, `@monthly`, `@yearly` (`@annually`), or `@every` and a
/// duration: `@every 90`, `@every 1h30m`, `@every PT1H30M`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Fields(Box<Pattern>),
    /// A period in milliseconds.
    Every(u64),
}

impl Cron {
    /// Reads a schedule.
    ///
    /// # Errors
    ///
    /// [`InvalidCron`] if it has a mistake, or if it names days that never are.
    pub fn parse(text: &str) -> Result<Self, InvalidCron> {
        if text.len() > MAX_SCHEDULE_LEN {
            return Err(InvalidCron::TooLong(text.len()));
        }
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let kind = match fields.as_slice() {
            ["@every", period] => Kind::Every(every(period)?),
            [name] if name.starts_with('@') => Kind::Fields(Box::new(named(name)?)),
            fields => Kind::Fields(Box::new(Pattern::parse(fields)?)),
        };
        Ok(Self {
            text: fields.join(" "),
            kind,
        })
    }

    /// The first occurrence after `after_ms`, in milliseconds since the Unix epoch; nothing once the
    /// calendar ends, in the year 9999.
    ///
    /// Fields are read in `zone`. Periods of `@every` are counted from `anchor_ms`, which is none of
    /// them itself.
    #[must_use]
    pub fn next_after(&self, after_ms: i64, zone: &Zone, anchor_ms: i64) -> Option<i64> {
        match &self.kind {
            Kind::Fields(pattern) => pattern.next_after(after_ms, zone),
            Kind::Every(period) => {
                let passed = u64::try_from(after_ms.checked_sub(anchor_ms)?).unwrap_or(0);
                let next = (passed / period + 1).checked_mul(*period)?;
                anchor_ms.checked_add_unsigned(next)
            }
        }
    }
}

impl FromStr for Cron {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, InvalidCron> {
        Self::parse(text)
    }
}

/// The text it was read from, with single spaces.
impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn named(name: &str) -> Result<Pattern, InvalidCron> {
    let fields: &[&str] = match name.to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => &["0", "0", "1", "1", "*"],
        "@monthly" => &["0", "0", "1", "*", "*"],
        "@weekly" => &["0", "0", "*", "*", "0"],
        "@daily" | "@midnight" => &["0", "0", "*", "*", "*"],
        "@hourly" => &["0", "*", "*", "*", "*"],
        _ => return Err(InvalidCron::Name(name.to_owned())),
    };
    Pattern::parse(fields)
}

/// The period of `@every`, in milliseconds: a delay as events have it, or numbers with units.
fn every(text: &str) -> Result<u64, InvalidCron> {
    let period = super::time::delay(text).ok().or_else(|| units(text));
    let period = period.ok_or_else(|| InvalidCron::Every(text.to_owned()))?;
    if (MIN_EVERY_MS..=MAX_DELAY_MS).contains(&period) {
        Ok(period)
    } else {
        Err(InvalidCron::Period(text.to_owned()))
    }
}

/// Reads `1h30m`, in milliseconds: whole numbers, each with a unit, long ones first.
fn units(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 5] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let (mut rest, mut units, mut sum) = (text, &UNITS[..], 0_u64);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.bytes().take_while(u8::is_ascii_lowercase).count();
        let (name, after) = after.split_at_checked(letters)?;
        let unit = units.iter().position(|(unit, _)| *unit == name)?;
        let (_, ms) = units.get(unit)?;
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*ms)?)?;
        (rest, units) = (after, units.get(unit + 1..)?);
    }
    (sum > 0).then_some(sum)
}
