//! What holds for every rule: printing and reading agree, forms and expressions agree, evaluation is total and follows a
//! second, plainer evaluator.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use proptest::prelude::*;
use rules::{
    Arithmetic, Comparison, Condition, Expr, FormOperator, FormRow, Formula, Kind, Names, Position, Ratio, TextTest,
    Type, Value,
};
use time::OffsetDateTime;

const AT: Position = Position { line: 1, column: 1 };

fn names() -> Names {
    let names = Names::new().with("i.a", Type::Int).with("i.b", Type::Int).with("b.a", Type::Bool);
    names.with("b.b", Type::Bool).with("t.a", Type::Text).with("t.b", Type::Text).with("at", Type::Time)
}

fn expr(kind: Kind, ty: Type) -> Expr {
    Expr { kind, ty, at: AT }
}

fn any_int() -> impl Strategy<Value = i64> {
    prop_oneof![-3i64..4, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{0,3}", "\\PC{0,6}", Just("\"\\\n\u{7f}用".to_owned())]
}

fn any_time() -> impl Strategy<Value = OffsetDateTime> {
    (0i64..4_102_444_800).prop_map(|seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap())
}

fn any_comparison() -> impl Strategy<Value = Comparison> {
    use Comparison::*;
    prop::sample::select(vec![Equal, NotEqual, Less, AtMost, Greater, AtLeast])
}

fn text_leaf() -> impl Strategy<Value = Expr> {
    prop_oneof![
        any_text().prop_map(|text| expr(Kind::Literal(text.as_str().into()), Type::Text)),
        prop::sample::select(vec!["t.a", "t.b"]).prop_map(|name| expr(Kind::Name(name.into()), Type::Text)),
    ]
}

fn int_leaf() -> BoxedStrategy<Expr> {
    prop_oneof![
        any_int().prop_map(|value| expr(Kind::Literal(value.into()), Type::Int)),
        prop::sample::select(vec!["i.a", "i.b"]).prop_map(|name| expr(Kind::Name(name.into()), Type::Int)),
    ]
    .boxed()
}

fn any_number() -> BoxedStrategy<Expr> {
    use Arithmetic::*;
    int_leaf()
        .prop_recursive(4, 24, 3, |inner| {
            let how = prop::sample::select(vec![Add, Subtract, Multiply, Divide, Remainder]);
            prop_oneof![
                inner.clone().prop_map(|part| expr(Kind::Negate(part.into()), Type::Int)),
                (how, inner.clone(), inner.clone())
                    .prop_map(|(how, l, r)| expr(Kind::Arithmetic(how, l.into(), r.into()), Type::Int)),
                (any_truth_leaf(), inner.clone(), inner.clone())
                    .prop_map(|(c, l, r)| expr(Kind::If(c.into(), l.into(), r.into()), Type::Int)),
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| expr(Kind::Least(parts), Type::Int)),
                prop::collection::vec(inner, 1..4).prop_map(|parts| expr(Kind::Greatest(parts), Type::Int)),
            ]
        })
        .boxed()
}

fn any_truth_leaf() -> BoxedStrategy<Expr> {
    use TextTest::*;
    let tests = prop::sample::select(vec![StartsWith, EndsWith, Contains]);
    prop_oneof![
        any::<bool>().prop_map(|value| expr(Kind::Literal(value.into()), Type::Bool)),
        prop::sample::select(vec!["b.a", "b.b"]).prop_map(|name| expr(Kind::Name(name.into()), Type::Bool)),
        prop::sample::select(vec!["b.a", "t.a", "i.a"]).prop_map(|name| expr(Kind::Has(name.into()), Type::Bool)),
        (any_comparison(), int_leaf(), int_leaf())
            .prop_map(|(how, l, r)| expr(Kind::Compare(how, l.into(), r.into()), Type::Bool)),
        (any_comparison(), text_leaf(), text_leaf())
            .prop_map(|(how, l, r)| expr(Kind::Compare(how, l.into(), r.into()), Type::Bool)),
        (any_comparison(), any_time()).prop_map(|(how, time)| {
            let (at, time) = (expr(Kind::Name("at".into()), Type::Time), expr(Kind::Literal(time.into()), Type::Time));
            expr(Kind::Compare(how, at.into(), time.into()), Type::Bool)
        }),
        (tests, text_leaf(), text_leaf()).prop_map(|(how, l, r)| expr(Kind::Test(how, l.into(), r.into()), Type::Bool)),
        (int_leaf(), prop::collection::vec(any_int().prop_map(Value::Int), 0..4))
            .prop_map(|(inner, list)| expr(Kind::In(inner.into(), list), Type::Bool)),
    ]
    .boxed()
}

