//! What to check in each message, worked out once.

use std::collections::HashMap;

use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor,
};

use crate::{
    UnsupportedRule,
    bounds::Number,
    choice::Choice,
    moment::{self, Moment},
    size::Size,
    source::Rules,
    text::{self, Text},
};

/// What to check in a message.
pub(crate) struct Plan {
    /// Oneofs of which a member must be set.
    pub(crate) oneofs: Vec<OneofDescriptor>,
    pub(crate) fields: Vec<Field>,
}

/// What to check in a field.
pub(crate) struct Field {
    pub(crate) descriptor: FieldDescriptor,
    pub(crate) required: bool,
    /// Whether an unset field, or one with its zero value, has nothing to check.
    pub(crate) skip_unset: bool,
    pub(crate) shape: Shape,
}

pub(crate) enum Shape {
    One(Check),
    List { size: Size, unique: bool, items: Check },
    Map { size: Size, keys: Check, values: Check },
}

/// What to check in a value.
pub(crate) enum Check {
    Nothing,
    Text(Box<Text>),
    Bytes(Size),
    Number(Box<Number>),
    Choice(Choice),
    Moment(Moment),
    /// The plan with this number.
    Message(usize),
}

pub(crate) struct Compiler<'a> {
    by_name: &'a HashMap<String, usize>,
    field_rules: Option<ExtensionDescriptor>,
    oneof_rules: Option<ExtensionDescriptor>,
    message_rules: Option<ExtensionDescriptor>,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(pool: &DescriptorPool, by_name: &'a HashMap<String, usize>) -> Self {
        let option = |name: &str| pool.get_extension_by_name(&format!("buf.validate.{name}"));
        let (field_rules, oneof_rules, message_rules) = (option("field"), option("oneof"), option("message"));
        Self { by_name, field_rules, oneof_rules, message_rules }
    }

    pub(crate) fn message(&self, message: &MessageDescriptor) -> Result<Plan, UnsupportedRule> {
        read(message.full_name(), &message.options(), self.message_rules.as_ref())?.finish()?;
        let mut oneofs = Vec::new();
        for oneof in message.oneofs() {
            let mut rules = read(oneof.full_name(), &oneof.options(), self.oneof_rules.as_ref())?;
            if rules.flag("required") {
                oneofs.push(oneof);
            }
            rules.finish()?;
        }
        let fields = message.fields().map(|field| self.field(field)).collect::<Result<Vec<_>, _>>()?;
        let fields = fields.into_iter().filter(|field| field.required || !field.shape.is_empty()).collect();
        Ok(Plan { oneofs, fields })
    }

    fn field(&self, descriptor: FieldDescriptor) -> Result<Field, UnsupportedRule> {
        let mut rules = read(descriptor.full_name(), &descriptor.options(), self.field_rules.as_ref())?;
        let required = rules.flag("required");
        let skip_zero = match rules.integer("ignore") {
            None | Some(0) => false,
            Some(1) => true,
            Some(_) => return Err(rules.error("ignore", "is supported as IGNORE_IF_ZERO_VALUE only")),
        };
        let shape = match descriptor.kind() {
            Kind::Message(entry) if descriptor.is_map() => self.map(&entry, &mut rules)?,
            kind if descriptor.is_list() => self.list(&kind, &mut rules)?,
            kind => Shape::One(self.value(&kind, &mut rules)?),
        };
        rules.finish()?;
        let skip_unset = skip_zero || descriptor.supports_presence();
        Ok(Field { descriptor, required, skip_unset, shape })
    }

    fn list(&self, kind: &Kind, rules: &mut Rules) -> Result<Shape, UnsupportedRule> {
        let mut family = rules.family("repeated")?;
        let size = Size::read(&mut family, ["", "min_items", "max_items"], ("item", "items"))?;
        let unique = family.flag("unique");
        if unique && matches!(kind, Kind::Message(_) | Kind::Float | Kind::Double) {
            return Err(family.error("unique", "is supported for strings, bytes, integers, enums and booleans only"));
        }
        let items = self.element(kind, &mut family, "items")?;
        family.finish()?;
        Ok(Shape::List { size, unique, items })
    }

    fn map(&self, entry: &MessageDescriptor, rules: &mut Rules) -> Result<Shape, UnsupportedRule> {
        let mut family = rules.family("map")?;
        let size = Size::read(&mut family, ["", "min_pairs", "max_pairs"], ("entry", "entries"))?;
        let keys = self.element(&entry.map_entry_key_field().kind(), &mut family, "keys")?;
        let values = self.element(&entry.map_entry_value_field().kind(), &mut family, "values")?;
        family.finish()?;
        Ok(Shape::Map { size, keys, values })
    }

    /// The rules of items, keys or values; they are field rules of their own.
    fn element(&self, kind: &Kind, family: &mut Rules, name: &str) -> Result<Check, UnsupportedRule> {
        let mut rules = family.family(name)?;
        let check = self.value(kind, &mut rules)?;
        rules.finish()?;
        Ok(check)
    }

    fn value(&self, kind: &Kind, rules: &mut Rules) -> Result<Check, UnsupportedRule> {
        Ok(match kind {
            Kind::String => Check::Text(Box::new(Text::read(rules.family("string")?)?)),
            Kind::Bytes => Check::Bytes(text::read_bytes(rules.family("bytes")?)?),
            Kind::Enum(descriptor) => Check::Choice(Choice::read(descriptor.clone(), rules.family("enum")?)?),
            Kind::Message(message) => match message.full_name() {
                "google.protobuf.Timestamp" => {
                    Check::Moment(Moment::read(moment::Kind::Timestamp, rules.family("timestamp")?)?)
                }
                "google.protobuf.Duration" => {
                    Check::Moment(Moment::read(moment::Kind::Duration, rules.family("duration")?)?)
                }
                name => self.by_name.get(name).map_or(Check::Nothing, |plan| Check::Message(*plan)),
            },
            _ => match integer_family(kind) {
                Some(family) => Check::Number(Box::new(Number::read(rules.family(family)?)?)),
                None => Check::Nothing,
            },
        })
    }
}

impl Shape {
    fn is_empty(&self) -> bool {
        match self {
            Shape::One(check) => check.is_empty(),
            Shape::List { size, unique, items } => size.is_empty() && !unique && items.is_empty(),
            Shape::Map { size, keys, values } => size.is_empty() && keys.is_empty() && values.is_empty(),
        }
    }
}

impl Check {
    fn is_empty(&self) -> bool {
        match self {
            Check::Nothing => true,
            Check::Bytes(size) => size.is_empty(),
            Check::Number(number) => number.is_empty(),
            Check::Moment(moment) => moment.is_empty(),
            Check::Text(_) | Check::Choice(_) | Check::Message(_) => false,
        }
    }
}

fn read(
    element: &str,
    options: &DynamicMessage,
    extension: Option<&ExtensionDescriptor>,
) -> Result<Rules, UnsupportedRule> {
    let Some(extension) = extension.filter(|extension| options.has_extension(extension)) else {
        return Ok(Rules::none(element));
    };
    match options.get_extension(extension).as_message() {
        Some(rules) => Rules::new(element, rules),
        None => Ok(Rules::none(element)),
    }
}

fn integer_family(kind: &Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Uint32 => "uint32",
        Kind::Uint64 => "uint64",
        Kind::Sint32 => "sint32",
        Kind::Sint64 => "sint64",
        Kind::Fixed32 => "fixed32",
        Kind::Fixed64 => "fixed64",
        Kind::Sfixed32 => "sfixed32",
        Kind::Sfixed64 => "sfixed64",
        _ => return None,
    })
}
