//! One request and its answer on a stream of their own.

use bytes::Bytes;
use vanus_proto::{
    Op,
    frame::{EncodedFrame, Flags, Frame},
    message::Call,
    transport::{Stream, TransportError},
};
use vanus_types::{
    Batch, Fault,
    codec::{self, Decode},
};

use crate::error::ClientError;

/// An answer and the batches that came with it.
#[derive(Debug)]
pub(crate) struct Answer<R> {
    pub(crate) reply: R,
    pub(crate) body: Bytes,
}

impl<R> Answer<R> {
    /// The batches of the body, their checksums verified.
    pub(crate) fn batches(&self) -> Result<Vec<Batch>, ClientError> {
        let (mut rest, mut batches) = (self.body.clone(), Vec::new());
        while !rest.is_empty() {
            let (batch, used) = Batch::parse(&rest)?;
            batches.push(batch);
            rest = rest.slice(used.min(rest.len())..);
        }
        Ok(batches)
    }
}

/// Asks one request. Dropping the future gives the request up.
pub(super) async fn exchange<C: Call>(
    (mut send, mut recv): Stream,
    request: &C,
) -> Result<Answer<C::Reply>, ClientError> {
    let frame = EncodedFrame::new(C::OP.number(), Flags::NONE, 0, request, Vec::new())
        .map_err(TransportError::from)?;
    send.send(&mut vec![frame]).await?;
    let frame = recv.recv().await?.ok_or(TransportError::StreamReset)?;
    let reply = decode(C::OP, &frame)?;
    Ok(Answer {
        reply,
        body: frame.body,
    })
}

/// Reads the answer to an `asked` op: its message, or the fault.
pub(crate) fn decode<R: Decode<()>>(asked: Op, frame: &Frame) -> Result<R, ClientError> {
    let senseless = |detail: String| ClientError::Answer {
        what: asked.name(),
        detail,
    };
    if frame.op != asked.number() || !frame.flags.is_reply() {
        return Err(senseless(format!("it answers op {:#06x}", frame.op)));
    }
    if frame.flags.is_fault() {
        let fault: Fault =
            codec::decode(&frame.control).map_err(|error| senseless(error.to_string()))?;
        return Err(ClientError::Refused(fault));
    }
    codec::decode(&frame.control).map_err(|error| senseless(error.to_string()))
}
