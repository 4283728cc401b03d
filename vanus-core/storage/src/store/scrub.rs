//! The scrub: reads sealed segments again in the background, a little at a time, so that damage is found while a copy of
//! the data may still exist, and not when somebody wants to read it.
//!
//! A pass goes over all eventlogs, from one that the clock picks, and over their sealed segments in order. It lives in
//! memory only: after a restart the next pass begins anew, at another eventlog. It reads through handles of its own, so it
//! takes nothing from the memory tail or from the handles of readers, and it holds no lock that a commit waits for.
//!
//! Damage is told of and left as it is. Only an index that disagrees with a segment that is whole is made anew.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use parking_lot::Mutex;
use vanus_types::EventlogId;

use super::{
    Corruption, DiskError, OpenError,
    shared::{Shared, count},
};
use crate::{
    fs::{OpenMode, read_file, replace_file},
    log::Log,
    segment::{Checked, EntryKind, Index, MAX_INDEX_BYTES, Segment, SegmentCheck, read_header},
};

/// Bytes read with one call, and about as many in one step.
const STEP: u64 = 256 * 1024;
/// Most places of damage that are remembered.
const MOST_FOUND: usize = 1024;
/// The longest a scrub sleeps before it looks at the clock again.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
const NS: u64 = 1_000_000_000;

/// Where the scrub is, and what it found.
#[derive(Debug, Default)]
pub(crate) struct ScrubState {
    pass: Mutex<Pass>,
    found: Mutex<Vec<Found>>,
}

#[derive(Debug)]
struct Found {
    place: Corruption,
    /// The last pass that met it.
    pass: u64,
}

#[derive(Debug, Default)]
struct Pass {
    number: u64,
    /// When the pass began.
    began_ns: Option<u64>,
    running: bool,
    /// Eventlogs not begun, and the one under way with the first offset not gone through.
    left: VecDeque<EventlogId>,
    at: Option<(EventlogId, u64)>,
    current: Option<Current>,
    /// Bytes that may be read, as of when; below 0 after a large batch.
    allowed: i64,
    since_ns: Option<u64>,
}

/// The segment under check.
#[derive(Debug)]
struct Current {
    log: Arc<Log>,
    segment: Arc<Segment>,
    check: SegmentCheck,
    clean_index: bool,
    /// Bytes of it that are counted.
    counted: u64,
    damaged: bool,
}

impl ScrubState {
    /// The damage known of.
    pub(crate) fn found(&self) -> Vec<Corruption> {
        let found = self.found.lock();
        found.iter().map(|found| found.place.clone()).collect()
    }
}

impl Pass {
    /// Counts what time has allowed since the last look; at most one step, or a second's worth, is saved up.
    fn allow(&mut self, now_ns: u64, rate: u64) {
        let since = self.since_ns.replace(now_ns).unwrap_or(now_ns);
        let more = u128::from(now_ns.saturating_sub(since)) * u128::from(rate) / u128::from(NS);
        let more = i64::try_from(more).unwrap_or(i64::MAX);
        if more == 0 && now_ns > since {
            // Too little time for a whole byte: it is not lost.
            self.since_ns = Some(since);
        }
        let most = i64::try_from(rate.min(STEP)).unwrap_or(i64::MAX);
        self.allowed = self.allowed.saturating_add(more).min(most);
    }
}

/// What the thread of the scrub does until the store stops.
pub(crate) fn run(shared: &Shared) {
    if shared.context.options.scrub_rate == 0 {
        return;
    }
    loop {
        let sleep = shared.scrub_step();
        let mut state = shared.signals.state.lock();
        if !state.stop {
            shared.signals.scrub.wait_for(&mut state, sleep);
        }
        if state.stop {
            return;
        }
    }
}

