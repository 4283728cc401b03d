//! NATS JetStream.
//!
//! Spoken here is the text protocol: `PUB subject reply length`, answered by
//! `MSG subject sid [reply] length` on the subscription that receives all replies. A message is
//! acknowledged when the stream says so, in JSON on its reply subject.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use super::{
    Error, Figures, Load, Result, Row,
    connection::{Incoming, Outgoing, Window, connect},
    drive::{message, publish_all, publish_paced},
    measure::age,
};

const STREAM: &str = "BENCH";
const SUBJECT: &str = "bench";
const PUBLISHER: &str = "_INBOX.publisher";
const CONSUMER: &str = "_INBOX.consumer";
const DELIVERED: &str = "delivered.bench";

/// A NATS server with JetStream.
#[derive(Debug, Clone)]
pub struct Nats {
    address: String,
}

impl Nats {
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
        let mut session = Session::open(&self.address, PUBLISHER).await?;
        session.request("$JS.API.STREAM.DELETE.BENCH", "").await?;
        let config = format!(
            r#"{{"name":"{STREAM}","subjects":["{SUBJECT}"],"storage":"file","retention":"limits","discard":"old","num_replicas":1}}"#
        );
        let made = session.request("$JS.API.STREAM.CREATE.BENCH", &config);
        refuse_errors(&made.await?)?;
        let figures = match row {
            Row::Publish => session.publish(load).await?,
            Row::One => session.one_by_one(load).await?,
            Row::Consume => {
                session.publish(load).await?;
                Session::open(&self.address, CONSUMER)
                    .await?
                    .consume(load)
                    .await?
            }
            Row::Latency => {
                let consumer = Session::open(&self.address, CONSUMER).await?;
                session.latency(consumer, load).await?
            }
        };
        let mut session = Session::open(&self.address, PUBLISHER).await?;
        session.request("$JS.API.STREAM.DELETE.BENCH", "").await?;
        Ok(figures)
    }
}

struct Session {
    inbox: &'static str,
    incoming: Messages,
    outgoing: Outgoing,
}

impl Session {
    async fn open(address: &str, inbox: &'static str) -> Result<Self> {
        let (incoming, mut outgoing) = connect(address).await?;
        let hello = format!(
            "CONNECT {{\"verbose\":false,\"pedantic\":false,\"headers\":true,\"protocol\":1,\"lang\":\"bench\",\"version\":\"1\"}}\r\nSUB {inbox} 1\r\nPING\r\n"
        );
        outgoing.send(hello.as_bytes()).await?;
        let mut incoming = Messages { incoming };
        incoming.pong().await?;
        Ok(Self {
            inbox,
            incoming,
            outgoing,
        })
    }

    async fn request(&mut self, subject: &str, body: &str) -> Result<String> {
        let text = format!("PUB {subject} {} {}\r\n{body}\r\n", self.inbox, body.len());
        self.outgoing.send(text.as_bytes()).await?;
        let mut answer = String::new();
        while answer.is_empty() {
            self.incoming
                .each(|payload| answer = String::from_utf8_lossy(payload).into_owned())
                .await?;
        }
        Ok(answer)
    }

    async fn publish(self, load: Load) -> Result<Figures> {
        let window = Window::new(load.window);
        let start = Instant::now();
        let writer = tokio::spawn(publish_all(self.outgoing, load, put, window.clone()));
        acknowledged(self.incoming, load.events, &window).await?;
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
            let mut answers = Answers::default();
            while answers.count == 0 {
                self.incoming.each(|payload| answers.look(payload)).await?;
            }
            answers.check()?;
            times.push(sent.elapsed());
        }
        Ok(Figures::new(Row::One, load, start.elapsed(), times))
    }

    /// Subscribes by a consumer that asks for no acknowledgements and pushes as fast as it can.
    async fn start_consumer(&mut self, from: &str) -> Result<()> {
        let subscribe = format!("SUB {DELIVERED} 2\r\n");
        self.outgoing.send(subscribe.as_bytes()).await?;
        let body = format!(
            r#"{{"stream_name":"{STREAM}","config":{{"deliver_subject":"{DELIVERED}","deliver_policy":"{from}","ack_policy":"none","replay_policy":"instant"}}}}"#
        );
        let subject = "$JS.API.CONSUMER.CREATE.BENCH";
        let text = format!("PUB {subject} {} {}\r\n{body}\r\n", self.inbox, body.len());
        self.outgoing.send(text.as_bytes()).await
    }

    async fn consume(mut self, load: Load) -> Result<Figures> {
        let start = Instant::now();
        self.start_consumer("all").await?;
        let (mut count, mut bytes, mut fault) = (0, 0, None);
        while count < load.events {
            self.incoming
                .each(|payload| {
                    if is_answer(payload) {
                        fault = refuse_errors(&String::from_utf8_lossy(payload)).err();
                    } else {
                        count += 1;
                        bytes += payload.len();
                    }
                })
                .await?;
            if let Some(fault) = fault {
                return Err(fault);
            }
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
        consumer.start_consumer("new").await?;
        let mut answer = String::new();
        while answer.is_empty() {
            let look = |payload: &[u8]| answer = String::from_utf8_lossy(payload).into_owned();
            consumer.incoming.each(look).await?;
        }
        refuse_errors(&answer)?;
        let start = Instant::now();
        let received = tokio::spawn(async move {
            let mut times = Vec::new();
            while (times.len() as u64) < load.events {
                let look = |payload: &[u8]| times.extend(age(start, payload));
                consumer.incoming.each(look).await?;
            }
            Ok::<Vec<Duration>, Error>(times)
        });
        let (mut incoming, mut outgoing) = (self.incoming, self.outgoing);
        let acks = tokio::spawn(async move {
            let mut answers = Answers::default();
            while answers.count < load.events {
                incoming.each(|payload| answers.look(payload)).await?;
                answers.check()?;
            }
            Ok::<(), Error>(())
        });
        publish_paced(&mut outgoing, load, put, start).await?;
        acks.await??;
        let times = received.await??;
        Ok(Figures::new(Row::Latency, load, start.elapsed(), times))
    }
}

