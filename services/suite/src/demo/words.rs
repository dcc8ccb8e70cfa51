//! The words of the manager's page in two languages. Names of stages and cells come from the contract's own labels.

use std::sync::LazyLock;

use clap::ValueEnum;
use prost_reflect::{ExtensionDescriptor, Value};
use proto::common::v1::LocalizedText;

/// Language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The language of the terminal, by its locale.
    #[must_use]
    pub(crate) fn of_terminal() -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
            .unwrap_or_default();
        if locale.starts_with("zh") { Self::Zh } else { Self::En }
    }

    /// One of two texts.
    #[must_use]
    pub(crate) fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    /// A text of the programme in this language.
    #[must_use]
    pub(crate) fn of(self, text: Option<&LocalizedText>) -> String {
        let Some(text) = text else { return String::new() };
        let tag = self.pick("zh", "en");
        let found = text.texts.get(tag).or_else(|| text.texts.get(&text.fallback));
        found.or_else(|| text.texts.values().next()).cloned().unwrap_or_default()
    }
}

static VALUE_LABEL: LazyLock<Option<ExtensionDescriptor>> =
    LazyLock::new(|| proto::POOL.get_extension_by_name("banyan.common.v1.value_label"));

/// What operators call a value of an enum, such as 4 of `banyan.profiles.v1.Stage`; its name in the contract where it has
/// no label.
#[must_use]
pub(crate) fn label(enumeration: &str, number: i32, lang: Lang) -> String {
    let found = proto::POOL.get_enum_by_name(enumeration).and_then(|found| found.get_value(number));
    let Some(value) = found else { return number.to_string() };
    let options = value.options();
    let text = VALUE_LABEL.as_ref().and_then(|extension| match options.get_extension(extension).as_ref() {
        Value::Message(label) => label.get_field_by_name(lang.pick("zh", "en")).map(|text| text.into_owned()),
        _ => None,
    });
    match text {
        Some(Value::String(text)) if !text.is_empty() => text,
        _ => value.name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_called_as_the_contract_labels_them() {
        assert_eq!(label("banyan.profiles.v1.Stage", 4, Lang::Zh), "复购");
        assert_eq!(label("banyan.profiles.v1.Stage", 4, Lang::En), "repeat");
        assert_eq!(label("banyan.profiles.v1.Stage", 0, Lang::En), "STAGE_UNSPECIFIED");
        assert_eq!(label("banyan.profiles.v1.Stage", 99, Lang::En), "99");
    }

    #[test]
    fn a_text_without_the_language_falls_back() {
        let texts = [("fr".to_owned(), "or".to_owned()), ("zh".to_owned(), "金卡".to_owned())].into();
        let text = LocalizedText { texts, fallback: "fr".to_owned() };
        assert_eq!(Lang::Zh.of(Some(&text)), "金卡");
        assert_eq!(Lang::En.of(Some(&text)), "or");
        assert_eq!(Lang::En.of(None), "");
    }
}
