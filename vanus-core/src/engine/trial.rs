//! Trying filters and transformers on an event.

use vanus_expr::Trial;
use vanus_types::{
    Event,
    control::{FilterSpec, TransformerSpec},
};

use super::vanus::Vanus;
use crate::error::Error;

impl Vanus {
    /// Tries filters and a transformer on an event: whether it passes, what would be delivered, and
    /// which actions fail. Nothing is stored or delivered.
    ///
    /// # Errors
    /// When the filters or the transformer have a mistake.
    pub fn try_event(
        &self,
        filters: &[FilterSpec],
        transformer: Option<&TransformerSpec>,
        event: &Event,
    ) -> Result<Trial, Error> {
        Ok(self.control().try_event(filters, transformer, event)?)
    }
}
