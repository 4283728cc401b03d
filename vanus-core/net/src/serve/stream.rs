//! One stream of a session.
//!
//! Reading and writing are two futures of one task, joined by a bounded queue: a peer that does
//! not read its answers is soon not read any more either.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinSet, yield_now},
};
use vanus_proto::{
    Op, Role,
    frame::{EncodedFrame, Flags, Frame, FrameError},
    message::{PublishReply, PublishRequest, Push, Request, TailRequest},
    service::{PublishOutcome, Reply, SessionContext},
    transport::{RecvHalf, SendHalf, TransportError},
};
use vanus_types::{Batch, Coded, ErrorCode, Fault, codec};

use super::{server::Shared, sink::ReplySink};
use crate::idle_poll::IdlePoll;

/// Most replies of one stream that wait to be written; further ones wait with whoever made them.
const REPLY_QUEUE: usize = 16;

/// How long the server, when it stops, waits for what it has pushed to be settled.
const SETTLE_GRACE: Duration = Duration::from_secs(2);

/// Serves one stream.
#[derive(Debug)]
pub(super) struct StreamTask {
    shared: Arc<Shared>,
    context: Arc<SessionContext>,
    /// Permits for requests of the whole session.
    requests: Arc<Semaphore>,
}

/// How reading a stream ended.
enum Ended {
    /// The asker ended the stream; nobody waits for what is under way.
    GivenUp,
    /// The server stops and everything is answered.
    Drained,
    /// The bytes are no frames.
    Broken(FrameError),
}

/// The outcome of a batch, with what its answer needs.
type Submitted = futures_util::future::Map<
    PublishOutcome,
    Box<dyn FnOnce(Result<PublishReply, Fault>) -> EncodedFrame + Send>,
>;

impl StreamTask {
    pub(super) const fn new(
        shared: Arc<Shared>,
        context: Arc<SessionContext>,
        requests: Arc<Semaphore>,
    ) -> Self {
        Self {
            shared,
            context,
            requests,
        }
    }

    /// Serves until the asker is done or the server has stopped.
    ///
    /// # Errors
    /// [`FrameError`] when the peer sent bytes that are no frame.
    pub(super) async fn run(
        self,
        send: Box<dyn SendHalf>,
        recv: Box<dyn RecvHalf>,
    ) -> Result<(), FrameError> {
        let (replies, written) = mpsc::channel(REPLY_QUEUE);
        let shared = Arc::clone(&self.shared);
        let mut reader = std::pin::pin!(self.read(recv, replies));
        let mut writer = std::pin::pin!(write(send, written, &shared.idle_poll));
        tokio::select! {
            ended = &mut reader => match ended {
                Ended::GivenUp => Ok(()),
                Ended::Broken(error) => Err(error),
                Ended::Drained => {
                    writer.await;
                    Ok(())
                }
            },
            () = &mut writer => Ok(()),
        }
    }

    async fn read(self, mut recv: Box<dyn RecvHalf>, replies: mpsc::Sender<EncodedFrame>) -> Ended {
        let mut submitted = FuturesUnordered::new();
        let mut calls = JoinSet::new();
        let mut stopping = std::pin::pin!(self.shared.stopping.clone().cancelled_owned());
        let mut draining = false;
        loop {
            if draining && submitted.is_empty() && calls.is_empty() {
                return Ended::Drained;
            }
            tokio::select! {
                biased;
                Some(reply) = submitted.next(), if !submitted.is_empty() => {
                    // Those who wait for the events were woken first and go first.
                    yield_now().await;
                    let _ = replies.send(reply).await;
                }
                Some(_) = calls.join_next(), if !calls.is_empty() => {}
                () = &mut stopping, if !draining => draining = true,
                frame = recv.recv(), if submitted.len() < self.shared.options.max_publish_in_flight => {
                    let frame = match frame {
                        Ok(Some(frame)) => frame,
                        Err(TransportError::Frame(error)) => return Ended::Broken(error),
                        Ok(None) | Err(_) => return Ended::GivenUp,
                    };
                    self.shared.idle_poll.received();
                    let answer = self.take(frame, draining, &mut submitted, &mut calls, &replies);
                    if let Err(refused) = answer.await {
                        let _ = replies.send(refused).await;
                    }
                }
            }
        }
    }

