//! Programmes to begin with, as documents in the folder `presets/` beside the sources. They have neither zone nor currency:
//! these are the tenant's. From which phase of a product on a definition is of use `phases.json` says.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, Value};
use proto::programme::v1::{Phase, Preset};

use crate::wire::definition::{bundle, definitions};

/// In byte order of their ids.
const DOCUMENTS: [&str; 2] = [include_str!("../presets/content.json"), include_str!("../presets/retail.json")];

static PRESETS: LazyLock<Vec<Preset>> =
    LazyLock::new(|| DOCUMENTS.iter().map(|text| read(text).expect("a test reads every preset")).collect());

/// By preset and phase the names of definitions that come in with the phase; all others are there from the first.
type Phases = BTreeMap<String, BTreeMap<String, Vec<String>>>;

static PHASES: LazyLock<Phases> =
    LazyLock::new(|| serde_json::from_str(include_str!("../presets/phases.json")).expect("a test reads the phases"));

/// All presets, in byte order of their ids.
pub(crate) fn all() -> &'static [Preset] {
    &PRESETS
}

/// A preset for a phase, with a tenant's zone and currency; UNSPECIFIED: for the last phase.
pub(crate) fn for_tenant(preset_id: &str, phase: Phase, zone: &str, currency: &str) -> Option<Preset> {
    let preset = all().iter().find(|preset| preset.preset_id == preset_id)?;
    let phase = if phase == Phase::Unspecified { Phase::Stable } else { phase };
    let of_later = |name: &String| {
        let phases = PHASES.get(preset_id).into_iter().flatten();
        let mut later = phases.filter(|(of, _)| Phase::from_str_name(of).is_some_and(|of| of > phase));
        later.any(|(_, names)| names.contains(name))
    };
    let mut parts = definitions(preset.bundle.as_ref()?);
    parts.retain(|part| !of_later(&part.name()));
    parts.iter_mut().for_each(|part| fill(&mut part.message, zone, currency));
    Some(Preset { bundle: Some(bundle(&parts)), phase: phase.into(), ..preset.clone() })
}

/// Puts zone and currency wherever a message and those in it have them empty.
fn fill(message: &mut DynamicMessage, zone: &str, currency: &str) {
    for field in message.descriptor().fields() {
        let text = match (field.name(), field.kind()) {
            ("zone", Kind::String) => Some(zone),
            ("currency_code", Kind::String) => Some(currency),
            _ => None,
        };
        match text {
            Some(text) if !message.has_field(&field) => message.set_field(&field, Value::String(text.to_owned())),
            None if message.has_field(&field) => match message.get_field_mut(&field) {
                Value::Message(below) => fill(below, zone, currency),
                Value::List(items) => items.iter_mut().filter_map(Value::as_message_mut).for_each(|below| {
                    fill(below, zone, currency);
                }),
                _ => {}
            },
            _ => {}
        }
    }
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
    use std::collections::BTreeSet;

    use prost::Message as _;

    use super::*;
    use crate::domain::programme::Programme;
    use crate::domain::programme::violation::violations;
    use crate::wire::definition::written;

    const PHASES_IN_ORDER: [Phase; 4] = [Phase::Trial, Phase::Launch, Phase::Growth, Phase::Stable];

    fn names(preset_id: &str, phase: Phase) -> BTreeSet<String> {
        let preset = for_tenant(preset_id, phase, "UTC", "CNY").unwrap();
        definitions(&preset.bundle.unwrap()).iter().map(|it| it.name()).collect()
    }

    /// All texts of a message in several languages.
    fn texts(message: &DynamicMessage, found: &mut Vec<proto::common::v1::LocalizedText>) {
        if message.descriptor().full_name() == "banyan.common.v1.LocalizedText" {
            found.push(message.transcode_to().unwrap());
        }
        for (_, value) in message.fields() {
            match value {
                Value::Message(below) => texts(below, found),
                Value::List(items) => items.iter().filter_map(Value::as_message).for_each(|it| texts(it, found)),
                _ => {}
            }
        }
    }

    #[test]
    fn every_preset_is_read_named_in_both_languages_and_in_order() {
        let ids: Vec<&str> = all().iter().map(|preset| preset.preset_id.as_str()).collect();
        assert_eq!(ids, ["content", "retail"]);
        for preset in all() {
            let mut found = vec![preset.display_name.clone().unwrap(), preset.description.clone().unwrap()];
            for part in definitions(preset.bundle.as_ref().unwrap()) {
                texts(&part.message, &mut found);
            }
            assert!(found.len() > 20);
            for text in found {
                let languages: Vec<_> = text.texts.keys().map(String::as_str).collect();
                assert_eq!(languages, ["en", "zh"], "{}: {text:?}", preset.preset_id);
            }
        }
    }

    #[test]
    fn no_preset_breaks_a_rule_of_the_contract_or_names_what_is_not_there_in_any_phase() {
        let validator = validate::Validator::new(&proto::POOL).unwrap();
        let descriptor = proto::POOL.get_message_by_name("banyan.programme.v1.ProgrammeBundle").unwrap();
        for (preset, phase) in all().iter().flat_map(|preset| PHASES_IN_ORDER.map(|phase| (preset, phase))) {
            let bundle = for_tenant(&preset.preset_id, phase, "UTC", "CNY").unwrap().bundle.unwrap();
            let message = DynamicMessage::decode(descriptor.clone(), bundle.encode_to_vec().as_slice()).unwrap();
            let found = validator.check(&message);
            assert!(found.is_empty(), "{} {phase:?}: {found:?}", preset.preset_id);
            let found = violations(&written(&definitions(&bundle)), &Programme::new(), &BTreeSet::new(), &[]);
            assert_eq!(found, [], "{} {phase:?}", preset.preset_id);
        }
    }

    #[test]
    fn each_phase_has_all_of_the_one_before_and_more_and_every_name_in_the_phases_is_one() {
        assert_eq!(PHASES.keys().collect::<Vec<_>>(), ["content", "retail"]);
        for preset in all() {
            let ids = PHASES_IN_ORDER.map(|phase| names(&preset.preset_id, phase));
            assert!(ids.windows(2).all(|pair| pair[0].is_subset(&pair[1]) && pair[0].len() < pair[1].len()));
            let told: BTreeSet<String> = PHASES[&preset.preset_id].values().flatten().cloned().collect();
            assert_eq!(&ids[3] - &ids[0], told, "{}", preset.preset_id);
            assert!(!ids[0].iter().any(|name| name.starts_with("campaign ") || name.starts_with("coupon_template ")));
        }
    }
}
