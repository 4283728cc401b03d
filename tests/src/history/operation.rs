//! One completed operation of a history, and its line of JSON.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The eventlog name under which the dead letters of a subscription are recorded.
pub const DEAD_LETTERS: &str = "dead-letters/";

/// One completed operation: who did what, from when to when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// When it was begun, in nanoseconds since an arbitrary moment that all processes share.
    pub t0: u64,
    /// When it was over, on the same clock.
    pub t1: u64,
    /// The process that did it. A process does one operation after the other, except that a
    /// publisher may have several sends under way.
    #[serde(deserialize_with = "text")]
    pub p: String,
    /// What was done.
    #[serde(flatten)]
    pub act: Act,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "lowercase")]
pub enum Act {
    /// An event was published.
    Send(Send),
    /// An eventlog was read.
    Poll(Poll),
    /// A sink was offered an event.
    Deliver(Deliver),
    /// An eventlog was read to its end, by the polls of the same process before this line, and
    /// nothing is published to it any more.
    Drained {
        /// The eventlog.
        #[serde(deserialize_with = "text")]
        log: String,
    },
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It happened.
    Ok,
    /// It did not happen, and never will.
    Fail,
    /// Nobody knows: a time-out or a dropped connection.
    Info,
}

/// An event was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Send {
    /// How it ended.
    #[serde(rename = "type")]
    pub outcome: Outcome,
    /// The eventlog of the answer; none without an answer.
    #[serde(default, deserialize_with = "maybe_text")]
    pub log: Option<String>,
    /// The id of the event; no two events of a history share one.
    #[serde(deserialize_with = "text")]
    pub id: String,
    /// A digest of the event's attributes and data, without what Vanus adds.
    #[serde(deserialize_with = "text")]
    pub hash: String,
    /// The offset of the answer; none without an answer.
    #[serde(default)]
    pub off: Option<u64>,
}

/// An eventlog was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// How it ended; only polls that were answered are recorded.
    #[serde(rename = "type")]
    pub outcome: Outcome,
    /// The eventlog, or [`DEAD_LETTERS`] and a subscription.
    #[serde(deserialize_with = "text")]
    pub log: String,
    /// The offset asked for.
    pub at: u64,
    /// What came.
    pub msgs: Vec<Message>,
}

/// One event that was read, in JSON `[offset, id, hash]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its offset.
    pub off: u64,
    /// Its id.
    pub id: String,
    /// Its digest.
    pub hash: String,
}

/// A sink was offered an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliver {
    /// The subscription.
    #[serde(deserialize_with = "text")]
    pub sub: String,
    /// The eventlog the event was read from, where the sink knows it.
    #[serde(default, deserialize_with = "maybe_text")]
    pub log: Option<String>,
    /// The id of the event.
    #[serde(deserialize_with = "text")]
    pub id: String,
    /// Its digest.
    #[serde(deserialize_with = "text")]
    pub hash: String,
    /// Which attempt this is, as the delivery says; the first is 1.
    pub attempt: u32,
    /// What the sink answered.
    pub answer: Answer,
}

/// What a sink answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It took the event.
    #[serde(rename = "2xx")]
    Taken,
    /// It asked to be tried again: 429 or a status of 500 and above.
    Retryable,
    /// It will never take the event: another status of 400 and above.
    Fatal,
    /// It did not answer in time.
    Timeout,
    /// It cut the connection.
    None,
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.off, &self.id, &self.hash).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (off, id, hash) = <(u64, Word, Word)>::deserialize(deserializer)?;
        Ok(Self {
            off,
            id: id.into_text(),
            hash: hash.into_text(),
        })
    }
}

/// A name: histories of other tools write some of them as numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Word {
    Text(String),
    Number(u64),
}

impl Word {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Word::deserialize(deserializer)
        .map(Word::into_text)
        .map_err(|_| D::Error::custom("expected a text or a number"))
}

fn maybe_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let word = Option::<Word>::deserialize(deserializer);
    word.map(|word| word.map(Word::into_text))
        .map_err(|_| D::Error::custom("expected a text, a number or null"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(line: &str) -> Operation {
        let operation: Operation = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&operation).unwrap(), line);
        operation
    }

    #[test]
    fn every_kind_of_line_is_read_and_written_as_it_stands() {
        round_trip(
            r#"{"t0":1,"t1":2,"p":"quic-1","f":"send","type":"ok","log":"0A","id":"e1","hash":"h1","off":7}"#,
        );
        round_trip(
            r#"{"t0":1,"t1":2,"p":"quic-1","f":"send","type":"info","log":null,"id":"e1","hash":"h1","off":null}"#,
        );
        round_trip(
            r#"{"t0":1,"t1":2,"p":"reader","f":"poll","type":"ok","log":"0A","at":3,"msgs":[[3,"e1","h1"],[4,"e2","h2"]]}"#,
        );
        round_trip(
            r#"{"t0":1,"t1":2,"p":"sink","f":"deliver","sub":"S","log":"0A","id":"e1","hash":"h1","attempt":2,"answer":"2xx"}"#,
        );
        round_trip(r#"{"t0":1,"t1":2,"p":"drain","f":"drained","log":"0A"}"#);
    }

    #[test]
    fn names_may_be_numbers_and_the_unknown_may_be_left_out() {
        let line = r#"{"t0":1,"t1":2,"p":3,"f":"send","type":"info","id":4,"hash":5}"#;
        let operation: Operation = serde_json::from_str(line).unwrap();
        assert_eq!(operation.p, "3");
        let Act::Send(send) = operation.act else {
            panic!("{:?}", operation.act)
        };
        assert_eq!((send.log, send.id.as_str(), send.off), (None, "4", None));
    }

    #[test]
    fn an_unknown_kind_is_refused() {
        let line = r#"{"t0":1,"t1":2,"p":"x","f":"guess","log":"0A"}"#;
        assert!(serde_json::from_str::<Operation>(line).is_err());
    }
}
