//! What kind of address an address is.
//!
//! The blocks are those of the special-purpose registries of IANA (RFC 6890 and its updates). An
//! IPv4 address inside an IPv6 one is looked at as well: mapped (RFC 4291), translated (RFC 2765),
//! behind NAT64 (RFC 6052), 6to4 (RFC 3056) and ISATAP (RFC 5214).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Why an address is not simply one of the public internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// This machine.
    Loopback,
    /// A private network: RFC 1918, unique local and site-local addresses.
    Private,
    /// Shared between a carrier and its customers: 100.64.0.0/10.
    Shared,
    /// Only valid on one link.
    LinkLocal,
    /// A metadata service of a cloud, which hands out credentials.
    Metadata,
    /// Many receivers at once.
    Multicast,
    /// No address: systems take it for this machine.
    Unspecified,
    /// Set aside for documentation.
    Documentation,
    /// Set aside for other uses, or not given out.
    Reserved,
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "a loopback address",
            Self::Private => "an address of a private network",
            Self::Shared => "an address shared by a carrier",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "an address of a metadata service",
            Self::Multicast => "a multicast address",
            Self::Unspecified => "an unspecified address",
            Self::Documentation => "an address for documentation",
            Self::Reserved => "a reserved address",
        })
    }
}

impl AddressKind {
    /// The kind of `address`; nothing if it is one of the public internet.
    #[must_use]
    pub fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

/// Addresses at which clouds hand out credentials, some of them in the middle of public blocks.
const METADATA_V4: [[u8; 4]; 7] = [
    [169, 254, 169, 254],
    [169, 254, 169, 253],
    [169, 254, 169, 123],
    [169, 254, 170, 2],
    [169, 254, 170, 23],
    [100, 100, 100, 200],
    [168, 63, 129, 16],
];

const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0023),
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
];

fn of_v4(address: Ipv4Addr) -> Option<AddressKind> {
    use AddressKind as Kind;
    let octets = address.octets();
    if METADATA_V4.contains(&octets) || octets == [192, 0, 0, 192] {
        return Some(Kind::Metadata);
    }
    Some(match octets {
        [0, ..] => Kind::Unspecified,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Kind::Private,
        [100, 64..=127, ..] => Kind::Shared,
        [127, ..] => Kind::Loopback,
        [169, 254, ..] => Kind::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Kind::Documentation,
        // Protocol assignments, the former relays of 6to4, benchmarks, and what was never given out.
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18 | 19, ..] | [240..=255, ..] => Kind::Reserved,
        [224..=239, ..] => Kind::Multicast,
        _ => return None,
    })
}

fn of_v6(address: Ipv6Addr) -> Option<AddressKind> {
    use AddressKind as Kind;
    if METADATA_V6.contains(&address) {
        return Some(Kind::Metadata);
    }
    let segments = address.segments();
    let tail = |segments: [u16; 8]| {
        let [.., high, low] = segments;
        v4_of(high, low)
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Kind::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Kind::Loopback),
        // Mapped, translated, NAT64.
        [0, 0, 0, 0, 0, 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..] => of_v4(tail(segments)),
        // The compatible form is long withdrawn: nothing public is there.
        [0, 0, 0, 0, 0, 0, ..] => of_v4(tail(segments)).or(Some(Kind::Reserved)),
        [0x2002, high, low, ..] => of_v4(v4_of(high, low)).or_else(|| of_isatap(segments)),
        [0xff00..=0xffff, ..] => Some(Kind::Multicast),
        [0xfe80..=0xfebf, ..] => Some(Kind::LinkLocal),
        [0xfec0..=0xfeff | 0xfc00..=0xfdff, ..] => Some(Kind::Private),
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Some(Kind::Documentation),
        // Protocol assignments: Teredo, benchmarks, ORCHID.
        [0x2001, 0..=0x01ff, ..] => Some(Kind::Reserved),
        [0x2000..=0x3fff, ..] => of_isatap(segments),
        _ => Some(Kind::Reserved),
    }
}

/// ISATAP puts an IPv4 address at the end of any prefix, after 0000:5efe or 0200:5efe.
fn of_isatap(segments: [u16; 8]) -> Option<AddressKind> {
    match segments {
        [_, _, _, _, 0 | 0x0200, 0x5efe, high, low] => of_v4(v4_of(high, low)),
        _ => None,
    }
}

fn v4_of(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<AddressKind> {
        AddressKind::of(text.parse().unwrap())
    }

    #[test]
    fn the_public_internet_is_of_no_kind() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert_eq!(kind(public), None, "{public}");
        }
    }

    #[test]
    fn a_wrapped_address_is_what_it_wraps() {
        for (wrapped, expected) in [
            ("::ffff:127.0.0.1", AddressKind::Loopback),
            ("::127.0.0.1", AddressKind::Loopback),
            ("::8.8.8.8", AddressKind::Reserved),
            ("::ffff:0:10.0.0.1", AddressKind::Private),
            ("64:ff9b::169.254.169.254", AddressKind::Metadata),
            ("64:ff9b:1::1", AddressKind::Reserved),
            ("2002:7f00:1::", AddressKind::Loopback),
            ("2002:a00:1::5", AddressKind::Private),
            ("2a00::5efe:192.168.0.1", AddressKind::Private),
            ("2a00::200:5efe:127.0.0.1", AddressKind::Loopback),
        ] {
            assert_eq!(kind(wrapped), Some(expected), "{wrapped}");
        }
    }
}
