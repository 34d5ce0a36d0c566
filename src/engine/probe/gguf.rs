//! The GGUF format: header, metadata and the list of tensors. Knows nothing of models.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::fault::{Fault, Found, quote};
use super::reader::Reader;
use super::tensor::{TensorType, tensor_type};

// What no model has more of. Real ones: some 60 entries, 3,000 tensors, 262,144 words in three lists.
const MOST_ENTRIES: u64 = 2_048;
const MOST_TENSORS: u64 = 16_384;
const MOST_KEY: usize = 256;
const MOST_TENSOR_NAME: usize = 128;
/// Of all lists together: the engine turns each element into 32 bytes.
const MOST_ELEMENTS: u64 = 4 << 20;
/// Texts up to this length are kept, longer ones only counted; the chat template has its own bound.
const KEPT_TEXT: u64 = 1_024;
pub(super) const MOST_TEMPLATE: u64 = 512 << 10;
const MOST_DIMENSIONS: u32 = 4;
const DEFAULT_ALIGNMENT: u64 = 32;
/// The format allows more; nothing writes more than a page.
const MOST_ALIGNMENT: u64 = 1 << 16;

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
    fn of(number: u32) -> Option<Self> {
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

#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub name: Box<str>,
    /// Fastest-running first, as the file has them.
    pub dimensions: Vec<u64>,
    pub kind: TensorType,
    pub elements: u64,
    pub bytes: u64,
    /// From the start of the tensor data.
    offset: u64,
}

/// All that one file says of itself.
pub(super) struct Header {
    pub metadata: HashMap<String, Value>,
    pub tensors: Vec<Tensor>,
}

/// Reads a header and checks that the file is whole. `early` sees the metadata first: where it objects to what kind of
/// model this is, that matters more than any tensor.
pub(super) fn read(
    path: &Path,
    part: usize,
    early: impl FnOnce(&HashMap<String, Value>) -> Found<()>,
) -> Found<Header> {
    let mut reader = Reader::open(path)?;
    let (tensor_count, entry_count) = read_counts(&mut reader)?;
    let metadata = read_metadata(&mut reader, entry_count, part)?;
    early(&metadata)?;
    let tensors = read_tensors(&mut reader, tensor_count)?;
    let alignment = alignment(&metadata)?;
    let data_at = reader
        .position()
        .checked_next_multiple_of(alignment)
        .ok_or_else(|| Fault::broken("its tensor data would begin beyond any file"))?;
    check_layout(&tensors, data_at, alignment, reader.len())?;
    Ok(Header { metadata, tensors })
}

fn read_counts(reader: &mut Reader) -> Found<(u64, u64)> {
    let len = reader.len();
    check_magic(reader.peek(), len)?;
    reader.skip(4, "its first bytes")?;
    let version = reader.u32("the format's version")?;
    match version {
        2 | 3 => {}
        1 => {
            return Err(Fault::unsupported(
                "it is of GGUF version 1, from the format's first weeks",
                "take a newer file of the same model",
            ));
        }
        _ if matches!(version.swap_bytes(), 1..=3) => {
            return Err(Fault::unsupported(
                "its numbers are big-endian, for another kind of processor",
                "take the usual little-endian file of the same model",
            ));
        }
        _ => {
            return Err(Fault::broken(format!("it says to be of GGUF version {version}; versions 2 and 3 are known")));
        }
    }
    let tensors = reader.u64("the number of tensors")?;
    let entries = reader.u64("the number of metadata entries")?;
    // The smallest entry is an empty key, a type and one byte; the smallest tensor a name, one dimension, type and offset.
    for (count, smallest, most, what) in
        [(entries, 13, MOST_ENTRIES, "metadata entries"), (tensors, 33, MOST_TENSORS, "tensors")]
    {
        if count > most || count.checked_mul(smallest).is_none_or(|bytes| bytes > reader.left()) {
            return Err(Fault::Broken(format!(
                "its header counts {count} {what}, more than {}",
                if count > most { "any model has" } else { "the file has room for" }
            )));
        }
    }
    if tensors == 0 {
        return Err(Fault::unsupported(
            "it holds no weights, only a vocabulary or settings",
            "choose the file with the weights",
        ));
    }
    Ok((tensors, entries))
}

/// Tells what else a file may be, for that is what a person needs to know.
fn check_magic(start: &[u8], len: u64) -> Found<()> {
    let text = String::from_utf8_lossy(&start[..start.len().min(512)]).trim_start().to_ascii_lowercase();
    let other = match start {
        [b'G', b'G', b'U', b'F', ..] => return Ok(()),
        _ if len == 0 => "it is empty",
        [b'F', b'U', b'G', b'G', ..] => {
            return Err(Fault::unsupported(
                "its numbers are big-endian, for another kind of processor",
                "take the usual little-endian file of the same model",
            ));
        }
        _ if text.starts_with("<!doctype") || text.starts_with("<html") || text.starts_with("<?xml") => {
            "it is a web page, not a model: the download went to the wrong address, or needs you to log in"
        }
        _ if text.starts_with("version https://git-lfs") => {
            "it is only a pointer to the model (Git LFS); the model itself was not downloaded"
        }
        [b't' | b'l', b'j' | b'm' | b'g', b'g', b'g' | b'm' | b'l', ..] => {
            "it is of the old GGML format, which GGUF replaced"
        }
        [b'P', b'K', 3, 4, ..] => "it is a zip or PyTorch archive, not a GGUF file",
        _ => "it is not a GGUF file: it does not begin with `GGUF`",
    };
    Err(Fault::broken(other))
}

