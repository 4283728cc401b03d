//! Sizes: bytes with a unit.

/// Units and how many bytes they are.
const UNITS: [(&str, u64); 4] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write a size such as 512MiB, 10GiB or 1TiB, or none")]
pub(crate) struct NotASize;

/// Reads a bound in bytes, such as `10GiB`; 0 for `none`.
pub(crate) fn size_or_none(text: &str) -> Result<u64, NotASize> {
    let text = text.trim();
    if text == "none" {
        return Ok(0);
    }
    let with_unit = UNITS
        .iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let (number, unit) = with_unit.unwrap_or((text, 1));
    let number: u64 = number.trim_end().parse().map_err(|_| NotASize)?;
    match number.checked_mul(unit) {
        None | Some(0) => Err(NotASize),
        Some(bytes) => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units_and_none_is_no_bound() {
        for (text, bytes) in [
            ("10GiB", 10 << 30),
            ("1 MiB", 1 << 20),
            ("4096", 4096),
            ("none", 0),
        ] {
            assert_eq!(size_or_none(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "0GiB", "GiB", "10GB", "-1MiB", "99999999TiB"] {
            assert_eq!(size_or_none(text), Err(NotASize), "{text}");
        }
    }
}
