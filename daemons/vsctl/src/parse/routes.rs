//! Routes of a subscription, and their weights.

use vanus_types::{
    ErrorCode, Fault,
    control::{Percent, RoutesSpec},
};

/// A route and its weight.
pub(crate) type Weight = (String, Percent);

/// Reads routes: an object, or a list of routes alone.
pub(crate) fn routes(text: &str) -> Result<RoutesSpec, Fault> {
    let bad = |error: serde_json::Error| {
        let message = format!("the routes cannot be read: {error}");
        Fault::new(ErrorCode::InvalidArgument, message)
    };
    let routes = if text.trim_start().starts_with('[') {
        RoutesSpec {
            routes: serde_json::from_str(text).map_err(bad)?,
            ..RoutesSpec::default()
        }
    } else {
        serde_json::from_str(text).map_err(bad)?
    };
    routes.check().map_err(|error| Fault::of(&error))?;
    Ok(routes)
}

/// `ROUTE=PERCENT` or `ROUTE@PERCENT%`.
pub(crate) fn weight(text: &str) -> Result<Weight, String> {
    let parts = text.rsplit_once(['=', '@']);
    let (name, percent) = parts.ok_or("ROUTE=PERCENT is expected, such as canary=10")?;
    let percent = percent
        .parse::<Percent>()
        .map_err(|error| error.to_string())?;
    Ok((name.to_owned(), percent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_written_in_two_ways() {
        let ten = ("canary".to_owned(), Percent::from_hundredths(1_000));
        assert_eq!(weight("canary=10"), Ok(ten.clone()));
        assert_eq!(weight("canary@10%"), Ok(ten));
        assert!(weight("canary").is_err() && weight("canary=101").is_err());
    }

    #[test]
    fn routes_are_a_list_or_an_object_and_checked() {
        let list = r#"[{"name": "a", "sink": "http://a/"}]"#;
        let one = routes(list).unwrap();
        assert_eq!(routes(&format!(r#"{{"routes": {list}}}"#)).unwrap(), one);
        let refused = routes(r#"[{"name": "a", "sink": "http://a/", "weight": 5}]"#).unwrap_err();
        assert!(refused.message.contains("must be 100%"), "{refused}");
        assert!(routes("{").is_err());
    }
}
