//! A model that this engine has quantised and written down: numbered matrices in `*.uqff`, the rest of the weights in
//! `residual.safetensors`, and the configuration and words of the folder that it was made of.

use std::path::Path;

use super::config::Config;
use super::fault::{Fault, Found};
use super::folder::{listing, talk};
use super::reader::Reader;
use super::safetensors::{self, Span, Sums};
use super::tensor::tensor_type;
use crate::domain::model::{Format, ModelFacts};
use crate::error::UserError;

const REST: &str = "residual.safetensors";
/// The newest that this engine reads: 0.2.x.
const VERSION: (u32, u32) = (0, 2);
const MOST_DIMENSIONS: u32 = 8;
const MOST_PARTS: usize = 1_024;

pub(super) fn probe(path: &Path) -> Result<ModelFacts, UserError> {
    facts(path).map_err(|fault| fault.about(path))
}

fn facts(path: &Path) -> Found<ModelFacts> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let files = listing(folder)?;
    for needed in ["config.json", REST] {
        if !files.contains(needed) {
            return Err(Fault::missing(
                format!("{needed} is missing beside it"),
                "a UQFF model is a folder: download or copy all of it",
            ));
        }
    }
    let config = Config::read(folder)?;
    if !config.can_be_kept() {
        return Err(Fault::unsupported(
            format!("UQFF files of the architecture `{}` can't be loaded here", config.architecture),
            "take the safetensors of this model: they are quantised while they load",
        ));
    }
    let mut rest = Sums::default();
    safetensors::read(&folder.join(REST), &mut rest).map_err(|fault| fault.inside(REST))?;
    let mut matrices = Matrices::default();
    for part in parts(path) {
        matrices.read(&part).map_err(|fault| match part.file_name() {
            Some(name) if part != path => fault.inside(&name.to_string_lossy()),
            _ => fault,
        })?;
    }
    matrices.check(&config, &rest)?;
    let talk = talk(folder, &files)?;
    Ok(ModelFacts {
        format: Format::Uqff,
        quant: matrices.label(),
        parameters: matrices.elements.saturating_add(config.parameters(&rest)),
        bytes: matrices.bytes.saturating_add(rest.bytes()),
        held: matrices.bytes.saturating_add(rest.bytes()),
        per_token: matrices.bytes,
        has_chat_template: true,
        can_think: talk.can_think,
        recommended: talk.recommended,
        ..config.facts()
    })
}

/// The files of a set: `name-0.uqff`, `name-1.uqff` and so on as far as they go, as the engine takes them.
fn parts(path: &Path) -> Vec<std::path::PathBuf> {
    let base = path.file_stem().and_then(|stem| stem.to_str()?.strip_suffix("-0"));
    match base {
        None => vec![path.to_owned()],
        Some(base) => (0..MOST_PARTS)
            .map(|part| path.with_file_name(format!("{base}-{part}.uqff")))
            .take_while(|part| part.exists())
            .collect(),
    }
}

/// What the files hold together.
#[derive(Debug, Default)]
struct Matrices {
    numbers: Vec<u32>,
    elements: u64,
    bytes: u64,
    /// Bytes of each kind that occurs.
    kinds: Vec<(String, u64)>,
}

