//! Limits of a length: of texts, bytes, lists and maps.

use crate::{UnsupportedRule, source::Rules};

/// How long something may be, in its unit.
#[derive(Debug)]
pub(crate) struct Size {
    min: Option<usize>,
    max: Option<usize>,
    /// One, and many.
    unit: (&'static str, &'static str),
    /// `be` for a text, `have` for a list.
    verb: (&'static str, &'static str),
}

impl Size {
    /// Takes three rules: exactly, at least and at most. A rule of another kind has an empty name.
    pub(crate) fn read(
        rules: &mut Rules,
        [exact, min, max]: [&str; 3],
        unit: (&'static str, &'static str),
    ) -> Result<Self, UnsupportedRule> {
        let (exactly, least, most) = (rules.count(exact), rules.count(min), rules.count(max));
        let verb = if exact.is_empty() { ("have", "has") } else { ("be", "is") };
        let size = Self { min: exactly.or(least), max: exactly.or(most), unit, verb };
        match (least, most) {
            (Some(least), Some(most)) if least > most => Err(rules.error(min, format!("is above {max}"))),
            (_, Some(_)) | (Some(_), _) if exactly.is_some() => Err(rules.error(exact, "excludes other limits")),
            _ => Ok(size),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.min.is_none() && self.max.is_none()
    }

    pub(crate) fn check(&self, size: usize, mut report: impl FnMut(String)) {
        let (must, is) = self.verb;
        let amount = |count: usize| format!("{count} {}", if count == 1 { self.unit.0 } else { self.unit.1 });
        match (self.min, self.max) {
            (Some(min), Some(max)) if min == max && size != min => {
                report(format!("must {must} exactly {}, {is} {size}", amount(min)));
            }
            (Some(1), _) if size == 0 => report("must not be empty".to_owned()),
            (Some(min), _) if size < min => report(format!("must {must} at least {}, {is} {size}", amount(min))),
            (_, Some(max)) if size > max => report(format!("must {must} at most {}, {is} {size}", amount(max))),
            _ => {}
        }
    }
}
