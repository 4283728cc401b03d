//! `vsctl bench match`: how fast events find their subscriptions, in this process.

use std::hint::black_box;

use clap::{Args, ValueEnum};
use vanus_expr::{
    EventView, Filter,
    json::JsonIndex,
    matcher::{Matcher, Scratch},
};
use vanus_types::{Clock, Event, control::FilterSpec};

use super::{
    Common,
    recorder::Latencies,
    report::{Report, Row},
    stop::Stop,
};
use crate::{context::Context, error::CliError};

pub(super) const EXAMPLES: &str = "\
Examples:
  vsctl bench match
  vsctl bench match --subscriptions 10000 --kinds attributes,data --json

One thread matches events against the filters of so many subscriptions at once; about two of 10,000
want an event. The kinds: attributes (type and tenant), attributes with one filter in a hundred a
CESQL expression, and two values of 900 bytes of JSON data. Then what one filter alone takes,
and how long adding one to the largest number takes.";

/// Different events of a kind.
const EVENTS: u64 = 512;

/// Events between two looks at the clock.
const AT_ONCE: u64 = 64;

/// Filters that are removed and added again for the time that takes.
const CHANGES: u64 = 1_000;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Matching {
    #[command(flatten)]
    common: Common,
    /// How many subscriptions, one number after the other
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1,100,10000,100000",
        value_name = "NUMBERS"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    subscriptions: Vec<u64>,
    /// Which filters and events
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KINDS")]
    #[arg(default_values_t = [Kind::Attributes, Kind::WithSql, Kind::Data])]
    kinds: Vec<Kind>,
    /// How long each is measured, in milliseconds
    #[arg(long, default_value_t = 1_000, value_name = "MS")]
    #[arg(value_parser = clap::value_parser!(u64).range(10..=60_000))]
    millis: u64,
}

