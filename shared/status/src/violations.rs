use proto::common::v1::ErrorReason;
use tonic::{Code, Status};

use crate::{
    details::{BadRequest, FieldViolation},
    limits, refuse,
};

/// One field that is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path from the request, such as `order.lines[2].paid`. Empty: the request as a whole.
    pub field: String,
    /// What the value must be, in English, with the limit in it.
    pub description: String,
}

/// All fields of a request that are not valid. The first 50 are kept, the rest only counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations {
    kept: Vec<Violation>,
    count: usize,
}

impl Violations {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn add(&mut self, field: impl AsRef<str>, description: impl AsRef<str>) {
        self.count += 1;
        if self.kept.len() < limits::VIOLATIONS_MAX {
            let cut = |text: &str| limits::cut(text, limits::VIOLATION_TEXT_BYTES_MAX);
            self.kept.push(Violation { field: cut(field.as_ref()), description: cut(description.as_ref()) });
        }
    }

    /// Adds those of a part of the request, whose paths begin at `prefix`.
    pub fn merge(&mut self, prefix: &str, other: Violations) {
        let hidden = other.count - other.kept.len();
        for violation in other.kept {
            self.add(join(prefix, &violation.field), violation.description);
        }
        self.count += hidden;
    }

    /// How many there are, including those that were only counted.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Those that were kept, in the order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.kept.iter()
    }

    /// `Ok` where there is none.
    pub fn check(self) -> Result<(), Violations> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

fn join(prefix: &str, field: &str) -> String {
    match (prefix, field) {
        ("", _) => field.to_owned(),
        (_, "") => prefix.to_owned(),
        _ if field.starts_with('[') => format!("{prefix}{field}"),
        _ => format!("{prefix}.{field}"),
    }
}

impl From<Violations> for Status {
    fn from(violations: Violations) -> Self {
        let mut room = limits::VIOLATIONS_BYTES_MAX;
        let mut listed = Vec::new();
        for Violation { field, description } in violations.kept {
            // A tag and a length of at most two bytes stand before either text and before the pair.
            let Some(rest) = room.checked_sub(field.len() + description.len() + 9) else { break };
            room = rest;
            listed.push(FieldViolation { field, description });
        }
        let message = match (violations.count, listed.len()) {
            (1, 1) => "1 field is not valid".to_owned(),
            (count, shown) if count == shown => format!("{count} fields are not valid"),
            (count, shown) => format!("{count} fields are not valid, the first {shown} are listed"),
        };
        let message = format!("{message}: {}", in_a_line(&listed));
        refuse(Code::InvalidArgument, ErrorReason::FieldsInvalid, message)
            .with("count", violations.count)
            .with("listed", listed.len())
            .with_bad_request(BadRequest { field_violations: listed })
            .into()
    }
}

/// The violations in a line, for those whose client shows a message and no details. A long one is cut.
fn in_a_line(listed: &[FieldViolation]) -> String {
    let each = listed.iter().map(|FieldViolation { field, description }| format!("{field} {description}"));
    each.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use tonic_types::StatusExt;

    use super::*;
    use crate::{reason_of, violations_of};

    #[test]
    fn all_violations_travel_at_once_with_their_paths() {
        let mut line = Violations::new();
        line.add("paid", "must not be negative");
        line.add("", "must name a sku");
        let mut all = Violations::new();
        all.add("order_id", "must not be empty");
        all.merge("order.lines[2]", line);
        let status = Status::from(all);
        let message = "3 fields are not valid: order_id must not be empty; order.lines[2].paid must not be negative; \
                       order.lines[2] must name a sku";
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, message));
        assert_eq!(reason_of(&status).as_deref(), Some("FIELDS_INVALID"));
        // Read back with the library that other Rust clients would use.
        let found = status.get_details_bad_request().unwrap().field_violations;
        let found: Vec<_> = found.iter().map(|v| (v.field.as_str(), v.description.as_str())).collect();
        let want = [
            ("order_id", "must not be empty"),
            ("order.lines[2].paid", "must not be negative"),
            ("order.lines[2]", "must name a sku"),
        ];
        assert_eq!(found, want);
    }

    #[test]
    fn no_violation_is_no_error() {
        assert_eq!(Violations::new().check(), Ok(()));
        let mut one = Violations::new();
        one.add("a", "b");
        assert_eq!(one.clone().check(), Err(one));
    }

    #[test]
    fn fifty_violations_are_listed_and_the_fifty_first_is_only_counted() {
        for (count, message) in
            [(50, "50 fields are not valid"), (51, "51 fields are not valid, the first 50 are listed")]
        {
            let mut all = Violations::new();
            (0..count).for_each(|i| all.add(format!("f{i}"), "bad"));
            assert_eq!(all.len(), count);
            let status = Status::from(all);
            assert!(status.message().starts_with(&format!("{message}: f0 bad; f1 bad; ")), "{}", status.message());
            assert!(status.message().len() <= limits::MESSAGE_BYTES_MAX && status.message().ends_with('…'));
            assert_eq!(violations_of(&status).len(), 50);
        }
    }

    #[test]
    fn merging_keeps_the_count_of_what_was_not_kept() {
        let mut many = Violations::new();
        (0..80).for_each(|i| many.add(format!("f{i}"), "bad"));
        let mut all = Violations::new();
        all.add("x", "bad");
        all.merge("part", many);
        assert_eq!((all.len(), all.iter().count()), (81, 50));
    }

    #[test]
    fn the_largest_status_fits_into_eight_kibibytes_of_trailers() {
        let long = "长".repeat(4000);
        let mut all = Violations::new();
        (0..1000).for_each(|_| all.add(&long, &long));
        let invalid = Status::from(all);
        let mut refusal = refuse(Code::Internal, ErrorReason::Internal, long.clone());
        refusal = (0..100).fold(refusal, |r, i| r.with(format!("key{i}"), &long));
        let entries = vec![FieldViolation { field: "f".repeat(200), description: "d".repeat(200) }; 7];
        let refused = Status::from(refusal.with_bad_request(BadRequest { field_violations: entries }));
        for status in [invalid, refused] {
            let details = base64::prelude::BASE64_STANDARD_NO_PAD.encode(status.details());
            // The message travels percent-encoded: three bytes for each that is not plain ASCII.
            let total = details.len() + status.message().len() * 3;
            assert!(total < 8 * 1024, "{total}");
        }
    }
}
