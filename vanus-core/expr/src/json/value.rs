//! A JSON value as it was written.

use std::borrow::Cow;

use super::reader::hex;

/// What a JSON value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A value in a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonValue<'t> {
    kind: JsonKind,
    written: &'t str,
}

impl<'t> JsonValue<'t> {
    pub(super) fn new(kind: JsonKind, written: &'t str) -> Self {
        Self { kind, written }
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> JsonKind {
        self.kind
    }

    /// The value as it was written, quotes and all.
    #[must_use]
    pub fn written(&self) -> &'t str {
        self.written
    }

    /// The value as text for comparing: the characters of a string; a number or boolean as it was
    /// written; an array or object as it was written, without the white space between its
    /// tokens; `None` for null. Borrowed unless escapes or white space are in the way.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'t, str>> {
        Some(match self.kind {
            JsonKind::Null => return None,
            JsonKind::Boolean | JsonKind::Number => Cow::Borrowed(self.written),
            JsonKind::String => unescape(self.written),
            JsonKind::Array | JsonKind::Object => compact(self.written),
        })
    }
}

/// Whether a member name as it was written, with quotes, is `name`. The work is added to `work`:
/// plain bytes are looked at many at a time, those of a name with escapes one by one.
pub(super) fn names_match(written: &str, name: &str, work: &mut usize) -> bool {
    *work += written.len() / 16;
    if written.contains('\\') {
        *work += 2 * written.len();
        unescape(written) == name
    } else {
        unquote(written) == name
    }
}

fn unquote(written: &str) -> &str {
    let inner = written
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(written)
}

/// The characters of a checked string.
pub(crate) fn unescape(written: &str) -> Cow<'_, str> {
    let mut rest = unquote(written);
    if !rest.contains('\\') {
        return Cow::Borrowed(rest);
    }
    let mut text = String::with_capacity(rest.len());
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = escape.chars();
        match chars.next() {
            Some('u') => {
                let (c, after) = code_point(chars.as_str());
                text.push(c);
                rest = after;
                continue;
            }
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some(same) => text.push(same),
            None => {}
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The character whose one or two checked code units begin after `\u`, and what follows them.
fn code_point(digits: &str) -> (char, &str) {
    let (unit, rest) = digits.split_at_checked(4).unwrap_or((digits, ""));
    let unit = hex(unit.as_bytes()).unwrap_or_default();
    let second = rest
        .strip_prefix("\\u")
        .and_then(|rest| rest.split_at_checked(4));
    if let (0xD800..=0xDBFF, Some((low, rest))) = (unit, second) {
        let low = hex(low.as_bytes()).unwrap_or_default();
        let code = 0x1_0000 + ((unit - 0xD800) << 10) + (low & 0x3FF);
        return (
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
            rest,
        );
    }
    (
        char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER),
        rest,
    )
}

/// A checked array or object without the white space between its tokens.
fn compact(written: &str) -> Cow<'_, str> {
    let mut in_string = false;
    let mut escaped = false;
    let mut keep = move |c: char| {
        let kept = in_string || !matches!(c, ' ' | '\n' | '\r' | '\t');
        if escaped {
            escaped = false;
        } else if in_string && c == '\\' {
            escaped = true;
        } else if c == '"' {
            in_string = !in_string;
        }
        kept
    };
    if written.chars().all(&mut keep.clone()) {
        return Cow::Borrowed(written);
    }
    Cow::Owned(written.chars().filter(|c| keep(*c)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: JsonKind, written: &str) -> String {
        JsonValue::new(kind, written).text().unwrap().into_owned()
    }

    #[test]
    fn escapes_become_the_characters_they_stand_for() {
        let written = r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀z""#;
        assert_eq!(
            text(JsonKind::String, written),
            "a\"\\/\u{8}\u{c}\n\r\té😀é😀z"
        );
        assert!(names_match(r#""\u0061b""#, "ab", &mut 0));
        assert!(!names_match(r#""\u0061b""#, r"\u0061b", &mut 0));
    }

    #[test]
    fn white_space_goes_but_not_from_strings() {
        let written = "{ \"a b\\\" \" :\n[ 1 ,\t\"x  y\" ] }";
        assert_eq!(
            text(JsonKind::Object, written),
            "{\"a b\\\" \":[1,\"x  y\"]}"
        );
        let tight = JsonValue::new(JsonKind::Array, "[1,\" \"]").text();
        assert!(matches!(tight, Some(Cow::Borrowed("[1,\" \"]"))));
    }

    #[test]
    fn numbers_stay_as_they_were_written_and_null_is_no_text() {
        assert_eq!(text(JsonKind::Number, "1.50e2"), "1.50e2");
        assert_eq!(JsonValue::new(JsonKind::Null, "null").text(), None);
    }
}
