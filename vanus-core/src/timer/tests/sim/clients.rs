//! Clients of timers: what they ask for, and what they note of the answers.

use std::sync::Arc;

use vanus_types::{
    Entropy, Event, EventbusId, NamespaceId, SeededEntropy, TimerId, control::TimerOutcome,
};

use super::{
    host::EVENTBUSES,
    judge::{Known, Timer},
    life::Life,
};
use crate::timer::{NewTimer, TimerError, Timers};

/// A random number below `most`.
pub(super) fn below(random: &SeededEntropy, most: u64) -> u64 {
    random.next_u64() % most.max(1)
}

/// How long a timer waits, in milliseconds.
fn wait_ms(random: &SeededEntropy) -> i64 {
    let most = match below(random, 10) {
        0 => return -i64::try_from(below(random, 5_000)).unwrap_or(0),
        1..4 => 100,
        4..7 => 5_000,
        7..9 => 120_000,
        _ => 900_000,
    };
    i64::try_from(below(random, most)).unwrap_or(0)
}

/// Sets a few timers for one eventbus.
pub(super) async fn set(life: Arc<Life>, timers: Arc<Timers>, random: Arc<SeededEntropy>) {
    let eventbus = EventbusId::from_u64(1 + below(&random, EVENTBUSES));
    let count = 1 + below(&random, 6);
    let asked_ms = timers.now_ms();
    let mut wanted = Vec::new();
    let mut numbers = Vec::new();
    for _ in 0..count {
        let due_ms = asked_ms + wait_ms(&random);
        let mut book = life.book.lock();
        let number = book.timers.len() as u64;
        let size = usize::try_from(below(&random, 600)).unwrap_or(0);
        let builder = Event::builder()
            .id(number.to_string())
            .source("/sim")
            .ty("timer");
        let builder = builder.text("x".repeat(size));
        let keyed = if below(&random, 2) == 0 {
            builder.extension("partitionkey", format!("k{}", below(&random, 5)))
        } else {
            builder
        };
        wanted.push(NewTimer {
            event: keyed.build().unwrap(),
            due_ms,
        });
        numbers.push(number);
        let timer = Timer {
            due_ms: vec![due_ms],
            known: Known::Nothing,
            changing: false,
            changed: false,
            cancelled: false,
            may_be_cancelled: false,
            asked_ms,
            seen: Vec::new(),
        };
        book.timers.insert(number, timer);
    }
    let namespace = NamespaceId::from_u64(1);
    let answer = timers.set(eventbus, namespace, &wanted).await;
    let mut book = life.book.lock();
    for (at, number) in numbers.iter().enumerate() {
        let Some(timer) = book.timers.get_mut(number) else {
            continue;
        };
        match &answer {
            Ok(set) => timer.known = Known::Set(set[at].id),
            // Batches of a call are refused one by one, so only a call of one batch tells.
            Err(TimerError::HandedOver) if count == 1 => timer.known = Known::Refused,
            Err(_) => {}
        }
    }
}

/// Picks a timer that was acknowledged and that nobody changes.
fn pick(life: &Life, random: &SeededEntropy) -> Option<(u64, TimerId)> {
    let mut book = life.book.lock();
    let count = book.timers.len() as u64;
    // Mostly a young one: the others have fired.
    let back = 1 + below(random, count.min(400));
    let number = count.checked_sub(back)?;
    let timer = book.timers.get_mut(&number)?;
    match timer.known {
        Known::Set(id) if !timer.changing => {
            timer.changing = true;
            timer.changed = true;
            Some((number, id))
        }
        _ => None,
    }
}

/// Cancels a timer.
pub(super) async fn cancel(life: Arc<Life>, timers: Arc<Timers>, random: Arc<SeededEntropy>) {
    let Some((number, id)) = pick(&life, &random) else {
        return;
    };
    if let Some(timer) = life.book.lock().timers.get_mut(&number) {
        timer.may_be_cancelled = true;
    }
    let answer = timers.cancel(id).await;
    let mut book = life.book.lock();
    let Some(timer) = book.timers.get_mut(&number) else {
        return;
    };
    match answer {
        Ok(TimerOutcome::Done) => timer.cancelled = true,
        Ok(TimerOutcome::TooLate) => {
            timer.changing = false;
            timer.may_be_cancelled = timer.cancelled;
        }
        // Nothing is known from here on.
        Err(_) => {}
    }
}

/// Moves a timer to another time, or lets it fire now.
pub(super) async fn change(life: Arc<Life>, timers: Arc<Timers>, random: Arc<SeededEntropy>) {
    let Some((number, id)) = pick(&life, &random) else {
        return;
    };
    let now = below(&random, 3) == 0;
    let due_ms = timers.now_ms() + if now { 0 } else { wait_ms(&random) };
    if let Some(timer) = life.book.lock().timers.get_mut(&number) {
        timer.due_ms.push(due_ms);
    }
    let answer = if now {
        timers.fire_now(id).await
    } else {
        timers.update(id, due_ms).await
    };
    let mut book = life.book.lock();
    let Some(timer) = book.timers.get_mut(&number) else {
        return;
    };
    match answer {
        Ok(TimerOutcome::Done) => {
            timer.changing = false;
            // One that fires at once may have been due anyway.
            if !now {
                timer.due_ms = vec![due_ms];
            }
        }
        Ok(TimerOutcome::TooLate) => {
            timer.changing = false;
            timer.due_ms.pop();
        }
        // Nothing is known from here on.
        Err(_) => {}
    }
}
