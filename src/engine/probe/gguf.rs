//! The GGUF format: header, metadata and the list of tensors. Knows nothing of models.

use super::fault::{Fault, Found, quote};
use super::reader::Reader;
use super::tensor::{self, TensorType, tensor_type};
use super::value::{self, Element, Value};
use std::collections::{HashMap, HashSet};

// What no model has more of. Real ones: some 60 entries, 3,000 tensors, 262,144 words in three lists.
const MOST_ENTRIES: u64 = 2_048;
const MOST_TENSORS: u64 = 16_384;
const MOST_KEY: usize = 256;
const MOST_TENSOR_NAME: usize = 128;
const MOST_DIMENSIONS: u32 = 4;
const DEFAULT_ALIGNMENT: u64 = 32;
/// The format allows more; nothing writes more than a page.
const MOST_ALIGNMENT: u64 = 1 << 16;

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

/// Who may object before all is read.
pub(super) trait Early {
    fn entry(&self, key: &str, value: &Value) -> Found<()>;
    fn metadata(&self, metadata: &HashMap<String, Value>) -> Found<()>;
}

/// All that one file says of itself.
pub(super) struct Header {
    pub metadata: HashMap<String, Value>,
    pub tensors: Vec<Tensor>,
}

/// Reads a header and checks that the file is whole. `early` sees each entry of the metadata as it comes, and all of it before
/// any tensor: where it objects to what kind of model this is, that matters more than what follows.
pub(super) fn read(reader: &mut Reader, part: usize, early: &dyn Early) -> Found<Header> {
    let (tensor_count, entry_count) = read_counts(reader)?;
    let metadata = read_metadata(reader, entry_count, part, early)?;
    early.metadata(&metadata)?;
    let tensors = read_tensors(reader, tensor_count)?;
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

fn read_metadata(reader: &mut Reader, count: u64, part: usize, early: &dyn Early) -> Found<HashMap<String, Value>> {
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
        let value = value::read(reader, kind, &key, part, &mut elements)?;
        if metadata.contains_key(&key) {
            return Err(Fault::Broken(format!("{} is there twice", quote(&key))));
        }
        early.entry(&key, &value)?;
        metadata.insert(key, value);
    }
    Ok(metadata)
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
            tensor::COMMON,
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