async fn acknowledged(mut incoming: Messages, events: u64, window: &Window) -> Result<()> {
    let mut answers = Answers::default();
    while answers.count < events {
        let before = answers.count;
        incoming.each(|payload| answers.look(payload)).await?;
        answers.check()?;
        window.done(answers.count - before);
    }
    Ok(())
}

fn put(message: &mut Vec<u8>, payload: &[u8]) {
    let head = format!("PUB {SUBJECT} {PUBLISHER} {}\r\n", payload.len());
    message.extend_from_slice(head.as_bytes());
    message.extend_from_slice(payload);
    message.extend_from_slice(b"\r\n");
}

/// Acknowledgements, counted; an error among them is kept.
#[derive(Default)]
struct Answers {
    count: u64,
    fault: Option<String>,
}

impl Answers {
    fn look(&mut self, payload: &[u8]) {
        self.count += 1;
        if !payload.starts_with(br#"{"stream":"#) {
            self.fault = Some(String::from_utf8_lossy(payload).into_owned());
        }
    }

    fn check(&mut self) -> Result<()> {
        self.fault.take().map_or(Ok(()), |fault| Err(fault.into()))
    }
}

fn is_answer(payload: &[u8]) -> bool {
    payload.starts_with(b"{")
}

fn refuse_errors(answer: &str) -> Result<()> {
    if answer.contains(r#""error""#) {
        return Err(answer.to_owned().into());
    }
    Ok(())
}

/// What the server sends.
struct Messages {
    incoming: Incoming,
}

impl Messages {
    /// Waits for at least one whole line and hands over the payloads of all messages that are
    /// there.
    async fn each(&mut self, mut look: impl FnMut(&[u8])) -> Result<()> {
        loop {
            let mut used = 0;
            while let Some((payload, len)) = next(self.incoming.buffered(), used)? {
                if let Some(payload) = payload {
                    look(self.incoming.buffered().get(payload).unwrap_or_default());
                }
                used += len;
            }
            if used > 0 {
                self.incoming.take(used);
                return Ok(());
            }
            self.incoming.more().await?;
        }
    }

    async fn pong(&mut self) -> Result<()> {
        while !self.incoming.buffered().ends_with(b"PONG\r\n") {
            self.incoming.more().await?;
        }
        self.each(|_| {}).await
    }
}

/// The next line from `at`, with the place of its payload, and its length with the payload.
fn next(buffer: &[u8], at: usize) -> Result<Option<(Option<Range<usize>>, usize)>> {
    let rest = buffer.get(at..).unwrap_or_default();
    let Some(end) = rest.iter().take(4096).position(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let line = rest.get(..end).unwrap_or_default().trim_ascii_end();
    let head = end + 1;
    if line.starts_with(b"-ERR") {
        return Err(String::from_utf8_lossy(line).into());
    }
    if !line.starts_with(b"MSG ") && !line.starts_with(b"HMSG ") {
        return Ok(Some((None, head)));
    }
    let words = std::str::from_utf8(line)?;
    let size: usize = words.rsplit(' ').next().unwrap_or_default().parse()?;
    let whole = head + size + 2;
    if rest.len() < whole {
        return Ok(None);
    }
    Ok(Some((Some(at + head..at + head + size), whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_whole_or_not_at_all() {
        let text = b"PING\r\nMSG _INBOX.bench 1 5\r\nhello\r\nMSG x 2 r.e 3\r\nab";
        let (none, ping) = next(text, 0).unwrap().unwrap();
        assert_eq!((none, ping), (None, 6));
        let (payload, len) = next(text, 6).unwrap().unwrap();
        assert_eq!(&text[payload.unwrap()], b"hello");
        assert_eq!(next(text, 6 + len).unwrap(), None);
    }

    #[test]
    fn an_error_of_the_server_is_an_error() {
        assert!(next(b"-ERR 'Unknown'\r\n", 0).is_err());
        assert!(refuse_errors(r#"{"error":{"code":503}}"#).is_err());
    }
}
