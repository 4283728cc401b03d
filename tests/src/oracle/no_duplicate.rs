//! G11: what was sent once is stored once, however often the connection broke.

use std::collections::HashMap;

use super::Violation;
use crate::history::{DEAD_LETTERS, History, Outcome};

/// Finds events that the last readings have more often than they were sent. A publisher that
/// repeats a send on its own account records each attempt.
#[must_use]
pub fn no_duplicate(history: &History) -> Vec<Violation> {
    let mut sent: HashMap<&str, usize> = HashMap::new();
    for (_, send) in history.sends() {
        if send.outcome != Outcome::Fail {
            *sent.entry(&send.id).or_default() += 1;
        }
    }
    let mut places: HashMap<&str, Vec<String>> = HashMap::new();
    for (log, reading) in history.last_readings() {
        if log.starts_with(DEAD_LETTERS) {
            continue;
        }
        for message in reading.messages {
            let place = format!("{log}/{}", message.off);
            places.entry(&message.id).or_default().push(place);
        }
    }
    let mut violations: Vec<Violation> = places
        .into_iter()
        .filter_map(|(id, places)| {
            // What was never sent is a phantom, not a duplicate.
            let sends = sent.get(id).copied()?;
            (places.len() > sends).then(|| Violation {
                oracle: "no-duplicate",
                fact: format!(
                    "{id} was sent {sends} times, but is at {}",
                    places.join(" and ")
                ),
            })
        })
        .collect();
    violations.sort_by(|a, b| a.fact.cmp(&b.fact));
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::planted;

    #[test]
    fn a_healthy_history_passes() {
        assert_eq!(no_duplicate(&planted::healthy()), []);
    }

    #[test]
    fn an_event_stored_twice_is_found() {
        let history = planted::with(r#"[[2,"a1","ha1"]]"#, r#"[[2,"a1","ha1"],[3,"u0","hu0"]]"#);
        planted::only(&no_duplicate(&history), &["u0", "A/1 and A/3"]);
    }

    #[test]
    fn an_event_stored_in_two_logs_is_found() {
        let history = planted::with(r#"[[2,"a1","ha1"]]"#, r#"[[2,"a1","ha1"],[3,"b0","hb0"]]"#);
        planted::only(&no_duplicate(&history), &["b0", "A/3 and B/0"]);
    }
}
