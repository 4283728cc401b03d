//! Fetching deliveries, one request after the other.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use vanus_proto::{
    Op,
    message::{AttemptKey, Receive, Settle, Settlement},
};
use vanus_types::SubscriptionId;

use super::Handed;
use crate::{error::ClientError, link::Link};

/// What was fetched and not handed out yet.
#[derive(Debug)]
pub(super) struct Fetcher {
    link: Arc<Link>,
    subscription: SubscriptionId,
    most: usize,
    wait: Duration,
    held: VecDeque<Handed>,
}

impl Fetcher {
    pub(super) const fn new(
        link: Arc<Link>,
        subscription: SubscriptionId,
        most: usize,
        wait: Duration,
    ) -> Self {
        Self {
            link,
            subscription,
            most,
            wait,
            held: VecDeque::new(),
        }
    }

    /// The next delivery; asks for some if none is left. Cancellation safe, but for deliveries that
    /// are just on their way: they come again after their time-out.
    pub(super) async fn next(&mut self) -> Result<Handed, ClientError> {
        loop {
            if let Some(handed) = self.held.pop_front() {
                return Ok(handed);
            }
            let request = Receive {
                subscription: self.subscription,
                most: u32::try_from(self.most).unwrap_or(1),
                wait_ms: u32::try_from(self.wait.as_millis()).unwrap_or(u32::MAX),
            };
            let answer = self.link.ask(&request, self.wait).await?;
            let batches = answer.batches()?;
            self.held
                .extend(Handed::all(Op::Receive, answer.reply, &batches)?);
        }
    }

    /// Ends an attempt; false if it was over.
    pub(super) async fn settle(
        &self,
        key: AttemptKey,
        settlement: Settlement,
    ) -> Result<bool, ClientError> {
        settle(&self.link, self.subscription, key, settlement).await
    }
}

/// Ends an attempt with a request of its own; false if it was over.
pub(super) async fn settle(
    link: &Link,
    subscription: SubscriptionId,
    key: AttemptKey,
    settlement: Settlement,
) -> Result<bool, ClientError> {
    let request = Settle {
        subscription,
        attempts: vec![(key, settlement)],
    };
    let answer = link.ask(&request, Duration::ZERO).await?;
    Ok(answer.reply.late.is_empty())
}
