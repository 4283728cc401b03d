//! Namespaces: created, listed, deleted when empty.

use std::sync::Arc;

use vanus_storage::meta::MetaBatch;
use vanus_types::{
    Name, NamespaceId,
    control::{DEFAULT_NAMESPACE, NamespaceRecord, NamespaceSpec, SYSTEM_NAMESPACE},
    limits::MAX_NAMESPACES,
};

use super::{control::Control, error::ControlError, tables};

impl Control {
    /// Creates a namespace.
    pub(crate) async fn create_namespace(
        &self,
        spec: NamespaceSpec,
    ) -> Result<NamespaceRecord, ControlError> {
        spec.check()?;
        if spec.name.is_system() {
            let (what, action) = ("namespace", "created");
            return Err(ControlError::SystemOwned {
                what,
                name: spec.name,
                action,
            });
        }
        let _turn = self.change().await?;
        self.look(|catalog| {
            if catalog.namespace(&spec.name).is_some() {
                return Err(ControlError::NamespaceExists(spec.name.clone()));
            }
            if catalog.namespaces().len() >= MAX_NAMESPACES {
                return Err(ControlError::TooMany {
                    what: "namespaces",
                    limit: MAX_NAMESPACES,
                });
            }
            match spec.id {
                Some(id) if catalog.namespace_by_id(id).is_some() => Err(ControlError::IdTaken {
                    kind: "namespace",
                    id: id.get(),
                }),
                _ => Ok(()),
            }
        })?;
        let now_ms = self.clock.now_ms();
        let record = NamespaceRecord {
            id: spec
                .id
                .unwrap_or_else(|| NamespaceId::from_u64(self.next_id())),
            name: spec.name,
            description: spec.description,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        self.commit(tables::put(MetaBatch::new(), &record)).await?;
        self.catalog.write().put_namespace(record.clone());
        Ok(record)
    }

    /// The namespace of this name.
    pub(crate) fn namespace(&self, name: &Name) -> Result<Arc<NamespaceRecord>, ControlError> {
        let found = self.look(|catalog| catalog.namespace(name));
        found.ok_or_else(|| ControlError::NamespaceNotFound(name.clone()))
    }

    /// Deletes a namespace that has no eventbuses.
    pub(crate) async fn delete_namespace(&self, name: &Name) -> Result<(), ControlError> {
        if [DEFAULT_NAMESPACE, SYSTEM_NAMESPACE].contains(&name.as_str()) {
            let (what, action) = ("namespace", "deleted");
            return Err(ControlError::SystemOwned {
                what,
                name: name.clone(),
                action,
            });
        }
        let _turn = self.change().await?;
        let record = self.namespace(name)?;
        let eventbuses = self.look(|catalog| catalog.buses_in(record.id));
        if eventbuses > 0 {
            return Err(ControlError::NamespaceInUse {
                name: name.clone(),
                eventbuses,
            });
        }
        self.commit(tables::delete(MetaBatch::new(), record.as_ref()))
            .await?;
        self.catalog.write().remove_namespace(record.id);
        Ok(())
    }
}
