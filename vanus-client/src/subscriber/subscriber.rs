//! The subscriber as its user sees it.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use vanus_proto::message::Settlement;
use vanus_types::{SubscriptionId, limits::MAX_RECEIVE_EVENTS};

use super::{
    Handed, SubscribeMode, SubscriberOptions,
    fetch::{self, Fetcher},
    inbox::Inbox,
    push::{Pusher, Wish},
};
use crate::{error::ClientError, link::Link};

/// Receives the deliveries of one subscription with the sink `pull`.
///
/// Deliveries are pushed as they come, or fetched; see [`SubscribeMode`]. Many subscribers may share
/// a subscription: each delivery goes to one of them. Broken connections are made anew; what was
/// handed out and not settled comes again, to this subscriber or another one. What a subscriber that
/// is dropped has not settled goes to others at once if it was pushed, and after its time-out if it was fetched.
#[derive(Debug)]
pub struct Subscriber {
    link: Arc<Link>,
    subscription: SubscriptionId,
    window: usize,
    source: Source,
}

/// Where deliveries come from.
#[derive(Debug)]
enum Source {
    Fetched(Fetcher),
    /// Pushed, once somebody has asked for the first one.
    Pushed(Option<Pushed>),
}

/// The task that has deliveries pushed; it ends with this.
#[derive(Debug)]
struct Pushed {
    inbox: Arc<Inbox>,
    wishes: mpsc::Sender<Wish>,
    task: JoinHandle<()>,
}

impl Drop for Pushed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Pushed {
    fn start(link: &Arc<Link>, subscription: SubscriptionId, window: usize) -> Self {
        let inbox = Arc::new(Inbox::new(window));
        let (wishes, wished) = mpsc::channel(window);
        let link = Arc::clone(link);
        let pusher = Pusher::new(link, subscription, window, Arc::clone(&inbox), wished);
        Self {
            inbox,
            wishes,
            task: tokio::spawn(pusher.run()),
        }
    }
}

impl Subscriber {
    pub(crate) fn new(
        link: Arc<Link>,
        subscription: SubscriptionId,
        options: SubscriberOptions,
    ) -> Self {
        let window = options.prefetch.clamp(1, MAX_RECEIVE_EVENTS);
        let source = match options.mode {
            SubscribeMode::Push => Source::Pushed(None),
            SubscribeMode::Fetch { wait } => {
                Source::Fetched(Fetcher::new(Arc::clone(&link), subscription, window, wait))
            }
        };
        Self {
            link,
            subscription,
            window,
            source,
        }
    }

    /// The next delivery; waits for one. Cancellation safe, but for deliveries that are just being
    /// fetched: they come again after their time-out.
    ///
    /// # Errors
    /// [`ClientError`], for example that the subscription does not exist or has another sink.
    pub async fn next(&mut self) -> Result<Handed, ClientError> {
        match &mut self.source {
            Source::Fetched(fetcher) => fetcher.next().await,
            Source::Pushed(pushed) => {
                let (link, id, window) = (&self.link, self.subscription, self.window);
                let running = pushed.get_or_insert_with(|| Pushed::start(link, id, window));
                let next = running.inbox.take().await;
                if next.is_err() {
                    // Whoever asks once more has the server asked once more.
                    *pushed = None;
                }
                next
            }
        }
    }

    /// Acknowledges a delivery; false if its time was over, so that it comes again.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ack(&self, handed: &Handed) -> Result<bool, ClientError> {
        self.settle(handed, Settlement::Ack).await
    }

    /// Wants a delivery again, not before `delay` has passed, nor before its place in the retry
    /// schedule; false if its time was over.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn nack(&self, handed: &Handed, delay: Duration) -> Result<bool, ClientError> {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.settle(handed, Settlement::Nack { delay_ms }).await
    }

    /// Gives a delivery up: it becomes a dead letter for this reason; false if its time was over.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn reject(
        &self,
        handed: &Handed,
        reason: impl Into<String>,
    ) -> Result<bool, ClientError> {
        let reason = reason.into();
        self.settle(handed, Settlement::Reject { reason }).await
    }

    /// Ends an attempt: where deliveries are pushed, on the stream that they come on, together with
    /// others that end at the same time.
    async fn settle(&self, handed: &Handed, settlement: Settlement) -> Result<bool, ClientError> {
        let key = handed.key();
        let pushed = match &self.source {
            Source::Fetched(fetcher) => return fetcher.settle(key, settlement).await,
            Source::Pushed(pushed) => pushed.as_ref(),
        };
        let by_request = || fetch::settle(&self.link, self.subscription, key, settlement.clone());
        let Some(pushed) = pushed else {
            return by_request().await;
        };
        let (told, answer) = oneshot::channel();
        let wish = Wish {
            key,
            settlement: settlement.clone(),
            told,
        };
        let limit = self.link.config().request_timeout;
        let settling = async {
            pushed.wishes.send(wish).await.ok()?;
            answer.await.ok()
        };
        let settled = match tokio::time::timeout(limit, settling).await {
            Ok(Some(settled)) => settled,
            // The task is over; the delivery may be settled all the same.
            Ok(None) => by_request().await,
            Err(_) => Err(ClientError::Timeout {
                what: vanus_proto::Op::Settle.name(),
                limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            }),
        };
        if settled.is_ok() {
            pushed.inbox.settled(handed);
        }
        settled
    }
}
