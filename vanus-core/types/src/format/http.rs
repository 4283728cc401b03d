//! Binary content mode of the HTTP binding: attributes are `ce-` headers, the body is the data.
//!
//! * Header names in any letter case; values percent-encoded, as below, and decoded exactly once.
//! * `datacontenttype` is the `Content-Type` header, as it is.
//! * All extension attributes arrive as strings: headers carry no types.
//! * An empty body is no data.
//! * Encoded are space, `"`, `%` and everything outside U+0021 to U+007E, as UTF-8. A value in
//!   double quotes, as older senders write it, is unquoted first.

use std::{borrow::Cow, fmt::Write as _};

use bytes::Bytes;

use super::{content::strip_prefix, error::DecodeError};
use crate::{
    event::{AttributeRef, Data, DataKind, Event, EventParts, InvalidEvent},
    limits::{MAX_ATTRIBUTE_NAME_LEN, MAX_EXTENSIONS},
};

/// Start of the header names that carry attributes.
pub const CE_PREFIX: &str = "ce-";

/// Reads one event. `headers` may have other headers too; they are passed over. The content type
/// is given apart.
///
/// # Errors
/// [`DecodeError`] when an attribute is missing, there twice, wrongly encoded or invalid.
pub fn decode<'h>(
    content_type: Option<&'h str>,
    headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    body: &[u8],
) -> Result<Event, DecodeError> {
    let mut attributes = Attributes::default();
    for (name, value) in headers {
        if let Some(name) = strip_prefix(name, CE_PREFIX) {
            attributes.put(name, value)?;
        }
    }
    attributes.encode(content_type, body)
}

/// An event as a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpMessage {
    /// Headers that carry attributes, names in lower case; the content type is apart.
    pub headers: Vec<(String, String)>,
    /// The value of `Content-Type`. Characters outside ASCII are possible in its parameters.
    pub content_type: Option<String>,
    /// The body, sharing the memory of the event.
    pub body: Bytes,
}

/// The message that carries `event`.
#[must_use]
pub fn encode(event: &Event) -> HttpMessage {
    let mut headers = Vec::with_capacity(8);
    for_each_header(event, |name, value| {
        headers.push((name.to_owned(), value.to_owned()));
    });
    HttpMessage {
        headers,
        content_type: content_type(event).map(str::to_owned),
        body: event.data_bytes(),
    }
}

/// Gives every attribute of `event` but its content type to `put`: header name in lower case, and
/// value. Nothing is allocated for plain values of required and optional attributes.
pub fn for_each_header(event: &Event, mut put: impl FnMut(&str, &str)) {
    put("ce-specversion", "1.0");
    for (name, value) in [
        ("ce-id", Some(event.id())),
        ("ce-source", Some(event.source())),
        ("ce-type", Some(event.ty())),
        ("ce-dataschema", event.dataschema()),
        ("ce-subject", event.subject()),
        ("ce-time", event.time()),
    ] {
        if let Some(value) = value {
            put(name, &percent_encode(value));
        }
    }
    let mut header = String::from(CE_PREFIX);
    for (name, value) in event.extensions() {
        header.truncate(CE_PREFIX.len());
        header.push_str(name);
        put(&header, &percent_encode(&value.canonical()));
    }
}

/// The content type of the message that carries `event`.
///
/// JSON data without `datacontenttype` came from a format where that means JSON; here it would
/// mean anything, so it is said.
#[must_use]
pub fn content_type(event: &Event) -> Option<&str> {
    let implied = || (event.data().kind == DataKind::Json).then_some("application/json");
    event.datacontenttype().or_else(implied)
}

/// Attributes as they are met.
#[derive(Debug, Default)]
struct Attributes<'h> {
    specversion: Option<Cow<'h, str>>,
    id: Option<Cow<'h, str>>,
    source: Option<Cow<'h, str>>,
    ty: Option<Cow<'h, str>>,
    dataschema: Option<Cow<'h, str>>,
    subject: Option<Cow<'h, str>>,
    time: Option<Cow<'h, str>>,
    extensions: Vec<(Cow<'h, str>, Cow<'h, str>)>,
}