impl Shared {
    /// Reads on for as much as the rate allows now, at most about [`STEP`] bytes and one batch; answers how long to wait
    /// before the next step.
    pub(crate) fn scrub_step(&self) -> Duration {
        let options = &self.context.options;
        let (rate, interval) = (options.scrub_rate, options.scrub_interval_ms);
        if rate == 0 {
            return LONGEST_SLEEP;
        }
        let now = self.context.clock.monotonic_ns();
        let mut pass = self.scrub.pass.lock();
        let pass = &mut *pass;
        if !pass.running {
            let due = pass.began_ns.map_or(now, |began| {
                began.saturating_add(interval.saturating_mul(1_000_000))
            });
            if now < due {
                return Duration::from_nanos(due - now).min(LONGEST_SLEEP);
            }
            self.begin(pass, now);
        }
        pass.allow(now, rate);
        while pass.allowed > 0 && pass.running {
            self.go_on(pass);
        }
        // Until a step is allowed again.
        let wanted = i64::try_from(rate.min(STEP)).unwrap_or(i64::MAX);
        let missing = u64::try_from(wanted.saturating_sub(pass.allowed)).unwrap_or(0);
        let wait = u128::from(missing) * u128::from(NS) / u128::from(rate);
        Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX)).min(LONGEST_SLEEP)
    }

    fn begin(&self, pass: &mut Pass, now: u64) {
        let mut logs: Vec<EventlogId> = self.logs.read().keys().copied().collect();
        logs.sort_unstable();
        // Not always the same first, or those behind would never be reached where restarts are frequent.
        let seed = self.context.clock.now_ms().unsigned_abs() / 1000;
        let first = usize::try_from(seed % (logs.len() as u64).max(1)).unwrap_or(0);
        logs.rotate_left(first);
        pass.number += 1;
        pass.began_ns = Some(now);
        pass.running = true;
        pass.left = logs.into();
        pass.at = None;
    }

    /// Goes through one batch, or on to the next segment. Every call takes something off what is allowed, if only a
    /// little, so that many small segments do not make a long step.
    fn go_on(&self, pass: &mut Pass) {
        let Some(mut current) = pass.current.take().or_else(|| self.next_segment(pass)) else {
            return;
        };
        let next = current.check.next();
        let read = current.check.bytes_read() - current.counted;
        current.counted += read;
        count(&self.counters.scrub_bytes, read);
        pass.allowed -= i64::try_from(read).unwrap_or(i64::MAX);
        match next {
            Ok(Checked::Batch(..) | Checked::Lost) => pass.current = Some(current),
            Ok(Checked::Bad(what)) => {
                if self.damaged(pass.number, &mut current, what) {
                    pass.current = Some(current);
                }
            }
            Ok(Checked::End) => self.ended(pass.number, &current),
            Err(_) if !self.has(&current) => {}
            Err(_) => count(&self.counters.scrub_errors, 1),
        }
    }

    /// Opens the next sealed segment of the pass; none when there is none left, or that one can not be read.
    fn next_segment(&self, pass: &mut Pass) -> Option<Current> {
        pass.allowed -= 1;
        let Some((id, from)) = pass.at.or_else(|| pass.left.pop_front().map(|id| (id, 0))) else {
            pass.running = false;
            count(&self.counters.scrub_passes, 1);
            let number = pass.number;
            self.scrub.found.lock().retain(|found| found.pass == number);
            return None;
        };
        pass.at = None;
        let log = self.log(id)?;
        let segment = {
            let chain = log.chain.read();
            let due = |segment: &&Arc<Segment>| segment.base() >= from && segment.sealed();
            chain.iter().find(due).cloned()?
        };
        // An empty one still moves the pass on.
        pass.at = Some((id, segment.end().max(segment.base() + 1)));
        let opened = self.open_segment(&segment);
        let current = match opened {
            Ok((check, clean_index)) => Current {
                log,
                segment,
                check,
                clean_index,
                counted: 0,
                damaged: false,
            },
            Err(e) => {
                self.not_opened(pass.number, &log, &segment, e);
                return None;
            }
        };
        pass.allowed -= 4096;
        count(&self.counters.scrub_bytes, 4096);
        Some(current)
    }

    fn open_segment(&self, segment: &Segment) -> Result<(SegmentCheck, bool), OpenError> {
        let fs = self.context.fs.as_ref();
        let (path, id) = (segment.path(), (segment.log(), segment.base()));
        let file = fs
            .open(path, OpenMode::Read)
            .map_err(DiskError::new("open", path))?;
        if !read_header(file.as_ref(), path, id)? {
            let what = "the header of the segment does not match its checksum";
            return Err(corruption(segment, 0, what).into());
        }
        let bytes = read_file(fs, segment.index_path(), MAX_INDEX_BYTES)
            .map_err(DiskError::new("read", segment.index_path()))?;
        let loaded = Index::decode(&bytes.unwrap_or_default(), id.0, id.1);
        let clean = loaded.clean && loaded.index.sealed().is_some();
        let end = segment.end_position();
        let step = usize::try_from(STEP).unwrap_or(usize::MAX);
        Ok((SegmentCheck::new(file, id, loaded.index, end, step), clean))
    }

    fn not_opened(&self, pass: u64, log: &Arc<Log>, segment: &Arc<Segment>, error: OpenError) {
        if !is_there(log, segment) {
            return;
        }
        match error {
            OpenError::Corrupted(place) => self.tell(pass, place),
            OpenError::UnknownFormat { .. } => {
                let what = "the header has a format version that is not known";
                self.tell(pass, corruption(segment, 0, what));
            }
            _ => count(&self.counters.scrub_errors, 1),
        }
    }

    fn has(&self, current: &Current) -> bool {
        is_there(&current.log, &current.segment)
    }

    /// Notes damage; says whether the check of the segment can go on behind it.
    fn damaged(&self, pass: u64, current: &mut Current, what: &'static str) -> bool {
        if !self.has(current) {
            return false;
        }
        current.damaged = true;
        let (position, _) = current.check.place();
        self.tell(pass, corruption(&current.segment, position, what));
        let behind = current.check.entry_behind(position);
        if let Some(entry) = behind {
            current.check.give_up((entry.position, entry.offset));
        }
        behind.is_some()
    }

    fn ended(&self, pass: u64, current: &Current) {
        if !self.has(current) {
            return;
        }
        count(&self.counters.scrub_segments, 1);
        let (position, offset) = current.check.place();
        if offset != current.segment.end() {
            let what = "the segment ends before its end";
            self.tell(pass, corruption(&current.segment, position, what));
        } else if !(current.damaged || current.clean_index && current.check.index_agrees()) {
            self.make_index(current);
        }
    }

    /// Makes an index anew from its segment, unless retention or a deletion takes both away.
    fn make_index(&self, current: &Current) {
        // Whoever removes files holds it too.
        let _reached = self.checkpoint.lock();
        if !self.has(current) || self.health.check().is_err() {
            return;
        }
        let (segment, fs) = (&current.segment, self.context.fs.as_ref());
        let index = current.check.made_index(EntryKind::Sealed);
        let bytes = index.encode(segment.log(), segment.base());
        let path = segment.index_path();
        match replace_file(fs, path, &bytes).map_err(DiskError::new("replace", path)) {
            Ok(()) => {
                segment.replace_index(index);
                count(&self.counters.scrub_indexes, 1);
            }
            Err(e) => {
                count(&self.counters.scrub_errors, 1);
                // A sync that failed may have been that of a name which others wait for.
                if !e.is_full() {
                    self.health.poison(&e);
                }
            }
        }
    }

    fn tell(&self, pass: u64, place: Corruption) {
        let mut all = self.scrub.found.lock();
        if let Some(known) = all.iter_mut().find(|found| found.place == place) {
            known.pass = pass;
            return;
        }
        count(&self.counters.scrub_damage, 1);
        if all.len() < MOST_FOUND {
            all.push(Found { place, pass });
        }
    }
}

fn is_there(log: &Log, segment: &Arc<Segment>) -> bool {
    let chain = log.chain.read();
    !log.is_deleted() && chain.iter().any(|other| Arc::ptr_eq(other, segment))
}

fn corruption(segment: &Segment, position: u64, what: &'static str) -> Corruption {
    Corruption {
        file: segment.path().to_owned(),
        position,
        what,
    }
}
