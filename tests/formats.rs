//! The starter in every shape that weights are stored in, run by the real engine, and held against the same model computed
//! plainly.

mod support;

use std::path::PathBuf;
use std::sync::OnceLock;

use hobnob::domain::model::{Format, LoadSettings, ModelSpec};
use hobnob::domain::quant::Quantise;
use hobnob::domain::{ChatMessage, GenRequest, Role};
use hobnob::engine::probe;
use support::convert::mlx::{Mlx, Said};
use support::convert::{f16_folder, mlx_folder, split_gguf};
use support::engine::{Engine, ask, context, spec};
use support::models::starter;
use support::quantise::{Quant, starter_as};
use support::reference::Reference;
use tokenizers::Tokenizer;

/// Tokens that are compared.
const TOKENS: usize = 16;
/// How clearly each of them must lead. Eight bits and half precision move a logit by a tenth or two.
const CLEAR: f32 = 0.5;

fn said(turns: &[&str]) -> Vec<ChatMessage> {
    let roles = [Role::User, Role::Assistant].into_iter().cycle();
    turns.iter().zip(roles).map(|(text, role)| ChatMessage { role, content: (*text).to_owned() }).collect()
}

/// What the starter's template makes of a conversation.
fn prompt(messages: &[ChatMessage]) -> String {
    let mut text =
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n".to_owned();
    for message in messages {
        let role = if message.role == Role::User { "user" } else { "assistant" };
        text += &format!("<|im_start|>{role}\n{}<|im_end|>\n", message.content);
    }
    text + "<|im_start|>assistant\n"
}

#[test]
fn gaps() {
    let tok = Tokenizer::from_file(f16_folder().join("tokenizer.json")).unwrap();
    let r = Reference::starter();
    for c in [&["Write the letters of the alphabet."][..],
        &["Count from 1 to 5.", "1, 2, 3, 4, 5", "Count from 1 to 20."],
        &["List the days of the week.", "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday", "List the months of the year."],
        &["Say cat three times.", "cat cat cat", "Say dog ten times."],
        &["Repeat: red, green, blue, red, green, blue, red, green, blue, red, green, blue, red, green, blue, red, green, blue"],
        &["a b c d e f g h i j k l m n o p q r s t u v w x y z", "a b c d e f g h i j k l m n o p q r s t u v w x y z", "a b c d e f g h i j k l m n o p q r s t u v w x y z"],
        &["The capital of France?", "The capital of France is Paris, a city on the river Seine.", "The capital of England?"],
        &["The capital of France?", "The capital of France is Paris, a city on the river Seine.", "The capital of England?", "The capital of England is London, a city on the river Thames.", "The capital of Austria?"],
        &["What are the months?", "January, February, March, April, May, June, July, August, September, October, November, December", "Again, please."],
        &["What are the days?", "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday", "Again, please, and twice."],
        ] {
        let c = said(c);
        let e = tok.encode(prompt(&c), false).unwrap();
        let a = r.answer(e.get_ids(), TOKENS);
        let ids: Vec<u32> = a.iter().map(|c| c.token).collect();
        eprintln!("{:?} [{}] -> {:?} {:.2?}\n   min16 {:.2}", c.last().unwrap().content, e.len(), tok.decode(&ids, false), a.iter().map(|c| c.lead).collect::<Vec<_>>(), a.iter().map(|c| c.lead).fold(99., f32::min));
    }
}

async fn answers(place: PathBuf, format: Format, c: &[Vec<ChatMessage>]) {
    let settings = LoadSettings { quantise: Quantise::Off, ..context(1024) };
    let mut engine = Engine::start();
    let spec = ModelSpec { settings, ..spec("m", place.clone(), format) };
    eprintln!("{} {:?}", place.display(), probe::probe(&place));
    let t = std::time::Instant::now();
    if let Err(e) = engine.load(&spec).await { eprintln!("ERR {e:?}"); return; }
    eprintln!("loaded {:?}", t.elapsed());
    for c in c {
        let t = std::time::Instant::now();
        let a = engine.answer(GenRequest { messages: c.clone(), max_tokens: Some(16), ..ask("") }).await;
        eprintln!("   {:?} {:?}", a.map(|a| (a.prompt_tokens, a.text)), t.elapsed());
    }
}
#[tokio::test]
async fn try_all() {
    let c = [said(&["Write the letters of the alphabet."]), said(&["How many days are in a week?"])];
    answers(starter(), Format::Gguf, &c).await;
    answers(split_gguf(), Format::Gguf, &c).await;
    for q in [Quant::F16, Quant::Q8_0, Quant::Q4_0, Quant::Q4K] { answers(starter_as(q), Format::Gguf, &c).await; }
    answers(f16_folder(), Format::Safetensors, &c).await;
    for m in [Mlx{bits:8,said:Said::Twice},Mlx{bits:4,said:Said::Twice},Mlx{bits:3,said:Said::Twice},Mlx{bits:6,said:Said::Twice}] { answers(mlx_folder(m), Format::Safetensors, &c).await; }
}
