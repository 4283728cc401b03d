//! A shard against a model. Whatever owners do and wherever they stop, each timer fires once, and none early.

mod world;

use std::collections::BTreeSet;

use proptest::prelude::*;

use self::world::{NEAR, Owner, World};
use super::*;

#[derive(Debug, Clone, Copy)]
enum Op {
    Set(i64, u64),
    Cancel(u64),
    Again(u64, i64),
    Pass(i64),
    Fire,
    Work(bool),
    Settle,
    Write,
    WritePart(usize),
    Page(usize),
    Crash(bool),
    HandOver(bool),
    Zombie(u8),
    Trim,
    Compact,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => (0..5_000_i64, 0..3_u64).prop_map(|(due, bus)| Op::Set(due, bus)),
        2 => any::<u64>().prop_map(Op::Cancel),
        2 => (any::<u64>(), 0..5_000_i64).prop_map(|(which, due)| Op::Again(which, due)),
        4 => (0..2_000_i64).prop_map(Op::Pass),
        6 => Just(Op::Fire),
        4 => any::<bool>().prop_map(Op::Work),
        2 => Just(Op::Settle),
        2 => Just(Op::Write),
        1 => (0..20_usize).prop_map(Op::WritePart),
        3 => (1..40_usize).prop_map(Op::Page),
        1 => any::<bool>().prop_map(Op::Crash),
        1 => any::<bool>().prop_map(Op::HandOver),
        2 => (0..3_u8).prop_map(Op::Zombie),
        1 => Just(Op::Trim),
        1 => Just(Op::Compact),
    ];
    prop::collection::vec(op, 1..120)
}

fn run(ops: &[Op]) {
    let mut world = World::default();
    let mut owner = world.take_over(true);
    let mut zombie: Option<Owner> = None;
    for op in ops {
        let nth = |which: u64, world: &World| {
            let known = world.due.len().max(1);
            let id = world.due.keys().nth((which as usize) % known).copied();
            id.unwrap_or(0)
        };
        match *op {
            Op::Set(due_ms, bus) => world.set(&mut owner, world.now_ms + due_ms, bus),
            Op::Cancel(which) => world.change(&mut owner, nth(which, &world), None),
            Op::Again(which, due_ms) => {
                let due_ms = world.now_ms + due_ms;
                world.change(&mut owner, nth(which, &world), Some(due_ms));
            }
            Op::Pass(ms) => world.now_ms += ms,
            Op::Fire => world.fire(&mut owner),
            Op::Work(fail) => world.work(&mut owner, fail),
            Op::Settle => world.settle(&mut owner),
            Op::Write => world.write(&mut owner, None),
            Op::WritePart(changes) => world.write(&mut owner, Some(changes)),
            Op::Page(entries) => world.page(&mut owner, entries),
            Op::Crash(from_index) => owner = world.take_over(from_index),
            Op::HandOver(from_index) => {
                let next = world.take_over(from_index);
                zombie = Some(std::mem::replace(&mut owner, next));
            }
            Op::Zombie(what) => {
                if let Some(old) = &mut zombie {
                    world.haunt(old, what);
                }
            }
            Op::Trim => world.trim(&mut owner),
            Op::Compact => world.compact(&mut owner),
        }
        // Void entries of somebody else are folded by and by.
        world.fold(&mut owner.shard);
        let waiting: u64 = owner.shard.pending().values().sum();
        assert_eq!(waiting, owner.shard.waiting());
    }
    world.drain(&mut owner);
    world.check();
    assert_eq!((owner.shard.waiting(), owner.shard.fires().len()), (0, 0));
    // What everybody would come to who starts from nothing but the eventlog.
    assert_eq!(world.take_over(false).shard.waiting(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 400 } else { 20_000 }))]

    #[test]
    fn each_timer_fires_once_whatever_owners_do(ops in ops()) {
        run(&ops);
    }

    #[test]
    fn the_state_is_the_same_from_any_checkpoint(ops in ops(), cut in 0..120_usize) {
        let mut world = World::default();
        let mut owner = world.take_over(true);
        for (index, op) in ops.iter().enumerate() {
            match *op {
                Op::Set(due_ms, bus) => world.set(&mut owner, due_ms, bus),
                Op::Cancel(which) => world.change(&mut owner, which % 50, None),
                Op::Again(which, due_ms) => world.change(&mut owner, which % 50, Some(due_ms)),
                Op::Pass(ms) => world.now_ms += ms,
                Op::Fire => world.fire(&mut owner),
                Op::Work(fail) => world.work(&mut owner, fail),
                Op::Settle => world.settle(&mut owner),
                _ => {}
            }
            if index == cut {
                world.write(&mut owner, None);
            }
        }
        let from_start = {
            let mut shard = Shard::new(0, NEAR, 0);
            world.fold(&mut shard);
            shard
        };
        prop_assert_eq!(from_start.checkpoint(), owner.shard.checkpoint());
        if let Some(checkpoint) = world.checkpoint.clone() {
            let fires = checkpoint.fires.iter().map(|offset| {
                match &world.entries[*offset as usize].entry {
                    Entry::Fire(fire) => (*offset, fire.clone()),
                    other => panic!("{other:?}"),
                }
            });
            let mut shard = Shard::restore(&checkpoint, fires.collect::<Vec<_>>(), NEAR, 0);
            world.fold(&mut shard);
            prop_assert_eq!(shard.checkpoint(), owner.shard.checkpoint());
        }
    }
}

