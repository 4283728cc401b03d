//! Redis streams.
//!
//! Spoken here is RESP: a command is an array of bulk strings, an answer a tree of arrays and
//! strings. A message is acknowledged when `XADD` is answered with its id.

use std::time::{Duration, Instant};

use super::{
    Error, Figures, Load, Result, Row,
    connection::{Incoming, Outgoing, Window, connect},
    drive::{message, publish_all, publish_paced},
    measure::age,
};

const STREAM: &str = "bench";
const READ_AT_ONCE: &str = "1000";
const MOST_DEPTH: u8 = 8;

/// A Redis server.
#[derive(Debug, Clone)]
pub struct Redis {
    address: String,
}

impl Redis {
    /// The server at this address.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
        }
    }

    /// Measures one row.
    ///
    /// # Errors
    /// The server cannot be reached, or does not do what it is asked for.
    pub async fn run(&self, row: Row, load: Load) -> Result<Figures> {
        let mut session = Session::open(&self.address).await?;
        session.ask(&["DEL", STREAM]).await?;
        let figures = match row {
            Row::Publish => session.publish(load).await?,
            Row::One => session.one_by_one(load).await?,
            Row::Consume => {
                session.publish(load).await?;
                Session::open(&self.address).await?.consume(load).await?
            }
            Row::Latency => {
                let consumer = Session::open(&self.address).await?;
                session.latency(consumer, load).await?
            }
        };
        let mut session = Session::open(&self.address).await?;
        session.ask(&["DEL", STREAM]).await?;
        Ok(figures)
    }
}

struct Session {
    incoming: Answers,
    outgoing: Outgoing,
}

impl Session {
    async fn open(address: &str) -> Result<Self> {
        let (incoming, outgoing) = connect(address).await?;
        Ok(Self {
            incoming: Answers { incoming },
            outgoing,
        })
    }

    async fn ask(&mut self, words: &[&str]) -> Result<()> {
        self.outgoing.send(&command(words)).await?;
        self.incoming.next(|_| {}).await
    }

    async fn publish(self, load: Load) -> Result<Figures> {
        let window = Window::new(load.window);
        let start = Instant::now();
        let writer = tokio::spawn(publish_all(self.outgoing, load, put, window.clone()));
        let mut answers = self.incoming;
        let mut done = 0;
        while done < load.events {
            let count = answers.all().await?;
            done += count;
            window.done(count);
        }
        drop(writer.await??);
        Ok(Figures::new(
            Row::Publish,
            load,
            start.elapsed(),
            Vec::new(),
        ))
    }

    async fn one_by_one(mut self, load: Load) -> Result<Figures> {
        let message = message(load, put);
        let mut times = Vec::new();
        let start = Instant::now();
        for _ in 0..load.events {
            let sent = Instant::now();
            self.outgoing.send(&message).await?;
            self.incoming.next(|_| {}).await?;
            times.push(sent.elapsed());
        }
        Ok(Figures::new(Row::One, load, start.elapsed(), times))
    }

    async fn consume(mut self, load: Load) -> Result<Figures> {
        let start = Instant::now();
        let (mut count, mut bytes) = (0_u64, 0);
        let mut after = String::from("0");
        while count < load.events {
            let words = ["XREAD", "COUNT", READ_AT_ONCE, "STREAMS", STREAM, &after];
            self.outgoing.send(&command(&words)).await?;
            let mut last = None;
            self.incoming
                .next(|text| {
                    if text.len() == load.payload {
                        count += 1;
                        bytes += text.len();
                    } else if text.len() > 1 && text != STREAM.as_bytes() {
                        last = Some(String::from_utf8_lossy(text).into_owned());
                    }
                })
                .await?;
            after = last.ok_or("the stream ended early")?;
        }
        if bytes as u64 != load.events * load.payload as u64 {
            return Err(format!("{bytes} bytes came").into());
        }
        Ok(Figures::new(
            Row::Consume,
            load,
            start.elapsed(),
            Vec::new(),
        ))
    }

    async fn latency(self, mut consumer: Self, load: Load) -> Result<Figures> {
        let start = Instant::now();
        let received = tokio::spawn(async move {
            let mut times = Vec::new();
            let mut after = String::from("0");
            while (times.len() as u64) < load.events {
                let words = [
                    "XREAD",
                    "COUNT",
                    READ_AT_ONCE,
                    "BLOCK",
                    "0",
                    "STREAMS",
                    STREAM,
                    &after,
                ];
                consumer.outgoing.send(&command(&words)).await?;
                let mut last = None;
                let look = |text: &[u8]| {
                    if text.len() == load.payload {
                        times.extend(age(start, text));
                    } else if text.len() > 1 && text != STREAM.as_bytes() {
                        last = Some(String::from_utf8_lossy(text).into_owned());
                    }
                };
                consumer.incoming.next(look).await?;
                after = last.ok_or("the stream ended early")?;
            }
            Ok::<Vec<Duration>, Error>(times)
        });
        let (mut incoming, mut outgoing) = (self.incoming, self.outgoing);
        let acks = tokio::spawn(async move {
            let mut done = 0;
            while done < load.events {
                done += incoming.all().await?;
            }
            Ok::<(), Error>(())
        });
        publish_paced(&mut outgoing, load, put, start).await?;
        acks.await??;
        let times = received.await??;
        Ok(Figures::new(Row::Latency, load, start.elapsed(), times))
    }
}

