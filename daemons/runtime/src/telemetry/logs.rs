//! Log lines: to standard error, for people or as JSON.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt as _};

use crate::config::LogFormat;

/// Why logging does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogsError {
    /// The level has the wrong form.
    #[error("log_level \"{level}\" is not understood: {detail}")]
    Level {
        /// The level given.
        level: String,
        /// What the parser said.
        detail: String,
    },
    /// Something else took the log lines of this process before.
    #[error("logging was started before")]
    Taken,
}

/// Starts logging: from now on log lines go to standard error.
///
/// # Errors
/// [`LogsError`] when `level` has the wrong form or logging was started before.
pub fn init_logs(level: &str, format: LogFormat) -> Result<(), LogsError> {
    let filter = parse_level(level)?;
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            lines.with_ansi(colours).finish().try_init()
        }
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    };
    started.map_err(|_| LogsError::Taken)
}

fn parse_level(level: &str) -> Result<EnvFilter, LogsError> {
    EnvFilter::try_new(level).map_err(|error| LogsError::Level {
        level: level.to_owned(),
        detail: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_per_part() {
        for good in ["info", "warn,vanus_core=debug", "off"] {
            assert!(parse_level(good).is_ok(), "{good}");
        }
        assert!(matches!(
            parse_level("vanus=loud"),
            Err(LogsError::Level { .. })
        ));
    }

    #[test]
    fn logging_starts_once() {
        assert_eq!(init_logs("off", LogFormat::Json), Ok(()));
        assert_eq!(init_logs("off", LogFormat::Text), Err(LogsError::Taken));
    }
}
