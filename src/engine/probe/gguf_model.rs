//! A GGUF model: its files read, joined, and held against what the engine needs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::architecture::{ARCHITECTURE_KEY, Architecture, Shape};
use super::fault::{Fault, Found};
use super::generation::{Generation, widen};
use super::gguf::{self, Early, Header, Tensor};
use super::metadata::Metadata;
use super::reader::Reader;
use super::value::{Element, TEMPLATE_KEY, Value};
use super::{footprint, split, template, tensor, vocabulary, weights};
use crate::domain::model::{Foresight, Format, ModelFacts};
use crate::domain::sampling::SamplingPatch;
use crate::error::UserError;

pub(super) fn probe(path: &Path) -> Result<ModelFacts, UserError> {
    let parts = split::parts(path)?;
    let mut joined: Option<(Metadata, Vec<Tensor>)> = None;
    for (index, part) in parts.iter().enumerate() {
        let header = Reader::open(part).and_then(|mut reader| gguf::read(&mut reader, index, &KnownKind));
        let header = header.map_err(|fault| fault.about(part))?;
        check_part(&header, index, parts.len()).map_err(|fault| fault.about(part))?;
        match &mut joined {
            None => joined = Some((Metadata::new(header.metadata), header.tensors)),
            Some((metadata, tensors)) => {
                metadata.merge(header.metadata).map_err(|fault| fault.about(part))?;
                tensors.extend(header.tensors);
            }
        }
    }
    let Some((metadata, tensors)) = joined else {
        return Err(Fault::broken("it has no parts").about(path));
    };
    facts(path, &parts, &metadata, &tensors).map_err(|fault| fault.about(path))
}

/// Objects to kinds that have no loader.
struct KnownKind;

impl Early for KnownKind {
    fn entry(&self, key: &str, value: &Value) -> Found<()> {
        match value {
            Value::Text(name) if key == ARCHITECTURE_KEY => Architecture::named(name).map(|_| ()),
            _ => Ok(()),
        }
    }

    fn metadata(&self, _metadata: &HashMap<String, Value>) -> Found<()> {
        Ok(())
    }
}

/// Objects to what can't be run, as far as the metadata tells.
struct Runnable;

impl Early for Runnable {
    fn entry(&self, key: &str, value: &Value) -> Found<()> {
        KnownKind.entry(key, value)
    }

    fn metadata(&self, metadata: &HashMap<String, Value>) -> Found<()> {
        // Only the first part of a set describes the model.
        if !metadata.contains_key(ARCHITECTURE_KEY) {
            return Ok(());
        }
        let metadata = Metadata::new(metadata.clone());
        let arch = Architecture::of(&metadata)?;
        Shape::of(arch, &metadata)?;
        weights::experts(arch, &metadata)?;
        vocabulary::kind(&metadata).map(|_| ())
    }
}

/// What the start of a file of `len` bytes says against running it.
pub(super) fn judge(start: &[u8], len: u64) -> Found<Foresight> {
    let mut reader = Reader::of_start(start, len);
    match gguf::read(&mut reader, 0, &Runnable) {
        Ok(header) => {
            let is_whole = !header.metadata.contains_key("split.count");
            let metadata = Metadata::new(header.metadata);
            if is_whole {
                let arch = Architecture::of(&metadata)?;
                weights::check(arch, Shape::of(arch, &metadata)?, &metadata, &header.tensors)?;
            }
            Ok(Foresight::Enough)
        }
        Err(_) if reader.ran_out() => Ok(Foresight::More),
        Err(fault) => Err(fault),
    }
}

/// What the name of a file alone says against running it: many of them name the type that most of their weights have.
pub(super) fn by_name(name: &str) -> Found<()> {
    const OTHERS: &[&str] = &["IQ1_", "IQ2_", "IQ3_", "IQ4_", "TQ1_", "TQ2_", "MXFP4", "NVFP4", "Q4_0_4_", "Q4_0_8_"];
    let file = name.rsplit('/').next().unwrap_or(name).to_ascii_uppercase();
    let mut words = file.split(['-', '.', ' ']);
    match words.find(|word| OTHERS.iter().any(|other| word.starts_with(other))) {
        Some(word) => Err(Fault::unsupported(
            format!("its weights are stored as {word}, which the engine does not compute with"),
            tensor::COMMON,
        )),
        None => Ok(()),
    }
}