fn flat(parts: Vec<Expr>, all: bool) -> Expr {
    let flattened = parts.into_iter().flat_map(|part| match part.kind {
        Kind::All(inner) if all => inner,
        Kind::Any(inner) if !all => inner,
        kind => vec![expr(kind, Type::Bool)],
    });
    let parts = flattened.collect();
    expr(if all { Kind::All(parts) } else { Kind::Any(parts) }, Type::Bool)
}

fn any_truth() -> BoxedStrategy<Expr> {
    any_truth_leaf()
        .prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|part| expr(Kind::Not(part.into()), Type::Bool)),
                (prop::collection::vec(inner.clone(), 2..4), any::<bool>()).prop_map(|(parts, all)| flat(parts, all)),
                (any_comparison(), any_number(), any_number())
                    .prop_map(|(how, l, r)| expr(Kind::Compare(how, l.into(), r.into()), Type::Bool)),
                (inner.clone(), inner.clone(), inner)
                    .prop_map(|(c, l, r)| expr(Kind::If(c.into(), l.into(), r.into()), Type::Bool)),
            ]
        })
        .boxed()
}

fn any_values() -> impl Strategy<Value = HashMap<&'static str, Value>> {
    let int = || prop::option::of(any_int().prop_map(Value::Int));
    let text = || prop::option::of(any_text().prop_map(|text| Value::from(text.as_str())));
    let flag = || prop::option::of(any::<bool>().prop_map(Value::Bool));
    (int(), int(), flag(), flag(), text(), text(), prop::option::of(any_time().prop_map(Value::Time))).prop_map(
        |(ia, ib, ba, bb, ta, tb, at)| {
            let all = [("i.a", ia), ("i.b", ib), ("b.a", ba), ("b.b", bb), ("t.a", ta), ("t.b", tb), ("at", at)];
            all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
        },
    )
}

