//! G2: an offset has one event, for everybody and for ever.

use std::collections::{HashMap, hash_map::Entry};

use super::Violation;
use crate::history::History;

/// Finds offsets at which acknowledgements and readings, of any process at any time, do not agree.
/// Each offset is told once.
#[must_use]
pub fn one_offset_one_event(history: &History) -> Vec<Violation> {
    let acknowledged = history.sends().filter_map(|(operation, send)| {
        let place = (send.log.as_deref()?, send.off?);
        Some((place, Claim::new(&send.id, &send.hash, &operation.p)))
    });
    let read = history.polls().flat_map(|(operation, poll)| {
        poll.msgs.iter().map(|message| {
            let place = (poll.log.as_str(), message.off);
            (place, Claim::new(&message.id, &message.hash, &operation.p))
        })
    });
    let mut agreed: HashMap<(&str, u64), Claim<'_>> = HashMap::new();
    let mut violations = Vec::new();
    for ((log, off), claim) in acknowledged.chain(read) {
        let first = match agreed.entry((log, off)) {
            Entry::Vacant(entry) => {
                entry.insert(claim);
                continue;
            }
            Entry::Occupied(entry) => entry.into_mut(),
        };
        if (first.id, first.hash) != (claim.id, claim.hash) && !first.told {
            first.told = true;
            violations.push(Violation {
                oracle: "one-offset-one-event",
                fact: format!(
                    "{log}/{off} is {} ({}) for {}, but {} ({}) for {}",
                    first.id, first.hash, first.by, claim.id, claim.hash, claim.by
                ),
            });
        }
    }
    violations
}

struct Claim<'a> {
    id: &'a str,
    hash: &'a str,
    by: &'a str,
    told: bool,
}

impl<'a> Claim<'a> {
    const fn new(id: &'a str, hash: &'a str, by: &'a str) -> Self {
        Self {
            id,
            hash,
            by,
            told: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::planted;

    #[test]
    fn a_healthy_history_passes() {
        assert_eq!(one_offset_one_event(&planted::healthy()), []);
    }

    #[test]
    fn an_offset_used_again_after_a_crash_is_found() {
        let history = planted::with(
            r#"{"t0":9,"t1":10,"p":"reader","f":"poll","type":"ok","log":"A","at":0,"msgs":[[0,"a0","ha0"],[1,"u0","hu0"]]}"#,
            r#"{"t0":9,"t1":10,"p":"reader","f":"poll","type":"ok","log":"A","at":0,"msgs":[[0,"a0","ha0"],[1,"u1","hu1"]]}"#,
        );
        let violations = one_offset_one_event(&history);
        planted::only(&violations, &["A/1", "u1 (hu1) for reader", "u0"]);
    }

    #[test]
    fn an_offset_acknowledged_twice_is_found() {
        let line = r#"{"t0":30,"t1":31,"p":"s2","f":"send","type":"ok","log":"B","id":"b9","hash":"h","off":0}"#;
        let violations = one_offset_one_event(&planted::and(line));
        planted::only(&violations, &["B/0", "b0", "b9"]);
    }

    #[test]
    fn contents_that_change_between_readings_are_found() {
        let history = planted::with(r#"[[2,"a1","ha1"]]"#, r#"[[2,"a1","bad"]]"#);
        planted::only(&one_offset_one_event(&history), &["A/2", "ha1", "bad"]);
    }
}
