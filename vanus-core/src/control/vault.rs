//! Secrets at rest: sealed with the key of the node, if it has one.
//!
//! A sealed secret is AES-256-GCM: `version u8 (1) | nonce 12 bytes | ciphertext | tag 16 bytes`. Nonces
//! are random. What is authenticated beside the text is whose secret it is, so that one cannot be
//! put in the place of another.

use std::{fmt, sync::Arc};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use vanus_types::{
    Entropy,
    control::{Secret, SubscriptionRecord},
};

/// The form of a sealed secret.
const VERSION: u8 = 1;

/// The key that secrets are sealed with: 32 random bytes. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretsKey([u8; 32]);

impl SecretsKey {
    /// The key of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for SecretsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretsKey(******)")
    }
}

/// Seals and opens the secrets of records.
pub(crate) struct Vault {
    key: Option<LessSafeKey>,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("has_key", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// A vault; without a key it leaves secrets as they are.
    pub(crate) fn new(key: Option<&SecretsKey>, entropy: Arc<dyn Entropy>) -> Self {
        // Every key of this length is one.
        let key = key.and_then(|key| UnboundKey::new(&AES_256_GCM, &key.0).ok());
        Self {
            key: key.map(LessSafeKey::new),
            entropy,
        }
    }

    /// A new secret that nobody can guess, in hexadecimal.
    pub(crate) fn make_secret(&self) -> Secret {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        Secret::new(format!("{:032x}", u128::from_be_bytes(bytes)))
    }

    /// The record as it is stored.
    pub(super) fn seal(&self, record: &SubscriptionRecord) -> SubscriptionRecord {
        let mut stored = record.clone();
        for_each(&mut stored, |whose, secret| self.seal_one(whose, secret));
        stored
    }

    /// Opens the secrets of a stored record; those that cannot be opened stay sealed. Answers
    /// whether one was clear that could be sealed.
    pub(super) fn open(&self, record: &mut SubscriptionRecord) -> bool {
        let id = record.id;
        let mut was_clear = false;
        for_each(record, |whose, secret| {
            if let Some(text) = secret.expose() {
                was_clear |= !text.is_empty();
            } else if !self.open_one(whose, secret) {
                tracing::error!(subscription = %id,
                    "a secret cannot be opened: it was sealed with a key that is not the one given");
            }
        });
        was_clear && self.key.is_some()
    }

    fn seal_one(&self, whose: &[u8], secret: &mut Secret) {
        let (Some(key), Some(text)) = (&self.key, secret.expose()) else {
            return;
        };
        if text.is_empty() {
            return;
        }
        let mut nonce = [0; NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let mut text = text.as_bytes().to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        // It fails only for texts of many gigabytes.
        if key
            .seal_in_place_append_tag(unique, Aad::from(whose), &mut text)
            .is_ok()
        {
            *secret = Secret::sealed([&[VERSION][..], &nonce, &text].concat());
        }
    }

    /// Opens a secret; says whether it is clear now.
    fn open_one(&self, whose: &[u8], secret: &mut Secret) -> bool {
        let opened = (|| {
            let (version, rest) = secret.as_sealed()?.split_first()?;
            let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>()?;
            let key = self.key.as_ref().filter(|_| *version == VERSION)?;
            let (nonce, mut text) = (Nonce::assume_unique_for_key(*nonce), text.to_vec());
            let clear = key.open_in_place(nonce, Aad::from(whose), &mut text).ok()?;
            String::from_utf8(clear.to_vec()).ok()
        })();
        match opened {
            Some(text) => {
                *secret = Secret::new(text);
                true
            }
            None => false,
        }
    }
}

/// Calls `act` with each secret of a record, and with whose it is: what it is authenticated with.
fn for_each(record: &mut SubscriptionRecord, mut act: impl FnMut(&[u8], &mut Secret)) {
    let id = record.id.get().to_be_bytes();
    let whose = |field: &str| [&b"vanus-secret:"[..], &id, field.as_bytes()].concat();
    let field = record
        .spec
        .credential
        .secret()
        .map(|(field, _)| whose(field));
    if let (Some(whose), Some(secret)) = (field, record.spec.credential.secret_mut()) {
        act(&whose, secret);
    }
    act(&whose("consent"), &mut record.consent.key);
}

#[cfg(test)]
mod tests {
    use vanus_types::{
        EventbusId, NamespaceId, SeededEntropy, SubscriptionId,
        control::{Consent, Credential, SubscriptionSpec},
    };

    use super::*;

    fn record(id: u64) -> SubscriptionRecord {
        let mut spec = SubscriptionSpec::embedded("a", "b", "c").unwrap();
        spec.credential = Credential::Bearer {
            token: Secret::new("t0ken"),
        };
        SubscriptionRecord {
            id: SubscriptionId::from_u64(id),
            eventbus_id: EventbusId::from_u64(1),
            namespace_id: NamespaceId::from_u64(1),
            spec,
            disabled_reason: None,
            route_slots: std::collections::BTreeMap::new(),
            consent: Consent {
                key: Secret::new("k3y"),
                ..Consent::default()
            },
            created_at_ms: 0,
            updated_at_ms: 0,
        }
    }

    fn vault(key: Option<u8>) -> Vault {
        let key = key.map(|byte| SecretsKey::new([byte; 32]));
        Vault::new(key.as_ref(), Arc::new(SeededEntropy::new(7)))
    }

    fn sealed(record: &SubscriptionRecord) -> Vec<u8> {
        let (_, secret) = record.spec.credential.secret().unwrap();
        secret.as_sealed().unwrap().to_vec()
    }

    #[test]
    fn what_is_sealed_is_opened_with_the_same_key_only() {
        let stored = vault(Some(1)).seal(&record(1));
        let bytes = vanus_types::codec::encode(&stored);
        for text in [&b"t0ken"[..], b"k3y"] {
            assert!(!bytes.windows(text.len()).any(|window| window == text));
        }
        let mut opened = stored.clone();
        // It was sealed, so there is nothing to be sealed.
        assert!(!vault(Some(1)).open(&mut opened));
        assert_eq!(opened, record(1));
        for other in [vault(Some(2)), vault(None)] {
            let mut opened = stored.clone();
            assert!(!other.open(&mut opened));
            assert_eq!(opened, stored);
            // What cannot be opened is stored again as it is.
            assert_eq!(other.seal(&opened), stored);
        }
    }

    #[test]
    fn a_secret_is_of_its_subscription_and_whole() {
        let stored = vault(Some(1)).seal(&record(1));
        let mut moved = record(2);
        *moved.spec.credential.secret_mut().unwrap() = Secret::sealed(sealed(&stored));
        vault(Some(1)).open(&mut moved);
        assert!(
            moved
                .spec
                .credential
                .secret()
                .unwrap()
                .1
                .as_sealed()
                .is_some()
        );
        let whole = sealed(&stored);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            let mut broken = record(1);
            *broken.spec.credential.secret_mut().unwrap() = Secret::sealed(bytes);
            vault(Some(1)).open(&mut broken);
            assert!(
                broken
                    .spec
                    .credential
                    .secret()
                    .unwrap()
                    .1
                    .as_sealed()
                    .is_some(),
                "{at}"
            );
        }
        // The same text is sealed anew each time.
        let vault = vault(Some(1));
        assert_ne!(
            sealed(&vault.seal(&record(1))),
            sealed(&vault.seal(&record(1)))
        );
    }

    #[test]
    fn without_a_key_secrets_stay_clear_until_there_is_one() {
        let stored = vault(None).seal(&record(1));
        assert_eq!(stored, record(1));
        let mut opened = stored;
        assert!(!vault(None).open(&mut opened));
        assert!(vault(Some(1)).open(&mut opened));
        assert_eq!(vault(None).make_secret().len(), 32);
        assert!(!format!("{:?} {:?}", vault(Some(1)), SecretsKey::new([7; 32])).contains('7'));
    }
}
