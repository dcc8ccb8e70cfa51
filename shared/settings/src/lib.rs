//! Settings: compiled-in defaults, a file, the environment; each overrides what stands before it.
//!
//! A process keeps a commented `config.default.toml` beside its code and compiles it in, so that the file is at once the
//! documentation of every key and its default. An operator overrides single keys in a TOML file of the same shape, named
//! by `<PREFIX>_CONFIG`, or in the environment: `BANYAN__PG__POOL_MAX=8` sets `pg.pool_max`. A value in brackets is read
//! as TOML (`BANYAN__AUTHN__ISSUERS=["a", "b"]`), anything else by the type of the key. `DATABASE_URL` and `REDIS_URL`
//! set `pg.url` and `redis.url` where the defaults have those keys; the long names win over them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Config, File, FileFormat};
use serde::de::DeserializeOwned;

mod environment;

use environment::Environment;

/// Names that other tools know, and the keys that they set.
const SHORT_NAMES: [(&str, &str); 2] = [("DATABASE_URL", "pg.url"), ("REDIS_URL", "redis.url")];

/// Why settings cannot be read. The text names the key and where its value came from.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The compiled-in defaults are not TOML: a fault of the program.
    #[error("the compiled-in defaults cannot be read: {0}")]
    Defaults(#[source] Box<config::ConfigError>),
    /// The settings file is absent or not TOML.
    #[error("the settings file {path} cannot be read: {source}", path = path.display())]
    File {
        /// As given in the environment.
        path: PathBuf,
        /// Position and cause.
        source: Box<config::ConfigError>,
    },
    /// An environment variable is not text, or not TOML where it looks like a list.
    #[error("the environment variable {name} {fault}")]
    Variable {
        /// Its name.
        name: String,
        /// What is wrong with its value.
        fault: String,
    },
    /// A key is missing, unknown, or its value has another type.
    #[error("{0}")]
    Key(#[source] Box<config::ConfigError>),
}

/// Reads the settings of this process. `prefix` is the first part of the environment variables, such as `BANYAN`.
pub fn load<T: DeserializeOwned>(defaults_toml: &str, prefix: &str) -> Result<T, SettingsError> {
    let mut variables = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        let ours = name.starts_with(prefix) || SHORT_NAMES.iter().any(|(short, _)| *short == name);
        if ours {
            let value = value
                .into_string()
                .map_err(|_| SettingsError::Variable { name: name.clone(), fault: "is not UTF-8".to_owned() })?;
            variables.insert(name, value);
        }
    }
    load_from(defaults_toml, prefix, &variables)
}

/// The same with the given variables in place of the process's own.
pub fn load_from<T: DeserializeOwned>(
    defaults_toml: &str,
    prefix: &str,
    variables: &BTreeMap<String, String>,
) -> Result<T, SettingsError> {
    let defaults = parse_defaults(defaults_toml)?;
    let mut builder = Config::builder().add_source(File::from_str(defaults_toml, FileFormat::Toml));
    if let Some(path) = variables.get(&format!("{prefix}_CONFIG")).filter(|path| !path.is_empty()) {
        let path = Path::new(path);
        let file = || File::from(path).format(FileFormat::Toml).required(true);
        Config::builder()
            .add_source(file())
            .build()
            .map_err(|error| SettingsError::File { path: path.to_owned(), source: Box::new(error) })?;
        builder = builder.add_source(file());
    }
    let short = SHORT_NAMES.iter().filter(|(_, key)| defaults.get::<config::Value>(key).is_ok());
    let environment = Environment::read(prefix, short, variables)?;
    let merged = builder.add_source(environment).build().map_err(keyed)?;
    merged.try_deserialize().map_err(keyed)
}

fn parse_defaults(text: &str) -> Result<Config, SettingsError> {
    let source = File::from_str(text, FileFormat::Toml);
    Config::builder().add_source(source).build().map_err(|error| SettingsError::Defaults(Box::new(error)))
}

fn keyed(error: config::ConfigError) -> SettingsError {
    SettingsError::Key(Box::new(error))
}