fn read_metadata(reader: &mut Reader, count: u64, part: usize) -> Found<HashMap<String, Value>> {
    let mut metadata = HashMap::new();
    let mut elements = 0;
    let mut key = Vec::new();
    for index in 0..count {
        reader.text_into(&mut key, MOST_KEY, &format!("the key of metadata entry {index}"))?;
        let key = std::str::from_utf8(&key)
            .ok()
            .filter(|key| !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or_else(|| Fault::Broken(format!("the key of metadata entry {index} is not readable text")))?
            .to_owned();
        let number = reader.u32("a metadata type")?;
        let kind = Element::of(number)
            .ok_or_else(|| Fault::Broken(format!("{} has the unknown type {number}", quote(&key))))?;
        let value = read_value(reader, kind, &key, part, &mut elements)?;
        if metadata.contains_key(&key) {
            return Err(Fault::Broken(format!("{} is there twice", quote(&key))));
        }
        metadata.insert(key, value);
    }
    Ok(metadata)
}

fn read_value(reader: &mut Reader, kind: Element, key: &str, part: usize, elements: &mut u64) -> Found<Value> {
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

fn read_tensors(reader: &mut Reader, count: u64) -> Found<Vec<Tensor>> {
    let mut tensors: Vec<Tensor> = Vec::new();
    let mut names = HashSet::new();
    let mut name = Vec::new();
    for index in 0..count {
        reader.text_into(&mut name, MOST_TENSOR_NAME, &format!("the name of tensor {index}"))?;
        let name = std::str::from_utf8(&name)
            .ok()
            .filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or_else(|| Fault::Broken(format!("the name of tensor {index} is not readable text")))?;
        if !names.insert(Box::<str>::from(name)) {
            return Err(Fault::Broken(format!("tensor {} is there twice", quote(name))));
        }
        tensors.push(read_tensor(reader, name)?);
    }
    Ok(tensors)
}

fn read_tensor(reader: &mut Reader, name: &str) -> Found<Tensor> {
    let count = reader.u32(name)?;
    if !(1..=MOST_DIMENSIONS).contains(&count) {
        return Err(Fault::Broken(format!("tensor {} has {count} dimensions", quote(name))));
    }
    let mut dimensions = Vec::new();
    for _ in 0..count {
        dimensions.push(reader.u64(name)?);
    }
    let number = reader.u32(name)?;
    let offset = reader.u64(name)?;
    let kind = tensor_type(number).map_err(|known| match known {
        Some(other) => Fault::unsupported(
            format!("tensor {} is stored as {other}, which the engine does not compute with", quote(name)),
            "take a file of the same model in a common quantisation: Q4_K_M, Q4_0 or Q8_0",
        ),
        None => Fault::Broken(format!("tensor {} has the unknown type {number}", quote(name))),
    })?;
    let elements = dimensions
        .iter()
        .try_fold(1u64, |product, dimension| product.checked_mul(*dimension))
        .filter(|elements| (1..=i64::MAX as u64).contains(elements))
        .ok_or_else(|| Fault::Broken(format!("tensor {} has the impossible shape {dimensions:?}", quote(name))))?;
    if dimensions.first().is_some_and(|row| !row.is_multiple_of(kind.block)) {
        return Err(Fault::Broken(format!(
            "tensor {} has rows of {} elements, and {} stores them by {}",
            quote(name),
            dimensions.first().unwrap_or(&0),
            kind.name,
            kind.block
        )));
    }
    let bytes = (elements / kind.block)
        .checked_mul(kind.bytes)
        .ok_or_else(|| Fault::Broken(format!("tensor {} would be larger than any file", quote(name))))?;
    Ok(Tensor { name: name.into(), dimensions, kind, elements, bytes, offset })
}

fn alignment(metadata: &HashMap<String, Value>) -> Found<u64> {
    let alignment = match metadata.get("general.alignment") {
        None => DEFAULT_ALIGNMENT,
        Some(Value::U32(alignment)) => u64::from(*alignment),
        Some(other) => return Err(Fault::Broken(format!("its `general.alignment` is {}", other.kind()))),
    };
    // The format asks for a multiple of 8.
    if alignment.is_power_of_two() && (8..=MOST_ALIGNMENT).contains(&alignment) {
        Ok(alignment)
    } else {
        Err(Fault::Broken(format!("its `general.alignment` is {alignment}, which can't be")))
    }
}

/// The tensors lie in the file one after another, without overlap and with no more than padding between: otherwise a wrong
/// type or offset would go unnoticed, and the weights be read as noise.
fn check_layout(tensors: &[Tensor], data_at: u64, alignment: u64, len: u64) -> Found<()> {
    let mut order: Vec<&Tensor> = tensors.iter().collect();
    order.sort_unstable_by_key(|tensor| tensor.offset);
    let mut free_from = 0;
    for tensor in order {
        let name = quote(&tensor.name);
        if !tensor.offset.is_multiple_of(alignment) {
            return Err(Fault::Broken(format!("tensor {name} begins at {}, off its boundary", tensor.offset)));
        }
        if tensor.offset < free_from {
            return Err(Fault::Broken(format!("tensor {name} lies on top of another one")));
        }
        if tensor.offset - free_from >= alignment {
            return Err(Fault::Broken(format!("there are bytes before tensor {name} that belong to none")));
        }
        let end = tensor.offset.checked_add(tensor.bytes).and_then(|end| Some((end, end.checked_add(data_at)?)));
        match end {
            Some((end, in_file)) if in_file <= len => free_from = end,
            Some((_, in_file)) => {
                return Err(Fault::Broken(format!(
                    "it is cut off: tensor {name} ends at byte {in_file}, and the file at {len}"
                )));
            }
            None => return Err(Fault::Broken(format!("tensor {name} would lie beyond any file"))),
        }
    }
    Ok(())
}
