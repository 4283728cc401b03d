//! Timestamps: RFC 3339 text. An event keeps the text it was given; these functions read it.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A point in time as `(seconds since the Unix epoch, nanoseconds)`, or nothing if `text` is no
/// RFC 3339 date and time.
#[must_use]
pub fn parse(text: &str) -> Option<(i64, u32)> {
    // The library takes any separator between date and time, the grammar only a T.
    if !matches!(text.as_bytes().get(10), Some(b'T' | b't')) {
        return None;
    }
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some((time.unix_timestamp(), time.nanosecond()))
}

/// Like [`parse`], in whole milliseconds since the Unix epoch, rounded down.
#[must_use]
pub fn parse_ms(text: &str) -> Option<i64> {
    let (seconds, nanos) = parse(text)?;
    Some(seconds * 1_000 + i64::from(nanos / 1_000_000))
}

/// RFC 3339 text of a point in time in UTC, with as many digits as it needs; nothing if the year
/// has not four digits.
#[must_use]
pub fn format(seconds: i64, nanos: u32) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    time.replace_nanosecond(nanos).ok()?.format(&Rfc3339).ok()
}

/// RFC 3339 text of milliseconds since the Unix epoch, in UTC with three digits. A time that has
/// no such text shows as its number.
#[must_use]
pub fn format_ms(ms: i64) -> String {
    let Ok(time) = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1_000)) else {
        return ms.to_string();
    };
    let (date, clock) = (time.date(), time.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second(),
        ms.rem_euclid(1_000),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_fractions_are_read() {
        assert_eq!(parse("1970-01-01T01:00:00.5+01:00"), Some((0, 500_000_000)));
        assert_eq!(parse_ms("1969-12-31T23:59:59.999Z"), Some(-1));
        assert_eq!(format(0, 500_000_000).unwrap(), "1970-01-01T00:00:00.5Z");
        assert_eq!(format_ms(-1), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn what_is_no_rfc_3339_time_is_refused() {
        for bad in [
            "",
            "lunchtime",
            "2018-02-30T00:00:00Z",
            "2018-04-05 17:31:00Z",
            "2018-04-05T17:31:00",
            "2018-04-05T25:31:00Z",
            "2018-04-05T17:31:00X",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
