//! Delivers only what the filters of a subscription let pass. Run it with
//! `cargo run --example filter`.

use tokio::sync::mpsc;
use vanus_core::{Event, EventbusSpec, FilterSpec, Name, StartFrom, SubscriptionSpec, Vanus};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let vanus = Vanus::builder().in_memory().open().await?;
    let shop = vanus
        .create_eventbus("default", EventbusSpec::new(Name::new("shop")?))
        .await?;
    for (id, ty, data) in [
        (
            "1",
            "order.placed",
            r#"{"customer": {"country": "PT"}, "total": 12}"#,
        ),
        (
            "2",
            "order.placed",
            r#"{"customer": {"country": "NO"}, "total": 70}"#,
        ),
        ("3", "stock.changed", r#"{"article": 9}"#),
        ("4", "order.cancelled", r#"{"customer": {"country": "PT"}}"#),
    ] {
        let event = Event::builder().id(id).source("/shop").ty(ty).json(data);
        shop.publish(event.build()?).await?;
    }

    // All filters must pass; data is looked into by path.
    let pair = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into();
    let mut subscription = SubscriptionSpec::embedded("portugal", "default", "shop")?;
    subscription.config.start_from = StartFrom::Earliest;
    subscription.filters = vec![
        FilterSpec::Prefix(pair("type", "order.")),
        FilterSpec::Not(Box::new(FilterSpec::Suffix(pair("type", ".cancelled")))),
        FilterSpec::Exact(pair("data.customer.country", "PT")),
    ];
    let (sender, mut arrived) = mpsc::unbounded_channel();
    vanus
        .subscribe(subscription, move |delivery| {
            // The receiver lives as long as the program; nothing can go wrong here.
            let _ = sender.send(delivery.event.id().to_owned());
            async { Ok(()) }
        })
        .await?;
    println!("passed: {:?}", arrived.recv().await);
    vanus.close().await?;
    let totals = vanus.metrics().subscriptions[0].totals;
    assert_eq!((totals.delivered, totals.filtered), (1, 3));
    Ok(())
}
