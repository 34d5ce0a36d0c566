//! Ways to break a GGUF file, each of which must be noticed: named ones that aim at one rule, and seeded damage wherever it
//! can't be harmless (a flipped bit in a word's spelling or a description would be).
#![allow(dead_code, reason = "each test program uses its own part")]

use std::fs;
use std::path::{Path, PathBuf};

use super::gguf_edit::{F32, Field, Gguf, I32, Place, TEXT, U32, U64, text, write_sparse};
use super::models::starter;

/// Keys without which nothing runs: here a single flipped bit can't be harmless.
const NEEDED_KEYS: &[&str] = &[
    "general.architecture",
    "llama.block_count",
    "llama.context_length",
    "llama.embedding_length",
    "llama.attention.head_count",
    "llama.attention.head_count_kv",
    "llama.attention.layer_norm_rms_epsilon",
    "llama.rope.dimension_count",
    "tokenizer.ggml.model",
    "tokenizer.ggml.tokens",
    "tokenizer.ggml.token_type",
    "tokenizer.ggml.merges",
    "tokenizer.ggml.eos_token_id",
    "tokenizer.chat_template",
];

/// `n` broken variations of the starter, in `dir`, one at a time: each file is gone when the next is asked for.
pub fn broken_ggufs(dir: &Path, n: usize) -> impl Iterator<Item = (String, PathBuf)> {
    let sound = Gguf::read(&starter());
    let (header, places) = sound.header();
    let full = header.len() as u64 + sound.data_len;
    let named = named_edits();
    let dir = dir.to_owned();
    (0..n).map(move |index| {
        let (name, bytes, len) = if let Some((name, edit)) = named.get(index) {
            let mut gguf = sound.clone();
            edit(&mut gguf);
            let (bytes, _) = gguf.header();
            let len = bytes.len() as u64 + gguf.data_len;
            ((*name).to_owned(), bytes, len)
        } else {
            damage(index, &header, &places, full)
        };
        let file = |index: usize| dir.join(format!("broken-{index:03}.gguf"));
        if let Some(before) = index.checked_sub(1) {
            let _ = fs::remove_file(file(before));
        }
        let path = file(index);
        write_sparse(&path, &bytes, len);
        (format!("{index}: {name}"), path)
    })
}

/// Seeded damage of one kind after another.
fn damage(seed: usize, header: &[u8], places: &[Place], full: u64) -> (String, Vec<u8>, u64) {
    let mut random = Random(seed as u64);
    let mut bytes = header.to_vec();
    match seed % 5 {
        0 => {
            let len = random.below(header.len() as u64);
            (format!("cut in the header at {len}"), bytes, len)
        }
        1 => {
            // The last tensor ends with the file, give or take its padding.
            let len = header.len() as u64 + random.below(full - header.len() as u64 - 64);
            (format!("cut in the weights at {len}"), bytes, len)
        }
        2 | 3 => {
            let place = &random.pick(places, matters);
            let bit = random.below(place.len as u64 * 8);
            bytes[place.at + usize::try_from(bit / 8).expect("small")] ^= 1 << (bit % 8);
            (format!("bit {bit} flipped in {:?} {}", place.field, place.of), bytes, full)
        }
        _ => {
            let place = &random.pick(places, |place| is_length(place.field));
            let value = [u64::MAX, i64::MAX as u64, 1 << 62, 1 << 40, full, full * 2, 1 << 32, u64::from(u32::MAX)];
            let value = value[usize::try_from(random.below(value.len() as u64)).expect("small")];
            bytes[place.at..place.at + place.len].copy_from_slice(&value.to_le_bytes()[..place.len]);
            (format!("{:?} {} set to {value}", place.field, place.of), bytes, full)
        }
    }
}

