//! Where the values of a JSON text are.
//!
//! One entry per value and per member name, in the order of the text:
//!
//! ```text
//! {"a": [1, true], "b": "x"}
//! object  name "a"  array  1  true  name "b"  string
//! ```
//! An entry knows its span in the text and the entry after everything inside it, so that what is
//! not wanted is stepped over.

use vanus_types::limits::MAX_EVENT_LEN;

use super::{
    JsonError, JsonKind, JsonNode, JsonPath, JsonValue, error::MAX_JSON_DEPTH, path::Step,
    reader::Reader, value::names_match,
};

/// Entries that an index keeps room for when it is used again; a larger text gives its memory
/// back.
const KEPT_ENTRIES: usize = 16 * 1024;

/// Work of stepping over one member, besides the bytes of its name, in units of the budget: about
/// as many nanoseconds.
const MEMBER_WORK: usize = 8;
/// Work of stepping over one item.
const ITEM_WORK: usize = 4;

/// Where the values of one JSON text are. Its memory is used again for the next text.
#[derive(Debug, Default)]
pub struct JsonIndex {
    entries: Vec<Entry>,
}

/// A value or a member name: its span, and the entry after all that is inside it.
#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: JsonKind,
    start: u32,
    end: u32,
    after: u32,
}

impl JsonIndex {
    /// An index of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the whole of `text`, in time and memory proportional to its length.
    ///
    /// # Errors
    ///
    /// [`JsonError`] says where `text` stops being JSON; nothing is found in the index then.
    pub fn read(&mut self, text: &str) -> Result<(), JsonError> {
        self.entries.clear();
        self.entries.shrink_to(KEPT_ENTRIES);
        if text.len() > MAX_EVENT_LEN {
            return Err(JsonError::TooLong { length: text.len() });
        }
        let mut build = Build {
            reader: Reader::new(text),
            entries: &mut self.entries,
            open: [0; _],
            depth: 0,
        };
        let read = build.document();
        if read.is_err() {
            self.entries.clear();
        }
        read
    }

    /// The value at `path` in the text that was read last, which must be given again. Of members
    /// with the same name the last one counts.
    #[must_use]
    pub fn find<'t>(&self, text: &'t str, path: &JsonPath) -> Option<JsonValue<'t>> {
        self.find_counting(text, path, &mut 0)
    }

    /// The same, which adds the work it took, found or not, to `work`: that of stepping over each
    /// entry it passed, and the bytes of names it looked at.
    pub(crate) fn find_counting<'t>(
        &self,
        text: &'t str,
        path: &JsonPath,
        work: &mut usize,
    ) -> Option<JsonValue<'t>> {
        let mut at = 0;
        for step in path.steps() {
            at = match step {
                Step::Member(name) => self.member(text, at, name, work)?,
                Step::Item(number) => self.item(at, *number, work)?,
            };
        }
        self.value_at(text, at)
    }

    /// The whole of the text that was read last, which must be given again; nothing after a failed
    /// read.
    #[must_use]
    pub fn root<'t>(&'t self, text: &'t str) -> Option<JsonNode<'t>> {
        (!self.entries.is_empty()).then(|| JsonNode::new(self, text, 0))
    }

    /// What the entry is, and its value.
    pub(super) fn value_at<'t>(&self, text: &'t str, at: usize) -> Option<JsonValue<'t>> {
        let entry = self.entries.get(at)?;
        let written = text.get(entry.start as usize..entry.end as usize)?;
        Some(JsonValue::new(entry.kind, written))
    }

    /// The entry after everything inside the one at `at`.
    pub(super) fn after(&self, at: usize) -> usize {
        self.entries
            .get(at)
            .map_or(self.entries.len(), |entry| entry.after as usize)
    }

    /// The value of the member `name` of the object at entry `at`. The work is added to `work`.
    pub(super) fn member(
        &self,
        text: &str,
        at: usize,
        name: &str,
        work: &mut usize,
    ) -> Option<usize> {
        let object = self
            .entries
            .get(at)
            .filter(|entry| entry.kind == JsonKind::Object)?;
        let (mut at, mut found) = (at + 1, None);
        while at < object.after as usize {
            let key = self.entries.get(at)?;
            let written = text.get(key.start as usize..key.end as usize)?;
            *work += MEMBER_WORK;
            if names_match(written, name, work) {
                found = Some(at + 1);
            }
            at = self.entries.get(at + 1)?.after as usize;
        }
        found
    }

    /// Item `number` of the array at entry `at`. The work is added to `work`.
    pub(super) fn item(&self, at: usize, number: u32, work: &mut usize) -> Option<usize> {
        let array = self
            .entries
            .get(at)
            .filter(|entry| entry.kind == JsonKind::Array)?;
        let mut at = at + 1;
        for _ in 0..number {
            *work += ITEM_WORK;
            at = self
                .entries
                .get(at)
                .filter(|_| at < array.after as usize)?
                .after as usize;
        }
        (at < array.after as usize).then_some(at)
    }
}

