//! The engine's counters under the metric names of Vanus.
//!
//! Some of those names end in `_total` without being counters, or are counters without it. They
//! are kept as they are, for the sake of existing dashboards, and so declared as of unknown type.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, LabelSetEncoder, MetricEncoder},
    metrics::MetricType,
};
use vanus_core::{EngineHealth, SubscriptionMetrics, SubscriptionPhase, Vanus};

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
        let told = self.vanus.metrics();
        let running = told.subscriptions.iter();
        let running = running
            .filter(|sub| sub.phase == SubscriptionPhase::Running)
            .count();
        let healthy = u64::from(self.vanus.health() == EngineHealth::Ok);
        let store = told.store;
        for (name, help, value) in [
            (
                "controller_eventbus_number_total",
                "Eventbuses",
                told.eventbuses,
            ),
            ("controller_namespace_number", "Namespaces", told.namespaces),
            (
                "controller_subscription_number",
                "Subscriptions",
                told.subscriptions.len() as u64,
            ),
            (
                "trigger_worker_trigger_number",
                "Subscriptions at work",
                running as u64,
            ),
            (
                "segment_server_write_event_count",
                "Events appended",
                store.events_appended,
            ),
            (
                "segment_server_write_byte_count",
                "Bytes appended",
                store.bytes_appended,
            ),
            (
                "segment_server_write_batch_count",
                "Batches appended",
                store.batches_appended,
            ),
            (
                "segment_server_duplicate_batch_count",
                "Batches stored before",
                store.duplicates,
            ),
            (
                "segment_server_read_memory_batch_count",
                "Batches read from memory",
                store.batches_read_memory,
            ),
            (
                "segment_server_read_disk_batch_count",
                "Batches read from disk",
                store.batches_read_disk,
            ),
            (
                "segment_server_read_byte_count",
                "Bytes read from disk",
                store.bytes_read_disk,
            ),
            (
                "segment_server_wal_entry_write_count",
                "Group commits",
                store.wal_frames,
            ),
            (
                "segment_server_wal_entry_write_size",
                "Bytes written to the log",
                store.wal_bytes,
            ),
            (
                "segment_server_wal_sync_count",
                "Syncs of the log",
                store.wal_syncs,
            ),
            (
                "segment_server_wal_files",
                "Log files that recovery would read",
                store.wal_files,
            ),
            (
                "segment_server_checkpoint_count",
                "Checkpoints",
                store.checkpoints,
            ),
            (
                "segment_server_segment_expired_count",
                "Segments deleted by retention",
                store.segments_expired,
            ),
            (
                "segment_server_unflushed_bytes",
                "Bytes not yet in segments",
                store.unflushed_bytes,
            ),
            (
                "segment_server_cached_bytes",
                "Bytes of events in memory",
                store.cached_bytes,
            ),
            (
                "segment_server_queued_bytes",
                "Bytes that wait to be committed",
                store.queued_bytes,
            ),
            (
                "segment_server_healthy",
                "Whether events are taken and kept",
                healthy,
            ),
        ] {
            let mut metric = describe(&mut encoder, name, help)?;
            metric.encode_gauge(&value)?;
        }
        for (name, help, value) in PER_SUBSCRIPTION {
            let mut metric = describe(&mut encoder, name, help)?;
            for subscription in &told.subscriptions {
                let labels = Labels(subscription);
                metric
                    .encode_family(&labels)?
                    .encode_gauge(&value(subscription))?;
            }
        }
        Ok(())
    }
}

type Value = fn(&SubscriptionMetrics) -> u64;

const PER_SUBSCRIPTION: [(&str, &str, Value); 9] = [
    (
        "trigger_worker_pull_event_number",
        "Events looked at",
        |s| s.totals.read,
    ),
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
        "Attempts to deliver",
        |s| s.totals.attempts,
    ),
    (
        "trigger_worker_retry_event_number",
        "Events that wait for their next attempt",
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
        "Events expired before delivery",
        |s| s.totals.expired,
    ),
];

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
