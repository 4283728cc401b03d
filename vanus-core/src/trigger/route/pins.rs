//! Which key is pinned to which route. Pure.

use std::collections::{BTreeMap, HashMap};

use vanus_types::limits::MAX_PINS;

/// Changed pins: keys with their routes, or nothing for those that are forgotten.
pub(crate) type PinChanges = BTreeMap<u64, Option<String>>;

/// Pins, with what is not stored of them.
#[derive(Debug, Default)]
pub(super) struct Pins {
    pins: HashMap<u64, Pin>,
    /// The keys, those first that were not seen for longest.
    by_age: BTreeMap<u64, u64>,
    age: u64,
    unsaved: PinChanges,
    /// The keys that were looked up or pinned since somebody asked, and whose pins are not stored.
    unstored: Vec<u64>,
}

#[derive(Debug)]
struct Pin {
    route: String,
    age: u64,
    /// It survives a crash.
    stored: bool,
}

impl Pins {
    /// Takes over what is stored.
    pub(super) fn restore(&mut self, stored: impl IntoIterator<Item = (u64, String)>) {
        for (key, route) in stored {
            self.put(key, route, true);
        }
    }

    /// The route of a key, which was seen just now.
    pub(super) fn get(&mut self, key: u64) -> Option<&str> {
        let pin = self.pins.get_mut(&key)?;
        self.by_age.remove(&pin.age);
        self.age += 1;
        pin.age = self.age;
        self.by_age.insert(self.age, key);
        if !pin.stored {
            self.unstored.push(key);
        }
        Some(&pin.route)
    }

    /// Pins a key to a route.
    pub(super) fn pin(&mut self, key: u64, route: &str) {
        self.put(key, route.to_owned(), false);
        self.unstored.push(key);
        self.unsaved.insert(key, Some(route.to_owned()));
        while self.pins.len() > MAX_PINS {
            let Some((_, oldest)) = self.by_age.pop_first() else {
                break;
            };
            self.pins.remove(&oldest);
            self.unsaved.insert(oldest, None);
        }
    }

    fn put(&mut self, key: u64, route: String, stored: bool) {
        self.age += 1;
        let age = self.age;
        let pin = Pin { route, age, stored };
        if let Some(old) = self.pins.insert(key, pin) {
            self.by_age.remove(&old.age);
        }
        self.by_age.insert(age, key);
    }

    /// Takes at most `most` changes, to be stored.
    pub(super) fn take_unsaved(&mut self, most: usize) -> PinChanges {
        let rest = match self.unsaved.keys().nth(most).copied() {
            Some(first_left) => self.unsaved.split_off(&first_left),
            None => PinChanges::new(),
        };
        std::mem::replace(&mut self.unsaved, rest)
    }

    /// Takes back what could not be stored, but for what has changed since.
    pub(super) fn put_back(&mut self, changes: PinChanges) {
        for (key, change) in changes {
            self.unsaved.entry(key).or_insert(change);
        }
    }

    /// Takes the keys that were looked up or pinned since the last time, and whose pins are not stored.
    pub(super) fn take_unstored(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.unstored)
    }

    /// Whether the pin of a key is stored, or there is none any more.
    pub(super) fn is_stored(&self, key: u64) -> bool {
        self.pins.get(&key).is_none_or(|pin| pin.stored)
    }

    /// Changes were stored.
    pub(super) fn saved(&mut self, changes: &PinChanges) {
        for (key, route) in changes {
            if let Some(pin) = self.pins.get_mut(key)
                && route.as_ref() == Some(&pin.route)
            {
                pin.stored = true;
            }
        }
    }

    /// Whether something is to be stored.
    pub(super) fn has_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_stored_when_it_was_saved_as_it_is() {
        let mut pins = Pins::default();
        pins.restore([(1, "a".to_owned())]);
        assert_eq!(pins.get(1), Some("a"));
        assert!(pins.take_unstored().is_empty());
        pins.pin(2, "a");
        assert_eq!(pins.take_unstored(), [2]);
        assert!(pins.take_unstored().is_empty());
        let first = pins.take_unsaved(usize::MAX);
        assert_eq!(pins.get(2), Some("a"));
        assert_eq!(pins.take_unstored(), [2], "it is on its way");
        pins.pin(2, "b");
        pins.saved(&first);
        assert!(!pins.is_stored(2), "it is another one by now");
        let second = pins.take_unsaved(usize::MAX);
        pins.saved(&second);
        assert!(pins.is_stored(2) && pins.is_stored(3));
    }

    #[test]
    fn past_the_limit_the_key_that_was_not_seen_for_longest_is_forgotten() {
        let mut pins = Pins::default();
        for key in 0..MAX_PINS as u64 {
            pins.pin(key, "a");
        }
        assert_eq!(pins.get(0), Some("a"));
        pins.pin(u64::MAX, "b");
        assert_eq!(pins.get(0), Some("a"));
        assert_eq!(pins.get(1), None);
        let unsaved = pins.take_unsaved(usize::MAX);
        assert_eq!(
            (unsaved.len(), unsaved.get(&1)),
            (MAX_PINS + 1, Some(&None))
        );
        assert!(!pins.has_unsaved());
        pins.pin(7, "c");
        pins.put_back([(7, Some("a".into())), (8, Some("a".into()))].into());
        let unsaved = pins.take_unsaved(1);
        assert_eq!(unsaved, [(7, Some("c".into()))].into());
        assert!(pins.has_unsaved());
    }
}
