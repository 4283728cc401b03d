//! Conversions between types.

use std::borrow::Cow;

use vanus_types::event::timestamp as rfc3339;

use super::{error::Fault, value::Value};
use crate::budget::Budget;

const NANOS: i128 = 1_000_000_000;
/// The first second of year 1, and the last of year 9999.
const TIMESTAMPS: std::ops::RangeInclusive<i128> =
    -62_135_596_800 * NANOS..=253_402_300_800 * NANOS - 1;
/// About 10,000 years.
const LONGEST: i128 = 315_576_000_000 * NANOS;
/// Longest text of a number.
const NUMBER_LEN: usize = 512;

pub(super) fn int<'a>(value: &Value<'a>, budget: &Budget) -> Result<Value<'a>, Fault> {
    let number = match value {
        Value::Int(number) => Some(*number),
        Value::Uint(number) => i64::try_from(*number).ok(),
        Value::Double(number) => whole(*number).and_then(|number| i64::try_from(number).ok()),
        Value::Text(text) => number(text, budget)?,
        Value::Timestamp(nanos) => i64::try_from(nanos.div_euclid(NANOS)).ok(),
        _ => return Err(Fault::Types),
    };
    number.map(Value::Int).ok_or(Fault::Convert)
}

pub(super) fn uint<'a>(value: &Value<'a>, budget: &Budget) -> Result<Value<'a>, Fault> {
    let number = match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::Uint(number) => Some(*number),
        Value::Double(number) => whole(*number).and_then(|number| u64::try_from(number).ok()),
        Value::Text(text) => number(text, budget)?,
        _ => return Err(Fault::Types),
    };
    number.map(Value::Uint).ok_or(Fault::Convert)
}

pub(super) fn double<'a>(value: &Value<'a>, budget: &Budget) -> Result<Value<'a>, Fault> {
    let number = match value {
        Value::Int(number) => Some(*number as f64),
        Value::Uint(number) => Some(*number as f64),
        Value::Double(number) => Some(*number),
        Value::Text(text) => number(text, budget)?,
        _ => return Err(Fault::Types),
    };
    number.map(Value::Double).ok_or(Fault::Convert)
}

pub(super) fn text<'a>(value: &Value<'a>, budget: &Budget) -> Result<Value<'a>, Fault> {
    budget.pay(value.len())?;
    let text = match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Text(text) => return Ok(Value::Text(text.clone())),
        Value::Bytes(Cow::Borrowed(bytes)) => {
            let text = std::str::from_utf8(bytes).map_err(|_| Fault::Convert)?;
            return Ok(Value::Text(Cow::Borrowed(text)));
        }
        Value::Bytes(Cow::Owned(bytes)) => {
            String::from_utf8(bytes.clone()).map_err(|_| Fault::Convert)?
        }
        Value::Timestamp(nanos) => {
            let (seconds, nanos) = (nanos.div_euclid(NANOS), nanos.rem_euclid(NANOS));
            let seconds = i64::try_from(seconds).map_err(|_| Fault::Convert)?;
            let nanos = u32::try_from(nanos).map_err(|_| Fault::Convert)?;
            rfc3339::format(seconds, nanos).ok_or(Fault::Convert)?
        }
        Value::Duration(nanos) => {
            let sign = if *nanos < 0 { "-" } else { "" };
            let nanos = nanos.unsigned_abs();
            let (seconds, rest) = (nanos / NANOS as u128, nanos % NANOS as u128);
            let fraction = format!(".{rest:09}");
            format!(
                "{sign}{seconds}{}s",
                fraction.trim_end_matches('0').trim_end_matches('.')
            )
        }
        _ => return Err(Fault::Types),
    };
    Ok(Value::Text(Cow::Owned(text)))
}

pub(super) fn bool<'a>(value: &Value<'a>) -> Result<Value<'a>, Fault> {
    match value {
        Value::Bool(value) => Ok(Value::Bool(*value)),
        Value::Text(text) => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(Fault::Convert),
        },
        _ => Err(Fault::Types),
    }
}

pub(super) fn bytes<'a>(value: &Value<'a>, budget: &Budget) -> Result<Value<'a>, Fault> {
    budget.pay(value.len())?;
    match value {
        Value::Bytes(bytes) => Ok(Value::Bytes(bytes.clone())),
        Value::Text(Cow::Borrowed(text)) => Ok(Value::Bytes(Cow::Borrowed(text.as_bytes()))),
        Value::Text(Cow::Owned(text)) => Ok(Value::Bytes(Cow::Owned(text.clone().into()))),
        _ => Err(Fault::Types),
    }
}

