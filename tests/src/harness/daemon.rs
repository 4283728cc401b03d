//! The real daemon as a process of its own.

use std::{
    fs::{File, OpenOptions},
    net::{SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;

use super::{Connection, Result};

const READY_WITHIN: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// A daemon on loopback ports and a data directory that stay the same however often it is killed.
#[derive(Debug)]
pub struct Daemon {
    binary: PathBuf,
    data: PathBuf,
    log: PathBuf,
    http: SocketAddr,
    quic: SocketAddr,
    metrics: SocketAddr,
    child: Option<Child>,
}

impl Daemon {
    /// A daemon that is not started yet. What it logs goes into `vanus.log` in `place`.
    ///
    /// # Errors
    /// No port is free.
    pub fn new(binary: impl Into<PathBuf>, place: &Path) -> Result<Self> {
        Ok(Self {
            binary: binary.into(),
            data: place.join("data"),
            log: place.join("vanus.log"),
            http: free_port(false)?,
            quic: free_port(true)?,
            metrics: free_port(false)?,
            child: None,
        })
    }

    /// Where it serves HTTP.
    #[must_use]
    pub fn http(&self) -> String {
        self.http.to_string()
    }

    /// Where it serves QUIC.
    #[must_use]
    pub const fn quic(&self) -> SocketAddr {
        self.quic
    }

    /// Starts it and waits until it is ready; says how long that took.
    ///
    /// # Errors
    /// It ends, or is not ready in time.
    pub async fn start(&mut self) -> Result<Duration> {
        let begun = Instant::now();
        self.spawn()?;
        while begun.elapsed() < READY_WITHIN {
            if let Some(status) = self.ended()? {
                let log = self.log.display();
                return Err(format!("the daemon ended: {status}; see {log}").into());
            }
            if is_ready(&self.metrics.to_string()).await {
                return Ok(begun.elapsed());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Err(format!("the daemon is not ready after {READY_WITHIN:?}").into())
    }

    /// Starts it and does not wait.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&mut self) -> Result<()> {
        let open = || -> Result<File> {
            let options = OpenOptions::new().create(true).append(true).open(&self.log);
            Ok(options?)
        };
        let child = Command::new(&self.binary)
            .arg("start")
            .arg(format!("--data-dir={}", self.data.display()))
            .arg(format!("--http={}", self.http))
            .arg(format!("--quic={}", self.quic))
            .arg(format!("--metrics={}", self.metrics))
            .stdout(open()?)
            .stderr(open()?)
            .spawn()?;
        self.child = Some(child);
        Ok(())
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let child = self.child.as_mut().ok_or("the daemon was not started")?;
        Ok(child.try_wait()?)
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    ///
    /// # Errors
    /// It had ended already.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().ok_or("the daemon does not run")?;
        if let Some(status) = child.try_wait()? {
            let log = self.log.display();
            return Err(format!("the daemon ended by itself: {status}; see {log}").into());
        }
        child.kill()?;
        child.wait()?;
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may be gone already, which is all that is wanted.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

async fn is_ready(metrics: &str) -> bool {
    let Ok(request) = Request::get("/readyz").body(Bytes::new()) else {
        return false;
    };
    let Ok(mut connection) = Connection::open(metrics).await else {
        return false;
    };
    let answer = connection.send(request).await;
    answer.is_ok_and(|answer| answer.status.is_success())
}

/// A port of the loopback interface that is free at this moment, of UDP or TCP.
///
/// # Errors
/// None is.
pub fn free_port(udp: bool) -> Result<SocketAddr> {
    let address = if udp {
        UdpSocket::bind("127.0.0.1:0")?.local_addr()?
    } else {
        TcpListener::bind("127.0.0.1:0")?.local_addr()?
    };
    Ok(address)
}
