//! The time that timers go by.

use vanus_types::Clock;

/// Farthest the wall clock may be away for the difference to be drift, in microseconds: 1 s. What is
/// farther is a step.
const STEP_US: i64 = 1_000_000;

/// A drift is made up for by so much of the time that passes: 5 ms a second.
const SLEW_PART: i64 = 200;

/// How long a step must last before it is followed, in microseconds: 10 s.
const CONFIRM_US: i64 = 10_000_000;

/// Largest step that is followed, in microseconds: a day.
const FOLLOW_US: i64 = 24 * 60 * 60 * 1_000_000;

/// A step forward is followed at sixty times the speed of time: an hour takes a minute.
const FORWARD_TIMES: u32 = 59;

/// A step back is followed at half the speed of time: an hour takes two.
const BACK_PART: i64 = 2;

/// What both clocks of a node show at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSample {
    /// Wall time in milliseconds since the Unix epoch.
    pub wall_ms: i64,
    /// Nanoseconds since a fixed point of the process.
    pub monotonic_ns: u64,
}

impl ClockSample {
    /// What `clock` shows now.
    #[must_use]
    pub fn of(clock: &dyn Clock) -> Self {
        Self {
            wall_ms: clock.now_ms(),
            monotonic_ns: clock.monotonic_ns(),
        }
    }
}

/// How the cluster's time goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// With the wall clock, up to a second of drift that is being made up for.
    Steady,
    /// The wall clock was set, not long ago; time goes on as if it had not been.
    Unconfirmed,
    /// The wall clock was set; time goes faster or slower until it agrees.
    Following,
    /// The wall clock is more than a day away. Time goes on as if it had not been set, until
    /// somebody looks: set the clock right, or restart to begin from it.
    Ignoring,
}

/// A time in milliseconds since the Unix epoch that follows the wall clock, but never runs back and
/// never jumps.
///
/// It goes on by the monotonic clock. What the wall clock differs by is made up for at a bounded rate:
///
/// | the wall clock differs by | time that passes while a second does |
/// |---|---|
/// | 1 s at most: drift | 0.995 to 1.005 s |
/// | more: a step, less than 10 s ago | 1 s |
/// | a step of up to a day, forward | up to 60 s |
/// | a step of up to a day, back | 0.5 s at least |
/// | more than a day | 1 s |
///
/// So a wall clock that jumps ten years ahead fires nothing, one that jumps ten years back holds nothing up,
/// and one that is set right again within 10 s leaves no trace. A machine that was suspended catches
/// up within minutes. When a process starts nothing tells a wrong clock from a long absence: time begins with
/// the wall clock, though not before what is known to have been.
///
/// It stays up to a millisecond behind the wall clock, which shows whole ones: what is due by this
/// time is due by the wall clock too.
#[derive(Debug, Clone)]
pub struct ClusterClock {
    /// The time, in microseconds since the Unix epoch.
    now_us: i64,
    /// When that was.
    monotonic_us: i64,
    /// How far ahead the wall clock was.
    offset_us: i64,
    /// Time that passed and has not been used to make up for drift: samples may be close.
    unused_us: i64,
    step: Option<Step>,
    steps: u64,
}

/// A step of the wall clock.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// How far the wall clock was ahead of the monotonic one when the step was seen.
    wall_us: i64,
    /// When it was seen, by the monotonic clock.
    seen_us: i64,
}

impl ClusterClock {
    /// A clock that begins with the wall clock, or with `not_before_ms` if that is later: the latest
    /// time known to have been.
    #[must_use]
    pub fn start(sample: ClockSample, not_before_ms: i64) -> Self {
        let mut clock = Self {
            now_us: us_of_ms(sample.wall_ms.max(not_before_ms)),
            monotonic_us: us_of_ns(sample.monotonic_ns),
            offset_us: 0,
            unused_us: 0,
            step: None,
            steps: 0,
        };
        clock.observe(sample);
        clock
    }

    /// Moves on to the moment of `sample`; answers the time.
    pub fn observe(&mut self, sample: ClockSample) -> i64 {
        let (wall_us, monotonic_us) = (us_of_ms(sample.wall_ms), us_of_ns(sample.monotonic_ns));
        let elapsed = monotonic_us.saturating_sub(self.monotonic_us).max(0);
        self.monotonic_us = self.monotonic_us.max(monotonic_us);
        self.now_us = self.now_us.saturating_add(elapsed);
        self.note_step(wall_us);
        let offset = wall_us.saturating_sub(self.now_us);
        let unused = elapsed.saturating_add(self.unused_us);
        self.unused_us = unused % SLEW_PART;
        let (least, most) = match self.state_of(offset) {
            ClockState::Steady => (-(unused / SLEW_PART), unused / SLEW_PART),
            ClockState::Following => (
                -(elapsed / BACK_PART),
                elapsed.saturating_mul(i64::from(FORWARD_TIMES)),
            ),
            ClockState::Unconfirmed | ClockState::Ignoring => (0, 0),
        };
        let correction = offset.clamp(least, most);
        self.now_us = self.now_us.saturating_add(correction);
        self.offset_us = offset.saturating_sub(correction);
        self.now_ms()
    }

