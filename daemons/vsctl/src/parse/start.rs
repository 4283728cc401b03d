//! Points in time, and where to start.

use vanus_types::{control::StartFrom, event::timestamp::parse_ms};

/// Reads an RFC 3339 time; answers milliseconds since the Unix epoch.
pub(crate) fn time_ms(text: &str) -> Result<i64, String> {
    let text = text.trim();
    parse_ms(text)
        .ok_or_else(|| format!("\"{text}\" is no time, write RFC 3339: 2026-01-31T12:00:00Z"))
}

/// Reads `latest`, `earliest` or an RFC 3339 time.
pub(crate) fn start_from(text: &str) -> Result<StartFrom, String> {
    match text.trim() {
        "latest" => Ok(StartFrom::Latest),
        "earliest" => Ok(StartFrom::Earliest),
        other => time_ms(other)
            .map(StartFrom::Timestamp)
            .map_err(|error| format!("{error}, or latest, or earliest")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_times_are_read() {
        assert_eq!(start_from("latest"), Ok(StartFrom::Latest));
        assert_eq!(start_from("earliest"), Ok(StartFrom::Earliest));
        assert_eq!(
            start_from("1970-01-01T01:00:01+01:00"),
            Ok(StartFrom::Timestamp(1_000))
        );
        for bad in ["", "now", "2026-01-31", "1234"] {
            assert!(start_from(bad).unwrap_err().contains("RFC 3339"), "{bad:?}");
        }
    }
}
