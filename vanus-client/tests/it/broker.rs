//! A broker in memory: it keeps to the rules of the protocol, and fails on command.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use vanus_client::{Backoff, Client, ClientConfig};
use vanus_net::serve::{ServeOptions, serve};
use vanus_proto::{
    message::{
        DeleteNamespace, EventbusKey, GetEventbus, ListNamespaces, LookupOffset, LookupOffsetReply,
        NamespacePage, PublishReply, PublishRequest, Push, ReadEvent, ReadReply, ReadRequest,
        Request, TailProgress, TailRequest, fill_page,
    },
    service::{Handler, PublishOutcome, PushSink, Reply, SessionContext, TailSink},
    transport::{MemoryNetwork, Transport},
};
use vanus_types::{
    Batch, ErrorCode, Event, EventbusId, EventlogId, Fault, Name, NamespaceId, ProducerId,
    SeededEntropy,
    control::{EventbusInfo, EventbusRecord, EventlogInfo, NamespaceRecord, RetainFor},
};

/// Most batches of one producer the broker remembers.
const REMEMBERED: usize = vanus_types::limits::MAX_PRODUCER_IN_FLIGHT;

type Damage = fn(&mut Vec<u8>);

#[derive(Debug)]
pub struct Broker {
    logs: Mutex<HashMap<EventlogId, Log>>,
    pub appended: Notify,
    /// What the next batches are answered, instead of being stored.
    pub refusals: Mutex<VecDeque<Option<Fault>>>,
    /// One permit per outcome that may be told.
    pub outcomes: Arc<Semaphore>,
    pub namespaces: Mutex<Vec<NamespaceRecord>>,
    pub deletions: Mutex<u32>,
    pub pushed: Mutex<u32>,
    /// What is done to batches on their way to a reader.
    pub damage: Mutex<Option<Damage>>,
}

#[derive(Debug, Default)]
struct Log {
    batches: Vec<Batch>,
    start: u64,
    end: u64,
    producers: HashMap<ProducerId, Producer>,
}

#[derive(Debug, Default)]
struct Producer {
    expected: u64,
    recent: VecDeque<(u64, PublishReply)>,
}

impl Broker {
    pub fn new(eventlogs: u64) -> Arc<Self> {
        let logs = (1..=eventlogs)
            .map(|id| (EventlogId::from_u64(id), Log::default()))
            .collect();
        Arc::new(Self {
            logs: Mutex::new(logs),
            appended: Notify::new(),
            refusals: Mutex::default(),
            outcomes: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            namespaces: Mutex::default(),
            deletions: Mutex::default(),
            pushed: Mutex::default(),
            damage: Mutex::default(),
        })
    }

