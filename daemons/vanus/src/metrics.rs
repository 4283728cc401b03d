//! The engine's counters under the metric names of Vanus.
//!
//! Some of those names end in `_total` without being counters, or are counters without it. They
//! are kept as they are, for the sake of existing dashboards, and so declared as of unknown type.

use std::{fmt, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, LabelSetEncoder, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};
use vanus_core::{
    EngineHealth, EngineMetrics, LATENESS_BOUNDS_MS, Stats, SubscriptionMetrics, SubscriptionPhase,
    TimerMetrics, Vanus,
};

/// Asks the engine at every scrape.
#[derive(Debug)]
pub(crate) struct EngineCollector {
    vanus: Vanus,
}

impl EngineCollector {
    pub(crate) const fn new(vanus: Vanus) -> Self {
        Self { vanus }
    }
}

impl Collector for EngineCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let told = Told {
            engine: self.vanus.metrics(),
            healthy: self.vanus.health() == EngineHealth::Ok,
        };
        for (name, help, value) in WHOLE {
            describe(&mut encoder, name, help)?.encode_gauge(&value(&told))?;
        }
        encode_lateness(&mut encoder, &told.engine.timers)?;
        for (name, help, value) in PER_SUBSCRIPTION {
            let mut metric = describe(&mut encoder, name, help)?;
            for subscription in &told.engine.subscriptions {
                let labels = Labels(subscription);
                metric
                    .encode_family(&labels)?
                    .encode_gauge(&value(subscription))?;
            }
        }
        Ok(())
    }
}

/// What one scrape tells.
#[derive(Debug)]
struct Told {
    engine: EngineMetrics,
    healthy: bool,
}

impl Told {
    const fn store(&self) -> &Stats {
        &self.engine.store
    }

    /// Subscriptions that are running.
    fn running(&self) -> u64 {
        let subscriptions = self.engine.subscriptions.iter();
        let running = subscriptions.filter(|sub| sub.phase == SubscriptionPhase::Running);
        running.count() as u64
    }
}

/// A metric without its prefix, its help, and how its value is found.
type Row<T> = (&'static str, &'static str, fn(&T) -> u64);

