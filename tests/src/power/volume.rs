//! A file as a mounted file system.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use super::disk::Disk;
use crate::harness::Result;

/// Bytes of a disk: the least that xfs takes, and some.
const SIZE: u64 = 320 * 1024 * 1024;

/// The file systems that are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FileSystem {
    /// With its defaults, journal and ordered data.
    Ext4,
    /// With its defaults.
    Xfs,
}

impl FileSystem {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ext4, Self::Xfs];

    /// As it is called everywhere.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }

    /// A disk with an empty file system, made with a file in `folder`.
    ///
    /// # Errors
    /// When the program that makes it is missing or fails.
    pub fn make(self, folder: &Path) -> Result<Disk> {
        let path = folder.join(format!("empty.{}", self.name()));
        fs::File::create(&path)?.set_len(SIZE)?;
        match self {
            Self::Ext4 => run(
                "mkfs.ext4",
                [OsStr::new("-q"), "-F".as_ref(), path.as_ref()],
            )?,
            Self::Xfs => run("mkfs.xfs", [OsStr::new("-q"), "-f".as_ref(), path.as_ref()])?,
        };
        let image: Arc<[u8]> = fs::read(&path)?.into();
        fs::remove_file(&path)?;
        Ok(Disk::new(image))
    }
}

/// A mounted file system on a loop device, unmounted when it is dropped.
#[derive(Debug)]
pub struct Volume {
    device: String,
    folder: PathBuf,
}

impl Volume {
    /// Mounts the file system in `file` at `folder`, an empty folder. The file system repairs
    /// itself from its journal if it has to. Needs the right to mount.
    ///
    /// # Errors
    /// When there is no loop device, or the file system does not mount.
    pub fn mount(kind: FileSystem, file: &Path, folder: &Path) -> Result<Self> {
        let device = run(
            "losetup",
            [OsStr::new("--find"), "--show".as_ref(), file.as_ref()],
        )?;
        let volume = Self {
            device: device.trim().to_owned(),
            folder: folder.to_owned(),
        };
        let (device, kind) = (OsStr::new(&volume.device), OsStr::new(kind.name()));
        run("mount", [OsStr::new("-t"), kind, device, folder.as_ref()])?;
        Ok(volume)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Without power it can not be left in order, so it is left as it is.
        let lazily = [OsStr::new("-l"), self.folder.as_ref()];
        let orderly = [self.folder.as_os_str()];
        if run("umount", orderly).is_err() {
            let _ = run("umount", lazily);
        }
        let _ = run("losetup", [OsStr::new("--detach"), self.device.as_ref()]);
    }
}

fn run<'a>(program: &str, arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<String> {
    let done = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(format!("{program}: {}", said.trim()).into());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
