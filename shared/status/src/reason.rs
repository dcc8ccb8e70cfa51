use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::{DynamicMessage, EnumDescriptor, EnumValueDescriptor, Value};
use proto::common::v1::Label;

/// A value of an `ErrorReason` enum of the contracts.
pub trait Reason: Copy {
    /// The enum's full name in the contracts.
    const ENUM: &'static str;

    /// The value's name in the contracts, such as `ERROR_REASON_CONFLICT`.
    fn value_name(self) -> &'static str;

    /// The name that `ErrorInfo.reason` carries, such as `CONFLICT`.
    fn name(self) -> &'static str {
        let name = self.value_name();
        name.strip_prefix("ERROR_REASON_").unwrap_or(name)
    }
}

macro_rules! reasons {
    ($($package:ident),*) => {
        $(impl Reason for proto::$package::v1::ErrorReason {
            const ENUM: &'static str = concat!("banyan.", stringify!($package), ".v1.ErrorReason");

            fn value_name(self) -> &'static str {
                self.as_str_name()
            }
        })*
    };
}

reasons!(common, events, admin, profiles, levels, incentives, feedback);

/// The sentence that the contracts give a reason, in Chinese and English. `None` for a value without one, such as the
/// unspecified one, which is never sent.
pub fn label<R: Reason>(reason: R) -> Option<&'static Label> {
    LABELS.get(R::ENUM)?.get(reason.value_name())
}

/// Read from the descriptors once, for every enum of reasons: its name, then the value's name.
static LABELS: LazyLock<HashMap<String, HashMap<String, Label>>> = LazyLock::new(|| {
    let option = proto::POOL.get_extension_by_name("banyan.common.v1.value_label").expect("the contracts define it");
    let label_of = |value: &EnumValueDescriptor| {
        let options = value.options();
        options.has_extension(&option).then(|| read(&options.get_extension(&option)))
    };
    let labels = |reasons: &EnumDescriptor| -> HashMap<_, _> {
        reasons.values().filter_map(|value| Some((value.name().to_owned(), label_of(&value)?))).collect()
    };
    all().map(|reasons| (reasons.full_name().to_owned(), labels(&reasons))).collect()
});

/// Every enum of reasons in the contracts.
fn all() -> impl Iterator<Item = EnumDescriptor> {
    proto::POOL.all_enums().filter(|found| found.name() == "ErrorReason")
}

fn read(value: &Value) -> Label {
    let read = |message: &DynamicMessage| message.transcode_to::<Label>().ok();
    value.as_message().and_then(read).expect("the option's type is Label")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_the_contracts_but_the_unspecified_one_has_a_sentence_in_both_languages() {
        let mut seen = 0;
        for reasons in all() {
            for value in reasons.values() {
                let label = LABELS[reasons.full_name()].get(value.name());
                if value.number() == 0 {
                    assert_eq!(label, None, "{}", value.full_name());
                } else {
                    let label = label.unwrap_or_else(|| panic!("{} has no label", value.full_name()));
                    assert!(!label.zh.is_empty() && !label.en.is_empty(), "{}", value.full_name());
                    seen += 1;
                }
            }
        }
        assert!(seen > 20);
    }

    #[test]
    fn every_enum_of_reasons_implements_the_trait() {
        let implemented = [
            proto::common::v1::ErrorReason::ENUM,
            proto::events::v1::ErrorReason::ENUM,
            proto::admin::v1::ErrorReason::ENUM,
            proto::profiles::v1::ErrorReason::ENUM,
            proto::feedback::v1::ErrorReason::ENUM,
            proto::incentives::v1::ErrorReason::ENUM,
            proto::levels::v1::ErrorReason::ENUM,
        ];
        for reasons in all() {
            assert!(implemented.contains(&reasons.full_name()), "{} has no impl Reason", reasons.full_name());
        }
    }
}
