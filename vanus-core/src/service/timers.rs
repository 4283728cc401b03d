//! Timers over the wire.

use vanus_proto::{
    message::{
        CancelTimer, FireTimer, GetTimer, ListTimers, Request, SetTimers, TimerDetail, TimersSet,
        UpdateTimer, fill_page,
    },
    service::Reply,
};
use vanus_types::{
    Batch, Coded, ErrorCode, Event, Fault,
    control::{TimerFilter, TimerPlace},
};

use super::{
    read::encode_batches,
    service::{Service, fault, unknown_request},
};

impl Service {
    pub(super) async fn timers(&self, request: Request) -> Result<Reply, Fault> {
        let timers = self.control.timers();
        match request {
            Request::SetTimers(request) => self.set_timers(request).await,
            Request::GetTimer(GetTimer { timer }) => {
                let (info, event) = timers.get(timer).await.map_err(fault)?;
                let body = encode_batches(&[Batch::of_one(&event)]);
                Ok(Reply::to::<GetTimer>(&TimerDetail { info }).with_batches(body))
            }
            Request::ListTimers(request) => self.list_timers(request).await,
            Request::CancelTimer(CancelTimer { timer }) => {
                let outcome = timers.cancel(timer).await.map_err(fault)?;
                Ok(Reply::to::<CancelTimer>(&outcome))
            }
            Request::UpdateTimer(UpdateTimer { timer, due_ms }) => {
                let outcome = timers.update(timer, due_ms).await.map_err(fault)?;
                Ok(Reply::to::<UpdateTimer>(&outcome))
            }
            Request::FireTimer(FireTimer { timer }) => {
                let outcome = timers.fire_now(timer).await.map_err(fault)?;
                Ok(Reply::to::<FireTimer>(&outcome))
            }
            _ => Err(unknown_request()),
        }
    }

    async fn set_timers(&self, request: SetTimers) -> Result<Reply, Fault> {
        let bus = self.bus(&request.eventbus)?;
        self.control.writable_bus(bus.record.id).map_err(fault)?;
        let mut events = Vec::with_capacity(request.timers.len());
        for timer in request.timers {
            let event = Event::from_record(timer.record.into()).map_err(|error| {
                let what = if error.code() == ErrorCode::InvalidEvent {
                    "is invalid"
                } else {
                    "cannot be read"
                };
                Fault::new(
                    error.code(),
                    format!("event {} {what}: {error}", events.len()),
                )
            })?;
            events.push((event, timer.due_ms));
        }
        let set = self.control.set_timers_asked(&bus, events).await;
        let ids = set.map_err(fault)?.into_iter().map(|timer| timer.id);
        let ids = ids.collect();
        Ok(Reply::to::<SetTimers>(&TimersSet { ids }))
    }

    async fn list_timers(&self, request: ListTimers) -> Result<Reply, Fault> {
        let ListTimers {
            eventbus,
            filter,
            after,
            limit,
        } = request;
        let eventbus = eventbus.map(|key| self.bus(&key)).transpose()?;
        let filter = TimerFilter {
            eventbus_id: eventbus.map(|bus| bus.record.id).or(filter.eventbus_id),
            ..filter
        };
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let timers = self.control.timers();
        let mut list = timers.list(filter, after, most).await.map_err(fault)?;
        let found = list.items.len();
        list.items = fill_page(list.items, limit);
        if list.items.len() < found {
            // An answer has a limit in bytes, too.
            list.next = list.items.last().map(|last| TimerPlace {
                due_ms: last.due_ms,
                id: last.id,
            });
        }
        Ok(Reply::to::<ListTimers>(&list))
    }
}
