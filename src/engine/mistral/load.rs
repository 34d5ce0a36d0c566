//! Loading: our own check of the file first, then the engine's builders.

use std::fmt::Display;
use std::panic::{UnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use mistralrs::core::Pipeline;
use mistralrs::model_builder_trait::{AnyModelBuilder, build_model_from_pipeline};
use mistralrs::{GgufModelBuilder, Model, ModelBuilder, ModelDType, TokenSource, UqffTextModelBuilder};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;

use super::count::Texts;
use super::guide::Forms;
use super::options::{LoadOptions, load_options};
use super::prefixes::Prefixes;
use super::quantise::{self, Quantised, Weights};
use super::resume::Made;
use super::shadow::{self, Shadow};
use crate::domain::LoadStage;
use crate::domain::fit;
use crate::domain::machine::{Gpu, GpuKind, Machine};
use crate::domain::model::{Device, Format, ModelInfo, ModelSpec, split_set};
use crate::engine::host::{self, panic_text};
use crate::engine::probe;
use crate::error::{ErrorKind, Shortage, UserError, reason};
use crate::machine;

/// A model that is ready, and the runtime that asks it.
pub(super) struct Loaded {
    pub runtime: Runtime,
    pub model: Model,
    /// `None` where the model has no vocabulary that answers could be held to a form with.
    pub forms: Option<Forms>,
    pub info: ModelInfo,
    /// The model's own tokenizer, to be asked past the engine.
    pub texts: Option<Texts>,
    pub vocabulary: Vocabulary,
    /// What the engine keeps of earlier answers.
    pub prefixes: Mutex<Prefixes>,
    /// The last answer, for when it is to go on.
    pub last: Mutex<Option<Made>>,
    /// That is in a pool (paged attention).
    pub has_pool: bool,
}

/// Tokens with a meaning of their own.
pub(super) struct Vocabulary {
    /// Each of them ends an answer.
    pub ends: Vec<u32>,
    /// No text holds them, and they end nothing: the marks to choose from.
    pub marks: Vec<u32>,
}

impl Vocabulary {
    /// `words` is how many the model knows; its tokenizer can have more, for a part that looks. 0: it does not say.
    fn of(pipeline: &dyn Pipeline, words: u32) -> Self {
        let metadata = pipeline.get_metadata();
        let has_output = |id: &u32| words == 0 || *id < words;
        let ends: Vec<u32> = metadata.eos_tok.iter().copied().filter(has_output).collect();
        let mut marks: Vec<u32> = match (pipeline.tokenizer(), metadata.tok_env()) {
            (Some(tokenizer), Some(env)) => {
                let trie = env.tok_trie();
                let added = tokenizer.get_added_tokens_decoder();
                let special = added.iter().filter(|(_, token)| token.special && !is_said(&token.content));
                let special = special.map(|(id, _)| *id);
                // The engine takes none for an end that others begin with.
                let fits = |id: &u32| has_output(id) && !ends.contains(id) && !trie.has_extensions(trie.token(*id));
                special.filter(fits).collect()
            }
            _ => Vec::new(),
        };
        // Those at the end are the least likely to be in use.
        marks.sort_unstable_by(|a, b| b.cmp(a));
        Self { ends, marks }
    }
}

/// Whether a model says this token in the middle of an answer. In a GGUF file it looks like one that nobody says.
fn is_said(token: &str) -> bool {
    ["think", "tool", "channel", "message"].iter().any(|word| token.contains(word))
}

/// Loads on a thread of its own: the engine keeps settings of a load in its thread, and panics on some files.
pub(super) fn load(spec: &ModelSpec, stage: &mut dyn FnMut(LoadStage)) -> Result<Loaded, UserError> {
    let (tell, stages) = channel();
    let thread = {
        let spec = spec.clone();
        std::thread::Builder::new().name("load".into()).spawn(move || load_here(&spec, &tell))
    };
    let thread = thread.map_err(|error| failed(spec, &error.to_string()))?;
    stages.into_iter().for_each(stage);
    thread.join().unwrap_or_else(|panic| Err(broken(spec, panic_text(&*panic))))
}

fn load_here(spec: &ModelSpec, tell: &Sender<LoadStage>) -> Result<Loaded, UserError> {
    let start = Instant::now();
    let stage = |stage| {
        let _ = tell.send(stage);
    };
    stage(LoadStage::Checking);
    shadow::clear_leftovers();
    let facts = probe::probe(&spec.location)?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| failed(spec, &error.to_string()))?;

    // The engine makes its own again. Kept until it has: drivers are slow to start twice.
    let device = match spec.settings.device {
        Device::Cpu => None,
        Device::Auto => device(|| mistralrs::best_device(false)),
    };
    let options = load_options(spec, &facts, &with_gpu(machine::measure(), device.as_ref()));
    if options.force_cpu {
        facts.check_device(&spec.name, Device::Cpu)?;
    }

    stage(LoadStage::Weights);
    let quantised = Quantised::choose(spec, &facts, quantise::gpu(device.as_ref()))?;
    let shadow = stand_in(spec)?;
    let place = shadow.as_ref().map_or(&*spec.location, Shadow::folder);
    let (pipeline, copy, mut notes) = quantised.weights(spec, &facts, tell, |weights| {
        let builder = builder(spec, place, options, weights)?;
        runtime.block_on(builder.build_pipeline()).map_err(|error| failed(spec, &format!("{error:#}")))
    })?;
    notes.extend(options.cache_note(spec));
    let (pipeline, scheduler, config) = pipeline;

    // Now: once the engine runs, it holds its pipeline for as long as it computes.
    let (vocabulary, forms, texts) = runtime.block_on(async {
        let pipeline = &*pipeline.lock().await;
        (Vocabulary::of(pipeline, facts.vocabulary), Forms::of(pipeline), Texts::of(pipeline))
    });

    // Starting the engine makes it answer "hello" with one token, on a runtime with threads like this one: what is
    // allocated and compiled at first use (on a GPU, the kernels) is done before somebody waits for it. A tenth of a
    // second for the starter on two cores.
    stage(LoadStage::WarmUp);
    let panics = host::panics();
    let model = runtime.block_on(build_model_from_pipeline(pipeline, scheduler, config));
    if host::panics() != panics {
        // On a thread of the engine's, which only logs that its warm-up failed.
        return Err(broken(spec, &host::last_panic()));
    }

    let device = model.config().map_or("CPU", |config| device_label(&config.device));
    let length = model.max_sequence_length().ok().flatten().and_then(|n| u32::try_from(n).ok());
    let context = options.context.min(fit::usable_context(length.unwrap_or(facts.context)));
    let prefixes = Prefixes::new(Some(options.prefix_caches).filter(|_| device != "CPU"));
    let info = ModelInfo {
        reference: spec.reference.clone(),
        name: spec.name.clone(),
        quant: quantised.label(&facts),
        facts,
        context,
        device: device.into(),
        copy,
        notes,
        load_time: start.elapsed(),
    };
    let (prefixes, last, has_pool) = (Mutex::new(prefixes), Mutex::default(), options.pool.is_some());
    Ok(Loaded { runtime, model, forms, info, texts, vocabulary, prefixes, last, has_pool })
}

