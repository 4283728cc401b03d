//! Administration over the wire.

use std::sync::Arc;

use vanus_proto::{
    message::{
        CreateEventbus, CreateNamespace, CreateSubscription, DeadLetter, DeadLetterPage,
        DeleteEventbus, DeleteNamespace, DeleteSubscription, DisableSubscription, EventbusKey,
        EventbusPage, GetClusterInfo, GetDeadLetters, GetEventbus, GetNamespace, GetSubscription,
        ListEventbuses, ListNamespaces, ListSubscriptions, MAX_PAGE_ITEMS, NamespaceKey,
        NamespacePage, Request, ResendDeadLetters, ResendReport, ResetSubscription,
        ResumeSubscription, SubscriptionPage, UpdateEventbus, UpdateSubscription, fill_page,
    },
    service::Reply,
};
use vanus_types::{Batch, Event, Fault};

use super::{
    read::encode_batches,
    service::{Service, fault, unknown_request},
};
use crate::control::{Bus, ControlError};

impl Service {
    pub(super) async fn administer(&self, request: Request) -> Result<Reply, Fault> {
        match request {
            Request::CreateNamespace(_)
            | Request::ListNamespaces(_)
            | Request::GetNamespace(_)
            | Request::DeleteNamespace(_) => self.namespaces(request).await,
            Request::CreateEventbus(_)
            | Request::ListEventbuses(_)
            | Request::GetEventbus(_)
            | Request::UpdateEventbus(_)
            | Request::DeleteEventbus(_) => self.eventbuses(request).await,
            Request::ListSubscriptions(request) => self.list_subscriptions(request).await,
            Request::GetDeadLetters(request) => self.dead_letters(request).await,
            Request::ResendDeadLetters(request) => self.resend(request).await,
            Request::GetClusterInfo(_) => Ok(Reply::to::<GetClusterInfo>(&(self.info)())),
            other => self.subscriptions(other).await,
        }
    }

    async fn namespaces(&self, request: Request) -> Result<Reply, Fault> {
        match request {
            Request::CreateNamespace(CreateNamespace { spec }) => {
                let record = self.control.create_namespace(spec).await.map_err(fault)?;
                Ok(Reply::to::<CreateNamespace>(&record))
            }
            Request::ListNamespaces(ListNamespaces { after, limit }) => {
                let items = self.control.look(|catalog| {
                    let after = |id| after.is_none_or(|after| id > after);
                    let all = catalog.namespaces().filter(|record| after(record.id));
                    let most = MAX_PAGE_ITEMS as usize + 1;
                    all.take(most)
                        .map(|record| record.as_ref().clone())
                        .collect::<Vec<_>>()
                });
                let last = items.last().map(|record| record.id);
                let items = fill_page(items, limit);
                let next = items
                    .last()
                    .map(|record| record.id)
                    .filter(|id| Some(*id) != last);
                Ok(Reply::to::<ListNamespaces>(&NamespacePage { items, next }))
            }
            Request::GetNamespace(GetNamespace { namespace }) => {
                let record = self.namespace(&namespace)?;
                Ok(Reply::to::<GetNamespace>(&record))
            }
            Request::DeleteNamespace(DeleteNamespace { namespace }) => {
                let record = self.namespace(&namespace)?;
                self.control
                    .delete_namespace(&record.name)
                    .await
                    .map_err(fault)?;
                Ok(Reply::to::<DeleteNamespace>(&()))
            }
            _ => Err(unknown_request()),
        }
    }

    fn namespace(
        &self,
        key: &NamespaceKey,
    ) -> Result<vanus_types::control::NamespaceRecord, Fault> {
        let found = match key {
            NamespaceKey::Name(name) => self.control.namespace(name),
            NamespaceKey::Id(id) => {
                let found = self.control.look(|catalog| catalog.namespace_by_id(*id));
                found.ok_or(ControlError::NamespaceIdNotFound(*id))
            }
        };
        Ok(found.map_err(fault)?.as_ref().clone())
    }

    pub(super) fn bus(&self, key: &EventbusKey) -> Result<Arc<Bus>, Fault> {
        let found = match key {
            EventbusKey::Id(id) => self.control.bus_by_id(*id),
            EventbusKey::Name { namespace, name } => self.control.bus(namespace, name),
        };
        found.map_err(fault)
    }

    async fn eventbuses(&self, request: Request) -> Result<Reply, Fault> {
        match request {
            Request::CreateEventbus(CreateEventbus { namespace, spec }) => {
                let created = self.control.create_eventbus(&namespace, spec).await;
                Ok(Reply::to::<CreateEventbus>(&created.map_err(fault)?))
            }
            Request::ListEventbuses(ListEventbuses {
                namespace,
                after,
                limit,
            }) => {
                let all = self.control.eventbuses(namespace.as_ref()).map_err(fault)?;
                let last = all.last().map(|bus| bus.record.id);
                let rest = all
                    .iter()
                    .filter(|bus| after.is_none_or(|id| bus.record.id > id));
                let items = fill_page(rest.map(|bus| bus.record.clone()), limit);
                let next = items
                    .last()
                    .map(|record| record.id)
                    .filter(|id| Some(*id) != last);
                Ok(Reply::to::<ListEventbuses>(&EventbusPage { items, next }))
            }
            Request::GetEventbus(GetEventbus { eventbus, segments }) => {
                let bus = self.bus(&eventbus)?;
                let info = self.control.eventbus_info(&bus, segments).map_err(fault)?;
                Ok(Reply::to::<GetEventbus>(&info))
            }
            Request::UpdateEventbus(UpdateEventbus { eventbus, update }) => {
                let id = self.bus(&eventbus)?.record.id;
                let info = self
                    .control
                    .update_eventbus(id, update)
                    .await
                    .map_err(fault)?;
                Ok(Reply::to::<UpdateEventbus>(&info))
            }
            Request::DeleteEventbus(DeleteEventbus { eventbus }) => {
                let id = self.bus(&eventbus)?.record.id;
                self.control.delete_eventbus(id).await.map_err(fault)?;
                Ok(Reply::to::<DeleteEventbus>(&()))
            }
            _ => Err(unknown_request()),
        }
    }

