//! Puts the configuration together from where its values come from.

use std::{collections::BTreeMap, path::PathBuf};

use figment::{
    providers::{Format as _, Yaml},
    value::Value,
};

use super::{error::ConfigError, options::Config};

/// Start of the names of environment variables.
const PREFIX: &str = "VANUS_";

/// Environment variables that other parts of Vanus read.
const OF_OTHERS: [&str; 5] = [
    "VANUS_CONFIG",
    "VANUS_GATEWAY",
    "VANUS_OPERATOR",
    "VANUS_SUITES",
    "VANUS_TOKEN",
];

/// Where values come from, weakest first.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// Environment variables; only those that start with `VANUS_` are looked at.
    pub env: Vec<(String, String)>,
    /// Options given as flags: key and text.
    pub flags: Vec<(String, String)>,
}

/// A configuration and what should be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The configuration, checked.
    pub config: Config,
    /// Sentences for the log.
    pub warnings: Vec<String>,
}

impl Sources {
    /// The environment of this process, and the file that `VANUS_CONFIG` names. Variables that
    /// are no Unicode are passed over.
    #[must_use]
    pub fn of_process() -> Self {
        let env: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let named = env.iter().find(|(name, _)| name == "VANUS_CONFIG");
        Self {
            file: named.map(|(_, path)| PathBuf::from(path)),
            env,
            flags: Vec::new(),
        }
    }

    /// Puts the configuration together and checks it.
    ///
    /// An unknown option in the file or among the flags is an error. An unknown environment
    /// variable is a warning: schedulers make such names out of the names of services.
    ///
    /// # Errors
    /// [`ConfigError`] says what is wrong and where it came from.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let mut config = Config::default();
        let mut warnings = Vec::new();
        if let Some(path) = &self.file {
            let place = path.display().to_string();
            for (key, text) in read_file(path, &place)? {
                set(&mut config, &place, &key, &text)?;
            }
        }
        for (name, text) in &self.env {
            let Some(key) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if OF_OTHERS.contains(&name.as_str()) {
                continue;
            }
            match set(&mut config, name, &key.to_ascii_lowercase(), text) {
                Err(unknown @ ConfigError::Unknown { .. }) => warnings.push(unknown.to_string()),
                other => other?,
            }
        }
        for (key, text) in &self.flags {
            let place = format!("--{}", key.replace('_', "-"));
            set(&mut config, &place, key, text)?;
        }
        config.check()?;
        Ok(Loaded { config, warnings })
    }
}

fn set(config: &mut Config, place: &str, key: &str, text: &str) -> Result<(), ConfigError> {
    match config.set(key, text) {
        Some(Ok(())) => Ok(()),
        Some(Err(form)) => Err(ConfigError::Value {
            place: place.to_owned(),
            key: key.to_owned(),
            form,
            value: text.to_owned(),
        }),
        None => Err(ConfigError::Unknown {
            place: place.to_owned(),
            key: key.to_owned(),
            hint: similar(key),
        }),
    }
}

