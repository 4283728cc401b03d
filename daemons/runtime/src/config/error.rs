//! Why a configuration is refused.

use vanus_net::BindRefused;

/// A configuration that a daemon does not start with. Says where the value came from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file cannot be read.
    #[error("configuration file {path} cannot be read: {detail}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        detail: String,
    },
    /// The configuration file is no YAML mapping.
    #[error("configuration file {path} is no YAML mapping of options to values: {detail}")]
    Yaml {
        /// The file.
        path: String,
        /// What the parser said.
        detail: String,
    },
    /// There is no such option.
    #[error("{place}: there is no option \"{key}\"{}", hint.as_ref().map(|h| format!(", did you mean \"{h}\"?")).unwrap_or_default())]
    Unknown {
        /// Where it was met.
        place: String,
        /// The name given.
        key: String,
        /// The name that may have been meant.
        hint: Option<String>,
    },
    /// A value has the wrong form.
    #[error("{place}: {key} must be {form}, not \"{value}\"")]
    Value {
        /// Where it was met.
        place: String,
        /// The option.
        key: String,
        /// What a value looks like.
        form: &'static str,
        /// The value given.
        value: String,
    },
    /// A value is out of its range.
    #[error("{key} is {value}, allowed is {least} to {most}")]
    Range {
        /// The option.
        key: &'static str,
        /// The value given.
        value: String,
        /// The least value allowed.
        least: String,
        /// The greatest value allowed.
        most: String,
    },
    /// The file with the key for secrets cannot be used.
    #[error("key file {path} cannot be used: {detail}")]
    KeyFile {
        /// The file.
        path: String,
        /// Why not.
        detail: String,
    },
    /// Others could reach the address.
    #[error("{key}: {source}")]
    Bind {
        /// The option.
        key: &'static str,
        /// Why not.
        source: BindRefused,
    },
}
