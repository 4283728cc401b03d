//! `--ordering`, `--key-limit`.

use vanus_types::control::{DeliveryOrder, KeyLimit};

/// `none`, `strict`, or `key=NAME`.
pub(crate) fn ordering(text: &str) -> Result<DeliveryOrder, String> {
    match (text, text.split_once('=')) {
        ("none", _) => Ok(DeliveryOrder::None),
        ("strict", _) => Ok(DeliveryOrder::Strict),
        (_, Some(("key", name))) if !name.is_empty() => Ok(DeliveryOrder::Key(name.to_owned())),
        _ => Err("none, strict or key=NAME is expected, such as key=subject".to_owned()),
    }
}

/// `NAME=NUMBER`; `0` alone is no limit.
pub(crate) fn key_limit(text: &str) -> Result<KeyLimit, String> {
    let limit = |key: &str, in_flight: &str| {
        let (key, in_flight) = (key.to_owned(), in_flight.parse().ok()?);
        Some(KeyLimit { key, in_flight })
    };
    let parsed = match text.rsplit_once('=') {
        Some((key, number)) if !key.is_empty() => limit(key, number),
        None if text == "0" => limit("", "0"),
        _ => None,
    };
    parsed.ok_or_else(|| "NAME=NUMBER is expected, such as subject=2".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_word_or_a_key() {
        assert_eq!(ordering("strict"), Ok(DeliveryOrder::Strict));
        assert_eq!(
            ordering("key=data.id"),
            Ok(DeliveryOrder::Key("data.id".into()))
        );
        assert!(ordering("key=").is_err() && ordering("some").is_err());
    }

    #[test]
    fn a_limit_has_a_name_and_a_number() {
        let limit = KeyLimit {
            key: "subject".into(),
            in_flight: 2,
        };
        assert_eq!(key_limit("subject=2"), Ok(limit));
        assert_eq!(key_limit("0").map(|limit| limit.in_flight), Ok(0));
        assert!(key_limit("subject").is_err() && key_limit("=2").is_err());
    }
}
