//! G4: ordered delivery keeps its order, through failures and crashes.

use std::{collections::BTreeMap, fmt};

use super::Violation;
use crate::history::{Answer, DEAD_LETTERS, History};

type Key = Box<dyn Fn(&str) -> String>;

/// By which keys, told from the ids of events, subscriptions are ordered.
#[derive(Default)]
pub struct Orders {
    subscriptions: BTreeMap<String, Key>,
}

impl Orders {
    /// Adds a subscription; events with the same key are in order within an eventlog.
    #[must_use]
    pub fn subscription(
        mut self,
        sub: impl Into<String>,
        key: impl Fn(&str) -> String + 'static,
    ) -> Self {
        self.subscriptions.insert(sub.into(), Box::new(key));
        self
    }
}

impl fmt::Debug for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.subscriptions.keys()).finish()
    }
}

/// One event of a key.
#[derive(Debug, Clone, Copy)]
struct Event<'h> {
    id: &'h str,
    /// When the sink had taken it, or refused it for good.
    ended: u64,
}

/// Finds deliveries of events whose earlier events of the same key and eventlog were neither taken
/// nor refused for good. An event may come again as often as it likes. All events of ordered
/// subscriptions must pass their filters.
#[must_use]
pub fn key_order(history: &History, orders: &Orders) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (sub, key) in &orders.subscriptions {
        check(history, sub, key, &mut violations);
    }
    violations
}

fn check(history: &History, sub: &str, key: &Key, violations: &mut Vec<Violation>) {
    let mut ended: BTreeMap<&str, u64> = BTreeMap::new();
    let ours = || {
        history
            .deliveries()
            .filter(|(_, deliver)| deliver.sub == sub)
    };
    for (operation, deliver) in ours() {
        if matches!(deliver.answer, Answer::Taken | Answer::Fatal) {
            let first = ended.entry(&deliver.id).or_insert(operation.t1);
            *first = operation.t1.min(*first);
        }
    }
    let mut lines: BTreeMap<(&str, String), Vec<Event<'_>>> = BTreeMap::new();
    let mut places = BTreeMap::new();
    for (log, reading) in history.last_readings() {
        if log.starts_with(DEAD_LETTERS) {
            continue;
        }
        for message in &reading.messages {
            let id = message.id.as_str();
            let line = lines.entry((log, key(id))).or_default();
            places.insert(id, ((log, key(id)), line.len()));
            let ended = ended.get(id).copied().unwrap_or(u64::MAX);
            line.push(Event { id, ended });
        }
    }
    // The event before each place that ended last.
    let latest: BTreeMap<_, Vec<Option<Event<'_>>>> = lines
        .iter()
        .map(|(name, line)| {
            let mut last: Option<Event<'_>> = None;
            let before = line.iter().map(|event| {
                let earlier = last;
                last = Some(last.filter(|l| l.ended >= event.ended).unwrap_or(*event));
                earlier
            });
            (name, before.collect())
        })
        .collect();
    for (operation, deliver) in ours() {
        let Some((name, place)) = places.get(deliver.id.as_str()) else {
            continue;
        };
        let earlier = latest
            .get(name)
            .and_then(|line| line.get(*place))
            .copied()
            .flatten();
        if let Some(earlier) = earlier.filter(|earlier| earlier.ended > operation.t0) {
            let (id, before) = (&deliver.id, earlier.id);
            violations.push(Violation {
                oracle: "key-order",
                fact: format!("{sub}: {id} was delivered before {before} had ended"),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::History;

    /// Two events of key `a`, of which the first is tried twice, and one of key `b` between them.
    const HEALTHY: &str = r#"
{"t0":1,"t1":2,"p":"s","f":"deliver","sub":"s","log":"L","id":"a-0","hash":"h","attempt":1,"answer":"retryable"}
{"t0":3,"t1":4,"p":"s","f":"deliver","sub":"s","log":"L","id":"b-1","hash":"h","attempt":1,"answer":"2xx"}
{"t0":5,"t1":6,"p":"s","f":"deliver","sub":"s","log":"L","id":"a-0","hash":"h","attempt":2,"answer":"2xx"}
{"t0":7,"t1":8,"p":"s","f":"deliver","sub":"s","log":"L","id":"a-2","hash":"h","attempt":1,"answer":"2xx"}
{"t0":9,"t1":10,"p":"s","f":"deliver","sub":"s","log":"L","id":"a-0","hash":"h","attempt":1,"answer":"2xx"}
{"t0":20,"t1":21,"p":"d","f":"poll","type":"ok","log":"L","at":0,"msgs":[[0,"a-0","h"],[1,"b-1","h"],[2,"a-2","h"]]}
{"t0":22,"t1":22,"p":"d","f":"drained","log":"L"}
"#;

    fn check(lines: &str) -> Vec<Violation> {
        let history = History::read(lines.as_bytes()).unwrap();
        let orders = Orders::default().subscription("s", |id| id.chars().take(1).collect());
        key_order(&history, &orders)
    }

    #[test]
    fn another_key_and_a_repetition_may_come_at_any_time() {
        assert_eq!(check(HEALTHY), []);
    }

    #[test]
    fn an_event_that_overtakes_one_of_its_key_is_found() {
        let early = HEALTHY.replace(r#"{"t0":7,"t1":8"#, r#"{"t0":2,"t1":3"#);
        let found = check(&early);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].fact, "s: a-2 was delivered before a-0 had ended");
    }

    #[test]
    fn an_event_after_one_that_never_ended_is_found() {
        let never = HEALTHY.replace(
            r#""attempt":2,"answer":"2xx""#,
            r#""attempt":2,"answer":"retryable""#,
        );
        let never = never
            .replace(r#"{"t0":9,"t1":10"#, r#"{"t0":11,"t1":12"#)
            .replace(
                r#""id":"a-0","hash":"h","attempt":1,"answer":"2xx""#,
                r#""id":"a-0","hash":"h","attempt":1,"answer":"none""#,
            );
        assert_eq!(check(&never).len(), 1);
    }
}
