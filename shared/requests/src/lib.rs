//! Request ids: one effect per id, and the first answer again on a replay.
//!
//! A write holds its locks, looks up its ids in a later statement, decides, writes, and records the outcome in the same
//! transaction. Of two callers with the same id the second to record loses on the primary key; that comes back as a
//! conflict, and the new attempt finds the first one's record. Refusals decided from state are recorded as well, so that
//! a late duplicate cannot take effect after its caller was told "no".

mod purge;
mod record;
mod recorded;

use aws_lc_rs::digest;
use ids::RequestId;
use prost::Message;

pub use purge::{RETENTION, purge};
pub use record::{Keep, Known, look_up, record};
pub use recorded::{Encoded, Recorded};

/// The migrations of the records, version 100 and up.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// What makes a write the same as an earlier one: the scope of its id, and the whole of its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The user id as sent, or empty where the method names no user.
    pub user: String,
    /// Tail of the gRPC path, such as `PointsService/Earn`.
    pub method: &'static str,
    /// The caller's id.
    pub id: RequestId,
    /// From [`body_of`].
    pub body: [u8; 32],
}

impl Request {
    /// What an id is unique within.
    fn scope(&self) -> (&str, &str, &str) {
        (&self.user, self.method, self.id.as_str())
    }
}

/// SHA-256 of a request as encoded by prost, which writes fields and map entries in a fixed order: equal bodies have equal
/// hashes however the caller encoded them.
pub fn body_of(request: &impl Message) -> [u8; 32] {
    let hash = digest::digest(&digest::SHA256, &request.encode_to_vec());
    hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// For each request of a batch, the place of the first one with the same id in the same scope: its own place unless it is
/// a repeat. Only firsts are decided and recorded. A repeat takes its first's outcome where the bodies are equal, and is
/// refused as reused where they differ.
pub fn first_of_each(requests: &[&Request]) -> Vec<usize> {
    let mut places = std::collections::HashMap::with_capacity(requests.len());
    requests.iter().enumerate().map(|(place, request)| *places.entry(request.scope()).or_insert(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(user: &str, id: &str, body: i64) -> Request {
        let id = RequestId::new(id).expect("a request id");
        Request { user: user.to_owned(), method: "TillService/Pay", id, body: body_of(&body) }
    }

    #[test]
    fn a_repeat_points_to_its_first_whatever_its_body() {
        let batch = [request("u1", "a", 1), request("u1", "b", 1), request("u1", "a", 2), request("u2", "a", 1)];
        assert_eq!(first_of_each(&batch.iter().collect::<Vec<_>>()), [0, 1, 0, 3]);
    }

    #[test]
    fn a_part_of_one_scope_never_reads_as_a_part_of_another() {
        let batch = [request("u1", "a", 1), request("u", "1a", 1), request("", "u1a", 1)];
        assert_eq!(first_of_each(&batch.iter().collect::<Vec<_>>()), [0, 1, 2]);
    }

    #[test]
    fn bodies_differ_where_any_field_does() {
        assert_eq!(body_of(&1_i64), body_of(&1_i64));
        assert_ne!(body_of(&1_i64), body_of(&2_i64));
        assert_ne!(body_of(&String::new()), body_of(&"a".to_owned()));
    }
}
