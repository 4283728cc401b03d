//! Schedules: events that the server makes again and again.

use vanus_proto::message::{
    CreateSchedule, DeleteSchedule, GetSchedule, ListSchedules, MAX_PAGE_ITEMS, PauseSchedule,
    ResumeSchedule, ScheduleKey,
};
use vanus_types::{
    Name,
    control::{ScheduleInfo, ScheduleSpec},
};

use crate::{admin::Admin, error::ClientError};

impl Admin {
    /// Creates a schedule; its events go to an eventbus of the same namespace.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_schedule(
        &self,
        namespace: &Name,
        spec: ScheduleSpec,
    ) -> Result<ScheduleInfo, ClientError> {
        let namespace = namespace.clone();
        self.ask(&CreateSchedule { namespace, spec }).await
    }

    /// Lists the schedules of a namespace, or all, by id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_schedules(
        &self,
        namespace: Option<&Name>,
    ) -> Result<Vec<ScheduleInfo>, ClientError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let request = ListSchedules {
                namespace: namespace.cloned(),
                after,
                limit: MAX_PAGE_ITEMS,
            };
            let page = self.ask(&request).await?;
            all.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Describes a schedule.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_schedule(
        &self,
        namespace: &Name,
        name: &Name,
    ) -> Result<ScheduleInfo, ClientError> {
        let schedule = key(namespace, name);
        self.ask(&GetSchedule { schedule }).await
    }

    /// Lets a schedule make no events until it is resumed. Safe to repeat.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn pause_schedule(
        &self,
        namespace: &Name,
        name: &Name,
    ) -> Result<ScheduleInfo, ClientError> {
        let schedule = key(namespace, name);
        self.ask(&PauseSchedule { schedule }).await
    }

    /// Lets a schedule go on. What would have happened while it was paused does not. Safe to repeat.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn resume_schedule(
        &self,
        namespace: &Name,
        name: &Name,
    ) -> Result<ScheduleInfo, ClientError> {
        let schedule = key(namespace, name);
        self.ask(&ResumeSchedule { schedule }).await
    }

    /// Deletes a schedule; what it made stays.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_schedule(&self, namespace: &Name, name: &Name) -> Result<(), ClientError> {
        let schedule = key(namespace, name);
        self.ask(&DeleteSchedule { schedule }).await
    }
}

fn key(namespace: &Name, name: &Name) -> ScheduleKey {
    ScheduleKey {
        namespace: namespace.clone(),
        name: name.clone(),
    }
}
