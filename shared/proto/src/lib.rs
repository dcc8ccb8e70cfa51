//! Messages, clients and servers generated from the folder `proto/` by `cargo xtask gen`, and their descriptors.
//! The comments stand in the `.proto` files and are carried over by the generator.

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

/// The serialised descriptor set of every package, with all options: for reflection, transcoding and validation.
pub const DESCRIPTORS: &[u8] = include_bytes!("gen/descriptors.bin");

/// The same, decoded once.
pub static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).expect("the committed descriptor set is valid"));

macro_rules! package {
    ($name:ident, $file:literal) => {
        #[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all, unreachable_pub)]
        pub mod $name {
            pub mod v1 {
                include!($file);
            }
        }
    };
}

// The generated code refers to other packages by their full path, so the modules nest as the packages do.
mod banyan {
    package!(admin, "gen/banyan.admin.v1.rs");
    package!(common, "gen/banyan.common.v1.rs");
    package!(events, "gen/banyan.events.v1.rs");
    package!(feedback, "gen/banyan.feedback.v1.rs");
    package!(incentives, "gen/banyan.incentives.v1.rs");
    package!(levels, "gen/banyan.levels.v1.rs");
    package!(profiles, "gen/banyan.profiles.v1.rs");
    package!(programme, "gen/banyan.programme.v1.rs");
}
pub use banyan::{admin, common, events, feedback, incentives, levels, profiles, programme};

/// Google's shared types.
#[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all, unreachable_pub)]
pub mod google {
    pub mod rpc {
        include!("gen/google.rpc.rs");
    }
    pub mod r#type {
        include!("gen/google.type.rs");
    }
}
