use cel::common::ast::{CallExpr, Expr as Ast, IdedExpr, LiteralValue, operators};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::expr::{Arithmetic, Comparison, Expr, Kind, TextTest};
use crate::parse::Parsed;
use crate::{Names, Position, RuleError, SIZE_MAX, Type, Value};

/// Turns a parsed text into the typed form, refusing what the language does not have.
pub(crate) fn lower(parsed: &Parsed<'_>, names: &Names, want: Type) -> Result<Expr, RuleError> {
    let mut lowering = Lowering { parsed, names, size: 0 };
    lowering.typed(&parsed.root, want)
}

struct Lowering<'a> {
    parsed: &'a Parsed<'a>,
    names: &'a Names,
    size: usize,
}

type Lowered = Result<(Kind, Type), RuleError>;

impl Lowering<'_> {
    fn typed(&mut self, node: &IdedExpr, want: Type) -> Result<Expr, RuleError> {
        let expr = self.expr(node)?;
        if expr.ty == want {
            Ok(expr)
        } else {
            self.parsed.error(node, format!("is of type {} where {want} is needed", expr.ty))
        }
    }

    fn expr(&mut self, node: &IdedExpr) -> Result<Expr, RuleError> {
        self.size += 1;
        if self.size > SIZE_MAX {
            return self.parsed.error(node, format!("the rule has more than {SIZE_MAX} parts"));
        }
        let (kind, ty) = match &node.expr {
            Ast::Literal(literal) => self.literal(node, literal)?,
            Ast::Ident(_) | Ast::Select(_) => self.name(node)?,
            Ast::Call(call) => self.call(node, call)?,
            Ast::List(_) => return self.parsed.error(node, "a list may only stand after `in`"),
            Ast::Map(_) | Ast::Struct(_) => return self.parsed.error(node, "maps and messages are not supported"),
            Ast::Comprehension(_) => return self.parsed.error(node, "macros over lists are not supported"),
            Ast::Unspecified => return self.parsed.error(node, "cannot be read"),
        };
        Ok(Expr { kind, ty, at: self.at(node) })
    }

    fn at(&self, node: &IdedExpr) -> Position {
        self.parsed.position(node)
    }

    fn literal(&self, node: &IdedExpr, literal: &LiteralValue) -> Lowered {
        let value = match literal {
            LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
            LiteralValue::Int(value) => Value::Int(*value.inner()),
            LiteralValue::String(value) => Value::Text(value.inner().into()),
            LiteralValue::Double(_) => {
                return self.parsed.error(node, "only whole numbers: write `x * 3 / 2` for `x * 1.5`");
            }
            LiteralValue::UInt(_) => return self.parsed.error(node, "write whole numbers without `u`"),
            LiteralValue::Bytes(_) | LiteralValue::Null => return self.parsed.error(node, "is not supported"),
        };
        let ty = value.ty();
        Ok((Kind::Literal(value), ty))
    }

    fn name(&self, node: &IdedExpr) -> Lowered {
        let (path, tested) = match &node.expr {
            Ast::Select(select) if select.test => match path(&select.operand) {
                Some(operand) => (format!("{operand}.{}", select.field), true),
                None => return self.parsed.error(node, "has() takes a name"),
            },
            _ => match path(node) {
                Some(path) => (path, false),
                None => return self.parsed.error(node, "a field may only be taken of a name"),
            },
        };
        match self.names.get(&path) {
            Some((name, _)) if tested => Ok((Kind::Has(name), Type::Bool)),
            Some((name, ty)) => Ok((Kind::Name(name), ty)),
            None => {
                let listed = self.names.listed(&path);
                self.parsed.error(node, format!("`{path:.64}` is not offered here; there are: {listed}"))
            }
        }
    }

    fn call(&mut self, node: &IdedExpr, call: &CallExpr) -> Lowered {
        let args = call.args.as_slice();
        match (call.target.as_deref(), call.func_name.as_str(), args) {
            (None, operators::LOGICAL_AND, [left, right]) => self.junction(left, right, true),
            (None, operators::LOGICAL_OR, [left, right]) => self.junction(left, right, false),
            (None, operators::LOGICAL_NOT, [inner]) => {
                Ok((Kind::Not(Box::new(self.typed(inner, Type::Bool)?)), Type::Bool))
            }
            (None, operators::NEGATE, [inner]) => {
                Ok((Kind::Negate(Box::new(self.typed(inner, Type::Int)?)), Type::Int))
            }
            (None, operators::CONDITIONAL, [condition, then, otherwise]) => {
                let condition = self.typed(condition, Type::Bool)?;
                let then = self.expr(then)?;
                let ty = then.ty;
                let otherwise = self.typed(otherwise, ty)?;
                Ok((Kind::If(Box::new(condition), Box::new(then), Box::new(otherwise)), ty))
            }
            (None, operators::IN, [inner, list]) => self.membership(inner, list),
            (None, "timestamp", [text]) => self.timestamp(text),
            (None, operator, [left, right]) => match (comparison(operator), arithmetic(operator)) {
                (Some(how), _) => self.compare(how, left, right),
                (_, Some(how)) => self.combine(how, left, right),
                _ => self.unknown(node, operator),
            },
            (Some(target), name @ ("startsWith" | "endsWith" | "contains"), [text]) => {
                let how = match name {
                    "startsWith" => TextTest::StartsWith,
                    "endsWith" => TextTest::EndsWith,
                    _ => TextTest::Contains,
                };
                let (left, right) = (self.typed(target, Type::Text)?, self.typed(text, Type::Text)?);
                Ok((Kind::Test(how, Box::new(left), Box::new(right)), Type::Bool))
            }
            (Some(target), name @ ("least" | "greatest"), [_, ..]) if path(target).as_deref() == Some("math") => {
                let parts = args.iter().map(|part| self.typed(part, Type::Int)).collect::<Result<_, _>>()?;
                Ok((if name == "least" { Kind::Least(parts) } else { Kind::Greatest(parts) }, Type::Int))
            }
            (_, name, _) => self.unknown(node, name),
        }
    }

    fn unknown(&self, node: &IdedExpr, name: &str) -> Lowered {
        let name = name.trim_matches(['_', '@']);
        self.parsed.error(node, format!("`{name:.64}` is not supported with these arguments"))
    }

    /// `&&` and `||` become one flat node, so that however the parser balanced the tree, equal rules are equal.
    fn junction(&mut self, left: &IdedExpr, right: &IdedExpr, all: bool) -> Lowered {
        let mut parts = Vec::new();
        for side in [left, right] {
            let side = self.typed(side, Type::Bool)?;
            match side.kind {
                Kind::All(inner) if all => parts.extend(inner),
                Kind::Any(inner) if !all => parts.extend(inner),
                _ => parts.push(side),
            }
        }
        Ok((if all { Kind::All(parts) } else { Kind::Any(parts) }, Type::Bool))
    }

    fn compare(&mut self, how: Comparison, left: &IdedExpr, right: &IdedExpr) -> Lowered {
        let first = self.expr(left)?;
        if how.orders() && first.ty == Type::Bool {
            return self.parsed.error(left, "is a bool, which has no order");
        }
        let second = self.typed(right, first.ty)?;
        Ok((Kind::Compare(how, Box::new(first), Box::new(second)), Type::Bool))
    }

    fn combine(&mut self, how: Arithmetic, left: &IdedExpr, right: &IdedExpr) -> Lowered {
        let (left, right) = (self.typed(left, Type::Int)?, self.typed(right, Type::Int)?);
        Ok((Kind::Arithmetic(how, Box::new(left), Box::new(right)), Type::Int))
    }

    fn membership(&mut self, inner: &IdedExpr, list: &IdedExpr) -> Lowered {
        let first = self.expr(inner)?;
        let Ast::List(items) = &list.expr else {
            return self.parsed.error(list, "`in` needs a list such as [1, 2]");
        };
        let mut values = Vec::with_capacity(items.elements.len());
        for item in &items.elements {
            match self.typed(item, first.ty)?.kind {
                Kind::Literal(value) => values.push(value),
                _ => return self.parsed.error(item, "only constants may stand in the list"),
            }
        }
        Ok((Kind::In(Box::new(first), values), Type::Bool))
    }

    fn timestamp(&self, text: &IdedExpr) -> Lowered {
        if let Ast::Literal(LiteralValue::String(text)) = &text.expr
            && let Ok(time) = OffsetDateTime::parse(text.inner(), &Rfc3339)
        {
            return Ok((Kind::Literal(Value::Time(time)), Type::Time));
        }
        self.parsed.error(text, "timestamp() takes a constant such as \"2027-01-01T00:00:00Z\"")
    }
}

fn path(node: &IdedExpr) -> Option<String> {
    match &node.expr {
        Ast::Ident(name) => Some(name.clone()),
        Ast::Select(select) if !select.test => Some(format!("{}.{}", path(&select.operand)?, select.field)),
        _ => None,
    }
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::AtMost,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::AtLeast,
        _ => return None,
    })
}

fn arithmetic(operator: &str) -> Option<Arithmetic> {
    Some(match operator {
        operators::ADD => Arithmetic::Add,
        operators::SUBSTRACT => Arithmetic::Subtract,
        operators::MULTIPLY => Arithmetic::Multiply,
        operators::DIVIDE => Arithmetic::Divide,
        operators::MODULO => Arithmetic::Remainder,
        _ => return None,
    })
}
