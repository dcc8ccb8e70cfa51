//! Programmes to begin with, as documents in the folder `presets/` beside the sources.

use std::sync::LazyLock;

use prost_reflect::DynamicMessage;
use proto::programme::v1::Preset;

/// In byte order of their ids.
const DOCUMENTS: [&str; 2] = [include_str!("../presets/content.json"), include_str!("../presets/retail.json")];

static PRESETS: LazyLock<Vec<Preset>> =
    LazyLock::new(|| DOCUMENTS.iter().map(|text| read(text).expect("a test reads every preset")).collect());

/// All presets, in byte order of their ids. Their point types have no zone: it is the tenant's.
pub(crate) fn all() -> &'static [Preset] {
    &PRESETS
}

fn read(text: &str) -> anyhow::Result<Preset> {
    let descriptor = proto::POOL.get_message_by_name("banyan.programme.v1.Preset").expect("the contracts define it");
    let mut reader = serde_json::Deserializer::from_str(text);
    let message = DynamicMessage::deserialize(descriptor, &mut reader)?;
    reader.end()?;
    Ok(message.transcode_to()?)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn every_preset_is_read_named_in_both_languages_and_in_order() {
        let ids: Vec<&str> = all().iter().map(|preset| preset.preset_id.as_str()).collect();
        assert_eq!(ids, ["content", "retail"]);
        for preset in all() {
            let bundle = preset.bundle.as_ref().unwrap();
            let scheme = bundle.scheme.as_ref().unwrap();
            let names = bundle.point_types.iter().map(|it| &it.display_name);
            let levels = scheme.levels.iter().map(|level| &level.display_name);
            let own = [&preset.display_name, &preset.description, &scheme.display_name];
            for text in names.chain(levels).chain(own) {
                let languages: Vec<_> = text.as_ref().unwrap().texts.keys().map(String::as_str).collect();
                assert_eq!(languages, ["en", "zh"], "{}", preset.preset_id);
            }
        }
    }

    #[test]
    fn no_preset_breaks_a_rule_of_the_contract_once_it_has_a_zone() {
        let validator = validate::Validator::new(&proto::POOL).unwrap();
        let descriptor = proto::POOL.get_message_by_name("banyan.programme.v1.ProgrammeBundle").unwrap();
        for preset in all() {
            let mut bundle = preset.bundle.clone().unwrap();
            bundle.point_types.iter_mut().for_each(|it| it.zone = "UTC".into());
            let message = DynamicMessage::decode(descriptor.clone(), bundle.encode_to_vec().as_slice()).unwrap();
            let violations = validator.check(&message);
            assert!(violations.is_empty(), "{}: {violations:?}", preset.preset_id);
        }
    }
}
