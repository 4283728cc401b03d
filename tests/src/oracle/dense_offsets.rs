//! G2: the offsets of an eventlog have no gaps.

use super::Violation;
use crate::history::{DEAD_LETTERS, History, Outcome};

/// Finds readings whose offsets do not follow one on the other, a last reading that does not begin
/// with offset 0, and acknowledged offsets beyond the end of the last reading. Histories are made
/// without retention.
#[must_use]
pub fn dense_offsets(history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut gap = |fact| {
        violations.push(Violation {
            oracle: "dense-offsets",
            fact,
        });
    };
    for (operation, poll) in history.polls() {
        for (expected, message) in (poll.at..).zip(&poll.msgs) {
            if message.off != expected {
                let (p, log, off) = (&operation.p, &poll.log, message.off);
                gap(format!("{p} read {log}/{off} where {expected} comes next"));
                break;
            }
        }
    }
    let readings = history.last_readings();
    for (log, reading) in &readings {
        if log.starts_with(DEAD_LETTERS) {
            continue;
        }
        for (expected, message) in (0..).zip(&reading.messages) {
            if message.off != expected {
                let off = message.off;
                gap(format!(
                    "{log} has offset {off} where {expected} comes next"
                ));
                break;
            }
        }
    }
    for (_, send) in history.sends() {
        let (Outcome::Ok, Some(log), Some(off)) = (send.outcome, send.log.as_deref(), send.off)
        else {
            continue;
        };
        let end = readings.get(log).map(|r| r.messages.len() as u64);
        if let Some(end) = end.filter(|end| *end <= off) {
            gap(format!(
                "{log}/{off} was given to {}, but {log} ends at {end}",
                send.id
            ));
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
        assert_eq!(dense_offsets(&planted::healthy()), []);
    }

    #[test]
    fn a_gap_within_one_reading_is_found() {
        let history = planted::with(r#"[[2,"a1","ha1"]]"#, r#"[[2,"a1","ha1"],[4,"u1","hu1"]]"#);
        let violations = dense_offsets(&history);
        assert_eq!(violations.len(), 2, "{violations:?}");
        assert!(violations[0].fact.contains("A/4 where 3"));
    }

    #[test]
    fn a_gap_between_two_readings_is_found() {
        let history = planted::with(
            r#""at":2,"msgs":[[2,"a1","ha1"]]"#,
            r#""at":3,"msgs":[[3,"a1","ha1"]]"#,
        );
        let violations = dense_offsets(&history);
        planted::only(&violations, &["A has offset 3 where 2"]);
    }

    #[test]
    fn a_log_that_does_not_begin_at_zero_is_found() {
        let history = planted::with(
            r#""log":"B","at":0,"msgs":[[0,"b0","hb0"]]"#,
            r#""log":"B","at":1,"msgs":[[1,"b0","hb0"]]"#,
        );
        let violations = dense_offsets(&history);
        planted::only(&violations, &["B has offset 1 where 0"]);
    }

    #[test]
    fn an_acknowledged_offset_beyond_the_end_is_found() {
        let history = planted::with(
            r#""id":"b0","hash":"hb0","off":0"#,
            r#""id":"b0","hash":"hb0","off":5"#,
        );
        planted::only(&dense_offsets(&history), &["B/5", "ends at 1"]);
    }
}
