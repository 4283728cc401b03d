//! Namespaces, eventbuses and subscriptions over REST.

use serde_json::{Value, json};

use crate::house::{EVENTS, House, ONE, STRUCTURED};

const BUSES: &str = "/api/v1/namespaces/default/eventbuses";
const SUBSCRIPTIONS: &str = "/api/v1/subscriptions";

#[tokio::test]
async fn a_namespace_lives_and_dies() {
    let house = House::open().await;
    let made = house
        .send("POST", "/api/v1/namespaces", json!({"name": "shop"}))
        .await;
    assert_eq!(made.status, 201);
    assert_eq!(made.headers["location"], "/api/v1/namespaces/shop");
    let told = house.get("/api/v1/namespaces/shop").await.ok();
    assert_eq!(told, made.json());
    let names = house.get("/api/v1/namespaces").await.ok();
    let names: Vec<_> = names["namespaces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"shop") && names.contains(&"default"),
        "{names:?}"
    );

    house
        .send("POST", "/api/v1/namespaces", json!({"name": "shop"}))
        .await
        .is_problem(409, "V9300");
    house
        .send(
            "POST",
            "/api/v1/namespaces/shop/eventbuses",
            json!({"name": "b"}),
        )
        .await
        .ok();
    house
        .send("DELETE", "/api/v1/namespaces/shop", Value::Null)
        .await
        .is_problem(409, "V9902");
    house
        .send(
            "DELETE",
            "/api/v1/namespaces/shop/eventbuses/b",
            Value::Null,
        )
        .await
        .ok();
    assert_eq!(
        house
            .send("DELETE", "/api/v1/namespaces/shop", Value::Null)
            .await
            .status,
        204
    );
    house
        .get("/api/v1/namespaces/shop")
        .await
        .is_problem(404, "V9406");
}

