//! What exists, in memory, with the look-ups the engine needs.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use vanus_types::{
    EventbusId, EventlogId, Name, NamespaceId, ScheduleId, SubscriptionId,
    control::{EventbusRecord, NamespaceRecord, ScheduleRecord, SubscriptionRecord},
};

use crate::eventbus::RoundRobin;

/// An eventbus and whose turn it is among its eventlogs.
#[derive(Debug)]
pub(crate) struct Bus {
    pub(crate) record: EventbusRecord,
    pub(crate) turns: Arc<RoundRobin>,
}

/// All records, by id and by name.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    namespaces: BTreeMap<NamespaceId, Arc<NamespaceRecord>>,
    namespace_ids: HashMap<Name, NamespaceId>,
    buses: BTreeMap<EventbusId, Arc<Bus>>,
    bus_ids: HashMap<NamespaceId, HashMap<Name, EventbusId>>,
    bus_of_log: HashMap<EventlogId, EventbusId>,
    subscriptions: BTreeMap<SubscriptionId, Arc<SubscriptionRecord>>,
    schedules: BTreeMap<ScheduleId, Arc<ScheduleRecord>>,
    schedule_ids: HashMap<(NamespaceId, Name), ScheduleId>,
}

impl Catalog {
    pub(crate) fn namespace(&self, name: &Name) -> Option<Arc<NamespaceRecord>> {
        self.namespace_by_id(*self.namespace_ids.get(name)?)
    }

    pub(crate) fn namespace_by_id(&self, id: NamespaceId) -> Option<Arc<NamespaceRecord>> {
        self.namespaces.get(&id).cloned()
    }

    pub(crate) fn namespaces(&self) -> impl ExactSizeIterator<Item = &Arc<NamespaceRecord>> {
        self.namespaces.values()
    }

    pub(crate) fn bus(&self, namespace: &str, name: &str) -> Option<Arc<Bus>> {
        let namespace = self.namespace_ids.get(namespace)?;
        self.bus_by_id(*self.bus_ids.get(namespace)?.get(name)?)
    }

    pub(crate) fn bus_by_id(&self, id: EventbusId) -> Option<Arc<Bus>> {
        self.buses.get(&id).cloned()
    }

    pub(crate) fn bus_of_log(&self, eventlog: EventlogId) -> Option<Arc<Bus>> {
        self.bus_by_id(*self.bus_of_log.get(&eventlog)?)
    }

    pub(crate) fn buses(&self) -> impl ExactSizeIterator<Item = &Arc<Bus>> {
        self.buses.values()
    }

    /// How many eventbuses a namespace has.
    pub(crate) fn buses_in(&self, namespace: NamespaceId) -> usize {
        self.bus_ids.get(&namespace).map_or(0, HashMap::len)
    }

    /// How many eventbuses there are that do not belong to the system.
    pub(crate) fn user_buses(&self) -> usize {
        self.buses
            .values()
            .filter(|bus| !bus.record.name.is_system())
            .count()
    }

    pub(crate) fn subscription(&self, id: SubscriptionId) -> Option<Arc<SubscriptionRecord>> {
        self.subscriptions.get(&id).cloned()
    }

    pub(crate) fn subscriptions(&self) -> impl ExactSizeIterator<Item = &Arc<SubscriptionRecord>> {
        self.subscriptions.values()
    }

    pub(crate) fn schedule(&self, id: ScheduleId) -> Option<Arc<ScheduleRecord>> {
        self.schedules.get(&id).cloned()
    }

    pub(crate) fn schedule_named(
        &self,
        namespace: NamespaceId,
        name: &Name,
    ) -> Option<Arc<ScheduleRecord>> {
        let id = self.schedule_ids.get(&(namespace, name.clone()))?;
        self.schedule(*id)
    }

    pub(crate) fn schedules(&self) -> impl ExactSizeIterator<Item = &Arc<ScheduleRecord>> {
        self.schedules.values()
    }

    /// The highest id of anything.
    pub(crate) fn highest_id(&self) -> u64 {
        let last_namespace = self.namespaces.last_key_value().map(|(id, _)| id.get());
        let last_bus = self.buses.last_key_value().map(|(id, _)| id.get());
        let last_log = self.bus_of_log.keys().map(|id| id.get()).max();
        let last_subscription = self.subscriptions.last_key_value().map(|(id, _)| id.get());
        let last_schedule = self.schedules.last_key_value().map(|(id, _)| id.get());
        let last = [
            last_namespace,
            last_bus,
            last_log,
            last_subscription,
            last_schedule,
        ];
        last.into_iter().flatten().max().unwrap_or(0)
    }

    pub(super) fn put_namespace(&mut self, record: NamespaceRecord) {
        self.namespace_ids.insert(record.name.clone(), record.id);
        self.namespaces.insert(record.id, Arc::new(record));
    }

    pub(super) fn remove_namespace(&mut self, id: NamespaceId) {
        if let Some(record) = self.namespaces.remove(&id) {
            self.namespace_ids.remove(&record.name);
        }
    }

    pub(super) fn put_bus(&mut self, record: EventbusRecord) {
        let turns = self.buses.get(&record.id).map(|bus| Arc::clone(&bus.turns));
        let names = self.bus_ids.entry(record.namespace_id).or_default();
        names.insert(record.name.clone(), record.id);
        for eventlog in &record.eventlogs {
            self.bus_of_log.insert(*eventlog, record.id);
        }
        let bus = Bus {
            turns: turns.unwrap_or_default(),
            record,
        };
        self.buses.insert(bus.record.id, Arc::new(bus));
    }

    pub(super) fn remove_bus(&mut self, id: EventbusId) {
        let Some(bus) = self.buses.remove(&id) else {
            return;
        };
        if let Some(names) = self.bus_ids.get_mut(&bus.record.namespace_id) {
            names.remove(&bus.record.name);
        }
        for eventlog in &bus.record.eventlogs {
            self.bus_of_log.remove(eventlog);
        }
    }

    pub(super) fn put_subscription(&mut self, record: SubscriptionRecord) {
        self.subscriptions.insert(record.id, Arc::new(record));
    }

    pub(super) fn put_schedule(&mut self, record: Arc<ScheduleRecord>) {
        let name = (record.namespace_id, record.name.clone());
        self.schedule_ids.insert(name, record.id);
        self.schedules.insert(record.id, record);
    }

    pub(super) fn remove_schedule(&mut self, id: ScheduleId) {
        if let Some(record) = self.schedules.remove(&id) {
            let name = (record.namespace_id, record.name.clone());
            self.schedule_ids.remove(&name);
        }
    }

    pub(super) fn remove_subscription(&mut self, id: SubscriptionId) {
        self.subscriptions.remove(&id);
    }
}
