//! Delivers events to a function, with a retry in between. Run it with
//! `cargo run --example publish_subscribe`.

use tokio::sync::mpsc;
use vanus_core::{DeliveryError, Event, EventbusSpec, Name, SubscriptionSpec, Vanus};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let vanus = Vanus::builder().in_memory().open().await?;
    let orders = vanus
        .create_eventbus("default", EventbusSpec::new(Name::new("orders")?))
        .await?;

    let (sender, mut arrived) = mpsc::unbounded_channel();
    let subscription = SubscriptionSpec::embedded("mailer", "default", "orders")?;
    let info = vanus
        .subscribe(subscription, move |delivery| {
            let sender = sender.clone();
            async move {
                // The first attempt of the second order fails; Vanus tries again a second later.
                if delivery.event.id() == "2" && delivery.attempt == 1 {
                    return Err(DeliveryError::retry("the mail server is busy"));
                }
                let line = format!(
                    "order {}, attempt {}",
                    delivery.event.id(),
                    delivery.attempt
                );
                sender
                    .send(line)
                    .map_err(|_| DeliveryError::retry("closing"))
            }
        })
        .await?;

    for id in 1..=3 {
        let event = Event::builder()
            .id(id.to_string())
            .source("/shop")
            .ty("order.placed");
        orders.publish(event.build()?).await?;
    }
    for _ in 0..3 {
        if let Some(line) = arrived.recv().await {
            println!("{line}");
        }
    }
    vanus.close().await?;
    let totals = vanus.metrics().subscriptions[0].totals;
    assert_eq!((totals.read, totals.delivered, totals.attempts), (3, 3, 4));
    println!(
        "subscription {}: {} delivered",
        info.record.id, totals.delivered
    );
    Ok(())
}
