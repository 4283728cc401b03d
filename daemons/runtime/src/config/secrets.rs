//! The key that secrets are sealed with, as an option.

use std::path::PathBuf;

use super::{error::ConfigError, setting::Setting};

/// Most bytes of a key file that are looked at: a key in hexadecimal is 64.
const MAX_KEY_FILE: u64 = 256;

/// The file that holds the key, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyFile(pub Option<PathBuf>);

/// A key that was read. It is not printed.
pub struct ReadKey {
    /// The key.
    pub key: [u8; 32],
    /// What should be said about its file.
    pub warning: Option<String>,
}

impl KeyFile {
    /// Reads the key: 32 bytes, as 64 hexadecimal digits. Nothing if there is no file.
    ///
    /// # Errors
    /// [`ConfigError::KeyFile`] never shows what is in the file.
    pub fn read(&self) -> Result<Option<ReadKey>, ConfigError> {
        let Some(path) = &self.0 else {
            return Ok(None);
        };
        let bad = |detail: String| ConfigError::KeyFile {
            path: path.display().to_string(),
            detail,
        };
        let (text, open_to_others) = read_small(path).map_err(|error| bad(error.to_string()))?;
        let key = parse_key(text.trim());
        let key = key.ok_or_else(|| bad("it must hold 64 hexadecimal digits".to_owned()))?;
        let warning = open_to_others.then(|| {
            let path = path.display();
            format!("others than its owner may read the key file {path}; chmod 600 it")
        });
        Ok(Some(ReadKey { key, warning }))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "configuration files are read here"
)]
fn read_small(path: &std::path::Path) -> std::io::Result<(String, bool)> {
    use std::{io::Read as _, os::unix::fs::PermissionsExt as _};
    let file = std::fs::File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    let mut text = String::new();
    file.take(MAX_KEY_FILE).read_to_string(&mut text)?;
    Ok((text, mode & 0o077 != 0))
}

fn parse_key(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(key)
}

impl Setting for KeyFile {
    const FORM: &'static str = "none, or a path";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "" => None,
            "none" => Some(Self(None)),
            path => Some(Self(Some(path.into()))),
        }
    }

    fn show(&self) -> String {
        let path = self.0.as_ref();
        path.map_or_else(|| "none".to_owned(), |path| path.display().to_string())
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make files")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_read_from_its_file_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let read = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            KeyFile(Some(path.clone())).read()
        };
        let hex = "00ff".repeat(16);
        let ReadKey { key, warning } = read(&format!("{hex}\n"), 0o600).unwrap().unwrap();
        assert_eq!((key[0], key[1], key[31]), (0, 255, 255));
        assert_eq!(warning, None);
        assert!(read(&hex, 0o644).unwrap().unwrap().warning.is_some());
        for bad in ["", "00ff", &"zz".repeat(32), &"00".repeat(200)] {
            let error = read(bad, 0o600).err().unwrap().to_string();
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
        let missing = KeyFile(Some(folder.path().join("not")));
        assert!(missing.read().is_err());
        assert!(KeyFile(None).read().unwrap().is_none());
    }

    #[test]
    fn it_is_read_back_from_its_text() {
        for text in ["none", "/etc/vanus/key"] {
            assert_eq!(KeyFile::parse(text).unwrap().show(), text);
        }
    }
}
