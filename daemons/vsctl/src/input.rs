//! Files named on the command line, and standard input; bounded.

use std::{
    io::{self, Read as _},
    path::Path,
};

use vanus_storage::fs::{DiskFs, read_file};

use crate::error::CliError;

/// Largest file read, in bytes.
const MAX_INPUT_LEN: u64 = 256 * 1024 * 1024;

/// The bytes of a file; of standard input for `-`.
pub(crate) fn read(path: &str) -> Result<Vec<u8>, CliError> {
    let read = if path == "-" {
        read_stdin()
    } else {
        read_path(Path::new(path))
    };
    read.map_err(|source| CliError::Input {
        path: path.to_owned(),
        source,
    })
}

/// `text` itself, or the text of the file that `@file` names (`@-` is standard input).
pub(crate) fn text_or_file(text: &str) -> Result<String, CliError> {
    let Some(path) = text.strip_prefix('@') else {
        return Ok(text.to_owned());
    };
    String::from_utf8(read(path)?).map_err(|_| CliError::Input {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"),
    })
}

fn read_path(path: &Path) -> io::Result<Vec<u8>> {
    let path = path.canonicalize()?;
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let relative = path.strip_prefix("/").unwrap_or(&path);
    let name = relative.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
    let found = read_file(&DiskFs::open("/")?, name, MAX_INPUT_LEN)?;
    found.ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn read_stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .take(MAX_INPUT_LEN + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT_LEN {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_missing_ones_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.json");
        std::io::Write::write_all(&mut tempfile_at(&path), b"{}").unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(read(path).unwrap(), b"{}");
        assert_eq!(text_or_file(&format!("@{path}")).unwrap(), "{}");
        assert_eq!(text_or_file("plain").unwrap(), "plain");
        let missing = read(&format!("{path}.not")).unwrap_err();
        assert!(missing.to_string().contains("a.json.not"), "{missing}");
        assert!(read(directory.path().to_str().unwrap()).is_err());
    }

    #[expect(clippy::disallowed_methods, reason = "makes the file that is read")]
    fn tempfile_at(path: &Path) -> std::fs::File {
        std::fs::File::create(path).unwrap()
    }
}
