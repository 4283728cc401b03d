//! A handler that keeps what was asked, and a client end that speaks frame by frame.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use vanus_net::{
    quic::{Identity, QuicOptions, QuicTransport},
    serve::{ServeOptions, serve},
};
use vanus_proto::{
    Op,
    frame::{EncodedFrame, Flags, Frame},
    message::{
        AttemptKey, Call, Hello, PROTOCOL_VERSION, PublishReply, PublishRequest, Push, ReadReply,
        ReadRequest, Received, Request, Settle, Settled, TailProgress, TailRequest,
    },
    service::{Handler, PublishOutcome, PushSink, Reply, SessionContext, TailSink},
    transport::{Connection, MemoryNetwork, Stream, Transport, TransportError},
};
use vanus_types::{
    Batch, BatchBuilder, Durability, ErrorCode, Event, EventId, EventlogId, Fault, ProducerId,
    codec,
};

/// Answers reads at once, namespaces never, and batches when it is told to.
#[derive(Debug)]
pub struct Shelf {
    pub submitted: Mutex<Vec<u64>>,
    pub outcomes: Arc<Semaphore>,
    pub next_offset: AtomicU64,
    pub read_len: usize,
    pub pushed: AtomicUsize,
    /// Told of every attempt that is settled.
    pub settled: Notify,
    pub call_began: Notify,
    pub call_given_up: Arc<CancelNote>,
}

#[derive(Debug, Default)]
pub struct CancelNote {
    pub noted: Notify,
    pub given_up: AtomicBool,
}

struct NoteOnDrop(Arc<CancelNote>);

impl Drop for NoteOnDrop {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::SeqCst);
        self.0.noted.notify_one();
    }
}

impl Shelf {
    pub fn new() -> Arc<Self> {
        Self::with_read_len(100)
    }

    pub fn with_read_len(read_len: usize) -> Arc<Self> {
        Arc::new(Self {
            submitted: Mutex::default(),
            outcomes: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            next_offset: AtomicU64::new(0),
            read_len,
            pushed: AtomicUsize::new(0),
            settled: Notify::new(),
            call_began: Notify::new(),
            call_given_up: Arc::default(),
        })
    }

    /// Takes all outcomes back: batches are submitted and wait.
    pub fn hold_outcomes(&self) {
        self.outcomes.forget_permits(Semaphore::MAX_PERMITS);
    }
}

#[async_trait]
impl Handler for Shelf {
    async fn submit(
        &self,
        _session: &SessionContext,
        request: PublishRequest,
        batch: Batch,
    ) -> Result<PublishOutcome, Fault> {
        if request.eventlog.get() == 404 {
            return Err(Fault::new(ErrorCode::EventlogNotFound, "no such eventlog"));
        }
        self.submitted.lock().push(batch.header().sequence);
        let count = batch.header().count;
        let base_offset = self.next_offset.fetch_add(count.into(), Ordering::SeqCst);
        let outcomes = Arc::clone(&self.outcomes);
        Ok(Box::pin(async move {
            outcomes.acquire().await.unwrap().forget();
            Ok(PublishReply {
                base_offset,
                count,
                append_time_ms: 1,
                durability: request.durability,
                duplicate: false,
            })
        }))
    }

    async fn call(&self, _session: &SessionContext, request: Request) -> Result<Reply, Fault> {
        match request {
            Request::Read(read) => {
                let reply = ReadReply {
                    next_offset: read.offset + 1,
                    start_offset: read.max_bytes.into(),
                    end_offset: 9,
                };
                let body = vec![Bytes::from(vec![7; self.read_len / 2]); 2];
                Ok(Reply::to::<ReadRequest>(&reply).with_batches(body))
            }
            Request::GetNamespace(_) | Request::DeleteNamespace(_) => {
                let _note = NoteOnDrop(Arc::clone(&self.call_given_up));
                self.call_began.notify_one();
                std::future::pending().await
            }
            Request::Settle(_) => {
                self.settled.notify_one();
                Ok(Reply::to::<Settle>(&Settled { late: Vec::new() }))
            }
            Request::GetClusterInfo(_) => panic!("this handler does not know itself"),
            other => Err(Fault::new(
                ErrorCode::Unsupported,
                format!("no {:?}", other.op()),
            )),
        }
    }

