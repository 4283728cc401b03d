//! Stories of a chain and a server that keeps sequences by the rules.

use vanus_types::Event;

use super::*;

/// A chain, and a server that keeps sequences by the rules.
struct World {
    chain: Chain,
    ids: u64,
    next: u64,
    stored: Vec<(u64, u64)>,
    expected: std::collections::HashMap<u64, u64>,
}

impl World {
    fn new() -> Self {
        Self {
            chain: Chain::new(ProducerId::from_u64(1)),
            ids: 1,
            next: 0,
            stored: Vec::new(),
            expected: std::collections::HashMap::new(),
        }
    }

    fn push(&mut self, count: usize) -> u64 {
        let event = Event::builder()
            .id("1")
            .source("/s")
            .ty("t")
            .build()
            .unwrap();
        let batch = Batch::pack(&vec![event; count]).remove(0);
        let number = self.next;
        self.next += 1;
        let deadline = Instant::now() + std::time::Duration::from_secs(60);
        self.chain.push(number, &batch, Arc::default(), 0, deadline);
        number
    }

    fn due(&mut self) -> Vec<(u64, u64, u64)> {
        let mut due = Vec::new();
        self.chain.send_due(|entry, _| {
            let header = entry.batch.header();
            due.push((entry.number, header.producer.get(), header.sequence));
        });
        due
    }

    /// The server takes what was sent, as it should; the answer comes back.
    fn serve(&mut self, sent: (u64, u64, u64)) {
        if self.store(sent) {
            self.chain.stored(sent.0).unwrap();
        } else {
            self.chain.parked(sent.0, fault(ErrorCode::OutOfSequence));
        }
    }

    /// The server takes what was sent; the answer is lost.
    fn store(&mut self, (number, producer, sequence): (u64, u64, u64)) -> bool {
        let count = self
            .chain
            .entries
            .iter()
            .find(|entry| entry.number == number)
            .map_or(1, |entry| u64::from(entry.batch.header().count));
        let expected = self.expected.entry(producer).or_insert(0);
        if sequence > *expected {
            return false;
        }
        if sequence == *expected {
            *expected += count;
            self.stored.push((number, count));
        }
        true
    }

    fn recover(&mut self) {
        assert!(self.chain.is_troubled() && !self.chain.awaits_answers());
        self.ids += 1;
        let id = ProducerId::from_u64(self.ids);
        self.chain.recover(|| id);
    }

    /// Serves and recovers until everything is stored.
    fn settle(&mut self) {
        for _ in 0..100 {
            for sent in self.due() {
                self.serve(sent);
            }
            if self.chain.is_troubled() && !self.chain.awaits_answers() {
                self.recover();
            }
            if self.chain.is_empty() {
                return;
            }
        }
        panic!("never settled: {:?}", self.chain);
    }

    fn stored_numbers(&self) -> Vec<u64> {
        self.stored.iter().map(|(number, _)| *number).collect()
    }
}

fn fault(code: ErrorCode) -> Fault {
    Fault::new(code, "for the moment")
}

#[test]
fn the_first_batch_goes_alone_and_the_rest_follows_numbered_in_a_row() {
    let mut world = World::new();
    for count in [3, 2, 1] {
        world.push(count);
    }
    let first = world.due();
    assert_eq!(first, [(0, 1, 0)]);
    assert_eq!(world.due(), []);
    world.serve(first[0]);
    assert_eq!(world.due(), [(1, 1, 3), (2, 1, 5)]);
}

#[test]
fn after_a_broken_connection_everything_is_sent_again_as_it_was() {
    let mut world = World::new();
    world.push(1);
    world.settle();
    for _ in 0..3 {
        world.push(2);
    }
    let sent = world.due();
    world.store(sent[0]);
    world.store(sent[1]);
    world.chain.disconnected();
    world.recover();
    assert_eq!(world.due(), [(1, 1, 1)], "alone at first");
    world.serve((1, 1, 1));
    assert_eq!(world.due(), [(2, 1, 3), (3, 1, 5)]);
    world.serve((2, 1, 3));
    world.serve((3, 1, 5));
    assert_eq!(world.stored_numbers(), [0, 1, 2, 3]);
}

