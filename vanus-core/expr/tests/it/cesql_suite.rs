//! The cases of the CESQL technology compatibility kit.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use vanus_expr::cesql::{Sql, Value};
use vanus_types::{AttributeValue, Event};

#[derive(Debug, Default)]
struct Case {
    name: String,
    expression: String,
    result: Option<Scalar>,
    error: Option<String>,
    event: Vec<(String, Scalar)>,
}

/// A YAML scalar: its characters, and whether it stood in quotes.
#[derive(Debug, Clone)]
struct Scalar {
    text: String,
    quoted: bool,
}

impl Scalar {
    fn read(written: &str) -> Self {
        let inner = |quote| written.strip_prefix(quote)?.strip_suffix(quote);
        let (text, quoted) = match (inner('\''), inner('"')) {
            (Some(text), _) => (text.replace("''", "'"), true),
            (_, Some(text)) => (text.replace("\\\"", "\"").replace("\\\\", "\\"), true),
            _ => (written.to_owned(), false),
        };
        Self { text, quoted }
    }

    fn attribute(&self) -> AttributeValue {
        match (self.quoted, self.text.as_str(), self.text.parse()) {
            (false, "true", _) => AttributeValue::Boolean(true),
            (false, "false", _) => AttributeValue::Boolean(false),
            (false, _, Ok(number)) => AttributeValue::Integer(number),
            _ => AttributeValue::String(self.text.clone()),
        }
    }

    fn value(&self) -> Value<'static> {
        match self.attribute() {
            AttributeValue::Boolean(value) => Value::Boolean(value),
            AttributeValue::Integer(value) => Value::Integer(value),
            _ => Value::String(self.text.clone().into()),
        }
    }
}

/// The cases of one file, whose YAML is plain: a list of maps with scalars and maps of scalars.
fn read(file: &str, text: &str, cases: &mut Vec<Case>) {
    let mut in_event = false;
    for line in text.lines().skip_while(|line| *line != "tests:").skip(1) {
        let begins = line.starts_with("- ");
        if begins {
            cases.push(Case::default());
        }
        let Some(case) = cases.last_mut() else {
            panic!("{file}: {line}")
        };
        let (key, value) = line
            .split_once(':')
            .unwrap_or_else(|| panic!("{file}: {line}"));
        let value = Scalar::read(value.trim());
        if line.starts_with("    ") {
            assert!(in_event, "{file}: {line}");
            case.event.push((key.trim().to_owned(), value));
            continue;
        }
        let key = key.trim_start_matches("- ").trim();
        in_event = matches!(key, "event" | "eventOverrides");
        match key {
            "name" => case.name = format!("{file}: {}", value.text),
            "expression" => case.expression = value.text,
            "result" => case.result = Some(value),
            "error" => case.error = Some(value.text),
            _ => assert!(in_event, "{file}: {line}"),
        }
    }
}

/// The cases, or nothing where the suites are not there.
fn cases() -> Option<Vec<Case>> {
    let suites = std::env::var_os("VANUS_SUITES").map(PathBuf::from);
    let suites = suites
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites"));
    let folder = suites.join("cesql");
    let Ok(listed) = fs::read_dir(&folder) else {
        let mut err = std::io::stderr();
        // Written past the capture of the test harness: nobody shall take this for a pass.
        let _ = writeln!(
            err,
            "SKIPPED: no suite at {}, set VANUS_SUITES",
            folder.display()
        );
        return None;
    };
    let mut cases = Vec::new();
    for path in listed.map(|entry| entry.unwrap().path()) {
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let text = fs::read_to_string(&path).unwrap();
            read(&path.display().to_string(), &text, &mut cases);
        }
    }
    Some(cases)
}

#[test]
fn all_cases_of_the_cesql_suite_hold() {
    let Some(cases) = cases() else { return };
    assert!(cases.len() >= 131, "only {} cases", cases.len());
    let failures: Vec<String> = cases.iter().filter_map(|case| judge(case).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    println!("cesql suite: {} cases", cases.len());
}

fn judge(case: &Case) -> Result<(), String> {
    let wrong = |found: &dyn std::fmt::Debug| format!("{case:?} gives {found:?}");
    let sql = match (Sql::compile(&case.expression), case.error.as_deref()) {
        (Err(_), Some("parse")) => return Ok(()),
        (Ok(sql), Some("parse")) => return Err(wrong(&sql)),
        (Err(error), _) => return Err(wrong(&error)),
        (Ok(sql), _) => sql,
    };
    let event = event(case);
    let found = sql.evaluate(&event);
    let kinds: Vec<&str> = found.errors.iter().map(|error| error.kind.name()).collect();
    let errors = match &case.error {
        None => kinds.is_empty(),
        Some(kind) => kinds.contains(&kind.as_str()),
    };
    let value = case
        .result
        .as_ref()
        .is_none_or(|result| result.value() == found.value);
    let passes = found.value == Value::Boolean(true) && kinds.is_empty();
    if errors && value && sql.matches(&event) == passes {
        Ok(())
    } else {
        Err(wrong(&found))
    }
}

/// A small event with what the case says.
fn event(case: &Case) -> Event {
    let mut event = Event::builder().id("id").source("/source").ty("type");
    for (name, value) in &case.event {
        event = match name.as_str() {
            "id" => event.id(&value.text),
            "source" => event.source(&value.text),
            "type" => event.ty(&value.text),
            "subject" => event.subject(&value.text),
            "time" => event.time(&value.text),
            "specversion" => event,
            name => event.extension(name, value.attribute()),
        };
    }
    event.build().unwrap()
}
