use std::{fs, path::Path, sync::LazyLock};

use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::Value;
use validate::Validator;

pub(crate) static CONTRACTS: LazyLock<Validator> =
    LazyLock::new(|| Validator::new(&proto::POOL).expect("every rule of the contracts is supported"));

/// The violations of a message of the contracts as `field: description`.
pub(crate) fn violations(message: &str, content: &Value) -> Vec<String> {
    check(&CONTRACTS, &proto::POOL, message, content)
}

pub(crate) fn check(validator: &Validator, pool: &DescriptorPool, message: &str, content: &Value) -> Vec<String> {
    let descriptor = pool.get_message_by_name(message).unwrap_or_else(|| panic!("there is no message {message}"));
    let read = DynamicMessage::deserialize(descriptor, content);
    let read = read.unwrap_or_else(|error| panic!("{content} is no {message}: {error}"));
    validator.check(&read).iter().map(|found| format!("{}: {}", found.field, found.description)).collect()
}

/// A pool of made-up definitions.
pub(crate) fn compile(definitions: &str) -> DescriptorPool {
    let folder = std::env::temp_dir().join(format!("validate-{}", uuid::Uuid::new_v4()));
    fs::create_dir_all(&folder).unwrap();
    let head = r#"syntax = "proto3"; package test; import "buf/validate/validate.proto";
        import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";
        import "google/protobuf/descriptor.proto"; import "google/protobuf/field_mask.proto";"#;
    fs::write(folder.join("test.proto"), format!("{head}\n{definitions}")).unwrap();
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/third_party");
    let mut compiler = protox::Compiler::new([&folder, &contracts]).unwrap();
    compiler.include_imports(true).open_file("test.proto").unwrap_or_else(|error| panic!("{definitions}: {error}"));
    let pool = DescriptorPool::decode(compiler.encode_file_descriptor_set().as_slice()).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    pool
}
