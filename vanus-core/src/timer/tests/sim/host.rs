//! The eventbuses of the simulation. One of them is not there.

use vanus_types::{EventbusId, EventlogId, Name};

use crate::timer::{Goes, Target, TimerHost};

/// The shards of timers.
pub(super) const SHARDS: [EventlogId; 2] = [EventlogId::from_u64(1), EventlogId::from_u64(2)];
/// The eventlogs events go to.
const LOGS: [EventlogId; 3] = [
    EventlogId::from_u64(11),
    EventlogId::from_u64(12),
    EventlogId::from_u64(13),
];
const LETTERS: EventlogId = EventlogId::from_u64(20);

/// Number of eventbuses timers are set for; the last one is not there.
pub(super) const EVENTBUSES: u64 = 3;

/// All eventlogs events go to.
pub(super) fn targets() -> impl Iterator<Item = EventlogId> {
    LOGS.into_iter().chain([LETTERS])
}

#[derive(Debug)]
pub(super) struct SimHost;

impl TimerHost for SimHost {
    fn target(&self, goes: &Goes, turn: usize) -> Option<Target> {
        let eventlog = match goes.eventbus.get() {
            1 => LOGS[0],
            2 => LOGS[1 + goes.key.map_or(turn, |key| key as usize) % 2],
            _ => return self.letters(),
        };
        Some(Target {
            eventlog,
            dead: false,
        })
    }

    fn letters(&self) -> Option<Target> {
        Some(Target {
            eventlog: LETTERS,
            dead: true,
        })
    }

    fn names(&self, eventbus: EventbusId) -> Option<(Name, Name)> {
        let name = Name::new(&format!("bus{}", eventbus.get())).unwrap();
        Some((Name::new("sim").unwrap(), name))
    }
}
