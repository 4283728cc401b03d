//! What the measurements share: an event, and how it is measured what something takes.

use vanus_types::{Clock as _, Event, SystemClock};

/// How often each is measured.
pub(crate) const ROUNDS: usize = 5;

/// An event with an order as its data.
pub(crate) fn order(json: &str) -> Event {
    let event = Event::builder()
        .id("0123456789")
        .source("/shop/lisbon")
        .ty("order.placed")
        .subject("Ada")
        .extension("hops", 3)
        .json(json);
    println!("data of {} bytes, median of {ROUNDS}", json.len());
    event.build().unwrap()
}

/// What one of `turns` takes in nanoseconds, where `round` makes all of them: the median.
pub(crate) fn each_ns(turns: u32, mut round: impl FnMut()) -> f64 {
    let clock = SystemClock::new();
    let mut rounds: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            let start = clock.monotonic_ns();
            round();
            clock.monotonic_ns() - start
        })
        .collect();
    rounds.sort_unstable();
    let median = rounds.get(ROUNDS / 2).copied().unwrap_or_default();
    median as f64 / f64::from(turns)
}