/// Which filters and events.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Attributes alone.
    Attributes,
    /// Attributes, with one filter in a hundred a CESQL expression.
    WithSql,
    /// Values in 900 bytes of JSON data.
    Data,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Attributes => "attributes",
            Self::WithSql => "attributes, 1 % CESQL",
            Self::Data => "900 B JSON data",
        }
    }

    /// The filter of a subscription: one of many tenants, and a kind of event.
    fn filter(self, number: u64) -> String {
        let (tenant, kind) = (number % 5_000, number % 50);
        match self {
            Self::WithSql if number.is_multiple_of(100) => {
                format!(r#"[{{"sql": "tenant = 't{tenant}' AND hops < 5"}}]"#)
            }
            Self::Attributes | Self::WithSql => {
                format!(r#"[{{"exact": {{"type": "order.{kind}", "tenant": "t{tenant}"}}}}]"#)
            }
            Self::Data => {
                format!(
                    r#"[{{"exact": {{"data.customer.id": "c{tenant}", "data.kind": "{kind}"}}}}]"#
                )
            }
        }
    }

    fn event(self, number: u64) -> Result<Event, CliError> {
        let (tenant, kind) = (number * 7 % 5_000, number * 7 % 50);
        let event = Event::builder()
            .id(number.to_string())
            .source(format!("/shops/{tenant}/till"))
            .ty(format!("order.{kind}"))
            .subject(format!("order-{tenant}"))
            .extension("tenant", format!("t{tenant}"))
            .extension("hops", 3);
        let event = match self {
            Self::Attributes | Self::WithSql => event,
            Self::Data => {
                let sku = "x".repeat(112);
                let lines = (0..6).map(|n| format!(r#"{{"n": {n}, "sku": "{sku}"}}"#));
                let lines: Vec<String> = lines.collect();
                event.json(format!(
                    r#"{{"kind": {kind}, "lines": [{}], "customer": {{"id": "c{tenant}"}}}}"#,
                    lines.join(", ")
                ))
            }
        };
        event.build().map_err(|error| CliError::invalid(&error))
    }
}

impl Matching {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let output = context.output().or_json(self.common.json);
        let (mut report, stop) = (Report::new("match", context), Stop::on_interrupt());
        let (clock, asked) = (context.clock(), stop.clone());
        let measuring = tokio::task::spawn_blocking(move || self.measure(clock.as_ref(), &asked));
        let rows = measuring
            .await
            .map_err(|error| CliError::Bench(error.to_string()))??;
        rows.into_iter().for_each(|row| report.add(row));
        report.interrupted = stop.is_asked();
        report.print(&output)
    }

    fn measure(&self, clock: &dyn Clock, stop: &Stop) -> Result<Vec<Row>, CliError> {
        let mut rows = Vec::new();
        for kind in self.kinds.iter().copied() {
            let events: Vec<Event> = (0..EVENTS)
                .map(|n| kind.event(n))
                .collect::<Result<_, _>>()?;
            for count in &self.subscriptions {
                let mut matcher = Matcher::new();
                for number in 0..*count {
                    matcher.insert(number, &compiled(&kind.filter(number))?);
                }
                rows.push(self.matched(kind, *count, &matcher, &events, clock));
                if self.subscriptions.iter().max() == Some(count) {
                    rows.push(changed(kind, *count, &mut matcher, clock)?);
                }
                if stop.is_asked() {
                    return Ok(rows);
                }
            }
        }
        for (name, filter) in [
            ("CESQL", r#"[{"sql": "type = 'order.7'"}]"#),
            (
                "CESQL of three terms",
                r#"[{"sql": "type = 'order.7' AND hops < 5 AND subject LIKE 'order-%'"}]"#,
            ),
            ("CEL", r#"[{"cel": "event.type == 'order.7'"}]"#),
            (
                "CEL of three terms",
                r#"[{"cel": "event.type == 'order.7' && event.hops < 5 && has(event.subject)"}]"#,
            ),
        ] {
            rows.push(self.alone(name, &compiled(filter)?, clock)?);
        }
        Ok(rows)
    }

    /// Matches until the time is up.
    fn matched(
        &self,
        kind: Kind,
        count: u64,
        matcher: &Matcher,
        events: &[Event],
        clock: &dyn Clock,
    ) -> Row {
        let (mut scratch, mut index) = (Scratch::new(), JsonIndex::new());
        let mut turn = |events: &mut dyn Iterator<Item = &Event>| {
            for event in events {
                let view = EventView::with_index(black_box(event), std::mem::take(&mut index));
                black_box(matcher.matches(&view, &mut scratch).len());
                index = view.into_index();
            }
        };
        turn(&mut events.iter());
        let begin = clock.monotonic_ns();
        let (mut done, mut round) = (0, events.iter().cycle());
        loop {
            turn(&mut round.by_ref().take(AT_ONCE as usize));
            done += AT_ONCE;
            let elapsed = clock.monotonic_ns() - begin;
            if elapsed >= self.millis * 1_000_000 {
                let payload = events.first().map(|event| event.data_bytes().len());
                let payload = payload.filter(|len| *len > 0);
                let row = Row {
                    payload_bytes: payload,
                    ..Row::named(format!("{}, {count} subscriptions", kind.name()))
                };
                return row.rate(done, elapsed);
            }
        }
    }

    /// One filter by itself; rounds are measured, as one evaluation is shorter than a look at the
    /// clock.
    fn alone(&self, name: &str, filter: &Filter, clock: &dyn Clock) -> Result<Row, CliError> {
        const ROUND: u64 = 1_000;
        let event = Kind::Attributes.event(1)?;
        let (mut latencies, begin) = (Latencies::new()?, clock.monotonic_ns());
        let mut done = 0;
        loop {
            let start = clock.monotonic_ns();
            for _ in 0..ROUND {
                let view = EventView::new(black_box(&event));
                black_box(filter.matches(&view));
            }
            let now = clock.monotonic_ns();
            latencies.record((now - start) / ROUND);
            done += ROUND;
            if now - begin >= self.millis * 1_000_000 {
                let row = Row::named(format!("one evaluation of {name}"));
                return Ok(row.rate(done, now - begin).latencies(&latencies));
            }
        }
    }
}

/// How long it takes to remove a filter of many, and to add one.
fn changed(
    kind: Kind,
    count: u64,
    matcher: &mut Matcher,
    clock: &dyn Clock,
) -> Result<Row, CliError> {
    let (mut latencies, begin) = (Latencies::new()?, clock.monotonic_ns());
    let changes = CHANGES.min(count);
    for turn in 0..changes {
        let number = turn * (count / changes);
        let text = kind.filter(number);
        matcher.remove(number);
        let start = clock.monotonic_ns();
        matcher.insert(number, &compiled(&text)?);
        latencies.record(clock.monotonic_ns() - start);
    }
    let row = Row::named(format!("{}, adding one to {count}", kind.name()));
    Ok(row
        .rate(changes, clock.monotonic_ns() - begin)
        .latencies(&latencies))
}

fn compiled(filters: &str) -> Result<Filter, CliError> {
    let bad = |error: serde_json::Error| CliError::Bench(error.to_string());
    let specs: Vec<FilterSpec> = serde_json::from_str(filters).map_err(bad)?;
    Filter::compile(&specs).map_err(|error| CliError::invalid(&error))
}
