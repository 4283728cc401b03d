//! A URL, taken apart once.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderValue, Uri, uri::Scheme};

use super::HttpError;
use crate::egress::{Egress, Host, read_host};

/// Where requests go. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpTarget {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    origin: Origin,
    whole: Uri,
    path: Uri,
    host_header: HeaderValue,
}

/// What connections are shared by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) tls: bool,
    /// Whether only HTTP/2 is spoken, without asking.
    pub(super) http2: bool,
    /// In lower case, without brackets and without a dot at its end.
    pub(super) host: Arc<str>,
    /// The host, if it is an address.
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl HttpTarget {
    /// Takes `url` apart: `http://` or `https://`, a host, and whatever follows.
    ///
    /// # Errors
    /// [`HttpError::Url`].
    pub fn parse(url: &str) -> Result<Self, HttpError> {
        let bad = |detail: &str| HttpError::Url {
            url: url.to_owned(),
            detail: detail.to_owned(),
        };
        let whole: Uri = url.parse().map_err(|_| bad("it is no URL"))?;
        let tls = match whole.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(bad("it must start with http:// or https://")),
        };
        let authority = whole.authority().ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("it must not carry a user name or password"));
        }
        if authority.host().is_empty() {
            return Err(bad("it names no host"));
        }
        let (host, address) = match read_host(authority.host()) {
            Ok(Host::Name(name)) => (name, None),
            Ok(Host::Address(address)) => (address.to_string(), Some(address)),
            Err(why) => return Err(bad(&format!("its host {why}"))),
        };
        let named_port = authority
            .as_str()
            .strip_prefix(authority.host())
            .unwrap_or_default();
        let port = match authority.port_u16() {
            // A sign before it would be read over.
            Some(port) if !named_port.contains('+') => port,
            Some(_) => return Err(bad("its port is no port")),
            None if !named_port.is_empty() => return Err(bad("its port is no port")),
            None if tls => 443,
            None => 80,
        };
        let host_header =
            HeaderValue::from_str(authority.as_str()).map_err(|_| bad("its host is no host"))?;
        let path = whole.path_and_query().map_or("/", |path| path.as_str());
        let path = path.parse().map_err(|_| bad("its path is no path"))?;
        let origin = Origin {
            tls,
            http2: false,
            host: host.into(),
            address,
            port,
        };
        Ok(Self {
            parts: Arc::new(Parts {
                origin,
                whole,
                path,
                host_header,
            }),
        })
    }

    /// The same target, to which only HTTP/2 is spoken: without TLS from the first byte on, with TLS
    /// or not at all.
    #[must_use]
    pub fn http2_only(&self) -> Self {
        let parts = &self.parts;
        let origin = Origin {
            http2: true,
            ..parts.origin.clone()
        };
        Self {
            parts: Arc::new(Parts {
                origin,
                whole: parts.whole.clone(),
                path: parts.path.clone(),
                host_header: parts.host_header.clone(),
            }),
        }
    }

    /// Checks what can be checked without resolving: the host, if it is an address.
    ///
    /// # Errors
    /// [`HttpError::Refused`].
    pub fn check(&self, egress: &Egress) -> Result<(), HttpError> {
        let origin = self.origin();
        let Some(address) = origin.address else {
            return Ok(());
        };
        egress
            .check(&origin.host, address)
            .map_err(|refused| HttpError::Refused {
                host: self.host(),
                refused,
            })
    }

    /// Host and port, for people.
    #[must_use]
    pub fn host(&self) -> String {
        self.parts.origin.to_string()
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.parts.origin
    }

    /// The whole URL, as HTTP/2 wants it.
    pub(super) fn whole(&self) -> &Uri {
        &self.parts.whole
    }

    /// Path and query, as HTTP/1.1 wants them.
    pub(super) fn path(&self) -> &Uri {
        &self.parts.path
    }

    /// The value of the header `Host`.
    #[must_use]
    pub fn host_header(&self) -> &HeaderValue {
        &self.parts.host_header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let target = HttpTarget::parse("https://example.com/a/b?c=d").unwrap();
        assert_eq!(target.host(), "example.com:443");
        assert_eq!(target.path().to_string(), "/a/b?c=d");
        let target = HttpTarget::parse("http://[::1]:8080").unwrap();
        assert_eq!(
            (target.host(), target.path().to_string()),
            ("::1:8080".into(), "/".into())
        );
        assert_eq!(target.host_header(), "[::1]:8080");
    }

    #[test]
    fn what_cannot_be_requested_is_refused() {
        for bad in [
            "",
            "example.com",
            "ftp://a/",
            "http://",
            "http://u:p@a/",
            "http://a:99999/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://[fe80::1%25lo]/",
            "http://a..b/",
        ] {
            assert!(HttpTarget::parse(bad).is_err(), "{bad:?}");
        }
    }
}
