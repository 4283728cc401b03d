//! What paths mean, on values written as JSON.

use super::*;
use crate::transform::{read, write};

const TEXT: &str = r#"{"a":{"b c":[1,2,3,4,5],"x":"y"},"l":[{"n":1},{"n":2},{"m":3}],"e":[]}"#;

fn json(value: &Value<'_>) -> String {
    let mut out = String::new();
    write::value(value, &mut out, &Budget::new()).unwrap();
    out
}

fn find(path: &str) -> String {
    let value = read::read(TEXT).unwrap();
    match Path::read(path)
        .unwrap()
        .find(&value, &Budget::new())
        .unwrap()
    {
        Found::Nothing => "nothing".to_owned(),
        Found::One(value) => json(value),
        Found::Many(values) => values.into_iter().map(json).collect::<Vec<_>>().join(" "),
    }
}

#[test]
fn every_kind_of_step_finds_what_it_says() {
    assert_eq!(find(""), TEXT);
    assert_eq!(find(".a.x"), "\"y\"");
    assert_eq!(find("['a'][\"b c\"][0]"), "1");
    assert_eq!(find(".a['b c'][-1]"), "5");
    assert_eq!(find(".a['b c'][1:3]"), "2 3");
    assert_eq!(find(".a['b c'][::2]"), "1 3 5");
    assert_eq!(find(".a['b c'][-2:]"), "4 5");
    assert_eq!(find(".a['b c'][::-2]"), "5 3 1");
    assert_eq!(find(".a['b c'][9:1:-1]"), "5 4 3");
    assert_eq!(find(".l[*].n"), "1 2");
    assert_eq!(find(".l[:].*"), "1 2 3");
    for nothing in [
        ".z",
        ".a.z",
        ".a[0]",
        ".l.n",
        ".e[*]",
        ".e[0]",
        ".l[7].n",
        ".a['b c'][-6]",
    ] {
        assert_eq!(find(nothing), "nothing", "{nothing}");
    }
}

#[test]
fn what_is_no_path_is_refused_with_its_place() {
    for (path, at) in [
        (".", 1),
        ("..a", 1),
        ("[", 1),
        ("[]", 1),
        ("[1", 2),
        ("['a", 3),
        ("[?(@.x)]", 1),
        ("[1:2:0]", 6),
        ("[--1]", 1),
        (".a b", 2),
        ("a", 0),
    ] {
        assert_eq!(Path::read(path).unwrap_err().at, at, "{path}");
    }
    assert!(Path::read(&".a".repeat(65)).is_err());
    assert!(Path::read(&format!(".{}", "a".repeat(2000))).is_err());
}

fn set(path: &str, to: &str) -> Result<String, ActionFault> {
    let mut value = read::read(TEXT).unwrap();
    let set = Path::read(path)
        .unwrap()
        .set(&mut value, read::read(to).unwrap(), &Budget::new());
    if set.is_err() {
        assert_eq!(json(&value), TEXT, "a failed change leaves nothing behind");
    }
    set.map(|()| json(&value))
}

#[test]
fn values_are_set_where_they_are_or_made() {
    assert_eq!(set("", "1").unwrap(), "1");
    assert!(set(".a.x", "9").unwrap().contains(r#""x":9"#));
    assert!(
        set(".n.o.p", "9")
            .unwrap()
            .ends_with(r#""n":{"o":{"p":9}}}"#)
    );
    assert!(set(".e[0]", "9").unwrap().contains(r#""e":[9]"#));
    assert!(set(".q[0].r", "9").unwrap().contains(r#""q":[{"r":9}]"#));
    assert!(set(".l[-1].m", "9").unwrap().contains(r#"{"m":9}"#));
    for wrong in [".e[1]", ".a.x.y", ".a[0]", ".n.o[3].p", ".l.n"] {
        assert!(set(wrong, "9").is_err(), "{wrong}");
    }
    let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
    assert!(set("", &deep).is_ok());
    assert!(set(".a.x", &deep).is_err());
}

#[test]
fn of_several_members_of_one_name_none_is_left_behind() {
    let mut value = read::read(r#"{"a":1,"b":2,"a":3}"#).unwrap();
    let path = Path::read(".a").unwrap();
    let budget = Budget::new();
    assert!(matches!(path.find(&value, &budget), Ok(Found::One(one)) if json(one) == "3"));
    path.set(&mut value, Value::Null, &budget).unwrap();
    assert_eq!(json(&value), r#"{"a":null,"b":2}"#);
    let mut value = read::read(r#"{"a":1,"b":2,"a":3}"#).unwrap();
    assert!(path.delete(&mut value, &budget).unwrap());
    assert_eq!(json(&value), r#"{"b":2}"#);
}

#[test]
fn every_place_of_a_path_is_deleted() {
    let delete = |path: &str| {
        let mut value = read::read(TEXT).unwrap();
        let path = Path::read(path).unwrap();
        let deleted = path.delete(&mut value, &Budget::new()).unwrap();
        (deleted, json(&value))
    };
    assert!(delete(".l[*].n").1.contains(r#""l":[{},{},{"m":3}]"#));
    assert!(delete(".a['b c'][1:4]").1.contains(r#"[1,5]"#));
    assert!(delete(".a.*").1.contains(r#""a":{}"#));
    assert_eq!(delete(".z"), (false, TEXT.to_owned()));
    assert_eq!(delete(""), (true, "{}".to_owned()));
}
