//! Transformers as a whole: defines, order, templates, policies, budgets, and the defects of the original.

use vanus_expr::transform::{TransformContext, TransformError, Transformer, TransformerError};
use vanus_types::{
    AttributeRef, DataKind, Event, SeededEntropy,
    control::{TemplateType, TransformerSpec},
};

fn spec(json: &str) -> TransformerSpec {
    serde_json::from_str(json).unwrap()
}

fn event(data: &str) -> Event {
    let event = Event::builder().id("testId").source("/s").ty("testType");
    let event = event
        .extension("vanuskey", "vanusValue")
        .extension("hops", 3);
    event.json(data).build().unwrap()
}

fn run(json: &str, data: &str) -> Result<Event, TransformError> {
    let entropy = SeededEntropy::new(1);
    let mut context = TransformContext::new(0, &entropy);
    let transformer = Transformer::compile(&spec(json)).unwrap();
    transformer.run(&event(data), &mut context)
}

fn made(json: &str, data: &str) -> String {
    let event = run(json, data).unwrap();
    event.data().as_str().unwrap().to_owned()
}

/// A transformer that is only this template.
fn template(template: &str, data: &str) -> String {
    let define = r#"{"define": {"keyTest": "keyValue", "ctxId": "$.id", "ctxKey": "$.vanuskey",
        "all": "$.data", "dataKey": "$.data.key", "gone": "$.data.gone", "nil": "$.data.nil"}}"#;
    let spec = TransformerSpec {
        template: template.to_owned(),
        ..spec(define)
    };
    made(&serde_json::to_string(&spec).unwrap(), data)
}

