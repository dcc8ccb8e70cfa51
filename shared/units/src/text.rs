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

impl LocalizedText {
    /// The text that a reader of a language gets: see [`closest`].
    pub fn closest(&self, locale: &str) -> &str {
        closest_of(&self.texts, &self.fallback, locale)
    }
}

/// As it travels.
pub fn to_proto(text: &LocalizedText) -> proto::common::v1::LocalizedText {
    proto::common::v1::LocalizedText { texts: text.texts.clone(), fallback: text.fallback.clone() }
}

/// The text that a reader of a language gets: that of the closest tag (`zh-CN`, then `zh`), whatever the case of its
/// letters; else that of the text's own `fallback`; else the English one; else the first in byte order of the tags.
/// Empty where there is no text at all.
pub fn closest<'a>(text: &'a proto::common::v1::LocalizedText, locale: &str) -> &'a str {
    closest_of(&text.texts, &text.fallback, locale)
}

fn closest_of<'a>(texts: &'a BTreeMap<String, String>, fallback: &str, locale: &str) -> &'a str {
    let under = |tag: &str| texts.iter().find(|(key, _)| key.eq_ignore_ascii_case(tag)).map(|(_, text)| text);
    let own = [fallback, "en"];
    let found = ranges(locale).find_map(under).or_else(|| own.into_iter().find_map(under));
    found.or_else(|| texts.values().next()).map_or("", String::as_str)
}

/// A tag and what is left of it when its last parts are taken off, one by one.
fn ranges(tag: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(tag), |tag| tag.rsplit_once('-').map(|(shorter, _)| shorter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(texts: &[(&str, &str)], fallback: &str) -> proto::common::v1::LocalizedText {
        let texts = texts.iter().map(|(tag, text)| ((*tag).to_owned(), (*text).to_owned())).collect();
        proto::common::v1::LocalizedText { texts, fallback: fallback.to_owned() }
    }

    #[test]
    fn a_reader_gets_the_closest_language_then_the_fallback_then_english_then_the_first() {
        let all = [("de", "Punkte"), ("en", "points"), ("zh", "积分"), ("zh-Hant", "積分")];
        let table = [
            (text(&all, "de"), "zh-CN", "积分"),
            (text(&all, "de"), "zh-Hant-TW", "積分"),
            (text(&all, "de"), "ZH-hant", "積分"),
            (text(&all, "de"), "zh-", "积分"),
            (text(&all, "de"), "fr-FR", "Punkte"),
            (text(&all, "de"), "", "Punkte"),
            (text(&all, ""), "fr", "points"),
            (text(&all, "fr"), "z", "points"),
            (text(&[("zh", "积分"), ("de", "Punkte")], ""), "fr", "Punkte"),
            (text(&[], "zh"), "zh", ""),
        ];
        for (text, locale, expected) in table {
            assert_eq!(closest(&text, locale), expected, "{locale:?} of {text:?}");
        }
    }
}
