//! G3: nothing is invented or altered.

use std::collections::{HashMap, HashSet};

use super::Violation;
use crate::history::{History, Outcome, Send};

/// Finds events that were read or delivered, but that nobody sent, that were sent later, that were
/// refused, or that were sent with other contents. Each event and fault is told once.
#[must_use]
pub fn no_phantom(history: &History) -> Vec<Violation> {
    let mut sent: HashMap<&str, Vec<(u64, &Send)>> = HashMap::new();
    for (operation, send) in history.sends() {
        let sends = sent.entry(send.id.as_str()).or_default();
        sends.push((operation.t0, send));
    }
    let mut told = HashSet::new();
    let mut violations = Vec::new();
    let mut look = |id: &str, hash: &str, seen: u64, place: String| {
        let sends = sent.get(id).map(Vec::as_slice).unwrap_or_default();
        let possible = sends.iter().filter(|(_, s)| s.outcome != Outcome::Fail);
        let same: Vec<_> = possible.clone().filter(|(_, s)| s.hash == hash).collect();
        let fault = if sends.is_empty() {
            "that nobody sent"
        } else if possible.count() == 0 {
            "although it was refused"
        } else if same.is_empty() {
            "with contents that nobody sent"
        } else if same.iter().all(|(t0, _)| *t0 > seen) {
            "before it was sent"
        } else {
            return;
        };
        if told.insert((id.to_owned(), fault)) {
            violations.push(Violation {
                oracle: "no-phantom",
                fact: format!("{place} {id} {fault}"),
            });
        }
    };
    for (operation, poll) in history.all_polls() {
        for message in &poll.msgs {
            let place = format!("{}/{} has", poll.log, message.off);
            look(&message.id, &message.hash, operation.t1, place);
        }
    }
    for (operation, deliver) in history.deliveries() {
        let place = format!("subscription {} delivered", deliver.sub);
        look(&deliver.id, &deliver.hash, operation.t1, place);
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::planted;

    #[test]
    fn a_healthy_history_passes() {
        assert_eq!(no_phantom(&planted::healthy()), []);
    }

    #[test]
    fn an_event_that_nobody_sent_is_found() {
        let history = planted::with(r#"[[2,"a1","ha1"]]"#, r#"[[2,"a1","ha1"],[3,"z","hz"]]"#);
        planted::only(&no_phantom(&history), &["A/3 has z", "nobody sent"]);
    }

    #[test]
    fn a_delivery_that_nobody_sent_is_found() {
        let line = r#"{"t0":30,"t1":30,"p":"all","f":"deliver","sub":"all","log":"A","id":"z","hash":"z","attempt":1,"answer":"2xx"}"#;
        planted::only(
            &no_phantom(&planted::and(line)),
            &["all delivered z", "nobody"],
        );
    }

    #[test]
    fn a_refused_event_that_is_stored_is_found() {
        let history = planted::with(r#"[[2,"a1","ha1"]]"#, r#"[[2,"a1","ha1"],[3,"f0","hf0"]]"#);
        planted::only(&no_phantom(&history), &["f0", "refused"]);
    }

    #[test]
    fn an_altered_event_is_found() {
        let history = planted::with(
            r#""id":"b0","hash":"hb0","attempt":2"#,
            r#""id":"b0","hash":"other","attempt":2"#,
        );
        planted::only(&no_phantom(&history), &["b0", "contents"]);
    }

    #[test]
    fn an_event_seen_before_it_was_sent_is_found() {
        let history = planted::with(r#"{"t0":1,"t1":6"#, r#"{"t0":90,"t1":96"#);
        planted::only(&no_phantom(&history), &["b0", "before it was sent"]);
    }
}
