//! Schedules: events that are made again and again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::invalid::{InvalidSpec, check_length, check_range};
use crate::{
    codec::{Decode, Encode},
    event::{Event, InvalidEvent, timestamp},
    id::{EventbusId, NamespaceId, ScheduleId},
    limits::{
        MAX_DESCRIPTION_LEN, MAX_JITTER_MS, MAX_SCHEDULE_LEN, MAX_TEMPLATE_DATA_LEN, MAX_ZONE_LEN,
    },
    name::Name,
};

/// What becomes of occurrences whose time passed while nobody could make them: the engine was down,
/// or its disk was full. A schedule that is paused misses nothing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Encode, Decode, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Missed {
    /// They are left out.
    Skip,
    /// The last of them is made, once.
    #[default]
    Once,
    /// Each of them is made, in order.
    All,
}

/// The event of an occurrence. Its `id` is made of the schedule and the time of the occurrence, its
/// `time` is that of the occurrence.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventTemplate {
    /// `type`.
    #[serde(rename = "type")]
    pub ty: String,
    /// `source`; `/namespaces/<namespace>/schedules/<name>` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `subject`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `datacontenttype`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<String>,
    /// The data, as text; absent is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Extension attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl EventTemplate {
    /// An event of this type without anything else.
    #[must_use]
    pub fn new(ty: impl Into<String>) -> Self {
        Self {
            ty: ty.into(),
            source: None,
            subject: None,
            datacontenttype: None,
            data: None,
            attributes: BTreeMap::new(),
        }
    }

    /// The event of an occurrence.
    ///
    /// # Errors
    /// [`InvalidEvent`] if it breaks a rule of CloudEvents; that does not depend on the occurrence.
    pub fn event(&self, id: String, source: &str, time_ms: i64) -> Result<Event, InvalidEvent> {
        let mut builder = Event::builder()
            .id(id)
            .source(self.source.as_deref().unwrap_or(source))
            .ty(&self.ty)
            .time(timestamp::format_ms(time_ms));
        if let Some(subject) = &self.subject {
            builder = builder.subject(subject);
        }
        if let Some(media_type) = &self.datacontenttype {
            builder = builder.datacontenttype(media_type);
        }
        for (name, value) in &self.attributes {
            builder = builder.extension(name, value.as_str());
        }
        if let Some(data) = &self.data {
            builder = builder.text(data);
        }
        builder.build()
    }
}

/// What a caller asks for: a new schedule.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// Its name, unique in its namespace.
    pub name: Name,
    /// The eventbus its events go to, in the same namespace.
    pub eventbus: Name,
    /// When: 5 or 6 fields of cron, `@daily` and the like, or `@every` and a duration.
    pub cron: String,
    /// The time zone the fields are in, such as `Europe/Lisbon`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// No occurrence before this time, in milliseconds since the Unix epoch; else from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<i64>,
    /// No occurrence after this time, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<i64>,
    /// How many events it makes at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Each event comes up to so many milliseconds after its time, at random but always the same for
    /// one occurrence.
    #[serde(default)]
    pub jitter_ms: u64,
    /// What becomes of occurrences that were missed.
    #[serde(default)]
    pub missed: Missed,
    /// What people should know about it.
    #[serde(default)]
    pub description: String,
    /// The event of an occurrence.
    pub event: EventTemplate,
    /// An id of the caller's choice; else one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ScheduleId>,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl ScheduleSpec {
    /// A schedule in UTC, from now on and without an end.
    #[must_use]
    pub fn new(name: Name, eventbus: Name, cron: impl Into<String>, event: EventTemplate) -> Self {
        Self {
            name,
            eventbus,
            cron: cron.into(),
            time_zone: utc(),
            start_ms: None,
            end_ms: None,
            count: None,
            jitter_ms: 0,
            missed: Missed::default(),
            description: String::new(),
            event,
            id: None,
        }
    }

    /// Checks what can be checked without knowing calendars.
    ///
    /// # Errors
    /// [`InvalidSpec`] names the field.
    pub fn check(&self) -> Result<(), InvalidSpec> {
        check_length("cron", &self.cron, MAX_SCHEDULE_LEN)?;
        check_length("time_zone", &self.time_zone, MAX_ZONE_LEN)?;
        check_length("description", &self.description, MAX_DESCRIPTION_LEN)?;
        check_range("jitter_ms", self.jitter_ms, 0, MAX_JITTER_MS)?;
        check_range("count", self.count.unwrap_or(1), 1, u64::MAX)?;
        let data = self.event.data.as_deref().unwrap_or_default();
        check_length("event.data", data, MAX_TEMPLATE_DATA_LEN)?;
        match (self.start_ms, self.end_ms) {
            (Some(start), Some(end)) if end < start => Err(InvalidSpec::EndBeforeStart),
            _ => {
                self.event.event("1".to_owned(), "/", 0)?;
                Ok(())
            }
        }
    }
}

