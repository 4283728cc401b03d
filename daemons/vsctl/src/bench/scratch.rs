//! What a measurement makes for the time being and takes away afterwards.

use std::io;

use vanus_client::Admin;
use vanus_storage::fs::Fs;
use vanus_types::{
    Entropy, Name,
    control::{DEFAULT_NAMESPACE, EventbusSpec},
    limits::{MAX_EVENTBUSES, MAX_EVENTLOGS},
};

use crate::{context::Context, error::CliError, eventbus};

/// Most eventlogs of one measurement, of all its eventbuses together.
pub(super) const MOST_EVENTLOGS: u32 = MAX_EVENTBUSES as u32;

/// An eventbus of its own.
#[derive(Debug)]
pub(super) struct ScratchBus {
    pub(super) namespace: Name,
    pub(super) name: Name,
    pub(super) eventlogs: usize,
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
            eventlogs: record.eventlogs.len(),
            admin,
        })
    }

    /// An eventbus that is there already.
    async fn find(context: &Context, eventbus: &Name) -> Result<Self, CliError> {
        let (admin, namespace) = (context.admin().await?, name(DEFAULT_NAMESPACE)?);
        let key = eventbus::key(&namespace, eventbus);
        let record = admin.get_eventbus(key, false).await?.record;
        Ok(Self {
            namespace: record.namespace,
            name: record.name,
            eventlogs: record.eventlogs.len(),
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
    let deleted = delete_all(context, &[bus]).await;
    let measured = measured?;
    deleted.map(|()| measured)
}

/// The same with as many eventbuses as so many eventlogs take.
pub(super) async fn with_buses<T>(
    context: &Context,
    eventlogs: u32,
    measure: impl AsyncFnOnce(&[ScratchBus]) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let (mut buses, mut made) = (Vec::new(), Ok(()));
    for own in spread(eventlogs) {
        match ScratchBus::make(context, own).await {
            Ok(bus) => buses.push(bus),
            Err(error) => {
                made = Err(error);
                break;
            }
        }
    }
    let measured = match made {
        Ok(()) => measure(&buses).await,
        Err(error) => Err(error),
    };
    let deleted = delete_all(context, &buses).await;
    let measured = measured?;
    deleted.map(|()| measured)
}

/// Measures with an eventbus of the user, which stays.
pub(super) async fn with_bus_of_user<T>(
    context: &Context,
    eventbus: &Name,
    measure: impl AsyncFnOnce(&[ScratchBus]) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let bus = ScratchBus::find(context, eventbus).await?;
    measure(&[bus]).await
}

/// Deletes all of them; answers the first error.
async fn delete_all(context: &Context, buses: &[ScratchBus]) -> Result<(), CliError> {
    let mut deleted = Ok(());
    for bus in buses {
        if let Err(error) = bus.delete().await {
            let sentence = format!("Eventbus \"{}\" could not be deleted: {error}", bus.name);
            context.output().note(&sentence);
            deleted = deleted.and(Err(error));
        }
    }
    deleted
}

/// How many eventlogs each eventbus has, so that all have as many as asked for, and nearly the
/// same number.
pub(super) fn spread(eventlogs: u32) -> Vec<u16> {
    let most = u32::from(MAX_EVENTLOGS);
    let buses = eventlogs.div_ceil(most).max(1);
    let (each, over) = (eventlogs / buses, eventlogs % buses);
    (0..buses)
        .map(|bus| u16::try_from(each + u32::from(bus < over)).unwrap_or(MAX_EVENTLOGS))
        .collect()
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
    fn eventlogs_are_spread_evenly_over_as_few_eventbuses_as_hold_them() {
        assert_eq!(spread(1), [1]);
        assert_eq!(spread(64), [64]);
        assert_eq!(spread(65), [33, 32]);
        let many = spread(1_000);
        assert_eq!(many.len(), 16);
        assert_eq!(many.iter().copied().map(u32::from).sum::<u32>(), 1_000);
        assert!(many.iter().all(|own| (62..=63).contains(own)));
    }

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