/// The GPU that this build is for; the processor in a build for none. `None` where the machine has no such GPU: some drivers
/// say so, others make the engine panic, for which the file would get the blame.
fn device<D, E: Display>(make: impl FnOnce() -> Result<D, E> + UnwindSafe) -> Option<D> {
    let reason = match catch_unwind(make) {
        Ok(Ok(device)) => return Some(device),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic_text(&*panic).to_owned(),
    };
    tracing::warn!("there is no GPU that the engine can use, the processor has to do: {reason}");
    None
}

/// `machine` as the engine finds it: with a GPU only if it has one.
fn with_gpu(machine: Machine, device: Option<&mistralrs::Device>) -> Machine {
    let kind = match device {
        Some(device) if device.is_metal() => Some(GpuKind::Metal),
        Some(device) if device.is_cuda() => Some(GpuKind::Cuda),
        _ => None,
    };
    // Of one that could not be asked, this is the best guess.
    let guess = |kind| Gpu { kind, budget: machine.available };
    let gpu = kind.map(|kind| machine.gpu.filter(|gpu| gpu.kind == kind).unwrap_or_else(|| guess(kind)));
    Machine { gpu, ..machine }
}

/// A folder in place of the model's own, where the engine could not read that.
fn stand_in(spec: &ModelSpec) -> Result<Option<Shadow>, UserError> {
    if spec.format != Format::Safetensors {
        return Ok(None);
    }
    let Some(config) = probe::config_for_engine(&spec.location)? else { return Ok(None) };
    Shadow::of(&spec.location, &config).map(Some).map_err(|error| {
        let place = std::env::temp_dir();
        UserError::new(
            ErrorKind::LoadFailed,
            format!("could not load `{}`: {} can't be written to ({})", spec.name, place.display(), reason(&error)),
        )
        .hint("make room there, or set TMPDIR to another folder")
    })
}

