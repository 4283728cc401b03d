//! G1: what was acknowledged is there when everything is over.

use std::collections::HashMap;

use super::Violation;
use crate::history::{History, Outcome};

/// Finds acknowledged events that the last reading of their eventlog does not have at the offset
/// of the acknowledgement, and those in eventlogs that were never read to their end.
#[must_use]
pub fn acked_present(history: &History) -> Vec<Violation> {
    let readings = history.last_readings();
    let mut stored = HashMap::new();
    for (log, reading) in &readings {
        for message in &reading.messages {
            stored.insert((*log, message.off), message);
        }
    }
    let mut violations = Vec::new();
    let mut lost = |fact| {
        violations.push(Violation {
            oracle: "acked-present",
            fact,
        });
    };
    for (operation, send) in history.sends() {
        if send.outcome != Outcome::Ok {
            continue;
        }
        let (Some(log), Some(off)) = (send.log.as_deref(), send.off) else {
            lost(format!("{} was acknowledged without a place", send.id));
            continue;
        };
        let place = format!("{} at {log}/{off} by {}", send.id, operation.p);
        match stored.get(&(log, off)) {
            Some(message) if message.id == send.id && message.hash == send.hash => {}
            Some(message) if message.id == send.id => {
                lost(format!("acknowledged {place}, altered since"));
            }
            Some(message) => lost(format!("acknowledged {place}, but there is {}", message.id)),
            None if readings.contains_key(log) => lost(format!("acknowledged {place}, gone")),
            None => lost(format!(
                "acknowledged {place}, but that log was never drained"
            )),
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::planted;

    #[test]
    fn a_healthy_history_passes() {
        assert_eq!(acked_present(&planted::healthy()), []);
    }

    #[test]
    fn an_acknowledged_event_that_is_gone_is_found() {
        let history = planted::with(r#"[[2,"a1","ha1"]]"#, "[]");
        planted::only(&acked_present(&history), &["a1 at A/2", "gone"]);
    }

    #[test]
    fn an_event_read_before_a_crash_and_gone_after_it_is_found() {
        let history = planted::with(
            r#""p":"drain","f":"poll","type":"ok","log":"A","at":0,"msgs":[[0,"a0","ha0"],"#,
            r#""p":"drain","f":"poll","type":"ok","log":"A","at":0,"msgs":["#,
        );
        planted::only(&acked_present(&history), &["a0 at A/0", "gone"]);
    }

    #[test]
    fn an_acknowledged_event_whose_place_another_took_is_found() {
        let history = planted::with(r#"[[2,"a1","ha1"]]"#, r#"[[2,"u1","hu1"]]"#);
        planted::only(&acked_present(&history), &["a1 at A/2", "there is u1"]);
    }

    #[test]
    fn an_altered_event_is_found() {
        let history = planted::with(r#"[[2,"a1","ha1"]]"#, r#"[[2,"a1","other"]]"#);
        planted::only(&acked_present(&history), &["a1", "altered"]);
    }

    #[test]
    fn a_log_that_was_never_drained_proves_nothing() {
        let history = planted::without(r#""f":"drained","log":"B""#);
        planted::only(&acked_present(&history), &["b0", "never drained"]);
    }
}
