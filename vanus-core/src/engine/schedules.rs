//! Schedules as an embedder sees them.

use vanus_types::{
    Name,
    control::{ScheduleInfo, ScheduleSpec},
};

use super::vanus::Vanus;
use crate::{error::Error, timer::ScheduleMetrics};

impl Vanus {
    /// Creates a schedule: its events go to an eventbus of `namespace` from now on, each occurrence
    /// once, whatever crashes in between.
    ///
    /// # Errors
    /// When the eventbus is not there or belongs to the system, the name is taken, the specification
    /// makes no sense, or a limit is reached.
    pub async fn create_schedule(
        &self,
        namespace: &str,
        spec: ScheduleSpec,
    ) -> Result<ScheduleInfo, Error> {
        let namespace = Name::new(namespace)?;
        Ok(self.control().create_schedule(&namespace, spec).await?)
    }

    /// Tells about a schedule.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn schedule(&self, namespace: &str, name: &str) -> Result<ScheduleInfo, Error> {
        let (namespace, name) = (Name::new(namespace)?, Name::new(name)?);
        Ok(self.control().schedule(&namespace, &name)?)
    }

    /// The schedules of one namespace, or of all, by id.
    ///
    /// # Errors
    /// When the namespace is not there.
    pub fn schedules(&self, namespace: Option<&str>) -> Result<Vec<ScheduleInfo>, Error> {
        let namespace = namespace.map(Name::new).transpose()?;
        Ok(self.control().schedules(namespace.as_ref())?)
    }

    /// Lets a schedule make no events until it is resumed. Safe to repeat.
    ///
    /// # Errors
    /// When there is none of this name, or the store does not take the change.
    pub async fn pause_schedule(&self, namespace: &str, name: &str) -> Result<ScheduleInfo, Error> {
        let (namespace, name) = (Name::new(namespace)?, Name::new(name)?);
        let paused = self.control().pause_schedule(&namespace, &name, true);
        Ok(paused.await?)
    }

    /// Lets a schedule go on. What would have happened while it was paused does not. Safe to repeat.
    ///
    /// # Errors
    /// As [`Vanus::pause_schedule`].
    pub async fn resume_schedule(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<ScheduleInfo, Error> {
        let (namespace, name) = (Name::new(namespace)?, Name::new(name)?);
        let resumed = self.control().pause_schedule(&namespace, &name, false);
        Ok(resumed.await?)
    }

    /// Deletes a schedule. What it made stays; an event that is being made may still come.
    ///
    /// # Errors
    /// As [`Vanus::pause_schedule`].
    pub async fn delete_schedule(&self, namespace: &str, name: &str) -> Result<(), Error> {
        let (namespace, name) = (Name::new(namespace)?, Name::new(name)?);
        Ok(self.control().delete_schedule(&namespace, &name).await?)
    }

    /// Counts of schedules.
    #[must_use]
    pub fn schedule_metrics(&self) -> ScheduleMetrics {
        self.control().schedule_metrics()
    }
}
