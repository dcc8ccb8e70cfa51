//! Money travels as `google.type.Money` and is stored as whole minor units (fen, cents) beside its currency.

use proto::google::r#type::Money;

const NANOS_PER_UNIT: i64 = 1_000_000_000;

/// Currencies in circulation (ISO 4217) by the number of decimals of their minor unit.
const CURRENCIES: [(u32, &str); 4] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC \
         CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR \
         JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD \
         NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN \
         SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

/// Why a `Money` is not an amount of minor units of the expected currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Another currency, or none.
    #[error("must be in {0}")]
    Currency(String),
    /// `nanos` lies outside ±999,999,999.
    #[error("nanos must lie between -999999999 and 999999999")]
    Nanos,
    /// One part is negative and the other positive.
    #[error("units and nanos must have the same sign")]
    Sign,
    /// Not a whole number of minor units.
    #[error("must be a whole number of minor units: at most {0} decimals")]
    SubMinor(u32),
    /// More than 64 bits of minor units.
    #[error("is too large")]
    TooLarge,
}

/// How many decimals a currency has, where the code is one in circulation.
pub fn decimals(currency: &str) -> Option<u32> {
    let known = |codes: &str| codes.split(' ').any(|code| code == currency);
    CURRENCIES.iter().find(|(_, codes)| known(codes)).map(|(decimals, _)| *decimals)
}

/// How many minor units one unit has. A code that left circulation keeps the usual two decimals.
fn minor_per_unit(currency: &str) -> i64 {
    10_i64.pow(decimals(currency).unwrap_or(2))
}

/// Minor units as they travel.
pub fn to_proto(minor: i64, currency: &str) -> Money {
    let scale = minor_per_unit(currency);
    // both parts round towards zero, so they have the same sign, as the contract wants
    let nanos = (minor % scale) * (NANOS_PER_UNIT / scale);
    Money {
        currency_code: currency.to_owned(),
        units: minor / scale,
        nanos: i32::try_from(nanos).expect("less than one unit of nanos"),
    }
}

/// Minor units of `currency`; an amount in any other is refused.
pub fn from_proto(money: &Money, currency: &str) -> Result<i64, MoneyError> {
    if money.currency_code != currency {
        return Err(MoneyError::Currency(currency.to_owned()));
    }
    let nanos = i64::from(money.nanos);
    if nanos.abs() >= NANOS_PER_UNIT {
        return Err(MoneyError::Nanos);
    }
    if money.units.signum() * nanos.signum() < 0 {
        return Err(MoneyError::Sign);
    }
    let scale = minor_per_unit(currency);
    let nanos_per_minor = NANOS_PER_UNIT / scale;
    if nanos % nanos_per_minor != 0 {
        return Err(MoneyError::SubMinor(scale.ilog10()));
    }
    let whole = money.units.checked_mul(scale).ok_or(MoneyError::TooLarge)?;
    whole.checked_add(nanos / nanos_per_minor).ok_or(MoneyError::TooLarge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(currency: &str, units: i64, nanos: i32) -> Money {
        Money { currency_code: currency.to_owned(), units, nanos }
    }

    #[test]
    fn decimals_follow_the_currency() {
        let cases = [("JPY", 0), ("CNY", 2), ("USD", 2), ("KWD", 3), ("CLF", 4)];
        for (currency, want) in cases {
            assert_eq!(decimals(currency), Some(want), "{currency}");
        }
        for unknown in ["RMB", "cny", "", "CN", "CNY USD"] {
            assert_eq!(decimals(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn minor_units_of_each_kind_of_currency_travel_as_units_and_nanos() {
        let cases = [
            (1_234, "CNY", 12, 340_000_000),
            (-175, "USD", -1, -750_000_000),
            (-75, "USD", 0, -750_000_000),
            (1_234, "JPY", 1_234, 0),
            (1_234, "KWD", 1, 234_000_000),
            (1, "CLF", 0, 100_000),
        ];
        for (minor, currency, units, nanos) in cases {
            let travels = money(currency, units, nanos);
            assert_eq!(to_proto(minor, currency), travels, "{minor} {currency}");
            assert_eq!(from_proto(&travels, currency), Ok(minor), "{minor} {currency}");
        }
    }

    #[test]
    fn what_is_not_a_whole_amount_of_the_currency_is_refused() {
        let cases = [
            ("another currency", money("USD", 1, 0), MoneyError::Currency("CNY".to_owned())),
            ("no currency", money("", 1, 0), MoneyError::Currency("CNY".to_owned())),
            ("a tenth of a fen", money("CNY", 1, 1_000_000), MoneyError::SubMinor(2)),
            ("opposite signs", money("CNY", -1, 10_000_000), MoneyError::Sign),
            ("opposite signs", money("CNY", 1, -10_000_000), MoneyError::Sign),
            ("a whole unit of nanos", money("CNY", 0, 1_000_000_000), MoneyError::Nanos),
            ("nanos at the limit of 32 bits", money("CNY", 0, i32::MIN), MoneyError::Nanos),
            ("too many units", money("CNY", i64::MAX, 0), MoneyError::TooLarge),
            ("one fen too many", money("CNY", i64::MAX / 100, 80_000_000), MoneyError::TooLarge),
        ];
        for (name, money, want) in cases {
            assert_eq!(from_proto(&money, "CNY"), Err(want), "{name}");
        }
        assert_eq!(from_proto(&money("JPY", 1, 10_000_000), "JPY"), Err(MoneyError::SubMinor(0)));
    }

    proptest! {
        #[test]
        fn every_amount_returns_from_its_journey(minor: i64, currency in "JPY|CNY|KWD|CLF|XXX") {
            prop_assert_eq!(from_proto(&to_proto(minor, &currency), &currency), Ok(minor));
        }

        #[test]
        fn an_accepted_amount_travels_back_as_it_came(units: i64, nanos: i32, currency in "JPY|CNY|KWD|CLF") {
            let sent = money(&currency, units, nanos);
            if let Ok(minor) = from_proto(&sent, &currency) {
                prop_assert_eq!(to_proto(minor, &currency), sent);
            }
        }

        #[test]
        fn small_amounts_are_accepted_exactly_when_whole(units in -99_i64..=99, steps in -99_i32..=99, nanos in 0..2) {
            let sent = money("CNY", units, steps * 10_000_000 + nanos);
            let same_sign = units.signum() * i64::from(sent.nanos.signum()) >= 0;
            prop_assert_eq!(from_proto(&sent, "CNY").is_ok(), same_sign && nanos == 0);
        }
    }
}
