//! From JSON text to a value that borrows from it.

use std::borrow::Cow;

use vanus_types::limits::MAX_EVENT_LEN;

use super::value::{Number, Object, Value};
use crate::json::{JsonError, MAX_JSON_DEPTH, Reader, unescape};

/// Reads the whole of `text`, in time and memory proportional to its length.
///
/// # Errors
/// [`JsonError`] says where `text` stops being JSON.
pub(super) fn read(text: &str) -> Result<Value<'_>, JsonError> {
    if text.len() > MAX_EVENT_LEN {
        return Err(JsonError::TooLong { length: text.len() });
    }
    let mut reader = Read {
        text,
        reader: Reader::new(text),
    };
    let value = reader.value(0)?;
    match reader.reader.next_token() {
        None => Ok(value),
        Some(_) => Err(reader.reader.error("the end")),
    }
}

struct Read<'t> {
    text: &'t str,
    reader: Reader<'t>,
}

impl<'t> Read<'t> {
    /// Reads a value within `depth` arrays and objects.
    fn value(&mut self, depth: usize) -> Result<Value<'t>, JsonError> {
        let first = self.reader.next_token();
        let start = self.reader.at();
        Ok(match first {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => {
                self.reader.number()?;
                Value::Number(Number::Written(self.since(start).into()))
            }
            Some(b't') => self.reader.word("true").map(|()| Value::Boolean(true))?,
            Some(b'f') => self.reader.word("false").map(|()| Value::Boolean(false))?,
            Some(b'n') => self.reader.word("null").map(|()| Value::Null)?,
            _ => return Err(self.reader.error("a value")),
        })
    }

    fn object(&mut self, depth: usize) -> Result<Value<'t>, JsonError> {
        self.open(depth)?;
        let mut members = Vec::new();
        if self.closes(b'}') {
            return Ok(Value::Object(Object { members }));
        }
        loop {
            self.reader.next_token();
            let name = self.string()?;
            self.reader.expect(b':', "a colon")?;
            members.push((name, self.value(depth + 1)?));
            if self.closes(b'}') {
                return Ok(Value::Object(Object { members }));
            }
            self.reader.expect(b',', "a comma or }")?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'t>, JsonError> {
        self.open(depth)?;
        let mut items = Vec::new();
        if self.closes(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.closes(b']') {
                return Ok(Value::Array(items));
            }
            self.reader.expect(b',', "a comma or ]")?;
        }
    }

    /// Passes the bracket that opens an array or object.
    fn open(&mut self, depth: usize) -> Result<(), JsonError> {
        if depth >= MAX_JSON_DEPTH {
            let at = self.reader.at();
            return Err(JsonError::TooDeep { at });
        }
        self.reader.pass();
        Ok(())
    }

    /// Passes the bracket that closes an array or object, if it is there.
    fn closes(&mut self, bracket: u8) -> bool {
        let there = self.reader.next_token() == Some(bracket);
        if there {
            self.reader.pass();
        }
        there
    }

    fn string(&mut self) -> Result<Cow<'t, str>, JsonError> {
        let start = self.reader.at();
        self.reader.string()?;
        Ok(unescape(self.since(start)))
    }

    fn since(&self, start: usize) -> &'t str {
        let text: &'t str = self.text;
        text.get(start..self.reader.at()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{budget::Budget, transform::write};

    fn again(text: &str) -> String {
        let mut out = String::new();
        write::value(&read(text).unwrap(), &mut out, &Budget::new()).unwrap();
        out
    }

    #[test]
    fn what_is_read_is_written_as_it_was_without_white_space() {
        let text = r#" { "a" : [ 1.50, -0e1 , true,null ] , "b" : { } , "c\n\u00e9" : "\ud83d\ude00\"" } "#;
        assert_eq!(
            again(text),
            "{\"a\":[1.50,-0e1,true,null],\"b\":{},\"c\\né\":\"😀\\\"\"}"
        );
        assert_eq!(again("12345678901234567890123"), "12345678901234567890123");
    }

    #[test]
    fn depth_and_length_are_limited() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(127)).is_ok());
        assert_eq!(read(&nested(128)), Err(JsonError::TooDeep { at: 127 }));
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&" ".repeat(MAX_EVENT_LEN + 1)).is_err());
    }

    proptest! {
        #[test]
        fn it_takes_exactly_what_the_index_takes(text in r#"[\[\]{}:,"\\01u eE.+tn-]{0,12}"#) {
            let index = crate::json::JsonIndex::new().read(&text);
            prop_assert_eq!(read(&text).is_ok(), index.is_ok());
        }
    }
}