#[test]
fn a_batch_refused_for_the_moment_keeps_its_place() {
    let mut world = World::new();
    world.push(1);
    world.settle();
    for _ in 0..3 {
        world.push(1);
    }
    let sent = world.due();
    world.chain.parked(1, fault(ErrorCode::TryAgain));
    world.serve(sent[1]);
    world.serve(sent[2]);
    world.recover();
    world.settle();
    assert_eq!(world.stored_numbers(), [0, 1, 2, 3]);
    assert_eq!(world.chain.producer.get(), 1, "the numbering went on");
}

#[test]
fn a_batch_refused_for_good_makes_the_rest_be_numbered_anew() {
    let mut world = World::new();
    world.push(1);
    world.settle();
    for _ in 0..3 {
        world.push(1);
    }
    let sent = world.due();
    assert!(world.chain.refused(1).is_some());
    world.serve(sent[1]);
    world.serve(sent[2]);
    world.recover();
    assert_eq!(world.due(), [(2, 2, 0)]);
    world.serve((2, 2, 0));
    world.settle();
    assert_eq!(world.stored_numbers(), [0, 2, 3]);
}

#[test]
fn nothing_is_numbered_anew_while_it_may_be_stored() {
    let mut world = World::new();
    world.push(1);
    world.settle();
    for _ in 0..4 {
        world.push(1);
    }
    let sent = world.due();
    // 1 is refused for good at the server, 2 to 4 leave a gap, no answer arrives but the
    // first.
    world.chain.refused(1);
    for sent in &sent[1..] {
        assert!(!world.store(*sent));
    }
    world.chain.disconnected();
    world.recover();
    assert_eq!(
        world.due(),
        [(2, 1, 2)],
        "resolved under its old number first"
    );
    world.serve((2, 1, 2));
    world.recover();
    assert_eq!(world.due(), [(3, 1, 3)]);
    world.serve((3, 1, 3));
    world.recover();
    assert_eq!(world.due(), [(4, 1, 4)]);
    world.serve((4, 1, 4));
    world.recover();
    world.settle();
    assert_eq!(world.stored_numbers(), [0, 2, 3, 4]);
}

#[test]
fn a_server_that_forgot_the_producer_gets_a_new_one() {
    let mut world = World::new();
    world.push(1);
    world.settle();
    world.push(1);
    world.push(1);
    world.due();
    world.chain.disconnected();
    world.expected.clear();
    world.recover();
    world.settle();
    assert_eq!(world.stored_numbers(), [0, 1, 2]);
    assert_ne!(world.chain.producer.get(), 1);
}

#[test]
fn numbers_of_a_batch_given_up_on_are_never_used_again() {
    let mut world = World::new();
    world.push(1);
    world.settle();
    world.push(3);
    world.due();
    world.chain.disconnected();
    let late = Instant::now() + std::time::Duration::from_secs(61);
    let given_up = world.chain.expired(late);
    assert!(given_up[0].may_be_stored());
    assert!(world.chain.is_empty() && world.chain.is_troubled());
    world.recover();
    assert!(!world.chain.is_troubled());
    world.push(1);
    assert_eq!(world.due(), [(2, 2, 0)]);
}

#[test]
fn a_batch_that_never_left_is_given_up_without_harm() {
    let mut world = World::new();
    world.push(1);
    let late = Instant::now() + std::time::Duration::from_secs(61);
    let given_up = world.chain.expired(late);
    assert!(!given_up[0].may_be_stored());
    assert!(!world.chain.is_troubled());
    world.push(1);
    assert_eq!(world.due(), [(1, 1, 0)]);
}
