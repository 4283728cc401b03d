//! Headers of a subscription whose values are secrets.
//!
//! Credentials have a place of their own, where they are sealed. Headers are for everything else; but
//! what looks like a secret by its name is not shown to whoever asks for the subscription.

use std::collections::BTreeMap;

use super::{invalid::InvalidSpec, secret::SECRET_MASK};

/// What the name of a header contains whose value is hidden.
const SECRET_NAMES: [&str; 11] = [
    "auth",
    "token",
    "secret",
    "passw",
    "cookie",
    "credential",
    "signature",
    "api-key",
    "apikey",
    "access-key",
    "functions-key",
];

/// Headers by their names.
type Headers = BTreeMap<String, String>;

/// Whether the value of a header is hidden.
fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|word| lower.contains(word))
}

fn is_masked(name: &str, value: &str) -> bool {
    value == SECRET_MASK && is_secret(name)
}

/// Hides the values that are secrets.
pub(super) fn mask(headers: &mut Headers) {
    for (_, value) in headers.iter_mut().filter(|(name, _)| is_secret(name)) {
        SECRET_MASK.clone_into(value);
    }
}

/// Puts the values of `old` where only their mask was sent back.
pub(super) fn keep(headers: &mut Headers, old: &Headers) {
    for (name, value) in headers
        .iter_mut()
        .filter(|(name, value)| is_masked(name, value))
    {
        if let Some(old) = old.get(name) {
            value.clone_from(old);
        }
    }
}

/// Refuses a mask in the place of a value.
pub(super) fn refuse_mask(headers: &Headers) -> Result<(), InvalidSpec> {
    match headers.iter().find(|(name, value)| is_masked(name, value)) {
        Some((name, _)) => Err(InvalidSpec::Header {
            name: name.clone(),
            why: "has the mask of its value, which is not shown; give the value itself",
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&str, &str)]) -> Headers {
        of.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_looks_like_a_secret_is_hidden_and_kept() {
        let all = headers(&[
            ("Authorization", "Basic a"),
            ("X-Api-Key", "b"),
            ("x-shop", "lisbon"),
            ("Set-Cookie", "c"),
        ]);
        let mut shown = all.clone();
        mask(&mut shown);
        let expected = [
            ("Authorization", SECRET_MASK),
            ("X-Api-Key", SECRET_MASK),
            ("x-shop", "lisbon"),
            ("Set-Cookie", SECRET_MASK),
        ];
        assert_eq!(shown, headers(&expected));
        assert!(refuse_mask(&shown).is_err());
        keep(&mut shown, &all);
        assert_eq!(shown, all);
        refuse_mask(&shown).unwrap();
    }

    #[test]
    fn a_mask_without_a_value_before_stays_and_is_refused() {
        let mut sent = headers(&[("x-token", SECRET_MASK)]);
        keep(&mut sent, &headers(&[("x-other-token", "a")]));
        let error = refuse_mask(&sent).unwrap_err();
        assert!(error.to_string().contains("x-token"), "{error}");
        // Where nothing is hidden, stars are a value like any other.
        refuse_mask(&headers(&[("x-stars", SECRET_MASK)])).unwrap();
    }
}
