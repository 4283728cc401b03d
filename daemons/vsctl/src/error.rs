//! Why a command did not do what it was asked for, and the exit code of each reason.

use std::io;

use vanus_client::{ClientError, NotSent, SendError};
use vanus_proto::transport::TransportError;
use vanus_types::{Coded, ErrorCode, Fault};

/// Exit code: the server refused or failed.
const FAILED: u8 = 1;
/// Exit code: the command line, or a file it names, is wrong.
const USAGE: u8 = 2;
/// Exit code: no server could be reached, or it was lost.
const UNREACHABLE: u8 = 3;
/// Exit code: interrupted, as shells count it.
const INTERRUPTED: u8 = 130;

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// What was asked for cannot be right; nothing was sent.
    #[error(transparent)]
    Invalid(#[from] Fault),
    /// A file, or standard input, cannot be read.
    #[error("cannot read {path}: {source}")]
    Input {
        /// The file as it was named.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The server did not answer, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An event was not stored.
    #[error("{stored} of {all} events are stored; event {number} (id \"{id}\") is not: {source}")]
    NotStored {
        /// How many are.
        stored: usize,
        /// How many there were.
        all: usize,
        /// Which one was not, counted from 1.
        number: usize,
        /// Its id.
        id: String,
        /// Why.
        source: SendError,
    },
    /// A producer was closed under the command.
    #[error(transparent)]
    NotSent(#[from] NotSent),
    /// The engine in this process refused or failed.
    #[error("{0}")]
    Engine(Fault),
    /// A disk that is measured failed.
    #[error("cannot measure {path}: {source}")]
    Disk {
        /// The directory.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A measurement has no result.
    #[error("nothing was measured: {0}")]
    Bench(String),
    /// The asynchronous runtime does not start.
    #[error("the program cannot start: {0}")]
    Runtime(io::Error),
    /// The answer cannot be printed.
    #[error("cannot print the answer: {0}")]
    Output(io::Error),
    /// Interrupted by the user; whatever was made for the time being is cleaned up.
    #[error("interrupted")]
    Interrupted,
}

impl CliError {
    /// An argument that cannot be right.
    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::Invalid(Fault::new(ErrorCode::InvalidArgument, message))
    }

    /// An argument that breaks a rule of what it becomes.
    pub(crate) fn invalid<E: Coded + std::error::Error>(error: &E) -> Self {
        Self::Invalid(Fault::of(error))
    }

    /// A failure of the engine in this process.
    pub(crate) fn engine<E: Coded + std::error::Error>(error: &E) -> Self {
        Self::Engine(Fault::of(error))
    }

    /// The code and the sentence to show.
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Invalid(fault) | Self::Engine(fault) => fault.clone(),
            Self::Client(ClientError::Refused(fault)) => fault.clone(),
            Self::Client(error) => Fault::of(error),
            Self::NotStored { source, .. } => Fault::new(source.code(), self.to_string()),
            Self::NotSent(error) => Fault::of(error),
            Self::Input { .. } => Fault::new(ErrorCode::InvalidArgument, self.to_string()),
            Self::Disk { .. } => Fault::new(ErrorCode::StorageIo, self.to_string()),
            Self::Bench(_) | Self::Runtime(_) | Self::Output(_) => {
                Fault::new(ErrorCode::Internal, self.to_string())
            }
            Self::Interrupted => Fault::new(ErrorCode::Closed, self.to_string()),
        }
    }

    /// The exit code, as the help tells it.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Invalid(_) | Self::Input { .. } | Self::Client(ClientError::Name(_)) => USAGE,
            Self::Client(ClientError::Transport(TransportError::Frame(_))) => FAILED,
            Self::Client(ClientError::Transport(_) | ClientError::Timeout { .. })
            | Self::NotStored {
                source: SendError::TimedOut { .. },
                ..
            } => UNREACHABLE,
            Self::Interrupted => INTERRUPTED,
            // Whoever read the answer has seen enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            _ => FAILED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_tell_refused_wrong_and_unreachable_apart() {
        let refused = Fault::new(ErrorCode::EventbusNotFound, "eventbus \"a\" not found");
        let error = CliError::Client(ClientError::Refused(refused.clone()));
        assert_eq!((error.exit_code(), error.fault()), (1, refused));
        assert_eq!(CliError::argument("no").exit_code(), 2);
        let lost = TransportError::Lost {
            detail: String::new(),
        };
        assert_eq!(CliError::Client(lost.into()).exit_code(), 3);
        assert_eq!(CliError::Interrupted.exit_code(), 130);
        let pipe = CliError::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(pipe.exit_code(), 0);
    }
}
