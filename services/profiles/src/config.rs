//! Settings.

use serde::Deserialize;

/// Commented defaults of every setting of this service.
pub const DEFAULTS: &str = include_str!("config.default.toml");

/// The service's own settings, under `[service]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Rows of a page where the caller names no size.
    pub page_default: i64,
    /// The most rows of a page.
    pub page_max: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { page_default: 50, page_max: 200 }
    }
}
