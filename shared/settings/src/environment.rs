use std::collections::BTreeMap;

use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use crate::SettingsError;

/// The settings that the environment holds, by key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment(Map<String, Value>);

impl Environment {
    /// Long names override short ones.
    pub(crate) fn read<'a>(
        prefix: &str,
        short: impl Iterator<Item = &'a (&'static str, &'static str)>,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let mut keys = Map::new();
        for (name, key) in short {
            if let Some(text) = variables.get(*name).filter(|text| !text.is_empty()) {
                keys.insert((*key).to_owned(), plain(name, text));
            }
        }
        let prefix = format!("{prefix}__");
        for (name, text) in variables {
            if let Some(path) = name.strip_prefix(&prefix) {
                let key = path.to_lowercase().replace("__", ".");
                let value = if text.trim_start().starts_with('[') { list(name, text)? } else { plain(name, text) };
                keys.insert(key, value);
            }
        }
        Ok(Self(keys))
    }
}

fn origin(name: &str) -> String {
    format!("the environment variable {name}")
}

fn plain(name: &str, text: &str) -> Value {
    Value::new(Some(&origin(name)), ValueKind::String(text.to_owned()))
}

fn list(name: &str, text: &str) -> Result<Value, SettingsError> {
    let line = format!("value = {text}");
    let parsed = config::Config::builder().add_source(File::from_str(&line, FileFormat::Toml)).build();
    let value: Result<Value, ConfigError> = parsed.and_then(|parsed| parsed.get("value"));
    match value {
        Ok(value) => Ok(Value::new(Some(&origin(name)), value.kind)),
        Err(_) => Err(SettingsError::Variable {
            name: name.to_owned(),
            fault: "looks like a list but is not TOML".to_owned(),
        }),
    }
}

impl Source for Environment {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}