/// What is stored about a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ScheduleRecord {
    /// Its id.
    pub id: ScheduleId,
    /// Its name.
    pub name: Name,
    /// The namespace it is in.
    pub namespace_id: NamespaceId,
    /// The name of that namespace.
    pub namespace: Name,
    /// The eventbus its events go to.
    pub eventbus_id: EventbusId,
    /// The name of that eventbus.
    pub eventbus: Name,
    /// When.
    pub cron: String,
    /// The time zone the fields are in.
    pub time_zone: String,
    /// No occurrence before this time, in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// No occurrence after this time, in milliseconds since the Unix epoch.
    pub end_ms: Option<i64>,
    /// How many events it makes at most.
    pub count: Option<u64>,
    /// Each event comes up to so many milliseconds after its time.
    pub jitter_ms: u64,
    /// What becomes of occurrences that were missed.
    pub missed: Missed,
    /// What people should know about it.
    pub description: String,
    /// The event of an occurrence.
    pub event: EventTemplate,
    /// Whether it makes no events for now.
    pub paused: bool,
    /// Occurrences before this time were passed over while it was paused, in milliseconds since the
    /// Unix epoch.
    pub resumed_at_ms: Option<i64>,
    /// When it was created, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// When it was changed last, in milliseconds since the Unix epoch.
    pub updated_at_ms: i64,
}

impl ScheduleRecord {
    /// The event of the occurrence at `time_ms`.
    ///
    /// # Errors
    /// [`InvalidEvent`]; not for a record whose specification was checked.
    pub fn event_at(&self, time_ms: i64) -> Result<Event, InvalidEvent> {
        let id = format!("{}-{time_ms}", self.id);
        let source = format!("/namespaces/{}/schedules/{}", self.namespace, self.name);
        self.event.event(id, &source, time_ms)
    }
}

/// How far a schedule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchedulePhase {
    /// It makes events.
    Active,
    /// It makes none until it is resumed.
    Paused,
    /// It has made the last one.
    Ended,
}

/// What is told about a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ScheduleInfo {
    /// What is stored.
    #[serde(flatten)]
    pub record: ScheduleRecord,
    /// How far it is.
    pub phase: SchedulePhase,
    /// When its next event comes, in milliseconds since the Unix epoch.
    pub next_ms: Option<i64>,
    /// The occurrence of its last event, in milliseconds since the Unix epoch.
    pub last_ms: Option<i64>,
    /// How many events it has made.
    pub made: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> ScheduleSpec {
        let name = |name: &str| Name::new(name).unwrap();
        ScheduleSpec::new(
            name("nightly"),
            name("jobs"),
            "@daily",
            EventTemplate::new("job"),
        )
    }

    #[test]
    fn a_specification_in_json_needs_four_fields() {
        let text = r#"{"name": "nightly", "eventbus": "jobs", "cron": "@daily", "event": {"type": "job"}}"#;
        assert_eq!(serde_json::from_str::<ScheduleSpec>(text).unwrap(), spec());
        let typo = text.replace("cron", "corn");
        assert!(serde_json::from_str::<ScheduleSpec>(&typo).is_err());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(spec().check(), Ok(()));
        let wrong = |change: fn(&mut ScheduleSpec)| {
            let mut spec = spec();
            change(&mut spec);
            spec.check().unwrap_err().to_string()
        };
        assert!(wrong(|spec| spec.count = Some(0)).contains("count"));
        assert!(wrong(|spec| spec.jitter_ms = MAX_JITTER_MS + 1).contains("jitter_ms"));
        assert!(wrong(|spec| spec.cron = "*".repeat(300)).contains("cron"));
        assert!(wrong(|spec| spec.event.ty = String::new()).contains("type"));
        let ends = wrong(|spec| (spec.start_ms, spec.end_ms) = (Some(2), Some(1)));
        assert!(ends.contains("before it starts"), "{ends}");
    }

    #[test]
    fn an_occurrence_has_an_event_of_its_own() {
        let mut template = EventTemplate::new("job");
        template.subject = Some("all".to_owned());
        template.data = Some("{}".to_owned());
        template
            .attributes
            .insert("tenant".to_owned(), "t1".to_owned());
        let event = template.event("x-1".to_owned(), "/s", 1_500).unwrap();
        assert_eq!(
            (event.id(), event.source(), event.ty()),
            ("x-1", "/s", "job")
        );
        assert_eq!(event.time(), Some("1970-01-01T00:00:01.500Z"));
        assert_eq!(event.subject(), Some("all"));
        assert_eq!(event.data_bytes().as_ref(), b"{}");
    }
}