fn command(words: &[&str]) -> Vec<u8> {
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    text.into_bytes()
}

fn put(message: &mut Vec<u8>, payload: &[u8]) {
    let head = format!(
        "*5\r\n$4\r\nXADD\r\n${}\r\n{STREAM}\r\n$1\r\n*\r\n$1\r\nd\r\n${}\r\n",
        STREAM.len(),
        payload.len()
    );
    message.extend_from_slice(head.as_bytes());
    message.extend_from_slice(payload);
    message.extend_from_slice(b"\r\n");
}

/// What the server sends.
struct Answers {
    incoming: Incoming,
}

impl Answers {
    /// Waits for one whole answer and hands over the strings in it, in their order.
    async fn next(&mut self, look: impl FnMut(&[u8])) -> Result<()> {
        loop {
            if let Some(end) = skip(self.incoming.buffered(), 0, 0)? {
                let answer = self.incoming.take(end);
                return strings(&answer, look);
            }
            self.incoming.more().await?;
        }
    }

    /// Waits for at least one whole answer, and says how many were there.
    async fn all(&mut self) -> Result<u64> {
        loop {
            let (mut count, mut used) = (0, 0);
            while let Some(end) = skip(self.incoming.buffered(), used, 0)? {
                used = end;
                count += 1;
            }
            if count > 0 {
                self.incoming.take(used);
                return Ok(count);
            }
            self.incoming.more().await?;
        }
    }
}

/// Where the answer that begins at `at` ends, if it is whole.
fn skip(buffer: &[u8], at: usize, depth: u8) -> Result<Option<usize>> {
    let Some((kind, number, mut next)) = line(buffer, at)? else {
        return Ok(None);
    };
    match kind {
        b'$' if number >= 0 => {
            next += usize::try_from(number)? + 2;
            Ok((buffer.len() >= next).then_some(next))
        }
        b'*' if depth < MOST_DEPTH => {
            for _ in 0..number {
                let Some(end) = skip(buffer, next, depth + 1)? else {
                    return Ok(None);
                };
                next = end;
            }
            Ok(Some(next))
        }
        b'*' => Err("an answer is nested too deep".into()),
        _ => Ok(Some(next)),
    }
}

/// Hands over the strings of a whole answer.
fn strings(answer: &[u8], mut look: impl FnMut(&[u8])) -> Result<()> {
    let mut at = 0;
    while let Some((kind, number, next)) = line(answer, at)? {
        at = next;
        if kind == b'$' && number >= 0 {
            let end = at + usize::try_from(number)?;
            look(answer.get(at..end).unwrap_or_default());
            at = end + 2;
        }
    }
    Ok(())
}

/// The kind of the line at `at`, its number if it has one, and where the next begins.
fn line(buffer: &[u8], at: usize) -> Result<Option<(u8, i64, usize)>> {
    let rest = buffer.get(at..).unwrap_or_default();
    let Some(end) = rest.iter().take(1024).position(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let text = rest.get(..end).unwrap_or_default().trim_ascii_end();
    let Some((kind, text)) = text.split_first() else {
        return Err("an empty line".into());
    };
    match kind {
        b'-' => Err(String::from_utf8_lossy(text).into()),
        b'$' | b'*' => {
            let number = std::str::from_utf8(text)?.parse()?;
            Ok(Some((*kind, number, at + end + 1)))
        }
        _ => Ok(Some((*kind, 0, at + end + 1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"*1\r\n*2\r\n$5\r\nbench\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nd\r\n$4\r\nabcd\r\n+OK\r\n";

    #[test]
    fn answers_are_found_whole_or_not_at_all() {
        let end = ANSWER.len() - b"+OK\r\n".len();
        for cut in 0..end {
            assert_eq!(skip(&ANSWER[..cut], 0, 0).unwrap(), None, "{cut}");
        }
        assert_eq!(skip(ANSWER, 0, 0).unwrap(), Some(end));
        assert_eq!(skip(ANSWER, end, 0).unwrap(), Some(ANSWER.len()));
    }

    #[test]
    fn the_strings_of_an_answer_come_in_order() {
        let mut found = Vec::new();
        strings(&ANSWER[..ANSWER.len() - 5], |text| {
            found.push(String::from_utf8_lossy(text).into_owned());
        })
        .unwrap();
        assert_eq!(found, ["bench", "1-0", "d", "abcd"]);
    }

    #[test]
    fn an_error_of_the_server_is_an_error() {
        assert!(skip(b"-ERR wrong\r\n", 0, 0).is_err());
    }
}
