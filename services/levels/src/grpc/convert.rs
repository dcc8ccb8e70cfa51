//! Requests as commands: whatever the contract's annotations can't say is checked here, all violations at once.

use ids::{Key, UserId};
use prost_types::Timestamp;
use proto::levels::v1 as pb;
use requests::body_of;
use service::Parse;
use status::Violations;
use time::OffsetDateTime;

use crate::commands::{Earn, ReverseEntry, Spend, Transfer};
use crate::domain::account::Occasion;
use crate::domain::entry::{EntryKind, Filter, Origin};
use crate::domain::point_type::AMOUNT_MAX;

/// A user, as reads name one.
pub(super) fn one_user(user: &str) -> Result<UserId, Violations> {
    let mut parse = Parse::default();
    let user = parse.user(user);
    parse.done(user)
}

/// A user and a point type or scheme, as reads name them.
pub(super) fn user_and_key(user: &str, field: &str, id: &str) -> Result<(UserId, Key), Violations> {
    let mut parse = Parse::default();
    let (user, key) = (parse.user(user), parse.key(field, id));
    parse.done(user.zip(key))
}

/// How many there are, as the contract counts.
pub(super) fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn amount(parse: &mut Parse, amount: i64) {
    if !(1..=AMOUNT_MAX).contains(&amount) {
        parse.refuse("amount", format!("must lie between 1 and {AMOUNT_MAX}"));
    }
}

/// The id of a part of the programme.
pub(super) fn one_key(field: &str, id: &str) -> Result<Key, Violations> {
    let mut parse = Parse::default();
    let key = parse.key(field, id);
    parse.done(key)
}

/// As [`one_key`], with the time that a read is as of.
pub(super) fn key_and_time(
    field: &str,
    id: &str,
    at: Option<&Timestamp>,
) -> Result<(Key, Option<OffsetDateTime>), Violations> {
    let mut parse = Parse::default();
    let (key, at) = (parse.key(field, id), parse.time("at", at));
    parse.done(key.map(|key| (key, at)))
}

/// An account, and which of its entries are wanted.
pub(super) fn list_entries(sent: &pb::ListEntriesRequest) -> Result<(UserId, Key, Filter), Violations> {
    let mut parse = Parse::default();
    let (user, key) = (parse.user(&sent.user_id), parse.key("point_type_id", &sent.point_type_id));
    let (from, until) = (parse.time("from", sent.from.as_ref()), parse.time("until", sent.until.as_ref()));
    if from.zip(until).is_some_and(|(from, until)| from >= until) {
        parse.refuse("until", "must be after from");
    }
    let kind = |code: &i32| i16::try_from(*code).ok().and_then(EntryKind::from_code);
    let kinds: Option<Vec<EntryKind>> = sent.kinds.iter().map(kind).collect();
    if kinds.is_none() {
        parse.refuse("kinds", "must be kinds of entries");
    }
    let read = (|| Some((user?, key?, Filter { kinds: kinds?, from, until })))();
    parse.done(read)
}

pub(super) fn earn(sent: &pb::EarnRequest) -> Result<Earn, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "PointsService/Earn", &sent.request_id, body_of(sent));
    let (user, point_type) = (parse.user(&sent.user_id), parse.key("point_type_id", &sent.point_type_id));
    amount(&mut parse, sent.amount);
    let occurred_at = parse.time("occurred_at", sent.occurred_at.as_ref());
    if occurred_at.is_some_and(|at| at < OffsetDateTime::UNIX_EPOCH) {
        parse.refuse("occurred_at", "must not lie before 1970");
    }
    let (cost_centre, funder) = (sent.cost_centre.clone(), sent.funder);
    let origin = Origin { cost_centre, funder, ..origin(&sent.reason, &sent.order_id) };
    let occasion = Occasion { occurred_at, origin };
    let read =
        (|| Some(Earn { request: request?, user: user?, point_type: point_type?, amount: sent.amount, occasion }))();
    parse.done(read)
}

pub(super) fn spend(sent: &pb::SpendRequest) -> Result<Spend, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "PointsService/Spend", &sent.request_id, body_of(sent));
    let (user, point_type) = (parse.user(&sent.user_id), parse.key("point_type_id", &sent.point_type_id));
    amount(&mut parse, sent.amount);
    let (cost_centre, funder) = (sent.cost_centre.clone(), sent.funder);
    let origin = Origin { cost_centre, funder, ..origin(&sent.reason, &sent.order_id) };
    let occasion = Occasion { occurred_at: None, origin };
    let read =
        (|| Some(Spend { request: request?, user: user?, point_type: point_type?, amount: sent.amount, occasion }))();
    parse.done(read)
}

pub(super) fn reverse_entry(sent: &pb::ReverseEntryRequest) -> Result<ReverseEntry, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "PointsService/ReverseEntry", &sent.request_id, body_of(sent));
    let (user, point_type) = (parse.user(&sent.user_id), parse.key("point_type_id", &sent.point_type_id));
    parse.require(sent.entry_seq >= 1, "entry_seq", "must be 1 or more");
    if !(0..=AMOUNT_MAX).contains(&sent.amount) {
        parse.refuse("amount", format!("must lie between 0 and {AMOUNT_MAX}"));
    }
    let (entry_seq, amount, reason) = (sent.entry_seq, sent.amount, sent.reason.clone());
    let parts = request.zip(user).zip(point_type);
    let command = |((request, user), point_type)| ReverseEntry { request, user, point_type, entry_seq, amount, reason };
    parse.done(parts.map(command))
}

pub(super) fn transfer(sent: &pb::TransferRequest) -> Result<Transfer, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "PointsService/Transfer", &sent.request_id, body_of(sent));
    let (user, to) = (parse.user(&sent.user_id), parse.user_in("to_user_id", &sent.to_user_id));
    let point_type = parse.key("point_type_id", &sent.point_type_id);
    amount(&mut parse, sent.amount);
    let (amount, reason) = (sent.amount, sent.reason.clone());
    let parts = request.zip(user).zip(to.zip(point_type));
    let command = |((request, user), (to, point_type))| Transfer { request, user, to, point_type, amount, reason };
    parse.done(parts.map(command))
}

pub(super) fn origin(reason: &str, order_id: &str) -> Origin {
    Origin { reason: reason.to_owned(), order_id: order_id.to_owned(), ..Origin::default() }
}
