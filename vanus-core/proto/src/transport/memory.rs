//! A network in memory: deterministic, bounded, and broken on command.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::{
    CloseCode, Connection, Listener, RecvHalf, SendHalf, Stream, Transport, TransportError,
};
use crate::frame::{EncodedFrame, Frame, FrameDecoder};

/// Most connections that wait to be accepted.
const BACKLOG: usize = 64;

/// Most streams one side of a connection has open, as over QUIC. Beyond it opening one waits until
/// both sides have dropped another.
const MAX_STREAMS: usize = 256;

/// Most frames under way in one direction of a stream.
const FRAMES_UNDER_WAY: usize = 64;

/// A network of named addresses within this process.
///
/// Clones are the same network. Links can be cut and healed, and connections dropped, by the
/// address that was listened on.
#[derive(Debug, Clone, Default)]
pub struct MemoryNetwork {
    shared: Arc<Mutex<HashMap<String, Address>>>,
}

#[derive(Debug, Default)]
struct Address {
    listener: Option<mpsc::Sender<Arc<dyn Connection>>>,
    connections: Vec<Weak<Link>>,
    cut: bool,
}

impl MemoryNetwork {
    /// A network without any listener.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The way onto this network for one who is called `name` by its peers.
    #[must_use]
    pub fn transport(&self, name: &str) -> MemoryTransport {
        MemoryTransport {
            network: self.clone(),
            name: name.to_owned(),
        }
    }

    /// How many connections to `address` are open.
    #[must_use]
    pub fn connections(&self, address: &str) -> usize {
        let shared = self.shared.lock();
        let links = shared.get(address).map(|entry| entry.connections.iter());
        links.map_or(0, |links| {
            let open = |link: &Arc<Link>| link.check().is_ok();
            links.filter_map(Weak::upgrade).filter(open).count()
        })
    }

    /// Cuts `address` off: its connections break, and no new one can be made until it is healed.
    pub fn cut(&self, address: &str) {
        self.shared
            .lock()
            .entry(address.to_owned())
            .or_default()
            .cut = true;
        self.drop_connections(address);
    }

    /// Lets connections be made to `address` again.
    pub fn heal(&self, address: &str) {
        self.shared
            .lock()
            .entry(address.to_owned())
            .or_default()
            .cut = false;
    }

    /// Breaks all connections to `address`; new ones can be made at once.
    pub fn drop_connections(&self, address: &str) {
        let links = match self.shared.lock().get_mut(address) {
            Some(entry) => std::mem::take(&mut entry.connections),
            None => Vec::new(),
        };
        for link in links.iter().filter_map(Weak::upgrade) {
            link.end(TransportError::Lost {
                detail: "the link was cut".to_owned(),
            });
        }
    }
}

/// One participant of a [`MemoryNetwork`].
#[derive(Debug, Clone)]
pub struct MemoryTransport {
    network: MemoryNetwork,
    name: String,
}

#[async_trait]
impl Transport for MemoryTransport {
    async fn connect(&self, address: &str) -> Result<Arc<dyn Connection>, TransportError> {
        let refused = |detail: &str| TransportError::Connect {
            address: address.to_owned(),
            detail: detail.to_owned(),
        };
        let (client, server, backlog) = {
            let mut shared = self.network.shared.lock();
            let entry = shared
                .get_mut(address)
                .ok_or_else(|| refused("nobody listens there"))?;
            if entry.cut {
                return Err(refused("the link is cut"));
            }
            let backlog = entry
                .listener
                .clone()
                .ok_or_else(|| refused("nobody listens there"))?;
            let (client, server) = MemoryConnection::pair(&self.name, address);
            entry.connections.retain(|link| link.strong_count() > 0);
            entry.connections.push(Arc::downgrade(&client.link));
            (client, server, backlog)
        };
        backlog
            .send(Arc::new(server))
            .await
            .map_err(|_| refused("nobody listens there"))?;
        Ok(Arc::new(client))
    }

