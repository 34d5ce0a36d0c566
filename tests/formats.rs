//! The starter in every shape that weights are stored in: what is said of each before it is loaded, and what the real engine
//! answers with it, held against the same model computed plainly.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use hobnob::domain::model::{Format, LoadSettings, ModelSpec};
use hobnob::domain::quant::Quantise;
use hobnob::domain::{ChatMessage, FinishReason, GenRequest, Role};
use hobnob::engine::probe;
use support::convert::mlx::{Mlx, Said};
use support::convert::{f16_folder, mlx_folder, split_gguf};
use support::engine::{Engine, ask, context, spec};
use support::models::starter;
use support::quantise::{Quant, starter_as};
use support::reference::Reference;
use tokenizers::Tokenizer;
use tokio::sync::Mutex;

/// Tokens that are compared.
const TOKENS: u16 = 16;
/// How clearly each of them must lead: half precision and eight bits move a logit by a tenth or two.
const CLEAR: f32 = 0.5;

/// Conversations, the turns of the user and the model by turns, whose answers are clear throughout. The first is so even
/// with four bits.
const CONVERSATIONS: [&[&str]; 3] = [
    &["Count from 1 to 5.", "1, 2, 3, 4, 5", "Count from 1 to 20."],
    &["Write the letters of the alphabet."],
    &[ALPHABET, ALPHABET, ALPHABET],
];
const ALPHABET: &str = "a b c d e f g h i j k l m n o p q r s t u v w x y z";

const MLX8: Mlx = Mlx { bits: 8, said: Said::Twice };
const MLX8_OLD: Mlx = Mlx { bits: 8, said: Said::Once };
const MLX4: Mlx = Mlx { bits: 4, said: Said::Twice };

/// Engines compute one after another.
static TURN: Mutex<()> = Mutex::const_new(());

fn messages(turns: &[&str]) -> Vec<ChatMessage> {
    let roles = [Role::User, Role::Assistant].into_iter().cycle();
    turns.iter().zip(roles).map(|(text, role)| ChatMessage { role, content: (*text).to_owned() }).collect()
}

/// What the starter's template makes of a conversation.
fn prompt(messages: &[ChatMessage]) -> String {
    let system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
    let mut text = format!("<|im_start|>system\n{system}<|im_end|>\n");
    for message in messages {
        let role = if message.role == Role::User { "user" } else { "assistant" };
        let _ = writeln!(text, "<|im_start|>{role}\n{}<|im_end|>", message.content);
    }
    text + "<|im_start|>assistant\n"
}

/// What there is to be answered to a conversation.
#[derive(Debug, PartialEq)]
struct Exchange {
    prompt_tokens: u32,
    answer: String,
}

/// The conversations, answered by plain computing, and proof that each token was a clear choice.
fn computed() -> &'static [Exchange] {
    static COMPUTED: OnceLock<Vec<Exchange>> = OnceLock::new();
    COMPUTED.get_or_init(|| {
        let model = Reference::starter();
        let tokenizer = Tokenizer::from_file(f16_folder().join("tokenizer.json")).expect("the tokenizer reads");
        let answers = CONVERSATIONS.iter().map(|turns| {
            let prompt = tokenizer.encode(prompt(&messages(turns)), false).expect("it can be encoded");
            let choices = model.answer(prompt.get_ids(), TOKENS.into());
            let least = choices.iter().map(|choice| choice.lead).fold(f32::MAX, f32::min);
            assert!(least >= CLEAR, "{turns:?}: a token leads by {least} alone, which is a coin toss");
            let tokens: Vec<u32> = choices.iter().map(|choice| choice.token).collect();
            let answer = tokenizer.decode(&tokens, true).expect("it can be decoded");
            Exchange { prompt_tokens: u32::try_from(prompt.len()).expect("a short prompt"), answer }
        });
        answers.collect()
    })
}

fn format_of(place: &Path) -> Format {
    if place.is_dir() { Format::Safetensors } else { Format::Gguf }
}

/// The first conversations as the engine answers them with the model at `place`, its weights as they are.
async fn answered(place: PathBuf, conversations: usize) -> Vec<Exchange> {
    let _turn = TURN.lock().await;
    let settings = LoadSettings { quantise: Quantise::Off, ..context(512) };
    let name = place.display().to_string();
    let format = format_of(&place);
    let (mut engine, info) = Engine::loaded(&ModelSpec { settings, ..spec(&name, place, format) }).await;
    assert_eq!((info.context, info.facts.format), (512, format), "{name}");
    let mut exchanges = Vec::new();
    for turns in &CONVERSATIONS[..conversations] {
        let request = GenRequest { messages: messages(turns), max_tokens: Some(TOKENS.into()), ..ask("") };
        let answer = engine.answer(request).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!((answer.reason, answer.usage.completion_tokens), (FinishReason::Length, TOKENS.into()), "{name}");
        exchanges.push(Exchange { prompt_tokens: answer.prompt_tokens, answer: answer.text });
    }
    engine.handle.shutdown().await;
    exchanges
}

