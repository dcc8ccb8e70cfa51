use std::collections::HashMap;
use std::sync::LazyLock;

use prost::Name;

/// A message of the contracts that has the option `event_type`.
pub trait EventPayload: prost::Message + Name {
    /// Its type, such as `order.completed`.
    ///
    /// # Panics
    /// On a message without the option, which no test of an event passes.
    fn event_type() -> &'static str {
        let name = Self::full_name();
        KINDS.get(&name).unwrap_or_else(|| panic!("{name} lacks the option event_type"))
    }
}

impl<M: prost::Message + Name> EventPayload for M {}

/// Read from the descriptors once: a message's full name to its event type.
static KINDS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let option = proto::POOL.get_extension_by_name("banyan.common.v1.event_type").expect("the contracts define it");
    let kind = |message: prost_reflect::MessageDescriptor| {
        let options = message.options();
        let value = options.has_extension(&option).then(|| options.get_extension(&option).as_str().map(str::to_owned));
        Some((message.full_name().to_owned(), value??))
    };
    proto::POOL.all_messages().filter_map(kind).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_payload_is_read_from_its_contract() {
        assert_eq!(proto::profiles::v1::OrderCompleted::event_type(), "order.completed");
        assert_eq!(proto::levels::v1::PointsPosted::event_type(), "points.posted");
    }

    #[test]
    #[should_panic(expected = "banyan.events.v1.Event lacks the option event_type")]
    fn a_message_that_is_no_event_is_refused() {
        proto::events::v1::Event::event_type();
    }
}
