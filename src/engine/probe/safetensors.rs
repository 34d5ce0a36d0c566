//! The safetensors format: the header of one file, held against its length.

use std::fmt;
use std::io::{Read, Seek};
use std::path::Path;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::fault::{Fault, Found, quote};
use super::{json, reader};

/// Real headers have up to 2 MB.
const MOST_HEADER: u64 = 8 << 20;
const MOST_TENSORS: usize = 100_000;
const MOST_DIMENSIONS: usize = 8;
const METADATA: &str = "__metadata__";

/// What the files of a model hold together.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// Elements and bytes of each type that occurs.
    pub types: Vec<(String, u64, u64)>,
    /// Elements of the embedding, where it is stored plain.
    pub embedding: Option<u64>,
    /// The output has weights of its own.
    pub has_head: bool,
    /// There are experts, and all of a layer's in one tensor.
    pub has_experts: bool,
    pub has_stacked_experts: bool,
    /// One more than the highest layer that has weights.
    pub layers: u64,
    /// Elements of the matrices that answers are computed with, and a power of two that all of their rows are multiples of.
    pub matrices: u64,
    pub row_unit: Option<u32>,
    /// Numbers that belong to groups of packed weights, as MLX has them: scales, and scales with offsets.
    pub scales: u64,
    pub group_numbers: u64,
    /// A matrix that is not packed, of those that are if any is.
    pub whole_matrix: Option<String>,
}

/// Where a tensor lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub start: u64,
    pub end: u64,
    /// Its name, where that is a number.
    pub number: Option<u32>,
}

/// Reads one file's header into `sums`; gives the places of the tensors in the file.
pub(super) fn read(path: &Path, sums: &mut Sums) -> Found<Vec<Span>> {
    let (mut file, len) = reader::open(path)?;
    let mut prefix = [0; 8];
    file.rewind().and_then(|()| file.read_exact(&mut prefix)).map_err(|_| match len {
        0 => Fault::broken("it is empty"),
        _ => Fault::Broken(format!("it has only {len} bytes")),
    })?;
    let header = u64::from_le_bytes(prefix);
    let room = len.saturating_sub(8);
    if header > room || header > MOST_HEADER {
        return Err(Fault::Broken(match prefix {
            [b'v', b'e', b'r', b's', b'i', b'o', b'n', b' '] => {
                "it is only a pointer to the weights (Git LFS); the weights themselves were not downloaded".to_owned()
            }
            _ => format!("its header would need {header} bytes, and the file has {len}"),
        }));
    }
    let mut spans = Vec::new();
    let walk = json::walk(file.take(header));
    let mut deserializer = serde_json::Deserializer::from_reader(walk);
    Header { spans: &mut spans, sums }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| Fault::Broken(format!("its header can't be understood: {error}")))?;
    check_spans(&mut spans, room - header)?;
    let data = header + 8;
    Ok(spans.into_iter().map(|span| Span { start: span.start + data, end: span.end + data, ..span }).collect())
}

/// The weights follow each other without gaps and fill the file.
fn check_spans(spans: &mut [Span], room: u64) -> Found<()> {
    spans.sort_unstable();
    let mut at = 0;
    for Span { start, end, .. } in spans.iter() {
        if *start != at || end < start {
            return Err(Fault::broken("its header gives places of weights that do not fit together"));
        }
        at = *end;
    }
    match at.cmp(&room) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => {
            Err(Fault::Broken(format!("it is cut off: its header counts {at} bytes of weights, and {room} are there")))
        }
        std::cmp::Ordering::Less => {
            Err(Fault::Broken(format!("its header counts {at} bytes of weights, and {room} are there")))
        }
    }
}

struct Header<'a> {
    spans: &'a mut Vec<Span>,
    sums: &'a mut Sums,
}

impl<'de> DeserializeSeed<'de> for Header<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Header<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of weights")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name == METADATA {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if self.spans.len() == MOST_TENSORS {
                return Err(A::Error::custom("more weights than any model has"));
            }
            let tensor: Tensor = map.next_value()?;
            let elements = tensor.shape.elements;
            let bytes = element_bits(&tensor.dtype)
                .and_then(|bits| elements.checked_mul(bits))
                .filter(|bits| bits % 8 == 0)
                .map(|bits| bits / 8);
            let (start, end) = tensor.data_offsets;
            if bytes.is_none() || end.checked_sub(start) != bytes {
                let name = quote(&name);
                return Err(A::Error::custom(format!("{name} does not have the size that its shape says")));
            }
            self.spans.push(Span { start, end, number: name.parse().ok() });
            self.sums.notice(&name, &tensor.dtype, &tensor.shape);
            self.sums.add(&tensor.dtype, elements, end - start).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

