//! How far a measurement is, on a terminal.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tokio::task::JoinHandle;

use crate::output::Output;

/// How often the display is renewed.
const RENEWED: Duration = Duration::from_millis(200);

/// How many events are done. Cheap to clone; clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Count {
    done: Arc<AtomicU64>,
}

impl Count {
    /// Counts `more`.
    pub(crate) fn add(&self, more: u64) {
        self.done.fetch_add(more, Ordering::Relaxed);
    }

    /// How many so far.
    pub(crate) fn get(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

/// A display on standard error, if that is a terminal and people read the answer. It disappears
/// when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    renewing: JoinHandle<()>,
}

impl Progress {
    /// Shows `count` on its way to `total`, or without end.
    pub(crate) fn show(
        output: &Output,
        what: &'static str,
        count: &Count,
        total: Option<u64>,
    ) -> Self {
        let target = if output.is_json() {
            ProgressDrawTarget::hidden()
        } else {
            // Hidden by itself where there is no terminal.
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(total, target);
        let template = match total {
            Some(_) => "{msg} {bar:30} {human_pos}/{human_len} {rate}",
            None => "{msg} {spinner} {human_pos} {rate}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.with_key("rate", rate));
        }
        bar.set_message(what);
        let (shown, count) = (bar.clone(), count.clone());
        let renewing = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(RENEWED);
            loop {
                ticks.tick().await;
                shown.set_position(count.get());
            }
        });
        Self { bar, renewing }
    }
}

/// Whole events a second.
fn rate(state: &ProgressState, out: &mut dyn fmt::Write) {
    // Writing into the display's text does not fail.
    let _ = write!(out, "{:.0}/s", state.per_sec());
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.renewing.abort();
        self.bar.finish_and_clear();
    }
}
