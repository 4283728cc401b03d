//! G4 and G5: every event that passes a subscription's filters is delivered or dead-lettered.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
};

use super::Violation;
use crate::history::{Answer, DEAD_LETTERS, History};

type Filter = Box<dyn Fn(&str) -> bool>;

/// Which events, told by their ids, the filters of each subscription let pass.
#[derive(Default)]
pub struct Passes {
    subscriptions: BTreeMap<String, Filter>,
    dropping: BTreeSet<String>,
}

impl Passes {
    /// Adds a subscription.
    #[must_use]
    pub fn subscription(
        mut self,
        sub: impl Into<String>,
        passes: impl Fn(&str) -> bool + 'static,
    ) -> Self {
        self.subscriptions.insert(sub.into(), Box::new(passes));
        self
    }
}

impl Passes {
    /// Says that a subscription leaves no dead letters: what its sink refuses for good has ended.
    #[must_use]
    pub fn dropping(mut self, sub: impl Into<String>) -> Self {
        self.dropping.insert(sub.into());
        self
    }
}

impl fmt::Debug for Passes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.subscriptions.keys()).finish()
    }
}

/// Finds, per subscription: stored events that pass and that the sink neither took nor are among
/// the dead letters; deliveries and dead letters of events that do not pass; dead letters that the
/// sink never declined; and deliveries of subscriptions that are not listed.
#[must_use]
pub fn conservation(history: &History, passes: &Passes) -> Vec<Violation> {
    let mut offered: BTreeMap<&str, Offered<'_>> = BTreeMap::new();
    for (_, deliver) in history.deliveries() {
        let offered = offered.entry(&deliver.sub).or_default();
        if deliver.answer == Answer::Fatal && passes.dropping.contains(&deliver.sub) {
            offered.dropped.insert(&deliver.id);
        }
        let ids = match deliver.answer {
            Answer::Taken => &mut offered.taken,
            _ => &mut offered.declined,
        };
        ids.insert(&deliver.id);
    }
    let readings = history.last_readings();
    let mut stored = HashSet::new();
    for (log, reading) in &readings {
        if let Some(sub) = log.strip_prefix(DEAD_LETTERS) {
            let dead = reading.messages.iter().map(|m| m.id.as_str());
            offered.entry(sub).or_default().dead.extend(dead);
        } else {
            stored.extend(reading.messages.iter().map(|m| m.id.as_str()));
        }
    }
    let mut facts = Vec::new();
    for (sub, passes) in &passes.subscriptions {
        let offered = offered.remove(sub.as_str()).unwrap_or_default();
        offered.check(sub, passes, &stored, &mut facts);
    }
    for sub in offered.keys() {
        facts.push(format!("nobody said what passes subscription {sub}"));
    }
    facts.sort_unstable();
    let oracle = "conservation";
    let violations = facts.into_iter().map(|fact| Violation { oracle, fact });
    violations.collect()
}

/// What became of the events of one subscription.
#[derive(Default)]
struct Offered<'a> {
    taken: HashSet<&'a str>,
    declined: HashSet<&'a str>,
    dead: HashSet<&'a str>,
    /// Refused for good by the sink of a subscription without dead letters.
    dropped: HashSet<&'a str>,
}

impl Offered<'_> {
    fn check(
        &self,
        sub: &str,
        passes: &dyn Fn(&str) -> bool,
        stored: &HashSet<&str>,
        facts: &mut Vec<String>,
    ) {
        for id in stored.iter().filter(|id| passes(id)) {
            let ends = [&self.taken, &self.dead, &self.dropped];
            if !ends.iter().any(|ids| ids.contains(id)) {
                let offers = if self.declined.contains(id) {
                    "declined"
                } else {
                    "never offered"
                };
                facts.push(format!("{sub}: {id} was {offers} and is no dead letter"));
            }
        }
        let seen: HashSet<&str> = [&self.taken, &self.declined, &self.dead]
            .into_iter()
            .flatten()
            .copied()
            .collect();
        for id in seen.into_iter().filter(|id| !passes(id)) {
            facts.push(format!("{sub}: {id} does not pass, but was let through"));
        }
        for id in &self.dead {
            if !self.declined.contains(id) {
                facts.push(format!(
                    "{sub}: {id} is a dead letter, but was never declined"
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::planted;

    fn check(history: &History) -> Vec<Violation> {
        conservation(history, &planted::passes())
    }

    #[test]
    fn a_healthy_history_passes() {
        assert_eq!(check(&planted::healthy()), []);
    }

    #[test]
    fn an_event_that_was_never_offered_is_found() {
        let history = planted::without(r#""sub":"all","log":"A","id":"u0""#);
        planted::only(&check(&history), &["all: u0 was never offered"]);
    }

    #[test]
    fn an_event_that_was_declined_and_not_tried_again_is_found() {
        let history = planted::without(r#""id":"b0","hash":"hb0","attempt":2"#);
        planted::only(&check(&history), &["all: b0 was declined"]);
    }

    #[test]
    fn an_event_refused_for_good_that_is_no_dead_letter_is_found() {
        let history = planted::with(
            r#""log":"dead-letters/some","at":0,"msgs":[[0,"a1","ha1"]]"#,
            r#""log":"dead-letters/some","at":0,"msgs":[]"#,
        );
        planted::only(&check(&history), &["some: a1 was declined"]);
    }

    #[test]
    fn without_dead_letters_only_what_was_refused_for_good_may_be_missing() {
        let history = planted::with(
            r#""log":"dead-letters/some","at":0,"msgs":[[0,"a1","ha1"]]"#,
            r#""log":"dead-letters/some","at":0,"msgs":[]"#,
        );
        let passes = planted::passes().dropping("some");
        assert_eq!(conservation(&history, &passes), []);
        let history = planted::without(r#""id":"b0","hash":"hb0","attempt":2"#);
        let passes = planted::passes().dropping("all");
        planted::only(&conservation(&history, &passes), &["all: b0 was declined"]);
    }

    #[test]
    fn an_event_that_does_not_pass_and_is_delivered_is_found() {
        let line = r#"{"t0":30,"t1":30,"p":"some","f":"deliver","sub":"some","log":"B","id":"b0","hash":"hb0","attempt":1,"answer":"2xx"}"#;
        planted::only(&check(&planted::and(line)), &["some: b0 does not pass"]);
    }

    #[test]
    fn a_dead_letter_that_was_never_declined_is_found() {
        let history = planted::without(r#""id":"a1","hash":"ha1","attempt":1,"answer":"fatal""#);
        planted::only(&check(&history), &["some: a1 is a dead letter"]);
    }

    #[test]
    fn a_subscription_of_which_nothing_is_said_is_found() {
        let line = r#"{"t0":30,"t1":30,"p":"x","f":"deliver","sub":"x","log":"B","id":"b0","hash":"hb0","attempt":1,"answer":"2xx"}"#;
        planted::only(&check(&planted::and(line)), &["subscription x"]);
    }
}
