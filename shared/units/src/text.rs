//! Texts that users see.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A text that users see, in one or more languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalizedText {
    /// Language tag to text.
    pub texts: BTreeMap<String, String>,
    /// The tag to use when none matches; may be empty.
    pub fallback: String,
}

/// As it travels.
pub fn to_proto(text: &LocalizedText) -> proto::common::v1::LocalizedText {
    proto::common::v1::LocalizedText { texts: text.texts.clone(), fallback: text.fallback.clone() }
}
