//! Which characters a string attribute may have (CloudEvents 1.0.2, "Type System").

use super::invalid::InvalidEvent;
use crate::limits::MAX_ATTRIBUTE_NAME_LEN;

/// Refuses control characters and code points that are no characters.
pub(crate) fn check_string(name: &str, value: &str) -> Result<(), InvalidEvent> {
    // Printable ASCII is what nearly every value consists of.
    if value.bytes().all(|byte| (0x20..0x7F).contains(&byte)) {
        return Ok(());
    }
    let forbidden = |c: &char| {
        let code = u32::from(*c);
        c.is_control() || (code & 0xFFFE) == 0xFFFE || (0xFDD0..=0xFDEF).contains(&code)
    };
    match value.chars().find(forbidden) {
        Some(c) => Err(InvalidEvent::Character {
            name: name.to_owned(),
            code_point: c.into(),
        }),
        None => Ok(()),
    }
}

/// Refuses names that are not lower-case letters and digits.
pub(crate) fn check_name(name: &str) -> Result<(), InvalidEvent> {
    if name.len() > MAX_ATTRIBUTE_NAME_LEN {
        let start = name.chars().take(32).collect();
        return Err(InvalidEvent::AttributeNameTooLong(start));
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err(InvalidEvent::AttributeName(name.to_owned()));
    }
    Ok(())
}

/// Refuses what has not the form `type/subtype` with optional parameters (RFC 2046).
pub(crate) fn check_media_type(name: &str, value: &str) -> Result<(), InvalidEvent> {
    let token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    let essence = value.split(';').next().unwrap_or_default().trim();
    match essence.split_once('/') {
        Some((kind, subtype)) if token(kind) && token(subtype) => check_string(name, value),
        _ => Err(InvalidEvent::value(name, "media type", value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_noncharacters_are_forbidden() {
        assert!(check_string("a", "Euro € 😀").is_ok());
        for bad in [
            "\u{0}",
            "a\tb",
            "\u{7F}",
            "\u{85}",
            "\u{FFFE}",
            "\u{FDD0}",
            "\u{1FFFF}",
        ] {
            assert!(check_string("a", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn media_types_have_two_parts() {
        assert!(check_media_type("m", "text/plain; charset=us-ascii").is_ok());
        assert!(check_media_type("m", "application/vnd.a+json").is_ok());
        for bad in ["", "text", "/plain", "text/", "te xt/plain", "text/plain/x"] {
            assert!(check_media_type("m", bad).is_err(), "{bad:?}");
        }
    }
}