/// Local and absolute paths only: a path that exists is never looked up on the network.
fn builder(
    spec: &ModelSpec,
    place: &Path,
    options: LoadOptions,
    weights: &Weights,
) -> Result<AnyModelBuilder, UserError> {
    let not_unicode = || failed(spec, "its path is not Unicode");
    let in_folder = |file: &Path| -> Option<(String, String)> {
        let folder = file.parent().unwrap_or(Path::new("/"));
        Some((folder.to_str()?.to_owned(), file.file_name()?.to_str()?.to_owned()))
    };
    macro_rules! common {
        ($builder:expr) => {{
            let builder = $builder
                .with_token_source(TokenSource::None)
                .with_device_mapping(options.device_map())
                .with_prefix_cache_n(Some(options.prefix_caches))
                .with_max_num_seqs(1);
            let builder = match options.paged_attention() {
                Some(pool) => builder.with_paged_attn(pool),
                None => builder,
            };
            if options.force_cpu { builder.with_force_cpu().into() } else { builder.into() }
        }};
    }
    Ok(match weights {
        Weights::Stored if spec.format == Format::Gguf => {
            let (folder, name) = in_folder(place).ok_or_else(not_unicode)?;
            common!(GgufModelBuilder::new(folder, split_set(&name)))
        }
        Weights::Uqff(file) => {
            let (folder, name) = in_folder(file).ok_or_else(not_unicode)?;
            common!(UqffTextModelBuilder::new(folder, vec![name.into()]).into_inner())
        }
        Weights::Stored | Weights::Made { .. } => {
            let mut builder = ModelBuilder::new(place.to_str().ok_or_else(not_unicode)?);
            if options.full_precision {
                builder = builder.with_dtype(ModelDType::F32);
            }
            if let Weights::Made { isq, keep } = weights {
                builder = builder.with_isq(*isq);
                if let Some(target) = keep {
                    builder = builder.write_uqff(target.clone());
                }
            }
            common!(builder)
        }
    })
}

fn device_label(device: &mistralrs::Device) -> &'static str {
    if device.is_metal() {
        GpuKind::Metal.label()
    } else if device.is_cuda() {
        GpuKind::Cuda.label()
    } else {
        "CPU"
    }
}

/// The engine said why not.
fn failed(spec: &ModelSpec, reason: &str) -> UserError {
    tracing::error!("loading {} failed: {reason}", spec.location.display());
    let (why, hint) = match Shortage::told_by(reason) {
        Some(shortage) => (format!("the engine ran out of {}", shortage.what()), shortage.hint()),
        None if reason.contains("does not fit") => (first_line(reason), Shortage::Memory.hint()),
        None => (
            first_line(reason),
            "the log has the engine's own words; the file may be of a kind that this engine does not run",
        ),
    };
    UserError::new(ErrorKind::LoadFailed, format!("could not load `{}`: {why}", spec.location.display())).hint(hint)
}

/// The engine panicked over the file.
fn broken(spec: &ModelSpec, reason: &str) -> UserError {
    if Shortage::told_by(reason).is_some() {
        return failed(spec, reason);
    }
    tracing::error!("loading {} panicked: {reason}", spec.location.display());
    UserError::new(
        ErrorKind::ModelBroken,
        format!(
            "the engine gave up on `{}`: the file is damaged, or of a kind it does not run",
            spec.location.display()
        ),
    )
    .hint(format!("{}; the log has the engine's own words", probe::GET_ANOTHER))
}

/// The engine's reasons can go on for a page.
fn first_line(reason: &str) -> String {
    const LIMIT: usize = 160;
    let line = reason.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given");
    let line = line.trim_end_matches('.');
    match line.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_gpu_is_not_the_files_fault() {
        assert_eq!(device(|| Ok::<_, String>(7)), Some(7));
        assert_eq!(device(|| Err::<u32, _>("no device")), None);
        assert_eq!(device::<u32, String>(|| panic!("swap_remove index (is 0) should be < len (is 0)")), None);
    }

    #[test]
    fn what_the_system_has_too_little_of_is_not_the_files_fault() {
        let spec = ModelSpec {
            reference: "m".into(),
            name: "m".into(),
            location: "/models/m.gguf".into(),
            format: Format::Gguf,
            settings: crate::domain::model::LoadSettings::default(),
        };
        let error = broken(
            &spec,
            "ThreadPoolBuildError { kind: IOError(Os { message: \"Resource temporarily unavailable\" }) }",
        );
        assert_eq!(error.kind, ErrorKind::LoadFailed);
        assert!(error.message.contains("ran out of threads"), "{error}");
        assert!(error.hint.is_some_and(|hint| !hint.contains("download")));
        assert_eq!(broken(&spec, "index out of bounds").kind, ErrorKind::ModelBroken);
    }

    #[test]
    fn what_a_model_says_is_no_mark() {
        for token in ["<think>", "</think>", "<tool_call>", "</tool_response>", "<|channel|>", "<|message|>"] {
            assert!(is_said(token), "{token}");
        }
        for token in ["<|endoftext|>", "<|im_start|>", "<|fim_pad|>", "<|reserved_special_token_7|>", "<unk>"] {
            assert!(!is_said(token), "{token}");
        }
    }

    #[test]
    fn a_page_of_reasons_is_cut() {
        assert_eq!(first_line("\n  no.\nstack"), "no");
        assert_eq!(first_line(&"é".repeat(500)).chars().count(), 161);
    }
}
