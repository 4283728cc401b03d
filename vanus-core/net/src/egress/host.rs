//! How a host may be spelled.
//!
//! Resolvers take more spellings of an address than people do: `2130706433`, `0x7f.1` and
//! `0177.0.0.1` are 127.0.0.1 to many. They are no names either, so they are refused where they
//! are read, and nothing depends on what a resolver makes of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest name of a host, in bytes, as DNS has it.
const MAX_HOST_LEN: usize = 253;

/// A host as it is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// A name to be resolved, in lower case, without a dot at its end.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// Reads the host of a URL: a name, an IPv4 address, or an IPv6 address in brackets.
pub(crate) fn read_host(text: &str) -> Result<Host, &'static str> {
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or("has an open bracket")?;
        let address: Ipv6Addr = inner.parse().map_err(|_| "is no IPv6 address")?;
        return Ok(Host::Address(address.into()));
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() || name.len() > MAX_HOST_LEN {
        return Err("is no host name");
    }
    if !name.is_ascii() {
        return Err("has letters outside ASCII, write it in its xn-- form");
    }
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(good);
    if !name.split('.').all(label) {
        return Err("is no host name");
    }
    // What ends in a number is an address to some resolvers, and none that was read above.
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let numeric = match hex {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => last.bytes().all(|b| b.is_ascii_digit()),
    };
    if numeric {
        return Err("is an address in an unusual form, write it as four decimal numbers");
    }
    Ok(Host::Name(name.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_told_apart() {
        let name = |text: &str| Ok(Host::Name(text.to_owned()));
        assert_eq!(read_host("Example.COM."), name("example.com"));
        assert_eq!(read_host("a_b-c.x1"), name("a_b-c.x1"));
        assert_eq!(read_host("1.2.3.4.nip.io"), name("1.2.3.4.nip.io"));
        assert_eq!(read_host("0xg.com"), name("0xg.com"));
        assert_eq!(
            read_host("127.0.0.1"),
            Ok(Host::Address(Ipv4Addr::LOCALHOST.into()))
        );
        assert_eq!(
            read_host("[::1]"),
            Ok(Host::Address(Ipv6Addr::LOCALHOST.into()))
        );
    }

    #[test]
    fn odd_spellings_are_refused() {
        for odd in [
            "",
            ".",
            "..",
            "a..b",
            "a.b..",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1.",
            "127.0.0.01",
            "1.2.3.4.5",
            "a.0x",
            "[::1",
            "[fe80::1%25lo]",
            "[127.0.0.1]",
            "::1",
            "%31",
            "ⓛocalhost",
            "a b",
            "a@b",
            "a/b",
            "\u{3002}",
        ] {
            assert!(read_host(odd).is_err(), "{odd:?}");
        }
        assert!(read_host(&"a".repeat(64)).is_err());
        assert!(read_host(&"a.".repeat(128)).is_err());
    }
}