/// The option that `key` may have meant: the same letters, or one starts like the other.
fn similar(key: &str) -> Option<String> {
    let letters = |text: &str| -> String {
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = letters(key);
    let names = Config::manual().into_iter().map(|option| option.key);
    let near = |name: &&str| {
        let name = letters(name);
        name == wanted
            || (wanted.len() > 2 && (name.starts_with(&wanted) || wanted.starts_with(&name)))
    };
    names.into_iter().find(near).map(str::to_owned)
}

#[expect(
    clippy::disallowed_methods,
    reason = "configuration files are read here"
)]
fn read_file(path: &PathBuf, place: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::File {
        path: place.to_owned(),
        detail: error.to_string(),
    })?;
    let not_yaml = |detail: String| ConfigError::Yaml {
        path: place.to_owned(),
        detail,
    };
    if text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
    {
        return Ok(Vec::new());
    }
    let values: BTreeMap<String, Value> =
        Yaml::from_str(&text).map_err(|error| not_yaml(error.to_string()))?;
    let mut options = Vec::with_capacity(values.len());
    for (key, value) in values {
        let text = match &value {
            Value::String(_, text) => text.clone(),
            Value::Char(_, c) => c.to_string(),
            Value::Bool(_, value) => value.to_string(),
            Value::Num(_, number) => match (number.to_u128(), number.to_i128()) {
                (Some(number), _) => number.to_string(),
                (None, Some(number)) => number.to_string(),
                (None, None) => return Err(not_yaml(format!("{key} is no whole number"))),
            },
            // Written down without a value: the default stays.
            Value::Empty(..) => continue,
            Value::Dict(..) | Value::Array(..) => {
                return Err(not_yaml(format!("{key} must be a single value")));
            }
        };
        options.push((key, text));
    }
    Ok(options)
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the tests write configuration files"
)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::ByteSize;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        list.iter().map(owned).collect()
    }

    fn load(
        yaml: &str,
        env: &[(&str, &str)],
        flags: &[(&str, &str)],
    ) -> Result<Loaded, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vanus.yaml");
        std::fs::write(&path, yaml).unwrap();
        let (env, flags) = (pairs(env), pairs(flags));
        let file = Some(path);
        Sources { file, env, flags }.load()
    }

    #[test]
    fn nothing_given_is_the_defaults() {
        let loaded = Sources::default().load().unwrap();
        assert_eq!(loaded.config, Config::default());
        assert_eq!(loaded.config.http.to_string(), "127.0.0.1:8081");
        assert_eq!(loaded.config.quic.to_string(), "127.0.0.1:8080");
        assert_eq!(loaded.config.metrics.to_string(), "127.0.0.1:2112");
        assert_eq!(load("# nothing\n\n", &[], &[]).unwrap(), loaded);
    }

    #[test]
    fn a_flag_beats_the_environment_beats_the_file() {
        let yaml = "data_dir: 2026\nhttp: 127.0.0.1:1\nquic: 127.0.0.1:1\ninsecure: true\nmetrics:\n\
                    http_max_requests: 7\nsegment_size: 8MiB\n";
        let env = [
            ("VANUS_HTTP", "127.0.0.1:2"),
            ("VANUS_QUIC", "127.0.0.1:2"),
            ("HOME", "/"),
        ];
        let flags = [("http", "127.0.0.1:3"), ("drain_timeout", "1m")];
        let loaded = load(yaml, &env, &flags).unwrap();
        let config = loaded.config;
        assert_eq!(config.data_dir, PathBuf::from("2026"));
        assert_eq!((config.http.port(), config.quic.port()), (3, 2));
        assert_eq!(config.metrics, Config::default().metrics);
        assert_eq!((config.insecure, config.http_max_requests), (true, 7));
        assert_eq!(config.segment_size, ByteSize::mib(8));
        assert_eq!(config.drain_timeout, Duration::from_secs(60));
        assert!(loaded.warnings.is_empty());
    }

    #[test]
    fn every_option_can_be_given_everywhere() {
        for option in Config::manual() {
            let sources = [
                (option.env(), option.default.clone()),
                (option.key.to_owned(), option.default.clone()),
            ];
            let [env, flag] = sources.map(|source| vec![source]);
            let loaded = Sources {
                file: None,
                env,
                flags: flag,
            }
            .load()
            .unwrap();
            assert_eq!(loaded.config, Config::default(), "{}", option.key);
            assert!(loaded.warnings.is_empty(), "{}", option.key);
        }
    }

    #[test]
    fn an_unknown_option_is_refused_with_a_hint() {
        let error = load("data-dir: x", &[], &[]).unwrap_err().to_string();
        assert!(
            error.ends_with("there is no option \"data-dir\", did you mean \"data_dir\"?"),
            "{error}"
        );
        let error = load("", &[], &[("port", "1")]).unwrap_err().to_string();
        assert_eq!(error, "--port: there is no option \"port\"");
        let loaded = load(
            "",
            &[("VANUS_SERVICE_HOST", "10.0.0.1"), ("VANUS_GATEWAY", "x")],
            &[],
        );
        assert_eq!(loaded.unwrap().warnings.len(), 1);
    }

    #[test]
    fn a_bad_value_is_refused_with_its_place() {
        let error = load("", &[("VANUS_HTTP", "8081")], &[])
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("VANUS_HTTP: http must be an address such as"),
            "{error}"
        );
        for yaml in [
            "http: [1]",
            "http: {a: b}",
            "just text",
            "- a",
            "http_max_requests: 1.5",
            "a: b: c",
        ] {
            assert!(
                matches!(load(yaml, &[], &[]), Err(ConfigError::Yaml { .. })),
                "{yaml}"
            );
        }
        let missing = Sources {
            file: Some("/does/not/exist.yaml".into()),
            ..Sources::default()
        };
        assert!(matches!(missing.load(), Err(ConfigError::File { .. })));
    }

    #[test]
    fn addresses_others_can_reach_need_a_word() {
        let open = [("metrics", "0.0.0.0:2112")];
        let error = load("", &[], &open).unwrap_err();
        assert!(matches!(error, ConfigError::Bind { key: "metrics", .. }));
        assert!(load("insecure: true", &[], &open).is_ok());
    }

    #[test]
    fn sizes_out_of_range_are_refused() {
        for bad in [
            ("segment_size", "1MiB"),
            ("wal_size", "2GiB"),
            ("http_max_requests", "0"),
            ("http_max_body", "10"),
            ("retention_interval", "0s"),
        ] {
            let error = load("", &[], &[bad]).unwrap_err();
            assert!(matches!(error, ConfigError::Range { .. }), "{bad:?}");
        }
    }
}
