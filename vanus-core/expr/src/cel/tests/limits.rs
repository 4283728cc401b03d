//! What expressions may cost: text, patterns, nesting and work are limited, and every evaluation
//! ends.

use vanus_types::limits::{
    MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_LEN, MAX_REGEX_LEN, MAX_REGEXES, MAX_REGEXES_LEN,
};

use super::*;

#[test]
fn length_and_depth_are_limited() {
    let long = format!("event.type == '{}'", "x".repeat(MAX_EXPRESSION_LEN));
    assert!(matches!(
        Cel::compile_filter(&long),
        Err(CelError::TooLong { .. })
    ));
    let most = MAX_EXPRESSION_DEPTH;
    let data = "event.data";
    for (before, inner, after) in [
        ("(", data, ")"),
        ("!", data, ""),
        ("[", data, "][0]"),
        ("{1: ", data, "}[1]"),
        ("dyn(", data, ")"),
        ("true ? (", data, ") : true"),
        ("- ", data, ""),
        ("", data, ".a"),
        ("", data, "[0]"),
        ("", data, " + 1"),
        ("[1].all(x, ", data, ")"),
    ] {
        let nested =
            |depth: usize| format!("{}{inner}{}", before.repeat(depth), after.repeat(depth));
        // As deep as may be, give or take what the text has around it.
        let depth = (most / 2 - 1..most - 2).rev().find(|depth| {
            Cel::compile_filter(&nested(*depth)).is_ok_and(|deep| {
                let _ = deep.evaluate(&EventView::new(&event()));
                true
            })
        });
        assert!(depth.is_some(), "{before}{after}");
        let deep = Cel::compile_filter(&nested(most + 1)).unwrap_err();
        assert!(
            matches!(deep, CelError::TooDeep { .. }),
            "{before}{after}: {deep}"
        );
    }
    let many = vec!["event.hops == 3"; 400].join(" && ");
    assert_eq!(evaluate(&many), Ok(true));
}

#[test]
fn patterns_are_limited_in_number_and_together_in_size() {
    // The second needs more than half of what one may take, and so counts as all of it.
    let large = r"\\w{4}#";
    for (pattern, most) in [("x", MAX_REGEXES), (large, MAX_REGEXES_LEN / MAX_REGEX_LEN)] {
        let term = format!("event.type.matches('{pattern}')");
        let some = |number: usize| vec![term.as_str(); number].join(" || ");
        assert_eq!(evaluate(&some(most)), Ok(false), "{pattern}");
        let error = Cel::compile_filter(&some(most + 1)).unwrap_err();
        assert!(matches!(error, CelError::Patterns { .. }), "{error}");
        // The one too many is named by where it is.
        let at = some(most).len() + " || event.type.matches(".len();
        assert_eq!(error.position().offset, at, "{error}");
        assert!(error.to_string().contains("at most 32"), "{error}");
    }
}

/// Evaluates it on a thread with a stack smaller than any that filters run on.
fn evaluate_on_a_small_stack(text: &str, event: Event) -> Result<bool, Fault> {
    let cel = Cel::compile_filter(text).unwrap();
    let small = std::thread::Builder::new().stack_size(512 << 10);
    let run = move || cel.evaluate(&EventView::new(&event));
    let found = small.spawn(run).unwrap().join().unwrap();
    found.map_err(|fault| fault.what)
}

/// As many map() as `times`, each of which puts so many lists or maps around the items.
fn deepen(before: &str, after: &str, depth: usize, times: usize) -> String {
    format!(".map(a, {}a{})", before.repeat(depth), after.repeat(depth)).repeat(times)
}

#[test]
fn values_that_nest_too_deep_end_the_evaluation_and_not_the_process() {
    let deep = deepen("[", "]", 40, 40);
    for text in [
        format!("[1]{deep}.exists(v, v == v)"),
        format!("[[1]{deep}].exists(v, v == v)"),
        format!("[1]{deep}.size() == 1 || true"),
        format!("[1]{}.exists(v, v == v)", deepen("{1: ", "}", 40, 20)),
        format!("[1]{}.exists(v, v == v)", deepen("[] + [", "]", 20, 30)),
    ] {
        let found = evaluate_on_a_small_stack(&text, event());
        assert_eq!(found, Err(Fault::Budget), "{text}");
    }
    // Nine times eleven lists around 1, in the list of the last map(), and one too many.
    let most = deepen("[", "]", 11, 9);
    let fine = format!("[1]{most}.exists(v, v == v)");
    assert_eq!(evaluate_on_a_small_stack(&fine, event()), Ok(true));
    let more = format!("[1]{most}.map(a, [a]).exists(v, v == v)");
    let found = evaluate_on_a_small_stack(&more, event());
    assert_eq!(found, Err(Fault::Budget));
}

