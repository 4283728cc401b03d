//! Telling peers of an earlier life that it is over.
//!
//! A process that is killed says no good-bye. Started again, it gets packets of connections it has
//! never heard of, and answers each with a stateless reset: a token that only it can have made, from
//! a key and the connection id in the packet. That works as long as the key outlives the process.

use std::{fmt, sync::Arc, time::Duration};

use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig};
use ring::hmac;
use vanus_types::{Entropy, OsEntropy};

const ID_LEN: usize = 8;

/// From what the tokens of stateless resets are made; equal seeds, equal tokens.
///
/// Who knows the seed and can see packets of a connection can end that connection.
#[derive(Clone)]
pub struct ResetSeed(Vec<u8>);

impl ResetSeed {
    /// The seed of these bytes; they should be many and hard to guess.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The rules of an endpoint that makes its tokens from this seed.
    pub(super) fn endpoint_config(&self) -> EndpointConfig {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut config = EndpointConfig::new(Arc::new(key));
        // The usual generator ignores packets with ids of an earlier life; they must be answered.
        config.cid_generator(|| Box::new(RandomIds));
        config
    }
}

impl fmt::Debug for ResetSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResetSeed(…)")
    }
}

/// Connection ids without meaning.
struct RandomIds;

impl ConnectionIdGenerator for RandomIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; ID_LEN];
        OsEntropy.fill(&mut id);
        ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        ID_LEN
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}
