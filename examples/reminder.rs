//! Lets an event wait for its time, moves one, and cancels one in time. Run it with
//! `cargo run --example reminder`.
#![allow(
    clippy::print_stdout,
    reason = "an example is read by people and run by hand"
)]

use std::time::Duration;

use vanus_core::{Event, EventbusSpec, Name, SubscriptionSpec, TimerFilter, TimerOutcome, Vanus};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let vanus = Vanus::builder().in_memory().open().await?;
    let spec = EventbusSpec::new(Name::new("orders")?);
    let orders = vanus.create_eventbus("default", spec).await?;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let spec = SubscriptionSpec::embedded("mailer", "default", "orders")?;
    vanus
        .subscribe(spec, move |delivery| {
            let _ = tell.send(delivery.event.id().to_owned());
            async { Ok(()) }
        })
        .await?;

    let reminder = |id: &str, delay: &str| {
        let event = Event::builder().id(id).source("/shop").ty("order.reminder");
        event.extension("xvanusdelay", delay).build()
    };
    let soon = orders.publish(reminder("soon", "PT0.2S")?).await?;
    let paid = orders.publish(reminder("paid", "P3D")?).await?;
    let later = orders.publish(reminder("later", "P3D")?).await?;
    println!("the first one waits as timer {:?}", soon.timer);

    // The second order is paid: nobody has to be reminded. The third is urgent.
    let paid = paid.timer.ok_or("it does not wait")?;
    assert_eq!(vanus.cancel_timer(paid).await?, TimerOutcome::Done);
    let later = later.timer.ok_or("it does not wait")?;
    let due_ms = vanus.clock().now_ms() + 400;
    assert_eq!(vanus.update_timer(later, due_ms).await?, TimerOutcome::Done);

    for expected in ["soon", "later"] {
        let arrived = tokio::time::timeout(Duration::from_secs(10), told.recv()).await?;
        assert_eq!(arrived.as_deref(), Some(expected));
        println!("\"{expected}\" came");
    }
    let left = vanus.timers(TimerFilter::default(), None, 10).await?;
    assert!(left.items.is_empty());
    vanus.close().await?;
    Ok(())
}
