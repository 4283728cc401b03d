//! Vanus in ten lines: open, publish, read back. Run it with `cargo run --example embedded`.

use vanus_core::{Event, EventbusSpec, Name, ReadOptions, Vanus};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let vanus = Vanus::builder().data_dir(dir.path()).open().await?;
    let orders = vanus
        .create_eventbus("default", EventbusSpec::new(Name::new("orders")?))
        .await?;
    let event = Event::builder()
        .id("1")
        .source("/shop")
        .ty("order.placed")
        .json(r#"{"total": 12}"#);
    let stored = orders.publish(event.build()?).await?; // synced to disk from here on
    let page = orders
        .read(stored.id.eventlog, 0, ReadOptions::default())
        .await?;
    assert_eq!(page.events[0].event.data().bytes, br#"{"total": 12}"#);
    vanus.close().await?;
    Ok(())
}
