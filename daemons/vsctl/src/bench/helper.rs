//! This program once more, as the other side of a measurement, in a process of its own.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::error::CliError;

/// A running helper. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Helper {
    /// The line it said where it is with.
    pub(super) said: String,
    process: Child,
}

impl Helper {
    /// Starts `vsctl bench COMMAND` and waits until it says where it is.
    pub(super) async fn start(command: &str) -> Result<Self, CliError> {
        let program = std::env::current_exe().map_err(CliError::Runtime)?;
        let mut process = Command::new(program)
            .args(["bench", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(CliError::Runtime)?;
        let mut said = String::new();
        if let Some(out) = process.stdout.take() {
            let mut lines = BufReader::new(out);
            lines
                .read_line(&mut said)
                .await
                .map_err(CliError::Runtime)?;
        }
        let said = said.trim().to_owned();
        if said.is_empty() {
            return Err(CliError::Bench(format!("{command} did not start")));
        }
        Ok(Self { said, process })
    }

    /// Ends it.
    pub(super) async fn stop(mut self) {
        drop(self.process.stdin.take());
        // It ends with its standard input, at the latest when this is dropped.
        let _ = self.process.wait().await;
    }
}

/// In the helper: waits until standard input ends, which is when the other side wants no more.
pub(super) async fn wanted_no_more() {
    let mut nothing = Vec::new();
    // An input that cannot be read has ended.
    let _ = tokio::io::stdin().read_to_end(&mut nothing).await;
}
