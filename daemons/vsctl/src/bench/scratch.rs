//! What a measurement makes for the time being and takes away afterwards.

use std::io;

use vanus_client::Admin;
use vanus_storage::fs::Fs;
use vanus_types::{
    Entropy, Name,
    control::{DEFAULT_NAMESPACE, EventbusSpec},
};

use crate::{context::Context, error::CliError, eventbus};

/// An eventbus of its own.
#[derive(Debug)]
pub(super) struct ScratchBus {
    pub(super) namespace: Name,
    pub(super) name: Name,
    admin: Admin,
}

impl ScratchBus {
    async fn make(context: &Context, eventlogs: u16) -> Result<Self, CliError> {
        let admin = context.admin().await?;
        let namespace = name(DEFAULT_NAMESPACE)?;
        let spec = EventbusSpec {
            eventlogs,
            description: "made by vsctl bench, which deletes it".to_owned(),
            ..EventbusSpec::new(name(&unique(context.entropy()))?)
        };
        let record = admin.create_eventbus(namespace, spec).await?.record;
        Ok(Self {
            namespace: record.namespace,
            name: record.name,
            admin,
        })
    }

    async fn delete(&self) -> Result<(), CliError> {
        let key = eventbus::key(&self.namespace, &self.name);
        Ok(self.admin.delete_eventbus(key).await?)
    }
}

/// Measures with an eventbus that is made before and deleted after, whatever happens in between.
pub(super) async fn with_bus<T>(
    context: &Context,
    eventlogs: u16,
    measure: impl AsyncFnOnce(&ScratchBus) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let bus = ScratchBus::make(context, eventlogs).await?;
    let measured = measure(&bus).await;
    let deleted = bus.delete().await;
    if let Err(error) = &deleted {
        let sentence = format!("Eventbus \"{}\" could not be deleted: {error}", bus.name);
        context.output().note(&sentence);
    }
    let measured = measured?;
    deleted.map(|()| measured)
}

/// A name nobody else has.
pub(super) fn unique(entropy: &dyn Entropy) -> String {
    format!("vsctl-bench-{:016x}", entropy.next_u64())
}

fn name(text: &str) -> Result<Name, CliError> {
    Name::new(text).map_err(|error| CliError::invalid(&error))
}

/// Removes a folder with everything in it.
pub(super) fn remove_tree(fs: &dyn Fs, path: &str) -> io::Result<()> {
    for entry in fs.list_dir(path)? {
        let inner = format!("{path}/{}", entry.name);
        if entry.is_dir {
            remove_tree(fs, &inner)?
        } else {
            fs.remove(&inner)?
        }
    }
    fs.remove_dir(path)
}

#[cfg(test)]
mod tests {
    use vanus_storage::fs::{MemoryFs, OpenMode};

    use super::*;

    #[test]
    fn a_tree_is_removed_and_its_neighbours_stay() {
        let fs = MemoryFs::new();
        fs.create_dir_all("a/b").unwrap();
        fs.create_dir_all("c").unwrap();
        for path in ["a/1", "a/b/2", "c/3"] {
            fs.open(path, OpenMode::CreateNew).unwrap();
        }
        remove_tree(&fs, "a").unwrap();
        assert!(!fs.exists("a").unwrap() && fs.exists("c/3").unwrap());
    }
}