    /// The time of the last sample, in milliseconds since the Unix epoch.
    #[must_use]
    pub const fn now_ms(&self) -> i64 {
        self.now_us.div_euclid(1_000)
    }

    /// How far the wall clock was ahead at the last sample, in milliseconds; negative if behind.
    #[must_use]
    pub const fn offset_ms(&self) -> i64 {
        self.offset_us / 1_000
    }

    /// How often the wall clock was seen to be set.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// How the time goes on since the last sample.
    #[must_use]
    pub fn state(&self) -> ClockState {
        self.state_of(self.offset_us)
    }

    /// How many times as fast as the monotonic clock the time may go during the next ten seconds.
    #[must_use]
    pub fn fastest(&self) -> u32 {
        match self.state() {
            ClockState::Steady | ClockState::Ignoring => 1,
            ClockState::Unconfirmed | ClockState::Following => FORWARD_TIMES + 1,
        }
    }

    /// Keeps book of when the wall clock was set; one that is set again starts anew.
    fn note_step(&mut self, wall_us: i64) {
        if wall_us.saturating_sub(self.now_us).saturating_abs() <= STEP_US {
            self.step = None;
            return;
        }
        let ahead = wall_us.saturating_sub(self.monotonic_us);
        let is_same = |step: Step| ahead.saturating_sub(step.wall_us).saturating_abs() <= STEP_US;
        if !self.step.is_some_and(is_same) {
            self.steps += 1;
            self.step = Some(Step {
                wall_us: ahead,
                seen_us: self.monotonic_us,
            });
        }
    }

    fn state_of(&self, offset_us: i64) -> ClockState {
        match self.step {
            None => ClockState::Steady,
            Some(_) if offset_us.saturating_abs() > FOLLOW_US => ClockState::Ignoring,
            Some(step) if self.monotonic_us - step.seen_us < CONFIRM_US => ClockState::Unconfirmed,
            Some(_) => ClockState::Following,
        }
    }
}

const fn us_of_ms(ms: i64) -> i64 {
    ms.saturating_mul(1_000)
}