    /// Starts what a frame asks for; what is refused outright is answered at once.
    async fn take(
        &self,
        frame: Frame,
        draining: bool,
        submitted: &mut FuturesUnordered<Submitted>,
        calls: &mut JoinSet<()>,
        replies: &mpsc::Sender<EncodedFrame>,
    ) -> Result<(), EncodedFrame> {
        let (number, correlation) = (frame.op, frame.correlation);
        let refuse = |fault: Fault| EncodedFrame::fault(number, correlation, &fault);
        let Some(op) = Op::from_number(number) else {
            let text = format!("op {number:#06x} is unknown to this server");
            return Err(refuse(Fault::new(ErrorCode::Unsupported, text)));
        };
        // What was pushed is settled to the last.
        if draining && op != Op::Settle {
            return Err(refuse(not_running()));
        }
        match op {
            Op::Publish => {
                let outcome = self
                    .submit(&frame, submitted, replies)
                    .await
                    .map_err(refuse)?;
                let answer: Box<dyn FnOnce(Result<PublishReply, Fault>) -> EncodedFrame + Send> =
                    Box::new(move |outcome| publish_reply(correlation, outcome));
                submitted.push(outcome.map(answer));
            }
            Op::Tail => {
                let request = message(&frame).map_err(refuse)?;
                let permit = self.permit().map_err(refuse)?;
                let task = self.tail(correlation, request, replies.clone());
                calls.spawn(async move {
                    task.await;
                    drop(permit);
                });
            }
            Op::Push => {
                let request = message(&frame).map_err(refuse)?;
                let permit = self.permit().map_err(refuse)?;
                let task = self.push(correlation, request, replies.clone());
                calls.spawn(async move {
                    task.await;
                    drop(permit);
                });
            }
            _ => {
                let request = self.request(op, &frame).map_err(refuse)?;
                let permit = self.permit().map_err(refuse)?;
                let task = self.call(correlation, request, replies.clone());
                calls.spawn(async move {
                    task.await;
                    drop(permit);
                });
            }
        }
        Ok(())
    }

    /// Puts a batch in line, answering earlier ones while the line is full.
    async fn submit(
        &self,
        frame: &Frame,
        submitted: &mut FuturesUnordered<Submitted>,
        replies: &mpsc::Sender<EncodedFrame>,
    ) -> Result<PublishOutcome, Fault> {
        let request: PublishRequest = message(frame)?;
        let (batch, used) = Batch::parse(&frame.body).map_err(|error| Fault::of(&error))?;
        if used != frame.body.len() {
            let text = format!(
                "the body must be one batch, {} bytes follow it",
                frame.body.len() - used
            );
            return Err(Fault::new(ErrorCode::MalformedMessage, text));
        }
        let mut place = std::pin::pin!(self.shared.handler.submit(&self.context, request, batch));
        loop {
            tokio::select! {
                biased;
                outcome = &mut place => return outcome,
                Some(reply) = submitted.next(), if !submitted.is_empty() => {
                    let _ = replies.send(reply).await;
                }
            }
        }
    }

    fn request(&self, op: Op, frame: &Frame) -> Result<Request, Fault> {
        match Request::decode(op, &frame.control) {
            Ok(Some(Request::Read(mut read))) => {
                read.max_bytes = read.max_bytes.min(self.shared.options.max_read_len);
                Ok(Request::Read(read))
            }
            Ok(Some(request)) => Ok(request),
            Ok(None) => {
                let text = format!("{} is no request of an open session", op.name());
                Err(Fault::new(ErrorCode::InvalidRequest, text))
            }
            Err(error) => Err(Fault::of(&error)),
        }
    }

