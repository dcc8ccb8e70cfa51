use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use proto::common::v1::ErrorReason;
use tonic::{Code, Status};

pub(crate) const GRPC_TIMEOUT: &str = "grpc-timeout";

/// Reads `grpc-timeout`: one to eight digits and a unit, as the protocol has it. A caller that says anything else means
/// a deadline that we would not keep, so it is told.
pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let mut values = headers.get_all(GRPC_TIMEOUT).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => parse(value.as_bytes()).map(Some).ok_or_else(malformed),
        (Some(_), Some(_)) => Err(malformed()),
    }
}

fn malformed() -> Status {
    status::refuse(Code::InvalidArgument, ErrorReason::TimeoutMalformed, "the grpc-timeout header is malformed").into()
}

fn parse(text: &[u8]) -> Option<Duration> {
    let (unit, digits) = text.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    match unit {
        b'H' => Some(Duration::from_secs(number * 3600)),
        b'M' => Some(Duration::from_secs(number * 60)),
        b'S' => Some(Duration::from_secs(number)),
        b'm' => Some(Duration::from_millis(number)),
        b'u' => Some(Duration::from_micros(number)),
        b'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// Writes a `grpc-timeout`, never longer than `left`.
pub(crate) fn header(left: Duration) -> HeaderValue {
    const LARGEST: u128 = 99_999_999;
    let text = [(left.as_micros(), 'u'), (left.as_millis(), 'm'), (left.as_secs().into(), 'S')]
        .into_iter()
        .find(|(number, _)| *number <= LARGEST)
        .map_or_else(|| format!("{LARGEST}S"), |(number, unit)| format!("{number}{unit}"));
    HeaderValue::try_from(text).expect("digits and a letter are a header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_of_the_protocol_are_read() {
        let table = [
            ("1H", Duration::from_secs(3600)),
            ("2M", Duration::from_secs(120)),
            ("3S", Duration::from_secs(3)),
            ("4m", Duration::from_millis(4)),
            ("5u", Duration::from_micros(5)),
            ("6n", Duration::from_nanos(6)),
            ("0S", Duration::ZERO),
            ("00000001S", Duration::from_secs(1)),
            ("99999999H", Duration::from_secs(99_999_999 * 3600)),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        let malformed =
            ["", "S", "1", "-1S", "+1S", "1s", "1 S", " 1S", "1.5S", "1e3S", "0x1S", "123456789S", "1SS", "1μ", "１S"];
        for text in malformed {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn two_headers_are_malformed() {
        let mut headers = HeaderMap::new();
        headers.append(GRPC_TIMEOUT, HeaderValue::from_static("1S"));
        assert_eq!(of(&headers).unwrap(), Some(Duration::from_secs(1)));
        headers.append(GRPC_TIMEOUT, HeaderValue::from_static("2S"));
        assert_eq!(of(&headers).unwrap_err().code(), Code::InvalidArgument);
    }

    #[test]
    fn what_is_written_is_read_back_and_never_longer() {
        for left in [0, 1, 999, 1_000_000_000, 99_999_999_999, 100_000_000_000, 90_000_000_000_000_000]
            .map(Duration::from_nanos)
        {
            let read = parse(header(left).as_bytes()).unwrap();
            assert!(read <= left && left - read < Duration::from_secs(1).min(left / 1000 + Duration::from_micros(1)));
        }
        assert_eq!(header(Duration::MAX), "99999999S");
    }
}
