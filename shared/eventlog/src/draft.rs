use ids::EventId;
use proto::events::v1::{Cause, Event, EventMode, Facts};
use time::OffsetDateTime;

use crate::EventPayload;

/// A chain of causes is refused at this length.
pub const HOPS_MAX: i32 = 8;

/// A chain of causes has become too long: the rules of the tenant set each other off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the chain of causes that began with {root_event_id} has {HOPS_MAX} links")]
pub struct TooManyHops {
    /// Where the chain began.
    pub root_event_id: String,
}

/// What a follow-up keeps of the event that caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The event's place.
    pub cause: Cause,
    /// Where its chain began.
    pub root_event_id: String,
    /// Length of its own chain.
    pub hops: i32,
    /// What it may set in motion, and so its follow-ups.
    pub mode: EventMode,
}

impl Link {
    /// The link to an event read from the log of `source`.
    pub fn to(source: &str, event: &Event) -> Self {
        Self {
            cause: Cause { source: source.to_owned(), partition: event.partition, seq: event.seq },
            root_event_id: event.root_event_id.clone(),
            hops: event.hops,
            mode: event.mode(),
        }
    }
}

/// An event that has no place in the log yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The canonical user id; empty for an event about no user.
    pub user: String,
    /// Unique within (tenant, log).
    pub event_id: EventId,
    /// The type, such as `order.completed`.
    pub kind: &'static str,
    /// The payload message, serialised.
    pub payload: Vec<u8>,
    /// What is known of the user.
    pub facts: Facts,
    /// What made it happen; set by [`Draft::caused_by`].
    pub cause: Option<Link>,
    /// The event that it is part of; set by [`Draft::part_of`].
    pub whole: Option<EventId>,
    /// When it happened in the world.
    pub occurred_at: OffsetDateTime,
    /// What it may set in motion.
    pub mode: EventMode,
    /// The app, shop or brand; may be empty.
    pub site: String,
    /// Whether a consumer that does not know the type must stop.
    pub must_understand: bool,
    /// The trace it belongs to: that of the current span.
    pub traceparent: String,
}

impl Draft {
    /// A live event without cause or facts.
    pub fn new<P: EventPayload>(
        user: impl Into<String>,
        event_id: EventId,
        payload: &P,
        occurred_at: OffsetDateTime,
    ) -> Self {
        Self {
            user: user.into(),
            event_id,
            kind: P::event_type(),
            payload: payload.encode_to_vec(),
            facts: Facts::default(),
            cause: None,
            whole: None,
            occurred_at,
            mode: EventMode::Live,
            site: String::new(),
            must_understand: false,
            traceparent: telemetry::current_traceparent(),
        }
    }

    /// With what is known of the user.
    #[must_use]
    pub fn facts(mut self, facts: Facts) -> Self {
        self.facts = facts;
        self
    }

    /// In another mode than live.
    #[must_use]
    pub fn mode(mut self, mode: EventMode) -> Self {
        self.mode = mode;
        self
    }

    /// At an app, shop or brand.
    #[must_use]
    pub fn site(mut self, site: impl Into<String>) -> Self {
        self.site = site.into();
        self
    }

    /// Not to be skipped by a consumer that does not know the type.
    #[must_use]
    pub fn must_understand(mut self) -> Self {
        self.must_understand = true;
        self
    }

    /// As a follow-up: one link longer than its cause, with the cause's root and mode.
    pub fn caused_by(mut self, link: &Link) -> Result<Self, TooManyHops> {
        if link.hops + 1 >= HOPS_MAX {
            return Err(TooManyHops { root_event_id: link.root_event_id.clone() });
        }
        self.mode = link.mode;
        self.cause = Some(link.clone());
        Ok(self)
    }

    /// As something that the same report made true as `event`, which tells of the report itself: whoever asks what `event` led
    /// to is told of this one, and of what it leads to. Both begin the chain; neither is the other's cause.
    #[must_use]
    pub fn part_of(mut self, event: EventId) -> Self {
        self.whole = Some(event);
        self
    }

    /// Length of its chain of causes.
    pub fn hops(&self) -> i32 {
        self.cause.as_ref().map_or(0, |link| link.hops + 1)
    }

    /// Where its chain of causes began: where it has no cause, with the event that it is part of, or with itself.
    pub fn root_event_id(&self) -> &str {
        let own = || self.whole.as_ref().unwrap_or(&self.event_id).as_str();
        self.cause.as_ref().map_or_else(own, |link| &link.root_event_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(id: &str) -> Draft {
        let payload = proto::profiles::v1::UserVisited { duration_seconds: 3 };
        Draft::new("u", EventId::new(id).unwrap(), &payload, OffsetDateTime::UNIX_EPOCH)
    }

    fn recorded(draft: &Draft, seq: i64) -> Event {
        Event {
            partition: 4,
            seq,
            root_event_id: draft.root_event_id().to_owned(),
            hops: draft.hops(),
            mode: draft.mode.into(),
            ..Event::default()
        }
    }

    #[test]
    fn a_follow_up_carries_root_and_mode_and_is_one_hop_longer() {
        let first = draft("first").mode(EventMode::Facts);
        let link = Link::to("profiles", &recorded(&first, 9));
        let second = draft("second").caused_by(&link).unwrap();
        assert_eq!((second.root_event_id(), second.hops(), second.mode), ("first", 1, EventMode::Facts));
        assert_eq!(link.cause, Cause { source: "profiles".to_owned(), partition: 4, seq: 9 });
    }

    #[test]
    fn a_part_of_an_event_begins_its_chain_at_that_event() {
        let part = draft("first#paid").part_of(EventId::new("first").unwrap());
        let second = draft("second").caused_by(&Link::to("profiles", &recorded(&part, 9))).unwrap();
        assert_eq!((part.root_event_id(), part.hops(), &part.cause), ("first", 0, &None));
        assert_eq!((second.root_event_id(), second.hops()), ("first", 1));
    }

    #[test]
    fn a_chain_is_refused_at_eight_hops() {
        let mut last = draft("first");
        for seq in 1..HOPS_MAX {
            last = draft("next").caused_by(&Link::to("levels", &recorded(&last, seq.into()))).unwrap();
        }
        assert_eq!(last.hops(), 7);
        let refused = draft("one more").caused_by(&Link::to("levels", &recorded(&last, 8)));
        assert_eq!(refused, Err(TooManyHops { root_event_id: "first".to_owned() }));
    }
}