#[test]
fn a_full_memory_puts_out_what_is_due_last_and_nothing_is_lost() {
    let mut world = World::default();
    let mut owner = world.take_over(true);
    world.page(&mut owner, 1);
    assert_eq!(owner.shard.horizon(), Place::MAX);
    for n in 0..10 * NEAR as i64 {
        world.set(&mut owner, 100_000 + (n * 7_919) % 1_000_000, 0);
        assert!(owner.shard.in_memory().0 <= NEAR);
    }
    assert!(owner.shard.horizon() < Place::MAX);
    let in_memory: BTreeSet<_> = owner.shard.all_in_memory().map(Timer::place).collect();
    for (id, due_ms) in &world.due {
        let place = Place {
            due_ms: *due_ms,
            id: *id,
        };
        assert!(place >= owner.shard.horizon() || in_memory.contains(&place));
    }
    world.write(&mut owner, None);
    world.drain(&mut owner);
    world.check();
}

#[test]
fn a_timer_that_is_about_to_fire_cannot_be_cancelled() {
    let mut world = World::default();
    let mut owner = world.take_over(true);
    world.page(&mut owner, 1);
    world.set(&mut owner, 10, 0);
    let id = *world.due.keys().next().unwrap();
    world.now_ms = 10;
    owner.shard.approach(10);
    assert_eq!(owner.shard.take_due(10, 1).len(), 1);
    assert!(owner.shard.is_taken(id));
    assert_eq!(owner.shard.take(id), None);
    owner.shard.put_back(id);
    assert!(owner.shard.take(id).is_some());
}

#[test]
fn of_two_who_claim_the_same_epoch_the_first_has_it() {
    let mut world = World::default();
    for owner in [1, 2] {
        world.append(1, Entry::Claim { owner, time_ms: 5 });
    }
    let mut shard = Shard::new(0, NEAR, 0);
    let folded: Vec<_> = world.fold(&mut shard).into_iter().map(|(_, a)| a).collect();
    assert_eq!(folded, [Applied::Claimed(1), Applied::Void]);
    assert_eq!(shard.time_ms(), 5);
}

#[test]
fn the_eventlog_is_needed_from_the_first_event_on_that_waits() {
    let mut world = World::default();
    let mut owner = world.take_over(true);
    world.page(&mut owner, 1);
    for n in 0..40_000 {
        world.set(&mut owner, if n == 20_000 { 1_000_000 } else { 5 }, 0);
    }
    world.now_ms = 10;
    while owner.shard.waiting() > 1 || !owner.shard.fires().is_empty() {
        world.fire(&mut owner);
        world.work(&mut owner, false);
        world.settle(&mut owner);
        world.page(&mut owner, 50);
    }
    assert_eq!(owner.shard.needed_from(u64::MAX), 16_384);
    let (range, count) = owner.shard.oldest().unwrap();
    assert_eq!((range, count), (16_384..32_768, 1));
}
