//! The contract as data: which methods there are, what they take, and where a request holds what.

use prost::Message;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, ReflectMessage, Value};
use serde::de::DeserializeSeed;

/// Every method of every Banyan service.
pub fn methods() -> Vec<MethodDescriptor> {
    proto::POOL
        .services()
        .filter(|service| service.full_name().starts_with("banyan."))
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect()
}

/// The path to call it by.
pub fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// The method's `access` option, and whether it is a write: it then has a request id, or takes events, which have their
/// own.
pub struct Access {
    /// Scope needed.
    pub scope: String,
    /// Path of the field naming the user.
    pub user_field: String,
    /// For identities that act across tenants only.
    pub cross_tenant: bool,
}

/// Reads a method's access option.
pub fn access(method: &MethodDescriptor) -> Access {
    let option = proto::POOL.get_extension_by_name("banyan.common.v1.access").expect("the option is declared");
    let options = method.options();
    let value = options.get_extension(&option);
    let access = value.as_message().expect("the option is a message");
    let text =
        |name: &str| access.get_field_by_name(name).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    let flag = |name: &str| access.get_field_by_name(name).and_then(|v| v.as_bool()).unwrap_or_default();
    Access { scope: text("scope"), user_field: text("user_field"), cross_tenant: flag("cross_tenant") }
}

/// A request message from its JSON form.
pub fn message(descriptor: MessageDescriptor, json: &serde_json::Value) -> DynamicMessage {
    let name = descriptor.full_name().to_owned();
    descriptor.deserialize(json).unwrap_or_else(|err| panic!("the sample of {name} does not fit: {err}"))
}

/// A response message from its bytes, as JSON text. The details of an error in it are of types that no contract names, so
/// they have no JSON form: what they hold becomes part of the error's message.
pub fn json(descriptor: MessageDescriptor, bytes: &[u8]) -> serde_json::Value {
    let mut message = DynamicMessage::decode(descriptor, bytes).expect("an answer is a valid message");
    flatten_errors(&mut message);
    serde_json::to_value(&message).expect("every message has a JSON form")
}

fn flatten_errors(message: &mut DynamicMessage) {
    if message.descriptor().full_name() == "google.rpc.Status" {
        let whole = String::from_utf8_lossy(&message.encode_to_vec()).into_owned();
        message.clear_field_by_name("details");
        message.set_field_by_name("message", Value::String(whole));
        return;
    }
    let set: Vec<_> = message.descriptor().fields().filter(|field| message.has_field(field)).collect();
    for field in set {
        match message.get_field_mut(&field) {
            Value::Message(inner) => flatten_errors(inner),
            Value::List(items) => items.iter_mut().filter_map(Value::as_message_mut).for_each(flatten_errors),
            _ => {}
        }
    }
}

/// A copy of the request with one scalar replaced.
pub struct Mutation {
    /// Where, such as `event.user_id`.
    pub field: String,
    /// The changed request.
    pub request: Vec<u8>,
}

/// Every request that differs from `sample` in one scalar field, at any depth that the sample reaches, as `change`
/// says; fields for which it returns nothing stay.
pub fn mutations(sample: &DynamicMessage, change: &dyn Fn(&Kind) -> Option<Value>) -> Vec<Mutation> {
    let mut found = Vec::new();
    walk(
        sample,
        &mut Vec::new(),
        change,
        &mut |field, rebuild| {
            found.push(Mutation { field, request: rebuild.encode_to_vec() });
        },
        sample,
    );
    found
}

/// One step from a message into what it holds.
#[derive(Clone)]
enum Step {
    Field(String),
    Item(String, usize),
}

fn walk(
    at: &DynamicMessage,
    steps: &mut Vec<Step>,
    change: &dyn Fn(&Kind) -> Option<Value>,
    emit: &mut dyn FnMut(String, DynamicMessage),
    root: &DynamicMessage,
) {
    for field in at.descriptor().fields() {
        if field.is_map() {
            continue;
        }
        let name = field.name().to_owned();
        if let Some(value) = change(&field.kind()) {
            let alone = field.containing_oneof().is_none() || at.has_field(&field);
            if alone {
                let value = if field.is_list() { Value::List(vec![value]) } else { value };
                let mut path = steps.clone();
                path.push(Step::Field(name));
                emit(print(&path), with(root, &path, value));
            }
        } else if at.has_field(&field) {
            match at.get_field(&field).as_ref() {
                Value::Message(inner) => {
                    steps.push(Step::Field(name));
                    walk(inner, steps, change, emit, root);
                    steps.pop();
                }
                Value::List(items) => {
                    if let Some(Value::Message(inner)) = items.first() {
                        steps.push(Step::Item(name, 0));
                        walk(inner, steps, change, emit, root);
                        steps.pop();
                    }
                }
                _ => {}
            }
        }
    }
}

fn print(path: &[Step]) -> String {
    let names: Vec<String> = path
        .iter()
        .map(|step| match step {
            Step::Field(name) => name.clone(),
            Step::Item(name, index) => format!("{name}[{index}]"),
        })
        .collect();
    names.join(".")
}

fn with(message: &DynamicMessage, path: &[Step], value: Value) -> DynamicMessage {
    let mut copy = message.clone();
    let (first, rest) = path.split_first().expect("a path has a step");
    match first {
        Step::Field(name) if rest.is_empty() => copy.set_field_by_name(name, value),
        Step::Field(name) => {
            let inner = message.get_field_by_name(name).expect("the walk came through here").into_owned();
            let inner = inner.as_message().expect("the walk came through a message").clone();
            copy.set_field_by_name(name, Value::Message(with(&inner, rest, value)));
        }
        Step::Item(name, index) => {
            let list = message.get_field_by_name(name).expect("the walk came through here").into_owned();
            let Value::List(mut items) = list else { panic!("the walk came through a list") };
            let inner = items[*index].as_message().expect("the walk came through a message").clone();
            items[*index] = Value::Message(with(&inner, rest, value));
            copy.set_field_by_name(name, Value::List(items));
        }
    }
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutation_changes_one_field_at_any_depth() {
        let descriptor = proto::POOL.get_message_by_name("banyan.profiles.v1.RecordEventRequest").unwrap();
        let sample = message(descriptor, &serde_json::json!({"event": {"eventId": "e", "userId": "u", "visit": {}}}));
        let nul = |kind: &Kind| matches!(kind, Kind::String).then(|| Value::String("a\0".into()));
        let fields: Vec<String> = mutations(&sample, &nul).into_iter().map(|mutation| mutation.field).collect();
        assert_eq!(fields, ["event.event_id", "event.user_id", "event.site"]);
    }
}
