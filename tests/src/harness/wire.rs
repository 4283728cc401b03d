//! CloudEvents as they are on the wire, read and written without Vanus's own code.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderMap;
use serde_json::value::RawValue;

use super::Result;
use crate::history::Digest;

/// A header value, percent-encoded as the HTTP binding asks for.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'%' => out.push_str(&format!("%{byte:02X}")),
            0x21..=0x7E => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn percent_decode(text: &[u8]) -> Result<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte.filter(|_| *first == b'%') {
            Some(byte) => {
                out.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    Ok(String::from_utf8(out)?)
}

/// The id and the digest of an event in the binary mode.
///
/// # Errors
/// It has no id, or a value is not encoded as it should be.
pub fn of_binary(headers: &HeaderMap, body: &[u8]) -> Result<(String, String)> {
    let mut digest = Digest::of_data(body);
    let mut id = None;
    for (name, value) in headers {
        if name == "content-type" {
            digest.attribute("datacontenttype", value.to_str()?);
        } else if let Some(name) = name.as_str().strip_prefix("ce-") {
            let text = percent_decode(value.as_bytes())?;
            digest.attribute(name, &text);
            if name == "id" {
                id = Some(text);
            }
        }
    }
    Ok((id.ok_or("an event without an id")?, digest.text()))
}

/// The id and the digest of an event in the JSON format.
///
/// # Errors
/// It is no event.
pub fn of_json(event: &RawValue) -> Result<(String, String)> {
    let members: std::collections::BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(event.get())?;
    let text = |raw: &RawValue| -> Result<String> {
        match serde_json::from_str(raw.get())? {
            serde_json::Value::String(text) => Ok(text),
            other => Ok(other.to_string()),
        }
    };
    let kind = members.get("datacontenttype").map(|raw| text(raw));
    let kind = kind.transpose()?.unwrap_or_default();
    let data = match (members.get("data"), members.get("data_base64")) {
        (Some(raw), _) if kind.is_empty() || kind.ends_with("json") => raw.get().into(),
        (Some(raw), _) => text(raw)?.into_bytes(),
        (None, Some(raw)) => STANDARD.decode(text(raw)?)?,
        (None, None) => Vec::new(),
    };
    let mut digest = Digest::of_data(data);
    for (name, raw) in &members {
        if name != "data" && name != "data_base64" {
            digest.attribute(name, &text(raw)?);
        }
    }
    let id = members.get("id").ok_or("an event without an id")?;
    Ok((text(id)?, digest.text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_same_digest_in_both_modes() {
        let mut headers = HeaderMap::new();
        let subject = percent_encode("Euro € \"x\" 100%");
        assert_eq!(subject, "Euro%20%E2%82%AC%20%22x%22%20100%25");
        for (name, value) in [
            ("ce-specversion", "1.0"),
            ("ce-id", "1"),
            ("ce-subject", &subject),
            ("ce-n", "-3"),
            ("ce-xvanusstime", "now"),
            ("content-type", "application/json"),
            ("vanus-attempt", "1"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let binary = of_binary(&headers, b"{\"a\": 1}").unwrap();
        let text = r#"{"specversion":"1.0","id":"1","subject":"Euro € \"x\" 100%","n":-3,
            "datacontenttype":"application/json","data":{"a": 1}}"#;
        let json = of_json(&serde_json::from_str::<Box<RawValue>>(text).unwrap()).unwrap();
        assert_eq!(binary, json);
        assert_eq!(binary.0, "1");
    }

    #[test]
    fn data_of_every_kind_are_bytes() {
        let digest = |text: &str| {
            let event = serde_json::from_str::<Box<RawValue>>(text).unwrap();
            of_json(&event).unwrap().1
        };
        let text = digest(r#"{"id":"1","datacontenttype":"text/plain","data":"ab"}"#);
        let bytes = digest(r#"{"id":"1","datacontenttype":"text/plain","data_base64":"YWI="}"#);
        let other = digest(r#"{"id":"1","datacontenttype":"text/plain","data":"ac"}"#);
        assert_eq!(text, bytes);
        assert_ne!(text, other);
    }
}
