//! The index against `serde_json`, on generated and on broken texts.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Any JSON value, with names and strings that need escapes or quotes.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let text = || proptest::string::string_regex(r#"[ab./\[\]'"\\\n é😀]{0,4}"#).unwrap();
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-10_000_i32..10_000).prop_map(|n| Value::from(f64::from(n) / 8.0)),
        text().prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..5)
                .prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

/// Every place in a value, as a path and as a JSON pointer.
fn places(value: &Value, path: &str, pointer: &str, found: &mut Vec<(String, String)>) {
    found.push((path.to_owned(), pointer.to_owned()));
    let mut inner = |step: String, token: &str, value: &Value| {
        let token = token.replace('~', "~0").replace('/', "~1");
        places(
            value,
            &format!("{path}{step}"),
            &format!("{pointer}/{token}"),
            found,
        );
    };
    match value {
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                inner(format!("[{n}]"), &n.to_string(), item);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let quoted = name.replace('\\', "\\\\").replace('\'', "\\'");
                inner(format!("['{quoted}']"), name, member);
            }
        }
        _ => {}
    }
}

fn find(text: &str, path: &str) -> Option<Value> {
    let mut index = JsonIndex::new();
    index.read(text).unwrap();
    let value = index.find(text, &path.parse().unwrap())?;
    Some(serde_json::from_str(value.written()).unwrap())
}

proptest! {
    #[test]
    fn every_value_is_found_where_serde_json_finds_it(value in any_json(), pretty: bool) {
        let value = Value::from(vec![value]);
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        let mut all = Vec::new();
        places(&value, "", "", &mut all);
        for (path, pointer) in all.iter().skip(1) {
            prop_assert_eq!(find(&text, path), value.pointer(pointer).cloned(), "{}", path);
            for beyond in ["[99]", ".none"] {
                prop_assert_eq!(find(&text, &format!("{path}{beyond}")), None);
            }
        }
    }

    #[test]
    fn texts_are_accepted_exactly_when_serde_json_accepts_them(
        value in any_json(),
        at: prop::sample::Index,
        put in r#"[\[\]{}:,"\\0123u eE.+tn-]{0,2}"#,
        cut in 0_usize..3,
    ) {
        let mut text: Vec<char> = value.to_string().chars().collect();
        let at = at.index(text.len() + 1);
        let end = (at + cut).min(text.len());
        text.splice(at..end, put.chars());
        let text: String = text.into_iter().collect();
        let accepted = JsonIndex::new().read(&text).is_ok();
        // The one known difference: numbers beyond the range of a double are numbers here.
        match serde_json::from_str::<Value>(&text) {
            Err(error) if error.to_string().contains("number out of range") => {}
            other => prop_assert_eq!(accepted, other.is_ok(), "{}", text),
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,40}", path in ".{0,12}") {
        let mut index = JsonIndex::new();
        let _ = index.read(&text);
        if let Ok(path) = path.parse() {
            let _ = index.find(&text, &path);
            let _ = index.find("é", &path);
        }
    }

    #[test]
    fn a_path_is_printed_as_it_can_be_read(
        names in prop::collection::vec(r#"[a.\[\]'"\\ é]{0,3}"#, 1..4),
    ) {
        let quoted = |name: &String| {
            format!("[\"{}\"]", name.replace('\\', "\\\\").replace('"', "\\\""))
        };
        let path: JsonPath = names.iter().map(quoted).collect::<String>().parse().unwrap();
        prop_assert_eq!(path.to_string().parse::<JsonPath>().unwrap(), path);
    }
}

#[rustfmt::skip]
const ODD_TEXTS: &[&str] = &[
    "", " ", "1", " 1 ", "01", "-", "-0", "1.", ".5", "1e", "1e+", "1E-2", "+1", "0x1", "tru",
    "true ", "nul", "nulll", "NaN", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"",
    "\"\\ud800\"", "\"\\udc00\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\\u0041\"", "\"\\ud83dx\"",
    "\"\t\"", "\"\u{7f}\"", "[", "]", "[]", "[ ]", "[,]", "[1,]", "[1 2]", "[1,,2]", "{", "{}",
    "{ }", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{a:1}", "{1:1}",
    "[}", "{]", "[]]", "[] []", "{\"a\":1,\"a\":2}", "\u{feff}1", "1\u{a0}", "[1]\0",
];

#[test]
fn odd_texts_are_judged_like_serde_json_judges_them() {
    for text in ODD_TEXTS {
        let expected = serde_json::from_str::<Value>(text).is_ok();
        assert_eq!(JsonIndex::new().read(text).is_ok(), expected, "{text:?}");
    }
}

#[test]
fn of_members_with_the_same_name_the_last_one_counts() {
    assert_eq!(find(r#"{"a":1,"b":2,"\u0061":3}"#, "a"), Some(3.into()));
}

#[test]
fn depth_is_limited_without_recursion() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(JsonIndex::new().read(&nested(127)).is_ok());
    assert_eq!(
        JsonIndex::new().read(&nested(128)),
        Err(JsonError::TooDeep { at: 127 })
    );
    assert!(JsonIndex::new().read(&"[".repeat(4_000_000)).is_err());
    assert!(serde_json::from_str::<Value>(&nested(127)).is_ok());
    assert!(serde_json::from_str::<Value>(&nested(128)).is_err());
}

#[test]
fn a_text_longer_than_an_event_is_refused() {
    let text = " ".repeat(vanus_types::limits::MAX_EVENT_LEN + 1);
    let read = JsonIndex::new().read(&text);
    assert_eq!(read, Err(JsonError::TooLong { length: text.len() }));
}

#[test]
fn nothing_is_found_after_a_failed_read_and_the_index_can_be_used_again() {
    let mut index = JsonIndex::new();
    let path = "a".parse().unwrap();
    index.read(r#"{"a":1}"#).unwrap();
    assert!(index.read(r#"{"a":1"#).is_err());
    assert_eq!(index.find(r#"{"a":1"#, &path), None);
    index.read(r#"{"a":2}"#).unwrap();
    assert_eq!(index.find(r#"{"a":2}"#, &path).unwrap().written(), "2");
}
