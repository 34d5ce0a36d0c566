//! The tokenizer inside a GGUF file. The lists are walked, never held: the largest has half a million words.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::PathBuf;

use super::fault::{Fault, Found, quote};
use super::generation::Generation;
use super::metadata::Metadata;
use super::reader::Reader;
use super::value::{Element, List};

// Beyond these the engine's own word tree asserts.
const MOST_WORDS: u64 = 1 << 20;
const MOST_WORD_BYTES: usize = 1_000;
const MOST_BYTES: usize = 4_000_000;
/// The engine adds special words one by one, rebuilding its tables each time: these take it ten seconds, twice as many forty.
const MOST_SPECIAL: usize = 8_192;
const ORDINARY: i32 = 1;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// Pieces with scores.
    Unigram,
    /// Pairs that are merged.
    Bytes,
}

/// Of the kinds that the engine can rebuild.
pub(super) fn kind(metadata: &Metadata) -> Found<Kind> {
    match metadata.text("tokenizer.ggml.model")? {
        "llama" | "replit" => Ok(Kind::Unigram),
        "gpt2" => Ok(Kind::Bytes),
        other => Err(Fault::unsupported(
            format!("its tokenizer is of the kind {}, which the engine can't rebuild", quote(other)),
            "take the safetensors of this model, or another model",
        )),
    }
}

/// Checks that the engine can build its tokenizer.
pub(super) fn check(metadata: &Metadata, parts: &[PathBuf], rows: u64, generation: &Generation) -> Found<()> {
    let kind = kind(metadata)?;
    let words = metadata.list("tokenizer.ggml.tokens", Element::Text, "texts")?;
    if words.len == 0 || words.len > MOST_WORDS {
        return Err(Fault::Broken(format!("its vocabulary has {} words", words.len)));
    }
    if words.len != rows {
        return Err(Fault::Broken(format!("its vocabulary has {} words, and its embedding {rows} rows", words.len)));
    }
    let count = u32::try_from(words.len).unwrap_or(u32::MAX);
    let end = metadata.number("tokenizer.ggml.eos_token_id", 0, count - 1)?;
    metadata.optional_number("tokenizer.ggml.bos_token_id", 0, count - 1)?;
    metadata.optional_number("tokenizer.ggml.unknown_token_id", 0, count - 1)?;
    if let Some(id) = generation.looked_up().find(|id| *id >= count) {
        return Err(Fault::Broken(format!("generation_config.json beside it names the word {id}, and it has {count}")));
    }
    let special = special_words(metadata, parts, words.len)?;
    let ends: Vec<u32> = generation.ends().iter().copied().filter(|id| *id != end).collect();
    let known = walk_words(kind, words, parts, &special, &ends)?;
    match kind {
        Kind::Unigram => check_scores(metadata, parts, words.len),
        Kind::Bytes => check_merges(metadata, parts, &known),
    }
}

fn at(list: List, parts: &[PathBuf]) -> Found<Reader> {
    let path = parts.get(list.part).ok_or_else(|| Fault::broken("a part of it is gone"))?;
    let mut reader = Reader::open(path)?;
    reader.seek(list.at)?;
    Ok(reader)
}

/// Which words are not ordinary text.
fn special_words(metadata: &Metadata, parts: &[PathBuf], words: u64) -> Found<Vec<bool>> {
    const KEY: &str = "tokenizer.ggml.token_type";
    let types = metadata.list(KEY, Element::I32, "signed 32-bit numbers")?;
    if types.len != words {
        return Err(Fault::Broken(format!("it has {words} words, and types for {} of them", types.len)));
    }
    let mut reader = at(types, parts)?;
    let mut special = Vec::new();
    for _ in 0..types.len {
        special.push(i32::from_le_bytes(reader.array(KEY)?) != ORDINARY);
    }
    let count = special.iter().filter(|special| **special).count();
    if count > MOST_SPECIAL {
        return Err(Fault::unsupported(
            format!("{count} of its words are special, more than the engine gets through"),
            "choose another model",
        ));
    }
    Ok(special)
}

