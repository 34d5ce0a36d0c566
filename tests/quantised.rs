//! Plain weights that are quantised while they load, with the real engine: what comes of them, and what is kept.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hobnob::domain::model::{Format, LoadSettings, ModelInfo, ModelSpec};
use hobnob::domain::quant::{KeptCopy, Quantise};
use hobnob::domain::{ChatMessage, EngineEvent, GenRequest, LoadStage, Role};
use hobnob::engine::probe;
use hobnob::error::ErrorKind;
use support::engine::{self, Engine, context};
use support::quantise::{Quant, starter_as};
use support::{convert, tiny};
use tempfile::TempDir;

/// Turns of the user and the model. What comes next is clear at every token of the first sixteen (`tests/formats.rs`
/// computes by how much), so that the last bits of a number decide nothing.
const TALKS: [&[&str]; 3] = [
    &["Count from 1 to 5.", "1, 2, 3, 4, 5", "Count from 1 to 20."],
    &["Write the letters of the alphabet."],
    &[ALPHABET, ALPHABET, ALPHABET],
];
const ALPHABET: &str = "a b c d e f g h i j k l m n o p q r s t u v w x y z";
const HELLO: [&[&str]; 1] = [&HELLO];

/// A data folder that nothing else uses, and engines that keep their copies there.
struct Home {
    dir: TempDir,
}

impl Home {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a folder") }
    }

    fn copies(&self) -> PathBuf {
        self.dir.path().join("data/quantised")
    }

    /// The program with its data folder here.
    fn engine(&self) -> Engine {
        let exe = self.dir.path().join("hobnob");
        let (data, hobnob) = (self.dir.path().join("data"), env!("CARGO_BIN_EXE_hobnob"));
        let script = format!("#!/bin/sh\nHOBNOB_DATA_DIR='{}' exec '{hobnob}' \"$@\"\n", data.display());
        if !exe.exists() {
            // Another thread may start a process at this moment, which would hold a file open that is still written to.
            let part = self.dir.path().join("part");
            fs::write(&part, script).expect("the script");
            fs::set_permissions(&part, fs::Permissions::from_mode(0o755)).expect("can be run");
            fs::rename(part, &exe).expect("in place");
        }
        Engine::with(exe)
    }

    /// Loads a model in a process of its own and asks it everything.
    async fn ask(&self, spec: &ModelSpec, talks: &[&[&str]]) -> (ModelInfo, Vec<String>) {
        let mut engine = self.engine();
        let info = engine.load(spec).await.unwrap_or_else(|error| panic!("{}: {error:?}", spec.name));
        let mut answers = Vec::new();
        for talk in talks {
            answers.push(say(&mut engine, talk).await);
        }
        engine.handle.shutdown().await;
        (info, answers)
    }
}

fn spec(location: &Path, format: Format, quantise: &str) -> ModelSpec {
    let quantise = Quantise::parse(quantise).expect("a name");
    let name = location.file_stem().expect("a name").to_string_lossy();
    let settings = LoadSettings { quantise, ..context(512) };
    ModelSpec { settings, ..engine::spec(&name, location.to_owned(), format) }
}

fn keeping(spec: &ModelSpec) -> ModelSpec {
    ModelSpec { settings: LoadSettings { keep: true, ..spec.settings }, ..spec.clone() }
}

/// Greedy, sixteen tokens.
async fn say(engine: &mut Engine, talk: &[&str]) -> String {
    let roles = [Role::User, Role::Assistant].into_iter().cycle();
    let messages = talk.iter().zip(roles).map(|(text, role)| ChatMessage { role, content: (*text).into() }).collect();
    let request = GenRequest { messages, max_tokens: Some(16), ..engine::ask("") };
    engine.answer(request).await.expect("answers").text
}

/// The matrices become exactly those of the `Q8_0` file, which was made of the same numbers.
#[tokio::test]
async fn eight_bits_are_those_of_the_gguf_file() {
    let home = Home::new();
    let folder = convert::f16_folder();
    let (whole, plain) = home.ask(&spec(&folder, Format::Safetensors, "none"), &TALKS).await;
    let (file, expected) = home.ask(&spec(&starter_as(Quant::Q8_0), Format::Gguf, "auto"), &TALKS).await;
    let (made, answers) = home.ask(&spec(&folder, Format::Safetensors, "q8"), &TALKS).await;
    assert_eq!((whole.quant.as_str(), whole.copy), ("F16", KeptCopy::None));
    assert_eq!((file.quant.as_str(), made.quant.as_str(), made.copy), ("Q8_0", "Q8_0", KeptCopy::Possible));
    assert_eq!(answers, expected);
    assert_eq!(plain, expected, "nor does it change what is clear");
    // Left to itself, a model of this size gets the same.
    let (auto, again) = home.ask(&spec(&folder, Format::Safetensors, "auto"), &TALKS[..1]).await;
    assert_eq!((auto.quant.as_str(), &again[0]), ("Q8_0", &answers[0]));
}