impl<'h> Attributes<'h> {
    fn put(&mut self, name: &'h str, value: &'h [u8]) -> Result<(), DecodeError> {
        if name.len() > MAX_ATTRIBUTE_NAME_LEN {
            let start = name.chars().take(32).collect();
            return Err(InvalidEvent::AttributeNameTooLong(start).into());
        }
        let name = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
        let problem = |problem| DecodeError::Header {
            name: format!("{CE_PREFIX}{name}"),
            problem,
        };
        if name == "datacontenttype" {
            return Err(problem("must not be sent, Content-Type is this attribute"));
        }
        let value = decode_value(value).map_err(problem)?;
        let twice = || InvalidEvent::Duplicate(name.clone().into_owned()).into();
        let known = match &*name {
            "specversion" => &mut self.specversion,
            "id" => &mut self.id,
            "source" => &mut self.source,
            "type" => &mut self.ty,
            "dataschema" => &mut self.dataschema,
            "subject" => &mut self.subject,
            "time" => &mut self.time,
            _ => {
                // The count is bounded, so looking through all of them is too.
                if self.extensions.iter().any(|(taken, _)| *taken == name) {
                    return Err(twice());
                }
                self.extensions.push((name, value));
                let count = self.extensions.len();
                if count > MAX_EXTENSIONS {
                    return Err(InvalidEvent::TooManyExtensions(count).into());
                }
                return Ok(());
            }
        };
        match known.replace(value) {
            Some(_) => Err(twice()),
            None => Ok(()),
        }
    }

    fn encode(&self, content_type: Option<&str>, body: &[u8]) -> Result<Event, DecodeError> {
        match self.specversion.as_deref() {
            Some("1.0") => {}
            Some(other) => {
                return Err(InvalidEvent::SpecVersion(other.chars().take(16).collect()).into());
            }
            None => return Err(InvalidEvent::Missing("specversion").into()),
        }
        let extensions = self.extensions.iter();
        let parts = EventParts {
            id: self.id.as_deref().ok_or(InvalidEvent::Missing("id"))?,
            source: self
                .source
                .as_deref()
                .ok_or(InvalidEvent::Missing("source"))?,
            ty: self.ty.as_deref().ok_or(InvalidEvent::Missing("type"))?,
            datacontenttype: content_type,
            dataschema: self.dataschema.as_deref(),
            subject: self.subject.as_deref(),
            time: self.time.as_deref(),
            extensions: extensions
                .map(|(name, value)| (&**name, AttributeRef::String(value)))
                .collect(),
            data: match body {
                [] => Data::NONE,
                bytes => Data::new(DataKind::Binary, bytes),
            },
        };
        Ok(parts.encode()?)
    }
}

/// Encodes a value for a header.
#[must_use]
pub fn percent_encode(value: &str) -> Cow<'_, str> {
    let plain = |byte: u8| matches!(byte, 0x21..=0x7E) && byte != b'"' && byte != b'%';
    if value.bytes().all(plain) {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len() + 16);
    for byte in value.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to memory cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Cow::Owned(out)
}

/// Decodes the value of a header, once.
fn decode_value(value: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    let unquoted = match value {
        [b'"', inner @ .., b'"'] => unquote(inner)?,
        plain => Cow::Borrowed(plain),
    };
    let decoded = if unquoted.contains(&b'%') {
        Cow::Owned(percent_decode(&unquoted)?)
    } else {
        unquoted
    };
    match decoded {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).ok(),
        Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).ok(),
    }
    .ok_or("is not UTF-8 once percent-decoded")
}

fn percent_decode(value: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || char::from(*bytes.next()?).to_digit(16);
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err("has a % without two hexadecimal digits, encode it as %25");
        };
        out.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    Ok(out)
}

