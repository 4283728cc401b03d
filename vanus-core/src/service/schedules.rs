//! Schedules over the wire.

use vanus_proto::{
    message::{
        CreateSchedule, DeleteSchedule, GetSchedule, ListSchedules, PauseSchedule, Request,
        ResumeSchedule, ScheduleKey, SchedulePage, fill_page,
    },
    service::Reply,
};
use vanus_types::Fault;

use super::service::{Service, fault, unknown_request};

impl Service {
    pub(super) async fn schedules(&self, request: Request) -> Result<Reply, Fault> {
        match request {
            Request::CreateSchedule(CreateSchedule { namespace, spec }) => {
                let created = self.control.create_schedule(&namespace, spec).await;
                Ok(Reply::to::<CreateSchedule>(&created.map_err(fault)?))
            }
            Request::ListSchedules(request) => self.list_schedules(&request),
            Request::GetSchedule(GetSchedule { schedule }) => {
                let ScheduleKey { namespace, name } = schedule;
                let info = self.control.schedule(&namespace, &name).map_err(fault)?;
                Ok(Reply::to::<GetSchedule>(&info))
            }
            Request::PauseSchedule(PauseSchedule { schedule }) => {
                let ScheduleKey { namespace, name } = schedule;
                let info = self.control.pause_schedule(&namespace, &name, true).await;
                Ok(Reply::to::<PauseSchedule>(&info.map_err(fault)?))
            }
            Request::ResumeSchedule(ResumeSchedule { schedule }) => {
                let ScheduleKey { namespace, name } = schedule;
                let info = self.control.pause_schedule(&namespace, &name, false).await;
                Ok(Reply::to::<ResumeSchedule>(&info.map_err(fault)?))
            }
            Request::DeleteSchedule(DeleteSchedule { schedule }) => {
                let ScheduleKey { namespace, name } = schedule;
                let deleted = self.control.delete_schedule(&namespace, &name).await;
                Ok(Reply::to::<DeleteSchedule>(&deleted.map_err(fault)?))
            }
            _ => Err(unknown_request()),
        }
    }

    fn list_schedules(&self, request: &ListSchedules) -> Result<Reply, Fault> {
        let all = self.control.schedules(request.namespace.as_ref());
        let all = all.map_err(fault)?;
        let last = all.last().map(|info| info.record.id);
        let rest = all
            .into_iter()
            .filter(|info| request.after.is_none_or(|id| info.record.id > id));
        let items = fill_page(rest, request.limit);
        let next = items.last().map(|info| info.record.id);
        let next = next.filter(|id| Some(*id) != last);
        Ok(Reply::to::<ListSchedules>(&SchedulePage { items, next }))
    }
}
