//! The one home of what each setting is called, means, allows and defaults to.

use crate::config::Value;
use crate::config::schema::{Applies, Kind, Spec};
use crate::config::value::Field;

/// The setting of that name.
#[must_use]
pub fn spec(key: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|spec| spec.key == key)
}

fn put<T: Field>(key: &str, field: &mut T, value: Value) -> Result<(), String> {
    let value = match spec(key) {
        Some(spec) => spec.check(value)?,
        None => value,
    };
    *field = T::from_value(&value).ok_or_else(|| format!("can't be {}", value.describe()))?;
    Ok(())
}

macro_rules! spec {
    ($key:literal => $($field:ident).+; $section:literal, $title:literal, $help:literal;
     $kind:expr; $applies:ident $(; unset $unset:expr)? $(; env $($env:literal),+)?) => {
        Spec {
            key: $key,
            section: $section,
            title: $title,
            help: $help,
            kind: $kind,
            applies: Applies::$applies,
            unset: spec!(@option $($unset)?),
            env: &[$($($env),+)?],
            get: |settings| settings.$($field).+.to_value(),
            set: |settings, value| put($key, &mut settings.$($field).+, value),
        }
    };
    (@option) => { None };
    (@option $some:expr) => { Some($some) };
}

/// What holds where only the model knows.
pub const BY_MODEL: &str = "the model's own";

