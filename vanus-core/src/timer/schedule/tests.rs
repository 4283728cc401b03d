//! What a schedule makes, against a plain list of its occurrences, and through crashes at every step.

use std::collections::BTreeMap;

use proptest::prelude::*;
use vanus_types::{
    EventbusId, EventlogId, Name, NamespaceId, ScheduleId,
    control::{EventTemplate, Missed, ScheduleRecord},
};

use super::{
    Plan, Progress,
    plan::{InvalidSchedule, MISSED_AFTER_MS, Next},
    progress::Making,
};

const START_MS: i64 = 1_800_000_000_000;
const MINUTE_MS: i64 = 60_000;

fn record(cron: &str, missed: Missed) -> ScheduleRecord {
    let name = |name: &str| Name::new(name).unwrap();
    ScheduleRecord {
        id: ScheduleId::from_u64(7),
        name: name("s"),
        namespace_id: NamespaceId::from_u64(1),
        namespace: name("default"),
        eventbus_id: EventbusId::from_u64(2),
        eventbus: name("jobs"),
        cron: cron.to_owned(),
        time_zone: "UTC".to_owned(),
        start_ms: START_MS,
        end_ms: None,
        count: None,
        jitter_ms: 0,
        missed,
        description: String::new(),
        event: EventTemplate::new("job"),
        paused: false,
        resumed_at_ms: None,
        created_at_ms: START_MS,
        updated_at_ms: START_MS,
    }
}

fn plan(change: impl FnOnce(&mut ScheduleRecord)) -> Plan {
    let mut record = record("@every 60", Missed::Once);
    change(&mut record);
    Plan::of(&record).unwrap()
}

/// The progress after the occurrence at `ms`.
fn after(ms: i64, made: u64) -> Progress {
    Progress {
        until_ms: ms,
        made,
        last_ms: Some(ms),
        making: None,
    }
}

#[test]
fn an_event_comes_at_its_time_and_the_next_one_after_it() {
    let plan = plan(|_| {});
    let first = START_MS + MINUTE_MS;
    assert_eq!(plan.next(&Progress::NONE, START_MS), Next::Wait(first));
    assert_eq!(plan.next(&Progress::NONE, first - 1), Next::Wait(first));
    assert_eq!(plan.next(&Progress::NONE, first), Next::Make(first));
    assert_eq!(
        plan.next(&after(first, 1), first),
        Next::Wait(first + MINUTE_MS)
    );
}

#[test]
fn what_was_missed_is_skipped_made_once_or_made_up_for() {
    let now = START_MS + 60 * MINUTE_MS + 30_000;
    let next = |missed| plan(|record| record.missed = missed).next(&Progress::NONE, now);
    assert_eq!(next(Missed::Skip), Next::Wait(START_MS + 61 * MINUTE_MS));
    assert_eq!(next(Missed::Once), Next::Make(START_MS + 60 * MINUTE_MS));
    assert_eq!(next(Missed::All), Next::Make(START_MS + MINUTE_MS));
    // What is only a little late is not missed.
    let late = plan(|record| record.missed = Missed::Skip);
    let occurrence = START_MS + 60 * MINUTE_MS;
    let soon = occurrence + MISSED_AFTER_MS;
    assert_eq!(late.next(&Progress::NONE, soon), Next::Make(occurrence));
    assert_eq!(
        late.next(&Progress::NONE, soon + 1),
        Next::Wait(occurrence + MINUTE_MS)
    );
}

#[test]
fn the_last_of_millions_that_were_missed_is_found_at_once() {
    let plan = plan(|record| record.cron = "* * * * * *".to_owned());
    let now = START_MS + 400 * 24 * 60 * MINUTE_MS;
    let last = now - MISSED_AFTER_MS - 1_000;
    assert_eq!(plan.next(&Progress::NONE, now), Next::Make(last));
}

#[test]
fn it_starts_ends_and_counts() {
    let first = START_MS + MINUTE_MS;
    let counted = plan(|record| record.count = Some(2));
    assert_eq!(
        counted.next(&after(first, 1), first),
        Next::Wait(first + MINUTE_MS)
    );
    assert_eq!(counted.next(&after(first, 2), first), Next::Ended);
    let ending = plan(|record| record.end_ms = Some(first));
    assert_eq!(ending.next(&Progress::NONE, START_MS), Next::Wait(first));
    assert_eq!(ending.next(&after(first, 1), first), Next::Ended);
    let mut empty = record("@every 60", Missed::Once);
    empty.end_ms = Some(first - 1);
    assert_eq!(Plan::of(&empty).unwrap_err(), InvalidSchedule::Empty);
    // The start itself may be an occurrence of fields.
    let daily = plan(|record| {
        record.cron = "0 0 * * *".to_owned();
        record.start_ms = 86_400_000 * 20_000;
    });
    assert_eq!(
        daily.next(&Progress::NONE, 0),
        Next::Wait(86_400_000 * 20_000)
    );
}

