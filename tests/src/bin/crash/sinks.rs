//! The sinks of the subscriptions.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use vanus_tests::{
    harness::{Random, Reply, Result, Sink, of_binary},
    history::{Act, Answer, Deliver},
};

use crate::world::World;

/// Most failures of one event that may pass; after them it is taken or refused for good.
const MOST_FAILURES: u32 = 2;

/// Of 1,000 offers, how many fail in each way.
const OVERLOADED: u64 = 30;
const BROKEN: u64 = 30;
const CUT: u64 = 20;
const NEVER: u64 = 5;
const REFUSED: u64 = 5;

/// The sinks, and what they took.
#[derive(Debug)]
pub(crate) struct Sinks {
    /// Takes everything.
    pub(crate) all: Sink,
    /// Fails at random.
    pub(crate) some: Sink,
    /// Those of the other flows, by the name of the subscription or route.
    pub(crate) others: Vec<(&'static str, Sink)>,
    taken: HashMap<&'static str, Taken>,
}

type Taken = Arc<Mutex<HashSet<String>>>;

impl Sinks {
    /// Which of these events a sink has not taken.
    pub(crate) fn missing(&self, sub: &str, ids: impl Iterator<Item = String>) -> Vec<String> {
        let taken = self.taken.get(sub).map(|taken| taken.lock());
        ids.filter(|id| taken.as_ref().is_none_or(|taken| !taken.contains(id)))
            .collect()
    }
}

/// Of 10,000 offers to a sink of an ordered subscription, how many fail in each way.
const SELDOM: u64 = 6;

/// Starts them; those of the other flows if they are wanted.
pub(crate) async fn start(world: &World, flows: bool) -> Result<Sinks> {
    let mut taken = HashMap::new();
    for sub in ["all", "some", "strict", "keyed", "dropping", "routed"] {
        taken.insert(sub, Taken::default());
    }
    let of = |sub: &str| taken.get(sub).cloned().unwrap_or_default();
    let judge = |_: &str, _: u32| (Answer::Taken, Reply::Status(StatusCode::NO_CONTENT));
    let all = one(world.clone(), "all", of("all"), false, judge).await?;
    let mut others = Vec::new();
    if flows {
        let stable = one(world.clone(), "routed", of("routed"), false, judge).await?;
        others.push(("stable", stable));
    }
    let seed = world.seed;
    let judge = move |id: &str, failures: u32| {
        let random = Random::named(seed, &format!("{id}/{failures}")).below(1_000);
        fate(random, failures)
    };
    let some = one(world.clone(), "some", of("some"), false, judge).await?;
    if flows {
        let canary = one(world.clone(), "routed", of("routed"), false, judge).await?;
        others.push(("canary", canary));
        let dropping = one(world.clone(), "dropping", of("dropping"), true, judge).await?;
        others.push(("dropping", dropping));
        for sub in ["strict", "keyed"] {
            let judge = move |id: &str, failures: u32| {
                let random = Random::named(seed, &format!("{sub}/{id}/{failures}")).below(10_000);
                seldom(random, failures)
            };
            others.push((sub, one(world.clone(), sub, of(sub), false, judge).await?));
        }
    }
    Ok(Sinks {
        all,
        some,
        others,
        taken,
    })
}

/// What becomes of an offer of an event that failed so often already.
fn fate(mut random: u64, failures: u32) -> (Answer, Reply) {
    if random < REFUSED {
        return (Answer::Fatal, Reply::Status(StatusCode::BAD_REQUEST));
    }
    random -= REFUSED;
    let ways = [
        (
            OVERLOADED,
            Answer::Retryable,
            Reply::Status(StatusCode::TOO_MANY_REQUESTS),
        ),
        (
            BROKEN,
            Answer::Retryable,
            Reply::Status(StatusCode::INTERNAL_SERVER_ERROR),
        ),
        (CUT, Answer::None, Reply::Cut),
        (NEVER, Answer::Timeout, Reply::Never),
    ];
    for (share, answer, reply) in ways {
        if failures < MOST_FAILURES && random < share {
            return (answer, reply);
        }
        random = random.saturating_sub(share);
    }
    (Answer::Taken, Reply::Status(StatusCode::NO_CONTENT))
}

/// The same for a subscription whose failures hold what comes after them.
fn seldom(random: u64, failures: u32) -> (Answer, Reply) {
    let ways = [
        (
            Answer::Retryable,
            Reply::Status(StatusCode::TOO_MANY_REQUESTS),
        ),
        (
            Answer::Retryable,
            Reply::Status(StatusCode::INTERNAL_SERVER_ERROR),
        ),
        (Answer::None, Reply::Cut),
        (Answer::Timeout, Reply::Never),
        (Answer::Fatal, Reply::Status(StatusCode::BAD_REQUEST)),
    ];
    let way = usize::try_from(random / SELDOM).unwrap_or(usize::MAX);
    match ways.get(way) {
        Some(way) if failures < MOST_FAILURES => *way,
        _ => (Answer::Taken, Reply::Status(StatusCode::NO_CONTENT)),
    }
}

/// A sink; `drops` says that what it refuses for good has ended.
async fn one<F>(
    world: World,
    sub: &'static str,
    taken: Taken,
    drops: bool,
    judge: F,
) -> Result<Sink>
where
    F: Fn(&str, u32) -> (Answer, Reply) + Clone + Send + Sync + 'static,
{
    let failures: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    Sink::start(move |headers, body| {
        let t0 = world.recorder.now();
        let Ok((id, hash)) = of_binary(headers, body) else {
            // It shows as an event that is never taken.
            return Reply::Status(StatusCode::BAD_REQUEST);
        };
        let (answer, reply) = {
            let mut failures = failures.lock();
            let count = failures.get(&id).copied().unwrap_or(0);
            let (answer, reply) = judge(&id, count);
            if answer != Answer::Taken {
                failures.insert(id.clone(), count + 1);
            }
            (answer, reply)
        };
        if answer == Answer::Taken || (drops && answer == Answer::Fatal) {
            taken.lock().insert(id.clone());
        }
        let deliver = Deliver {
            sub: sub.to_owned(),
            log: eventlog(headers),
            id,
            hash,
            attempt: attempt(headers).unwrap_or(1),
            answer,
        };
        if let Err(error) = world.recorder.record(sub, t0, Act::Deliver(deliver)) {
            println!("crash: the history cannot be written: {error}");
            return Reply::Cut;
        }
        reply
    })
    .await
}

/// The first half of the event id.
fn eventlog(headers: &HeaderMap) -> Option<String> {
    let id = STANDARD.decode(headers.get("vanus-event-id")?).ok()?;
    let log: [u8; 8] = id.get(..8)?.try_into().ok()?;
    Some(format!("{:016X}", u64::from_be_bytes(log)))
}

fn attempt(headers: &HeaderMap) -> Option<u32> {
    headers.get("vanus-attempt")?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fate_happens_and_failures_that_may_pass_do_pass() {
        let fates: HashSet<_> = (0..1_000).map(|r| format!("{:?}", fate(r, 0))).collect();
        assert_eq!(fates.len(), 6, "{fates:?}");
        let count = |failures| {
            let taken = (0..1_000).filter(|r| fate(*r, failures).0 == Answer::Taken);
            taken.count()
        };
        assert_eq!(count(0), 910);
        assert_eq!(count(MOST_FAILURES), 995);
    }
}