/// What the start of a file of `len` bytes tells of its model; `None` before its header has ended. The first part of a set speaks
/// for itself alone where it counts weights.
pub(super) fn foretell(start: &[u8], len: u64) -> Found<Option<ModelFacts>> {
    // Not even the mark that the file begins with.
    if start.len() < 4 {
        return Ok(None);
    }
    let mut reader = Reader::of_start(start, len);
    let header = match gguf::read(&mut reader, 0, &Runnable) {
        Ok(header) => header,
        Err(_) if reader.ran_out() => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let is_whole = !header.metadata.contains_key("split.count");
    let metadata = Metadata::new(header.metadata);
    let arch = Architecture::of(&metadata)?;
    let shape = Shape::of(arch, &metadata)?;
    let rows = if is_whole {
        weights::check(arch, shape, &metadata, &header.tensors)?
    } else {
        metadata.list("tokenizer.ggml.tokens", Element::Text, "texts")?.len
    };
    let template =
        own_template(&metadata)?.filter(|text| !text.trim().is_empty()).ok_or_else(template::none)?.to_owned();
    Ok(Some(described(arch, shape, &metadata, &header.tensors, rows, &template)?))
}

/// A part of a set says which one it is, and the engine counts.
fn check_part(header: &Header, index: usize, count: usize) -> Found<()> {
    let said = |key: &str| match header.metadata.get(key) {
        None => Ok(None),
        Some(Value::U16(number)) => Ok(Some(u64::from(*number))),
        Some(Value::U32(number)) => Ok(Some(u64::from(*number))),
        Some(other) => Err(Fault::Broken(format!("its `{key}` is {}", other.kind()))),
    };
    let (index, count) = (index as u64, count as u64);
    match (said("split.no")?, said("split.count")?) {
        (None, None | Some(1)) if count == 1 => Ok(()),
        (Some(no), Some(of)) if no == index && of == count => Ok(()),
        (_, Some(0)) if count == 1 => Err(Fault::unsupported(
            "it was put together from parts by a tool that leaves a count of 0 in it, which the engine refuses",
            "take the parts as they were, or another file of the same model",
        )),
        (Some(no), Some(of)) if of > 1 && count == 1 => Err(Fault::missing(
            format!("it is part {} of {of} of a model, and its name does not say so", no.saturating_add(1)),
            "give the parts their names back: name-00001-of-00003.gguf and so on, in one folder",
        )),
        _ => Err(Fault::broken("what it says of its place among the parts does not agree with its name")),
    }
}

fn facts(path: &Path, parts: &[PathBuf], metadata: &Metadata, tensors: &[Tensor]) -> Found<ModelFacts> {
    let arch = Architecture::of(metadata)?;
    let shape = Shape::of(arch, metadata)?;
    let mut names = HashSet::new();
    if let Some(twice) = tensors.iter().find(|tensor| !names.insert(&*tensor.name)) {
        return Err(Fault::Broken(format!("two of its parts hold the tensor `{}`", twice.name)));
    }
    let rows = weights::check(arch, shape, metadata, tensors)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let generation = Generation::read(folder)?;
    vocabulary::check(metadata, parts, rows, &generation)?;
    // Without one the engine refuses every message.
    let template = template::beside_gguf(folder, own_template(metadata)?)?
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(template::none)?;
    let facts = described(arch, shape, metadata, tensors, rows, &template)?;
    Ok(ModelFacts { recommended: facts.recommended.over(generation.recommended()), ..facts })
}

/// What metadata and tensors say, once nothing speaks against them.
fn described(
    arch: Architecture,
    shape: Shape,
    metadata: &Metadata,
    tensors: &[Tensor],
    rows: u64,
    template: &str,
) -> Found<ModelFacts> {
    let footprint = footprint::of_gguf(arch, metadata, tensors)?;
    let sum = |of: fn(&Tensor) -> u64| tensors.iter().map(of).fold(0, u64::saturating_add);
    Ok(ModelFacts {
        format: Format::Gguf,
        name: metadata.soft_text("general.name").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned),
        architecture: arch.name().to_owned(),
        quant: quantisation(metadata, tensors),
        mlx: false,
        parameters: sum(|tensor| tensor.elements),
        bytes: sum(|tensor| tensor.bytes),
        context: shape.context,
        layers: shape.layers,
        kv_heads: shape.kv_heads,
        head_size: shape.head_size,
        heads: shape.heads,
        width: shape.width,
        feed_forward: footprint.feed_forward,
        held: footprint.held,
        unpacking: footprint.unpacking,
        per_token: footprint.per_token,
        experts: footprint.experts,
        vocabulary: u32::try_from(rows).unwrap_or(u32::MAX),
        has_chat_template: true,
        can_think: template.contains("<think>") && template.contains("</think>"),
        recommended: recommended(metadata),
        ..ModelFacts::default()
    })
}

/// The header's own template.
fn own_template(metadata: &Metadata) -> Found<Option<&str>> {
    match metadata.get(TEMPLATE_KEY) {
        None => Ok(None),
        Some(Value::Text(template)) => Ok(Some(template)),
        Some(Value::LongText(len)) => {
            Err(Fault::Broken(format!("its chat template has {len} bytes, more than any model's")))
        }
        Some(other) => Err(Fault::Broken(format!("its chat template is {}, not a text", other.kind()))),
    }
}

/// The name of the mixture, or else of the type that most weights have.
fn quantisation(metadata: &Metadata, tensors: &[Tensor]) -> String {
    if let Some(name) = match metadata.get("general.file_type") {
        Some(Value::U32(number)) => tensor::mixture(*number),
        _ => None,
    } {
        return name.to_owned();
    }
    let mut by_type = BTreeMap::new();
    for tensor in tensors {
        let sum = by_type.entry(tensor.kind.name).or_insert(0u64);
        *sum = sum.saturating_add(tensor.elements);
    }
    by_type.into_iter().max_by_key(|(_, elements)| *elements).map_or("", |(name, _)| name).to_owned()
}

/// What the header recommends; a value that can't be one is passed over, for nothing else depends on it.
fn recommended(metadata: &Metadata) -> SamplingPatch {
    let fraction = |name: &str| match metadata.get(&format!("general.sampling.{name}")) {
        Some(Value::F32(value)) => widen(*value),
        _ => None,
    };
    let whole = |name: &str| match metadata.get(&format!("general.sampling.{name}")) {
        Some(Value::I32(value)) => u32::try_from(*value).ok(),
        Some(Value::U32(value)) => Some(*value),
        _ => None,
    };
    SamplingPatch {
        temperature: fraction("temp").filter(|t| (0.0..=10.0).contains(t)),
        top_p: fraction("top_p").filter(|p| *p > 0.0 && *p <= 1.0),
        top_k: whole("top_k"),
        min_p: fraction("min_p").filter(|p| (0.0..=1.0).contains(p)),
        repetition_penalty: fraction("penalty_repeat").filter(|p| *p > 0.0 && *p <= 10.0),
        ..SamplingPatch::default()
    }
}
