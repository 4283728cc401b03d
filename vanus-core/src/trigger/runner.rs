//! A running subscription: one seat per eventlog, and one for dead letters sent again.

use std::sync::Arc;

use vanus_storage::meta::MetaError;
use vanus_types::control::EventlogProgress;

use super::{
    attempt::Origin, index::BusIndex, progress::Progress, route::Router, seat::Seat, shared::Shared,
};

/// Holds the seats of one subscription. Dropping it stops them without waiting.
#[derive(Debug)]
pub(crate) struct Runner {
    shared: Arc<Shared>,
    bus: Arc<BusIndex>,
    seats: Vec<Arc<Seat>>,
}

impl Runner {
    /// Starts where the stored progress says.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        bus: &Arc<BusIndex>,
        seats: Vec<(Arc<Seat>, Progress)>,
    ) -> Self {
        let mut runner = Self {
            shared: Arc::clone(shared),
            bus: Arc::clone(bus),
            seats: Vec::with_capacity(seats.len()),
        };
        for (seat, progress) in seats {
            seat.start(progress);
            runner.seats.push(seat);
        }
        runner
    }

    /// Stops reading, waits for the deliveries in flight and until progress is stored.
    ///
    /// # Errors
    /// [`MetaError`], and the seats whose progress is to be stored yet.
    pub(crate) async fn stop(mut self) -> Result<(), (MetaError, Vec<Arc<Seat>>)> {
        let seats = std::mem::take(&mut self.seats);
        seats.iter().for_each(Seat::stop);
        for seat in &seats {
            seat.rested().await;
        }
        let saved = self.shared.saver.flush().await;
        match saved {
            Ok(()) => {
                seats.iter().for_each(|seat| seat.close());
                Ok(())
            }
            Err(error) => Err((error, seats)),
        }
    }

    /// Why nothing is delivered, if somebody has to do something about it.
    pub(crate) fn problem(&self) -> Option<String> {
        let shared = &self.shared;
        shared.sink.problem().or_else(|| shared.health.problem())
    }

    /// How far each seat is. End offsets are left zero: the caller knows them.
    pub(crate) fn progress(&self) -> Vec<EventlogProgress> {
        let seats = self.seats.iter();
        seats
            .filter(|seat| seat.origin == Origin::Eventlog)
            .map(|seat| seat.progress())
            .collect()
    }

    /// Events that were filtered out and that no counter knows yet.
    pub(crate) fn uncounted(&self) -> u64 {
        self.seats.iter().map(|seat| seat.uncounted()).sum()
    }

    /// What decides where events go, if it has routes.
    pub(crate) fn router(&self) -> Option<&Arc<Router>> {
        self.shared.router.as_ref()
    }

    /// The eventbus whose events it reads.
    pub(crate) const fn bus(&self) -> &Arc<BusIndex> {
        &self.bus
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.seats.iter().for_each(Seat::stop);
        self.bus.remove(self.shared.number);
    }
}
