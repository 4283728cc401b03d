//! What a node shows to a sink to be let in.

use serde::{Deserialize, Serialize};

use super::{
    invalid::{InvalidSpec, check_length, check_range},
    secret::Secret,
};
use crate::{
    codec::{Decode, Encode},
    limits::{MAX_CREDENTIAL_ID_LEN, MAX_SECRET_LEN},
};

/// How a sink is spoken to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Encode, Decode, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// CloudEvents over HTTP.
    #[default]
    Http,
    /// A function of AWS Lambda, by its ARN.
    AwsLambda,
    /// A function of Google Cloud, by its URL.
    GcloudFunctions,
    /// The service `vanus.core.cloudevents.CloudEvents` over gRPC.
    Grpc,
}

impl Protocol {
    /// The name of the protocol.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::AwsLambda => "aws-lambda",
            Self::GcloudFunctions => "gcloud-functions",
            Self::Grpc => "grpc",
        }
    }
}

/// Whether a masked secret may stand for the one there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Masks {
    /// It may: the change will be put on what there is.
    Allowed,
    /// It may not: there is nothing else.
    Refused,
}

/// What a node shows to a sink to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Credential {
    /// Nothing.
    #[default]
    None,
    /// A name and a password, for HTTP and gRPC: basic authentication.
    Plain {
        /// The name.
        identifier: String,
        /// The password.
        secret: Secret,
    },
    /// A token, for HTTP and gRPC: bearer authentication.
    Bearer {
        /// The token.
        token: Secret,
    },
    /// An access key of AWS.
    Aws {
        /// The id of the key.
        access_key_id: String,
        /// The key.
        secret_access_key: Secret,
    },
    /// A service account of Google Cloud.
    Gcloud {
        /// Its key file: JSON with, among others, `client_email`, `private_key` and `token_uri`.
        credentials_json: Secret,
    },
}

