//! From filters as they are written to nodes.

use std::collections::BTreeMap;

use vanus_types::{control::FilterSpec, limits::MAX_ATTRIBUTE_NAME_LEN};

#[cfg(feature = "cel")]
use super::test::DATA_COST;
use super::{
    FilterError,
    compiled::Node,
    test::{Comparison, Subject, Test},
};
use crate::cesql::Sql;

/// Checks and compiles a list of filters.
pub(super) fn compile(filters: &[FilterSpec]) -> Result<Node, FilterError> {
    // Bounds depth and number, so that what follows may recurse.
    FilterSpec::check_all(filters)?;
    let nodes = filters.iter().enumerate();
    let nodes = nodes.map(|(n, filter)| node(filter, &format!("filters[{n}]")));
    Ok(all(nodes.collect::<Result<_, _>>()?))
}

fn node(filter: &FilterSpec, at: &str) -> Result<Node, FilterError> {
    let at = format!("{at}.{}", filter.dialect());
    let list = |filters: &[FilterSpec]| -> Result<Vec<Node>, FilterError> {
        let nodes = filters.iter().enumerate();
        nodes
            .map(|(n, filter)| node(filter, &format!("{at}[{n}]")))
            .collect()
    };
    Ok(match filter {
        FilterSpec::Exact(values) => all(tests(values, Comparison::Exact, &at)?),
        FilterSpec::Prefix(values) => all(tests(values, Comparison::Prefix, &at)?),
        FilterSpec::Suffix(values) => all(tests(values, Comparison::Suffix, &at)?),
        FilterSpec::Not(inner) => match node(inner, &at)? {
            Node::Not(twice) => *twice,
            once => Node::Not(Box::new(once)),
        },
        FilterSpec::All(filters) => all(list(filters)?),
        FilterSpec::Any(filters) => any(list(filters)?),
        FilterSpec::Sql(text) => match Sql::compile_filter(text) {
            Ok(sql) => Node::Sql(Box::new(sql)),
            Err(source) => return Err(FilterError::Sql { at, source }),
        },
        FilterSpec::Cel(text) => cel(text, at)?,
    })
}

#[cfg(feature = "cel")]
fn cel(text: &str, at: String) -> Result<Node, FilterError> {
    match crate::cel::Cel::compile_filter(text) {
        Ok(cel) => Ok(Node::Cel(Box::new(cel))),
        Err(source) => Err(FilterError::Cel { at, source }),
    }
}

#[cfg(not(feature = "cel"))]
fn cel(_: &str, at: String) -> Result<Node, FilterError> {
    Err(FilterError::NoCel { at })
}

fn tests(
    values: &BTreeMap<String, String>,
    comparison: Comparison,
    at: &str,
) -> Result<Vec<Node>, FilterError> {
    let test = |(key, wanted): (&String, &String)| {
        let subject = subject(key, at)?;
        Ok(Node::Test(Test {
            subject,
            comparison,
            wanted: wanted.as_str().into(),
        }))
    };
    values.iter().map(test).collect()
}

/// What a key means.
pub(super) fn subject(key: &str, at: &str) -> Result<Subject, FilterError> {
    if key == "data" {
        return Ok(Subject::Data);
    }
    let path = key
        .strip_prefix("data")
        .filter(|rest| rest.starts_with(['.', '[']));
    if let Some(path) = path {
        let bracketed = path.strip_prefix('.').filter(|rest| rest.starts_with('['));
        return bracketed
            .unwrap_or(path)
            .parse()
            .map(Subject::Json)
            .map_err(|source| FilterError::Path {
                at: at.to_owned(),
                key: key.to_owned(),
                source,
            });
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if key.len() > MAX_ATTRIBUTE_NAME_LEN || !key.bytes().all(allowed) {
        return Err(FilterError::Key {
            at: at.to_owned(),
            key: key.to_owned(),
        });
    }
    Ok(Subject::Attribute(key.into()))
}

fn all(mut nodes: Vec<Node>) -> Node {
    nodes.sort_by_key(cost);
    match <[Node; 1]>::try_from(nodes) {
        Ok([only]) => only,
        Err(nodes) => Node::All(nodes.into()),
    }
}

fn any(mut nodes: Vec<Node>) -> Node {
    nodes.sort_by_key(cost);
    match <[Node; 1]>::try_from(nodes) {
        Ok([only]) => only,
        Err(nodes) => Node::Any(nodes.into()),
    }
}

/// An expression beside a test of an attribute.
const SQL_COST: u32 = 5;
#[cfg(feature = "cel")]
const CEL_COST: u32 = 10;

/// Roughly how much work a node is.
fn cost(node: &Node) -> u32 {
    match node {
        Node::Test(test) => test.cost(),
        Node::Not(inner) => cost(inner),
        Node::Sql(_) => SQL_COST,
        #[cfg(feature = "cel")]
        Node::Cel(cel) if cel.reads_data() => CEL_COST + DATA_COST,
        #[cfg(feature = "cel")]
        Node::Cel(_) => CEL_COST,
        Node::All(inner) | Node::Any(inner) => inner.iter().map(cost).fold(0, u32::saturating_add),
    }
}