/// Fields where any flipped bit changes what the file means.
fn matters(place: &Place) -> bool {
    match place.field {
        // Version 3 with one bit flipped is version 2, which reads the same.
        Field::Version => false,
        Field::Key | Field::ValueType | Field::ElementType => NEEDED_KEYS.contains(&&*place.of),
        // The last tensor alone may be smaller without another one noticing.
        Field::TensorType => place.of != "output_norm.weight",
        _ => true,
    }
}

fn is_length(field: Field) -> bool {
    matches!(
        field,
        Field::TensorCount
            | Field::EntryCount
            | Field::KeyLength
            | Field::ListLength
            | Field::NameLength
            | Field::DimensionCount
            | Field::Dimension
            | Field::Offset
    )
}

/// `SplitMix64`: the same files on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
    /// One that qualifies; each kind of field is as likely as any other, however many there are of it.
    fn pick(&mut self, places: &[Place], good: impl Fn(&Place) -> bool) -> Place {
        let mut kinds: Vec<Field> = Vec::new();
        for place in places.iter().filter(|place| good(place)) {
            if !kinds.contains(&place.field) {
                kinds.push(place.field);
            }
        }
        let kind = kinds[usize::try_from(self.below(kinds.len() as u64)).expect("small")];
        let of_kind: Vec<&Place> = places.iter().filter(|place| place.field == kind && good(place)).collect();
        of_kind[usize::try_from(self.below(of_kind.len() as u64)).expect("small")].clone()
    }
}

type Edit = fn(&mut Gguf);