impl Matrices {
    fn read(&mut self, path: &Path) -> Found<()> {
        let spans = safetensors::read(path, &mut Sums::default())?;
        let mut reader = Reader::open(path)?;
        for span in spans {
            // The engine takes every name for a number.
            let number = span.number.ok_or_else(|| Fault::broken("it holds other weights than numbered ones"))?;
            let (kind, elements) = matrix(&mut reader, span)?;
            self.numbers.push(number);
            self.elements = self.elements.saturating_add(elements);
            let bytes = span.end - span.start;
            self.bytes = self.bytes.saturating_add(bytes);
            match self.kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, sum)) => *sum = sum.saturating_add(bytes),
                None => self.kinds.push((kind, bytes)),
            }
        }
        Ok(())
    }

    /// The engine numbers them without gaps, and has at least four for a layer and one for the output.
    fn check(&mut self, config: &Config, rest: &Sums) -> Found<()> {
        self.numbers.sort_unstable();
        let gap = self.numbers.iter().zip(0..).any(|(number, expected)| *number != expected);
        let least = u64::from(config.layers) * 4 + 1;
        if gap || (self.numbers.len() as u64) < least {
            return Err(Fault::Broken(format!(
                "it holds {} matrices, and a model of {} layers has more: a part of it is missing",
                self.numbers.len(),
                config.layers
            )));
        }
        match rest.embedding {
            Some(elements) if elements != config.embedding() => Err(Fault::Broken(format!(
                "{REST} holds {elements} numbers for the words, and config.json speaks of {}",
                config.embedding()
            ))),
            _ => Ok(()),
        }
    }

    /// The kind that most bytes are of.
    fn label(&self) -> String {
        self.kinds.iter().max_by_key(|(_, bytes)| *bytes).map(|(kind, _)| kind.clone()).unwrap_or_default()
    }
}

/// One matrix: how it is stored, and how many elements it has. Every length is held against the matrix's own end.
fn matrix(reader: &mut Reader, span: Span) -> Found<(String, u64)> {
    const WHAT: &str = "a matrix";
    reader.seek(span.start)?;
    let version = reader.u32(WHAT)?;
    let (major, minor) = (version >> 16, version >> 8 & 0xff);
    if major != VERSION.0 || minor > VERSION.1 {
        return Err(Fault::unsupported(
            format!("it was written in version {major}.{minor} of UQFF, and this engine reads up to 0.2"),
            "take the safetensors of this model, or a GGUF file",
        ));
    }
    let [kind] = reader.array(WHAT)?;
    let (label, elements) = match kind {
        0 => {
            let bytes = u64::from(reader.u32(WHAT)?);
            let [_bias] = reader.array(WHAT)?;
            let number = reader.u32(WHAT)?;
            let kind = tensor_type(number).map_err(|_| Fault::broken("a matrix is of a type that can't be"))?;
            let elements = shape(reader)?;
            if elements.checked_mul(kind.bytes).is_none_or(|all| all / kind.block != bytes) {
                return Err(Fault::broken("a matrix does not have the size that its shape says"));
            }
            reader.skip(bytes, WHAT)?;
            (kind.name.to_owned(), elements)
        }
        1 => {
            let [_bias] = reader.array(WHAT)?;
            ("F16".to_owned(), tensor(reader)?)
        }
        2 => ("HQQ".to_owned(), span.end - span.start),
        3 => ("FP8".to_owned(), span.end - span.start),
        4 => {
            let [_bias] = reader.array(WHAT)?;
            let words = tensor(reader)?;
            tensor(reader)?;
            tensor(reader)?;
            let [bits] = reader.array(WHAT)?;
            if !matches!(bits, 2 | 3 | 4 | 6 | 8) {
                return Err(Fault::broken("a matrix has a number of bits that can't be"));
            }
            (format!("AFQ{bits}"), words.saturating_mul(32) / u64::from(bits))
        }
        _ => {
            return Err(Fault::unsupported(
                "its weights are of a kind that this engine does not read",
                "take the safetensors of this model, or a GGUF file",
            ));
        }
    };
    if reader.position() > span.end {
        return Err(Fault::broken("a matrix is longer than its place"));
    }
    Ok((label, elements))
}

/// Skips a tensor: its length, type, shape and bytes.
fn tensor(reader: &mut Reader) -> Found<u64> {
    let bytes = u64::from(reader.u32("a matrix")?);
    reader.u32("a matrix")?;
    let elements = shape(reader)?;
    reader.skip(bytes, "a matrix")?;
    Ok(elements)
}

fn shape(reader: &mut Reader) -> Found<u64> {
    let count = reader.u32("a shape")?;
    if count > MOST_DIMENSIONS {
        return Err(Fault::broken("a matrix has an impossible shape"));
    }
    let mut elements = 1u64;
    for _ in 0..count {
        let size = u64::from(reader.u32("a shape")?);
        elements = elements.checked_mul(size).ok_or_else(|| Fault::broken("a matrix has an impossible shape"))?;
    }
    Ok(elements)
}
