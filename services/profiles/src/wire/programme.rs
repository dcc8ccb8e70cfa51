//! Programmes: messages as values that can be compared, and what differs as messages.

use std::collections::BTreeMap;

use prost::{Message, Name};
use prost_reflect::{DynamicMessage, Kind as FieldKind, ReflectMessage, Value as Field};
use proto::programme::v1 as pb;
use units::time::to_proto;

use crate::domain::lifecycle::Models;
use crate::domain::profile::etag;
use crate::domain::programme::course::{Act, Change, Outline, Violation};
use crate::domain::programme::version::State;
use crate::domain::programme::{Key, Kind, Programme, Value};
use crate::store::programme::Version;

/// A bundle without what only its owners write.
pub(crate) fn without_output(mut bundle: pb::ProgrammeBundle) -> pb::ProgrammeBundle {
    bundle.point_types.iter_mut().for_each(|it| it.create_time = None);
    for rule in &mut bundle.earning_rules {
        (rule.version, rule.publish_time) = (0, None);
    }
    if let Some(scheme) = &mut bundle.scheme {
        (scheme.version, scheme.publish_time) = (0, None);
    }
    if let Some(models) = &mut bundle.lifecycle_models {
        models.etag.clear();
    }
    bundle
}

/// A bundle with the models in it.
pub(crate) fn with_models(bundle: pb::ProgrammeBundle, models: &Models) -> pb::ProgrammeBundle {
    let models = proto::profiles::v1::Models { etag: String::new(), ..super::models(models) };
    pb::ProgrammeBundle { lifecycle_models: Some(models), ..bundle }
}

/// The names in a bundle.
pub(crate) fn outline(bundle: &pb::ProgrammeBundle) -> Outline {
    Outline {
        point_types: bundle.point_types.iter().map(|it| it.point_type_id.clone()).collect(),
        rules: bundle.earning_rules.iter().map(|it| (it.rule_id.clone(), it.point_type_id.clone())).collect(),
        scheme: bundle.scheme.as_ref().map(|it| (it.scheme_id.clone(), it.point_type_id.clone())),
    }
}

/// A bundle's definitions by key. Of two with one key the first counts.
pub(crate) fn definitions(bundle: &pb::ProgrammeBundle) -> Programme {
    let mut programme = Programme::new();
    let mut put = |kind, id: &str, value| {
        programme.entry(Key { kind, id: id.to_owned() }).or_insert(value);
    };
    bundle.point_types.iter().for_each(|it| put(Kind::PointType, &it.point_type_id, value_of(it)));
    bundle.earning_rules.iter().for_each(|it| put(Kind::EarningRule, &it.rule_id, value_of(it)));
    bundle.scheme.iter().for_each(|it| put(Kind::Scheme, &it.scheme_id, value_of(it)));
    bundle.lifecycle_models.iter().for_each(|it| put(Kind::LifecycleModels, "", value_of(it)));
    programme
}

/// A message as a value: its fields by name, those with default values left out.
fn value_of<M: Message + Name>(message: &M) -> Value {
    let descriptor = proto::POOL.get_message_by_name(&M::full_name()).expect("the contracts define every message");
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice());
    record(&dynamic.expect("a message is what its descriptor says"))
}

fn record(message: &DynamicMessage) -> Value {
    if message.descriptor().full_name() == "google.protobuf.Timestamp" {
        let at = message.transcode_to::<prost_types::Timestamp>().unwrap_or_default();
        return Value::Text(at.to_string());
    }
    let fields = message.fields().map(|(field, value)| (field.name().to_owned(), leaf(&field.kind(), value)));
    Value::Record(fields.collect())
}

fn leaf(kind: &FieldKind, value: &Field) -> Value {
    match value {
        Field::Bool(flag) => Value::Flag(*flag),
        Field::I32(number) => Value::Number((*number).into()),
        Field::I64(number) => Value::Number(*number),
        Field::U32(number) => Value::Number((*number).into()),
        Field::String(text) => Value::Text(text.clone()),
        Field::Message(message) => record(message),
        Field::List(items) => Value::List(items.iter().map(|item| leaf(kind, item)).collect()),
        Field::Map(entries) => {
            let of = match kind {
                FieldKind::Message(entry) => entry.map_entry_value_field().kind(),
                other => other.clone(),
            };
            let entries = entries.iter().map(|(key, value)| {
                let key = key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned);
                (key, leaf(&of, value))
            });
            Value::Record(entries.collect::<BTreeMap<_, _>>())
        }
        Field::EnumNumber(number) => {
            let name = match kind {
                FieldKind::Enum(all) => all.get_value(*number).map(|value| value.name().to_owned()),
                _ => None,
            };
            Value::Text(name.unwrap_or_else(|| number.to_string()))
        }
        other => Value::Text(format!("{other:?}")),
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Flag(flag) => (*flag).into(),
        Value::Number(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Record(fields) => {
            serde_json::Value::Object(fields.iter().map(|(name, value)| (name.clone(), json(value))).collect())
        }
    }
}

/// What happens to a definition.
pub(crate) fn change(change: &Change) -> pb::DefinitionChange {
    let text = |value: &Option<Value>| value.as_ref().map(|value| json(value).to_string()).unwrap_or_default();
    let fields = change.fields.iter().map(|field| pb::FieldChange {
        path: field.path.to_string(),
        before: text(&field.before),
        after: text(&field.after),
    });
    let act = match change.act {
        Act::Add => pb::ChangeKind::Added,
        Act::Change => pb::ChangeKind::Changed,
        Act::Pause => pb::ChangeKind::Paused,
        Act::Keep => pb::ChangeKind::Kept,
    };
    let kind = match change.key.kind {
        Kind::PointType => pb::DefinitionKind::PointType,
        Kind::EarningRule => pb::DefinitionKind::EarningRule,
        Kind::Scheme => pb::DefinitionKind::Scheme,
        Kind::LifecycleModels => pb::DefinitionKind::LifecycleModels,
    };
    pb::DefinitionChange {
        kind: kind.into(),
        definition_id: change.key.id.clone(),
        change: act.into(),
        fields: fields.collect(),
    }
}

/// What is wrong with a bundle.
pub(crate) fn violation(violation: &Violation) -> pb::BundleViolation {
    pb::BundleViolation { field: violation.field.clone(), description: violation.why.clone() }
}

/// A version, with its bundle or without.
pub(crate) fn version(version: &Version, bundle: Option<pb::ProgrammeBundle>) -> pb::ProgrammeVersion {
    let state = match version.state {
        State::Applying => pb::VersionState::Applying,
        State::Applied => pb::VersionState::Applied,
        State::Failed => pb::VersionState::Failed,
    };
    pb::ProgrammeVersion {
        version: version.version,
        bundle,
        state: state.into(),
        author: version.author.clone(),
        note: version.note.clone(),
        restored_version: version.restored_version,
        failure: version.failure.clone(),
        create_time: Some(to_proto(version.create_time)),
        apply_time: version.apply_time.map(to_proto),
        etag: etag(version.version.into()),
    }
}