#[test]
fn templates_of_text_give_what_those_of_the_original_gave() {
    let data = r#"{"key": "value", "key1": "value1"}"#;
    let text = r#"<dataKey> "<$.data.key1>" <$.data.noExist>"#;
    assert_eq!(template(text, data), "value \"value1\" ");
    let made = run(r#"{"template": "x"}"#, "{}").unwrap();
    assert_eq!(made.datacontenttype(), Some("text/plain"));
    assert_eq!(made.data().kind, DataKind::Text);
    let all = "<ctxId>|<ctxKey>|<keyTest>|<all>|<gone>|<none>|<$.hops>|\\<b\\>\\n\\u00e9\\x41";
    let data = r#"{"key": 1.50}"#;
    assert_eq!(
        template(all, data),
        "testId|vanusValue|keyValue|{\"key\":1.50}|||3|<b>\né\u{41}"
    );
    assert_eq!(
        template("<nil> <$.data.nil>", r#"{"nil": null}"#),
        "null null"
    );
}

#[test]
fn templates_of_json_give_what_those_of_the_original_gave() {
    let data = r#"{"key": "value", "key1": "value1"}"#;
    for (text, expected) in [
        (
            r#"{ "define": <dataKey>, "data": <$.data.key>, "attribute": <$.id>, "noExist": <$.data.noExist>, "noExistStr": "<$.data.noExist>" }"#,
            r#"{"define":"value","data":"value","attribute":"testId","noExistStr":""}"#,
        ),
        (
            r#"{ "data": "source is <dataKey>", "data2": "source is <$.data.noExist>" }"#,
            r#"{"data":"source is value","data2":"source is "}"#,
        ),
        (
            r#"{ "data": ":<dataKey>", "data2": "\":<dataKey>\"", "data3": "::<dataKey> other:<ctxId>" }"#,
            r#"{"data":":value","data2":"\":value\"","data3":"::value other:testId"}"#,
        ),
        (
            r#"{ "data": "source is \"<dataKey>\"", "data2": "source is \"<$.data.noExist>\"" }"#,
            r#"{"data":"source is \"value\"","data2":"source is \"\""}"#,
        ),
        (
            r#"{"key":<none>,"key2":"<none>"}"#,
            r#"{"key":null,"key2":""}"#,
        ),
        (r#"{"a":<$.data.x>,"b":<$.data.y>}"#, "{}"),
        (
            r#"{"a":<$.data.x>,"b":1,"c":<$.data.y>,"d":[<$.data.z>,2,<$.none>]}"#,
            r#"{"b":1,"d":[2]}"#,
        ),
        (
            r#"{"e":{},"f":[],"g":{"h":<$.data.x>}}"#,
            r#"{"e":{},"f":[],"g":{}}"#,
        ),
        (
            r#"["<$.data['key']>", "<$.data[\"key1\"]>", <$.data["key"]>]"#,
            r#"["value","value1","value"]"#,
        ),
        (r#""*\<<$.data.key>|<ctxId>\>*""#, r#""*<value|testId>*""#),
    ] {
        assert_eq!(template(text, data), expected, "{text}");
    }
    let made = run(r#"{"template": "{}"}"#, "{}").unwrap();
    assert_eq!(made.datacontenttype(), Some("application/json"));
    assert_eq!(made.data().kind, DataKind::Json);
}

#[test]
fn values_of_every_type_stand_in_json_and_in_its_strings() {
    let of = |value: &str| {
        let data = format!(r#"{{"var": {value}}}"#);
        template(r#"{"key":<$.data.var>,"key2":"<$.data.var>"}"#, &data)
    };
    assert_eq!(of("null"), r#"{"key":null,"key2":"null"}"#);
    assert_eq!(of("\"var\""), r#"{"key":"var","key2":"var"}"#);
    assert_eq!(of("123.456"), r#"{"key":123.456,"key2":"123.456"}"#);
    assert_eq!(of("true"), r#"{"key":true,"key2":"true"}"#);
    assert_eq!(
        of(r#"{"str": "a\r\nb"}"#),
        r#"{"key":{"str":"a\r\nb"},"key2":"{\"str\":\"a\\r\\nb\"}"}"#
    );
    assert_eq!(
        of(r#"["str", true, "a\r\nb"]"#),
        r#"{"key":["str",true,"a\r\nb"],"key2":"[\"str\",true,\"a\\r\\nb\"]"}"#
    );
    assert_eq!(of("{}"), r#"{"key":{},"key2":"{}"}"#);
    assert_eq!(
        of("\"<a\\r\\nb>\""),
        r#"{"key":"<a\r\nb>","key2":"<a\r\nb>"}"#
    );
}

#[test]
fn the_type_of_a_template_can_be_said() {
    let text = r#"{"template": "{\"a\": <$.data.a>}", "template_type": "text"}"#;
    assert_eq!(made(text, r#"{"a":1}"#), "{\"a\": 1}");
    let json = r#"{"template": "<$.data.a>", "template_type": "json"}"#;
    assert_eq!(made(json, r#"{"a":[1]}"#), "[1]");
    assert_eq!(made(json, "{}"), "null");
    let none = r#"{"template": "ignored", "template_type": "none", "pipeline": [{"command": ["delete", "$.data.a"]}]}"#;
    assert_eq!(made(none, r#"{"a":1,"b":2}"#), r#"{"b":2}"#);
    assert_eq!(spec(none).template_type(), TemplateType::None);
}

#[test]
fn a_template_with_a_mistake_is_refused_with_its_place() {
    for (text, line, column) in [
        (r#"{"a": <$.data.a}"#, 1, 8),
        (r#"{"a": <}"#, 1, 8),
        ("{\"a\":\n 1,}", 2, 4),
        (r#"{"a" 1}"#, 1, 6),
        (r#"{"a": "x}"#, 1, 10),
        (r#"{"<a>": 1}"#, 1, 2),
        (r#"["\q"]"#, 1, 3),
        (r#"["\ud800"]"#, 1, 3),
        ("text < more", 1, 7),
        ("text \\q", 1, 6),
        ("<$.a.b>", 1, 2),
        ("<$.data[>", 1, 9),
        ("{} {}", 1, 4),
    ] {
        let spec = TransformerSpec {
            template: text.to_owned(),
            ..TransformerSpec::default()
        };
        match Transformer::compile(&spec) {
            Err(TransformerError::Text { position, at, .. }) => {
                assert_eq!((position.line, position.column), (line, column), "{text}");
                assert_eq!(at, "transformer.template");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn the_template_sees_what_the_pipeline_left() {
    let replaced = r#"{"define": {"old": "$.data.a"},
        "pipeline": [{"command": ["replace", "$.data", {"b": 2}]}, {"command": ["create", "$.subject", "new"]}],
        "template": "<old> <$.data.a><$.data.b> <$.subject>"}"#;
    assert_eq!(made(replaced, r#"{"a":1}"#), "1 2 new");
}

#[test]
fn numbers_that_are_not_computed_stay_as_they_were_written() {
    let data = r#"{"z":12345678901234567890123,"y":1.50,"x":9007199254740993,"w":-0}"#;
    let moved = r#"{"pipeline": [{"command": ["rename", "$.data.x", "$.data.v"]}]}"#;
    assert_eq!(
        made(moved, data),
        r#"{"z":12345678901234567890123,"y":1.50,"w":-0,"v":9007199254740993}"#
    );
}

#[test]
fn a_path_that_may_mean_several_places_gives_an_array() {
    let copied = r#"{"pipeline": [{"command": ["duplicate", "$.data.l[*].n", "$.data.all"]}], "template": "<$.data.all>"}"#;
    assert_eq!(made(copied, r#"{"l":[{"n":1}]}"#), "[1]");
    assert_eq!(made(copied, r#"{"l":[{"n":1},{"n":2}]}"#), "[1,2]");
}

#[test]
fn the_original_event_and_what_is_not_named_stay_as_they_are() {
    let given = event(r#"{"a": 1}"#);
    let entropy = SeededEntropy::new(1);
    let mut context = TransformContext::new(0, &entropy);
    let empty = Transformer::compile(&spec("{}")).unwrap();
    assert_eq!(empty.run(&given, &mut context).unwrap(), given);
    let changing = spec(r#"{"pipeline": [{"command": ["delete", "$.data.a"]}]}"#);
    let changing = Transformer::compile(&changing).unwrap();
    let made = changing.run(&given, &mut context).unwrap();
    assert_eq!(given.data().as_str(), Some(r#"{"a": 1}"#));
    assert_eq!(made.attribute("hops"), Some(AttributeRef::Integer(3)));
    assert_eq!((made.id(), made.source()), (given.id(), given.source()));
}

#[test]
fn data_that_is_not_json_cannot_be_transformed_but_no_data_can() {
    let run = |event: Event| {
        let entropy = SeededEntropy::new(1);
        let mut context = TransformContext::new(0, &entropy);
        let stamped = spec(r#"{"pipeline": [{"command": ["create", "$.mark", 1]}]}"#);
        Transformer::compile(&stamped)
            .unwrap()
            .run(&event, &mut context)
    };
    let base = || Event::builder().id("1").source("/s").ty("t");
    let text = base().text("{").build().unwrap();
    assert!(matches!(run(text), Err(TransformError::NotJson(_))));
    let bytes = base().binary([0xFF]).build().unwrap();
    assert_eq!(run(bytes), Err(TransformError::NotText));
    let made = run(base().build().unwrap()).unwrap();
    assert!(made.data().is_none() && made.attribute("mark").is_some());
    assert_eq!(made.datacontenttype(), None);
}

#[test]
fn an_action_may_have_a_policy_of_its_own() {
    let mixed = r#"{"on_error": "fail", "pipeline": [
        {"command": ["upper_case", "$.data.none"], "on_error": "skip"},
        {"command": ["upper_case", "$.data.a"]}]}"#;
    assert_eq!(made(mixed, r#"{"a":"x"}"#), r#"{"a":"X"}"#);
    let error = run(mixed, "{}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "pipeline[1] upper_case: $.data.a is missing"
    );
}

#[test]
fn what_would_take_too_much_ends_whatever_the_policy_is() {
    let double = r#"{"command": ["duplicate", "$.data", "$.data.x"]},
        {"command": ["duplicate", "$.data.x", "$.data.y"]}"#;
    let doubled = vec![double; 40].join(",");
    let many = vec!["<$.data.s>"; 1000].join("");
    let regex = r#"["replace_with_regex", "$.data.s", "(x)", "$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1"]"#;
    let regexes = vec![format!(r#"{{"command": {regex}}}"#); 6].join(",");
    let long = format!(
        r#"{{"s":"{}","l":[{}1]}}"#,
        "x".repeat(3000),
        "1,".repeat(3000)
    );
    for spec in [
        format!(r#"{{"pipeline": [{doubled}]}}"#),
        format!(r#"{{"template": "{many}"}}"#),
        format!(r#"{{"pipeline": [{regexes}]}}"#),
        r#"{"pipeline": [{"command": ["jq", "$.data.x", "[range(1e12)]"]}]}"#.to_owned(),
        r#"{"pipeline": [{"command": ["jq", "$.data.x", "try (def f: f; f) catch 1"]}]}"#.to_owned(),
        r#"{"pipeline": [{"command": ["array_foreach", "$.data.l", ["add_suffix", "@", "$.subject"], ["add_suffix", "@", "@"], ["add_suffix", "@", "@"], ["add_suffix", "@", "@"], ["add_suffix", "@", "@"], ["add_suffix", "@", "@"], ["add_suffix", "@", "@"], ["add_suffix", "@", "@"], ["add_suffix", "@", "@"], ["add_suffix", "@", "@"]]}]}"#
            .replace("$.subject", "1"),
    ] {
        assert_eq!(run(&spec, &long), Err(TransformError::Budget), "{spec:.200}");
    }
}

#[test]
fn defines_are_taken_before_anything_changes_and_may_be_constants() {
    let defining = r#"{"define": {"a": "$.data.a", "c": "plain", "d": "<a>", "n": "$.none"},
        "pipeline": [{"command": ["delete", "$.data.a"]}, {"command": ["create", "$.data.b", "<a>"]},
            {"command": ["create", "$.data.c", "<c>"]}, {"command": ["create", "$.data.n", "<n>"]}],
        "template": "{\"d\": <d>, \"n\": <n>, \"data\": <$.data>}"}"#;
    assert_eq!(
        made(defining, r#"{"a":[1]}"#),
        r#"{"d":"<a>","n":null,"data":{"b":[1],"c":"plain"}}"#
    );
    let wrong = spec(r#"{"define": {"x": "$.data["}}"#);
    let error = Transformer::compile(&wrong).unwrap_err().to_string();
    assert!(
        error.starts_with("transformer.define.x: at line 1, column 8"),
        "{error}"
    );
}
