//! Single rules, told as cases.

use vanus_types::{
    Event,
    error::{Coded as _, ErrorCode},
    limits::{MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_LEN},
};

use super::*;

fn event() -> Event {
    Event::builder()
        .id("1")
        .source("/shop")
        .ty("order.placed")
        .subject("Ada")
        .extension("hops", 3)
        .extension("urgent", true)
        .extension("raw", vec![0_u8, 1])
        .build()
        .unwrap()
}

/// The value and the errors, as text.
fn evaluate(text: &str) -> String {
    let (sql, event) = (Sql::compile(text).unwrap(), event());
    let found = sql.evaluate(&event);
    let errors: Vec<&str> = found.errors.iter().map(|e| e.kind.name()).collect();
    let value = match found.value {
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::String(text) => format!("'{text}'"),
    };
    [vec![value.as_str()], errors].concat().join(" ")
}

#[test]
fn operators_bind_as_the_grammar_says() {
    for (text, means) in [
        ("NOT a = b", "(NOT a) = b"),
        ("-a + b", "(-(a)) + b"),
        ("NOT a LIKE 'x'", "(NOT a) LIKE 'x'"),
        ("NOT EXISTS a AND b", "(NOT EXISTS a) AND b"),
        ("a + b LIKE 'x'", "a + (b LIKE 'x')"),
        ("a * b + c * d", "(a * b) + (c * d)"),
        ("a - b - c", "(a - b) - c"),
        ("a + 1 < b = c", "((a + 1) < b) = c"),
        ("a AND b OR c", "a AND (b OR c)"),
        ("a OR b AND c", "a OR (b AND c)"),
        ("a = 1 AND b IN (1, 2)", "(a = 1) AND (b IN (1, 2))"),
        ("a in (b) like 'c'", "(a IN (b)) LIKE 'c'"),
        ("a - -5", "a - -5"),
        ("5-3", "5 - 3"),
        ("-(5)", "-(5)"),
        ("- 5", "-(5)"),
        ("--5", "--5"),
        ("'it''s'", r"'it\'s'"),
        (r#""say \"x\"""#, r#"'say "x"'"#),
        ("substring(A, 1) <> \"b\"", "SUBSTRING(a, 1) != 'b'"),
    ] {
        assert_eq!(format(text, true).unwrap(), means, "{text}");
    }
}

#[test]
fn values_and_errors_are_those_of_the_specification() {
    for (text, expected) in [
        ("missing", "false missingAttribute"),
        ("missing AND TRUE", "false missingAttribute"),
        ("TRUE OR missing", "true"),
        ("missing OR TRUE", "false missingAttribute"),
        ("1 / missing", "0 missingAttribute"),
        ("LENGTH(missing)", "0 missingAttribute"),
        ("LEFT(missing, 'x')", "'' missingAttribute cast"),
        ("missing NOT LIKE 'a'", "false missingAttribute"),
        ("missing NOT IN ('a')", "false missingAttribute"),
        ("NOT (missing = 1)", "true missingAttribute"),
        ("(missing) != 1", "false missingAttribute"),
        ("(missing * 5) + 1", "1 missingAttribute"),
        ("5 / 0 + 1", "1 math"),
        ("-7 / 2", "-3"),
        ("-7 % 2", "-1"),
        ("2147483647 + 1", "0 math"),
        ("-2147483648 / -1", "0 math"),
        ("-2147483648 % -1", "0"),
        ("-(-2147483648)", "0 math"),
        ("65536 * 65536", "0 math"),
        ("'abc' = 5", "false cast"),
        ("'abc' != 5", "false cast"),
        ("5 = '5'", "true"),
        ("TRUE = 'TRUE'", "false"),
        ("hops = '3'", "true"),
        ("hops < '20'", "true"),
        ("urgent + hops", "4"),
        ("urgent", "true"),
        ("raw = 'AAE='", "true"),
        ("SOURCE", "'/shop'"),
        ("specversion", "'1.0'"),
        ("FALSE AND (1 / 0 = 1)", "false"),
        ("FALSE XOR (1 / 0 = 0)", "true math"),
        ("NO_SUCH(1 / 0)", "false missingFunction"),
        ("LENGTH()", "false missingFunction"),
        ("1 IN (1, missing)", "true"),
        ("1 IN (missing, 1)", "false missingAttribute"),
        ("1 IN ('a', 1)", "false cast"),
        ("LEFT('abc', -1)", "'abc' functionEvaluation"),
        ("SUBSTRING('abc', 2, 100)", "'bc'"),
        ("SUBSTRING('abc', -2, 1)", "'b'"),
        ("SUBSTRING('abc', 1, -1)", "'' functionEvaluation"),
        ("SUBSTRING('abc', 4)", "'' functionEvaluation"),
        ("SUBSTRING('', 0)", "''"),
        ("LENGTH('é😀')", "2"),
        ("CONCAT_WS('-')", "''"),
        ("CONCAT_WS('-', 'a', 2, TRUE)", "'a-2-true'"),
        ("ABS(-2147483648)", "2147483647 math"),
        ("IS_INT('x')", "false"),
        ("IS_INT('12')", "true"),
        ("IS_BOOL('yes')", "false"),
        ("IS_BOOL(missing)", "false missingAttribute"),
        ("TRIM('\u{2003}a\u{7} ')", "'a\u{7}'"),
    ] {
        assert_eq!(evaluate(text), expected, "{text}");
    }
}

#[test]
fn mistakes_are_told_with_their_place_and_what_to_do() {
    for (text, says) in [
        ("", "at line 1, column 1 (byte 0), an attribute, a literal"),
        ("a =", "column 4 (byte 3), an attribute, a literal"),
        ("a == 1", "column 4 (byte 3), an attribute, a literal"),
        ("a = 'x\n", "column 5 (byte 4), a closing quote"),
        ("a\n= 'é' é", "line 2, column 7 (byte 9), a token of CESQL"),
        (
            "a b",
            "column 3 (byte 2), an operator or the end is expected, not \"b\"",
        ),
        ("a LIKE b", "column 8 (byte 7), a text in quotes"),
        ("a IN ()", "a list of IN cannot be empty"),
        ("a NOT b", "LIKE or IN"),
        ("EXISTS 'a'", "an attribute name"),
        ("(a", "a closing parenthesis is expected, not the end"),
        ("ABC(", "is expected, not the end"),
        ("a_b = 1", "that of a function"),
        ("a_1", "letters and digits"),
        ("f1(a)", "no function has digits"),
        ("2147483648", "2147483648 is no integer from"),
        ("- 2147483648", "2147483648 is no integer from"),
        ("+ 5", "an attribute, a literal"),
        ("a && b", "a token of CESQL is expected, not \"&\""),
    ] {
        let error = Sql::compile(text).unwrap_err();
        assert!(error.to_string().contains(says), "{text}: {error}");
        assert_eq!(error.code(), ErrorCode::InvalidSql);
        assert!(error.position().offset <= text.len());
    }
}

#[test]
fn what_can_never_pass_is_refused_as_a_filter() {
    for (text, says) in [
        (
            "1 + 2",
            "gives an integer, and a filter must be true or false",
        ),
        ("'true'", "gives text"),
        ("CONCAT(a, b)", "gives text"),
        (
            "a AND lenght(b) = 1",
            "column 7 (byte 6), there is no function LENGHT with 1",
        ),
        (
            "SUBSTRING(a) = 'b'",
            "there is SUBSTRING(x: String, pos: Integer)",
        ),
        ("'abc' + 1 = hops", "'abc' can never be an integer"),
        ("hops < 'many'", "'many' can never be an integer"),
        ("a AND 'yes'", "'yes' can never be true or false"),
        ("1 IN (2, 'b')", "'b' can never be an integer"),
        ("LEFT(a, 'b') = 'c'", "'b' can never be an integer"),
    ] {
        let error = Sql::compile_filter(text).unwrap_err();
        assert!(error.to_string().contains(says), "{text}: {error}");
        assert!(!Sql::compile(text).unwrap().matches(&event()), "{text}");
    }
    for fine in [
        "a",
        "BOOL(a)",
        "a = 1",
        "'5' < hops",
        "EXISTS a",
        "NOT 'false'",
    ] {
        assert!(Sql::compile_filter(fine).is_ok(), "{fine}");
    }
}

#[test]
fn length_and_depth_are_limited() {
    let long = format!("a = '{}'", "x".repeat(MAX_EXPRESSION_LEN));
    assert!(matches!(Sql::compile(&long), Err(SqlError::TooLong { .. })));
    let most = MAX_EXPRESSION_DEPTH;
    for (before, after) in [
        ("(", ")"),
        ("NOT ", ""),
        ("-", ""),
        ("ABS(", ")"),
        ("a IN (", ")"),
    ] {
        let nested = |depth| format!("{}a{}", before.repeat(depth), after.repeat(depth));
        assert!(Sql::compile(&nested(most - 1)).is_ok(), "{before}");
        let deep = Sql::compile(&nested(most + 1)).unwrap_err();
        assert!(matches!(deep, SqlError::TooDeep { .. }), "{before}: {deep}");
    }
    // Chains are as deep as they are long, on either side.
    for operator in ["+", "=", "AND", "LIKE 'b' ="] {
        let chain = |terms: usize| vec!["a"; terms].join(&format!(" {operator} "));
        let event = event();
        assert!(!Sql::compile(&chain(90)).unwrap().matches(&event));
        let deep = Sql::compile(&chain(500)).unwrap_err();
        assert!(
            matches!(deep, SqlError::TooDeep { .. }),
            "{operator}: {deep}"
        );
    }
    let many = format!("a IN ({}'b')", "'b', ".repeat(1500));
    assert!(Sql::compile(&many).is_ok());
}

#[test]
fn an_evaluation_that_costs_too_much_ends_with_an_error() {
    let big = "x".repeat(60_000);
    let event = event()
        .to_builder()
        .extension("big", big.as_str())
        .build()
        .unwrap();
    let concat = |inner: &str| format!("CONCAT({})", vec![inner; 100].join(", "));
    let looks = format!("{} OR FALSE", vec!["big LIKE '%_y%'"; 80].join(" OR "));
    let grows = format!("LENGTH({}) = 1", concat("big"));
    let joins = format!("CONCAT_WS(big{}) = 'x'", ", ''".repeat(2000));
    for text in [grows, looks, joins] {
        let sql = Sql::compile(&text).unwrap();
        let found = sql.evaluate(&event);
        assert_eq!(found.value, Value::Boolean(false));
        assert_eq!(found.errors.len(), 1);
        assert_eq!(found.errors[0].kind, EvalErrorKind::Generic);
        assert!(!sql.matches(&event));
        let measured = allocation_counter::measure(|| {
            assert!(!sql.matches(&event));
        });
        assert!(measured.bytes_max < 8 << 20, "{measured:?}");
    }
}

#[test]
fn errors_of_an_evaluation_say_where_and_what() {
    let (sql, event) = (Sql::compile("urgent AND\n 5 / 0 = x").unwrap(), event());
    let errors = sql.evaluate(&event).errors;
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(
        told[0].starts_with("math at line 2, column 2 (byte 12), in 5 / 0: "),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("missingAttribute at line 2, column 10"),
        "{told:?}"
    );
}

#[test]
fn comparisons_allocate_nothing() {
    let text = "type LIKE 'order.%' AND source = '/shop' AND hops < 5 AND EXISTS subject \
                AND subject IN ('Bob', 'Ada') AND LEFT(subject, 1) = 'A' AND NOT absent = 1";
    let (sql, event) = (Sql::compile(text).unwrap(), event());
    // The last part errs, which takes room for one error.
    let measured = allocation_counter::measure(|| assert!(!sql.matches(&event)));
    assert!(measured.count_total <= 1, "{measured:?}");
    let (without, _) = text.rsplit_once(" AND ").unwrap();
    let sql = Sql::compile(without).unwrap();
    let measured = allocation_counter::measure(|| assert!(sql.matches(&event)));
    assert_eq!(measured.count_total, 0);
}