#[tokio::test]
async fn an_eventbus_is_made_listed_changed_and_deleted() {
    let house = House::open().await;
    let made = house
        .send("POST", BUSES, json!({"name": "b", "eventlogs": 3}))
        .await;
    assert_eq!(made.status, 201);
    assert_eq!(made.headers["location"], format!("{BUSES}/b"));
    assert_eq!(made.json()["logs"].as_array().unwrap().len(), 3);
    house
        .send("POST", BUSES, json!({"name": "b"}))
        .await
        .is_problem(409, "V9300");

    let first = house.get(&format!("{BUSES}?limit=1")).await.ok();
    let rest = house
        .get(&format!(
            "{BUSES}?after={}",
            first["next"].as_str().unwrap()
        ))
        .await
        .ok();
    assert_eq!(first["eventbuses"].as_array().unwrap().len(), 1);
    assert_eq!(rest["eventbuses"].as_array().unwrap().len(), 1);
    assert_eq!(rest["next"], Value::Null);
    assert_eq!(
        house.get("/api/v1/eventbuses").await.ok()["eventbuses"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let changed = house
        .send(
            "PATCH",
            &format!("{BUSES}/b"),
            json!({"retention_ms": 5000}),
        )
        .await
        .ok();
    assert_eq!(changed["retention_ms"], 5000);
    house.post(EVENTS, STRUCTURED, ONE).await.ok();
    let told = house
        .get(&format!("{BUSES}/orders?segments=true"))
        .await
        .ok();
    assert_eq!(told["logs"][0]["end_offset"], 1);

    assert_eq!(
        house
            .send("DELETE", &format!("{BUSES}/b"), Value::Null)
            .await
            .status,
        204
    );
    house
        .get(&format!("{BUSES}/b"))
        .await
        .is_problem(404, "V9401");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one life")]
async fn a_subscription_is_made_paused_moved_and_deleted() {
    let house = House::open().await;
    let spec = json!({
        "name": "all", "namespace": "default", "eventbus": "orders",
        "sink": "http://127.0.0.1:9/", "disabled": true,
        "filters": [{"exact": {"type": "t"}}],
    });
    let made = house.send("POST", SUBSCRIPTIONS, spec.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("{SUBSCRIPTIONS}/{id}");
    assert_eq!(made.headers["location"], path);
    assert_eq!(house.get(&path).await.ok()["phase"], "stopped");

    house.post(EVENTS, STRUCTURED, ONE).await.ok();
    let reset_path = format!("{path}/reset-offset");
    let reset = async |to: Value| house.send("POST", &reset_path, json!({"to": to})).await;
    assert_eq!(
        reset(json!("latest")).await.ok()["progress"][0]["committed"],
        1
    );
    assert_eq!(
        reset(json!("earliest")).await.ok()["progress"][0]["committed"],
        0
    );
    assert_eq!(
        reset(json!({"timestamp": i64::MAX / 2})).await.ok()["progress"][0]["committed"],
        1
    );
    reset(json!("now")).await.is_problem(400, "V9101");

    let mut changed = spec.clone();
    changed["description"] = json!("changed");
    assert_eq!(
        house.send("PUT", &path, changed).await.ok()["description"],
        "changed"
    );
    for (query, count) in [
        ("", 1),
        ("?name=all", 1),
        ("?name=none", 0),
        ("?eventbus=orders", 1),
        ("?namespace=vanus-system", 0),
    ] {
        let listed = house.get(&format!("{SUBSCRIPTIONS}{query}")).await.ok();
        assert_eq!(
            listed["subscriptions"].as_array().unwrap().len(),
            count,
            "{query}"
        );
    }
    let resumed = house
        .send("POST", &format!("{path}/resume"), Value::Null)
        .await
        .ok();
    assert_eq!(resumed["phase"], "running");
    reset(json!("latest")).await.is_problem(409, "V9202");
    house
        .send("POST", &format!("{path}/disable"), Value::Null)
        .await
        .ok();

    let letters = house.get(&format!("{path}/dead-letters")).await.ok();
    assert_eq!(letters["events"], json!([]));
    let sent = house
        .send("POST", &format!("{path}/dead-letters/resend"), json!({}))
        .await
        .ok();
    assert_eq!((&sent["count"], &sent["done"]), (&json!(0), &json!(true)));
    house
        .get(&format!("{path}/dead-letters?number=65"))
        .await
        .is_problem(400, "V9101");

    assert_eq!(house.send("DELETE", &path, Value::Null).await.status, 204);
    house.get(&path).await.is_problem(404, "V9407");
}

#[tokio::test]
async fn mistakes_in_expressions_are_refused_with_their_place() {
    let house = House::open().await;
    for (filter, code, place) in [
        (
            json!({"sql": "type = 'a"}),
            "V9102",
            "filters[0].sql: at line 1, column 8 (byte 7)",
        ),
        (
            json!({"sql": "1 + 1"}),
            "V9102",
            "filters[0].sql: the expression from line 1, column 1",
        ),
        (
            json!({"cel": "event.type"}),
            "V9103",
            "filters[0].cel: at line 1, column 6 (byte 5)",
        ),
        (
            json!({"cel": 7}),
            "V9101",
            "filter.cel must be an expression",
        ),
        (
            json!({"sql": ""}),
            "V9116",
            "filters[0].sql needs an expression",
        ),
    ] {
        let spec = json!({
            "name": "all", "namespace": "default", "eventbus": "orders", "sink": "http://h/",
            "filters": [filter],
        });
        let answer = house.send("POST", SUBSCRIPTIONS, spec).await;
        answer.is_problem(400, code);
        let told = answer.json()["detail"].to_string();
        assert!(told.contains(place), "{told}");
    }
}

#[tokio::test]
async fn bad_wishes_are_refused_with_their_place() {
    let house = House::open().await;
    let refused = async |body: Value| house.send("POST", SUBSCRIPTIONS, body).await;
    let with = |key: &str, value: Value| {
        let mut spec = json!({
            "name": "all", "namespace": "default", "eventbus": "orders", "sink": "http://h/",
        });
        spec[key] = value;
        spec
    };
    refused(with("sink", json!("ftp://h/")))
        .await
        .is_problem(400, "V9117");
    refused(with("sink", json!("embedded")))
        .await
        .is_problem(400, "V9117");
    refused(with("eventbus", json!("none")))
        .await
        .is_problem(404, "V9401");
    refused(with("unknown", json!(1)))
        .await
        .is_problem(400, "V9101");
    refused(with("filters", json!([{"exact": {}}])))
        .await
        .is_problem(400, "V9104");
    refused(with("name", json!("a b")))
        .await
        .is_problem(400, "V9101");
    house
        .send("POST", BUSES, json!({"name": "b", "eventlogs": 65}))
        .await
        .is_problem(400, "V9101");
    house
        .post(BUSES, &[("content-type", "application/json")], "{")
        .await
        .is_problem(400, "V9107");
    house
        .post(BUSES, &[("content-type", "text/plain")], "{}")
        .await
        .is_problem(415, "V9114");
    house.post(BUSES, &[], "{}").await.is_problem(415, "V9114");
    house
        .get("/api/v1/subscriptions/xyz")
        .await
        .is_problem(400, "V9101");
    house
        .get("/api/v1/namespaces?limit=0")
        .await
        .is_problem(400, "V9101");
    house
        .get("/api/v1/namespaces?color=red")
        .await
        .is_problem(400, "V9101");
}

#[tokio::test]
async fn the_node_and_the_document_are_told() {
    let house = House::open().await;
    let cluster = house.get("/api/v1/cluster").await.ok();
    assert_eq!(
        (&cluster["health"], &cluster["eventbuses"]),
        (&json!("ok"), &json!(1))
    );
    let document = house.get("/openapi.json").await;
    assert_eq!(document.headers["content-type"], "application/json");
    assert_eq!(document.ok()["openapi"], "3.1.0");
}

#[tokio::test]
async fn a_transformer_is_kept_and_a_mistake_in_it_is_told_with_its_place() {
    let house = House::open().await;
    let spec = |transformer: Value| {
        json!({"name": "s", "namespace": "default", "eventbus": "orders",
            "sink": "http://127.0.0.1:9/", "transformer": transformer, "disabled": true})
    };
    house
        .send("POST", BUSES, json!({"name": "with-transformer"}))
        .await
        .ok();
    let mut good = spec(json!({"pipeline": [{"command": ["delete", "$.data.a"]}]}));
    good["eventbus"] = "with-transformer".into();
    let made = house.send("POST", SUBSCRIPTIONS, good.clone()).await.json();
    assert_eq!(made["transformer"], good["transformer"]);
    let id = made["id"].as_str().unwrap();
    let mut bad = good.clone();
    bad["transformer"] = json!({"pipeline": [{"command": ["delete", "$.data["]}]});
    for (method, path) in [
        ("POST", SUBSCRIPTIONS.to_owned()),
        ("PUT", format!("{SUBSCRIPTIONS}/{id}")),
    ] {
        let told = house.send(method, &path, bad.clone()).await;
        let problem = told.is_problem(400, "V9108");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("transformer.pipeline[0].command[1]: at line 1, column 8"),
            "{detail}"
        );
    }
    let told = house.get(&format!("{SUBSCRIPTIONS}/{id}")).await.ok();
    assert_eq!(told["transformer"], good["transformer"]);
}

#[tokio::test]
async fn an_event_is_tried_on_filters_and_transformer_without_a_trace() {
    let house = House::open().await;
    let path = "/api/v1/subscriptions/try";
    let event =
        json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"a": "x"}});
    let asked = json!({
        "filters": [{"exact": {"type": "t"}}],
        "transformer": {"pipeline": [{"command": ["upper_case", "$.data.z"]}],
            "template": "{\"b\": <$.data.a>}"},
        "event": event,
    });
    let told = house.send("POST", path, asked.clone()).await.ok();
    assert_eq!(
        (&told["passes"], &told["error"]),
        (&true.into(), &Value::Null)
    );
    assert_eq!(told["event"]["data"], json!({"b": "x"}));
    assert_eq!(told["skipped"][0]["message"], "$.data.z is missing");

    let mut other = asked.clone();
    other["filters"] = json!([{"exact": {"type": "u"}}]);
    other["transformer"] =
        json!({"on_error": "fail", "pipeline": asked["transformer"]["pipeline"]});
    let told = house.send("POST", path, other).await.ok();
    assert_eq!(
        (&told["passes"], &told["event"]),
        (&false.into(), &Value::Null)
    );
    assert!(
        told["error"]["message"]
            .as_str()
            .unwrap()
            .contains("$.data.z is missing")
    );

    let mut wrong = asked.clone();
    wrong["event"] = json!({"id": "1"});
    house
        .send("POST", path, wrong)
        .await
        .is_problem(400, "V9109");
    let unknown = json!({"subscription": "00000000000000FF", "event": event});
    house
        .send("POST", path, unknown)
        .await
        .is_problem(404, "V9407");

    let spec = json!({"name": "s", "namespace": "default", "eventbus": "tried",
        "sink": "http://127.0.0.1:9/", "transformer": asked["transformer"], "disabled": true});
    house
        .send("POST", BUSES, json!({"name": "tried"}))
        .await
        .ok();
    let made = house.send("POST", SUBSCRIPTIONS, spec).await.json();
    let of_one = json!({"subscription": made["id"], "event": event});
    let told = house.send("POST", path, of_one).await.ok();
    assert_eq!(told["event"]["data"], json!({"b": "x"}));
}

