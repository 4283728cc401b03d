//! Which key an event has, for a subscription that delivers by key. Pure.

use vanus_expr::{EventView, FilterError, Selector};
use vanus_types::{
    Event,
    control::{DeliveryOrder, SubscriptionConfig},
};

use super::line::Order;

/// The order of a subscription, and how the keys of its events are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    order: Order,
    selector: Option<Selector>,
}

impl Keys {
    /// Reads how `config` wants events to be ordered or limited.
    ///
    /// # Errors
    /// [`FilterError`] when a key has no name that can be read.
    pub(crate) fn new(config: &SubscriptionConfig) -> Result<Self, FilterError> {
        let (order, key) = match (&config.ordering, &config.key_limit) {
            (DeliveryOrder::Strict, _) => (Order::OneByOne { keyed: false }, None),
            (DeliveryOrder::Key(key), _) => (Order::OneByOne { keyed: true }, Some(key)),
            (DeliveryOrder::None, Some(limit)) => {
                (Order::AtMost(limit.in_flight), Some(&limit.key))
            }
            (DeliveryOrder::None, None) => (Order::Free, None),
        };
        let selector = key.map(|key| Selector::parse(key)).transpose()?;
        Ok(Self { order, selector })
    }

    /// What holds an event back.
    pub(crate) const fn order(&self) -> Order {
        self.order
    }

    /// The key that all events have, which may be none; nothing if it is found in each.
    pub(crate) const fn of_all(&self) -> Option<Option<u64>> {
        match (&self.selector, self.order) {
            (Some(_), _) => None,
            (None, Order::OneByOne { .. }) => Some(Some(0)),
            (None, _) => Some(None),
        }
    }

    /// The hash of the key of an event; events whose keys have the same hash count as of one key.
    pub(crate) fn of(&self, event: &Event) -> Option<u64> {
        match &self.selector {
            Some(selector) => {
                let view = EventView::new(event);
                selector.text(&view).map(|text| hash(&text))
            }
            None => self.of_all().flatten(),
        }
    }
}

/// FNV-1a with 64 bits and a last mixing: the same in every process, so that what is derived from
/// it stays over restarts.
pub(crate) fn hash(text: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
    let hash = text.iter().fold(0xCBF2_9CE4_8422_2325, step);
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    use vanus_types::control::KeyLimit;

    use super::*;

    fn keys(ordering: DeliveryOrder, key_limit: Option<KeyLimit>) -> Result<Keys, FilterError> {
        Keys::new(&SubscriptionConfig {
            ordering,
            key_limit,
            ..SubscriptionConfig::default()
        })
    }

    #[test]
    fn events_have_the_key_that_the_order_asks_for() {
        let event = |subject: &str| {
            let event = Event::builder()
                .id("1")
                .source("/s")
                .ty("t")
                .subject(subject);
            event.json(r#"{"user": 7}"#).build().unwrap()
        };
        let (ada, bob) = (event("ada"), event("bob"));
        let strict = keys(DeliveryOrder::Strict, None).unwrap();
        assert_eq!(strict.of(&ada), strict.of(&bob));
        let subject = keys(DeliveryOrder::Key("subject".into()), None).unwrap();
        assert_eq!(subject.of(&ada), subject.of(&event("ada")));
        assert_ne!(subject.of(&ada), subject.of(&bob));
        let user = keys(DeliveryOrder::Key("data.user".into()), None).unwrap();
        assert_eq!(user.of(&ada), user.of(&bob));
        let missing = keys(DeliveryOrder::Key("partitionkey".into()), None).unwrap();
        assert_eq!(missing.of(&ada), None);
        assert_eq!(keys(DeliveryOrder::None, None).unwrap().of(&ada), None);
        let limit = KeyLimit {
            key: "subject".into(),
            in_flight: 3,
        };
        let limited = keys(DeliveryOrder::None, Some(limit)).unwrap();
        assert_eq!(limited.order(), Order::AtMost(3));
        assert!(keys(DeliveryOrder::Key("No Name".into()), None).is_err());
    }
}