/// Looks at every word, and keeps their hashes where pairs have to be found among them.
fn walk_words(
    kind: Kind,
    words: List,
    parts: &[PathBuf],
    special: &[bool],
    ends: &[u32],
) -> Found<HashSet<u64, Unhashed>> {
    let mut reader = at(words, parts)?;
    let mut known = HashSet::default();
    let mut word = Vec::new();
    let mut bytes = 0;
    for (index, special) in special.iter().enumerate() {
        reader.text_into(&mut word, MOST_WORD_BYTES, "a word of its vocabulary")?;
        while word.last() == Some(&0) {
            word.pop();
        }
        bytes += word.len() + 1;
        if bytes > MOST_BYTES {
            return Err(Fault::broken("its vocabulary is larger than any model's"));
        }
        match kind {
            Kind::Bytes => {
                known.insert(Hash::of(&[&word]));
            }
            Kind::Unigram if !special && word.starts_with(b"<0x") && !is_byte_word(&word) => {
                return Err(Fault::Broken(format!("its word {index} looks like a byte and is none")));
            }
            Kind::Unigram => {}
        }
        let is_end = !ends.is_empty() && u32::try_from(index).is_ok_and(|index| ends.contains(&index));
        if is_end && !survives_decoding(kind, &word, *special) {
            return Err(Fault::Broken(format!(
                "generation_config.json beside it ends answers with word {index}, which is ordinary text"
            )));
        }
    }
    Ok(known)
}

/// The engine decodes a word that ends answers, looks for the result among the words, and panics without.
fn survives_decoding(kind: Kind, word: &[u8], special: bool) -> bool {
    let spelled = !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
    match kind {
        Kind::Bytes => spelled || (special && !word.is_empty()),
        Kind::Unigram => spelled && !is_byte_word(word),
    }
}

/// `<0x0A>`
fn is_byte_word(word: &[u8]) -> bool {
    matches!(word, [b'<', b'0', b'x', a, b, b'>'] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

fn check_scores(metadata: &Metadata, parts: &[PathBuf], words: u64) -> Found<()> {
    const KEY: &str = "tokenizer.ggml.scores";
    let scores = metadata.list(KEY, Element::F32, "32-bit fractions")?;
    if scores.len != words {
        return Err(Fault::Broken(format!("it has {words} words, and scores for {} of them", scores.len)));
    }
    let mut reader = at(scores, parts)?;
    for index in 0..scores.len {
        if !f32::from_le_bytes(reader.array(KEY)?).is_finite() {
            return Err(Fault::Broken(format!("the score of word {index} is not a number")));
        }
    }
    Ok(())
}

fn check_merges(metadata: &Metadata, parts: &[PathBuf], known: &HashSet<u64, Unhashed>) -> Found<()> {
    const KEY: &str = "tokenizer.ggml.merges";
    let merges = metadata.list(KEY, Element::Text, "texts")?;
    if merges.len == 0 {
        return Err(Fault::broken("its list of merges is empty"));
    }
    let mut reader = at(merges, parts)?;
    let mut merge = Vec::new();
    for index in 0..merges.len {
        reader.text_into(&mut merge, 2 * MOST_WORD_BYTES + 1, "a merge of its vocabulary")?;
        while merge.last() == Some(&0) {
            merge.pop();
        }
        let pair = merge.iter().position(|byte| *byte == b' ').map(|space| (&merge[..space], &merge[space + 1..]));
        let Some((left, right)) = pair else {
            return Err(Fault::Broken(format!("its merge {index} is not a pair")));
        };
        if ![Hash::of(&[left]), Hash::of(&[right]), Hash::of(&[left, right])].iter().all(|hash| known.contains(hash)) {
            return Err(Fault::Broken(format!("its merge {index} is not of words in its vocabulary")));
        }
    }
    Ok(())
}

/// FNV-1a: short words, and a chance of one in 2^44 to take a wrong one for right.
struct Hash;

impl Hash {
    fn of(pieces: &[&[u8]]) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in pieces.iter().copied().flatten() {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash
    }
}

/// For keys that are hashes already.
#[derive(Default)]
struct Itself(u64);

type Unhashed = BuildHasherDefault<Itself>;

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
