//! How delivery times and delays are written.

use vanus_types::{Coded, ErrorCode, event::timestamp, limits::MAX_DELAY_MS};

/// Characters of a text that an error repeats.
const SHOWN: usize = 64;

/// A text is no delivery time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no delivery time: write RFC 3339, such as 2026-01-31T12:00:00Z")]
pub struct InvalidDeliveryTime(pub String);

/// A text is no delay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDelay {
    /// It is neither a number nor an ISO 8601 duration.
    #[error("\"{0}\" is no delay: write seconds, such as 90, or ISO 8601, such as PT1M30S")]
    Form(String),
    /// It begins with a minus.
    #[error("the delay \"{0}\" is negative: leave it out to deliver now")]
    Negative(String),
    /// It has years or months.
    #[error("the delay \"{0}\" has years or months, which have no fixed length: write days")]
    Calendar(String),
    /// It has a fraction before its last part.
    #[error("the delay \"{0}\" has a fraction before its last part: only that may have one")]
    Fraction(String),
    /// It is longer than the limit.
    #[error("the delay \"{0}\" is longer than {MAX_DELAY_MS} ms")]
    TooLong(String),
}

impl Coded for InvalidDeliveryTime {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

impl Coded for InvalidDelay {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// Reads an RFC 3339 date and time; answers milliseconds since the Unix epoch, rounded up, so that
/// nothing is early.
///
/// # Errors
///
/// [`InvalidDeliveryTime`] if it is none.
pub fn delivery_time(text: &str) -> Result<i64, InvalidDeliveryTime> {
    let time = timestamp::parse(text).ok_or_else(|| InvalidDeliveryTime(shown(text)))?;
    let (seconds, nanos) = time;
    Ok(seconds * 1_000 + i64::from(nanos.div_ceil(1_000_000)))
}

/// Reads a delay: seconds with or without a fraction (`90`, `0.5`), or an ISO 8601 duration
/// (`PT1M30S`, `P2W`, `P1DT12H`, `PT0,5H`), in capitals or not; answers milliseconds, rounded up.
///
/// The last part of a duration may have a fraction. A day has 24 hours. Years and months have no
/// fixed length and are refused.
///
/// # Errors
///
/// [`InvalidDelay`] if it is none, negative, or longer than [`MAX_DELAY_MS`].
pub fn delay(text: &str) -> Result<u64, InvalidDelay> {
    let fault = |fault: fn(String) -> InvalidDelay| fault(shown(text));
    let ms = match text.as_bytes() {
        [b'-', ..] => return Err(fault(InvalidDelay::Negative)),
        [b'p' | b'P', rest @ ..] => duration(rest).map_err(fault)?,
        seconds => match Number::read(seconds) {
            Some((number, [])) => number.times(1_000),
            _ => return Err(fault(InvalidDelay::Form)),
        },
    };
    match u64::try_from(ms) {
        Ok(ms) if ms <= MAX_DELAY_MS => Ok(ms),
        _ => Err(fault(InvalidDelay::TooLong)),
    }
}

/// The parts of a duration, in the order in which they may come, with their milliseconds. Years and
/// months have none.
const DATE: [(u8, u64); 4] = [
    (b'Y', 0),
    (b'M', 0),
    (b'W', 604_800_000),
    (b'D', 86_400_000),
];
const TIME: [(u8, u64); 3] = [(b'H', 3_600_000), (b'M', 60_000), (b'S', 1_000)];

/// Reads what follows the `P` of a duration; answers milliseconds.
fn duration(mut rest: &[u8]) -> Result<u128, fn(String) -> InvalidDelay> {
    let (mut ms, mut units, mut in_time) = (0_u128, &DATE[..], false);
    let (mut parts, mut had_fraction) = (0, false);
    while let Some(first) = rest.first() {
        if first.eq_ignore_ascii_case(&b'T') && !in_time {
            (rest, units, in_time, parts) = (rest.get(1..).unwrap_or(&[]), &TIME[..], true, 0);
            continue;
        }
        let (number, after) = Number::read(rest).ok_or(InvalidDelay::Form as fn(_) -> _)?;
        let (name, after) = after
            .split_first()
            .ok_or(InvalidDelay::Form as fn(_) -> _)?;
        let name = name.to_ascii_uppercase();
        let unit = units.iter().position(|(unit, _)| *unit == name);
        let unit = unit.ok_or(InvalidDelay::Form as fn(_) -> _)?;
        match units.get(unit) {
            Some((_, 0)) => return Err(InvalidDelay::Calendar),
            _ if had_fraction => return Err(InvalidDelay::Fraction),
            Some((_, unit_ms)) => ms = ms.saturating_add(number.times(*unit_ms)),
            None => return Err(InvalidDelay::Form),
        }
        had_fraction = number.has_fraction;
        units = units.get(unit + 1..).unwrap_or(&[]);
        (rest, parts) = (after, parts + 1);
    }
    // Neither `P` alone nor a `T` without anything behind it.
    if parts == 0 {
        return Err(InvalidDelay::Form);
    }
    Ok(ms)
}

/// A number that is not negative, with a fraction perhaps.
#[derive(Debug, Clone, Copy)]
struct Number {
    whole: u64,
    /// The fraction, in units of 10^-18, rounded up.
    fraction: u64,
    has_fraction: bool,
}

impl Number {
    /// Reads a number at the beginning of a text; answers what follows it too.
    fn read(text: &[u8]) -> Option<(Self, &[u8])> {
        let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (whole, rest) = text.split_at_checked(digits(text))?;
        if whole.is_empty() {
            return None;
        }
        let add =
            |sum: u64, digit: &u8| sum.saturating_mul(10).saturating_add((digit - b'0').into());
        let whole = whole.iter().fold(0, add);
        let Some((b'.' | b',', rest)) = rest.split_first() else {
            let number = Self {
                whole,
                fraction: 0,
                has_fraction: false,
            };
            return Some((number, rest));
        };
        let (fraction, rest) = rest.split_at_checked(digits(rest))?;
        if fraction.is_empty() {
            return None;
        }
        let (read, more) = fraction.split_at_checked(18).unwrap_or((fraction, &[]));
        let padding = std::iter::repeat_n(&b'0', 18 - read.len());
        let round_up = more.iter().any(|digit| *digit != b'0');
        let number = Self {
            whole,
            fraction: read.iter().chain(padding).fold(0, add) + u64::from(round_up),
            has_fraction: true,
        };
        Some((number, rest))
    }

