//! Reading over the wire: batches go out as they are stored.

use std::time::Duration;

use bytes::Bytes;
use vanus_proto::{
    message::{LookupOffset, LookupOffsetReply, ReadEvent, ReadReply, ReadRequest},
    service::Reply,
};
use vanus_types::{
    Batch, Fault,
    control::StartFrom,
    limits::{MAX_POLL_WAIT_MS, MAX_READ_LEN},
};

use super::service::{Service, fault};
use crate::eventlog::{LogError, ReadBatches};

impl Service {
    pub(super) async fn read(&self, request: ReadRequest) -> Result<Reply, Fault> {
        self.control.bus_of_log(request.eventlog).map_err(fault)?;
        let wait = Duration::from_millis(u64::from(request.wait_ms).min(MAX_POLL_WAIT_MS));
        let max_bytes = usize::try_from(request.max_bytes).unwrap_or(MAX_READ_LEN);
        let read = self
            .logs
            .read_within(request.eventlog, request.offset, max_bytes, wait)
            .await;
        let chunk = read.map_err(fault)?;
        let info = self.logs.store().info(request.eventlog).map_err(fault)?;
        Ok(answer(&chunk, info.start_offset))
    }

    pub(super) async fn read_event(&self, request: ReadEvent) -> Result<Reply, Fault> {
        let id = request.event;
        self.control.bus_of_log(id.eventlog).map_err(fault)?;
        let info = self.logs.store().info(id.eventlog).map_err(fault)?;
        if id.offset >= info.end_offset {
            return Err(fault(LogError::NoEvent {
                id,
                end: info.end_offset,
            }));
        }
        // One byte: the batch that holds the event, and no other.
        let chunk = self
            .logs
            .read(id.eventlog, id.offset, 1)
            .await
            .map_err(fault)?;
        Ok(answer(&chunk, info.start_offset))
    }

    pub(super) async fn lookup_offset(&self, request: LookupOffset) -> Result<Reply, Fault> {
        let bus = self.control.bus_by_id(request.eventbus).map_err(fault)?;
        let mut offsets = Vec::with_capacity(bus.record.eventlogs.len());
        for eventlog in &bus.record.eventlogs {
            let from = StartFrom::Timestamp(request.time_ms);
            let offset = self
                .control
                .start_offset(*eventlog, from)
                .await
                .map_err(fault)?;
            offsets.push((*eventlog, offset));
        }
        Ok(Reply::to::<LookupOffset>(&LookupOffsetReply { offsets }))
    }
}

fn answer(chunk: &ReadBatches, start_offset: u64) -> Reply {
    let ReadBatches {
        batches,
        next_offset,
        end_offset,
    } = chunk;
    let (next_offset, end_offset) = (*next_offset, *end_offset);
    let reply = ReadReply {
        next_offset,
        start_offset,
        end_offset,
    };
    Reply::to::<ReadRequest>(&reply).with_batches(encode_batches(batches))
}

/// Headers and bodies back to back; bodies are not copied.
pub(super) fn encode_batches(batches: &[Batch]) -> Vec<Bytes> {
    let parts = |batch: &Batch| {
        [
            Bytes::copy_from_slice(&batch.header().encode()),
            batch.body().clone(),
        ]
    };
    batches.iter().flat_map(parts).collect()
}