const WHOLE: [Row<Told>; 42] = [
    (
        "controller_eventbus_number_total",
        "Eventbuses, those of the system not counted",
        |t| t.engine.eventbuses,
    ),
    ("controller_namespace_number", "Namespaces", |t| {
        t.engine.namespaces
    }),
    ("controller_subscription_number", "Subscriptions", |t| {
        t.engine.subscriptions.len() as u64
    }),
    (
        "trigger_worker_trigger_number",
        "Subscriptions that run",
        |t| t.running(),
    ),
    ("segment_server_write_event_count", "Events appended", |t| {
        t.store().events_appended
    }),
    ("segment_server_write_byte_count", "Bytes appended", |t| {
        t.store().bytes_appended
    }),
    (
        "segment_server_write_batch_count",
        "Batches appended",
        |t| t.store().batches_appended,
    ),
    (
        "segment_server_duplicate_batch_count",
        "Batches of idempotent producers that had been stored before",
        |t| t.store().duplicates,
    ),
    (
        "segment_server_read_memory_batch_count",
        "Batches read from memory",
        |t| t.store().batches_read_memory,
    ),
    (
        "segment_server_read_disk_batch_count",
        "Batches read from disk",
        |t| t.store().batches_read_disk,
    ),
    (
        "segment_server_read_byte_count",
        "Bytes read from disk",
        |t| t.store().bytes_read_disk,
    ),
    (
        "segment_server_wal_entry_write_count",
        "Group commits, each one frame of the write-ahead log",
        |t| t.store().wal_frames,
    ),
    (
        "segment_server_wal_entry_write_size",
        "Bytes written to the write-ahead log",
        |t| t.store().wal_bytes,
    ),
    (
        "segment_server_wal_sync_count",
        "Syncs of the write-ahead log",
        |t| t.store().wal_syncs,
    ),
    (
        "segment_server_wal_files",
        "Files of the write-ahead log that recovery would read, now",
        |t| t.store().wal_files,
    ),
    ("segment_server_checkpoint_count", "Checkpoints", |t| {
        t.store().checkpoints
    }),
    (
        "segment_server_segment_expired_count",
        "Segments deleted by retention",
        |t| t.store().segments_expired,
    ),
    (
        "segment_server_scrub_byte_count",
        "Bytes of full segments read again to find damage",
        |t| t.store().scrub_bytes,
    ),
    (
        "segment_server_scrub_segment_count",
        "Segments read again from start to end",
        |t| t.store().scrub_segments,
    ),
    (
        "segment_server_scrub_pass_count",
        "Passes over all full segments",
        |t| t.store().scrub_passes,
    ),
    (
        "segment_server_scrub_damage_count",
        "Places found damaged, each counted once",
        |t| t.store().scrub_damage,
    ),
    (
        "segment_server_scrub_error_count",
        "Segments that the disk refused to read again",
        |t| t.store().scrub_errors,
    ),
    (
        "segment_server_scrub_index_count",
        "Index files that were wrong and made anew",
        |t| t.store().scrub_indexes,
    ),
    (
        "segment_server_unflushed_bytes",
        "Bytes not yet in segments, now",
        |t| t.store().unflushed_bytes,
    ),
    (
        "segment_server_cached_bytes",
        "Bytes of events in memory, now",
        |t| t.store().cached_bytes,
    ),
    (
        "segment_server_queued_bytes",
        "Bytes that wait to be committed, now",
        |t| t.store().queued_bytes,
    ),
    (
        "segment_server_disk_free_bytes",
        "Free bytes of the file system that holds the data, now",
        |t| t.store().disk_free_bytes,
    ),
    (
        "segment_server_disk_reserve_bytes",
        "Free bytes below which nothing is published",
        |t| t.store().disk_reserve_bytes,
    ),
    (
        "segment_server_healthy",
        "1 if events are taken and kept, 0 if the disk is full, nearly so, or failed",
        |t| u64::from(t.healthy),
    ),
    ("timer_pending_number", "Timers that wait, now", |t| {
        t.engine.timers.pending
    }),
    ("timer_memory_number", "Timers held in memory, now", |t| {
        t.engine.timers.in_memory
    }),
    (
        "timer_due_number",
        "Timers due within a second or overdue, now",
        |t| t.engine.timers.due,
    ),
    (
        "timer_memory_byte_number",
        "Bytes of events held in memory ahead of their time, now",
        |t| t.engine.timers.cached_bytes,
    ),
    ("timer_set_number", "Timers set", |t| t.engine.timers.set),
    (
        "timer_fired_event_number",
        "Timers whose events were stored in their eventbus",
        |t| t.engine.timers.fired,
    ),
    ("timer_cancelled_number", "Timers cancelled in time", |t| {
        t.engine.timers.cancelled
    }),
    (
        "timer_dead_letter_event_number",
        "Timers whose eventbus was deleted before they were due",
        |t| t.engine.timers.dead_letters,
    ),
    (
        "timer_unreadable_event_number",
        "Timers whose events were damaged on disk when they were due",
        |t| t.engine.timers.unreadable,
    ),
    (
        "timer_clock_step_number",
        "Times the wall clock was set by more than a second",
        |t| t.engine.timers.clock_steps,
    ),
    ("schedule_number", "Schedules, now", |t| {
        t.engine.schedules.schedules
    }),
    (
        "schedule_event_number",
        "Events that schedules have made",
        |t| t.engine.schedules.made,
    ),
    (
        "schedule_failed_event_number",
        "Times that the event of a schedule could not be stored and was tried again",
        |t| t.engine.schedules.failed,
    ),
];

