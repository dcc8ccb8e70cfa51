use ids::{Key, RequestId, UserId};
use prost_types::{FieldMask, Timestamp};
use proto::common::v1::LocalizedText as Text;
use requests::Request;
use status::Violations;
use time::OffsetDateTime;
use units::text::LocalizedText;
use units::time::from_proto;

/// Collects violations while values are read; what can't be read is replaced by anything, as it is never used.
#[derive(Default)]
pub struct Parse {
    violations: Violations,
}

impl Parse {
    /// Notes that a field, by its path from the request, is not valid.
    pub fn refuse(&mut self, field: impl AsRef<str>, why: impl AsRef<str>) {
        self.violations.add(field, why);
    }

    /// Notes a violation unless the condition holds.
    pub fn require(&mut self, holds: bool, field: &str, why: &str) {
        if !holds {
            self.refuse(field, why);
        }
    }

    /// The id of a definition.
    pub fn key(&mut self, field: &str, text: &str) -> Option<Key> {
        Key::new(text).map_err(|fault| self.refuse(field, fault.to_string())).ok()
    }

    /// The field `user_id`.
    pub fn user(&mut self, text: &str) -> Option<UserId> {
        self.user_in("user_id", text)
    }

    /// A user in a field of another name.
    pub fn user_in(&mut self, field: &str, text: &str) -> Option<UserId> {
        UserId::new(text).map_err(|fault| self.refuse(field, fault.to_string())).ok()
    }

    /// A time; `None` also where it is absent.
    pub fn time(&mut self, field: &str, at: Option<&Timestamp>) -> Option<OffsetDateTime> {
        from_proto(at?).map_err(|fault| self.refuse(field, fault.to_string())).ok()
    }

    /// The request of a write: the field `request_id` in the scope of a user (as sent, or empty) and method (the tail of
    /// its path), with the hash of the whole body.
    pub fn request(&mut self, user: &str, method: &'static str, id: &str, body: [u8; 32]) -> Option<Request> {
        let id = RequestId::new(id).map_err(|fault| self.refuse("request_id", fault.to_string())).ok()?;
        Some(Request { user: user.to_owned(), method, id, body })
    }

    /// What the field `update_mask` names among what may be changed: all of it where it names nothing, or `*`.
    pub fn mask<T: Copy>(&mut self, sent: Option<&FieldMask>, known: &[(&str, T)]) -> Vec<T> {
        mask(sent, known).unwrap_or_else(|fault| {
            self.refuse("update_mask", fault);
            Vec::new()
        })
    }

    /// A text that users see.
    pub fn text(&mut self, field: &str, text: Option<&Text>) -> LocalizedText {
        let Some(text) = text else {
            self.refuse(field, "is required");
            return LocalizedText::default();
        };
        if !text.fallback.is_empty() && !text.texts.contains_key(&text.fallback) {
            self.refuse(format!("{field}.fallback"), "must be one of the languages in texts");
        }
        LocalizedText { texts: text.texts.clone(), fallback: text.fallback.clone() }
    }

    /// What was read, where nothing is wrong with it.
    pub fn done<T>(self, read: Option<T>) -> Result<T, Violations> {
        self.violations.check()?;
        // a value is only missing together with its violation
        read.ok_or_else(|| {
            let mut violations = Violations::new();
            violations.add("", "cannot be read");
            violations
        })
    }
}

/// What a mask names among what may be changed: all of it where it names nothing, or `*`. The error says what may be named.
pub fn mask<T: Copy>(sent: Option<&FieldMask>, known: &[(&str, T)]) -> Result<Vec<T>, String> {
    let paths = sent.map(|mask| mask.paths.as_slice()).unwrap_or_default();
    if paths.is_empty() || paths == ["*"] {
        return Ok(known.iter().map(|(_, value)| *value).collect());
    }
    let named = |path: &String| known.iter().find(|(name, _)| name == path).map(|(_, value)| *value);
    let chosen: Option<Vec<T>> = paths.iter().map(named).collect();
    chosen.ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let unknown = paths.iter().map(String::as_str).filter(|path| !names.contains(path));
        format!("may name {}; not {}", names.join(", "), unknown.collect::<Vec<_>>().join(", "))
    })
}
