//! The rules of all namespaces, as an operator writes them.

use std::{collections::BTreeMap, fmt, str::FromStr};

use vanus_types::{InvalidName, Name};

use super::{
    guard::Egress,
    rule::{EgressRule, InvalidRule},
};

/// What subscriptions may deliver to beyond the public internet: in every namespace, and in single
/// ones.
///
/// As text a list with commas: `loopback, 10.0.0.0/8, shop=10.1.2.0/24, shop=*.shop.internal`, or
/// `none`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    everywhere: Vec<EgressRule>,
    namespaces: BTreeMap<Name, Vec<EgressRule>>,
}

impl EgressPolicy {
    /// The public internet alone.
    #[must_use]
    pub fn public() -> Self {
        Self::default()
    }

    /// The public internet and this machine, in every namespace.
    #[must_use]
    pub fn loopback() -> Self {
        Self::public().allow(EgressRule::Loopback)
    }

    /// Allows something in every namespace.
    #[must_use]
    pub fn allow(mut self, rule: EgressRule) -> Self {
        self.everywhere.push(rule);
        self
    }

    /// Allows something in one namespace.
    #[must_use]
    pub fn allow_in(mut self, namespace: Name, rule: EgressRule) -> Self {
        self.namespaces.entry(namespace).or_default().push(rule);
        self
    }

    /// What may be connected to for `namespace`.
    #[must_use]
    pub fn of(&self, namespace: &Name) -> Egress {
        let own = self.namespaces.get(namespace).into_iter().flatten();
        Egress::new(self.everywhere.iter().chain(own).cloned())
    }
}

impl FromStr for EgressPolicy {
    type Err = InvalidPolicy;

    fn from_str(text: &str) -> Result<Self, InvalidPolicy> {
        if text == "none" {
            return Ok(Self::public());
        }
        let mut policy = Self::public();
        for item in text.split(',').map(str::trim) {
            policy = match item.split_once('=') {
                None => policy.allow(item.parse()?),
                Some((namespace, rule)) => policy.allow_in(Name::new(namespace)?, rule.parse()?),
            };
        }
        Ok(policy)
    }
}

impl fmt::Display for EgressPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let everywhere = self.everywhere.iter().map(ToString::to_string);
        let of_one = |(name, rules): (&Name, &Vec<EgressRule>)| {
            let rules = rules.iter().map(|rule| format!("{name}={rule}"));
            rules.collect::<Vec<_>>()
        };
        let items: Vec<_> = everywhere
            .chain(self.namespaces.iter().flat_map(of_one))
            .collect();
        if items.is_empty() {
            return f.write_str("none");
        }
        f.write_str(&items.join(", "))
    }
}

/// A text that is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// A rule of it is none.
    #[error(transparent)]
    Rule(#[from] InvalidRule),
    /// A namespace of it cannot be one.
    #[error(transparent)]
    Name(#[from] InvalidName),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_comes_back_from_its_text() {
        for text in [
            "none",
            "any",
            "loopback, private, 10.0.0.0/8, fd00::/8",
            "sink.internal, *.svc.local, shop=10.1.0.0/16, shop=loopback, web=a.b",
        ] {
            assert_eq!(text.parse::<EgressPolicy>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "none, any",
            "10.0.0.1/8",
            "=any",
            "a b=any",
            "http://x/",
            "0x7f.1",
            "*.",
            "*.1",
        ] {
            assert!(bad.parse::<EgressPolicy>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_namespace_has_its_own_rules_beside_those_of_all() {
        let policy: EgressPolicy = "loopback, shop=10.0.0.0/8, shop=*.lan".parse().unwrap();
        let check = |namespace: &str, host: &str, address: &str| {
            let egress = policy.of(&Name::new(namespace).unwrap());
            egress.check(host, address.parse().unwrap()).is_ok()
        };
        assert!(check("shop", "x", "127.0.0.1") && check("web", "x", "127.0.0.1"));
        assert!(check("shop", "x", "10.9.9.9") && !check("web", "x", "10.9.9.9"));
        assert!(check("shop", "a.lan", "192.168.0.1") && !check("shop", "lan", "192.168.0.1"));
        assert!(!check("shop", "evillan", "192.168.0.1"));
        // A name never leads to a metadata service.
        assert!(!check("shop", "a.lan", "169.254.169.254"));
        assert!(check("web", "x", "1.1.1.1"));
    }
}