    /// So many units of this length together, rounded up.
    fn times(self, unit: u64) -> u128 {
        let unit = u128::from(unit);
        let fraction = (u128::from(self.fraction) * unit).div_ceil(10_u128.pow(18));
        u128::from(self.whole) * unit + fraction
    }
}

/// The beginning of a text, for an error.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn delays_are_seconds_or_durations() {
        for (text, ms) in [
            ("0", 0),
            ("90", 90_000),
            ("1.5", 1_500),
            ("0,25", 250),
            ("PT0S", 0),
            ("PT1M30S", 90_000),
            ("pt1m30s", 90_000),
            ("P1D", 86_400_000),
            ("P2W", 1_209_600_000),
            ("P1W1DT1H", 694_800_000),
            ("P1DT12H30M5.25S", 131_405_250),
            ("PT0.5H", 1_800_000),
            ("P0,5W", 302_400_000),
            ("PT36H", 129_600_000),
        ] {
            assert_eq!(delay(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn what_is_shorter_than_a_millisecond_is_rounded_up() {
        for (text, ms) in [
            ("0.0001", 1),
            ("PT0.001S", 1),
            ("PT0.0010000000000000000000000001S", 2),
            ("PT0.00100000000000000000000000000S", 1),
            ("0.999999999999999999999", 1_000),
        ] {
            assert_eq!(delay(text), Ok(ms), "{text}");
        }
        assert_eq!(delivery_time("1970-01-01T00:00:00.0000001Z"), Ok(1));
        assert_eq!(delivery_time("1969-12-31T23:59:59.9990001Z"), Ok(0));
        assert_eq!(delivery_time("1970-01-01T01:00:00.001+01:00"), Ok(1));
    }

    #[test]
    fn what_is_no_delay_is_refused_with_the_reason() {
        type Fault = fn(String) -> InvalidDelay;
        let cases: [(&str, Fault); 26] = [
            ("", InvalidDelay::Form),
            ("soon", InvalidDelay::Form),
            ("5s", InvalidDelay::Form),
            (" 5", InvalidDelay::Form),
            ("+5", InvalidDelay::Form),
            ("1e3", InvalidDelay::Form),
            (".5", InvalidDelay::Form),
            ("5.", InvalidDelay::Form),
            ("P", InvalidDelay::Form),
            ("PT", InvalidDelay::Form),
            ("P1DT", InvalidDelay::Form),
            ("P1", InvalidDelay::Form),
            ("P1H", InvalidDelay::Form),
            ("PT1D", InvalidDelay::Form),
            ("PT1S1M", InvalidDelay::Form),
            ("PT1S1S", InvalidDelay::Form),
            ("PTT1S", InvalidDelay::Form),
            ("PT1S ", InvalidDelay::Form),
            ("-1", InvalidDelay::Negative),
            ("-PT1S", InvalidDelay::Negative),
            ("P1Y", InvalidDelay::Calendar),
            ("P1M", InvalidDelay::Calendar),
            ("PT0.5H1M", InvalidDelay::Fraction),
            ("99999999999999999999", InvalidDelay::TooLong),
            ("P99999999999999999999W", InvalidDelay::TooLong),
            ("P365001D", InvalidDelay::TooLong),
        ];
        for (text, fault) in cases {
            assert_eq!(delay(text), Err(fault(text.to_owned())), "{text:?}");
        }
        assert_eq!(delay("P365000D"), Ok(MAX_DELAY_MS));
        let error = delay(&"9".repeat(10_000)).unwrap_err();
        assert!(error.to_string().len() < 200, "{error}");
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
    }

    #[test]
    fn what_is_no_delivery_time_is_refused() {
        for text in [
            "",
            "noon",
            "2026-01-31",
            "2026-01-31 12:00:00Z",
            "2026-02-30T00:00:00Z",
            "1",
        ] {
            let error = delivery_time(text).unwrap_err();
            assert!(error.to_string().contains("RFC 3339"), "{error}");
            assert_eq!(error.code(), ErrorCode::InvalidArgument);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_duration_is_the_sum_of_its_parts(
            (weeks, days, hours, minutes, ms) in (0_u64..50, 0_u64..50, 0_u64..50, 0_u64..50, 0_u64..100_000),
        ) {
            let text = format!("P{weeks}W{days}DT{hours}H{minutes}M{}.{:03}S", ms / 1_000, ms % 1_000);
            let sum = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60_000 + ms;
            prop_assert_eq!(delay(&text), Ok(sum));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "[-+PTYMWDHS0-9.,]{0,24}|.{0,40}") {
            if let Ok(ms) = delay(&text) {
                prop_assert!(ms <= MAX_DELAY_MS);
            }
            let _ = delivery_time(&text);
        }
    }
}