    pub fn hold_outcomes(&self) {
        self.outcomes.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub fn tell_outcomes(&self) {
        self.outcomes
            .add_permits(Semaphore::MAX_PERMITS - self.outcomes.available_permits());
    }

    /// Refuses the next batches but for those given as `None`.
    pub fn refuse(&self, codes: &[Option<ErrorCode>]) {
        let fault = |code: &Option<ErrorCode>| code.map(|code| Fault::new(code, "on command"));
        self.refusals.lock().extend(codes.iter().map(fault));
    }

    pub fn forget_producers(&self) {
        for log in self.logs.lock().values_mut() {
            log.producers.clear();
        }
    }

    /// Forgets the events before `offset`.
    pub fn retire(&self, eventlog: u64, offset: u64) {
        let mut logs = self.logs.lock();
        let log = logs.get_mut(&EventlogId::from_u64(eventlog)).unwrap();
        log.start = offset;
        log.batches
            .retain(|batch| batch.header().next_offset() > offset);
    }

    /// All events of an eventlog, in order.
    pub fn events(&self, eventlog: u64) -> Vec<Event> {
        let logs = self.logs.lock();
        let log = &logs[&EventlogId::from_u64(eventlog)];
        log.batches
            .iter()
            .flat_map(Batch::events)
            .map(|(_, event)| event)
            .collect()
    }

    pub fn ids(&self, eventlog: u64) -> Vec<u64> {
        self.events(eventlog)
            .iter()
            .map(|event| event.id().parse().unwrap())
            .collect()
    }

    pub fn batches(&self, eventlog: u64) -> usize {
        self.logs.lock()[&EventlogId::from_u64(eventlog)]
            .batches
            .len()
    }

    /// Appends without any producer, `each` events to a batch.
    pub fn fill(&self, eventlog: u64, ids: std::ops::Range<u64>, each: usize) {
        let events: Vec<_> = ids.map(event).collect();
        for events in events.chunks(each) {
            let batch = Batch::pack(events).remove(0);
            self.append(EventlogId::from_u64(eventlog), &batch).unwrap();
        }
    }

    fn append(&self, eventlog: EventlogId, batch: &Batch) -> Result<PublishReply, Fault> {
        let mut logs = self.logs.lock();
        let log = logs
            .get_mut(&eventlog)
            .ok_or_else(|| Fault::new(ErrorCode::EventlogNotFound, "no such eventlog"))?;
        let (header, count) = (*batch.header(), u64::from(batch.header().count));
        if let Some(id) = header.producer() {
            let producer = log.producers.entry(id).or_default();
            if let Some((_, reply)) = producer.recent.iter().find(|(s, _)| *s == header.sequence) {
                return Ok(PublishReply {
                    duplicate: true,
                    ..*reply
                });
            }
            if header.sequence != producer.expected {
                let text = format!("{} came, {} was due", header.sequence, producer.expected);
                return Err(Fault::new(ErrorCode::OutOfSequence, text));
            }
        }
        let base_offset = log.end;
        let append_time_ms = i64::try_from(base_offset).unwrap() * 10;
        log.end += count;
        log.batches
            .push(batch.assigned(eventlog, base_offset, append_time_ms));
        let reply = PublishReply {
            base_offset,
            count: header.count,
            append_time_ms,
            durability: vanus_types::Durability::Fsync,
            duplicate: false,
        };
        if let Some(id) = header.producer() {
            let producer = log.producers.entry(id).or_default();
            producer.expected = header.sequence + count;
            producer.recent.push_back((header.sequence, reply));
            if producer.recent.len() > REMEMBERED {
                producer.recent.pop_front();
            }
        }
        drop(logs);
        self.appended.notify_waiters();
        Ok(reply)
    }

    fn read(&self, eventlog: EventlogId, offset: u64, max_bytes: u32) -> Result<Found, Fault> {
        let logs = self.logs.lock();
        let log = logs
            .get(&eventlog)
            .ok_or_else(|| Fault::new(ErrorCode::EventlogNotFound, "no such eventlog"))?;
        if offset < log.start {
            return Err(Fault::new(ErrorCode::OffsetUnderflow, "not kept any more"));
        }
        if offset > log.end {
            return Err(Fault::new(ErrorCode::OffsetOverflow, "not there yet"));
        }
        let (mut chunks, mut bytes, mut next) = (Vec::new(), 0, offset);
        for batch in log
            .batches
            .iter()
            .filter(|batch| batch.header().next_offset() > offset)
        {
            bytes += batch.len();
            if bytes > max_bytes as usize && !chunks.is_empty() {
                break;
            }
            let mut whole = batch.header().encode().to_vec();
            whole.extend_from_slice(batch.body());
            if let Some(damage) = *self.damage.lock() {
                damage(&mut whole);
            }
            chunks.push(Bytes::from(whole));
            next = batch.header().next_offset();
        }
        Ok(Found {
            chunks,
            next,
            start: log.start,
            end: log.end,
        })
    }

    async fn read_or_wait(&self, request: ReadRequest) -> Result<Found, Fault> {
        let wait = Duration::from_millis(request.wait_ms.into());
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let appended = self.appended.notified();
            let found = self.read(request.eventlog, request.offset, request.max_bytes)?;
            if !found.chunks.is_empty() {
                return Ok(found);
            }
            if tokio::time::timeout_at(deadline, appended).await.is_err() {
                return Ok(found);
            }
        }
    }

    fn eventbus(&self) -> EventbusInfo {
        let logs = self.logs.lock();
        let mut ids: Vec<_> = logs.keys().copied().collect();
        ids.sort();
        let info = |id: &EventlogId| EventlogInfo {
            id: *id,
            start_offset: logs[id].start,
            end_offset: logs[id].end,
            bytes: 0,
            first_time_ms: None,
            last_time_ms: None,
            segments: Vec::new(),
        };
        EventbusInfo {
            logs: ids.iter().map(info).collect(),
            record: EventbusRecord {
                id: EventbusId::from_u64(1),
                name: Name::new("orders").unwrap(),
                namespace_id: NamespaceId::from_u64(1),
                namespace: Name::new("default").unwrap(),
                description: String::new(),
                eventlogs: ids,
                retention_ms: 1,
                retention_bytes: None,
                retain_for: RetainFor::None,
                dead_letter: None,
                created_at_ms: 0,
                updated_at_ms: 0,
            },
        }
    }
}

struct Found {
    chunks: Vec<Bytes>,
    next: u64,
    start: u64,
    end: u64,
}

impl Found {
    fn reply(&self) -> ReadReply {
        ReadReply {
            next_offset: self.next,
            start_offset: self.start,
            end_offset: self.end,
        }
    }
}

#[async_trait]
impl Handler for Broker {
    async fn submit(
        &self,
        _session: &SessionContext,
        request: PublishRequest,
        batch: Batch,
    ) -> Result<PublishOutcome, Fault> {
        if let Some(Some(fault)) = self.refusals.lock().pop_front() {
            return Err(fault);
        }
        let stored = self.append(request.eventlog, &batch);
        let outcomes = Arc::clone(&self.outcomes);
        Ok(Box::pin(async move {
            outcomes.acquire().await.unwrap().forget();
            stored.map(|reply| PublishReply {
                durability: request.durability,
                ..reply
            })
        }))
    }