/// An index being built.
struct Build<'t, 'e> {
    reader: Reader<'t>,
    entries: &'e mut Vec<Entry>,
    /// The entries of the arrays and objects that are open, `depth` of them.
    open: [u32; MAX_JSON_DEPTH],
    depth: usize,
}

impl Build<'_, '_> {
    fn document(&mut self) -> Result<(), JsonError> {
        self.value()?;
        while self.depth > 0 {
            self.go_on()?;
        }
        match self.reader.next_token() {
            None => Ok(()),
            Some(_) => Err(self.reader.error("the end")),
        }
    }

    /// Reads a scalar, an empty container, or the beginning of a container with its first value.
    fn value(&mut self) -> Result<(), JsonError> {
        let first = self.reader.next_token();
        let start = self.reader.at();
        let kind = match first {
            Some(b'{') => return self.begin(JsonKind::Object),
            Some(b'[') => return self.begin(JsonKind::Array),
            Some(b'"') => self.reader.string().map(|()| JsonKind::String)?,
            Some(b'-' | b'0'..=b'9') => self.reader.number().map(|()| JsonKind::Number)?,
            Some(b't') => self.reader.word("true").map(|()| JsonKind::Boolean)?,
            Some(b'f') => self.reader.word("false").map(|()| JsonKind::Boolean)?,
            Some(b'n') => self.reader.word("null").map(|()| JsonKind::Null)?,
            _ => return Err(self.reader.error("a value")),
        };
        self.push(kind, start);
        Ok(())
    }

    /// Opens a container; what follows is read by [`go_on`](Self::go_on).
    fn begin(&mut self, kind: JsonKind) -> Result<(), JsonError> {
        let at = self.reader.at();
        let entry = self.position();
        let slot = self
            .open
            .get_mut(self.depth)
            .ok_or(JsonError::TooDeep { at })?;
        *slot = entry;
        self.depth += 1;
        self.reader.pass();
        self.push(kind, at);
        Ok(())
    }

    /// Reads the next value of the innermost open container, or its end.
    fn go_on(&mut self) -> Result<(), JsonError> {
        let open = self
            .depth
            .checked_sub(1)
            .and_then(|last| self.open.get(last))
            .copied();
        let (Some(open), now) = (open, self.position()) else {
            return Ok(());
        };
        let Some(entry) = self.entries.get_mut(open as usize) else {
            return Ok(());
        };
        let first = open + 1 == now;
        let (close, name) = match entry.kind {
            JsonKind::Object => (b'}', "a comma or }"),
            _ => (b']', "a comma or ]"),
        };
        if self.reader.next_token() == Some(close) {
            self.reader.pass();
            entry.after = now;
            entry.end = narrow(self.reader.at());
            self.depth -= 1;
            return Ok(());
        }
        let is_object = entry.kind == JsonKind::Object;
        if !first {
            self.reader.expect(b',', name)?;
        }
        if is_object {
            self.reader.next_token();
            let start = self.reader.at();
            self.reader.string()?;
            self.push(JsonKind::String, start);
            self.reader.expect(b':', "a colon")?;
        }
        self.value()
    }

    fn push(&mut self, kind: JsonKind, start: usize) {
        let after = self.position() + 1;
        let end = narrow(self.reader.at());
        self.entries.push(Entry {
            kind,
            start: narrow(start),
            end,
            after,
        });
    }

    /// The number of the entry that comes next.
    fn position(&self) -> u32 {
        narrow(self.entries.len())
    }
}

/// Positions and entries fit, as the text is no longer than an event.
fn narrow(position: usize) -> u32 {
    const _: () = assert!(MAX_EVENT_LEN < u32::MAX as usize);
    u32::try_from(position).unwrap_or(u32::MAX)
}