#[tokio::test]
async fn fewer_bits_answer_too_and_what_can_t_be_made_is_refused() {
    let home = Home::new();
    let folder = convert::f16_folder();
    for (wish, label) in [("q4", "Q4_0"), ("q4_k", "Q4_K/Q4_1")] {
        let (info, answers) = home.ask(&spec(&folder, Format::Safetensors, wish), &TALKS[..1]).await;
        assert_eq!(info.quant, label);
        assert!(answers[0].starts_with("1, 2, 3, 4, 5"), "{wish}: {answers:?}");
    }
    let mut engine = home.engine();
    let error = engine.load(&spec(&folder, Format::Safetensors, "afq4")).await.expect_err("is for GPUs");
    assert_eq!(error.kind, ErrorKind::ModelUnsupported);
    assert!(error.message.contains("afq4") && error.hint.as_ref().is_some_and(|hint| hint.contains("`q4`")), "{error}");
    engine.handle.shutdown().await;
}

#[tokio::test]
async fn a_kept_copy_answers_as_what_it_was_made_of() {
    let home = Home::new();
    // A source that this test may change: its files are links.
    let source = home.dir.path().join("Smol LM");
    fs::create_dir(&source).expect("a folder");
    for file in fs::read_dir(convert::f16_folder()).expect("the folder") {
        let file = file.expect("a file");
        fs::hard_link(file.path(), source.join(file.file_name())).expect("a link");
    }
    let q8 = spec(&source, Format::Safetensors, "q8");
    let (info, expected) = home.ask(&q8, &TALKS).await;
    assert_eq!(info.copy, KeptCopy::Possible);
    assert!(!home.copies().exists(), "nothing is kept that nobody asked for");

    let mut engine = home.engine();
    let id = engine.begin_load(&keeping(&q8));
    let mut stages = Vec::new();
    let kept = loop {
        match engine.event().await {
            EngineEvent::Progress { stage, .. } => stages.push(stage),
            EngineEvent::Loaded { id: loaded, info } if loaded == id => break *info,
            EngineEvent::LoadFailed { error, .. } => panic!("not loaded: {error:?}"),
            _ => {}
        }
    };
    let KeptCopy::Kept(copy) = kept.copy else { panic!("not kept: {kept:?}") };
    assert_eq!(kept.notes, []);
    assert!(stages.contains(&LoadStage::Keeping), "{stages:?}");
    assert_eq!(say(&mut engine, TALKS[0]).await, expected[0], "the model that was written down is there as well");
    engine.handle.shutdown().await;

    assert_eq!(copy, home.copies().join("Smol-LM-q8_0"));
    let first = copy.join("model-0.uqff");
    let written = first.metadata().and_then(|meta| meta.modified()).expect("the weights");
    // The next load takes it, also one that is to keep it.
    for spec in [&q8, &keeping(&q8)] {
        let (info, answers) = home.ask(spec, &TALKS).await;
        assert_eq!((info.copy, info.quant.as_str(), info.notes), (KeptCopy::Kept(copy.clone()), "Q8_0", Vec::new()));
        assert_eq!(answers, expected);
    }
    assert_eq!(first.metadata().and_then(|meta| meta.modified()).expect("the weights"), written);
    let (other, _) = home.ask(&spec(&source, Format::Safetensors, "q4"), &[]).await;
    assert_eq!(other.copy, KeptCopy::Possible, "another quantisation is another copy");

    // A source that has changed is right, and its copy is not.
    let config = fs::read(source.join("config.json")).expect("its configuration");
    fs::remove_file(source.join("config.json")).expect("the link goes");
    fs::write(source.join("config.json"), config).expect("another file");
    let (info, answers) = home.ask(&q8, &TALKS[..1]).await;
    assert_eq!((info.copy, answers[0].as_str()), (KeptCopy::Possible, expected[0].as_str()));
    assert!(info.notes[0].message.contains("is older than the model"), "{:?}", info.notes);
    let (info, _) = home.ask(&keeping(&q8), &[]).await;
    assert_eq!((info.copy, info.notes), (KeptCopy::Kept(copy.clone()), Vec::new()));
    assert!(first.metadata().and_then(|meta| meta.modified()).expect("the weights") > written, "it was made again");

    // It is a model of its own.
    let facts = probe::probe(&first).expect("is sound");
    let of_source = probe::probe(&source).expect("is sound");
    assert_eq!((facts.format, facts.quant.as_str(), facts.plain), (Format::Uqff, "Q8_0", None));
    assert_eq!(
        (facts.layers, facts.context, facts.vocabulary),
        (of_source.layers, of_source.context, of_source.vocabulary)
    );
    fs::remove_dir_all(&source).expect("the source goes");
    let (info, answers) = home.ask(&spec(&first, Format::Uqff, "auto"), &TALKS).await;
    assert_eq!((info.copy, info.quant.as_str()), (KeptCopy::None, "Q8_0"));
    assert_eq!(answers, expected);
}

