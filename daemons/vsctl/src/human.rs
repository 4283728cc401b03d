//! Numbers the way people read them.

use std::time::Duration;

use vanus_types::event::timestamp::format_ms;

/// A duration in its two largest units: `3d 4h`, `72h 0m` is `3d`.
pub(crate) fn duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    let units = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let (mut rest, mut parts) = (ms, Vec::new());
    for (unit, length) in units {
        let number = rest / length;
        rest %= length;
        if number > 0 {
            parts.push(format!("{number}{unit}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.join(" ")
    }
}

/// A time in RFC 3339, or a dash.
pub(crate) fn time(ms: Option<i64>) -> String {
    ms.map_or_else(|| "-".to_owned(), format_ms)
}

/// A number of bytes with its unit, in powers of 1024.
pub(crate) fn bytes(bytes: u64) -> String {
    let (mut size, mut unit) = (bytes as f64, "B");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if size < 1024.0 {
            break;
        }
        (size, unit) = (size / 1024.0, larger);
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{size:.1} {unit}")
    }
}

/// What there is, or a dash.
pub(crate) fn or_dash(text: &str) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text.to_owned()
    }
}

/// The first `most` characters, with an ellipsis if there are more.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        for (ms, text) in [
            (0, "0s"),
            (5, "5ms"),
            (1_500, "1s 500ms"),
            (3_600_000, "1h"),
            (259_200_000, "3d"),
            (90_061_000, "1d 1h"),
        ] {
            assert_eq!(duration(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn bytes_and_long_texts_are_short() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(64 * 1024 * 1024), "64.0 MiB");
        assert_eq!(shorten("größer", 3), "grö…");
        assert_eq!(shorten("abc", 3), "abc");
    }
}
