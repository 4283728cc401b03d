//! What is measured: rows, their load, and the figures that come out.

use std::{
    io,
    time::{Duration, Instant},
};

use serde::Serialize;
use vanus_runtime::ticker::Ticker;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Row {
    /// Publish with many messages on their way; every one is acknowledged.
    Publish,
    /// Publish one message, wait for its acknowledgement, publish the next.
    One,
    /// Read everything that was published.
    Consume,
    /// Publish at a fixed rate while a consumer waits; time from before the send to the receipt.
    Latency,
}

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// How many messages.
    pub events: u64,
    /// Size of the payload of a message, in bytes; at least eight.
    pub payload: usize,
    /// Most messages on their way to be acknowledged.
    pub window: u64,
    /// Messages a second, where the rate is fixed.
    pub rate: u64,
}

/// What came out of one run of one row.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// What was measured.
    pub row: Row,
    /// How many messages.
    pub events: u64,
    /// Size of the payload of a message, in bytes.
    pub payload: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Messages a second.
    pub rate: f64,
    /// The time half of the messages took at most, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_us: Option<f64>,
    /// The time 99 of 100 messages took at most, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_us: Option<f64>,
}

impl Figures {
    pub(super) fn new(row: Row, load: Load, took: Duration, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let quantile = |share: f64| {
            let last = times.len().checked_sub(1)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "an index into a list in memory"
            )]
            let index = (share * last as f64).round() as usize;
            times.get(index).map(|time| time.as_secs_f64() * 1e6)
        };
        #[expect(clippy::cast_precision_loss, reason = "a count for people")]
        let rate = load.events as f64 / took.as_secs_f64();
        Self {
            row,
            events: load.events,
            payload: load.payload,
            seconds: took.as_secs_f64(),
            rate,
            p50_us: quantile(0.50),
            p99_us: quantile(0.99),
        }
    }
}

/// Payloads that say when they were made.
pub(super) struct Stamps {
    start: Instant,
    payload: Vec<u8>,
}

impl Stamps {
    pub(super) fn new(start: Instant, size: usize) -> Self {
        // Printable, so that no protocol has to escape it.
        let letters = (b'a'..=b'z').cycle().take(size.max(STAMP_LEN));
        Self {
            start,
            payload: letters.collect(),
        }
    }

    /// A payload made at this moment.
    pub(super) fn at(&mut self, moment: Instant) -> &[u8] {
        let text = format!("{:020}", moment.duration_since(self.start).as_nanos());
        for (to, from) in self.payload.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        &self.payload
    }

    /// A payload.
    pub(super) fn plain(&self) -> &[u8] {
        &self.payload
    }
}

const STAMP_LEN: usize = 20;

/// How long ago, seen from now, a payload was made.
pub(super) fn age(start: Instant, payload: &[u8]) -> Option<Duration> {
    let now = start.elapsed();
    let text = std::str::from_utf8(payload.get(..STAMP_LEN)?).ok()?;
    let made = Duration::from_nanos(text.parse().ok()?);
    Some(now.saturating_sub(made))
}

/// A publisher this far behind its schedule is held up; its messages count from the time they
/// were due, so that a stall does not hide itself.
const HELD_UP: Duration = Duration::from_millis(1);

/// The moments at which messages of a fixed rate are made.
#[derive(Debug)]
pub(super) struct Schedule {
    ticker: Ticker,
    start: Instant,
    load: Load,
    next: u64,
}

impl Schedule {
    /// Begins now. Must be called within a runtime.
    pub(super) fn new(load: Load) -> io::Result<Self> {
        let start = Instant::now();
        let period = Duration::from_nanos(1_000_000_000 / load.rate.max(1));
        let ticker = Ticker::every(period)?;
        Ok(Self {
            ticker,
            start,
            load,
            next: 0,
        })
    }

    /// Waits until a message is due.
    pub(super) async fn wait(&mut self) -> io::Result<()> {
        while Instant::now() < self.due() {
            self.ticker.tick().await?;
        }
        Ok(())
    }

    /// From when the next message counts, if it is due.
    pub(super) fn take(&mut self) -> Option<Instant> {
        let (due, now) = (self.due(), Instant::now());
        if self.is_over() || now < due {
            return None;
        }
        self.next += 1;
        Some(if now - due > HELD_UP { due } else { now })
    }

    /// Whether all messages were made.
    pub(super) const fn is_over(&self) -> bool {
        self.next >= self.load.events
    }

    fn due(&self) -> Instant {
        let after = self.next.saturating_mul(1_000_000_000) / self.load.rate.max(1);
        self.start + Duration::from_nanos(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_tells_the_age_of_its_payload() {
        let start = Instant::now();
        let mut stamps = Stamps::new(start, 64);
        let payload = stamps.at(start).to_vec();
        assert_eq!(payload.len(), 64);
        assert!(age(start, &payload).unwrap() <= start.elapsed());
        assert!(age(start, b"short").is_none());
    }

    #[test]
    fn quantiles_are_taken_from_the_sorted_times() {
        let load = Load {
            events: 100,
            payload: 1,
            window: 1,
            rate: 1,
        };
        let times = (1..=101).rev().map(Duration::from_micros).collect();
        let figures = Figures::new(Row::One, load, Duration::from_secs(2), times);
        assert_eq!(figures.rate, 50.0);
        assert_eq!(figures.p50_us.map(f64::round), Some(51.0));
        assert_eq!(figures.p99_us.map(f64::round), Some(100.0));
    }
}
