//! The types of values an option may have, each with its text form.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use vanus_types::Durability;

/// A value with a text form that can be read back.
pub(super) trait Setting: Sized {
    /// What a value looks like, for people.
    const FORM: &'static str;

    /// Reads a value; nothing if the text is none.
    fn parse(text: &str) -> Option<Self>;

    /// The text form.
    fn show(&self) -> String;
}

/// A number of bytes, as text `4096`, `64KiB`, `64MiB` or `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl ByteSize {
    /// This many mebibytes.
    #[must_use]
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// The number of bytes, as far as memory goes.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fitting = UNITS
            .iter()
            .find(|(_, size)| self.0 > 0 && self.0.is_multiple_of(*size));
        match fitting {
            Some((unit, size)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Setting for ByteSize {
    const FORM: &'static str = "a size such as 64MiB";

    fn parse(text: &str) -> Option<Self> {
        let with_unit = UNITS
            .iter()
            .find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size)));
        let (number, size) = with_unit.unwrap_or((text, 1));
        let number: u64 = number.trim_end().parse().ok()?;
        Some(Self(number.checked_mul(size)?))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// How much of the disk is kept in reserve: a size, or nothing for what suits the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskReserve(pub Option<u64>);

impl Setting for DiskReserve {
    const FORM: &'static str = "auto, or a size such as 1GiB";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self(None)),
            size => ByteSize::parse(size).map(|size| Self(Some(size.0))),
        }
    }

    fn show(&self) -> String {
        self.0
            .map_or_else(|| "auto".to_owned(), |bytes| ByteSize(bytes).show())
    }
}

impl Setting for Duration {
    const FORM: &'static str = "a time such as 500ms, 10s, 5m or 1h";

    fn parse(text: &str) -> Option<Self> {
        let number = |unit: &str| text.strip_suffix(unit)?.trim_end().parse::<u64>().ok();
        let seconds = |count: u64, each| Some(Self::from_secs(count.checked_mul(each)?));
        // The longer unit first: every "ms" ends like an "s".
        number("us")
            .map(Self::from_micros)
            .or_else(|| number("ms").map(Self::from_millis))
            .or_else(|| seconds(number("s")?, 1))
            .or_else(|| seconds(number("m")?, 60))
            .or_else(|| seconds(number("h")?, 3600))
    }

    fn show(&self) -> String {
        let (micros, millis, seconds) = (self.as_micros(), self.as_millis(), self.as_secs());
        match millis {
            _ if micros == 0 => "0s".to_owned(),
            _ if !micros.is_multiple_of(1000) => format!("{micros}us"),
            _ if !millis.is_multiple_of(1000) => format!("{millis}ms"),
            _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
            _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
            _ => format!("{seconds}s"),
        }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people, coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Setting for LogFormat {
    const FORM: &'static str = "text or json";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Json => "json".to_owned(),
        }
    }
}

impl Setting for Durability {
    const FORM: &'static str = "fsync or page-cache";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for SocketAddr {
    const FORM: &'static str = "an address such as 127.0.0.1:8081 or [::1]:8081";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for PathBuf {
    const FORM: &'static str = "a path";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Setting for String {
    const FORM: &'static str = "text";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

/// A URL, or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OptionalUrl(pub Option<String>);

impl Setting for OptionalUrl {
    const FORM: &'static str = "none, or a URL such as https://lambda.internal";

    fn parse(text: &str) -> Option<Self> {
        let web = text.starts_with("https://") || text.starts_with("http://");
        match text {
            "none" => Some(Self(None)),
            url => web.then(|| Self(Some(url.to_owned()))),
        }
    }

    fn show(&self) -> String {
        self.0.clone().unwrap_or_else(|| "none".to_owned())
    }
}

impl Setting for bool {
    const FORM: &'static str = "true or false";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl Setting for $number {
            const FORM: &'static str = "a whole number";

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

whole_numbers!(u16, u64, usize);

#[cfg(test)]
mod tests {
    use super::*;

    fn same<S: Setting + PartialEq + std::fmt::Debug>(value: S) {
        assert_eq!(S::parse(&value.show()), Some(value));
    }

    #[test]
    fn every_value_is_read_back_from_its_text() {
        for size in [0, 1, 1023, 1024, 3 << 20, 5 << 30, u64::MAX] {
            same(ByteSize(size));
        }
        for millis in [0, 1, 999, 1000, 90_000, 60_000, 3_600_000, 90_061_001] {
            same(Duration::from_millis(millis));
            same(Duration::from_micros(millis));
        }
        same(LogFormat::Json);
        same(OptionalUrl(None));
        same(OptionalUrl(Some("https://a.b".to_owned())));
        same(Durability::PageCache);
        same(true);
        same(PathBuf::from("a b"));
    }

    #[test]
    fn what_has_the_wrong_form_is_refused() {
        for bad in ["", "64MB", "MiB", "-1", "1.5GiB", "99999999999GiB"] {
            assert_eq!(ByteSize::parse(bad), None, "{bad}");
        }
        for bad in ["", "10", "s", "1d", "-1s", "99999999999999999999h"] {
            assert_eq!(Duration::parse(bad), None, "{bad}");
        }
        assert_eq!(ByteSize::parse("64 MiB"), Some(ByteSize::mib(64)));
        assert_eq!(Duration::parse("5m"), Some(Duration::from_secs(300)));
    }
}
