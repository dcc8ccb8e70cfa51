//! Requests as commands: whatever the contract's annotations can't say is checked here, all violations at once.

pub(super) mod case;
pub(super) mod desk;
pub(super) mod handling;

use proto::feedback::v1 as pb;
use service::Parse;

use crate::domain::entry::{Attachment, Message};

/// What somebody wrote; the annotations have bounded it.
fn message(agent: &str, text: &str, attachments: &[pb::Attachment]) -> Message {
    let attachment = |it: &pb::Attachment| Attachment {
        reference: it.reference.clone(),
        media_type: it.media_type.clone(),
        name: it.name.clone(),
    };
    Message {
        agent: agent.to_owned(),
        text: text.to_owned(),
        attachments: attachments.iter().map(attachment).collect(),
    }
}

/// A value of a set that must be named.
fn named<T>(parse: &mut Parse, field: &str, code: i32, of: impl Fn(i16) -> Option<T>) -> Option<T> {
    let found = i16::try_from(code).ok().and_then(of);
    parse.require(found.is_some(), field, "must be one of the values");
    found
}

/// A value of a set that may be left open.
fn open<T>(parse: &mut Parse, field: &str, code: i32, of: impl Fn(i16) -> Option<T>) -> Option<T> {
    if code == 0 { None } else { named(parse, field, code, of) }
}

/// An id of a definition, or nothing.
fn optional_key(parse: &mut Parse, field: &str, text: &str) -> String {
    if !text.is_empty() {
        parse.key(field, text);
    }
    text.to_owned()
}