/// The oracle: no short cuts, arithmetic in 128 bits, `None` for no value.
fn plain(expr: &Expr, values: &HashMap<&str, Value>) -> Option<Value> {
    let int = |part: &Expr| match plain(part, values)? {
        Value::Int(value) => Some(i128::from(value)),
        _ => unreachable!(),
    };
    let flag = |part: &Expr| plain(part, values).map(|value| value == Value::Bool(true));
    let narrow = |value: i128| i64::try_from(value).ok().map(Value::Int);
    match &expr.kind {
        Kind::Literal(value) => Some(value.clone()),
        Kind::Name(name) => values.get(&**name).cloned(),
        Kind::Has(name) => Some(values.contains_key(&**name).into()),
        Kind::Not(part) => flag(part).map(|value| (!value).into()),
        Kind::All(parts) | Kind::Any(parts) => {
            let decisive = matches!(expr.kind, Kind::Any(_));
            let got: Vec<_> = parts.iter().map(flag).collect();
            if got.contains(&Some(decisive)) {
                Some(decisive.into())
            } else if got.contains(&None) {
                None
            } else {
                Some((!decisive).into())
            }
        }
        Kind::Compare(how, l, r) => {
            let order = plain(l, values)?.cmp(&plain(r, values)?);
            Some(Value::Bool(match how {
                Comparison::Equal => order.is_eq(),
                Comparison::NotEqual => order.is_ne(),
                Comparison::Less => order.is_lt(),
                Comparison::AtMost => order.is_le(),
                Comparison::Greater => order.is_gt(),
                Comparison::AtLeast => order.is_ge(),
            }))
        }
        Kind::In(part, list) => Some(list.contains(&plain(part, values)?).into()),
        Kind::Negate(part) => narrow(-int(part)?),
        Kind::Arithmetic(how, l, r) => {
            let (l, r) = (int(l)?, int(r)?);
            narrow(match how {
                Arithmetic::Add => l + r,
                Arithmetic::Subtract => l - r,
                Arithmetic::Multiply => l * r,
                // the quotient of the smallest number and -1 does not fit, and so its remainder has no value either
                Arithmetic::Remainder if l / (if r == 0 { return None } else { r }) > i128::from(i64::MAX) => {
                    return None;
                }
                Arithmetic::Divide | Arithmetic::Remainder if r == 0 => return None,
                Arithmetic::Divide => l / r,
                Arithmetic::Remainder => l % r,
            })
        }
        Kind::If(c, l, r) => plain(if flag(c)? { l } else { r }, values),
        Kind::Test(how, l, r) => {
            let (Value::Text(l), Value::Text(r)) = (plain(l, values)?, plain(r, values)?) else { unreachable!() };
            Some(Value::Bool(match how {
                TextTest::StartsWith => l.starts_with(&*r),
                TextTest::EndsWith => l.ends_with(&*r),
                TextTest::Contains => l.contains(&*r),
            }))
        }
        Kind::Least(parts) => parts.iter().map(int).collect::<Option<Vec<_>>>()?.into_iter().min().and_then(narrow),
        Kind::Greatest(parts) => parts.iter().map(int).collect::<Option<Vec<_>>>()?.into_iter().max().and_then(narrow),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_printed_condition_reads_as_itself_and_evaluates_as_the_plain_evaluator_says(
        rule in any_truth(), values in any_values(),
    ) {
        let text = rule.to_string();
        if let Ok(read) = Condition::parse(&text, &names()) {
            prop_assert_eq!(read.expr(), Some(&rule), "{}", &text);
            let want = plain(&rule, &values);
            prop_assert_eq!(read.decide(&values).ok().map(Value::Bool), want, "{}", text);
        } else {
            prop_assert!(text.chars().count() > 100, "refused: {}", text);
        }
    }

    #[test]
    fn a_printed_formula_reads_as_itself_and_evaluates_as_the_plain_evaluator_says(
        rule in any_number(), values in any_values(),
    ) {
        let text = rule.to_string();
        if let Ok(read) = Formula::parse(&text, &names()) {
            prop_assert_eq!(read.expr(), &rule, "{}", &text);
            prop_assert_eq!(read.value(&values).ok().map(Value::Int), plain(&rule, &values), "{}", text);
        } else {
            prop_assert!(text.chars().count() > 100, "refused: {}", text);
        }
    }

    #[test]
    fn the_exact_value_of_a_formula_without_division_is_its_value(rule in any_number(), values in any_values()) {
        let text = rule.to_string();
        if let (false, Ok(read)) = (text.contains(['/', '%']), Formula::parse(&text, &names())) {
            let value = read.value(&values);
            let exact = read.exact(&values).map(|it| it.to_string());
            prop_assert!(value.is_err() || exact == value.map(|it| it.to_string()), "{}", text);
        }
    }

    #[test]
    fn fractions_add_and_multiply_as_those_of_a_common_denominator(
        (a, b) in (-1_000i128..1_000, 1i128..60), (c, d) in (-1_000i128..1_000, 1i128..60),
    ) {
        let (left, right) = (Ratio::new(a, b).unwrap(), Ratio::new(c, d).unwrap());
        prop_assert_eq!(left.plus(right), Ratio::new(a * d + c * b, b * d));
        prop_assert_eq!(left.minus(right), Ratio::new(a * d - c * b, b * d));
        prop_assert_eq!(left.times(right), Ratio::new(a * c, b * d));
        prop_assert_eq!(left.over(right), Ratio::new(a * d, b * c));
        prop_assert!(left.floor() * b <= a && a < (left.floor() + 1) * b);
        prop_assert!((left.ceil() - 1) * b < a && a <= left.ceil() * b);
        prop_assert!((2 * left.half_up() - 1) * b <= 2 * a && 2 * a < (2 * left.half_up() + 1) * b);
    }

    #[test]
    fn form_rows_are_the_expression_joined_by_and(
        rows in prop::collection::vec((any_comparison(), prop_oneof![
            any_int().prop_map(|value| ("i.a", value.to_string(), value.to_string())),
            "[a-z ]{0,5}".prop_map(|text| ("t.a", text.clone(), format!("{text:?}"))),
            any_time().prop_map(|time| {
                let text = time.format(&time::format_description::well_known::Rfc3339).unwrap();
                ("at", text.clone(), format!("timestamp({text:?})"))
            }),
        ]), 1..6),
        values in any_values(),
    ) {
        let form: Vec<_> = rows.iter().map(|(how, (field, value, _))| FormRow {
            field: (*field).to_owned(), operator: FormOperator::Compare(*how), value: value.clone(),
        }).collect();
        let text = rows.iter().map(|(how, (field, _, cel))| format!("{field} {how} {cel}")).collect::<Vec<_>>().join(" && ");
        let (form, text) = (Condition::from_form(&form, &names()).unwrap(), Condition::parse(&text, &names()).unwrap());
        prop_assert_eq!(form.decide(&values), text.decide(&values));
        prop_assert_eq!(form, text);
    }

    #[test]
    fn any_text_is_read_or_refused_without_panic(text in "[-+*/%<>=!&|?:.,()\\[\\]{}'\"a-z0-9 \\n用]{0,60}|\\PC{0,40}") {
        let _ = Condition::parse(&text, &names());
        let _ = Formula::parse(&text, &names());
    }
}
