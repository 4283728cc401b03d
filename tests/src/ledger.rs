//! Events that can be told from others, and what was acknowledged of them.

use std::io::BufRead;

use vanus_core::Event;

use crate::harness::{Random, Result};

/// The event of this id: its content follows from it, so that whoever reads it can tell whether
/// it is what was sent.
///
/// # Errors
/// When the id cannot be one of an event.
pub fn event(id: &str) -> Result<Event> {
    let mut random = Random::named(7, id);
    let len = match random.below(10) {
        0 => random.between(8_000, 40_000),
        _ => random.below(2_000),
    };
    let data: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
    Ok(Event::builder()
        .id(id)
        .source("/ledger")
        .ty("written")
        .binary(data)
        .build()?)
}

/// What was acknowledged.
#[derive(Debug, Default, Clone)]
pub struct Ledger {
    /// Eventbuses that were made.
    pub buses: Vec<String>,
    /// Eventlog, offset and id of events.
    pub events: Vec<(String, u64, String)>,
}

impl Ledger {
    /// Takes in what a publisher tells, line by line, until it ends. `more` is called with each
    /// line.
    ///
    /// # Errors
    /// When a line cannot be understood. A last line that was cut short does not count.
    pub fn read(mut from: impl BufRead, mut more: impl FnMut(&Self)) -> Result<Self> {
        let mut ledger = Self::default();
        let mut line = String::new();
        while from.read_line(&mut line)? > 0 {
            let Some(whole) = line.strip_suffix('\n') else {
                break;
            };
            let words: Vec<&str> = whole.split(' ').collect();
            match words.as_slice() {
                ["bus", name] => ledger.buses.push((*name).to_owned()),
                ["ack", log, offset, id] => {
                    let event = ((*log).to_owned(), offset.parse()?, (*id).to_owned());
                    ledger.events.push(event);
                }
                _ => return Err(format!("what is \"{whole}\"?").into()),
            }
            more(&ledger);
            line.clear();
        }
        Ok(ledger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_short_does_not_count_and_nonsense_is_an_error() {
        let told = "bus a\nack 0A 7 id-1\nack 0A 8 id";
        let mut lines = 0;
        let ledger = Ledger::read(told.as_bytes(), |_| lines += 1).unwrap();
        assert_eq!(ledger.buses, ["a"]);
        assert_eq!(ledger.events, [("0A".to_owned(), 7, "id-1".to_owned())]);
        assert_eq!(lines, 2);
        assert!(Ledger::read("what\n".as_bytes(), |_| {}).is_err());
    }

    #[test]
    fn an_event_follows_from_its_id() {
        assert_eq!(event("1.2").unwrap(), event("1.2").unwrap());
        assert_ne!(event("1.2").unwrap().data(), event("1.3").unwrap().data());
    }
}
