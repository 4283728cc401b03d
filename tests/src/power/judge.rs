//! What is left after the power came back, against what was acknowledged.

use std::{collections::HashSet, fmt, path::Path};

use vanus_core::{Eventbus, EventlogId, ReadOptions, StoredEvent, Vanus};

use super::publisher::{BUS, options};
use crate::{
    harness::Result,
    ledger::{Ledger, event},
};

const NAMESPACE: &str = "default";

/// What was found, over any number of cuts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Findings {
    /// Events acknowledged.
    pub acked: u64,
    /// Events found.
    pub stored: u64,
    /// Events acknowledged and not found where they were said to be.
    pub lost: u64,
    /// Events found that nobody sent, or with another content, or twice.
    pub phantom: u64,
    /// Eventbuses acknowledged and not found.
    pub buses_lost: u64,
}

impl Findings {
    /// Whether nothing was lost or invented.
    #[must_use]
    pub const fn are_clean(&self) -> bool {
        self.lost == 0 && self.phantom == 0 && self.buses_lost == 0
    }
}

impl std::ops::AddAssign for Findings {
    fn add_assign(&mut self, more: Self) {
        self.acked += more.acked;
        self.stored += more.stored;
        self.lost += more.lost;
        self.phantom += more.phantom;
        self.buses_lost += more.buses_lost;
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            acked,
            stored,
            lost,
            phantom,
            buses_lost,
        } = self;
        write!(
            f,
            "acked={acked} stored={stored} lost={lost} phantom={phantom} buses_lost={buses_lost}"
        )
    }
}

/// Opens what is left in `folder` and compares it with `ledger`; then closes it in order.
///
/// # Errors
/// When the engine does not open or does not read: that is a loss of everything.
pub async fn judge(folder: &Path, ledger: &Ledger) -> Result<Findings> {
    let vanus = Vanus::builder()
        .data_dir(folder.join("data"))
        .options(options())
        .open()
        .await?;
    let mut findings = Findings {
        acked: ledger.events.len() as u64,
        ..Findings::default()
    };
    for name in &ledger.buses {
        findings.buses_lost += u64::from(vanus.eventbus(NAMESPACE, name).is_err());
    }
    let mut found = HashSet::new();
    if let Ok(bus) = vanus.eventbus(NAMESPACE, BUS) {
        let mut ids = HashSet::new();
        for eventlog in bus.record()?.eventlogs {
            for stored in read_all(&bus, eventlog).await? {
                let id = stored.event.id();
                findings.stored += 1;
                let genuine = event(id).is_ok_and(|sent| sent == stored.event);
                findings.phantom += u64::from(!genuine || !ids.insert(id.to_owned()));
                found.insert((eventlog.to_string(), stored.id.offset, id.to_owned()));
            }
        }
    }
    let lost = ledger.events.iter().filter(|acked| !found.contains(*acked));
    findings.lost = lost.count() as u64;
    vanus.close().await?;
    Ok(findings)
}

async fn read_all(bus: &Eventbus, eventlog: EventlogId) -> Result<Vec<StoredEvent>> {
    let (mut events, mut next) = (Vec::new(), 0);
    loop {
        let page = bus.read(eventlog, next, ReadOptions::default()).await?;
        if page.events.is_empty() {
            if page.end_offset != next {
                return Err(format!("eventlog {eventlog} ends at {next}, not at its end").into());
            }
            return Ok(events);
        }
        for event in &page.events {
            if event.id.offset != next {
                return Err(format!("eventlog {eventlog} has no event at {next}").into());
            }
            next += 1;
        }
        events.extend(page.events);
    }
}
