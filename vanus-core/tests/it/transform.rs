//! Transformers: what is delivered, what is kept, and what becomes of what cannot be transformed.

use std::sync::{Arc, Mutex};

use vanus_core::{
    Coded as _, Delivery, DeliveryError, ErrorCode, Event, SubscriptionSpec, TransformerSpec, Vanus,
};

use crate::support::{Seen, eventbus, in_memory, subscription, until};

fn transformed(transformer: &str) -> SubscriptionSpec {
    SubscriptionSpec {
        transformer: Some(serde_json::from_str::<TransformerSpec>(transformer).unwrap()),
        ..subscription("orders")
    }
}

fn order(id: &str, data: &str) -> Event {
    let event = Event::builder().id(id).source("/shop").ty("order.placed");
    event.json(data).build().unwrap()
}

/// What a sink was given: attempt and data.
type Given = Arc<Mutex<Vec<(u32, String, Option<String>)>>>;

/// A sink that notes what it is given, and takes it at the attempt `taken`.
fn noting(
    given: &Given,
    taken: u32,
) -> impl Fn(Delivery) -> std::future::Ready<Result<(), DeliveryError>> + Send + Sync + 'static {
    let given = Arc::clone(given);
    move |delivery| {
        let event = &delivery.event;
        let data = event.data().as_str().unwrap().to_owned();
        let media_type = event.datacontenttype().map(str::to_owned);
        given
            .lock()
            .unwrap()
            .push((delivery.attempt, data, media_type));
        std::future::ready(if delivery.attempt < taken {
            Err(DeliveryError::retry("not yet"))
        } else {
            Ok(())
        })
    }
}

async fn dead_letters(vanus: &Vanus, spec: SubscriptionSpec, data: &str) -> (Event, usize) {
    let bus = eventbus(vanus, "orders", 1).await;
    let seen = Seen::default();
    let sub = vanus.subscribe(spec, seen.sink()).await.unwrap();
    let id = sub.record.id;
    bus.publish(order("1", data)).await.unwrap();
    bus.publish(order("2", r#"{"a":"x"}"#)).await.unwrap();
    until("one is given up and the other delivered", async || {
        let totals = vanus.subscription(id).await.unwrap().totals;
        totals.dead_lettered == 1 && totals.delivered == 1
    })
    .await;
    assert_eq!(seen.ids(), ["2"]);
    let letters = vanus.dead_letters(id, None, 10).await.unwrap();
    let letter = letters.letters.first().unwrap().event.clone();
    (
        letter,
        vanus.subscription(id).await.unwrap().totals.attempts as usize,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transformed_event_is_delivered_and_each_attempt_begins_with_the_original() {
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let given = Given::default();
    let spec = transformed(
        r#"{"pipeline": [{"command": ["add_suffix", "$.data.a", "!"]}], "template": "<$.data.a> of <$.source>"}"#,
    );
    vanus.subscribe(spec, noting(&given, 2)).await.unwrap();
    bus.publish(order("1", r#"{"a":"x"}"#)).await.unwrap();
    until("it is tried twice", async || {
        given.lock().unwrap().len() == 2
    })
    .await;
    let text = Some("text/plain".to_owned());
    let expected = |attempt| (attempt, "x! of /shop".to_owned(), text.clone());
    assert_eq!(*given.lock().unwrap(), [expected(1), expected(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_transformed_is_a_dead_letter_at_once_and_holds_nobody() {
    let vanus = in_memory().await;
    let spec = transformed(r#"{"template": "{\"a\": <$.data.a>}"}"#);
    let (letter, attempts) = dead_letters(&vanus, spec, "no JSON").await;
    assert_eq!(letter.data().as_str(), Some("no JSON"));
    let mark = |name: &str| letter.attribute(name).unwrap().canonical().into_owned();
    assert_eq!(mark("xvanusdlreason"), "TransformError");
    assert!(
        mark("xvanuslastdlerror").contains("not JSON"),
        "{}",
        mark("xvanuslastdlerror")
    );
    // Nothing was tried for it, and nothing will be.
    assert_eq!(attempts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_action_is_left_out_or_ends_the_event_as_the_transformer_says() {
    let vanus = in_memory().await;
    let spec = transformed(
        r#"{"on_error": "fail", "pipeline": [{"command": ["upper_case", "$.data.a"]}]}"#,
    );
    let (letter, _) = dead_letters(&vanus, spec, r#"{"b":1}"#).await;
    assert_eq!(letter.data().as_str(), Some(r#"{"b":1}"#));
    let told = letter.attribute("xvanuslastdlerror").unwrap().canonical();
    assert_eq!(told, "pipeline[0] upper_case: $.data.a is missing");

    let bus = vanus.eventbus("default", "orders").unwrap();
    let given = Given::default();
    let spec = transformed(
        r#"{"pipeline": [{"command": ["upper_case", "$.data.none"]}, {"command": ["upper_case", "$.data.a"]}]}"#,
    );
    vanus.subscribe(spec, noting(&given, 1)).await.unwrap();
    bus.publish(order("3", r#"{"a":"x"}"#)).await.unwrap();
    until("it arrives", async || !given.lock().unwrap().is_empty()).await;
    assert_eq!(given.lock().unwrap()[0].1, r#"{"a":"X"}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transformer_with_a_mistake_is_refused_with_its_place_and_nothing_is_made() {
    let vanus = in_memory().await;
    eventbus(&vanus, "orders", 1).await;
    for (transformer, told) in [
        (
            r#"{"pipeline": [{"command": ["nope"]}]}"#,
            "transformer.pipeline[0].command[0]",
        ),
        (
            r#"{"template": "{\"a\": <$.data.a}"}"#,
            "transformer.template: at line 1, column 8",
        ),
        (
            r#"{"pipeline": [{"command": []}]}"#,
            "transformer.pipeline[0].command must begin",
        ),
    ] {
        let made = vanus
            .subscribe(transformed(transformer), Seen::default().sink())
            .await;
        let error = made.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidTransformer);
        assert!(error.to_string().contains(told), "{error}");
    }
    assert!(vanus.subscriptions(None).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn trying_an_event_delivers_nothing() {
    let vanus = in_memory().await;
    let transformer = transformed(r#"{"template": "{\"id\": \"<$.id>\"}"}"#).transformer;
    let event = order("7", "{}");
    let trial = vanus.try_event(&[], transformer.as_ref(), &event).unwrap();
    assert!(trial.passes);
    assert_eq!(trial.event.unwrap().data().as_str(), Some(r#"{"id":"7"}"#));
}
