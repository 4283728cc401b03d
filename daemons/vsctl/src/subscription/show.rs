//! How subscriptions are printed.

use std::time::Duration;

use vanus_types::control::{
    Credential, DeliveryMode, DeliveryOrder, DeliverySpec, StartFrom, SubscriptionConfig,
    SubscriptionInfo, SubscriptionPhase,
};

use crate::{
    error::CliError,
    human,
    output::{Field, Output},
};

/// Prints one subscription.
pub(super) fn info(output: &Output, info: &SubscriptionInfo) -> Result<(), CliError> {
    output.one(info, || fields(info))?;
    if output.is_json() || info.progress.is_empty() {
        return Ok(());
    }
    output.text("\n")?;
    let columns = ["EVENTLOG", "COMMITTED", "POSITION", "END", "RETRYING"];
    let rows = info.progress.iter().map(|log| {
        vec![
            log.eventlog.to_string(),
            log.committed.to_string(),
            log.position.to_string(),
            log.end_offset.to_string(),
            log.retrying.to_string(),
        ]
    });
    output.rows(&columns, rows)
}

/// Prints many.
pub(super) fn list(output: &Output, infos: &[SubscriptionInfo]) -> Result<(), CliError> {
    let columns = ["ID", "NAME", "EVENTBUS", "PHASE", "BEHIND", "SINK"];
    output.many(infos, "There are no subscriptions.", &columns, |info| {
        let behind: u64 = info
            .progress
            .iter()
            .map(|log| log.end_offset.saturating_sub(log.committed))
            .sum();
        vec![
            info.record.id.to_string(),
            info.record.spec.name.to_string(),
            info.record.spec.eventbus.to_string(),
            phase(info.phase).to_owned(),
            behind.to_string(),
            info.record.spec.sink.clone(),
        ]
    })
}

fn fields(info: &SubscriptionInfo) -> Vec<Field> {
    let (record, spec, totals) = (&info.record, &info.record.spec, &info.totals);
    let filters = serde_json::to_string(&spec.filters).unwrap_or_default();
    let transformer = spec.transformer.as_ref();
    let transformer = transformer.map(|spec| serde_json::to_string(spec).unwrap_or_default());
    let headers: Vec<_> = spec.headers.keys().map(String::as_str).collect();
    let mut fields = vec![
        ("ID", record.id.to_string()),
        ("Name", spec.name.to_string()),
        ("Namespace", spec.namespace.to_string()),
        ("Eventbus", spec.eventbus.to_string()),
        ("Sink", spec.sink.clone()),
        ("Protocol", spec.protocol.as_str().to_owned()),
        ("Credential", credential(&spec.credential)),
        ("Phase", phase(info.phase).to_owned()),
        (
            "Problem",
            human::or_dash(info.problem.as_deref().unwrap_or_default()),
        ),
        (
            "Filters",
            if spec.filters.is_empty() {
                "-".to_owned()
            } else {
                filters
            },
        ),
        (
            "Transformer",
            human::or_dash(&transformer.unwrap_or_default()),
        ),
        ("Delivery", delivery(&spec.delivery)),
        ("Headers", human::or_dash(&headers.join(" "))),
        ("Description", human::or_dash(&spec.description)),
    ];
    fields.extend(config(&spec.config));
    fields.extend([
        ("Created", human::time(Some(record.created_at_ms))),
        ("Updated", human::time(Some(record.updated_at_ms))),
        ("Delivered", totals.delivered.to_string()),
        ("Filtered", totals.filtered.to_string()),
        ("Dead letters", totals.dead_lettered.to_string()),
        ("Dropped", totals.dropped.to_string()),
        ("Expired", totals.expired.to_string()),
        ("In flight", totals.in_flight.to_string()),
        ("Retrying", totals.retrying.to_string()),
        ("Attempts", totals.attempts.to_string()),
    ]);
    fields
}

/// The kind, and what of it is no secret.
fn credential(credential: &Credential) -> String {
    match credential {
        Credential::Plain { identifier: id, .. }
        | Credential::Aws {
            access_key_id: id, ..
        } => {
            format!("{}, {id}", credential.kind())
        }
        _ => credential.kind().to_owned(),
    }
}

fn delivery(delivery: &DeliverySpec) -> String {
    let mut text = delivery.mode.as_str().to_owned();
    if delivery.mode == DeliveryMode::Batch {
        let linger = Duration::from_millis(delivery.batch_linger_ms.into());
        let (events, linger) = (delivery.batch_events, human::duration(linger));
        text.push_str(&format!(", up to {events} events or {linger}"));
    }
    if let Some(handshake) = &delivery.handshake {
        text.push_str(&format!(", asked first as {}", handshake.origin));
    }
    if let Some(reply) = &delivery.reply {
        text.push_str(&format!(", replies to {reply}"));
    }
    text
}

fn config(config: &SubscriptionConfig) -> Vec<Field> {
    let from = match config.start_from {
        StartFrom::Latest => "latest".to_owned(),
        StartFrom::Earliest => "earliest".to_owned(),
        StartFrom::Timestamp(ms) => human::time(Some(ms)),
        StartFrom::Offset(offset) => format!("offset {offset}"),
    };
    let rate = match config.rate_limit {
        0 => "unlimited".to_owned(),
        limit => format!("{limit}/s"),
    };
    let timeout = Duration::from_millis(config.delivery_timeout_ms.into());
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    vec![
        ("From", from),
        ("Rate limit", rate),
        ("Delivery timeout", human::duration(timeout)),
        ("Max retries", config.max_retry_attempts.to_string()),
        ("Max in flight", config.in_flight.to_string()),
        ("Ordering", ordering(config)),
        ("Dead letter", yes(config.dead_letter)),
    ]
}

fn ordering(config: &SubscriptionConfig) -> String {
    match (&config.ordering, &config.key_limit) {
        (DeliveryOrder::None, Some(limit)) => {
            format!("none, {} in flight for each {}", limit.in_flight, limit.key)
        }
        (DeliveryOrder::None, None) => "none".to_owned(),
        (DeliveryOrder::Strict, _) => "strict".to_owned(),
        (DeliveryOrder::Key(key), _) => format!("by {key}"),
    }
}

const fn phase(phase: SubscriptionPhase) -> &'static str {
    match phase {
        SubscriptionPhase::Running => "running",
        SubscriptionPhase::Stopping => "stopping",
        SubscriptionPhase::Stopped => "stopped",
        SubscriptionPhase::Detached => "detached",
    }
}
