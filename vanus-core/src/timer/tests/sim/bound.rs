//! The latest it can be by the time of the cluster. Pure.

/// What the documentation of the cluster's time allows at most, followed independently of its code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    /// The latest it can be, in microseconds since the Unix epoch.
    now_us: i64,
    at_us: i64,
    /// Since when the wall clock is more than a second away.
    away_since_us: Option<i64>,
    /// How far it was ahead of the time that passes when that began.
    ahead_us: i64,
    /// Time before a jump in which nobody may have looked at the clock: it is used like time after it.
    unlooked_us: i64,
}

const SECOND: i64 = 1_000_000;
/// A difference this close to a second may be taken for drift or for a step: clocks are looked at at different moments.
const SLACK: i64 = 5_000;
const DAY: i64 = 86_400 * SECOND;

impl Bound {
    /// A life begins: with the wall clock, or not before what was known.
    pub(super) fn begin(known: Option<Self>, at_us: i64, wall_us: i64) -> Self {
        Self {
            now_us: known.map_or(wall_us, |known| known.now_us.max(wall_us)),
            at_us,
            away_since_us: None,
            ahead_us: 0,
            unlooked_us: 0,
        }
    }

    /// The wall clock is being set. The clock is looked at once a second at least.
    pub(super) const fn jumps(&mut self) {
        self.unlooked_us = SECOND;
    }

    /// Goes on to a moment at which the wall clock shows this. To be called right before and after each jump.
    pub(super) fn go_on(&mut self, at_us: i64, wall_us: i64) {
        let passed = (at_us - self.at_us).max(0);
        self.at_us = at_us;
        self.now_us += passed;
        let away = wall_us - self.now_us;
        if away.abs() <= SECOND + SLACK {
            // Drift is made up for by 5 ms a second.
            let unlooked = std::mem::take(&mut self.unlooked_us);
            self.now_us += away.clamp(0, (passed + unlooked) / 200 + 1);
        }
        // What is followed is followed to its end, as one look at the clock may be all it takes.
        let followed = self.away_since_us.is_some() && away > SLACK;
        if away.abs() < SECOND - SLACK && !followed {
            self.away_since_us = None;
            return;
        }
        let ahead = wall_us - at_us;
        if self.away_since_us.is_none() || (ahead - self.ahead_us).abs() > SECOND {
            self.away_since_us = Some(at_us);
            self.ahead_us = ahead;
        }
        let lasts = self.away_since_us.map_or(0, |since| at_us - since);
        if away > 0 && away <= DAY + 60 * passed && lasts >= 10 * SECOND {
            self.now_us += away.min(59 * passed);
        }
    }

    /// The latest it can be, in whole milliseconds.
    pub(super) const fn now_ms(&self) -> i64 {
        self.now_us.div_euclid(1_000)
    }
}