    async fn subscriptions(&self, request: Request) -> Result<Reply, Fault> {
        let control = &self.control;
        match request {
            Request::CreateSubscription(CreateSubscription { spec }) => {
                let created = control.create_subscription(spec, None).await;
                Ok(Reply::to::<CreateSubscription>(&created.map_err(fault)?))
            }
            Request::GetSubscription(GetSubscription { subscription }) => {
                let record = control.subscription(subscription).map_err(fault)?;
                let info = control.subscription_info(&record).await.map_err(fault)?;
                Ok(Reply::to::<GetSubscription>(&info))
            }
            Request::UpdateSubscription(UpdateSubscription { subscription, spec }) => {
                let updated = control.update_subscription(subscription, spec).await;
                Ok(Reply::to::<UpdateSubscription>(&updated.map_err(fault)?))
            }
            Request::DeleteSubscription(DeleteSubscription { subscription }) => {
                control
                    .delete_subscription(subscription)
                    .await
                    .map_err(fault)?;
                Ok(Reply::to::<DeleteSubscription>(&()))
            }
            Request::DisableSubscription(DisableSubscription { subscription }) => {
                let info = control.set_disabled(subscription, true).await;
                Ok(Reply::to::<DisableSubscription>(&info.map_err(fault)?))
            }
            Request::ResumeSubscription(ResumeSubscription { subscription }) => {
                let info = control.set_disabled(subscription, false).await;
                Ok(Reply::to::<ResumeSubscription>(&info.map_err(fault)?))
            }
            Request::ResetSubscription(ResetSubscription {
                subscription,
                reset,
            }) => {
                let info = control.reset_subscription(subscription, reset).await;
                Ok(Reply::to::<ResetSubscription>(&info.map_err(fault)?))
            }
            _ => Err(unknown_request()),
        }
    }

    async fn list_subscriptions(&self, request: ListSubscriptions) -> Result<Reply, Fault> {
        let ListSubscriptions {
            eventbus,
            after,
            limit,
        } = request;
        let eventbus = eventbus.map(|key| self.bus(&key)).transpose()?;
        let records = self.control.look(|catalog| {
            let all = catalog.subscriptions();
            let of_bus = all.filter(|record| {
                eventbus
                    .as_ref()
                    .is_none_or(|bus| bus.record.id == record.eventbus_id)
            });
            let rest = of_bus.filter(|record| after.is_none_or(|after| record.id > after));
            rest.take(MAX_PAGE_ITEMS as usize + 1)
                .cloned()
                .collect::<Vec<_>>()
        });
        let wanted = limit.min(MAX_PAGE_ITEMS) as usize;
        let mut infos = Vec::new();
        for record in records.iter().take(wanted) {
            infos.push(
                self.control
                    .subscription_info(record)
                    .await
                    .map_err(fault)?,
            );
        }
        let items = fill_page(infos, limit);
        let more = records.len() > items.len();
        let next = items.last().map(|info| info.record.id).filter(|_| more);
        Ok(Reply::to::<ListSubscriptions>(&SubscriptionPage {
            items,
            next,
        }))
    }

    async fn dead_letters(&self, request: GetDeadLetters) -> Result<Reply, Fault> {
        let GetDeadLetters {
            subscription,
            from,
            limit,
        } = request;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let found = self
            .control
            .dead_letters(subscription, from, limit)
            .await
            .map_err(fault)?;
        let letters = found.letters.iter();
        let place = |l: &vanus_types::control::StoredEvent| DeadLetter {
            id: l.id,
            append_time_ms: l.append_time_ms,
        };
        // The body holds one batch: what does not fit is left to the next call.
        let events: Vec<Event> = letters.clone().map(|letter| letter.event.clone()).collect();
        let batch = Batch::pack(&events).into_iter().next();
        let packed = batch
            .as_ref()
            .map_or(0, |batch| batch.header().count as usize);
        let cut = found.letters.get(packed).map(|letter| letter.id.offset);
        let page = DeadLetterPage {
            letters: letters.take(packed).map(place).collect(),
            next_offset: cut.unwrap_or(found.next_offset),
            end_offset: found.end_offset,
        };
        let body = batch
            .map(|batch| encode_batches(&[batch]))
            .unwrap_or_default();
        Ok(Reply::to::<GetDeadLetters>(&page).with_batches(body))
    }

    async fn resend(&self, request: ResendDeadLetters) -> Result<Reply, Fault> {
        let ResendDeadLetters {
            subscription,
            from,
            to,
        } = request;
        let resent = self
            .control
            .resend_dead_letters(subscription, Some(from), to)
            .await;
        let resent = resent.map_err(fault)?;
        Ok(Reply::to::<ResendDeadLetters>(&ResendReport {
            resent: resent.count,
            next_offset: resent.next_offset,
            done: resent.done,
        }))
    }
}
