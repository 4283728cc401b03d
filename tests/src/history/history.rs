//! A whole history, and the views of it that several oracles need.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
};

use super::{Act, DEAD_LETTERS, Deliver, Message, Operation, Poll, Send};

/// Every completed operation of a run.
#[derive(Debug, Clone, Default)]
pub struct History {
    operations: Vec<Operation>,
}

/// The last reading of an eventlog from its beginning to its end.
#[derive(Debug, Clone, Default)]
pub struct Reading<'a> {
    /// The first offset asked for.
    pub from: u64,
    /// What came, in the order in which it came.
    pub messages: Vec<&'a Message>,
}

impl History {
    /// A history of these operations, in any order.
    #[must_use]
    pub fn new(mut operations: Vec<Operation>) -> Self {
        operations.sort_by_key(|operation| operation.t1);
        Self { operations }
    }

    /// Reads lines of JSON; empty lines are passed over.
    ///
    /// # Errors
    /// What could not be read, or the number of the line that could not be understood.
    pub fn read(input: impl BufRead) -> io::Result<Self> {
        let mut operations = Vec::new();
        for (index, line) in input.lines().enumerate() {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            operations.push(serde_json::from_str(&line).map_err(|error| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("line {}: {error}", index + 1),
                )
            })?);
        }
        Ok(Self::new(operations))
    }

    /// Writes lines of JSON.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(&self, mut output: impl Write) -> io::Result<()> {
        for operation in &self.operations {
            serde_json::to_writer(&mut output, operation)?;
            output.write_all(b"\n")?;
        }
        output.flush()
    }

    /// The operations, in the order in which they were over.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// What was published, and how it ended.
    pub fn sends(&self) -> impl Iterator<Item = (&Operation, &Send)> {
        self.operations
            .iter()
            .filter_map(|operation| match &operation.act {
                Act::Send(send) => Some((operation, send)),
                _ => None,
            })
    }

    /// The readings of eventlogs, without those of dead letters.
    pub fn polls(&self) -> impl Iterator<Item = (&Operation, &Poll)> {
        self.all_polls()
            .filter(|(_, poll)| !poll.log.starts_with(DEAD_LETTERS))
    }

    /// The readings of eventlogs and of dead letters.
    pub fn all_polls(&self) -> impl Iterator<Item = (&Operation, &Poll)> {
        self.operations
            .iter()
            .filter_map(|operation| match &operation.act {
                Act::Poll(poll) => Some((operation, poll)),
                _ => None,
            })
    }

    /// What sinks were offered.
    pub fn deliveries(&self) -> impl Iterator<Item = (&Operation, &Deliver)> {
        self.operations
            .iter()
            .filter_map(|operation| match &operation.act {
                Act::Deliver(deliver) => Some((operation, deliver)),
                _ => None,
            })
    }

    /// The last reading of every eventlog that was drained, dead letters included.
    ///
    /// It is found by walking back from the line that says "drained" over the polls of the same
    /// process, as long as each begins before the next one. An event that was read before a crash
    /// and is gone after it is therefore not in the last reading.
    #[must_use]
    pub fn last_readings(&self) -> BTreeMap<&str, Reading<'_>> {
        let mut chains: BTreeMap<(&str, &str), Vec<&Poll>> = BTreeMap::new();
        let mut readings = BTreeMap::new();
        for operation in &self.operations {
            match &operation.act {
                Act::Poll(poll) => {
                    let chain = chains.entry((&operation.p, &poll.log)).or_default();
                    if chain.last().is_some_and(|last| poll.at < last.at) {
                        chain.clear();
                    }
                    chain.push(poll);
                }
                Act::Drained { log } => {
                    let chain = chains.get(&(operation.p.as_str(), log.as_str()));
                    let chain = chain.map(Vec::as_slice).unwrap_or_default();
                    let from = chain.first().map_or(0, |poll| poll.at);
                    let messages = chain.iter().flat_map(|poll| &poll.msgs).collect();
                    readings.insert(log.as_str(), Reading { from, messages });
                }
                Act::Send(_) | Act::Deliver(_) => {}
            }
        }
        readings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_cannot_be_understood_is_named() {
        let text = "{\"t0\":1,\"t1\":1,\"p\":\"x\",\"f\":\"drained\",\"log\":\"A\"}\n\nnonsense\n";
        let error = History::read(text.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with("line 3: "), "{error}");
    }

    #[test]
    fn the_last_reading_leaves_out_what_was_read_before_it_began_again() {
        let text = r#"
            {"t0":1,"t1":1,"p":"d","f":"poll","type":"ok","log":"A","at":0,"msgs":[[0,"a","h"],[1,"b","h"]]}
            {"t0":2,"t1":2,"p":"d","f":"poll","type":"ok","log":"A","at":2,"msgs":[]}
            {"t0":3,"t1":3,"p":"d","f":"poll","type":"ok","log":"A","at":0,"msgs":[[0,"a","h"]]}
            {"t0":4,"t1":4,"p":"other","f":"poll","type":"ok","log":"A","at":0,"msgs":[[0,"z","h"]]}
            {"t0":5,"t1":5,"p":"d","f":"poll","type":"ok","log":"A","at":1,"msgs":[]}
            {"t0":6,"t1":6,"p":"d","f":"drained","log":"A"}"#;
        let history = History::read(text.as_bytes()).unwrap();
        let readings = history.last_readings();
        let ids: Vec<_> = readings["A"]
            .messages
            .iter()
            .map(|m| m.id.as_str())
            .collect();
        assert_eq!(ids, ["a"]);
        assert_eq!(readings["A"].from, 0);
    }
}
