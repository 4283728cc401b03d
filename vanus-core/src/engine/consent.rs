//! The consent of sinks that are asked first and answer later.

use vanus_types::SubscriptionId;

use super::vanus::Vanus;
use crate::error::Error;

impl Vanus {
    /// Takes note that the sink of a subscription agrees to deliveries, of which it wants at most
    /// `rate` a minute. `key` is what the sink was given with its callback.
    ///
    /// # Errors
    /// When there is none with this id that waits for its sink, or the key is wrong.
    pub async fn grant_consent(
        &self,
        id: SubscriptionId,
        key: &str,
        rate: Option<u32>,
    ) -> Result<(), Error> {
        Ok(self.control().grant_consent(id, key, rate).await?)
    }
}
