//! Metadata values of the GGUF format.

use super::fault::{Fault, Found, quote};
use super::reader::Reader;

/// Of all lists together: the engine turns each element into 32 bytes.
const MOST_ELEMENTS: u64 = 4 << 20;
/// Texts up to this length are kept, longer ones only counted; the chat template has its own bound.
const KEPT_TEXT: u64 = 1_024;
pub(super) const MOST_TEMPLATE: u64 = 512 << 10;
pub(super) const TEMPLATE_KEY: &str = "tokenizer.chat_template";

/// A metadata value. Lists stay in the file: here is where.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    U64(u64),
    I64(i64),
    F64(f64),
    Text(String),
    /// A text too long to keep.
    LongText(u64),
    List(List),
}

impl Value {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::U8(_) => "an unsigned 8-bit number",
            Self::I8(_) => "a signed 8-bit number",
            Self::U16(_) => "an unsigned 16-bit number",
            Self::I16(_) => "a signed 16-bit number",
            Self::U32(_) => "an unsigned 32-bit number",
            Self::I32(_) => "a signed 32-bit number",
            Self::F32(_) => "a 32-bit fraction",
            Self::Bool(_) => "a yes or no",
            Self::U64(_) => "an unsigned 64-bit number",
            Self::I64(_) => "a signed 64-bit number",
            Self::F64(_) => "a 64-bit fraction",
            Self::Text(_) | Self::LongText(_) => "a text",
            Self::List(_) => "a list",
        }
    }
}

/// A list in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct List {
    pub element: Element,
    pub len: u64,
    /// Where its first element begins.
    pub at: u64,
    /// Which file of a split set it is in.
    pub part: usize,
}

/// The type of a metadata value as the format numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    Text,
    List,
    U64,
    I64,
    F64,
}

impl Element {
    pub fn of(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::U8,
            1 => Self::I8,
            2 => Self::U16,
            3 => Self::I16,
            4 => Self::U32,
            5 => Self::I32,
            6 => Self::F32,
            7 => Self::Bool,
            8 => Self::Text,
            9 => Self::List,
            10 => Self::U64,
            11 => Self::I64,
            12 => Self::F64,
            _ => return None,
        })
    }

    /// Bytes of one, where that is fixed.
    fn width(self) -> Option<u64> {
        match self {
            Self::U8 | Self::I8 | Self::Bool => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::Text | Self::List => None,
        }
    }
}

/// Reads a value of a kind; `elements` counts those of all lists so far.
pub(super) fn read(reader: &mut Reader, kind: Element, key: &str, part: usize, elements: &mut u64) -> Found<Value> {
    Ok(match kind {
        Element::U8 => Value::U8(u8::from_le_bytes(reader.array(key)?)),
        Element::I8 => Value::I8(i8::from_le_bytes(reader.array(key)?)),
        Element::U16 => Value::U16(u16::from_le_bytes(reader.array(key)?)),
        Element::I16 => Value::I16(i16::from_le_bytes(reader.array(key)?)),
        Element::U32 => Value::U32(u32::from_le_bytes(reader.array(key)?)),
        Element::I32 => Value::I32(i32::from_le_bytes(reader.array(key)?)),
        Element::F32 => Value::F32(f32::from_le_bytes(reader.array(key)?)),
        Element::U64 => Value::U64(u64::from_le_bytes(reader.array(key)?)),
        Element::I64 => Value::I64(i64::from_le_bytes(reader.array(key)?)),
        Element::F64 => Value::F64(f64::from_le_bytes(reader.array(key)?)),
        Element::Bool => match reader.array(key)? {
            [0] => Value::Bool(false),
            [1] => Value::Bool(true),
            [other] => return Err(Fault::Broken(format!("{} is {other} where 0 or 1 belongs", quote(key)))),
        },
        Element::Text => read_text(reader, key)?,
        Element::List => read_list(reader, key, part, elements)?,
    })
}

fn read_text(reader: &mut Reader, key: &str) -> Found<Value> {
    let len = reader.u64(key)?;
    reader.expect(len, &quote(key))?;
    let keep = if key == TEMPLATE_KEY { MOST_TEMPLATE } else { KEPT_TEXT };
    let Some(size) = usize::try_from(len).ok().filter(|_| len <= keep) else {
        reader.skip(len, key)?;
        return Ok(Value::LongText(len));
    };
    let mut bytes = vec![0; size];
    reader.fill(&mut bytes, key)?;
    // As the engine reads it: ended by zeros at times, and not always UTF-8.
    let text = String::from_utf8_lossy(&bytes);
    Ok(Value::Text(text.trim_end_matches('\0').to_owned()))
}

fn read_list(reader: &mut Reader, key: &str, part: usize, elements: &mut u64) -> Found<Value> {
    let number = reader.u32(key)?;
    let element = Element::of(number)
        .ok_or_else(|| Fault::Broken(format!("{} is a list of the unknown type {number}", quote(key))))?;
    let len = reader.u64(key)?;
    let smallest = match element {
        // Nested lists are in no model, and would let a small file ask for any depth.
        Element::List => return Err(Fault::Broken(format!("{} is a list of lists", quote(key)))),
        Element::Text => 8,
        _ => element.width().unwrap_or(1),
    };
    let bytes = len.saturating_mul(smallest);
    reader.expect(bytes, &format!("the list {}", quote(key)))?;
    *elements += len;
    if *elements > MOST_ELEMENTS {
        return Err(Fault::Broken(format!("{} has {len} elements, more than any model's", quote(key))));
    }
    let at = reader.position();
    if element == Element::Text {
        for _ in 0..len {
            reader.skip_text(key)?;
        }
    } else if element == Element::Bool {
        // Few and short, where they exist at all.
        for _ in 0..len {
            if reader.array::<1>(key)?[0] > 1 {
                return Err(Fault::Broken(format!("{} holds something else than 0 and 1", quote(key))));
            }
        }
    } else {
        reader.skip(bytes, key)?;
    }
    Ok(Value::List(List { element, len, at, part }))
}
