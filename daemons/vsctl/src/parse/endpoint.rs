//! Addresses of servers.

/// Reads `host:port`; an IPv6 address has brackets.
pub(crate) fn endpoint(text: &str) -> Result<String, String> {
    let address = text.trim();
    let bad = || format!("\"{address}\" is no address, write host:port such as 127.0.0.1:8080");
    let (host, port) = address.rsplit_once(':').ok_or_else(bad)?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.is_empty() || (host.contains(':') && !bracketed) || host.contains('/') {
        return Err(bad());
    }
    match port.parse::<u16>() {
        Ok(1..) => Ok(address.to_owned()),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for good in ["127.0.0.1:8080", "[::1]:8080", "vanus.example.com:1"] {
            assert_eq!(endpoint(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "localhost",
            ":8080",
            "a:0",
            "a:99999",
            "::1:8080",
            "http://a:1",
        ] {
            assert!(endpoint(bad).is_err(), "{bad:?}");
        }
    }
}
