//! Metadata of a GGUF model, asked for by the types that the engine insists on.

use std::collections::HashMap;

use super::fault::{Fault, Found, quote};
use super::value::{Element, List, Value};

pub(super) struct Metadata {
    values: HashMap<String, Value>,
}

impl Metadata {
    pub fn new(values: HashMap<String, Value>) -> Self {
        Self { values }
    }

    /// Takes over what another part of the same set says; a part that says something else belongs to another set.
    pub fn merge(&mut self, part: HashMap<String, Value>) -> Found<()> {
        for (key, value) in part {
            // These differ from part to part by nature.
            let own = key.starts_with("split.") || key == "general.alignment";
            match self.values.get(&key) {
                Some(before) if !own && *before != value => {
                    return Err(Fault::Broken(format!("its {} contradicts the first part", quote(&key))));
                }
                _ => {
                    self.values.insert(key, value);
                }
            }
        }
        Ok(())
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    fn need(&self, key: &str) -> Found<&Value> {
        self.get(key).ok_or_else(|| Fault::Broken(format!("its header lacks {}", quote(key))))
    }

    /// A text that must be there.
    pub fn text(&self, key: &str) -> Found<&str> {
        match self.need(key)? {
            Value::Text(text) => Ok(text),
            other => Err(wrong(key, other, "a text")),
        }
    }

    /// A text that may be there, in whatever type, and whose absence harms nothing.
    pub fn soft_text(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A number that must be there, within bounds. The engine takes exactly this width.
    pub fn number(&self, key: &str, least: u32, most: u32) -> Found<u32> {
        self.optional_number(key, least, most)?.ok_or_else(|| Fault::Broken(format!("its header lacks {}", quote(key))))
    }

    pub fn optional_number(&self, key: &str, least: u32, most: u32) -> Found<Option<u32>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::U32(number)) if (least..=most).contains(number) => Ok(Some(*number)),
            Some(Value::U32(number)) => Err(Fault::Broken(format!("its {} is {number}, which can't be", quote(key)))),
            Some(other) => Err(wrong(key, other, "an unsigned 32-bit number")),
        }
    }

    /// A whole number of any unsigned type that must be there.
    pub fn wide_number(&self, key: &str) -> Found<u64> {
        match self.need(key)? {
            Value::U64(number) => Ok(*number),
            Value::U32(number) => Ok(u64::from(*number)),
            Value::U16(number) => Ok(u64::from(*number)),
            Value::U8(number) => Ok(u64::from(*number)),
            other => Err(wrong(key, other, "an unsigned number")),
        }
    }

    pub fn optional_fraction(&self, key: &str) -> Found<Option<f32>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::F32(number)) if number.is_finite() => Ok(Some(*number)),
            Some(Value::F32(number)) => Err(Fault::Broken(format!("its {} is {number}", quote(key)))),
            Some(other) => Err(wrong(key, other, "a 32-bit fraction")),
        }
    }

    pub fn optional_list(&self, key: &str, element: Element, what: &str) -> Found<Option<List>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::List(list)) if list.element == element => Ok(Some(*list)),
            Some(Value::List(_)) => Err(Fault::Broken(format!("its {} is not a list of {what}", quote(key)))),
            Some(other) => Err(wrong(key, other, &format!("a list of {what}"))),
        }
    }

    pub fn list(&self, key: &str, element: Element, what: &str) -> Found<List> {
        self.optional_list(key, element, what)?.ok_or_else(|| Fault::Broken(format!("its header lacks {}", quote(key))))
    }
}

fn wrong(key: &str, found: &Value, wanted: &str) -> Fault {
    Fault::Broken(format!("its {} is {}, and {wanted} belongs there", quote(key), found.kind()))
}