fn us_of_ns(ns: u64) -> i64 {
    i64::try_from(ns / 1_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START_MS: i64 = 1_800_000_000_000;
    const HOUR_MS: i64 = 3_600_000;
    const YEAR_MS: i64 = 365 * 24 * HOUR_MS;

    /// A node's clocks, and the clock under test beside them.
    struct Node {
        clock: ClusterClock,
        /// Wall time, in microseconds.
        wall_us: i64,
        monotonic_us: i64,
    }

    impl Node {
        fn new() -> Self {
            let sample = ClockSample {
                wall_ms: START_MS,
                monotonic_ns: 0,
            };
            Self {
                clock: ClusterClock::start(sample, i64::MIN),
                wall_us: START_MS * 1_000,
                monotonic_us: 0,
            }
        }

        /// Lets time pass, on a wall clock that drifts; answers what passed by the clock under
        /// test, which is checked against what the table allows.
        fn pass(&mut self, us: i64, drift_ppm: i64) -> i64 {
            self.wall_us += us + us * drift_ppm / 1_000_000;
            self.monotonic_us += us;
            let before = self.clock.now_us;
            self.clock.observe(ClockSample {
                wall_ms: self.wall_us.div_euclid(1_000),
                monotonic_ns: self.monotonic_us as u64 * 1_000,
            });
            let passed = self.clock.now_us - before;
            assert!((us - us / 2..=us * 60).contains(&passed), "{us}: {passed}");
            passed
        }

        /// Seconds in steps of 100 ms.
        fn run(&mut self, seconds: i64) {
            for _ in 0..seconds * 10 {
                self.pass(100_000, 0);
            }
        }

        fn step(&mut self, ms: i64) {
            self.wall_us += ms * 1_000;
        }

        fn off_ms(&self) -> i64 {
            self.clock.now_us / 1_000 - self.wall_us / 1_000
        }
    }

    #[test]
    fn it_begins_with_the_wall_clock_but_not_before_what_has_been() {
        let sample = ClockSample {
            wall_ms: START_MS,
            monotonic_ns: 77,
        };
        assert_eq!(ClusterClock::start(sample, 5).now_ms(), START_MS);
        let mut later = ClusterClock::start(sample, START_MS + 500);
        assert_eq!(later.now_ms(), START_MS + 500);
        assert_eq!(later.state(), ClockState::Steady);
        assert_eq!(later.observe(sample), START_MS + 500);
    }

    #[test]
    fn drift_is_made_up_for_without_haste() {
        let mut node = Node::new();
        node.step(600);
        for _ in 0..100 {
            let passed = node.pass(1_000_000, 200);
            assert!((995_000..=1_005_000).contains(&passed), "{passed}");
        }
        assert_eq!(node.clock.state(), ClockState::Steady);
        for _ in 0..100 {
            node.pass(1_000_000, 200);
        }
        assert!((-2..=0).contains(&node.off_ms()), "{}", node.off_ms());
        assert_eq!(node.clock.steps(), 0);
    }

    #[test]
    fn drift_is_made_up_for_however_often_somebody_looks() {
        let mut node = Node::new();
        node.step(50);
        for _ in 0..11_000 * 100 {
            node.pass(10, 0);
        }
        assert!((-2..=0).contains(&node.off_ms()), "{}", node.off_ms());
    }

    #[test]
    fn a_step_that_is_taken_back_at_once_leaves_no_trace() {
        for step in [1_500, HOUR_MS, 10 * YEAR_MS] {
            for direction in [1, -1] {
                let mut node = Node::new();
                node.step(direction * step);
                node.run(9);
                assert_ne!(node.clock.state(), ClockState::Steady);
                node.step(-direction * step);
                node.run(1);
                assert_eq!(node.clock.state(), ClockState::Steady);
                assert!(node.off_ms().abs() <= 1);
                assert_eq!(node.clock.steps(), 1);
            }
        }
    }

    #[test]
    fn an_hour_forward_takes_a_minute_and_an_hour_back_two() {
        let mut node = Node::new();
        node.step(HOUR_MS);
        node.run(10);
        assert!(node.off_ms() <= 1_000 - HOUR_MS);
        node.run(65);
        assert!(node.off_ms().abs() <= 1_000);
        assert_eq!(node.clock.state(), ClockState::Steady);

        node.step(-HOUR_MS);
        node.run(3_600);
        assert_eq!(node.clock.state(), ClockState::Following);
        node.run(3_700);
        assert_eq!(node.clock.state(), ClockState::Steady);
    }

    #[test]
    fn years_are_not_followed() {
        for years in [-10, -1, 1, 10] {
            let mut node = Node::new();
            node.step(years * YEAR_MS);
            node.run(1_000);
            assert_eq!(node.clock.state(), ClockState::Ignoring);
            assert_eq!(node.clock.now_ms(), START_MS + 1_000_000);
            assert_eq!(node.clock.offset_ms(), years * YEAR_MS);
        }
    }

    #[test]
    fn it_is_not_ahead_of_a_wall_clock_that_shows_whole_milliseconds() {
        let mut node = Node::new();
        for turn in 0..200_000 {
            node.pass(1 + turn * 7_919 % 1_700, 0);
            assert!(node.clock.now_ms() <= node.wall_us.div_euclid(1_000));
            assert!(node.off_ms() >= -2);
        }
    }

    #[test]
    fn clocks_at_the_ends_of_their_ranges_are_borne() {
        let mut clock = ClusterClock::start(
            ClockSample {
                wall_ms: i64::MAX,
                monotonic_ns: u64::MAX,
            },
            i64::MIN,
        );
        let end = clock.now_ms();
        for wall_ms in [i64::MIN, i64::MAX, 0] {
            for monotonic_ns in [0, u64::MAX] {
                assert!(
                    clock.observe(ClockSample {
                        wall_ms,
                        monotonic_ns
                    }) >= end
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_never_runs_back_and_never_jumps(
            story in prop::collection::vec(
                (
                    1_i64..5_000_000,
                    -500_i64..=500,
                    prop_oneof![
                        8 => Just(0_i64),
                        1 => -3_000_i64..3_000,
                        1 => -2 * 24 * HOUR_MS..2 * 24 * HOUR_MS,
                        1 => -10 * YEAR_MS..10 * YEAR_MS,
                    ],
                ),
                1..300,
            ),
        ) {
            let mut node = Node::new();
            for (us, drift_ppm, step_ms) in story {
                node.step(step_ms);
                // What is allowed is checked there.
                let passed = node.pass(us, drift_ppm);
                if node.clock.state() == ClockState::Ignoring {
                    prop_assert_eq!(passed, us);
                }
            }
            // Left alone, with a clock that is less than a day off, it agrees in the end.
            let off = node.off_ms();
            if off.abs() < 20 * HOUR_MS {
                let mut budget = 3 * 24 * 3_600;
                while node.off_ms().abs() > 2 && budget > 0 {
                    node.pass(1_000_000, 0);
                    budget -= 1;
                }
                prop_assert!(node.off_ms().abs() <= 2, "{} of {} are left", node.off_ms(), off);
            }
        }
    }
}