/// One edit for each rule.
#[allow(clippy::too_many_lines, reason = "a list")]
fn named_edits() -> Vec<(&'static str, Edit)> {
    vec![
        ("unknown architecture", |g| g.set_text("general.architecture", "gemma3")),
        ("made-up architecture", |g| g.set_text("general.architecture", "nonsense")),
        ("architecture with a capital", |g| g.set_text("general.architecture", "Llama")),
        ("empty architecture", |g| g.set_text("general.architecture", "")),
        ("architecture that is a number", |g| g.set_u32("general.architecture", 7)),
        ("no architecture", |g| g.remove("general.architecture")),
        ("another architecture's keys", |g| g.set_text("general.architecture", "qwen2")),
        ("version 1", |g| g.version = 1),
        ("version 4", |g| g.version = 4),
        ("version 0", |g| g.version = 0),
        ("big-endian version", |g| g.version = 3u32.swap_bytes()),
        ("no tensors counted", |g| g.claimed_tensors = Some(0)),
        ("one tensor too few", |g| g.claimed_tensors = Some(271)),
        ("one tensor too many", |g| g.claimed_tensors = Some(273)),
        ("all tensors that can be counted", |g| g.claimed_tensors = Some(u64::MAX)),
        ("no entries counted", |g| g.claimed_entries = Some(0)),
        ("one entry too few", |g| g.claimed_entries = Some(32)),
        ("one entry too many", |g| g.claimed_entries = Some(34)),
        ("all entries that can be counted", |g| g.claimed_entries = Some(u64::MAX)),
        ("no layers key", |g| g.remove("llama.block_count")),
        ("no layers", |g| g.set_u32("llama.block_count", 0)),
        ("one layer less", |g| g.set_u32("llama.block_count", 29)),
        ("one layer more", |g| g.set_u32("llama.block_count", 31)),
        ("four billion layers", |g| g.set_u32("llama.block_count", u32::MAX)),
        ("layers as a 64-bit number", |g| g.set("llama.block_count", U64, 30u64.to_le_bytes().to_vec())),
        ("layers as a signed number", |g| g.set("llama.block_count", I32, 30i32.to_le_bytes().to_vec())),
        ("layers as text", |g| g.set_text("llama.block_count", "30")),
        ("no context", |g| g.set_u32("llama.context_length", 0)),
        ("four billion of context", |g| g.set_u32("llama.context_length", u32::MAX)),
        ("no context key", |g| g.remove("llama.context_length")),
        ("context beyond any number", |g| g.set("llama.context_length", U64, u64::MAX.to_le_bytes().to_vec())),
        ("signed context", |g| g.set("llama.context_length", I32, 8192i32.to_le_bytes().to_vec())),
        ("no width", |g| g.set_u32("llama.embedding_length", 0)),
        ("another width", |g| g.set_u32("llama.embedding_length", 577)),
        ("half the width", |g| g.set_u32("llama.embedding_length", 288)),
        ("no heads", |g| g.set_u32("llama.attention.head_count", 0)),
        ("heads that do not divide", |g| g.set_u32("llama.attention.head_count", 7)),
        ("more heads than width", |g| g.set_u32("llama.attention.head_count", 1152)),
        ("heads as a list", |g| g.set_list("llama.attention.head_count", U32, 1, &9u32.to_le_bytes())),
        ("no key heads", |g| g.set_u32("llama.attention.head_count_kv", 0)),
        ("key heads that do not divide", |g| g.set_u32("llama.attention.head_count_kv", 4)),
        ("more key heads than heads", |g| g.set_u32("llama.attention.head_count_kv", 18)),
        ("no key heads key", |g| g.remove("llama.attention.head_count_kv")),
        ("keys of no length", |g| g.set_u32("llama.attention.key_length", 0)),
        ("keys of another length", |g| g.set_u32("llama.attention.key_length", 128)),
        ("values of another length", |g| g.set_u32("llama.attention.value_length", 32)),
        ("no rotation key", |g| g.remove("llama.rope.dimension_count")),
        ("half rotation", |g| g.set_u32("llama.rope.dimension_count", 32)),
        ("odd rotation", |g| g.set_u32("llama.rope.dimension_count", 63)),
        ("huge rotation", |g| g.set_u32("llama.rope.dimension_count", u32::MAX)),
        ("rotation base that is no number", |g| g.set_f32("llama.rope.freq_base", f32::NAN)),
        ("rotation base of the wrong type", |g| g.set_u32("llama.rope.freq_base", 100_000)),
        ("linear scaling", |g| {
            g.set_text("llama.rope.scaling.type", "linear");
            g.set_f32("llama.rope.scaling.factor", 4.0);
        }),
        ("no epsilon", |g| g.remove("llama.attention.layer_norm_rms_epsilon")),
        ("epsilon that is no number", |g| g.set_f32("llama.attention.layer_norm_rms_epsilon", f32::NAN)),
        ("huge epsilon", |g| g.set_f32("llama.attention.layer_norm_rms_epsilon", 1e9)),
        ("epsilon as a whole number", |g| g.set_u32("llama.attention.layer_norm_rms_epsilon", 0)),
        ("experts", |g| g.set_u32("llama.expert_count", 8)),
        ("alignment of zero", |g| g.set_u32("general.alignment", 0)),
        ("alignment of three", |g| g.set_u32("general.alignment", 3)),
        ("alignment of two gigabytes", |g| g.set_u32("general.alignment", 1 << 31)),
        ("alignment as text", |g| g.set_text("general.alignment", "32")),
        ("a key twice", |g| {
            let twice = g.entries[0].clone();
            g.entries.push(twice);
        }),
        ("an empty key", |g| g.rename("general.license", "")),
        ("a key of control characters", |g| g.rename("general.license", "\u{1b}[2J")),
        ("an overlong key", |g| g.rename("general.license", &"k".repeat(70_000))),
        ("a list of lists", |g| g.set_list("general.languages", 9, 1, &[8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
        ("a list of nothing known", |g| g.set_list("general.languages", 77, 1, &[0])),
        ("a list longer than the file", |g| g.set_list("general.languages", 0, u64::MAX, &[])),
        ("a list of ninety million bytes", |g| g.set_list("general.languages", 0, 90_000_000, &[])),
        ("a number of no known type", |g| g.set("general.license", 13, vec![0])),
        ("a yes or no that is neither", |g| g.set("tokenizer.ggml.add_bos_token", 7, vec![2])),
        ("part of a set by its header", |g| g.set("split.count", 2, vec![3, 0])),
        ("put together with a count of zero", |g| {
            g.set("split.no", 2, vec![0, 0]);
            g.set("split.count", 2, vec![0, 0]);
        }),
        ("part count of the wrong type", |g| g.set_text("split.count", "one")),
        ("no tokenizer at all", |g| g.entries.retain(|entry| !entry.key.starts_with("tokenizer."))),
        ("no tokenizer model", |g| g.remove("tokenizer.ggml.model")),
        ("a tokenizer of another kind", |g| g.set_text("tokenizer.ggml.model", "bert")),
        ("a tokenizer that needs scores", |g| g.set_text("tokenizer.ggml.model", "llama")),
        ("no words", |g| g.remove("tokenizer.ggml.tokens")),
        ("an empty list of words", |g| g.set_texts("tokenizer.ggml.tokens", &[])),
        ("one word less", |g| {
            let mut words = g.texts("tokenizer.ggml.tokens");
            words.pop();
            g.set_texts("tokenizer.ggml.tokens", &words);
        }),
        ("words as numbers", |g| g.set_list("tokenizer.ggml.tokens", U32, 49_152, &vec![0; 49_152 * 4])),
        ("words as one text", |g| g.set_text("tokenizer.ggml.tokens", "hello")),
        ("an endless word", |g| {
            let mut words = g.texts("tokenizer.ggml.tokens");
            words[40_000] = vec![b'a'; 2_000];
            g.set_texts("tokenizer.ggml.tokens", &words);
        }),
        ("a word that claims four gigabytes", |g| {
            let mut words: Vec<u8> = g.texts("tokenizer.ggml.tokens").iter().flat_map(|word| text(word)).collect();
            words[..8].copy_from_slice(&(1u64 << 32).to_le_bytes());
            g.set_list("tokenizer.ggml.tokens", TEXT, 49_152, &words);
        }),
        ("no word types", |g| g.remove("tokenizer.ggml.token_type")),
        ("unsigned word types", |g| g.set_list("tokenizer.ggml.token_type", U32, 49_152, &vec![1; 49_152 * 4])),
        ("one word type less", |g| g.set_list("tokenizer.ggml.token_type", I32, 49_151, &vec![1; 49_151 * 4])),
        ("every word special", |g| g.set_list("tokenizer.ggml.token_type", I32, 49_152, &vec![3; 49_152 * 4])),
        ("no merges", |g| g.remove("tokenizer.ggml.merges")),
        ("an empty list of merges", |g| g.set_texts("tokenizer.ggml.merges", &[])),
        ("a merge that is no pair", |g| {
            let mut merges = g.texts("tokenizer.ggml.merges");
            merges[100] = b"abc".to_vec();
            g.set_texts("tokenizer.ggml.merges", &merges);
        }),
        ("a merge of unknown words", |g| {
            let mut merges = g.texts("tokenizer.ggml.merges");
            merges[48_000] = b"qqqqqq zzzzzz".to_vec();
            g.set_texts("tokenizer.ggml.merges", &merges);
        }),
        ("merges as numbers", |g| g.set_list("tokenizer.ggml.merges", F32, 3, &[0; 12])),
        ("no last word", |g| g.remove("tokenizer.ggml.eos_token_id")),
        ("a last word out of range", |g| g.set_u32("tokenizer.ggml.eos_token_id", 49_152)),
        ("a last word of minus one", |g| g.set_u32("tokenizer.ggml.eos_token_id", u32::MAX)),
        ("a last word of the wrong type", |g| {
            g.set("tokenizer.ggml.eos_token_id", I32, 2i32.to_le_bytes().to_vec());
        }),
        ("a first word out of range", |g| g.set_u32("tokenizer.ggml.bos_token_id", 1_000_000)),
        ("an unknown word out of range", |g| g.set_u32("tokenizer.ggml.unknown_token_id", 1_000_000)),
        ("no chat template", |g| g.remove("tokenizer.chat_template")),
        ("an empty chat template", |g| g.set_text("tokenizer.chat_template", "  \n")),
        ("a chat template that is a number", |g| g.set_u32("tokenizer.chat_template", 1)),
        ("a chat template of ten megabytes", |g| g.set_text("tokenizer.chat_template", &"x".repeat(10 << 20))),
        ("no embedding", |g| g.tensor("token_embd.weight").name = "token_embd.other".into()),
        ("no last norm", |g| g.tensors.retain(|tensor| tensor.name != "output_norm.weight")),
        ("a renamed tensor", |g| g.tensor("blk.7.attn_k.weight").name = "blk.7.attn_x.weight".into()),
        ("a tensor twice", |g| g.tensor("blk.7.attn_k.weight").name = "blk.8.attn_k.weight".into()),
        ("a tensor without a name", |g| g.tensor("blk.7.attn_k.weight").name = String::new()),
        ("a tensor with a name that never ends", |g| g.tensor("blk.7.attn_k.weight").name = "n".repeat(5_000)),
        ("a tensor that nobody reads", |g| {
            let mut bias = g.tensors[1].clone();
            bias.name = "blk.0.attn_q.bias".into();
            bias.offset = (g.data_len).next_multiple_of(32);
            g.data_len = bias.offset + 576 * 4;
            g.tensors.push(bias);
        }),
        ("a wrong shape", |g| g.tensor("blk.3.ffn_up.weight").dimensions = vec![576, 1504]),
        ("a turned shape", |g| g.tensor("blk.3.ffn_up.weight").dimensions = vec![1536, 576]),
        ("a norm of two dimensions", |g| g.tensor("blk.3.ffn_norm.weight").dimensions = vec![576, 1]),
        ("a shape without dimensions", |g| g.tensor("blk.3.ffn_norm.weight").dimensions = vec![]),
        ("a shape of five dimensions", |g| g.tensor("blk.3.ffn_norm.weight").dimensions = vec![576, 1, 1, 1, 1]),
        ("an empty shape", |g| g.tensor("blk.3.ffn_norm.weight").dimensions = vec![0]),
        ("a shape beyond any number", |g| {
            g.tensor("blk.3.ffn_up.weight").dimensions = vec![1 << 40, 1 << 40];
        }),
        ("a shape that wraps to the right size", |g| {
            g.tensor("blk.3.ffn_up.weight").dimensions = vec![576, (1 << 63) + 1536];
        }),
        ("rows that do not fill blocks", |g| g.tensor("blk.3.attn_q.weight").dimensions = vec![570, 576]),
        ("an unknown tensor type", |g| g.tensor("blk.3.attn_q.weight").kind = 1_000),
        ("a tensor type of another engine", |g| g.tensor("blk.3.attn_q.weight").kind = 20),
        ("a tensor type that is never multiplied", |g| g.tensor("blk.3.attn_q.weight").kind = 9),
        ("MXFP4", |g| g.tensor("blk.3.attn_q.weight").kind = 39),
        ("a smaller tensor type", |g| g.tensor("blk.3.attn_q.weight").kind = 2),
        ("a larger tensor type", |g| g.tensor("blk.3.attn_q.weight").kind = 0),
        ("an offset off its boundary", |g| g.tensor("blk.3.attn_q.weight").offset += 8),
        ("an offset on another tensor", |g| g.tensor("blk.3.attn_q.weight").offset = 0),
        ("an offset beyond the file", |g| g.tensor("output_norm.weight").offset = 1 << 40),
        ("an offset beyond any number", |g| g.tensor("output_norm.weight").offset = u64::MAX - 31),
        ("only a vocabulary", |g| g.tensors.clear()),
        ("one byte too short", |g| g.data_len = g.tensor("output_norm.weight").offset + 576 * 4 - 1),
        ("no weights", |g| g.data_len = 0),
    ]
}
