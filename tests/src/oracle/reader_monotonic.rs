//! A reader never sees time run backwards: what anybody has read stays readable.

use std::collections::HashMap;

use super::Violation;
use crate::history::{History, Outcome};

/// Finds readings that come back empty, or start later than asked for, although a reading or an
/// acknowledgement that was over before they began had seen an event there or beyond.
#[must_use]
pub fn reader_monotonic(history: &History) -> Vec<Violation> {
    // What was known about the end of a log, and since when; times and ends both only grow.
    let mut known: HashMap<&str, Vec<(u64, u64)>> = HashMap::new();
    let mut learn = |log, time, end| {
        let steps = known.entry(log).or_default();
        steps.push((time, end));
    };
    for (operation, send) in history.sends() {
        if let (Outcome::Ok, Some(log), Some(off)) = (send.outcome, send.log.as_deref(), send.off) {
            learn(log, operation.t1, off + 1);
        }
    }
    for (operation, poll) in history.polls() {
        if let Some(last) = poll.msgs.last() {
            learn(&poll.log, operation.t1, last.off + 1);
        }
    }
    for steps in known.values_mut() {
        steps.sort_unstable();
        let mut best = 0;
        for (_, end) in steps {
            best = best.max(*end);
            *end = best;
        }
    }
    let mut violations = Vec::new();
    for (operation, poll) in history.polls() {
        let steps = known.get(poll.log.as_str()).map(Vec::as_slice);
        let steps = steps.unwrap_or_default();
        let before = steps.partition_point(|(time, _)| *time < operation.t0);
        let end = before.checked_sub(1).and_then(|last| steps.get(last));
        let end = end.map_or(0, |(_, end)| *end);
        if poll.at < end && poll.msgs.first().is_none_or(|m| m.off != poll.at) {
            violations.push(Violation {
                oracle: "reader-monotonic",
                fact: format!(
                    "{} did not find {}/{}, although events up to {} had been seen",
                    operation.p,
                    poll.log,
                    poll.at,
                    end - 1
                ),
            });
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
        assert_eq!(reader_monotonic(&planted::healthy()), []);
    }

    #[test]
    fn an_event_that_was_read_and_then_vanished_is_found() {
        let history = planted::with(r#"[[2,"a1","ha1"]]"#, "[]");
        let violations = reader_monotonic(&history);
        planted::only(&violations, &["drain did not find A/2"]);
    }

    #[test]
    fn a_read_that_does_not_see_an_earlier_acknowledgement_is_found() {
        let history = planted::with(
            r#""p":"drain","f":"poll","type":"ok","log":"B","at":0,"msgs":[[0,"b0","hb0"]]"#,
            r#""p":"drain","f":"poll","type":"ok","log":"B","at":0,"msgs":[]"#,
        );
        let violations = reader_monotonic(&history);
        planted::only(&violations, &["B/0"]);
    }

    #[test]
    fn readings_at_the_same_time_need_not_agree() {
        let line =
            r#"{"t0":5,"t1":40,"p":"slow","f":"poll","type":"ok","log":"A","at":0,"msgs":[]}"#;
        let history = planted::and(line);
        assert_eq!(reader_monotonic(&history), []);
    }
}
