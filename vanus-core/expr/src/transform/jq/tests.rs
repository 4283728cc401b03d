//! Expressions: what jaq makes of them is made of them here, and what would never end does.

use jaq_core::{
    Compiler, Ctx, Vars, data,
    load::{Arena, File, Loader},
    unwrap_valr,
};
use jaq_json::{Val, read as jaq_read};

use super::*;
use crate::transform::{read, write};

fn run(expression: &str, data: &str) -> Result<String, String> {
    let jq =
        Jq::compile(expression).map_err(|mistake| format!("{}: {}", mistake.at, mistake.what))?;
    let data = read::read(data).unwrap();
    let attributes = [("type", Value::text("order.placed"))];
    let budget = Budget::of_transform(1000);
    let value = jq
        .run(&data, &attributes, 1_700_000_000_500, &budget)
        .map_err(|fault| fault.to_string())?;
    let mut out = String::new();
    write::value(&value, &mut out, &Budget::new()).unwrap();
    Ok(out)
}

/// What jaq makes of it.
fn jaq(expression: &str, data: &str) -> Result<serde_json::Value, String> {
    let input = jaq_read::parse_single(data.as_bytes()).unwrap();
    let expression = format!("{expression} | tojson");
    let program = File {
        code: expression.as_str(),
        path: (),
    };
    let defs = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs());
    let funs = jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs());
    let arena = Arena::default();
    let modules = Loader::new(defs).load(&arena, program).unwrap();
    let compiled = Compiler::default().with_funs(funs).compile(modules);
    let filter = compiled.map_err(|errors| format!("jaq has not {errors:?}"))?;
    let ctx = Ctx::<data::JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let mut out = filter.id.run((ctx, input)).map(unwrap_valr);
    match out.next() {
        Some(Ok(value)) => {
            let text: String = serde_json::from_str(&value.to_string()).unwrap();
            serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
        }
        Some(Err(error)) => Err(error.to_string()),
        None => Err("nothing".to_owned()),
    }
}

/// Numbers are the same if they are as doubles.
fn alike(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value as Json;
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| alike(a, b)))
        }
        (a, b) => a == b,
    }
}

const DATA: &str = r#"{"a":1,"b":[3,1,2],"c":{"d":"x y","e":null},"f":[{"k":"p","v":1},{"k":"q","v":2},{"k":"p","v":3}],"s":"Hello, Wörld","t":true,"n":-2.5,"z":[]}"#;

