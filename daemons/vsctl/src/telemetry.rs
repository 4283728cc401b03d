//! Log lines, to standard error.

use std::{fmt, io};

use tracing_subscriber::{
    EnvFilter,
    fmt::{format::Writer, time::FormatTime},
};
use vanus_types::{Clock as _, SystemClock, event::timestamp::format_ms};

/// Starts logging: warnings, or with `debug` whatever Vanus does.
pub(crate) fn start(debug: bool) {
    let filter = EnvFilter::new(if debug {
        "vsctl=debug,vanus=debug,vanus_client=debug,\
        vanus_net=debug,vanus_core=debug,vanus_storage=debug,warn"
    } else {
        "error"
    });
    // Fails only when somebody else logs already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(Timer(SystemClock::new()))
        .with_writer(io::stderr)
        .with_ansi(rustix::termios::isatty(rustix::stdio::stderr()))
        .try_init();
}

/// Times of log lines.
#[derive(Debug)]
struct Timer(SystemClock);

impl FormatTime for Timer {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        out.write_str(&format_ms(self.0.now_ms()))
    }
}
