//! What subscriptions may deliver to, as an option.

use std::net::SocketAddr;

use vanus_net::{egress::EgressPolicy, is_loopback};

use super::setting::Setting;

/// What subscriptions may deliver to beyond the public internet: a policy, or nothing for what
/// suits the addresses that the daemon listens on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EgressAllow(pub Option<EgressPolicy>);

impl EgressAllow {
    /// The policy of a daemon that listens on these addresses. Where only this machine can reach
    /// the daemon, whoever creates a subscription can reach this machine anyway.
    #[must_use]
    pub fn policy(&self, listening: &[SocketAddr]) -> EgressPolicy {
        match &self.0 {
            Some(policy) => policy.clone(),
            None if listening.iter().all(|address| is_loopback(address.ip())) => {
                EgressPolicy::loopback()
            }
            None => EgressPolicy::public(),
        }
    }
}

impl Setting for EgressAllow {
    const FORM: &'static str = "auto, none, any, or a list of loopback, private, networks and hosts such as 10.0.0.0/8, \
                                *.svc.local, shop=sink.lan";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self(None)),
            list => list.parse().ok().map(|policy| Self(Some(policy))),
        }
    }

    fn show(&self) -> String {
        let policy = self.0.as_ref();
        policy.map_or_else(|| "auto".to_owned(), ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_policy_the_addresses_listened_on_decide() {
        let auto = EgressAllow::parse("auto").unwrap();
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (inner, outer) = (address("[::1]:1"), address("0.0.0.0:1"));
        assert_eq!(auto.policy(&[inner]), EgressPolicy::loopback());
        assert_eq!(auto.policy(&[inner, outer]), EgressPolicy::public());
        let none = EgressAllow::parse("none").unwrap();
        assert_eq!(none.policy(&[inner]), EgressPolicy::public());
    }

    #[test]
    fn it_is_read_back_from_its_text() {
        for text in ["auto", "none", "any", "loopback, 10.0.0.0/8, shop=*.lan"] {
            assert_eq!(EgressAllow::parse(text).unwrap().show(), text);
        }
        assert_eq!(EgressAllow::parse("10.0.0.1/8"), None);
    }
}