pub(super) fn timestamp<'a>(value: &Value<'a>) -> Result<Value<'a>, Fault> {
    let nanos = match value {
        Value::Timestamp(nanos) => *nanos,
        Value::Int(seconds) => i128::from(*seconds) * NANOS,
        Value::Text(text) if text.len() <= NUMBER_LEN => {
            let (seconds, nanos) = rfc3339::parse(text).ok_or(Fault::Convert)?;
            i128::from(seconds) * NANOS + i128::from(nanos)
        }
        Value::Text(_) => return Err(Fault::Convert),
        _ => return Err(Fault::Types),
    };
    checked_timestamp(nanos)
}

/// A timestamp if it is in range.
pub(super) fn checked_timestamp<'a>(nanos: i128) -> Result<Value<'a>, Fault> {
    let fits = TIMESTAMPS.contains(&nanos);
    fits.then_some(Value::Timestamp(nanos)).ok_or(Fault::Math)
}

/// A duration if it is in range.
pub(super) fn checked_duration<'a>(nanos: i128) -> Result<Value<'a>, Fault> {
    let fits = nanos.abs() <= LONGEST;
    fits.then_some(Value::Duration(nanos)).ok_or(Fault::Math)
}

pub(super) fn duration<'a>(value: &Value<'a>) -> Result<Value<'a>, Fault> {
    match value {
        Value::Duration(nanos) => Ok(Value::Duration(*nanos)),
        Value::Text(text) if text.len() <= NUMBER_LEN => {
            checked_duration(read_duration(text).ok_or(Fault::Convert)?)
        }
        Value::Text(_) => Err(Fault::Convert),
        _ => Err(Fault::Types),
    }
}

/// Numbers with units, such as `1h30m`.
fn read_duration(text: &str) -> Option<i128> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut nanos = 0_i128;
    while !rest.is_empty() || nanos == 0 && rest.len() == text.len() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at_checked(end)?;
        let (unit, scale) = [
            ("ns", 1),
            ("us", 1_000),
            ("\u{b5}s", 1_000),
            ("ms", 1_000_000),
            ("h", 3_600 * NANOS),
            ("m", 60 * NANOS),
            ("s", NANOS),
        ]
        .into_iter()
        .find(|(unit, _)| behind.starts_with(unit))?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || whole.len() > 18 {
            return None;
        }
        let whole = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        nanos = nanos.checked_add(i128::checked_mul(whole, scale)?)?;
        if !fraction.is_empty() {
            // Digits beyond a nanosecond do not count.
            let digits = fraction.get(..fraction.len().min(18))?;
            let part: i128 = digits.parse().ok()?;
            nanos += part * scale / 10_i128.pow(u32::try_from(digits.len()).ok()?);
        }
        rest = behind.get(unit.len()..)?;
    }
    Some(if negative { -nanos } else { nanos })
}

/// A text as a number, if it is one.
fn number<T: std::str::FromStr>(text: &str, budget: &Budget) -> Result<Option<T>, Fault> {
    if text.len() > NUMBER_LEN {
        return Ok(None);
    }
    budget.pay(text.len())?;
    Ok(text.parse().ok())
}

/// The whole part of a double that is not too large for 64 bits.
fn whole(number: f64) -> Option<i128> {
    (number.is_finite() && number.abs() < 1e30).then_some(number.trunc() as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, nanos) in [
            ("1h30m", Some(5_400 * NANOS)),
            ("-1.5s", Some(-1_500_000_000)),
            ("+10ms5us1ns", Some(10_005_001)),
            (".5s", Some(500_000_000)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("", None),
            ("s", None),
            ("5", None),
            ("1h ", None),
            ("1.2.3s", None),
            ("9999999999999999999h", None),
        ] {
            assert_eq!(read_duration(text), nanos, "{text:?}");
        }
        let written = |nanos| match text(&Value::Duration(nanos), &Budget::new()) {
            Ok(Value::Text(text)) => text.into_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(written(-1_500_000_000), "-1.5s");
        assert_eq!(written(60 * NANOS), "60s");
        assert_eq!(written(1), "0.000000001s");
    }

    #[test]
    fn doubles_are_cut_and_must_fit() {
        let cut = |number| int(&Value::Double(number), &Budget::new()).ok();
        assert!(matches!(cut(-2.9), Some(Value::Int(-2))));
        assert!(cut(1e19).is_none() && cut(f64::NAN).is_none() && cut(f64::INFINITY).is_none());
    }
}
