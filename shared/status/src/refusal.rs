use std::{collections::BTreeMap, fmt, time::Duration};

use proto::common::v1::Label;
use tonic::{Code, Status};

use crate::{
    DOMAIN, Reason,
    details::{self, BadRequest, ErrorInfo, LocalizedMessage, RetryInfo},
    label, limits,
};

/// The longest wait that a refusal asks for.
const RETRY_MAX: Duration = Duration::from_secs(24 * 3600);

/// A refusal in the making. Convert it into a [`Status`] to send it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    code: Code,
    reason: &'static str,
    label: Option<&'static Label>,
    message: String,
    metadata: BTreeMap<String, String>,
    retry_after: Option<Duration>,
    bad_request: Option<BadRequest>,
}

/// Begins a refusal. The message is for developers, in English, without SQL, paths or personal data; every variable in it
/// belongs into the metadata too ([`Refusal::with`]).
pub fn refuse<R: Reason>(code: Code, reason: R, message: impl Into<String>) -> Refusal {
    Refusal {
        code,
        reason: reason.name(),
        label: label(reason),
        message: message.into(),
        metadata: BTreeMap::new(),
        retry_after: None,
        bad_request: None,
    }
}

impl Refusal {
    /// Adds a variable of the message.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl fmt::Display) -> Self {
        self.metadata.insert(key.into(), limits::cut(&value.to_string(), limits::METADATA_VALUE_BYTES_MAX));
        self
    }

    /// Says that the same call may succeed later, and when to try.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    pub(crate) fn with_bad_request(mut self, bad_request: BadRequest) -> Self {
        self.bad_request = Some(bad_request);
        self
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let metadata = fitting(refusal.metadata);
        let info = ErrorInfo { reason: refusal.reason.to_owned(), domain: DOMAIN.to_owned(), metadata };
        let mut all = vec![details::any(&info)];
        if let Some(bad_request) = &refusal.bad_request {
            all.push(details::any(bad_request));
        }
        if let Some(delay) = refusal.retry_after {
            let retry_delay = Some(delay.min(RETRY_MAX).try_into().expect("a day is in the type's range"));
            all.push(details::any(&RetryInfo { retry_delay }));
        }
        if let Some(label) = refusal.label {
            for (locale, message) in [("zh", &label.zh), ("en", &label.en)] {
                all.push(details::any(&LocalizedMessage { locale: locale.to_owned(), message: message.clone() }));
            }
        }
        details::status(refusal.code, limits::cut(&refusal.message, limits::MESSAGE_BYTES_MAX), all)
    }
}

fn fitting(metadata: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut room = limits::METADATA_BYTES_MAX;
    let mut fits = |key: &String, value: &String| match room.checked_sub(key.len() + value.len()) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    metadata.into_iter().filter(|(key, value)| fits(key, value)).collect()
}

#[cfg(test)]
mod tests {
    use proto::{common::v1::ErrorReason as Common, levels::v1::ErrorReason as Levels};
    use tonic_types::{ErrorDetail, StatusExt};

    use super::*;
    use crate::{from_rpc, metadata_of, reason_of, to_rpc};

    #[test]
    fn a_refusal_carries_one_error_info_and_a_sentence_in_each_language() {
        let status: Status = refuse(Code::FailedPrecondition, Common::EtagMismatch, "profile u1 has etag 7")
            .with("user_id", "u1")
            .with("etag", 7)
            .into();
        assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, "profile u1 has etag 7"));
        // Read back with the library that other Rust clients would use.
        let details = status.check_error_details_vec().unwrap();
        let [ErrorDetail::ErrorInfo(info), ErrorDetail::LocalizedMessage(zh), ErrorDetail::LocalizedMessage(en)] =
            &details[..]
        else {
            panic!("{details:?}");
        };
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("ETAG_MISMATCH", "banyan"));
        assert_eq!((info.metadata["user_id"].as_str(), info.metadata["etag"].as_str()), ("u1", "7"));
        assert_eq!((zh.locale.as_str(), zh.message.as_str()), ("zh", "数据已被修改，请重新读取"));
        assert_eq!((en.locale.as_str(), en.message.as_str()), ("en", "the resource has changed since it was read"));
    }

    #[test]
    fn a_refusal_that_is_worth_a_retry_says_when() {
        let status: Status = refuse(Code::ResourceExhausted, Common::Overloaded, "the server is overloaded")
            .retry_after(Duration::from_millis(1500))
            .into();
        let retry = status.get_details_retry_info().unwrap();
        assert_eq!(retry.retry_delay, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn a_refusal_encodes_to_the_same_bytes_each_time() {
        let make = || -> Status {
            let keys = ["b", "a", "d", "c", "e"];
            keys.iter().fold(refuse(Code::Aborted, Common::Conflict, "x"), |r, key| r.with(*key, key)).into()
        };
        assert!((0..20).all(|_| make().details() == make().details()));
    }

    #[test]
    fn a_status_survives_the_way_through_a_batch_outcome() {
        let status: Status = refuse(Code::NotFound, Levels::PointTypeNotFound, "no such type").with("id", "p").into();
        let back = from_rpc(&to_rpc(&status));
        assert_eq!((back.code(), back.message()), (status.code(), status.message()));
        assert_eq!(reason_of(&back).as_deref(), Some("POINT_TYPE_NOT_FOUND"));
        assert_eq!(metadata_of(&back), BTreeMap::from([("id".to_owned(), "p".to_owned())]));
    }

    #[test]
    fn a_status_without_details_becomes_a_message_without_details() {
        let body = to_rpc(&Status::cancelled("gone"));
        assert_eq!((body.code, body.message.as_str(), body.details.len()), (1, "gone", 0));
    }

    #[test]
    fn texts_at_the_limit_pass_whole_and_one_byte_more_is_cut() {
        for (length, kept) in [(limits::MESSAGE_BYTES_MAX, true), (limits::MESSAGE_BYTES_MAX + 1, false)] {
            let text = "a".repeat(length);
            let status: Status = refuse(Code::Internal, Common::Internal, text.clone()).into();
            assert_eq!(status.message() == text, kept);
            assert!(status.message().len() <= limits::MESSAGE_BYTES_MAX);
        }
        assert_eq!(limits::cut("用户用户", 9), "用户…");
    }
}
