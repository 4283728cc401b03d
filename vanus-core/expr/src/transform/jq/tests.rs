//! Expressions, on values written as JSON.

use super::*;
use crate::transform::{read, write};

fn run(expression: &str, data: &str) -> Result<String, String> {
    let jq = Jq::compile(expression).map_err(|mistake| format!("{}: {}", mistake.at, mistake.what))?;
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

#[test]
fn it_works() {
    assert_eq!(run(".a + 1", r#"{"a":1}"#).unwrap(), "2");
}
