//! What CEL expressions mean, and what is refused.

use proptest::prelude::*;
use vanus_types::{
    Event,
    error::{Coded as _, ErrorCode},
};

use super::*;

mod limits;

fn event() -> Event {
    let json = r#"{
        "user": {"name": "Ada", "age": 36, "tags": ["a", "b", "b"], "mail": null},
        "total": 12.5, "whole": 3.0, "big": 18446744073709551615, "on": true, "off": "false",
        "items": [{"n": 1, "ok": true}, {"n": 2, "ok": false}, {"n": 3, "ok": true}],
        "text": "é\u0041 \"x\"", "digits": "42", "unit price": 5, "empty": {}
    }"#;
    Event::builder()
        .id("1")
        .source("/shop")
        .ty("order.placed")
        .time("2026-11-28T10:00:00Z")
        .extension("hops", 3)
        .extension("urgent", true)
        .extension("raw", vec![0_u8, 255])
        .json(json)
        .build()
        .unwrap()
}

fn evaluate(text: &str) -> Result<bool, Fault> {
    let cel = Cel::compile_filter(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let event = event();
    let view = EventView::new(&event);
    let found = cel.evaluate(&view).map_err(|fault| fault.what);
    assert_eq!(cel.matches(&view), found == Ok(true), "{text}");
    found
}

#[test]
fn true_expressions_of_every_kind() {
    for text in [
        // Attributes.
        r#"event.type == "order.placed" && event.source != '/x'"#,
        r#"event["type"].startsWith("order.") && event.type.endsWith("placed")"#,
        "event.hops + 1 == 4 && event.urgent",
        r#"event.raw == b"\x00\xff" && size(event.raw) == 2"#,
        "has(event.hops) && !has(event.subject) && has(event.data)",
        r#"event.specversion == "1.0""#,
        // Data by path, with a type.
        r#"$user.name.(string) == "Ada""#,
        "$user.age.(int64) >= 36 && $user.age.(double) == 36.0 && $user.age.(uint64) == 36u",
        r#"$user.age.(string) == "36" && $total.(int64) == 12 && $on.(string) == "true""#,
        "$on.(bool) && !$off.(bool) && $digits.(int64) == 42",
        r#"$items[2].n.(int64) == 3 && $["unit price"].(int64) == 5 && $['unit price'].(string) == "5""#,
        "$big.(uint64) == 18446744073709551615u",
        "$whole.(int64) == 3",
        // Data as it is.
        "event.data.user.age > 35 && event.data.total < 12.6 && event.data.whole == 3",
        r#"event.data["unit price"] == 5 && event.data.items[1].n == 2"#,
        r#"event.data.text == "éA \"x\"" && event.data.user.mail == null"#,
        "has(event.data.user.mail) && !has(event.data.user.none) && !has(event.data.empty.x)",
        r#""name" in event.data.user && "b" in event.data.user.tags && !("c" in event.data.user.tags)"#,
        "size(event.data.items) == 3 && event.data.user.tags.size() == 3 && size(event.data.empty) == 0",
        r#"event.data.user.tags == ["a", "b", "b"] && event.data.empty == {}"#,
        r#"event.data.items[0] == {"ok": true, "n": 1.0}"#,
        // Macros.
        "event.data.items.exists(i, i.n == 2 && !i.ok)",
        "event.data.items.all(i, i.n > 0) && [].all(x, false) && ![].exists(x, true)",
        "event.data.items.exists_one(i, i.n == 3) && !event.data.user.tags.exists_one(t, t == 'b')",
        "event.data.items.filter(i, i.ok).map(i, i.n * 10) == [10, 30]",
        "event.data.items.map(i, i.ok, i.n) == [1, 3]",
        r#"event.data.user.exists(k, k == "age")"#,
        "[1, 2].all(x, [3, 4].all(y, x < y)) && [[1], [2, 3]].map(l, size(l)) == [1, 2]",
        "[1, 2].map(x, [10].map(y, x + y)[0]) == [11, 12]",
        // Errors that another term makes up for.
        "event.subject == 'x' || true",
        "!(event.subject == 'x' && false)",
        "[0, 1].exists(x, 1 / x == 1)",
        "!([0, 1].all(x, 1 / x == 2))",
        // Literals and operators.
        "0x10 == 16 && -0x10 == -16 && 1e3 == 1000.0 && .5 == 0.5 && 7u == 7",
        "-9223372036854775808 < 0 && 9223372036854775807 > 0",
        r#""\u00e9" == 'é' && r"\n" == "\\n" && """a"b
c""" == "a\"b\nc""#,
        "1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && 7 / -2 == -3 && -7 % 3 == -1 && 2 - 1 - 1 == 0",
        "1 < 1.5 && 2u > 1.5 && 1 == 1.0 && 1u != 2 && 18446744073709551615u > 1.0",
        "9007199254740993 > 9007199254740992.0 && 9007199254740993 != 9007199254740992.0",
        "(true ? 1 : 2) == 1 && (false ? true : false ? false : true)",
        "[1, 2] + [3] == [1, 2, 3] && [1, 2][1] == 2 && 2 in [1, 2] && !(3 in [1, 2,])",
        r#"{"a": 1, 2: "b"}.a == 1 && {"a": 1, 2: "b"}[2] == "b" && "a" in {"a": 1}"#,
        r#""a" + "b" == "ab" && b"a" + b"b" == b"ab" && "a" < "b" && size("é😀") == 2"#,
        "!false && !!true && - (-1) == 1 && -(1.5) < 0.0 // a comment",
        // Functions.
        r#"int("-5") == -5 && int(2.9) == 2 && uint("5") == 5u && double("1.5") == 1.5 && bool("T")"#,
        r#"string(1) + string(true) + string(1.5) == "1true1.5" && string(b"x") == "x" && bytes("x") == b"x""#,
        r#"timestamp(event.time) > timestamp("2026-11-28T09:59:59.5Z") && int(timestamp("1970-01-01T00:01:00Z")) == 60"#,
        r#"timestamp(event.time) - timestamp("2026-11-28T09:00:00Z") == duration("1h")"#,
        r#"timestamp("2026-01-01T00:00:00Z") + duration("-1m") < timestamp("2026-01-01T00:00:00Z")"#,
        r#"string(duration("90m")) == "5400s" && string(timestamp(0)) == "1970-01-01T00:00:00Z""#,
        r#"event.type.matches("^order\\.\\w+$") && matches(event.type, "pl.ced") && !event.type.matches("x")"#,
        r#"event.type.contains("er.pl") && dyn(1) != "a""#,
        "type(event.data.total) == double && type(event.data.user.age) == int && type([]) == list && type(null) == null_type",
    ] {
        assert_eq!(evaluate(text), Ok(true), "{text}");
    }
}

#[test]
fn errors_do_not_pass() {
    for (text, fault) in [
        ("event.subject == 'x'", Fault::Missing),
        ("event.subject == 'x' || false", Fault::Missing),
        ("event.data.none == 1", Fault::Missing),
        ("event.data.items[3].n == 1", Fault::Missing),
        ("event.data.items[-1].n == 1", Fault::Missing),
        ("$none.(string) == 'x'", Fault::Missing),
        ("$user.mail.(string) == 'x'", Fault::Missing),
        ("$user.(string) == 'x'", Fault::Types),
        ("$on.(int64) == 1", Fault::Types),
        ("$user.name.(int64) == 1", Fault::Convert),
        ("event.data.user.name + 1 == 2", Fault::Types),
        ("event.data.user.name < 1", Fault::Types),
        ("event.data.total * 2 == 25.0", Fault::Types),
        ("event.data.user.name", Fault::Types),
        ("event.data.user.name.x == 1", Fault::Types),
        ("event.hops / 0 == 1", Fault::Math),
        ("9223372036854775807 + event.hops == 1", Fault::Math),
        ("-dyn(-9223372036854775808) == 1", Fault::Math),
        ("1u - 2u == 1u", Fault::Math),
        ("int(1e300) == 1", Fault::Convert),
        ("{'a': 1, 'a': 2} == {}", Fault::Types),
        ("[0].exists_one(x, 1 / x == 1)", Fault::Math),
    ] {
        assert_eq!(evaluate(text), Err(fault), "{text}");
    }
    let plain = Event::builder()
        .id("1")
        .source("/s")
        .ty("t")
        .text("no json");
    let plain = plain.build().unwrap();
    let view = EventView::new(&plain);
    for text in ["event.data == 'no json'", "$a.(string) == 'x'"] {
        let fault = Cel::compile_filter(text)
            .unwrap()
            .evaluate(&view)
            .unwrap_err();
        assert_eq!(fault.what, Fault::NoJson);
    }
    assert!(
        Cel::compile_filter("!has(event.data)")
            .unwrap()
            .matches(&view)
    );
}

#[test]
fn a_fault_says_where_it_comes_from() {
    let event = event();
    let view = EventView::new(&event);
    let text = "event.hops == 3 &&\n event.data.items[7].n == 1";
    let fault = Cel::compile_filter(text)
        .unwrap()
        .evaluate(&view)
        .unwrap_err();
    let told = fault.to_string();
    assert!(
        told.starts_with("at line 2, column 18 (byte 36): there is no such"),
        "{told}"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn mistakes_are_refused_with_their_place_and_what_to_do() {
    for (text, says) in [
        ("", "at line 1, column 1 (byte 0), a value, a name"),
        (
            "event.type = 'a'",
            "column 12 (byte 11), an operator or the end is expected, not \"=\": equality is written with two =",
        ),
        ("event.type ==\n", "line 2, column 1 (byte 14), a value"),
        ("event.type == 'a", "column 15 (byte 14), a closing quote"),
        (
            r#"event.type == "\q""#,
            "column 16 (byte 15), an escape of CEL",
        ),
        ("(true", "a closing parenthesis is expected, not the end"),
        ("[1, 2", "a comma or the end of the list"),
        ("a ? b", "a colon"),
        ("event.", "a name"),
        ("type == 'a'", "type == string makes no sense"),
        (
            "subject == 'a'",
            "there is no variable subject: attributes are named event.subject",
        ),
        ("event == 'a'", "such as event.type"),
        ("event.Type == 'a'", "there is no attribute Type"),
        (
            "event[event.type] == 1",
            "an attribute is named by a literal",
        ),
        ("event.type.x == 1", "string has no members"),
        ("event.type == 1", "string == int makes no sense"),
        ("$a.(string) > 1", "string > int makes no sense"),
        (
            "$a.(int64) + 1.5 > 1.0",
            "int + double makes no sense; convert",
        ),
        ("'a' in 'abc'", "string in string makes no sense"),
        (
            "1 + 2",
            "the expression gives int, and a filter must be true or false",
        ),
        ("event.type", "gives string"),
        ("!event.type", "bool is needed, and this is string"),
        ("true && 1", "bool is needed, and this is int"),
        ("-event.type == 'a'", "only int and double"),
        ("$a.b == 1", "$path.(type)"),
        (
            "$a.(text) == 1",
            "there is no type of a value text: there are string, int64",
        ),
        ("$a[*].(string) == 'a'", "the path cannot be read"),
        (
            "event.type.startswith('a')",
            "there is no function with one argument called startswith",
        ),
        ("size() == 1", "`size(x)`"),
        ("foo(1)", "there are has, matches, all"),
        ("has(event)", "has() asks for one field"),
        ("event.data.all(1, true)", "the first argument of a macro"),
        ("event.data.all(x, 1)", "bool is needed"),
        (
            "event.type.matches('(')",
            "the pattern cannot be used: unclosed group",
        ),
        ("event.type.matches('a{1000}{1000}')", "it is too large"),
        ("event.type.matches(event.source)", "must be a literal"),
        (
            "9223372036854775808 == 1",
            "9223372036854775808 does not fit 64 bits",
        ),
        ("1e999 == 1.0", "does not fit"),
        ("12ab == 1", "a name begins with a letter"),
        ("Foo{a: 1}", "messages cannot be made"),
        ("let == 1", "this word is reserved"),
        ("a # b", "a token of CEL"),
    ] {
        let error = Cel::compile_filter(text).unwrap_err();
        assert!(error.to_string().contains(says), "{text}: {error}");
        assert_eq!(error.code(), ErrorCode::InvalidCel);
        assert!(error.position().offset <= text.len());
    }
}

#[test]
fn attributes_are_compared_without_allocating() {
    let text = r#"event.type.startsWith("order.") && event.hops < 5 && has(event.urgent)
        && event.source == "/shop" && (event.urgent ? !has(event.subject) : false)"#;
    let (cel, event) = (Cel::compile_filter(text).unwrap(), event());
    let view = EventView::new(&event);
    let measured = allocation_counter::measure(|| assert!(cel.matches(&view)));
    assert_eq!(measured.count_total, 0);
    assert!(!cel.reads_data());
    assert!(
        Cel::compile_filter("[1].all(x, $a.(bool))")
            .unwrap()
            .reads_data()
    );
}

#[test]
fn every_function_of_the_table_can_be_called() {
    for function in CEL_FUNCTIONS {
        let value = match function.name {
            "timestamp" => "event.time",
            "duration" => "'1s'",
            "bool" => "'true'",
            _ => "'1'",
        };
        let call = match (function.global, function.arguments) {
            (true, 1) => format!("{}({value})", function.name),
            (_, 1) => format!("{value}.{}()", function.name),
            _ => format!("{value}.{}({value})", function.name),
        };
        assert_eq!(evaluate(&format!("{call} == {call}")), Ok(true), "{call}");
    }
}

/// Expressions that are often fine.
fn any_expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "-1",
        "0",
        "2u",
        "1.5",
        "'a'",
        "\"1\"",
        "b'x'",
        "true",
        "false",
        "null",
        "[]",
        "{}",
        "event.type",
        "event.hops",
        "event.subject",
        "event.data",
        "event.data.user.age",
        "$user.age.(int64)",
        "$digits.(string)",
        "x",
        "int",
        "9223372036854775807",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(5, 24, 3, |inner| {
        let operator = prop::sample::select(vec![
            "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||",
        ]);
        let function = prop::sample::select(vec![
            "size", "int", "uint", "double", "string", "bool", "bytes", "timestamp", "duration",
            "type", "dyn", "has",
        ]);
        let macros = prop::sample::select(vec!["all", "exists", "exists_one", "filter", "map"]);
        prop_oneof![
            4 => (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            2 => (function, inner.clone()).prop_map(|(name, a)| format!("{name}({a})")),
            1 => inner.clone().prop_map(|a| format!("!{a}")),
            1 => inner.clone().prop_map(|a| format!("-{a}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{{a}: {b}}}")),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            2 => (inner.clone(), macros, inner).prop_map(|(a, name, b)| format!("{a}.{name}(x, {b})")),
        ]
    })
}

proptest! {
    // More with PROPTEST_CASES.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(3000)))]

    #[test]
    fn generated_expressions_are_refused_or_evaluated(text in any_expression()) {
        let event = event();
        let view = EventView::new(&event);
        let whole = format!("[1, 'a'].exists(x, {text} == {text})");
        for text in [text, whole] {
            if let Ok(cel) = Cel::compile_filter(&text) {
                let found = cel.evaluate(&view);
                prop_assert_eq!(found, cel.evaluate(&view));
                // Parentheses change nothing, and negation is what it is called.
                let wrapped = Cel::compile_filter(&format!("(({text}))")).unwrap();
                prop_assert_eq!(wrapped.evaluate(&view).ok(), found.ok(), "{}", &text);
                let negated = Cel::compile_filter(&format!("!({text})")).unwrap();
                prop_assert_eq!(negated.evaluate(&view).ok(), found.ok().map(|v| !v), "{}", &text);
            }
        }
    }

    #[test]
    fn or_and_and_do_not_care_for_order(a in any_expression(), b in any_expression()) {
        let event = event();
        let view = EventView::new(&event);
        for operator in ["||", "&&"] {
            let one = Cel::compile_filter(&format!("dyn({a}) {operator} dyn({b})"));
            let other = Cel::compile_filter(&format!("dyn({b}) {operator} dyn({a})"));
            if let (Ok(one), Ok(other)) = (one, other) {
                prop_assert_eq!(one.evaluate(&view).ok(), other.evaluate(&view).ok());
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in r#"[a-z0-9 .'"\\()\[\]{}$%?:<>=!&|+*/,é-]{0,40}"#) {
        if let Ok(cel) = Cel::compile_filter(&text) {
            let _ = cel.matches(&EventView::new(&event()));
        }
    }
}
