//! What callers set of a user, and how it is changed.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::refusal::Refusal;
use super::spend::Spend;
use super::user::Snapshot;

/// The most attributes that a user can have.
pub const ATTRIBUTES_MAX: usize = 50;

/// What callers set of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits {
    /// BCP 47 tag; empty: unknown.
    pub locale: String,
    /// IANA zone; empty: the tenant's.
    pub zone: String,
    /// Where the user came from; may be empty.
    pub channel: String,
    /// When the user registered with the app.
    pub registered_at: Option<OffsetDateTime>,
    /// Non-personal attributes.
    pub attributes: BTreeMap<String, String>,
}

/// A user as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The canonical id.
    pub user_id: String,
    /// What callers set.
    pub traits: Traits,
    /// Other ids of the user, in byte order.
    pub aliases: Vec<String>,
    /// What the user has bought.
    pub spend: Spend,
    /// The last visit.
    pub last_visit_at: Option<OffsetDateTime>,
    /// Counts changes of the traits and aliases.
    pub version: i64,
    /// When the user became known.
    pub create_time: OffsetDateTime,
    /// When the traits or aliases last changed.
    pub update_time: OffsetDateTime,
}

impl Profile {
    /// What rules may know of the user.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { registered_at: self.traits.registered_at, spend: self.spend, last_visit_at: self.last_visit_at }
    }

    /// Applies a change to what was read under an etag. Returns the fields whose value is another now. A user just
    /// created has no earlier etag, and its first version whatever is set.
    pub fn change(
        &mut self,
        sent_etag: &str,
        change: &Change,
        created: bool,
        at: OffsetDateTime,
    ) -> Result<Vec<Field>, Refusal> {
        match created {
            true if !sent_etag.is_empty() => return Err(Refusal::EtagMismatch { etag: String::new() }),
            true => {}
            false => check_etag(sent_etag, self.version)?,
        }
        let changed = self.traits.apply(change)?;
        if !changed.is_empty() {
            self.version += i64::from(!created);
            self.update_time = at;
        }
        Ok(changed)
    }
}

/// The etag of a version.
pub fn etag(version: i64) -> String {
    format!("v{version}")
}

/// Refuses a stale etag; an empty one skips the check.
pub fn check_etag(sent: &str, version: i64) -> Result<(), Refusal> {
    let now = etag(version);
    if sent.is_empty() || sent == now { Ok(()) } else { Err(Refusal::EtagMismatch { etag: now }) }
}

/// A field of [`Traits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The locale.
    Locale,
    /// The zone.
    Zone,
    /// The channel.
    Channel,
    /// The registration.
    RegisteredAt,
    /// The attributes.
    Attributes,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Locale, Self::Zone, Self::Channel, Self::RegisteredAt, Self::Attributes];

    /// The name in masks and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Locale => "locale",
            Self::Zone => "zone",
            Self::Channel => "channel",
            Self::RegisteredAt => "registered_at",
            Self::Attributes => "attributes",
        }
    }
}

/// How a profile is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Sets what is not empty and adds attributes to those there.
    Add(Traits),
    /// Sets these fields, empty or not.
    Set(Traits, Vec<Field>),
}

impl Traits {
    /// Applies a change. Returns the fields whose value is another now.
    pub fn apply(&mut self, change: &Change) -> Result<Vec<Field>, Refusal> {
        let mut after = self.clone();
        match change {
            Change::Add(sent) => {
                for (field, is_set) in [
                    (Field::Locale, !sent.locale.is_empty()),
                    (Field::Zone, !sent.zone.is_empty()),
                    (Field::Channel, !sent.channel.is_empty()),
                    (Field::RegisteredAt, sent.registered_at.is_some()),
                ] {
                    if is_set {
                        after.take(sent, field);
                    }
                }
                after.attributes.extend(sent.attributes.clone());
            }
            Change::Set(sent, fields) => fields.iter().for_each(|field| after.take(sent, *field)),
        }
        if after.attributes.len() > ATTRIBUTES_MAX {
            return Err(Refusal::AttributesTooMany { max: ATTRIBUTES_MAX });
        }
        let changed = Field::ALL.into_iter().filter(|field| self.differs(&after, *field)).collect();
        *self = after;
        Ok(changed)
    }

    fn take(&mut self, sent: &Self, field: Field) {
        match field {
            Field::Locale => self.locale.clone_from(&sent.locale),
            Field::Zone => self.zone.clone_from(&sent.zone),
            Field::Channel => self.channel.clone_from(&sent.channel),
            Field::RegisteredAt => self.registered_at = sent.registered_at,
            Field::Attributes => self.attributes.clone_from(&sent.attributes),
        }
    }

    fn differs(&self, other: &Self, field: Field) -> bool {
        match field {
            Field::Locale => self.locale != other.locale,
            Field::Zone => self.zone != other.zone,
            Field::Channel => self.channel != other.channel,
            Field::RegisteredAt => self.registered_at != other.registered_at,
            Field::Attributes => self.attributes != other.attributes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn known() -> Traits {
        let attributes = attributes([("plan", "free"), ("age", "30s")]);
        Traits { locale: "zh-CN".into(), channel: "wechat".into(), attributes, ..Traits::default() }
    }

    #[test]
    fn adding_leaves_what_is_empty_and_merges_attributes() {
        let mut traits = known();
        let sent = Traits { locale: "en".into(), attributes: attributes([("plan", "pro")]), ..Traits::default() };
        let changed = traits.apply(&Change::Add(sent)).unwrap();
        assert_eq!(changed, [Field::Locale, Field::Attributes]);
        let attributes = attributes([("plan", "pro"), ("age", "30s")]);
        assert_eq!(traits, Traits { locale: "en".into(), attributes, ..known() });
    }

    #[test]
    fn setting_empties_the_named_fields_and_no_others() {
        let mut traits = known();
        let fields = vec![Field::Channel, Field::Attributes];
        let changed = traits.apply(&Change::Set(Traits::default(), fields.clone())).unwrap();
        assert_eq!(changed, fields);
        assert_eq!(traits, Traits { locale: "zh-CN".into(), ..Traits::default() });
    }

    #[test]
    fn a_change_to_the_same_values_changes_nothing() {
        let mut traits = known();
        assert_eq!(traits.apply(&Change::Set(known(), Field::ALL.to_vec())), Ok(vec![]));
        assert_eq!(traits.apply(&Change::Add(known())), Ok(vec![]));
    }

    #[test]
    fn attributes_end_at_fifty() {
        let many = |range: std::ops::Range<usize>| {
            let attributes = range.map(|i| (format!("a{i}"), String::new())).collect();
            Change::Add(Traits { attributes, ..Traits::default() })
        };
        let mut traits = Traits::default();
        traits.apply(&many(0..50)).unwrap();
        let before = traits.clone();
        assert_eq!(traits.apply(&many(50..51)), Err(Refusal::AttributesTooMany { max: 50 }));
        assert_eq!(traits, before);
    }

    #[test]
    fn a_stale_etag_is_refused_and_an_empty_one_skips_the_check() {
        assert_eq!(check_etag("", 3), Ok(()));
        assert_eq!(check_etag("v3", 3), Ok(()));
        assert_eq!(check_etag("v2", 3), Err(Refusal::EtagMismatch { etag: "v3".into() }));
    }
}