impl Credential {
    /// The name of the kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Plain { .. } => "plain",
            Self::Bearer { .. } => "bearer",
            Self::Aws { .. } => "aws",
            Self::Gcloud { .. } => "gcloud",
        }
    }

    /// The secret in it, and the name of its field.
    #[must_use]
    pub const fn secret(&self) -> Option<(&'static str, &Secret)> {
        match self {
            Self::None => None,
            Self::Plain { secret, .. } => Some(("secret", secret)),
            Self::Bearer { token } => Some(("token", token)),
            Self::Aws {
                secret_access_key, ..
            } => Some(("secret_access_key", secret_access_key)),
            Self::Gcloud { credentials_json } => Some(("credentials_json", credentials_json)),
        }
    }

    /// The secret in it, to be changed.
    pub const fn secret_mut(&mut self) -> Option<&mut Secret> {
        match self {
            Self::None => None,
            Self::Plain { secret, .. } => Some(secret),
            Self::Bearer { token } => Some(token),
            Self::Aws {
                secret_access_key, ..
            } => Some(secret_access_key),
            Self::Gcloud { credentials_json } => Some(credentials_json),
        }
    }

    /// The same as it may be shown.
    #[must_use]
    pub fn masked(mut self) -> Self {
        if let Some(secret) = self.secret_mut() {
            *secret = Secret::masked();
        }
        self
    }

    /// Puts the secret of `old` where only its mask was sent back. What is of another kind than
    /// `old` has no secret to go back to, and stays masked, which the check of the subscription refuses.
    #[must_use]
    pub fn keeping(mut self, old: &Self) -> Self {
        let same_kind = self.kind() == old.kind();
        if let (Some(secret), Some((_, old))) = (self.secret_mut(), old.secret())
            && same_kind
            && secret.is_masked()
        {
            *secret = old.clone();
        }
        self
    }

    /// Checks what can be checked without the sink.
    pub(super) fn check(&self, masks: Masks) -> Result<(), InvalidSpec> {
        if let Some((field, secret)) = self.secret() {
            if secret.is_masked() && masks == Masks::Refused {
                return Err(InvalidSpec::Masked { field });
            }
            check_range(
                "the length of a secret",
                secret.len() as u64,
                1,
                MAX_SECRET_LEN as u64,
            )?;
        }
        match self {
            Self::Plain { identifier: id, .. }
            | Self::Aws {
                access_key_id: id, ..
            } => {
                check_length("the identifier of a credential", id, MAX_CREDENTIAL_ID_LEN)?;
                let good = |c: char| c.is_ascii_graphic() && c != ':';
                if id.is_empty() || !id.chars().all(good) {
                    return Err(InvalidSpec::Credential {
                        why: "the identifier must be printable ASCII without spaces and colons",
                    });
                }
            }
            Self::None | Self::Bearer { .. } | Self::Gcloud { .. } => {}
        }
        // What goes into a header as it is.
        let header = match self {
            Self::Bearer { token } => token.expose(),
            _ => None,
        };
        if header.is_some_and(|text| !text.bytes().all(|b| b.is_ascii_graphic())) {
            return Err(InvalidSpec::Credential {
                why: "the token must be printable ASCII without spaces",
            });
        }
        Ok(())
    }

    /// Checks that a sink of this protocol can be shown this.
    pub(super) fn check_for(&self, protocol: Protocol) -> Result<(), InvalidSpec> {
        let why = match (protocol, self) {
            (
                Protocol::Http | Protocol::Grpc,
                Self::None | Self::Plain { .. } | Self::Bearer { .. },
            )
            | (Protocol::AwsLambda, Self::Aws { .. })
            | (Protocol::GcloudFunctions, Self::Gcloud { .. }) => return Ok(()),
            (Protocol::Http | Protocol::Grpc, _) => "this protocol takes none, plain or bearer",
            (Protocol::AwsLambda, _) => "aws-lambda needs a credential of type aws",
            (Protocol::GcloudFunctions, _) => "gcloud-functions needs a credential of type gcloud",
        };
        Err(InvalidSpec::Credential { why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aws(secret: &str) -> Credential {
        Credential::Aws {
            access_key_id: "AKID".into(),
            secret_access_key: Secret::new(secret),
        }
    }

    #[test]
    fn a_mask_keeps_the_secret_of_the_same_kind_and_of_no_other() {
        let old = aws("old");
        assert_eq!(aws("new").keeping(&old), aws("new"));
        let kept = old.clone().masked().keeping(&old);
        assert_eq!(kept, old);
        let gcloud = Credential::Gcloud {
            credentials_json: Secret::new("{}"),
        };
        // The secret of one kind never becomes that of another.
        let other = gcloud.clone().masked().keeping(&old);
        assert!(other.secret().unwrap().1.is_masked() && other.check(Masks::Refused).is_err());
        assert_eq!(gcloud.clone().masked().keeping(&gcloud), gcloud);
        assert_eq!(Credential::None.keeping(&old), Credential::None);
        // Every kind with a secret is masked and kept.
        let plain = Credential::Plain {
            identifier: "me".into(),
            secret: Secret::new("p"),
        };
        let bearer = Credential::Bearer {
            token: Secret::new("t"),
        };
        for credential in [plain, bearer, gcloud, old] {
            let masked = credential.clone().masked();
            assert_ne!(masked, credential);
            assert!(
                masked.check(Masks::Refused).is_err() && credential.check(Masks::Refused).is_ok()
            );
            assert_eq!(masked.keeping(&credential), credential);
        }
    }

    #[test]
    fn json_names_the_kind_and_hides_the_secret() {
        let json = serde_json::to_string(&aws("s3cret")).unwrap();
        assert_eq!(
            json,
            r#"{"type":"aws","access_key_id":"AKID","secret_access_key":"******"}"#
        );
        let read: Credential = serde_json::from_str(&json.replace("******", "s3cret")).unwrap();
        assert_eq!(read, aws("s3cret"));
        assert!(!format!("{read:?}").contains("s3cret"));
        assert_eq!(
            serde_json::from_str::<Credential>(r#"{"type":"none"}"#).unwrap(),
            Credential::None
        );
        for bad in [
            r#"{"type":"x"}"#,
            r#"{"type":"aws"}"#,
            r#"{"type":"bearer","token":"t","x":1}"#,
        ] {
            assert!(serde_json::from_str::<Credential>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_credential_suits_its_protocol_and_its_header() {
        assert!(aws("k").check_for(Protocol::AwsLambda).is_ok());
        for protocol in [Protocol::Http, Protocol::GcloudFunctions, Protocol::Grpc] {
            assert!(aws("k").check_for(protocol).is_err());
        }
        assert!(Credential::None.check_for(Protocol::Grpc).is_ok());
        assert!(Credential::None.check_for(Protocol::AwsLambda).is_err());
        assert!(aws("").check(Masks::Refused).is_err());
        for (identifier, good) in [("me", true), ("", false), ("a:b", false), ("a b", false)] {
            let plain = Credential::Plain {
                identifier: identifier.into(),
                secret: Secret::new("p"),
            };
            assert_eq!(plain.check(Masks::Refused).is_ok(), good, "{identifier:?}");
        }
        let token = Secret::new("a\r\nx: y");
        assert!(Credential::Bearer { token }.check(Masks::Refused).is_err());
    }
}