const PER_SUBSCRIPTION: [Row<SubscriptionMetrics>; 10] = [
    ("trigger_worker_pull_event_number", "Events read", |s| {
        s.totals.read
    }),
    (
        "trigger_worker_filter_match_event_number",
        "Events that passed the filters",
        |s| s.totals.read.saturating_sub(s.totals.filtered),
    ),
    (
        "trigger_worker_filtered_event_number",
        "Events held back by the filters",
        |s| s.totals.filtered,
    ),
    (
        "trigger_worker_push_event_number",
        "Events delivered",
        |s| s.totals.delivered,
    ),
    (
        "trigger_worker_push_attempt_number",
        "Attempts to deliver, failed ones included",
        |s| s.totals.attempts,
    ),
    (
        "trigger_worker_retry_event_number",
        "Events that wait for their next attempt, now",
        |s| s.totals.retrying,
    ),
    (
        "trigger_worker_dead_letter_event_number",
        "Events left as dead letters",
        |s| s.totals.dead_lettered,
    ),
    (
        "trigger_worker_dropped_event_number",
        "Events given up without a dead letter",
        |s| s.totals.dropped,
    ),
    (
        "trigger_worker_expired_event_number",
        "Events whose retention ended before their delivery",
        |s| s.totals.expired,
    ),
    (
        "trigger_worker_held_byte_number",
        "Bytes past their retention that are kept for the subscription, as of the last look",
        |s| s.held_bytes,
    ),
];

/// The histogram of how late events were.
fn encode_lateness(
    encoder: &mut DescriptorEncoder<'_>,
    timers: &TimerMetrics,
) -> Result<(), fmt::Error> {
    let seconds = |ms: u64| Duration::from_millis(ms).as_secs_f64();
    let bounds = LATENESS_BOUNDS_MS.iter().map(|ms| seconds(*ms));
    let bounds = bounds.chain([f64::MAX]);
    let buckets: Vec<(f64, u64)> = bounds.zip(timers.lateness).collect();
    let mut metric = encoder.encode_descriptor(
        "timer_lateness_seconds",
        "How late events of timers were in their eventbus, synced",
        None,
        MetricType::Histogram,
    )?;
    let count = timers.lateness.iter().sum();
    metric.encode_histogram::<NoLabelSet>(seconds(timers.lateness_sum_ms), count, &buckets, None)
}

fn describe<'a>(
    encoder: &'a mut DescriptorEncoder<'_>,
    name: &'a str,
    help: &'a str,
) -> Result<MetricEncoder<'a>, fmt::Error> {
    encoder.encode_descriptor(name, help, None, MetricType::Unknown)
}

/// Names the subscription a value belongs to.
#[derive(Debug)]
struct Labels<'a>(&'a SubscriptionMetrics);

impl prometheus_client::encoding::EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        use prometheus_client::encoding::EncodeLabel as _;
        ("trigger", self.0.id.to_string()).encode(encoder.encode_label())?;
        ("eventbus", self.0.eventbus.as_str()).encode(encoder.encode_label())
    }
}

#[cfg(test)]
mod tests {
    use vanus_core::{EventbusSpec, Name, SubscriptionSpec};
    use vanus_runtime::telemetry::Metrics;

    use super::*;

    #[tokio::test]
    async fn the_manual_describes_every_metric_of_the_engine_and_no_other() {
        let vanus = Vanus::builder().in_memory().open().await.unwrap();
        let spec = EventbusSpec::new(Name::new("orders").unwrap());
        vanus.create_eventbus("default", spec).await.unwrap();
        let spec = SubscriptionSpec::embedded("mailer", "default", "orders").unwrap();
        vanus.subscribe(spec, |_| async { Ok(()) }).await.unwrap();
        let metrics = Metrics::new();
        metrics.collect(EngineCollector::new(vanus.clone()));
        let text = metrics.text().unwrap();
        assert!(text.contains("push_event_number{trigger=\""), "{text}");

        let page = include_str!("../../../docs/operations.md");
        let (_, table) = page.split_once("\n## Metrics\n").unwrap();
        let (table, _) = table.split_once("\nWorth an alert").unwrap();
        let rows = table.lines().filter(|row| row.starts_with("| `vanus_"));
        // The front door looks after its own.
        let mut left: Vec<&str> = rows
            .filter(|row| !row.starts_with("| `vanus_gateway_"))
            .collect();
        for line in text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
            let (name, help) = line.split_once(' ').unwrap();
            let (begin, end) = (format!("| `{name}` |"), format!("| {help} |"));
            let row = left
                .iter()
                .position(|row| row.starts_with(&begin) && row.ends_with(&end));
            left.remove(row.unwrap_or_else(|| panic!("no row {begin} … {end}")));
        }
        assert_eq!(left, Vec::<&str>::new(), "there are no such metrics");
        vanus.close().await.unwrap();
    }
}