#[tokio::test]
async fn a_schedule_is_made_listed_paused_and_deleted() {
    let house = House::open().await;
    let path = "/api/v1/namespaces/default/schedules";
    let wanted = json!({"name": "nightly", "eventbus": "orders", "cron": "@daily",
        "time_zone": "Europe/Lisbon", "event": {"type": "night"}});
    let made = house.send("POST", path, wanted.clone()).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.headers["location"], format!("{path}/nightly"));
    let made = made.json();
    assert_eq!(
        (&made["phase"], &made["missed"]),
        (&json!("active"), &json!("once"))
    );
    let again = house.send("POST", path, wanted.clone()).await;
    again.is_problem(409, "V9300");
    let mut bad = wanted;
    bad["name"] = "other".into();
    bad["cron"] = "* * * *".into();
    let told = house.send("POST", path, bad).await;
    let problem = told.is_problem(400, "V9101");
    assert!(problem["detail"].as_str().unwrap().contains("5 fields"));
    let list = house.get("/api/v1/schedules?namespace=default").await.ok();
    assert_eq!(list["schedules"][0]["name"], "nightly");
    let one = format!("{path}/nightly");
    let paused = house
        .send("POST", &format!("{one}/pause"), json!({}))
        .await
        .ok();
    assert_eq!(
        (&paused["phase"], &paused["next_ms"]),
        (&json!("paused"), &Value::Null)
    );
    let resumed = house
        .send("POST", &format!("{one}/resume"), json!({}))
        .await
        .ok();
    assert_eq!(resumed["phase"], "active");
    assert_eq!(house.send("DELETE", &one, json!({})).await.status, 204);
    house.get(&one).await.is_problem(404, "V9400");
}
