//! The repository under test: where it is and what is in it.
#![expect(
    clippy::disallowed_methods,
    reason = "reads the sources of the project"
)]

use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap().to_owned()
}

/// Every file of the sources that `wanted` picks by its path from the root, with its text.
pub(crate) fn files(wanted: impl Fn(&Path) -> bool) -> Vec<(PathBuf, String)> {
    let root = root();
    let mut found = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if name.starts_with('.') || ["target", "data", "node_modules"].contains(&&*name) {
                continue;
            }
            let from_root = path.strip_prefix(&root).unwrap();
            if path.is_dir() {
                directories.push(path);
            } else if wanted(from_root) {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((from_root.to_owned(), text));
            }
        }
    }
    found.sort();
    found
}