impl Sums {
    /// What the names tell.
    fn notice(&mut self, name: &str, dtype: &str, shape: &Shape) {
        let elements = shape.elements;
        if is_of_layers(name) && matches!(shape.dimensions, 2 | 3) {
            self.matrices = self.matrices.saturating_add(elements);
            let unit = 1 << shape.last.trailing_zeros().min(8);
            self.row_unit = Some(self.row_unit.map_or(unit, |known| known.min(unit)));
        }
        if name == "model.embed_tokens.weight" && is_float(dtype) {
            self.embedding = Some(elements);
        }
        if is_float(dtype) {
            let scales = name.ends_with(".scales");
            if scales || name.ends_with(".biases") {
                self.group_numbers = self.group_numbers.saturating_add(elements);
                self.scales = self.scales.saturating_add(if scales { elements } else { 0 });
            }
            let is_matrix = ["proj.weight", "embed_tokens.weight", "lm_head.weight"].iter().any(|m| name.ends_with(m));
            if is_matrix && self.whole_matrix.is_none() {
                self.whole_matrix = Some(name.to_owned());
            }
        }
        self.has_head |= name.starts_with("lm_head.");
        self.has_experts |= name.contains(".mlp.experts.") || name.contains(".mlp.switch_mlp.");
        self.has_stacked_experts |= name.ends_with(".mlp.experts.gate_up_proj");
        let layer = name.strip_prefix("model.layers.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
        self.layers = self.layers.max(layer.map_or(0, |layer| u64::from(layer) + 1));
    }

    fn add(&mut self, dtype: &str, elements: u64, bytes: u64) -> Result<(), &'static str> {
        if !self.types.iter().any(|(known, ..)| known == dtype) {
            self.types.push((dtype.to_owned(), 0, 0));
        }
        for (known, of_type, bytes_of_type) in &mut self.types {
            if known == dtype {
                *of_type = of_type.checked_add(elements).ok_or("more elements than can be")?;
                *bytes_of_type = bytes_of_type.checked_add(bytes).ok_or("more bytes than can be")?;
            }
        }
        Ok(())
    }

    /// Words of 32 bits, in which several weights are packed where weights are.
    pub fn words(&self) -> u64 {
        self.elements(is_word)
    }

    pub fn plain_elements(&self) -> u64 {
        self.elements(|dtype| !is_word(dtype))
    }

    fn elements(&self, of: impl Fn(&str) -> bool) -> u64 {
        let found = self.types.iter().filter(|(dtype, ..)| of(dtype));
        found.fold(0, |sum, (_, elements, _)| sum.saturating_add(*elements))
    }

    pub fn bytes(&self) -> u64 {
        self.types.iter().fold(0, |sum, (_, _, bytes)| sum.saturating_add(*bytes))
    }

    /// The type that most bytes are of.
    pub fn main_type(&self) -> &str {
        self.types.iter().max_by_key(|(_, _, bytes)| *bytes).map_or("", |(dtype, ..)| dtype)
    }
}

/// A matrix of the layers that write, or of the output. What looks or listens stays as it is, and so does an embedding.
fn is_of_layers(name: &str) -> bool {
    let of_text = !["vision", "visual", "audio", "embed"].iter().any(|part| name.contains(part));
    name.ends_with(".weight") && of_text && (name.contains("layers.") || name.contains("lm_head"))
}

#[derive(Deserialize)]
struct Tensor {
    dtype: String,
    shape: Shape,
    data_offsets: (u64, u64),
}

/// What of a shape matters.
struct Shape {
    elements: u64,
    dimensions: usize,
    last: u64,
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Product;
        impl<'de> Visitor<'de> for Product {
            type Value = Shape;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a shape")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
                let mut shape = Shape { elements: 1, dimensions: 0, last: 1 };
                while let Some(dimension) = seq.next_element::<u64>()? {
                    shape.dimensions += 1;
                    shape.last = dimension;
                    shape.elements = shape
                        .elements
                        .checked_mul(dimension)
                        .filter(|_| shape.dimensions <= MOST_DIMENSIONS)
                        .ok_or_else(|| A::Error::custom("an impossible shape"))?;
                }
                Ok(shape)
            }
        }
        deserializer.deserialize_seq(Product)
    }
}

fn is_float(dtype: &str) -> bool {
    matches!(dtype, "F32" | "F16" | "BF16")
}

fn is_word(dtype: &str) -> bool {
    matches!(dtype, "U32" | "I32")
}

fn element_bits(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "F4" => 4,
        "BOOL" | "U8" | "I8" | "F8_E5M2" | "F8_E4M3" | "F8_E8M0" => 8,
        "I16" | "U16" | "F16" | "BF16" => 16,
        "I32" | "U32" | "F32" => 32,
        "I64" | "U64" | "F64" => 64,
        _ => return None,
    })
}