    async fn tail(
        &self,
        _session: &SessionContext,
        request: TailRequest,
        sink: &mut dyn TailSink,
    ) -> Result<(), Fault> {
        let piece = Bytes::from(vec![3; self.read_len]);
        for offset in request.from.. {
            let progress = TailProgress {
                next_offset: offset + 1,
                end_offset: u64::MAX,
            };
            if sink.push(progress, vec![piece.clone()]).await.is_err() {
                break;
            }
            self.pushed.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Pushes one delivery, and ends when the server stops and that one is settled.
    async fn push(
        &self,
        _session: &SessionContext,
        request: Push,
        sink: &mut dyn PushSink,
    ) -> Result<(), Fault> {
        let id = EventId {
            eventlog: EventlogId::from_u64(1),
            offset: request.window.into(),
        };
        let attempts = vec![AttemptKey { id, attempt: 1 }];
        let _ = sink.push(Received { attempts }, Vec::new()).await;
        sink.stopping().await;
        self.settled.notified().await;
        Ok(())
    }
}

/// A server and a way to connect to it.
pub struct Stage {
    pub transport: Arc<dyn Transport>,
    pub address: String,
    pub shelf: Arc<Shelf>,
    pub stopping: CancellationToken,
    pub server: tokio::task::JoinHandle<()>,
}

impl Stage {
    pub async fn over_memory(shelf: Arc<Shelf>, options: ServeOptions) -> Self {
        let network = MemoryNetwork::new();
        let transport = Arc::new(network.transport("tester"));
        Self::over(transport, "node-1", shelf, options).await
    }

    pub async fn over_quic(shelf: Arc<Shelf>, options: ServeOptions) -> Self {
        let quic = QuicOptions {
            identity: Identity::SelfSigned,
            ..QuicOptions::default()
        };
        let transport = Arc::new(QuicTransport::new(quic).unwrap());
        Self::over(transport, "127.0.0.1:0", shelf, options).await
    }

    async fn over(
        transport: Arc<dyn Transport>,
        address: &str,
        shelf: Arc<Shelf>,
        options: ServeOptions,
    ) -> Self {
        let listener = transport.listen(address).await.unwrap();
        let address = listener.address();
        let stopping = CancellationToken::new();
        let server = tokio::spawn(serve(listener, shelf.clone(), options, stopping.clone()));
        Self {
            transport,
            address,
            shelf,
            stopping,
            server,
        }
    }

    pub async fn connect(&self) -> Peer {
        let connection = self.transport.connect(&self.address).await.unwrap();
        let mut session = Talk(connection.open_stream().await.unwrap());
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            client: "tester".into(),
            features: 0,
        };
        session.ask(1, &hello).await;
        let reply = session.answer::<Hello>(1).await.unwrap();
        assert_eq!(reply.protocol, PROTOCOL_VERSION);
        Peer {
            connection,
            session,
        }
    }
}

/// A client end with an open session.
pub struct Peer {
    pub connection: Arc<dyn Connection>,
    pub session: Talk,
}

impl Peer {
    pub async fn talk(&self) -> Talk {
        Talk(self.connection.open_stream().await.unwrap())
    }
}

/// One stream, spoken frame by frame.
pub struct Talk(pub Stream);

impl Talk {
    pub async fn ask<C: Call>(&mut self, correlation: u64, message: &C) {
        self.ask_with(correlation, message, Vec::new()).await;
    }

    pub async fn ask_with<C: Call>(&mut self, correlation: u64, message: &C, body: Vec<Bytes>) {
        let op = C::OP.number();
        let frame = EncodedFrame::new(op, Flags::NONE, correlation, message, body).unwrap();
        self.0.0.send(&mut vec![frame]).await.unwrap();
    }

    pub async fn publish(&mut self, correlation: u64, eventlog: u64, batch: &Batch) {
        let request = PublishRequest {
            eventlog: EventlogId::from_u64(eventlog),
            durability: Durability::Fsync,
        };
        let header = Bytes::copy_from_slice(&batch.header().encode());
        self.ask_with(correlation, &request, vec![header, batch.body().clone()])
            .await;
    }

    pub async fn frame(&mut self) -> Result<Option<Frame>, TransportError> {
        tokio::time::timeout(Duration::from_secs(5), self.0.1.recv())
            .await
            .expect("an answer")
    }

    pub async fn answer<C: Call>(&mut self, correlation: u64) -> Result<C::Reply, Fault> {
        let frame = self.frame().await.unwrap().expect("an answer");
        assert_eq!((frame.op, frame.correlation), (C::OP.number(), correlation));
        assert!(frame.flags.is_reply());
        if frame.flags.is_fault() {
            return Err(codec::decode(&frame.control).unwrap());
        }
        Ok(codec::decode(&frame.control).unwrap())
    }

    pub async fn fault(&mut self) -> Fault {
        let frame = self.frame().await.unwrap().expect("an answer");
        assert!(frame.flags.is_fault(), "op {:?}", Op::from_number(frame.op));
        codec::decode(&frame.control).unwrap()
    }
}

pub fn batch(sequence: u64) -> Batch {
    let event = Event::builder()
        .id("1")
        .source("/s")
        .ty("t")
        .text("data")
        .build()
        .unwrap();
    let mut builder = BatchBuilder::new().producer(ProducerId::from_u64(1), sequence);
    assert!(builder.push(&event));
    builder.build().unwrap()
}
