//! The digest of an event, by which a history tells an altered event.

use std::collections::BTreeMap;

/// The attributes and data of an event, whichever way it was seen.
///
/// What Vanus adds on its way (extensions that start with `xvanus`) does not count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digest {
    attributes: BTreeMap<String, String>,
    data: Vec<u8>,
}

impl Digest {
    /// An event of these data and no attributes yet.
    #[must_use]
    pub fn of_data(data: impl Into<Vec<u8>>) -> Self {
        Self {
            attributes: BTreeMap::new(),
            data: data.into(),
        }
    }

    /// Adds an attribute in its canonical text form.
    pub fn attribute(&mut self, name: &str, value: &str) {
        if !name.starts_with("xvanus") {
            self.attributes.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Sixteen hexadecimal digits: FNV-1a over names, values and data, each with its length.
    #[must_use]
    pub fn text(&self) -> String {
        let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
        for (name, value) in &self.attributes {
            hash.field(name.as_bytes());
            hash.field(value.as_bytes());
        }
        hash.field(&self.data);
        format!("{:016x}", hash.0)
    }
}

struct Fnv(u64);

impl Fnv {
    fn field(&mut self, bytes: &[u8]) {
        self.bytes(&(bytes.len() as u64).to_le_bytes());
        self.bytes(bytes);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(attributes: &[(&str, &str)], data: &str) -> String {
        let mut digest = Digest::of_data(data);
        for (name, value) in attributes {
            digest.attribute(name, value);
        }
        digest.text()
    }

    #[test]
    fn order_and_what_vanus_adds_do_not_count() {
        let plain = digest(&[("id", "1"), ("type", "t")], "x");
        let added = digest(&[("type", "t"), ("xvanusstime", "now"), ("id", "1")], "x");
        assert_eq!(plain, added);
    }

    #[test]
    fn every_change_counts() {
        let plain = digest(&[("id", "1"), ("type", "t")], "x");
        assert_ne!(plain, digest(&[("id", "1"), ("type", "t")], "y"));
        assert_ne!(plain, digest(&[("id", "2"), ("type", "t")], "x"));
        assert_ne!(plain, digest(&[("id", "1")], "x"));
        assert_ne!(digest(&[("a", "bc")], ""), digest(&[("ab", "c")], ""));
    }
}
