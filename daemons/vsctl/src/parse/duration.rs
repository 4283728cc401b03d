//! Durations: numbers with units.

use std::time::Duration;

/// Units and their length in milliseconds, longest name first where one begins another.
const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write a duration such as 500ms, 30s, 1h30m, 72h or 7d{0}")]
pub(crate) struct NotADuration(&'static str);

/// Reads a duration that is not zero, such as `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, NotADuration> {
    match duration_or_zero(text)? {
        Duration::ZERO => Err(NotADuration("; it must not be zero")),
        duration => Ok(duration),
    }
}

/// Reads a duration, such as `1h30m` or `0s`.
pub(crate) fn duration_or_zero(text: &str) -> Result<Duration, NotADuration> {
    let (mut rest, mut total) = (text.trim(), 0_u64);
    if rest.is_empty() {
        return Err(NotADuration(""));
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits).unwrap_or_default();
        let number: u64 = number.parse().map_err(|_| NotADuration(""))?;
        let (unit, length) = UNITS
            .iter()
            .find(|(unit, _)| after.starts_with(unit))
            .ok_or(NotADuration("; the unit is missing or unknown"))?;
        let part = number
            .checked_mul(*length)
            .ok_or(NotADuration("; this is too long"))?;
        total = total
            .checked_add(part)
            .ok_or(NotADuration("; this is too long"))?;
        rest = after.strip_prefix(unit).unwrap_or_default();
    }
    Ok(Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_add_up() {
        for (text, ms) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("1h30m", 5_400_000),
            ("72h", 259_200_000),
            ("7d", 604_800_000),
            ("1m1ms", 60_001),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(duration_or_zero("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn what_has_no_unit_or_no_number_is_refused() {
        for bad in [
            "",
            "72",
            "h",
            "1x",
            "-1s",
            "1.5s",
            "0s",
            "s1",
            "99999999999999999d",
            "1h 2",
        ] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }
}
