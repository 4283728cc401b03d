//! Timers over HTTP: events that wait are published like others, and looked after by REST.

use serde_json::{Value, json};

use crate::house::{EVENTS, House, STRUCTURED};

fn waiting(id: &str, delay: &str) -> String {
    json!({"specversion": "1.0", "id": id, "source": "/s", "type": "t", "xvanusdelay": delay})
        .to_string()
}

#[tokio::test]
async fn an_event_that_waits_is_told_moved_fired_and_cancelled() {
    let house = House::open().await;
    let published = house
        .post(EVENTS, STRUCTURED, &waiting("1", "P1D"))
        .await
        .ok();
    let timer = published["events"][0]["timer"].as_str().unwrap().to_owned();
    let other = house
        .post(EVENTS, STRUCTURED, &waiting("2", "P2D"))
        .await
        .ok();
    let other = other["events"][0]["timer"].as_str().unwrap().to_owned();

    let page = house.get("/api/v1/timers?limit=1").await.ok();
    assert_eq!(page["timers"][0]["event_id"], "1");
    let next = page["next"].as_str().unwrap();
    let page = house
        .get(&format!("/api/v1/timers?after={next}"))
        .await
        .ok();
    assert_eq!(
        (&page["timers"][0]["event_id"], &page["next"]),
        (&"2".into(), &Value::Null)
    );
    let path = format!("/api/v1/timers/{timer}");
    assert_eq!(house.get(&path).await.ok()["event"]["xvanusdelay"], "P1D");

    let later = json!({"delivery_time": "2099-01-01T00:00:00Z"});
    assert_eq!(
        house.send("PATCH", &path, later).await.ok()["outcome"],
        "done"
    );
    let page = house
        .get("/api/v1/timers?from=2098-01-01T00:00:00Z")
        .await
        .ok();
    assert_eq!(page["timers"].as_array().unwrap().len(), 1);
    assert_eq!(
        house.send("DELETE", &path, Value::Null).await.ok()["outcome"],
        "done"
    );
    house
        .send("DELETE", &path, Value::Null)
        .await
        .is_problem(404, "V9409");
    let fire = format!("/api/v1/timers/{other}/fire");
    assert_eq!(
        house.send("POST", &fire, Value::Null).await.ok()["timer"],
        *other
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let house = House::open().await;
    let soon = house.post(EVENTS, STRUCTURED, &waiting("1", "soon")).await;
    soon.is_problem(400, "V9101");
    house
        .get("/api/v1/timers?limit=0")
        .await
        .is_problem(400, "V9101");
    house
        .get("/api/v1/timers?after=x")
        .await
        .is_problem(400, "V9101");
    house
        .get("/api/v1/timers?from=noon")
        .await
        .is_problem(400, "V9101");
    house
        .get("/api/v1/timers/0-1")
        .await
        .is_problem(404, "V9409");
    house
        .get("/api/v1/timers/nothing")
        .await
        .is_problem(400, "V9101");
}