    async fn listen(&self, address: &str) -> Result<Box<dyn Listener>, TransportError> {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        let mut shared = self.network.shared.lock();
        let entry = shared.entry(address.to_owned()).or_default();
        if entry
            .listener
            .as_ref()
            .is_some_and(|listener| !listener.is_closed())
        {
            return Err(TransportError::Listen {
                address: address.to_owned(),
                detail: "somebody listens there already".to_owned(),
            });
        }
        entry.listener = Some(sender);
        Ok(Box::new(MemoryListener {
            address: address.to_owned(),
            network: self.network.clone(),
            receiver: AsyncMutex::new(receiver),
        }))
    }
}

#[derive(Debug)]
struct MemoryListener {
    address: String,
    network: MemoryNetwork,
    receiver: AsyncMutex<mpsc::Receiver<Arc<dyn Connection>>>,
}

#[async_trait]
impl Listener for MemoryListener {
    async fn accept(&self) -> Option<Arc<dyn Connection>> {
        self.receiver.lock().await.recv().await
    }

    fn address(&self) -> String {
        self.address.clone()
    }

    fn close(&self) {
        if let Some(entry) = self.network.shared.lock().get_mut(&self.address) {
            entry.listener = None;
        }
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        self.close();
    }
}

/// What both ends of a connection share: whether, and why, it has ended.
#[derive(Debug)]
struct Link {
    ended: watch::Sender<Option<TransportError>>,
}

impl Link {
    fn end(&self, why: TransportError) {
        self.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            if first {
                *ended = Some(why);
            }
            first
        });
    }

    fn check(&self) -> Result<(), TransportError> {
        self.ended.borrow().clone().map_or(Ok(()), Err)
    }

    async fn ended(self: Arc<Self>) -> TransportError {
        let mut watch = self.ended.subscribe();
        loop {
            if let Some(why) = watch.borrow_and_update().clone() {
                return why;
            }
            if watch.changed().await.is_err() {
                return TransportError::Lost {
                    detail: "the network is gone".to_owned(),
                };
            }
        }
    }
}

struct MemoryConnection {
    link: Arc<Link>,
    peer: String,
    outgoing: mpsc::Sender<Stream>,
    /// One permit per stream that may still be opened from here.
    allowed: Arc<Semaphore>,
    incoming: AsyncMutex<mpsc::Receiver<Stream>>,
}

impl MemoryConnection {
    fn pair(client: &str, server: &str) -> (Self, Self) {
        let link = Arc::new(Link {
            ended: watch::Sender::new(None),
        });
        let (to_server, from_client) = mpsc::channel(MAX_STREAMS);
        let (to_client, from_server) = mpsc::channel(MAX_STREAMS);
        let end = |peer: &str, outgoing, incoming| Self {
            link: Arc::clone(&link),
            peer: peer.to_owned(),
            outgoing,
            allowed: Arc::new(Semaphore::new(MAX_STREAMS)),
            incoming: AsyncMutex::new(incoming),
        };
        (
            end(server, to_server, from_server),
            end(client, to_client, from_client),
        )
    }
}

impl fmt::Debug for MemoryConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryConnection")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl Drop for MemoryConnection {
    fn drop(&mut self) {
        self.close(CloseCode::Done, "the connection was dropped");
    }
}

#[async_trait]
impl Connection for MemoryConnection {
    async fn open_stream(&self) -> Result<Stream, TransportError> {
        self.link.check()?;
        let permit = unless_ended(&self.link, Arc::clone(&self.allowed).acquire_owned()).await?;
        // It is never closed.
        let permit = permit
            .map(Arc::new)
            .map_err(|_| TransportError::StreamReset)?;
        let (to_peer, at_peer) = mpsc::channel(FRAMES_UNDER_WAY);
        let (from_peer, here) = mpsc::channel(FRAMES_UNDER_WAY);
        let ours = stream(&self.link, &permit, to_peer, here);
        let theirs = stream(&self.link, &permit, from_peer, at_peer);
        if self.outgoing.send(theirs).await.is_err() {
            return Err(Arc::clone(&self.link).ended().await);
        }
        Ok(ours)
    }