    async fn call(&self, _session: &SessionContext, request: Request) -> Result<Reply, Fault> {
        match request {
            Request::Read(read) => {
                let found = self.read_or_wait(read).await?;
                Ok(Reply::to::<ReadRequest>(&found.reply()).with_batches(found.chunks))
            }
            Request::ReadEvent(ReadEvent { event }) => {
                let found = self.read(event.eventlog, event.offset, 1)?;
                Ok(Reply::to::<ReadEvent>(&found.reply()).with_batches(found.chunks))
            }
            Request::LookupOffset(LookupOffset { time_ms, .. }) => {
                let logs = self.logs.lock();
                let find = |log: &Log| {
                    let late = |b: &&Batch| b.header().append_time_ms >= time_ms;
                    log.batches
                        .iter()
                        .find(late)
                        .map_or(log.end, |b| b.header().base_offset)
                };
                let offsets = logs.iter().map(|(id, log)| (*id, find(log))).collect();
                Ok(Reply::to::<LookupOffset>(&LookupOffsetReply { offsets }))
            }
            Request::GetEventbus(GetEventbus { eventbus, .. }) => match eventbus {
                EventbusKey::Name { name, .. } if name.as_str() == "orders" => {
                    Ok(Reply::to::<GetEventbus>(&self.eventbus()))
                }
                _ => Err(Fault::new(ErrorCode::EventbusNotFound, "no such eventbus")),
            },
            Request::ListNamespaces(ListNamespaces { after, .. }) => {
                let all = self.namespaces.lock().clone();
                let rest = all
                    .iter()
                    .filter(|ns| after.is_none_or(|after| ns.id > after));
                let items = fill_page(rest.cloned(), 3);
                let last = items.last().map(|ns| ns.id);
                let next = last.filter(|last| all.iter().any(|ns| ns.id > *last));
                Ok(Reply::to::<ListNamespaces>(&NamespacePage { items, next }))
            }
            Request::DeleteNamespace(_) => {
                *self.deletions.lock() += 1;
                match self.refusals.lock().pop_front() {
                    Some(Some(fault)) => Err(fault),
                    _ => Ok(Reply::to::<DeleteNamespace>(&())),
                }
            }
            Request::GetClusterInfo(_) => std::future::pending().await,
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
        let mut offset = request.from;
        loop {
            let appended = self.appended.notified();
            let found = self.read(request.eventlog, offset, request.max_bytes)?;
            if found.chunks.is_empty() {
                appended.await;
                continue;
            }
            offset = found.next;
            let progress = TailProgress {
                next_offset: found.next,
                end_offset: found.end,
            };
            if sink.push(progress, found.chunks).await.is_err() {
                return Ok(());
            }
            *self.pushed.lock() += 1;
        }
    }

    async fn push(
        &self,
        _session: &SessionContext,
        _request: Push,
        _sink: &mut dyn PushSink,
    ) -> Result<(), Fault> {
        let text = "this broker has no subscriptions";
        Err(Fault::new(ErrorCode::SubscriptionNotFound, text))
    }
}

/// A broker that is served on a network in memory.
pub struct Stage {
    pub network: MemoryNetwork,
    pub broker: Arc<Broker>,
    pub stopping: CancellationToken,
}

pub const ADDRESS: &str = "broker";

impl Stage {
    pub async fn with(eventlogs: u64) -> Self {
        let (network, broker) = (MemoryNetwork::new(), Broker::new(eventlogs));
        let stopping = run(&network, &broker).await;
        Self {
            network,
            broker,
            stopping,
        }
    }

    /// Serves the same broker once more, after the first server was stopped.
    pub async fn serve_again(&self) {
        run(&self.network, &self.broker).await;
    }

    pub fn config(&self) -> ClientConfig {
        let mut config =
            ClientConfig::new(ADDRESS).over(Arc::new(self.network.transport("client")));
        config.entropy = Arc::new(SeededEntropy::new(7));
        config.backoff = Backoff {
            first: Duration::from_millis(1),
            most: Duration::from_millis(5),
        };
        config
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.config()).await.unwrap()
    }
}

async fn run(network: &MemoryNetwork, broker: &Arc<Broker>) -> CancellationToken {
    let listener = network.transport("server").listen(ADDRESS).await.unwrap();
    let stopping = CancellationToken::new();
    let broker: Arc<dyn Handler> = Arc::clone(broker) as _;
    tokio::spawn(serve(
        listener,
        broker,
        ServeOptions::default(),
        stopping.clone(),
    ));
    stopping
}

pub fn event(id: u64) -> Event {
    Event::builder()
        .id(id.to_string())
        .source("/s")
        .ty("t")
        .text("data")
        .build()
        .unwrap()
}
