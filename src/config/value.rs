//! A setting's value whatever its type, and the way to and from the types that settings have.

use std::fmt;
use std::path::PathBuf;

use crate::config::{Details, EditingKeys, Notify};
use crate::domain::Thinking;
use crate::domain::model::{Device, KvCache};
use crate::domain::quant::Quantise;

/// A setting's value, whatever its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Not said: somebody below decides (the model's recommendation, the terminal).
    Unset,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<String>),
}

impl Value {
    /// The value as a TOML file has it; empty where nothing is said.
    #[must_use]
    pub fn to_toml(&self) -> String {
        self.to_edit().map_or_else(String::new, |value| value.to_string())
    }

    /// The value for the TOML editor; `None` where nothing is said.
    pub(super) fn to_edit(&self) -> Option<toml_edit::Value> {
        Some(match self {
            Self::Unset => return None,
            Self::Bool(bool) => (*bool).into(),
            Self::Int(int) => (*int).into(),
            Self::Float(float) => clean(*float).into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(String::as_str).collect::<toml_edit::Array>().into(),
        })
    }

    /// What a message says was found: `3`, `the text "hot"`, `a list`.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Unset => "nothing".to_owned(),
            Self::Bool(_) | Self::Int(_) | Self::Float(_) => self.to_string(),
            Self::Text(text) => {
                let mut short: String = text.chars().take(40).collect();
                if short.len() < text.len() {
                    short.push('…');
                }
                format!("the text {short:?}")
            }
            Self::List(_) => "a list".to_owned(),
        }
    }
}

/// Arithmetic leaves 0.7000000000000001; nobody wants to read that, or find it in their file.
fn clean(float: f64) -> f64 {
    let rounded = (float * 1e6).round() / 1e6;
    if rounded.is_finite() { rounded } else { float }
}

impl fmt::Display for Value {
    /// As a person reads it in a list of settings; texts are not quoted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => f.write_str("not set"),
            Self::Bool(bool) => write!(f, "{bool}"),
            Self::Int(int) => write!(f, "{int}"),
            Self::Float(float) => write!(f, "{}", clean(*float)),
            Self::Text(text) => f.write_str(text),
            Self::List(items) => f.write_str(&items.join(", ")),
        }
    }
}

/// A type that settings have. A value that comes in here has already been checked against the setting's [`super::Kind`].
pub(super) trait Field: Sized {
    fn to_value(&self) -> Value;
    fn from_value(value: &Value) -> Option<Self>;
}

impl Field for bool {
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Bool(bool) = value { Some(*bool) } else { None }
    }
}

impl Field for u32 {
    fn to_value(&self) -> Value {
        Value::Int(i64::from(*self))
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Int(int) = value { Self::try_from(*int).ok() } else { None }
    }
}

impl Field for f64 {
    fn to_value(&self) -> Value {
        Value::Float(*self)
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Float(float) = value { Some(*float) } else { None }
    }
}

impl Field for String {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.clone()) } else { None }
    }
}

impl Field for Vec<PathBuf> {
    fn to_value(&self) -> Value {
        Value::List(self.iter().map(|path| path.to_string_lossy().into_owned()).collect())
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::List(items) = value { Some(items.iter().map(PathBuf::from).collect()) } else { None }
    }
}

impl<T: Field> Field for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Unset, Field::to_value)
    }

    fn from_value(value: &Value) -> Option<Self> {
        if *value == Value::Unset { Some(None) } else { T::from_value(value).map(Some) }
    }
}

macro_rules! choice {
    ($type:ident: $($variant:ident = $name:literal),+) => {
        impl Field for $type {
            fn to_value(&self) -> Value {
                Value::Text(match self { $(Self::$variant => $name),+ }.to_owned())
            }

            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    $(Value::Text(text) if text == $name => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
choice!(Thinking: Auto = "auto", On = "on", Off = "off");
choice!(Details: None = "none", Figures = "figures", All = "all");
choice!(Device: Auto = "auto", Cpu = "cpu");
choice!(Notify: Off = "off", Bell = "bell", Osc9 = "osc9", Osc777 = "osc777", Auto = "auto");
choice!(KvCache: Auto = "auto", F8E4M3 = "f8e4m3");
choice!(EditingKeys: Emacs = "emacs", Vim = "vim");

impl Field for Quantise {
    fn to_value(&self) -> Value {
        Value::Text(self.name().to_owned())
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value { Self::parse(text) } else { None }
    }
}