    async fn accept_stream(&self) -> Result<Stream, TransportError> {
        self.link.check()?;
        let mut incoming = self.incoming.lock().await;
        let mut ended = std::pin::pin!(Arc::clone(&self.link).ended());
        let mut next = std::pin::pin!(incoming.recv());
        std::future::poll_fn(|context| {
            if let Poll::Ready(why) = ended.as_mut().poll(context) {
                return Poll::Ready(Err(why));
            }
            match next.as_mut().poll(context) {
                Poll::Ready(Some(stream)) => Poll::Ready(Ok(stream)),
                // The peer is gone; why is told by the link.
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    fn close(&self, code: CloseCode, reason: &str) {
        self.link.end(TransportError::Closed {
            code: code.number(),
            reason: reason.to_owned(),
        });
    }

    async fn closed(&self) -> TransportError {
        Arc::clone(&self.link).ended().await
    }

    fn peer(&self) -> String {
        self.peer.clone()
    }
}

fn stream(
    link: &Arc<Link>,
    permit: &Arc<OwnedSemaphorePermit>,
    to_peer: mpsc::Sender<EncodedFrame>,
    from_peer: mpsc::Receiver<EncodedFrame>,
) -> Stream {
    let send = MemorySend {
        link: Arc::clone(link),
        to_peer: Some(to_peer),
        _permit: Arc::clone(permit),
    };
    let recv = MemoryRecv {
        from_peer,
        _permit: Arc::clone(permit),
        decoder: FrameDecoder::new(),
        ended: Box::pin(Arc::clone(link).ended()),
    };
    (Box::new(send), Box::new(recv))
}

#[derive(Debug)]
struct MemorySend {
    link: Arc<Link>,
    to_peer: Option<mpsc::Sender<EncodedFrame>>,
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Lets `wait` go on until it is done or the connection ends.
async fn unless_ended<T>(
    link: &Arc<Link>,
    wait: impl Future<Output = T>,
) -> Result<T, TransportError> {
    let mut ended = std::pin::pin!(Arc::clone(link).ended());
    let mut wait = std::pin::pin!(wait);
    std::future::poll_fn(|context| {
        if let Poll::Ready(why) = ended.as_mut().poll(context) {
            return Poll::Ready(Err(why));
        }
        wait.as_mut().poll(context).map(Ok)
    })
    .await
}

#[async_trait]
impl SendHalf for MemorySend {
    async fn send(&mut self, frames: &mut Vec<EncodedFrame>) -> Result<(), TransportError> {
        let to_peer = self.to_peer.as_ref().ok_or(TransportError::StreamReset)?;
        for frame in frames.drain(..) {
            unless_ended(&self.link, to_peer.send(frame))
                .await?
                .map_err(|_| TransportError::StreamReset)?;
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), TransportError> {
        let Some(to_peer) = self.to_peer.take() else {
            return Ok(());
        };
        // Room for all frames there can be: the peer has taken every one.
        unless_ended(&self.link, to_peer.reserve_many(FRAMES_UNDER_WAY))
            .await?
            .map_err(|_| TransportError::StreamReset)?;
        Ok(())
    }
}

struct MemoryRecv {
    from_peer: mpsc::Receiver<EncodedFrame>,
    _permit: Arc<OwnedSemaphorePermit>,
    decoder: FrameDecoder,
    ended: Pin<Box<dyn Future<Output = TransportError> + Send>>,
}

impl fmt::Debug for MemoryRecv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRecv").finish_non_exhaustive()
    }
}

impl RecvHalf for MemoryRecv {
    fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Frame>, TransportError>> {
        if let Poll::Ready(why) = self.ended.as_mut().poll(context) {
            self.ended = Box::pin(std::future::ready(why.clone()));
            return Poll::Ready(Err(why));
        }
        match self.from_peer.poll_recv(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(Ok(None)),
            Poll::Ready(Some(encoded)) => {
                // Through the decoder, so that simulations meet the same checks as sockets.
                for chunk in encoded.into_chunks() {
                    self.decoder.push(&chunk);
                }
                Poll::Ready(self.decoder.next_frame().map_err(TransportError::from))
            }
        }
    }
}