/// Expressions that mean the same to both.
const SAME: &[&str] = &[
    ".",
    ".a",
    ".none",
    ".c.d",
    ".c[\"d\"]",
    ".b[0], .b[-1], .b[9]",
    ".b[1:], .b[:1], .b[-1:], .s[1:3]",
    ".b[]",
    ".[]?",
    ".a.x?",
    "(.a.x)? // 5",
    "[.b[] | . * 2]",
    ".b | map(. + 1) | add",
    ".f | map(select(.v > 1) | .k)",
    ".f[] | {(.k): .v}",
    "{a, b: .b[0], \"c\": 1, (.c.d): 2}",
    "{a: (1, 2), b: (3, 4)}",
    ".a as $x | [$x, $x + 1]",
    ".f[0] as {k: $k, $v} | [$k, $v]",
    ".b as [$x, $y] | $x - $y",
    "[.f[] as {$k, $v} | \"\\($k)=\\($v)\"] | join(\"&\")",
    "reduce .b[] as $x (0; . + $x)",
    "[foreach .b[] as $x (0; . + $x)]",
    "[foreach .b[] as $x (0; . + $x; [$x, .])]",
    "if .a == 1 then \"one\" elif .a == 2 then \"two\" else \"many\" end",
    "if .t then 1 end",
    "[if (true, false) then 1 else 2 end]",
    "try error(\"x\") catch .",
    "try (1, error(\"y\"), 3) catch .",
    "[.b[] | try (if . == 1 then error(\"z\") else . end) catch \"bad\"]",
    ".none // \"default\"",
    "(false, null, 1) // 2",
    "empty // 3",
    "1, 2 | . * 10",
    "[1, 2] | .[0] + .[1]",
    "-(.a)",
    "[.a < 2, .a <= 1, .a > 2, .a >= 1, .a == 1.0, .a != 1]",
    "[null < false, false < true, true < 0, 0 < \"\", \"\" < [], [] < {}]",
    "[1, \"a\", null, [1], {\"a\": 1}, false, true] | sort",
    ".t and .none, .none or .a, (.t | not)",
    "[(true, false) and (true, false)]",
    "7 % 3, -7 % 3, 5 / 2, 6 / 3",
    "\"ab\" * 3",
    "\"a,b,c\" / \",\"",
    "[1, 2, 3, 1] - [1]",
    "{a: 1} + {b: 2}",
    "{a: {x: 1}} * {a: {y: 2}, b: 3}",
    "null + 1, 1 + null",
    ".b | length, (.s | length), (.c | length), (null | length)",
    ".s | utf8bytelength",
    ".c | keys",
    ".b | keys",
    ".c | to_entries",
    ".c | with_entries(.key |= ascii_upcase)",
    ".c | map_values(. // 0)",
    ".b | sort, reverse, min, max, add, any, all",
    ".f | sort_by(.k), group_by(.k), unique_by(.k), min_by(.v), max_by(.v)",
    ".f | map(.k) | unique",
    "[1, [2, [3, [4]]]] | flatten, flatten(1)",
    "[range(5)], [range(2; 5)], [range(0; 10; 3)], [range(5; 0; -2)]",
    "[limit(3; range(100))], first(range(5)), [first(empty)]",
    "[.b[] | tostring], (\"12.5\" | tonumber), (.c | tostring)",
    "[.a, .b, .c, .s, .t, .none] | map(type)",
    "[.b[] | floor, ceil, sqrt], (.n | floor, ceil, round)",
    ".s | ascii_downcase, ascii_upcase, startswith(\"Hell\"), endswith(\"x\")",
    "\"  x \" | trim, ltrimstr(\" \"), rtrimstr(\" \")",
    ".s | split(\", \"), explode, (explode | implode)",
    ".c | tojson, (tojson | fromjson)",
    ".b | index(1)",
    "\"abcb\" | index(\"b\")",
    "\"foobar\" | contains(\"bar\")",
    "{a: [1, {b: 2}]} | contains({a: [{b: 2}]})",
    "[1, 2] | contains([2])",
    "\"a\" | inside(\"cat\")",
    ".c | has(\"d\"), has(\"q\")",
    ".b | has(0), has(5)",
    "[paths]",
    "[paths(type == \"number\")]",
    "[.c | ..]",
    "[path(.c.d, .b[0])]",
    "getpath([\"c\", \"d\"]), getpath([\"q\", \"r\"])",
    "del(.a, .b[0], .c.d)",
    "del(.f[] | select(.v == 2))",
    "delpaths([[\"a\"], [\"b\", 0]])",
    ".a = 5",
    ".b[1] = 9",
    ".a |= . + 1",
    ".b[] |= . * 2",
    ".b |= map(. + 1)",
    ".a += 10",
    ".a -= 1 | .a *= 3 | .a",
    ".none //= 7",
    ".f[].v |= empty",
    ".c |= with_entries(.value |= tostring)",
    "(.a, .b[0]) = 0",
    "(.f[] | select(.k == \"p\") | .v) |= . + 100",
    ".b[1:] = [8]",
    "[.b[] as $x | .f[] | select(.v == $x) | .k]",
    "def f: . * 2; .a | f | f",
    "def f(g): [g, g]; f(.a)",
    "def f($x): $x + 1; f(.a)",
    "def fac: if . <= 1 then 1 else . * (. - 1 | fac) end; 10 | fac",
    "def f(g): def h: g; h; f(.a)",
    "[recurse(if . < 3 then . + 1 else empty end)] | length",
    "[.a | recurse(. * 2; . < 100)]",
    "1 | until(. > 100; . * 2)",
    "[1 | while(. < 100; . * 2)]",
    "label $out | foreach (1, 2, 3) as $x (0; . + $x; if . > 2 then ., break $out else . end)",
    "[label $f | range(10) | ., (select(. == 3) | break $f)]",
    "[.b[] | select(. > 1)] | first, last",
    "isempty(empty), isempty(1)",
    "walk(if type == \"number\" then . + 1 else . end)",
    "\"x\\ty\\u00e9\"",
    "@json \"v=\\(.c)\"",
    "@base64 \"\\(.s)\"",
    ".s | @base64 | @base64d",
    "\"a b/é\" | @uri",
    ".s | test(\"^H\")",
    "\"foo 12\" | capture(\"(?<w>[a-z]+) (?<n>[0-9]+)\")",
    "\"aXbXc\" | sub(\"X\"; \"-\"), gsub(\"X\"; \"-\")",
    "\"ab12\" | gsub(\"(?<d>[0-9])\"; \"<\\(.d)>\")",
    "[[1, 2], [3, 4]] | transpose",
    "pick(.c.d)",
    "1 as $x | 2 as $y | [$x, $y]",
    "[.[] | numbers], [.[] | strings], [.[] | nulls]",
    "pow(2; 10)",
    "3.0, 1e3, 100",
    "[.b[] | if . > 1 then \"big\" else \"small\" end]",
    ". as {$a, c: {$d}} | [$a, $d]",
    "..|numbers",
    "(1, 2) as $x | (10, 20) as $y | $x + $y",
];