#[test]
fn what_would_have_been_during_a_pause_is_passed_over() {
    let resumed = START_MS + 10 * MINUTE_MS + 5_000;
    let plan = plan(|record| {
        record.missed = Missed::All;
        record.resumed_at_ms = Some(resumed);
    });
    let next = START_MS + 11 * MINUTE_MS;
    assert_eq!(
        plan.next(&after(START_MS + MINUTE_MS, 1), resumed),
        Next::Wait(next)
    );
}

#[test]
fn jitter_is_bounded_and_always_the_same() {
    let plan = plan(|record| record.jitter_ms = 20_000);
    let mut seen = Vec::new();
    for number in 0..100 {
        let occurrence = START_MS + number * MINUTE_MS;
        let Next::Wait(due) = plan.next(&after(occurrence, 1), occurrence) else {
            panic!("it waits");
        };
        let jitter = due - occurrence - MINUTE_MS;
        assert!((0..=20_000).contains(&jitter), "{jitter}");
        assert_eq!(
            plan.next(&after(occurrence, 9), occurrence + 1),
            Next::Wait(due)
        );
        seen.push(jitter);
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > 80, "{} different ones", seen.len());
}

/// What is on disk: the progress, and the eventlog with its memory of the producer.
#[derive(Default)]
struct Disk {
    progress: Option<Progress>,
    events: BTreeMap<u64, i64>,
}

/// Does what the runner does at `now_ms`, and crashes before the step `crash` of one event.
fn work(plan: &Plan, disk: &mut Disk, now_ms: i64, crash: Option<u32>) {
    let mut progress = disk.progress.unwrap_or(Progress::NONE);
    loop {
        if progress.making.is_none() {
            let Next::Make(occurrence_ms) = plan.next(&progress, now_ms) else {
                return;
            };
            if crash == Some(0) {
                return;
            }
            progress = progress.intending(Making {
                occurrence_ms,
                eventlog: EventlogId::from_u64(1),
            });
            disk.progress = Some(progress);
        }
        if crash == Some(1) {
            return;
        }
        // The eventlog stores each number once, and none out of turn.
        let making = progress.making.unwrap();
        assert!(progress.made <= disk.events.len() as u64);
        disk.events
            .entry(progress.made)
            .or_insert(making.occurrence_ms);
        if crash == Some(2) {
            return;
        }
        progress = progress.done();
        disk.progress = Some(progress);
        if crash == Some(3) {
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn crashes_neither_lose_nor_double_an_occurrence(
        missed in prop_oneof![Just(Missed::Skip), Just(Missed::Once), Just(Missed::All)],
        period in 1_i64..30,
        story in prop::collection::vec((0_i64..120_000, prop::option::of(0_u32..4)), 1..40),
    ) {
        let plan = plan(|record| {
            record.cron = format!("@every {period}");
            record.missed = missed;
        });
        let period_ms = period * 1_000;
        let (mut disk, mut now) = (Disk::default(), START_MS);
        let mut looks = Vec::new();
        for (passed, crash) in story {
            now += passed;
            looks.push(now);
            work(&plan, &mut disk, now, crash);
        }
        work(&plan, &mut disk, now, None);
        let made: Vec<i64> = disk.events.values().copied().collect();
        // Numbers have no gaps, and each event is an occurrence of its own, in order.
        prop_assert!(disk.events.keys().copied().eq(0..made.len() as u64));
        prop_assert!(made.is_sorted_by(|a, b| a < b));
        prop_assert!(made.iter().all(|at| (at - START_MS) % period_ms == 0 && *at <= now));
        let all: Vec<i64> = (1..=(now - START_MS) / period_ms).map(|n| START_MS + n * period_ms).collect();
        match missed {
            Missed::All => prop_assert_eq!(made, all),
            // What somebody looked for in time was made. With `Once` so was the last before each gap.
            Missed::Skip | Missed::Once => {
                let last = all.iter().rev().find(|at| **at <= now);
                let recent = last.filter(|at| missed == Missed::Once || now - **at <= MISSED_AFTER_MS);
                prop_assert!(recent.is_none_or(|at| made.contains(at)));
            }
        }
    }
}