/// Every setting, in the order in which it is shown.
pub static SPECS: &[Spec] = &[
    spec!("model" => model; "Start", "Model",
        "The model to load at the start: `starter`, a repository like `org/repo:Q4_K_M`, or a path.";
        Kind::Model; Restart; unset "none"; env "HOBNOB_MODEL"),
    spec!("offline" => offline; "Start", "Offline",
        "No network at all: nothing is searched, looked up or downloaded.";
        Kind::Bool; Restart; env "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
    spec!("models.folders" => models.folders; "Start", "Model folders",
        "Folders with models, beside the Hugging Face cache. `~` is the home folder; others are seen from this file's folder.";
        Kind::Folders; Restart),
    spec!("chat.system_prompt" => chat.system_prompt; "Chat", "System prompt",
        "What the model is told before every conversation.";
        Kind::Text; NextMessage),
    spec!("chat.max_tokens" => chat.max_tokens; "Chat", "Longest answer",
        "At most so many tokens per answer.";
        Kind::Int { min: 1, max: 1_000_000, step: 256, start: 1024 }; NextMessage; unset "what the context allows"),
    spec!("chat.thinking" => chat.thinking; "Chat", "Thinking",
        "Whether a model that can reason first does so; `auto` leaves it to the model.";
        Kind::Choice(&["auto", "on", "off"]); NextMessage),
    spec!("chat.show_reasoning" => chat.show_reasoning; "Chat", "Show reasoning",
        "The model's reasoning is shown unfolded.";
        Kind::Bool; AtOnce),
    spec!("chat.fold_paste" => chat.fold_paste; "Chat", "Fold pastes",
        "A paste of more lines than these stands in the message as one piece; it is sent in full.";
        Kind::Int { min: 1, max: 100_000, step: 4, start: 8 }; AtOnce),
    spec!("chat.prompt_history" => chat.prompt_history; "Chat", "Prompt history",
        "What was asked in other conversations can be recalled and searched too.";
        Kind::Bool; AtOnce),
    spec!("chat.fold_after" => chat.fold_after; "Chat", "Fold after",
        "Lines after which a message of yours, and code of earlier answers, is folded; 0 folds nothing.";
        Kind::Int { min: 0, max: 100_000, step: 10, start: 40 }; AtOnce),
    spec!("chat.line_numbers" => chat.line_numbers; "Chat", "Line numbers",
        "Lines of code have numbers.";
        Kind::Bool; AtOnce),
    spec!("chat.details" => chat.details; "Chat", "Details",
        "What is said about each message: its figures, `all` with the time it was sent, or none.";
        Kind::Choice(&["none", "figures", "all"]); AtOnce),
    spec!("sampling.temperature" => sampling.temperature; "Sampling", "Temperature",
        "How freely the next word is chosen; 0 always takes the most likely one.";
        Kind::Float { min: 0.0, above_min: false, max: 2.0, step: 0.05, start: 0.7 };
        NextMessage; unset BY_MODEL),
    spec!("sampling.top_p" => sampling.top_p; "Sampling", "Top-p",
        "Only the most likely words that together have this probability; 1 is off.";
        Kind::Float { min: 0.0, above_min: true, max: 1.0, step: 0.05, start: 0.95 };
        NextMessage; unset BY_MODEL),
    spec!("sampling.top_k" => sampling.top_k; "Sampling", "Top-k",
        "Only this many of the most likely words; 0 is off.";
        Kind::Int { min: 0, max: 1000, step: 5, start: 40 };
        NextMessage; unset BY_MODEL),
    spec!("sampling.min_p" => sampling.min_p; "Sampling", "Min-p",
        "Only words at least this likely, measured by the most likely one; 0 is off.";
        Kind::Float { min: 0.0, above_min: false, max: 1.0, step: 0.01, start: 0.05 };
        NextMessage; unset BY_MODEL),
    spec!("sampling.repetition_penalty" => sampling.repetition_penalty; "Sampling", "Repetition penalty",
        "Above 1 makes words that were used already less likely; 1 is off.";
        Kind::Float { min: 0.5, above_min: false, max: 2.0, step: 0.05, start: 1.0 };
        NextMessage; unset BY_MODEL),
    spec!("sampling.frequency_penalty" => sampling.frequency_penalty; "Sampling", "Frequency penalty",
        "Makes a word less likely each time it is used, in the question as well; below 0 more likely, 0 is off.";
        Kind::Float { min: -2.0, above_min: false, max: 2.0, step: 0.1, start: 0.0 };
        NextMessage; unset BY_MODEL),
    spec!("sampling.presence_penalty" => sampling.presence_penalty; "Sampling", "Presence penalty",
        "Makes a word less likely once it was used, in the question as well; below 0 more likely, 0 is off.";
        Kind::Float { min: -2.0, above_min: false, max: 2.0, step: 0.1, start: 0.0 };
        NextMessage; unset BY_MODEL),
    spec!("sampling.dry_multiplier" => sampling.dry_multiplier; "Sampling", "DRY",
        "Makes it less likely that a sequence of words is said again (\"don't repeat yourself\"); 0.8 is usual, 0 is off.";
        Kind::Float { min: 0.0, above_min: false, max: 5.0, step: 0.1, start: 0.8 };
        NextMessage; unset "off"),
    spec!("sampling.dry_base" => sampling.dry_base; "Sampling", "DRY growth",
        "How much more each further word of a sequence that is said again counts, where DRY is on.";
        Kind::Float { min: 1.0, above_min: false, max: 4.0, step: 0.05, start: 1.75 };
        NextMessage; unset "1.75"),
    spec!("sampling.dry_allowed_length" => sampling.dry_allowed_length; "Sampling", "DRY from",
        "How many words in a row may be said again before DRY counts them.";
        Kind::Int { min: 1, max: 50, step: 1, start: 2 };
        NextMessage; unset "2"),
    spec!("engine.context" => engine.load.context; "Engine", "Context",
        "Tokens of conversation to make room for; costs memory, and is never more than the model has.";
        Kind::Int { min: 256, max: 1_048_576, step: 1024, start: 4096 }; Reload),
    spec!("engine.device" => engine.load.device; "Engine", "Device",
        "What computes: `auto` takes the GPU where this build and machine have one.";
        Kind::Choice(&["auto", "cpu"]); Reload),
    spec!("engine.quantise" => engine.load.quantise; "Engine", "Quantise",
        "What plain weights (safetensors) become while they load; `auto` is 8 bits for small models and 4 for others, `none` leaves them.";
        Kind::Choice(&["auto", "none", "q2", "q3", "q4", "q5", "q6", "q8", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k",
            "q3_k", "q4_k", "q5_k", "q6_k", "afq2", "afq3", "afq4", "afq6", "afq8", "hqq4", "hqq8", "fp8"]); Reload),
    spec!("engine.kv_cache" => engine.load.kv_cache; "Engine", "Cache type",
        "How the conversation is kept on a GPU: `auto` as the model computes, `f8e4m3` in half the memory.";
        Kind::Choice(&["auto", "f8e4m3"]); Reload),
    spec!("engine.unload_after" => engine.unload_after; "Engine", "Unload after",
        "Minutes without a message after which the model's memory is given back; the next message loads it again.";
        Kind::Int { min: 1, max: 10_080, step: 5, start: 30 }; AtOnce; unset "never"),
    spec!("engine.share" => engine.share; "Engine", "Share",
        "`hobnob run` of the same user uses the model that is loaded here, instead of loading it once more.";
        Kind::Bool; Restart),
    spec!("hub.connections" => hub.connections; "Downloads", "Connections",
        "How many there are at once while a model is fetched.";
        Kind::Int { min: 1, max: 32, step: 1, start: 6 }; Restart),
    spec!("hub.speed_limit" => hub.speed_limit; "Downloads", "Speed limit",
        "At most so many kilobytes per second, all downloads together.";
        Kind::Int { min: 1, max: 10_000_000, step: 500, start: 5000 }; AtOnce; unset "none"),
    spec!("ui.theme" => ui.theme; "Look", "Theme",
        "The colours, by the name of a theme: a built-in one, or a file in the themes folder.";
        Kind::Theme; AtOnce),
    spec!("ui.ascii" => ui.ascii; "Look", "Plain characters",
        "Draw with ASCII only.";
        Kind::Bool; AtOnce; unset "as the terminal can"),
    spec!("ui.mouse" => ui.mouse; "Look", "Mouse",
        "Wheel and clicks go to hobnob; the terminal's own selection then needs Shift.";
        Kind::Bool; AtOnce),
    spec!("ui.editing" => ui.editing; "Look", "Editing keys",
        "The keys that a message is written with: as in Emacs and shells, or as in Vim.";
        Kind::Choice(&["emacs", "vim"]); AtOnce),
    spec!("ui.notify" => ui.notify; "Look", "Notification",
        "How the end of a long answer is told while the terminal is not in front: by a bell, or as a message of the desktop (OSC 9, OSC 777).";
        Kind::Choice(&["off", "bell", "osc9", "osc777", "auto"]); AtOnce),
    spec!("ui.notify_after" => ui.notify_after; "Look", "Notify after",
        "Seconds that an answer must take before its end is told.";
        Kind::Int { min: 0, max: 86_400, step: 5, start: 10 }; AtOnce),
];
