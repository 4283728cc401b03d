//! The handler of the wire protocol.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use vanus_proto::{
    message::{PublishReply, PublishRequest, Push, Request, TailProgress, TailRequest},
    service::{Handler, PublishOutcome, PushSink, Reply, SessionContext, TailSink},
};
use vanus_types::{
    Batch, Coded, ErrorCode, Event, Fault, control::ClusterInfo, limits::MAX_READ_LEN,
};

use super::read::encode_batches;
use crate::{
    control::{Control, ControlError},
    eventbus::admit_batch,
    eventlog::Logs,
    timer::due_ms,
};

/// Answers the wire protocol for one engine. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    pub(super) control: Arc<Control>,
    pub(super) logs: Logs,
    pub(super) info: Arc<dyn Fn() -> ClusterInfo + Send + Sync>,
}

impl Service {
    pub(crate) fn new(
        control: Arc<Control>,
        logs: Logs,
        info: Arc<dyn Fn() -> ClusterInfo + Send + Sync>,
    ) -> Self {
        Self {
            control,
            logs,
            info,
        }
    }

    /// The same service, which tells `info` about the node: a daemon adds the addresses it
    /// listens on.
    #[must_use]
    pub fn telling(mut self, info: Arc<dyn Fn() -> ClusterInfo + Send + Sync>) -> Self {
        self.info = info;
        self
    }
}

impl Service {
    /// Refuses events of a batch that are not due yet: a batch lies in one piece, at one time.
    fn check_times(&self, asking: &[Event]) -> Result<(), ControlError> {
        for (index, event) in asking.iter().enumerate() {
            let now_ms = self.control.timers().now_ms();
            let due = due_ms(event, now_ms);
            let due = due.map_err(|source| ControlError::Time { index, source })?;
            if due.is_some_and(|due_ms| due_ms > now_ms) {
                return Err(ControlError::TimerPlaced);
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Service")
    }
}

/// The form in which an error crosses the wire.
#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
pub(super) fn fault<E: Coded + std::error::Error>(error: E) -> Fault {
    Fault::of(&error)
}

#[async_trait]
impl Handler for Service {
    async fn submit(
        &self,
        _session: &SessionContext,
        request: PublishRequest,
        batch: Batch,
    ) -> Result<PublishOutcome, Fault> {
        let bus = self.control.bus_of_log(request.eventlog).map_err(fault)?;
        self.control.writable_bus(bus.record.id).map_err(fault)?;
        let asking = admit_batch(&batch).map_err(fault)?;
        self.check_times(&asking).map_err(fault)?;
        let submitted = self
            .logs
            .submit(request.eventlog, batch, request.durability)
            .await;
        let outcome = submitted.map_err(fault)?;
        Ok(Box::pin(async move {
            let appended = outcome.await.map_err(fault)?;
            Ok(PublishReply {
                base_offset: appended.base_offset,
                count: appended.count,
                append_time_ms: appended.append_time_ms,
                durability: appended.durability,
                duplicate: appended.duplicate,
            })
        }))
    }

    async fn call(&self, _session: &SessionContext, request: Request) -> Result<Reply, Fault> {
        match request {
            Request::Read(request) => self.read(request).await,
            Request::ReadEvent(request) => self.read_event(request).await,
            Request::LookupOffset(request) => self.lookup_offset(request).await,
            Request::Receive(request) => self.receive(request).await,
            Request::Settle(request) => self.settle(request),
            Request::SetTimers(_)
            | Request::GetTimer(_)
            | Request::ListTimers(_)
            | Request::CancelTimer(_)
            | Request::UpdateTimer(_)
            | Request::FireTimer(_) => self.timers(request).await,
            Request::CreateSchedule(_)
            | Request::ListSchedules(_)
            | Request::GetSchedule(_)
            | Request::PauseSchedule(_)
            | Request::ResumeSchedule(_)
            | Request::DeleteSchedule(_) => self.schedules(request).await,
            other => self.administer(other).await,
        }
    }

    async fn tail(
        &self,
        _session: &SessionContext,
        request: TailRequest,
        sink: &mut dyn TailSink,
    ) -> Result<(), Fault> {
        self.control.bus_of_log(request.eventlog).map_err(fault)?;
        let max_bytes = usize::try_from(request.max_bytes).unwrap_or(MAX_READ_LEN);
        let mut offset = request.from;
        loop {
            let read = self
                .logs
                .read_when_there(request.eventlog, offset, max_bytes)
                .await;
            let chunk = read.map_err(fault)?;
            offset = chunk.next_offset;
            let progress = TailProgress {
                next_offset: offset,
                end_offset: chunk.end_offset,
            };
            if sink
                .push(progress, encode_batches(&chunk.batches))
                .await
                .is_err()
            {
                return Ok(());
            }
        }
    }

    async fn push(
        &self,
        _session: &SessionContext,
        request: Push,
        sink: &mut dyn PushSink,
    ) -> Result<(), Fault> {
        self.push_deliveries(request, sink).await
    }
}

/// A request this build does not know how to answer.
pub(super) fn unknown_request() -> Fault {
    Fault::new(
        ErrorCode::Unsupported,
        "this node does not know the request",
    )
}
