use std::fmt;

use prost_reflect::MapKey;

/// Where a value stands in a message. Built on the stack on the way down and written out only for a violation.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
    Key(&'a Path<'a>, &'a MapKey),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Field(Path::Root, name) => f.write_str(name),
            Path::Field(parent, name) => write!(f, "{parent}.{name}"),
            Path::Item(parent, index) => write!(f, "{parent}[{index}]"),
            Path::Key(parent, MapKey::String(key)) => write!(f, "{parent}[{key:?}]"),
            Path::Key(parent, MapKey::Bool(key)) => write!(f, "{parent}[{key}]"),
            Path::Key(parent, MapKey::I32(key)) => write!(f, "{parent}[{key}]"),
            Path::Key(parent, MapKey::I64(key)) => write!(f, "{parent}[{key}]"),
            Path::Key(parent, MapKey::U32(key)) => write!(f, "{parent}[{key}]"),
            Path::Key(parent, MapKey::U64(key)) => write!(f, "{parent}[{key}]"),
        }
    }
}
