//! What exists, and changing it.

use std::{sync::Arc, time::Duration};

use vanus_proto::message::{
    Call, CreateEventbus, CreateNamespace, CreateSubscription, DeleteEventbus, DeleteNamespace,
    DeleteSubscription, DisableSubscription, EventbusKey, GetClusterInfo, GetDeadLetters,
    GetEventbus, GetNamespace, GetSubscription, ListEventbuses, ListNamespaces, ListSubscriptions,
    MAX_PAGE_ITEMS, NamespaceKey, ResendDeadLetters, ResendReport, ResetSubscription,
    ResumeSubscription, UpdateEventbus, UpdateSubscription,
};
use vanus_types::{
    Name, SubscriptionId,
    control::{
        ClusterInfo, EventbusInfo, EventbusRecord, EventbusSpec, EventbusUpdate, NamespaceRecord,
        NamespaceSpec, StoredEvent, SubscriptionInfo, SubscriptionReset, SubscriptionSpec,
    },
};

use crate::{error::ClientError, link::Link};

/// What exists, and changing it.
///
/// Every method answers [`ClientError::Refused`] with the server's code when the server says no.
/// What changes something is not asked twice unless the first try certainly did nothing: after
/// [`ClientError::Transport`] or [`ClientError::Timeout`] it may have happened.
#[derive(Debug, Clone)]
pub struct Admin {
    link: Arc<Link>,
}

/// Some dead letters and where to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetters {
    /// The events, oldest first, and where they are stored.
    pub letters: Vec<StoredEvent>,
    /// The offset to go on from.
    pub next_offset: u64,
    /// Where the dead letters end.
    pub end_offset: u64,
}

impl Admin {
    pub(crate) const fn new(link: Arc<Link>) -> Self {
        Self { link }
    }

    pub(crate) const fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Creates a namespace.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_namespace(
        &self,
        spec: NamespaceSpec,
    ) -> Result<NamespaceRecord, ClientError> {
        self.ask(&CreateNamespace { spec }).await
    }

    /// Lists all namespaces.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_namespaces(&self) -> Result<Vec<NamespaceRecord>, ClientError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self
                .ask(&ListNamespaces {
                    after,
                    limit: MAX_PAGE_ITEMS,
                })
                .await?;
            all.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Describes a namespace.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_namespace(
        &self,
        namespace: NamespaceKey,
    ) -> Result<NamespaceRecord, ClientError> {
        self.ask(&GetNamespace { namespace }).await
    }

