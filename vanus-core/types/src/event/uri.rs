//! URIs and URI-references (RFC 3986), checked but kept as text.
//!
//! Characters outside ASCII are let through, as in an IRI (RFC 3987): the HTTP binding decodes
//! percent-encoded headers once, so that senders who encode only once arrive here decoded.

/// Whether `text` is a URI-reference: a URI or a relative reference.
#[must_use]
pub fn check_uri_reference(text: &str) -> bool {
    if !only_uri_characters(text) {
        return false;
    }
    // A colon in the first segment can only end a scheme.
    let first_segment = text.split(['/', '?', '#']).next().unwrap_or_default();
    match first_segment.split_once(':') {
        Some((scheme, _)) => is_scheme(scheme),
        None => true,
    }
}

/// Whether `text` is an absolute URI: it has a scheme and something after it.
#[must_use]
pub fn check_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    is_scheme(scheme) && !rest.is_empty() && only_uri_characters(text)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn only_uri_characters(text: &str) -> bool {
    let mut bytes = text.bytes();
    let mut fragment_seen = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = (bytes.next(), bytes.next());
                let hex = |digit: Option<u8>| digit.is_some_and(|d| d.is_ascii_hexdigit());
                if !hex(digits.0) || !hex(digits.1) {
                    return false;
                }
            }
            b'#' if fragment_seen => return false,
            b'#' => fragment_seen = true,
            0..=b' ' | 0x7F | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                return false;
            }
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_may_be_relative() {
        for good in [
            "/mycontext",
            "//authority/path",
            "https://a.b/c?d=e#f",
            "urn:uuid:1",
            "a/b:c",
            "mailto:cncf@example.org",
            "1-555-123-4567",
            "cloudevents/spec/pull/123",
            "",
            "#f",
            "/ü",
        ] {
            assert!(check_uri_reference(good), "{good:?}");
        }
        for bad in ["a b", "1:b", "%G0", "%2", "<a>", "a#b#c", "\u{7F}"] {
            assert!(!check_uri_reference(bad), "{bad:?}");
        }
    }

    #[test]
    fn uris_have_a_scheme() {
        assert!(check_uri("https://cloudevents.io/dataschema"));
        for bad in ["/relative", "//authority/path", "https:", "", ":x", "1a:b"] {
            assert!(!check_uri(bad), "{bad:?}");
        }
    }
}