    fn permit(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.requests).try_acquire_owned().map_err(|_| {
            let text = format!(
                "the session has {} requests under way, wait for one of them",
                self.shared.options.max_requests_in_flight
            );
            Fault::new(ErrorCode::TryAgain, text)
        })
    }

    /// Answers one request. One that changes nothing does not hold up a stop.
    fn call(
        &self,
        correlation: u64,
        request: Request,
        replies: mpsc::Sender<EncodedFrame>,
    ) -> impl Future<Output = ()> + use<> {
        let (shared, context) = (Arc::clone(&self.shared), Arc::clone(&self.context));
        async move {
            let op = request.op();
            let changes_nothing = matches!(op.role(), Role::Any | Role::Read);
            let call = AssertUnwindSafe(shared.handler.call(&context, request)).catch_unwind();
            let answer = tokio::select! {
                biased;
                answer = call => answer.unwrap_or_else(|_| Err(panicked(op))),
                () = shared.stopping.cancelled(), if changes_nothing => Err(not_running()),
            };
            let frame = answer
                .and_then(|reply| encode(op, correlation, reply))
                .unwrap_or_else(|fault| EncodedFrame::fault(op.number(), correlation, &fault));
            let _ = replies.send(frame).await;
        }
    }

    /// Runs one tail to its end.
    fn tail(
        &self,
        correlation: u64,
        mut request: TailRequest,
        replies: mpsc::Sender<EncodedFrame>,
    ) -> impl Future<Output = ()> + use<> {
        let (shared, context) = (Arc::clone(&self.shared), Arc::clone(&self.context));
        request.max_bytes = request.max_bytes.min(shared.options.max_read_len);
        async move {
            let op = Op::Tail;
            let stopping = shared.stopping.clone();
            let mut sink = ReplySink::new(op, correlation, replies.clone(), stopping);
            let tail = shared.handler.tail(&context, request, &mut sink);
            let ended = tokio::select! {
                biased;
                ended = AssertUnwindSafe(tail).catch_unwind() => {
                    ended.unwrap_or_else(|_| Err(panicked(op)))
                }
                () = shared.stopping.cancelled() => Ok(()),
            };
            let _ = replies.send(end(op, correlation, ended)).await;
        }
    }

    /// Runs one push to its end.
    fn push(
        &self,
        correlation: u64,
        request: Push,
        replies: mpsc::Sender<EncodedFrame>,
    ) -> impl Future<Output = ()> + use<> {
        let (shared, context) = (Arc::clone(&self.shared), Arc::clone(&self.context));
        async move {
            let op = Op::Push;
            let stopping = shared.stopping.clone();
            let mut sink = ReplySink::new(op, correlation, replies.clone(), stopping);
            let push = shared.handler.push(&context, request, &mut sink);
            let too_long = async {
                shared.stopping.cancelled().await;
                tokio::time::sleep(SETTLE_GRACE).await;
            };
            let ended = tokio::select! {
                biased;
                ended = AssertUnwindSafe(push).catch_unwind() => {
                    ended.unwrap_or_else(|_| Err(panicked(op)))
                }
                () = too_long => Ok(()),
            };
            let _ = replies.send(end(op, correlation, ended)).await;
        }
    }
}

/// Writes replies, as many at once as there are, until there are no more or the peer is gone.
async fn write(
    mut send: Box<dyn SendHalf>,
    mut replies: mpsc::Receiver<EncodedFrame>,
    idle_poll: &IdlePoll,
) {
    let mut frames = Vec::with_capacity(REPLY_QUEUE);
    while replies.recv_many(&mut frames, REPLY_QUEUE).await > 0 {
        idle_poll.sent();
        if send.send(&mut frames).await.is_err() {
            return;
        }
    }
    // The peer that leaves instead of receiving has no use for the rest.
    let _ = send.finish().await;
}

/// The last answer of what has many.
fn end(op: Op, correlation: u64, ended: Result<(), Fault>) -> EncodedFrame {
    let end = || EncodedFrame::new(op.number(), Flags::END, correlation, &(), Vec::new());
    ended
        .and_then(|()| end().map_err(|error| Fault::of(&error)))
        .unwrap_or_else(|fault| EncodedFrame::fault(op.number(), correlation, &fault))
}

fn message<M: codec::Decode<()>>(frame: &Frame) -> Result<M, Fault> {
    codec::decode(&frame.control).map_err(|error| Fault::of(&error))
}

fn encode(op: Op, correlation: u64, reply: Reply) -> Result<EncodedFrame, Fault> {
    let (control, body) = reply.into_parts();
    EncodedFrame::from_control(op.number(), Flags::REPLY, correlation, &control, body).map_err(
        |error| {
            let text = format!("the answer fits no frame, ask for less: {error}");
            Fault::new(error.code(), text)
        },
    )
}

fn publish_reply(correlation: u64, outcome: Result<PublishReply, Fault>) -> EncodedFrame {
    let op = Op::Publish.number();
    outcome
        .and_then(|reply| {
            EncodedFrame::new(op, Flags::REPLY, correlation, &reply, Vec::new())
                .map_err(|error| Fault::of(&error))
        })
        .unwrap_or_else(|fault| EncodedFrame::fault(op, correlation, &fault))
}

fn not_running() -> Fault {
    Fault::new(
        ErrorCode::NotRunning,
        "the server is stopping, connect to it anew",
    )
}

fn panicked(op: Op) -> Fault {
    Fault::new(
        ErrorCode::Internal,
        format!("answering {} failed inside the server", op.name()),
    )
}