    /// Deletes an empty namespace.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_namespace(&self, namespace: NamespaceKey) -> Result<(), ClientError> {
        self.ask(&DeleteNamespace { namespace }).await
    }

    /// Creates an eventbus.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_eventbus(
        &self,
        namespace: Name,
        spec: EventbusSpec,
    ) -> Result<EventbusInfo, ClientError> {
        self.ask(&CreateEventbus { namespace, spec }).await
    }

    /// Lists all eventbuses, or those of one namespace.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_eventbuses(
        &self,
        namespace: Option<Name>,
    ) -> Result<Vec<EventbusRecord>, ClientError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let namespace = namespace.clone();
            let request = ListEventbuses {
                namespace,
                after,
                limit: MAX_PAGE_ITEMS,
            };
            let page = self.ask(&request).await?;
            all.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Describes an eventbus, its eventlogs and, if asked for, their segments.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_eventbus(
        &self,
        eventbus: EventbusKey,
        segments: bool,
    ) -> Result<EventbusInfo, ClientError> {
        self.ask(&GetEventbus { eventbus, segments }).await
    }

    /// Changes an eventbus.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update_eventbus(
        &self,
        eventbus: EventbusKey,
        update: EventbusUpdate,
    ) -> Result<EventbusInfo, ClientError> {
        self.ask(&UpdateEventbus { eventbus, update }).await
    }

    /// Deletes an eventbus and its events.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_eventbus(&self, eventbus: EventbusKey) -> Result<(), ClientError> {
        self.ask(&DeleteEventbus { eventbus }).await
    }

    /// Creates a subscription.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_subscription(
        &self,
        spec: SubscriptionSpec,
    ) -> Result<SubscriptionInfo, ClientError> {
        self.ask(&CreateSubscription { spec }).await
    }

    /// Lists all subscriptions, or those of one eventbus.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_subscriptions(
        &self,
        eventbus: Option<EventbusKey>,
    ) -> Result<Vec<SubscriptionInfo>, ClientError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let eventbus = eventbus.clone();
            let request = ListSubscriptions {
                eventbus,
                after,
                limit: MAX_PAGE_ITEMS,
            };
            let page = self.ask(&request).await?;
            all.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Describes a subscription.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_subscription(
        &self,
        subscription: SubscriptionId,
    ) -> Result<SubscriptionInfo, ClientError> {
        self.ask(&GetSubscription { subscription }).await
    }

    /// Changes a subscription; what it is to be is given whole.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update_subscription(
        &self,
        subscription: SubscriptionId,
        spec: SubscriptionSpec,
    ) -> Result<SubscriptionInfo, ClientError> {
        self.ask(&UpdateSubscription { subscription, spec }).await
    }

    /// Deletes a subscription and its offsets.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_subscription(
        &self,
        subscription: SubscriptionId,
    ) -> Result<(), ClientError> {
        self.ask(&DeleteSubscription { subscription }).await
    }

    /// Pauses a subscription; it keeps its offsets.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn disable_subscription(
        &self,
        subscription: SubscriptionId,
    ) -> Result<SubscriptionInfo, ClientError> {
        self.ask(&DisableSubscription { subscription }).await
    }

    /// Resumes a paused subscription where it was.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn resume_subscription(
        &self,
        subscription: SubscriptionId,
    ) -> Result<SubscriptionInfo, ClientError> {
        self.ask(&ResumeSubscription { subscription }).await
    }

    /// Moves a paused subscription.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn reset_subscription(
        &self,
        subscription: SubscriptionId,
        reset: impl Into<SubscriptionReset>,
    ) -> Result<SubscriptionInfo, ClientError> {
        let reset = reset.into();
        self.ask(&ResetSubscription {
            subscription,
            reset,
        })
        .await
    }

    /// Reads dead letters of a subscription, oldest first, from an offset of its dead letter
    /// eventlog on, or from the start.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_dead_letters(
        &self,
        subscription: SubscriptionId,
        from: Option<u64>,
        limit: u32,
    ) -> Result<DeadLetters, ClientError> {
        let request = GetDeadLetters {
            subscription,
            from,
            limit,
        };
        let answer = self.link.ask(&request, Duration::ZERO).await?;
        let events = answer.batches()?;
        let events = events
            .iter()
            .flat_map(vanus_types::Batch::events)
            .map(|(_, event)| event);
        let page = answer.reply;
        let letters: Vec<_> = page
            .letters
            .iter()
            .zip(events)
            .map(|(letter, event)| StoredEvent {
                id: letter.id,
                append_time_ms: letter.append_time_ms,
                event,
            })
            .collect();
        if letters.len() != page.letters.len() {
            let detail = format!("{} of {} events came", letters.len(), page.letters.len());
            return Err(ClientError::Answer {
                what: GetDeadLetters::OP.name(),
                detail,
            });
        }
        let (next_offset, end_offset) = (page.next_offset, page.end_offset);
        Ok(DeadLetters {
            letters,
            next_offset,
            end_offset,
        })
    }

    /// Delivers the dead letters of a subscription once more, from one offset of its dead letter
    /// eventlog to another, included, or to the end.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn resend_dead_letters(
        &self,
        subscription: SubscriptionId,
        from: u64,
        to: Option<u64>,
    ) -> Result<ResendReport, ClientError> {
        self.ask(&ResendDeadLetters {
            subscription,
            from,
            to,
        })
        .await
    }

    /// Describes the node or cluster.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn cluster_info(&self) -> Result<ClusterInfo, ClientError> {
        self.ask(&GetClusterInfo).await
    }

    pub(crate) async fn ask<C: Call>(&self, request: &C) -> Result<C::Reply, ClientError> {
        Ok(self.link.ask(request, Duration::ZERO).await?.reply)
    }
}
