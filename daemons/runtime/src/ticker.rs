//! A timer finer than those of the runtime, for programs that measure.

use std::{io, time::Duration};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::{io::AsyncReadExt as _, net::unix::pipe};

/// Ticks at a fixed rate, to the microsecond where the runtime counts milliseconds; and on the
/// thread that runs the task, so that no other thread has to be woken first.
#[derive(Debug)]
pub struct Ticker {
    /// It is read like a pipe: how often it ticked, in eight bytes.
    timer: pipe::Receiver,
}

impl Ticker {
    /// Ticks every `period` from now on. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the system has no timer to give.
    pub fn every(period: Duration) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        // Zero would stop the timer.
        let period = period.max(Duration::from_nanos(1));
        let period = Timespec::try_from(period).map_err(io::Error::other)?;
        let times = Itimerspec {
            it_interval: period,
            it_value: period,
        };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times)?;
        Ok(Self {
            timer: pipe::Receiver::from_owned_fd_unchecked(timer)?,
        })
    }

    /// Waits for the next tick; one that has passed since the last call counts. Cancellation safe.
    ///
    /// # Errors
    /// When the system refuses to wait.
    pub async fn tick(&mut self) -> io::Result<()> {
        // With room for more than comes, the runtime knows after one call that nothing is left.
        let mut ticks = [0; 16];
        let read = self.timer.read(&mut ticks).await?;
        debug_assert_eq!(read, 8);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_ticks_at_its_rate_and_missed_ticks_come_as_one() {
        let period = Duration::from_millis(2);
        let begin = tokio::time::Instant::now();
        let mut ticker = Ticker::every(period).unwrap();
        ticker.tick().await.unwrap();
        assert!(begin.elapsed() >= period);
        // Four ticks and a half have passed, seen from a moment before the first period.
        while begin.elapsed() < 9 * period / 2 {
            tokio::task::yield_now().await;
        }
        ticker.tick().await.unwrap();
        ticker.tick().await.unwrap();
        assert!(begin.elapsed() >= 5 * period);
    }
}