/// A tiny model's copy, whole.
async fn tiny_copy(home: &Home) -> (ModelSpec, PathBuf) {
    let source = home.dir.path().join("tiny");
    tiny::folder(&source, 1);
    let spec = spec(&source, Format::Safetensors, "q8");
    let (info, _) = home.ask(&keeping(&spec), &HELLO).await;
    let KeptCopy::Kept(copy) = info.copy else { panic!("not kept: {info:?}") };
    (spec, copy)
}

#[tokio::test]
async fn a_copy_that_can_t_be_loaded_gives_way_to_its_source() {
    let home = Home::new();
    let (spec, copy) = tiny_copy(&home).await;
    let first = copy.join("model-0.uqff");
    let whole = fs::read(&first).expect("the weights");
    // As long as it was: its size gives nothing away.
    let mut nonsense = whole.clone();
    let middle = nonsense.len() / 2;
    nonsense[middle..].fill(0xff);
    nonsense[..512].fill(b' ');
    fs::write(&first, nonsense).expect("damage");
    let (info, _) = home.ask(&spec, &HELLO).await;
    assert_eq!((info.copy, info.quant.as_str()), (KeptCopy::Possible, "Q8_0"));
    assert!(info.notes[0].message.contains("does not load"), "{:?}", info.notes);
    fs::write(&first, &whole[..whole.len() / 2]).expect("a cut");
    let (info, _) = home.ask(&spec, &HELLO).await;
    assert!(info.notes[0].message.contains("is not whole any more"), "{:?}", info.notes);
}

#[tokio::test]
async fn where_nothing_can_be_written_the_model_loads_all_the_same() {
    let home = Home::new();
    fs::create_dir(home.dir.path().join("data")).expect("a folder");
    fs::write(home.copies(), "in the way").expect("a file");
    let source = home.dir.path().join("tiny");
    tiny::folder(&source, 1);
    let (info, _) = home.ask(&keeping(&spec(&source, Format::Safetensors, "q8")), &HELLO).await;
    assert_eq!(info.copy, KeptCopy::Possible);
    assert_eq!(info.notes[0].kind, ErrorKind::Disk);
}

#[tokio::test]
async fn damaged_and_incomplete_uqff_is_refused_before_the_engine_sees_it() {
    let home = Home::new();
    let (_, copy) = tiny_copy(&home).await;
    let first = copy.join("model-0.uqff");
    let whole = fs::read(&first).expect("the weights");
    let header = 8 + usize::try_from(u64::from_le_bytes(whole[..8].try_into().expect("eight"))).expect("small");
    let damaged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        fs::write(&first, bytes).expect("damage");
        let error = probe::probe(&first).expect_err("is damaged");
        error.message
    };
    assert!(damaged(&|bytes| bytes.truncate(header + 100)).contains("cut off"));
    assert!(damaged(&|bytes| bytes[header + 2] = 9).contains("version 9.2 of UQFF"));
    assert!(damaged(&|bytes| bytes[header + 4] = 77).contains("of a kind that this engine does not read"));
    // Of the first matrix: its length, and its number of dimensions.
    let size = damaged(&|bytes| bytes[header + 5] ^= 0x40);
    assert!(size.contains("does not have the size"), "{size}");
    assert!(damaged(&|bytes| bytes[header + 14..header + 18].fill(0xff)).contains("impossible shape"));
    fs::write(&first, &whole).expect("whole again");
    assert_eq!(probe::probe(&first).expect("is sound").quant, "Q8_0");
    for needed in ["residual.safetensors", "config.json", "tokenizer.json"] {
        let away = copy.join("away");
        fs::rename(copy.join(needed), &away).expect("goes");
        let error = probe::probe(&first).expect_err(needed);
        assert!(error.message.contains(needed), "{error}");
        fs::rename(away, copy.join(needed)).expect("comes back");
    }
    // Not one of its own.
    let old = SystemTime::UNIX_EPOCH;
    fs::File::options().write(true).open(&first).and_then(|file| file.set_modified(old)).expect("a time");
    assert!(probe::probe(&first).is_ok(), "times say nothing about it");
}
