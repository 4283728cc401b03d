//! The client of Vanus: publish, consume and administer over QUIC.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use vanus_client::{Client, ClientConfig, ConsumerOptions, Event, ProducerOptions};
//!
//! let client = Client::connect(ClientConfig::new("127.0.0.1:8080")).await?;
//!
//! let producer = client.producer("default", "orders", ProducerOptions::default()).await?;
//! let event = Event::builder().id("1").source("/shop").ty("order.placed").text("hi").build()?;
//! let receipt = producer.send_and_wait(event).await?;
//! println!("stored as {}", receipt.id);
//!
//! let mut consumer = client.consumer("default", "orders", ConsumerOptions::default()).await?;
//! let received = consumer.next().await?;
//! println!("{} at {}", received.event.id(), received.offset);
//! # Ok(())
//! # }
//! ```
//!
//! One connection carries everything, and further ones what does not fit it; one that breaks is made
//! anew, and producers and consumers go on where they were. The engine is never linked in here.

mod admin;
mod client;
mod config;
mod consumer;
mod error;
mod link;
mod producer;
mod routes;
mod schedules;
mod subscriber;
mod timers;

pub use admin::{Admin, DeadLetters};
pub use client::Client;
pub use config::{Backoff, ClientConfig};
pub use consumer::{Consumer, ConsumerOptions, ReadMode, Received, ReceivedBatch, StartAt};
pub use error::ClientError;
pub use producer::{
    Ack, NotSent, Producer, ProducerOptions, ProducerStats, Receipt, SendError, SendRefusal,
};
pub use subscriber::{Handed, SubscribeMode, Subscriber, SubscriberOptions};
pub use vanus_net::quic::{QuicOptions, Trust};
pub use vanus_proto::message::EventbusKey;
pub use vanus_types::{Durability, Event, EventId, EventlogId, Name, SubscriptionId, TimerId};