#[test]
fn the_deepest_data_inside_the_deepest_value_is_compared() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let json = format!("{}1{}", open.repeat(127), close.repeat(127));
        let event = Event::builder().id("1").source("/s").ty("t").json(json);
        let most = deepen("{1: ", "}", 11, 9);
        let text = format!("[event.data]{most}.exists(v, v == v)");
        let found = evaluate_on_a_small_stack(&text, event.build().unwrap());
        assert_eq!(found, Ok(true), "{open}");
    }
}

#[test]
fn an_evaluation_that_costs_too_much_ends_with_an_error() {
    let numbers: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
    let json = format!(
        r#"{{"list": [{}], "text": "{}"}}"#,
        numbers.join(","),
        "x".repeat(100_000)
    );
    let event = Event::builder()
        .id("1")
        .source("/s")
        .ty("t")
        .json(json)
        .build()
        .unwrap();
    let view = EventView::new(&event);
    let list = "event.data.list";
    for text in [
        format!("{list}.all(a, {list}.all(b, {list}.all(c, a + b + c >= 0)))"),
        format!("{list}.map(a, {list}.map(b, {list})) == []"),
        format!("{list}.exists(a, a in [-1] + {list} + {list} + [-2] && a < 0)"),
        format!("{list}.map(a, event.data.text + event.data.text).size() == 1"),
        format!("{list}.all(a, event.data.text == event.data.text)"),
        format!("{list}.all(a, event.data.text.matches('(x+x+)+y') == false)"),
        r"event.data.text.matches('(\\w{1,2}x){1,2}y') == false".to_owned(),
        format!("{list}.all(a, {{'a': {list}}}.a == {list})"),
        format!("{list}.all(a, {list}[19999] == 19999)"),
        format!("{list}.exists(a, size(event.data.text) == a)"),
        format!(
            "[{}].size() == 0",
            vec![format!("{list}+{list}"); 200].join(",")
        ),
    ] {
        let cel = Cel::compile_filter(&text).unwrap();
        let mut found = Ok(true);
        let measured = allocation_counter::measure(|| {
            found = cel.evaluate(&view).map_err(|fault| fault.what);
        });
        assert_eq!(found, Err(Fault::Budget), "{text}");
        assert!(measured.bytes_max < 16 << 20, "{text}: {measured:?}");
    }
    let fine = format!("{list}.filter(a, a % 2 == 0).size() == 10000 && 19999 in {list}");
    assert!(Cel::compile_filter(&fine).unwrap().matches(&view));
}

#[test]
fn values_of_data_cost_as_much_as_is_passed_on_the_way_to_them() {
    let object = |names: Vec<String>| {
        let members = names.iter().map(|name| format!(r#""{name}":1"#));
        members.collect::<Vec<_>>().join(",")
    };
    let many = object((0..20_000).map(|n| n.to_string()).collect());
    let escaped = object((0..20).map(|_| r"\u0061".repeat(1000)).collect());
    let list = vec!["1"; 20_000].join(",");
    let json = format!(r#"{{"many": {{{many}}}, "escaped": {{{escaped}}}, "list": [{list}]}}"#);
    let event = Event::builder().id("1").source("/s").ty("t").json(json);
    let event = event.build().unwrap();
    let view = EventView::new(&event);
    for (term, alone) in [
        ("$many.none.(int64) == 1", Err(Fault::Missing)),
        ("$many.19999.(int64) == 2", Ok(false)),
        ("$list[19999].(int64) == 2", Ok(false)),
        ("$list[20001].(int64) == 2", Err(Fault::Missing)),
        ("$escaped.aa.(int64) == 1", Err(Fault::Missing)),
        ("event.data.many.none == 1", Err(Fault::Missing)),
        ("event.data.escaped.aa == 1", Err(Fault::Missing)),
    ] {
        let evaluate = |text: &str| {
            let cel = Cel::compile_filter(text).unwrap();
            cel.evaluate(&view).map_err(|fault| fault.what)
        };
        assert_eq!(evaluate(term), alone, "{term}");
        // Each takes some hundredths of a millisecond, and all of them more than there is.
        let all = vec![term; 250].join(" || ");
        assert_eq!(evaluate(&all), Err(Fault::Budget), "{term}");
    }
}
