//! Generated expressions: printed and read again, and evaluated beside a plain interpreter.

mod interpreter;
mod rules;

use proptest::prelude::*;
use vanus_types::Event;

use super::{
    ast::{BinaryOp, Expr, ExprKind},
    functions::FUNCTIONS,
    parser::parse,
    print::fits,
    *,
};

fn expr(kind: ExprKind) -> Expr {
    Expr {
        kind,
        span: token::Span::default(),
    }
}

/// Texts that can be written as literals: every text that is read from one can.
fn any_text() -> impl Strategy<Value = Box<str>> {
    let some = prop_oneof![
        6 => r#"[abA%_ é]{0,4}"#,
        3 => "-?[0-3]{1,2}",
        1 => prop::sample::select(vec!["true", "FALSE", "2147483648", "-2147483648"])
            .prop_map(str::to_owned),
        2 => r#"['"\\%_\n😀]{0,5}"#,
    ];
    let writable = |text: &String| fits(text, '\'') || fits(text, '"');
    some.prop_filter("it cannot be written", writable)
        .prop_map(Into::into)
}

fn any_attribute() -> impl Strategy<Value = Box<str>> {
    let names = vec![
        "type", "subject", "e", "n", "flag", "raw", "missing", "1st", "time",
    ];
    prop::sample::select(names).prop_map(Into::into)
}

fn any_op() -> impl Strategy<Value = BinaryOp> {
    use BinaryOp as Op;
    prop::sample::select(vec![
        Op::And,
        Op::Or,
        Op::Xor,
        Op::Equal,
        Op::NotEqual,
        Op::Less,
        Op::LessOrEqual,
        Op::Greater,
        Op::GreaterOrEqual,
        Op::Add,
        Op::Subtract,
        Op::Multiply,
        Op::Divide,
        Op::Remainder,
    ])
}

fn any_integer() -> impl Strategy<Value = i32> {
    prop_oneof![
        4 => -4..5,
        1 => prop::sample::select(vec![i32::MIN, i32::MIN + 1, i32::MAX, 65_536]),
    ]
}

fn any_expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(ExprKind::Boolean),
        any_integer().prop_map(ExprKind::Integer),
        any_text().prop_map(ExprKind::Text),
        any_attribute().prop_map(ExprKind::Attribute),
        any_attribute().prop_map(ExprKind::Exists),
    ];
    let leaf = leaf.prop_map(expr);
    leaf.prop_recursive(5, 24, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        let several = |least| prop::collection::vec(inner.clone(), least..4);
        let names = FUNCTIONS.iter().map(|function| function.name);
        let names: Vec<&str> = names.chain(["NO_SUCH", "NONE"]).collect();
        let kind = prop_oneof![
            1 => boxed().prop_map(ExprKind::Not),
            1 => boxed().prop_map(ExprKind::Negate),
            5 => (any_op(), inner.clone(), inner.clone())
                .prop_map(|(op, left, right)| ExprKind::Binary(op, Box::new([left, right]))),
            2 => (boxed(), any_text(), any::<bool>()).prop_map(|(subject, pattern, negated)| {
                ExprKind::Like { subject, pattern, negated }
            }),
            2 => (boxed(), several(1), any::<bool>()).prop_map(|(subject, set, negated)| {
                ExprKind::In { subject, set: set.into(), negated }
            }),
            4 => (prop::sample::select(names), several(0)).prop_map(|(name, arguments)| {
                ExprKind::Call { name: name.into(), arguments: arguments.into() }
            }),
        ];
        kind.prop_map(expr)
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    let text = || prop::option::of("[ab1 é%_]{1,4}");
    let numbers = prop::option::of(any_integer());
    let bytes = prop::option::of(prop::collection::vec(any::<u8>(), 0..4));
    let flag = prop::option::of(any::<bool>());
    (text(), text(), text(), numbers, flag, bytes).prop_map(
        |(ty, subject, extension, number, flag, bytes)| {
            let ty = ty.unwrap_or_else(|| "t".to_owned());
            let mut event = Event::builder().id("i").source("/s").ty(ty);
            if let Some(subject) = subject {
                event = event.subject(subject);
            }
            if let Some(extension) = extension {
                event = event.extension("e", extension);
            }
            if let Some(number) = number {
                event = event.extension("n", number);
            }
            if let Some(flag) = flag {
                event = event.extension("flag", flag).time("2026-01-02T03:04:05Z");
            }
            if let Some(bytes) = bytes {
                event = event.extension("raw", bytes);
            }
            event.build().unwrap()
        },
    )
}

proptest! {
    // More with PROPTEST_CASES.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(3000)))]

    #[test]
    fn what_is_printed_reads_as_the_same_expression(expr in any_expr()) {
        let printed = expr.to_string();
        let read = parse(&printed).map_err(|e| TestCaseError::fail(format!("{printed}: {e}")))?;
        prop_assert_eq!(&read, &expr, "{}", &printed);
        prop_assert_eq!(read.to_string(), printed);
    }

    #[test]
    fn parentheses_round_everything_change_nothing(expr in any_expr()) {
        let printed = format!("{expr:#}");
        let read = parse(&printed).map_err(|e| TestCaseError::fail(format!("{printed}: {e}")))?;
        prop_assert_eq!(&read, &expr, "{}", &printed);
        prop_assert_eq!(format!("{read:#}"), printed);
    }

    #[test]
    fn the_program_gives_what_a_plain_interpreter_gives(expr in any_expr(), event in any_event()) {
        let text = expr.to_string();
        let sql = Sql::compile(&text).unwrap();
        let found = sql.evaluate(&event);
        let (value, errors) = interpreter::interpret(&expr, &event);
        let kinds: Vec<_> = found.errors.iter().map(|error| error.kind.name()).collect();
        let passes = value == interpreter::Plain::Bool(true) && errors.is_empty();
        prop_assert_eq!(interpreter::Plain::of(&found.value), value, "{}", &text);
        prop_assert_eq!(&kinds, &errors, "{}", &text);
        prop_assert_eq!(sql.matches(&event), passes, "{}", &text);
        // What is refused as a filter passes nothing.
        if Sql::compile_filter(&text).is_err_and(|e| matches!(e, SqlError::NotBoolean { .. })) {
            prop_assert!(!passes, "{}", &text);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in r#"[a-z0-9 '"\\()%_<>=!+*/,é-]{0,40}"#) {
        if let Ok(sql) = Sql::compile(&text) {
            let event = Event::builder().id("1").source("/s").ty("t").build().unwrap();
            let _ = sql.evaluate(&event);
        }
    }
}