/// What stands between the quotes of a quoted string (RFC 7230, section 3.2.6).
fn unquote(inner: &[u8]) -> Result<Cow<'_, [u8]>, &'static str> {
    if !inner.contains(&b'\\') && !inner.contains(&b'"') {
        return Ok(Cow::Borrowed(inner));
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'"' => return Err("has a quote inside quotes"),
            b'\\' => out.push(*bytes.next().ok_or("ends with a backslash")?),
            other => out.push(other),
        }
    }
    Ok(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: [(&str, &[u8]); 4] = [
        ("ce-specversion", b"1.0"),
        ("ce-id", b"i"),
        ("ce-source", b"/s"),
        ("ce-type", b"t"),
    ];

    fn with<'h>(extra: &[(&'h str, &'h [u8])]) -> Result<Event, DecodeError> {
        decode(None, BASE.into_iter().chain(extra.iter().copied()), b"")
    }

    fn subject(value: &[u8]) -> Result<String, DecodeError> {
        Ok(with(&[("ce-subject", value)])?
            .subject()
            .unwrap()
            .to_owned())
    }

    #[test]
    fn names_are_read_in_any_case_and_other_headers_passed_over() {
        let event = with(&[
            ("CE-Subject", b"x"),
            ("cE-MyExt", b"10"),
            ("host", b"h"),
            ("cex", b"\xFF"),
            ("c\u{e9}", b""),
        ])
        .unwrap();
        assert_eq!(event.subject(), Some("x"));
        assert_eq!(event.attribute("myext"), Some(AttributeRef::String("10")));
        assert_eq!(event.extensions().count(), 1);
    }

    #[test]
    fn values_are_decoded_exactly_once() {
        for (header, value) in [
            (&b"Euro%20%E2%82%AC%20%F0%9F%98%80"[..], "Euro € 😀"),
            (b"%41%2542%e2%82%ac", "A%42€"),
            ("Euro € raw".as_bytes(), "Euro € raw"),
            (b"\"quoted \\\"x\\\" %20\"", "quoted \"x\"  "),
            (b"\"open", "\"open"),
            (b"a+b", "a+b"),
            (b"\\", "\\"),
        ] {
            assert_eq!(subject(header).unwrap(), value);
        }
    }

    #[test]
    fn values_that_are_no_text_are_refused() {
        for bad in [
            &b"%ED%A0%80%ED%B0%80"[..],
            b"incomplete %E2",
            b"bad first byte %82",
            b"overlong %C0%A0",
            b"%F4%90%80%80",
            b"\xFF",
            b"100%",
            b"%2",
            b"%G0",
            b"%+1",
            b"\"a\"b\"",
            b"\"a\\\"",
        ] {
            assert!(
                matches!(subject(bad), Err(DecodeError::Header { .. })),
                "{bad:?}"
            );
        }
        // Well encoded, but no character an attribute may have.
        assert!(matches!(subject(b"a%00b"), Err(DecodeError::Invalid(_))));
    }

    #[test]
    fn attributes_are_required_and_single() {
        for (index, (name, _)) in BASE.iter().enumerate() {
            let mut headers = BASE.to_vec();
            headers.remove(index);
            let missing = decode(None, headers.iter().copied(), b"").unwrap_err();
            assert!(missing.to_string().contains(&name[3..]), "{missing}");
            headers.push((*name, b""));
            assert!(decode(None, headers, b"").is_err(), "empty {name}");
        }
        for name in ["ce-id", "CE-ID", "ce-specversion"] {
            let twice = with(&[(name, b"1.0")]);
            assert!(matches!(
                twice,
                Err(DecodeError::Invalid(InvalidEvent::Duplicate(_)))
            ));
        }
        let twice = with(&[("ce-a", b"1"), ("Ce-A", b"1")]);
        assert_eq!(twice, Err(InvalidEvent::Duplicate("a".into()).into()));
        assert!(with(&[("ce-datacontenttype", b"text/plain")]).is_err());
        assert!(with(&[("ce-data", b"x")]).is_err());
        assert!(with(&[("ce-my_ext", b"x")]).is_err());
        assert!(with(&[("ce-", b"x")]).is_err());
        assert!(with(&[("ce-time", b"noon")]).is_err());
        assert_eq!(
            decode(None, [("ce-specversion", &b"0.3"[..])], b""),
            Err(InvalidEvent::SpecVersion("0.3".into()).into())
        );
    }

    #[test]
    fn the_body_is_the_data() {
        let event = decode(Some("text/plain"), BASE, b"\x00hi").unwrap();
        assert_eq!(event.data(), Data::new(DataKind::Binary, b"\x00hi"));
        assert_eq!(event.datacontenttype(), Some("text/plain"));
        assert_eq!(with(&[]).unwrap().data(), Data::NONE);
        assert!(decode(Some(""), BASE, b"x").is_err());
    }

    #[test]
    fn an_event_becomes_a_message() {
        let event = Event::builder()
            .id("a b")
            .source("/s")
            .ty("t\"%")
            .subject("€~!")
            .extension("n", -7)
            .extension("yes", true)
            .extension("blob", vec![255])
            .data(DataKind::Json, "{}")
            .build()
            .unwrap();
        let message = encode(&event);
        let headers: Vec<_> = message
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        assert_eq!(
            headers,
            [
                "ce-specversion: 1.0",
                "ce-id: a%20b",
                "ce-source: /s",
                "ce-type: t%22%25",
                "ce-subject: %E2%82%AC~!",
                "ce-blob: /w==",
                "ce-n: -7",
                "ce-yes: true",
            ]
        );
        assert_eq!(message.content_type.as_deref(), Some("application/json"));
        assert_eq!(message.body, "{}");
    }

    #[test]
    fn too_many_or_too_long_names_are_refused() {
        let names: Vec<_> = (0..=MAX_EXTENSIONS).map(|i| format!("ce-e{i}")).collect();
        let headers = names.iter().map(|name| (name.as_str(), &b"1"[..]));
        assert!(matches!(
            decode(None, BASE.into_iter().chain(headers), b""),
            Err(DecodeError::Invalid(InvalidEvent::TooManyExtensions(_)))
        ));
        let long = format!("ce-{}", "a".repeat(1000));
        assert!(with(&[(&long, b"1")]).is_err());
    }
}