macro_rules! answers_as_computed {
    ($($(#[$doc:meta])* $name:ident: $place:expr, $conversations:literal;)+) => {
        $($(#[$doc])* #[tokio::test]
        async fn $name() {
            assert_eq!(answered($place, $conversations).await, computed()[..$conversations]);
        })+
    };
}

answers_as_computed! {
    the_source: starter(), 3;
    its_parts: split_gguf(), 3;
    f16_in_gguf: starter_as(Quant::F16), 3;
    f16_in_safetensors: f16_folder(), 3;
    eight_bits_in_gguf: starter_as(Quant::Q8_0), 3;
    /// Unpacked at each step on the processor, which takes its time.
    eight_bits_for_mlx: mlx_folder(MLX8), 3;
}

/// Four bits change more than a logit's tenth, and these were made of four others: what is clear enough is still right.
#[tokio::test]
async fn four_bits_make_sense() {
    for place in [starter_as(Quant::Q4_0), starter_as(Quant::Q4K), mlx_folder(MLX4)] {
        let name = place.display().to_string();
        assert_eq!(answered(place, 1).await, computed()[..1], "{name}");
    }
}

/// The older way to say it: a folder stands in for the model's own while it loads.
#[tokio::test]
async fn an_older_mlx_folder_is_read_and_left_as_it_is() {
    let place = mlx_folder(MLX8_OLD);
    let content = || {
        let entries = fs::read_dir(&place).expect("the folder reads");
        let mut all: Vec<_> = entries
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let changed = path.metadata().and_then(|facts| facts.modified()).expect("a time");
                (path, changed)
            })
            .collect();
        all.sort();
        all
    };
    let before = content();
    assert_eq!(answered(place.clone(), 1).await, computed()[..1]);
    assert_eq!(content(), before);
    let links_here = |folder: &Path| {
        fs::read_link(folder.join("model.safetensors")).is_ok_and(|target| target == place.join("model.safetensors"))
    };
    let left: Vec<PathBuf> = fs::read_dir(std::env::temp_dir())
        .expect("the folder for temporary files reads")
        .filter_map(|entry| Some(entry.ok()?.path()).filter(|folder| links_here(folder)))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "nothing is left of it");
}

#[test]
fn each_is_described_as_it_is() {
    /// All of the starter's, its embedding once.
    const PARAMETERS: u64 = 134_515_008;
    /// Of norms, which stay whole.
    const NORMS: u64 = 61 * 576;
    const MATRICES: u64 = PARAMETERS - NORMS;
    // A group of 64 has a scale and an offset of two bytes each.
    let mlx = |bits: u64| MATRICES * bits / 8 + MATRICES / 64 * 4 + NORMS * 2;
    let cases = [
        (starter(), "Q4_1", 96_576_768, false),
        (split_gguf(), "Q4_1", 96_576_768, false),
        (starter_as(Quant::F16), "F16", MATRICES * 2 + NORMS * 4, false),
        (starter_as(Quant::Q8_0), "Q8_0", MATRICES / 32 * 34 + NORMS * 4, false),
        (starter_as(Quant::Q4_0), "Q4_0", MATRICES / 32 * 18 + NORMS * 4, false),
        (f16_folder(), "F16", PARAMETERS * 2, false),
        (mlx_folder(MLX8), "8-bit MLX", mlx(8), true),
        (mlx_folder(MLX8_OLD), "8-bit MLX", mlx(8), true),
        (mlx_folder(MLX4), "4-bit MLX", mlx(4), true),
        (mlx_folder(Mlx { bits: 3, said: Said::Twice }), "3-bit MLX", mlx(3), true),
        (mlx_folder(Mlx { bits: 6, said: Said::Twice }), "6-bit MLX", mlx(6), true),
    ];
    for (place, quant, bytes, mlx) in cases {
        let facts = probe::probe(&place).unwrap_or_else(|error| panic!("{}: {error:?}", place.display()));
        let said = (facts.quant.as_str(), facts.parameters, facts.bytes, facts.mlx);
        assert_eq!(said, (quant, PARAMETERS, bytes, mlx), "{}", place.display());
        assert_eq!((facts.layers, facts.kv_heads, facts.head_size, facts.vocabulary), (30, 3, 64, 49_152));
        assert_eq!(facts.format, format_of(&place));
        assert!(facts.has_chat_template && facts.context == 8192, "{}", place.display());
    }
}
