//! The catalogue of actions: what is worth rewarding, and what leads to penalties.

use std::collections::BTreeSet;

use ids::Key;
use serde::{Deserialize, Serialize};
use units::text::LocalizedText;

use super::penalty::Kind;
use super::trigger::TRIGGERS;

/// The longest that a ladder's step lasts, in seconds: 3,650 days.
pub const DURATION_MAX_S: i64 = 3_650 * 86_400;

/// Something that users do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its id.
    pub id: Key,
    /// What operators call it.
    pub display_name: LocalizedText,
    /// The event that tells of it; may be empty.
    pub event_type: String,
    /// False: worth rewarding; true: to be penalised.
    pub harmful: bool,
    /// What it is worth, or what harm it does.
    pub value_note: String,
    /// What offences lead to.
    pub ladder: Option<Ladder>,
    /// 1, then one more with each change.
    pub revision: i64,
}

/// What the first, second, ... offence within a time leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// How far back offences count, in days.
    pub window_days: i64,
    /// One or more.
    pub steps: Vec<Step>,
    /// Each offence past the last step doubles its duration.
    pub doubles: bool,
}

/// What an offence leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The penalty.
    pub kind: Kind,
    /// How long, in seconds; `None`: for ever.
    pub duration_s: Option<i64>,
    /// What the user may not do.
    pub restrictions: Vec<String>,
}

impl Ladder {
    /// What the n-th offence leads to, counted from 1.
    pub fn step(&self, offence: i64) -> Step {
        let last = self.steps.len().saturating_sub(1);
        let place = usize::try_from(offence.max(1) - 1).unwrap_or(usize::MAX);
        let mut step = self.steps[place.min(last)].clone();
        if let (true, Some(duration_s)) = (self.doubles, step.duration_s) {
            let times = place.saturating_sub(last).min(40);
            step.duration_s = Some(duration_s.saturating_mul(1 << times).min(DURATION_MAX_S));
        }
        step
    }
}

/// What a programme does not cover.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Event types that neither an action names nor a campaign uses.
    pub event_types: Vec<String>,
    /// Good actions whose event no campaign uses.
    pub good: Vec<String>,
    /// Harmful actions without ladder and penalty.
    pub harmful: Vec<String>,
}

impl Gaps {
    /// Of the catalogue, the event types of campaigns that are not ended, and the actions that penalties name.
    pub fn of(actions: &[Action], campaign_events: &BTreeSet<String>, penalised: &BTreeSet<String>) -> Self {
        let named: BTreeSet<&str> = actions.iter().map(|action| action.event_type.as_str()).collect();
        let open = |event: &&str| !named.contains(*event) && !campaign_events.contains(*event);
        let ids =
            |keep: &dyn Fn(&&Action) -> bool| actions.iter().filter(keep).map(|action| action.id.to_string()).collect();
        Self {
            event_types: TRIGGERS.iter().filter(|event| open(event)).map(|event| (*event).to_owned()).collect(),
            good: ids(&|it| !it.harmful && !campaign_events.contains(&it.event_type)),
            harmful: ids(&|it| it.harmful && it.ladder.is_none() && !penalised.contains(it.id.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mute(hours: i64) -> Step {
        Step { kind: Kind::Mute, duration_s: Some(hours * 3_600), restrictions: vec!["post".to_owned()] }
    }

    #[test]
    fn further_offences_lengthen_as_the_ladder_says() {
        let warn = Step { kind: Kind::Warn, duration_s: None, restrictions: Vec::new() };
        let mut ladder = Ladder { window_days: 90, steps: vec![warn.clone(), mute(24)], doubles: true };
        let steps: Vec<Step> = (1..=4).map(|offence| ladder.step(offence)).collect();
        assert_eq!(steps, [warn, mute(24), mute(48), mute(96)]);
        assert_eq!(ladder.step(1_000_000).duration_s, Some(DURATION_MAX_S));
        ladder.doubles = false;
        assert_eq!(ladder.step(9), mute(24));
    }

    #[test]
    fn gaps_are_what_neither_action_nor_campaign_nor_penalty_covers() {
        let action = |id: &str, event_type: &str, harmful, ladder| Action {
            id: Key::new(id).unwrap(),
            display_name: LocalizedText::default(),
            event_type: event_type.to_owned(),
            harmful,
            value_note: String::new(),
            ladder,
            revision: 1,
        };
        let ladder = Ladder { window_days: 1, steps: vec![mute(1)], doubles: false };
        let actions = [
            action("buys", "order.paid", false, None),
            action("visits", "user.visited", false, None),
            action("spams", "", true, None),
            action("insults", "", true, None),
            action("cheats", "", true, Some(ladder)),
        ];
        let gaps = Gaps::of(&actions, &["order.paid".to_owned()].into(), &["spams".to_owned()].into());
        let uncovered = TRIGGERS.iter().filter(|it| !["order.paid", "user.visited"].contains(it));
        assert_eq!(
            gaps,
            Gaps {
                event_types: uncovered.map(|it| (*it).to_owned()).collect(),
                good: vec!["visits".to_owned()],
                harmful: vec!["insults".to_owned()],
            }
        );
    }
}
