//! The definitions of a bundle, apart from each other: as messages whose kind is told by the table of kinds, and as values
//! that can be compared.

use std::collections::BTreeMap;

use prost::Message;
use prost_reflect::{DynamicMessage, Kind as FieldKind, ReflectMessage, Value as Field};
use proto::programme::v1::ProgrammeBundle;

use crate::domain::programme::kind::KINDS;
use crate::domain::programme::violation::Written;
use crate::domain::programme::{Key, Kind, Programme, Value};

/// The field of a step, which only owners write, that says of which version a definition is changed; empty: it comes into force.
pub(crate) const CHANGED_FROM: &str = "etag";

/// A definition of a programme.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// What it defines.
    pub kind: Kind,
    /// What it says, in its owner's own message.
    pub message: DynamicMessage,
}

impl Definition {
    /// Its kind and id.
    pub fn key(&self) -> Key {
        Key { kind: self.kind, id: self.id() }
    }

    /// Its id; empty where its kind has none.
    pub fn id(&self) -> String {
        self.text(self.kind.shape().id)
    }

    /// The text of a field; empty where there is none.
    pub fn text(&self, field: &str) -> String {
        let text = self.message.get_field_by_name(field);
        text.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// How it is called in refusals.
    pub fn name(&self) -> String {
        format!("{} {}", self.kind.shape().name, self.id()).trim_end().to_owned()
    }

    /// The same without what only its owner writes.
    #[must_use]
    pub fn without_output(mut self) -> Self {
        self.kind.shape().output.iter().for_each(|field| self.message.clear_field_by_name(field));
        self
    }

    /// The same with a field set, which its message has.
    #[must_use]
    pub fn with(mut self, field: &str, value: Field) -> Self {
        self.message.set_field_by_name(field, value);
        self
    }

    /// Whether a field is there and says yes.
    pub fn flag(&self, field: &str) -> bool {
        self.message.get_field_by_name(field).and_then(|value| value.as_bool()).unwrap_or_default()
    }

    /// The fields by name, those with default values left out.
    pub fn value(&self) -> Value {
        record(&self.message)
    }
}

/// A bundle's definitions, kinds in their order, those of a kind as they stand there.
pub fn definitions(bundle: &ProgrammeBundle) -> Vec<Definition> {
    let bundle = dynamic(bundle);
    let mut found = Vec::new();
    for shape in KINDS.iter().filter(|shape| bundle.has_field_by_name(shape.field)) {
        let field = bundle.get_field_by_name(shape.field);
        let messages = match field.as_deref() {
            Some(Field::List(items)) => items.iter().filter_map(Field::as_message).cloned().collect(),
            Some(Field::Message(message)) => vec![message.clone()],
            _ => Vec::new(),
        };
        found.extend(messages.into_iter().map(|message| Definition { kind: shape.kind, message }));
    }
    found
}

/// Definitions as a bundle. Of those that a bundle has one of, the first counts.
pub fn bundle(definitions: &[Definition]) -> ProgrammeBundle {
    let mut bundle = dynamic(&ProgrammeBundle::default());
    for shape in &KINDS {
        let own = definitions.iter().filter(|it| it.kind == shape.kind);
        let mut messages = own.map(|it| Field::Message(it.message.clone()));
        if shape.is_list() {
            bundle.set_field_by_name(shape.field, Field::List(messages.collect()));
        } else if let Some(message) = messages.next() {
            bundle.set_field_by_name(shape.field, message);
        }
    }
    bundle.transcode_to().expect("a bundle is what its descriptor says")
}

/// A definition that says nothing.
pub(crate) fn empty(kind: Kind) -> Definition {
    let bundle = proto::POOL.get_message_by_name("banyan.programme.v1.ProgrammeBundle");
    let field = bundle.and_then(|bundle| bundle.get_field_by_name(kind.shape().field)).map(|field| field.kind());
    let Some(FieldKind::Message(message)) = field else { panic!("the bundle has a message for every kind") };
    Definition { kind, message: DynamicMessage::new(message) }
}

fn dynamic(bundle: &ProgrammeBundle) -> DynamicMessage {
    let descriptor = proto::POOL.get_message_by_name("banyan.programme.v1.ProgrammeBundle");
    let descriptor = descriptor.expect("the contracts define it");
    DynamicMessage::decode(descriptor, bundle.encode_to_vec().as_slice())
        .expect("a message is what its descriptor says")
}

/// Definitions with their places among those of their kind.
pub(crate) fn written(definitions: &[Definition]) -> Vec<Written> {
    let mut places = BTreeMap::new();
    let written = |it: &Definition| {
        let next = places.entry(it.kind).or_insert(0);
        let place = *next;
        *next += 1;
        Written { key: it.key(), place, value: it.value() }
    };
    definitions.iter().map(written).collect()
}

/// Definitions by key. Of two with one key the first counts.
pub(crate) fn programme(written: &[Written]) -> Programme {
    let mut programme = Programme::new();
    for it in written {
        programme.entry(it.key.clone()).or_insert_with(|| it.value.clone());
    }
    programme
}

fn record(message: &DynamicMessage) -> Value {
    match message.descriptor().full_name() {
        "google.protobuf.Timestamp" => {
            Value::Text(message.transcode_to::<prost_types::Timestamp>().unwrap_or_default().to_string())
        }
        "google.protobuf.Duration" => {
            Value::Text(message.transcode_to::<prost_types::Duration>().unwrap_or_default().to_string())
        }
        _ => {
            let fields = message.fields().map(|(field, value)| (field.name().to_owned(), leaf(&field.kind(), value)));
            Value::Record(fields.collect())
        }
    }
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

#[cfg(test)]
mod tests {
    use proto::incentives::v1::{Campaign, CampaignState};
    use proto::levels::v1::Scheme;

    use super::*;

    #[test]
    fn every_kind_stands_in_the_bundle_with_the_fields_that_the_table_says() {
        for shape in &KINDS {
            let message = empty(shape.kind).message.descriptor();
            let has = |field: &str| message.get_field_by_name(field).is_some();
            assert!(shape.id.is_empty() || has(shape.id), "{}", shape.name);
            assert!(shape.output.iter().all(|field| has(field)), "{}", shape.name);
            for (names, _) in shape.names {
                assert!(has(names.split(['.', '[']).next().unwrap()), "{} {names}", shape.name);
            }
        }
        let bundle = dynamic(&ProgrammeBundle::default());
        assert_eq!(bundle.descriptor().fields().len(), KINDS.len());
    }

    #[test]
    fn a_bundle_is_taken_apart_and_put_together_again() {
        let campaign = |id: &str| Campaign { campaign_id: id.into(), version: 3, ..Campaign::default() };
        let bundle = ProgrammeBundle {
            scheme: Some(Scheme { scheme_id: "members".into(), ..Scheme::default() }),
            campaigns: vec![campaign("b"), campaign("a")],
            ..ProgrammeBundle::default()
        };
        let apart = definitions(&bundle);
        let names: Vec<String> = apart.iter().map(Definition::name).collect();
        assert_eq!(names, ["scheme members", "campaign b", "campaign a"]);
        assert_eq!(super::bundle(&apart), bundle);
        let bare = apart[1].clone().without_output();
        assert_eq!(bare.value(), Value::Record([("campaign_id".into(), Value::Text("b".into()))].into()));
        let paused = bare.with("state", Field::EnumNumber(CampaignState::Paused.into()));
        assert!(format!("{:?}", paused.value()).contains("CAMPAIGN_STATE_PAUSED"));
    }
}
