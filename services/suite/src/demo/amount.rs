//! Reads and writes amounts of money as people write them.

use std::fmt;

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadAmount {
    /// Nothing there.
    Empty,
    /// No number.
    NotANumber,
    /// Below zero: a refund is not an order.
    Negative,
    /// More decimals than the currency has.
    TooFine,
    /// Too large to be money.
    TooLarge,
}

impl fmt::Display for BadAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadAmount::Empty => "the amount is empty",
            BadAmount::NotANumber => "the amount is not a number",
            BadAmount::Negative => "the amount is negative",
            BadAmount::TooFine => "the amount has more decimals than the currency",
            BadAmount::TooLarge => "the amount is too large",
        })
    }
}

/// Largest amount read, in minor units: far above any order, far below overflow of a sum.
const MOST_MINOR: i64 = 1_000_000_000_000;

/// Reads an amount such as `12`, `12.50`, `1,234.56`, `12,50`, `¥12.50` or `$ 12` into minor units of a currency with
/// `decimals` decimals. A single comma followed by three digits separates thousands.
pub(crate) fn read(text: &str, decimals: u32) -> Result<i64, BadAmount> {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && !"$€£¥￥".contains(*c)).collect();
    if text.is_empty() {
        return Err(BadAmount::Empty);
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (whole, fraction) = parts(digits)?;
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > decimals as usize {
        return Err(BadAmount::TooFine);
    }
    let minor: i64 =
        format!("{whole}{fraction:0<width$}", width = decimals as usize).parse().map_err(|_| BadAmount::TooLarge)?;
    match (negative && minor != 0, minor > MOST_MINOR) {
        (true, _) => Err(BadAmount::Negative),
        (false, true) => Err(BadAmount::TooLarge),
        (false, false) => Ok(minor),
    }
}

/// Splits into digits before and after the decimal mark, thousands separators taken out.
fn parts(text: &str) -> Result<(String, String), BadAmount> {
    let mark = match (text.rfind('.'), text.rfind(',')) {
        (Some(point), Some(comma)) => Some(point.max(comma)),
        (Some(point), None) => Some(point),
        (None, Some(comma)) if text.matches(',').count() == 1 && text.len() - comma - 1 != 3 => Some(comma),
        (None, _) => None,
    };
    let (whole, fraction) = mark.map_or((text, ""), |at| (&text[..at], &text[at + 1..]));
    let groups: Vec<&str> = whole.split([',', '.']).collect();
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let grouped = groups.len() == 1 || (!groups[0].is_empty() && groups[1..].iter().all(|group| group.len() == 3));
    let whole = groups.concat();
    if !grouped || !digits(&whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return Err(BadAmount::NotANumber);
    }
    Ok((whole, fraction.to_owned()))
}

/// Writes minor units as `2,500,315.63 USD`.
#[must_use]
pub(crate) fn write(minor: i64, currency: &str, decimals: u32) -> String {
    let scale = 10_u64.pow(decimals);
    let sign = if minor < 0 { "-" } else { "" };
    let (whole, fraction) = (minor.unsigned_abs() / scale, minor.unsigned_abs() % scale);
    let whole = grouped(whole);
    match decimals {
        0 => format!("{sign}{whole} {currency}"),
        _ => format!("{sign}{whole}.{fraction:0width$} {currency}", width = decimals as usize),
    }
}

/// Writes a count as `69,659`.
#[must_use]
pub(crate) fn count(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(value.unsigned_abs()))
}

fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, minor) in [
            ("11.77", 1177),
            ("12", 1200),
            ("12.5", 1250),
            ("12,50", 1250),
            ("1,234.56", 123_456),
            ("1.234,56", 123_456),
            ("1,234", 123_400),
            ("1,234,567", 123_456_700),
            ("¥ 12.50", 1250),
            (".5", 50),
            ("12.5000", 1250),
            ("-0.00", 0),
        ] {
            assert_eq!(read(text, 2), Ok(minor), "{text}");
        }
        assert_eq!(read("1200", 0), Ok(1200));
        assert_eq!(read("1.234", 3), Ok(1234));
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", BadAmount::Empty),
            ("abc", BadAmount::NotANumber),
            ("12.3.4", BadAmount::NotANumber),
            ("1,23,456", BadAmount::NotANumber),
            (".", BadAmount::NotANumber),
            ("-5", BadAmount::Negative),
            ("1.005", BadAmount::TooFine),
            ("99999999999999999999", BadAmount::TooLarge),
            ("10000000001", BadAmount::TooLarge),
        ] {
            assert_eq!(read(text, 2), Err(reason), "{text}");
        }
        assert_eq!(read("1.5", 0), Err(BadAmount::TooFine));
    }

    #[test]
    fn amounts_are_written_with_thousands_and_the_currencys_decimals() {
        assert_eq!(write(250_031_563, "USD", 2), "2,500,315.63 USD");
        assert_eq!(write(5, "USD", 2), "0.05 USD");
        assert_eq!(write(-123_456, "JPY", 0), "-123,456 JPY");
        assert_eq!(write(1, "KWD", 3), "0.001 KWD");
        assert_eq!(count(69_659), "69,659");
        assert_eq!(count(0), "0");
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(minor in 0..=MOST_MINOR, decimals in 0..=3_u32) {
            let written = write(minor, "", decimals);
            proptest::prop_assert_eq!(read(&written, decimals), Ok(minor), "{}", written);
        }
    }
}