#[test]
fn what_jaq_makes_of_an_expression_is_made_of_it_here() {
    let mut wrong = Vec::new();
    for expression in SAME {
        let all = format!("[{expression}]");
        let (ours, theirs) = (run(&all, DATA), jaq(&all, DATA));
        let same = match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => alike(&serde_json::from_str(ours).unwrap(), theirs),
            (Err(_), Err(_)) => true,
            _ => false,
        };
        if !same {
            wrong.push(format!(
                "{expression}\n  ours   {ours:?}\n  theirs {theirs:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where jaq and the jq of its authors differ, it is as with the latter.
#[test]
fn what_jaq_knows_otherwise_is_as_jq_has_it() {
    for (expression, expected) in [
        (
            "[{key: \"a\", value: 1}, {name: \"b\", value: 2}] | from_entries",
            r#"{"a":1,"b":2}"#,
        ),
        ("[\"a\", 1, null, true] | join(\"-\")", "\"a-1--true\""),
        ("del(.b[0, 2]) | .b", "[1]"),
        ("(.q.r = 5) | .q", r#"{"r":5}"#),
        ("(.b[5] = 9) | .b", "[3,1,2,null,null,9]"),
        ("def f($x; g): [$x, g, x]; f(1; 2)", "[1,2,1]"),
        ("[limit(5; 1 | repeat(. * 2))]", "[1,2,4,8,16]"),
        ("\"<a & 'b'>\" | @html", "\"&lt;a &amp; &#39;b&#39;&gt;\""),
        (
            "[1, \"a\\\"b\", null, true] | @csv",
            r#""1,\"a\"\"b\",,true""#,
        ),
        ("2 | IN(1, 2)", "true"),
        (".b | INDEX(.)", r#"{"3":3,"1":1,"2":2}"#),
    ] {
        assert_eq!(run(expression, DATA).unwrap(), expected, "{expression}");
    }
}

#[test]
fn what_would_never_end_ends() {
    let budget = "it takes more work than one run may";
    for expression in [
        "[range(1e18)]",
        "[range(0; infinite)] | length",
        "def f: f; f",
        "def f: 1 + f; f",
        "def f: [f]; f",
        "def f(g): f(g | g); f(.)",
        "last(repeat(1))",
        "[repeat(.)]",
        "[recurse(.)]",
        "until(false; .)",
        "[while(true; .)]",
        "reduce repeat(.) as $x (0; . + 1)",
        "\"x\" * 1e15",
        "\"xxxxxxxx\" | until(length > 1e15; . + .)",
        "[limit(1e9; repeat(1))]",
        ".b[1e9] = 1",
        "try (def f: f; f) catch 1",
        "(def f: f; f)? // 1",
        "[., .] | until(false; [., .])",
        "[.[], .[]] | [..] | [..] | [..] | [..] | [..]",
        "first(def f: empty, f; f)",
        "[range(1000)] | [.[] as $x | .[] as $y | .[] as $z | [$x, $y, $z]]",
        "\"a\" * 100000 | [., .] | map(split(\"\")) | map(join(\",\")) | [.[], .[]] | map(split(\"\"))",
    ] {
        let ended = run(expression, DATA);
        let deep = "a value nests too deep";
        assert!(
            matches!(&ended, Err(told) if told == budget || told == deep),
            "{expression}: {ended:?}"
        );
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (expression, told) in [
        ("", "line 1, column 1 (byte 0): term is expected"),
        (
            ".a |\n nope",
            "line 2, column 2 (byte 6): there is no function nope",
        ),
        ("$x", "line 1, column 1 (byte 0): there is no variable $x"),
        (
            "break $x",
            "line 1, column 7 (byte 6): there is no label $x",
        ),
        (".a +", "line 1, column 5 (byte 4): term is expected"),
        ("[1", "closing bracket is expected"),
        ("\"a", "closing quote is expected"),
        (".a & 1", "line 1, column 4 (byte 3): token is expected"),
        ("test(.a)", "the pattern of test must be a literal"),
        ("test(\"(\")", "the pattern cannot be used: unclosed group"),
        ("input", "there is no function input"),
        ("env", "there is no function env"),
        ("import \"a\" as a; 1", "is expected"),
        ("@foo \"a\"", "there is no format @foo"),
    ] {
        let found = run(expression, "null").unwrap_err();
        assert!(found.contains(told), "{expression}: {found}");
    }
    assert!(run(&"(".repeat(5000), "null").is_err());
    assert!(run(&format!("{}1", "-".repeat(5000)), "null").is_err());
    assert!(run(&format!("{}1", "def f: ".repeat(800)), "null").is_err());
    assert!(run(&format!("1{}", "|1".repeat(2000)), "null").is_err());
    assert!(run(&"1".repeat(9000), "null").is_err());
}

/// The deepest expressions and evaluations, on half the stack that a worker has.
#[test]
fn depth_is_bounded_well_within_the_stack() {
    let deep = || {
        for (left, right) in [
            ("[", "]"),
            ("(", ")"),
            ("{a: ", "}"),
            ("-", ""),
            ("1|", ""),
            (". as $x|", ""),
        ] {
            let deepest = (1..2000).find(|n| {
                Jq::compile(&[&left.repeat(*n), "1", &right.repeat(*n)].concat()).is_err()
            });
            let deepest = deepest.unwrap() - 1;
            assert!(deepest >= 90, "{left}{right}: {deepest}");
            let nested = [&left.repeat(deepest), "1", &right.repeat(deepest)].concat();
            // It ends, with a value or not.
            let _ = run(&nested, "null");
        }
        for keyword in [
            "if . then ",
            "try ",
            "def f: ",
            "reduce ",
            "label $x|",
            "\"\\(",
            "first(",
            ".a=",
            "not as [$x]|",
        ] {
            assert!(run(&keyword.repeat(2000), "null").is_err());
            let _ = run(&keyword.repeat(150), "null");
        }
        for endless in [
            "def f: 1 + f; f",
            "def f: [f]; f",
            "def f: {a: f}; f",
            "def f: f | f; f",
            "def f: f as $x | $x; f",
            "def f: try f catch f; f",
            "def f: reduce f as $x (0; f); f",
            "def f: first(f); f",
            "def f(g): f(g | g); f(.)",
            "def f: \"\\(f)\"; f",
            "def f: .a |= f; f",
            "def f: if f then 1 else 2 end; f",
            "def f: (f // f); f",
            "def f: sort_by(f); [[[1]]] | f",
        ] {
            assert!(run(endless, DATA).is_err(), "{endless}");
        }
    };
    let thread = std::thread::Builder::new().stack_size(1024 * 1024);
    thread.spawn(deep).unwrap().join().unwrap();
}

#[test]
fn attributes_and_the_time_of_the_run_can_be_seen() {
    assert_eq!(run("$event.type", "null").unwrap(), "\"order.placed\"");
    assert_eq!(run("now", "null").unwrap(), "1700000000.5");
    assert_eq!(
        run("now | todate", "null").unwrap(),
        "\"2023-11-14T22:13:20Z\""
    );
    let date = run("\"2023-11-14T22:13:20Z\" | fromdate", "null").unwrap();
    assert_eq!(date, "1700000000");
}

#[test]
fn large_whole_numbers_stay_what_they_are() {
    assert_eq!(run(".", "9007199254740993").unwrap(), "9007199254740993");
    assert_eq!(
        run(". + 1", "9007199254740993").unwrap(),
        "9007199254740994"
    );
    assert_eq!(
        run(". + 1", "9223372036854775807").unwrap(),
        "9223372036854776000"
    );
    assert_eq!(run("[nan] | sort", "null").unwrap(), "[null]");
    assert_eq!(run("[nan, 1] | sort | .[1]", "null").unwrap(), "1");
}

#[test]
fn the_list_of_functions_is_what_there_is() {
    for (name, arity) in JQ_FUNCTIONS {
        let arguments = vec!["\"a\""; *arity].join("; ");
        let call = match arity {
            0 => (*name).to_owned(),
            _ => format!("{name}({arguments})"),
        };
        assert!(Jq::compile(&call).is_ok(), "{call}");
    }
    let natives = prelude::NATIVES
        .iter()
        .map(|(name, arity, _)| (*name, *arity));
    let definitions = prelude::DEFINITIONS
        .iter()
        .map(|(name, arity, _)| (*name, *arity));
    for known in natives.chain(definitions) {
        assert!(JQ_FUNCTIONS.contains(&known), "{known:?}");
    }
}
