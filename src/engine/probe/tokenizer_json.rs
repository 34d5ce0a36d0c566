//! `tokenizer.json`, as far as the engine insists on it: it panics on one that differs. Up to 40 MB, so it is walked.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::fault::{Fault, Found, quote};
use super::{json, reader};

pub(super) const FILE: &str = "tokenizer.json";
const MOST_BYTES: u64 = 64 << 20;
const MOST_ID: u64 = 1 << 24;

/// Words that must be among the vocabulary: the engine looks them up and panics without.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    words: Vec<(String, bool)>,
    ids: Vec<(u64, bool)>,
    /// Those that end an answer, and whether one is spelled as nothing else is.
    ends: Vec<(u64, bool)>,
}

impl Wanted {
    pub fn new(words: impl IntoIterator<Item = String>, ends: &[u32], ids: impl IntoIterator<Item = u32>) -> Self {
        Self {
            ends: ends.iter().map(|id| (u64::from(*id), false)).collect(),
            words: words.into_iter().map(|word| (word, false)).collect(),
            ids: ids.into_iter().map(|id| (u64::from(id), false)).collect(),
        }
    }

    fn see(&mut self, word: &str, id: u64, added: bool) {
        // The engine decodes an end and looks for the result among the words: bytes and spaces do not survive that.
        if added || (!word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic())) {
            self.ends.iter_mut().filter(|(wanted, _)| *wanted == id).for_each(|(_, found)| *found = true);
        }
        self.words.iter_mut().filter(|(wanted, _)| wanted == word).for_each(|(_, found)| *found = true);
        self.ids.iter_mut().filter(|(wanted, _)| *wanted == id).for_each(|(_, found)| *found = true);
    }
}

/// Checks the file in `folder`.
pub(super) fn check(folder: &Path, mut wanted: Wanted) -> Found<()> {
    let (file, len) = reader::open(&folder.join(FILE)).map_err(|fault| fault.inside(FILE))?;
    if len > MOST_BYTES {
        return Err(Fault::Broken(format!("{FILE} has {len} bytes, more than any model's")));
    }
    let mut deserializer = serde_json::Deserializer::from_reader(json::walk(file));
    let seen = Whole { wanted: &mut wanted }
        .deserialize(&mut deserializer)
        .and_then(|seen| deserializer.end().map(|()| seen))
        .map_err(|error| json::invalid(FILE, &error))?;
    if !seen.added {
        return Err(Fault::Broken(format!("{FILE} lacks its list `added_tokens`")));
    }
    match seen.vocabulary {
        Vocabulary::Words(count) if count > 0 => {}
        Vocabulary::Pieces => {
            return Err(Fault::unsupported(
                "its tokenizer is of the kind Unigram, which the engine can't read",
                "take a GGUF file of this model, or another model",
            ));
        }
        _ => return Err(Fault::Broken(format!("{FILE} lacks its vocabulary"))),
    }
    if let Some((word, _)) = wanted.words.iter().find(|(_, found)| !found) {
        return Err(Fault::Broken(format!("answers end with {}, which is not in {FILE}", quote(word))));
    }
    if let Some((id, _)) = wanted.ids.iter().find(|(_, found)| !found) {
        return Err(Fault::Broken(format!("generation_config.json names word {id}, which is not in {FILE}")));
    }
    if let Some((id, _)) = wanted.ends.iter().find(|(_, found)| !found) {
        return Err(Fault::Broken(format!(
            "generation_config.json ends answers with word {id}, which is ordinary text"
        )));
    }
    Ok(())
}

#[derive(Default)]
struct Seen {
    added: bool,
    vocabulary: Vocabulary,
}

#[derive(Default, Clone, Copy)]
enum Vocabulary {
    #[default]
    None,
    Words(u64),
    /// A list with scores instead.
    Pieces,
}

struct Whole<'a> {
    wanted: &'a mut Wanted,
}

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Seen;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Seen;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a tokenizer")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Seen, A::Error> {
        let mut seen = Seen::default();
        while let Some(key) = map.next_key::<Cow<str>>()? {
            match &*key {
                "added_tokens" => {
                    map.next_value_seed(Added { wanted: self.wanted })?;
                    seen.added = true;
                }
                "model" => seen.vocabulary = map.next_value_seed(Model { wanted: self.wanted })?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(seen)
    }
}

struct Added<'a> {
    wanted: &'a mut Wanted,
}

#[derive(Deserialize)]
struct AddedWord {
    id: u64,
    content: String,
}

impl<'de> DeserializeSeed<'de> for Added<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Added<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of added words")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(word) = seq.next_element::<AddedWord>()? {
            self.wanted.see(&word.content, word.id, true);
        }
        Ok(())
    }
}

struct Model<'a> {
    wanted: &'a mut Wanted,
}

impl<'de> DeserializeSeed<'de> for Model<'_> {
    type Value = Vocabulary;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vocabulary, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Model<'_> {
    type Value = Vocabulary;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a tokenizer's model")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocabulary, A::Error> {
        let mut vocabulary = Vocabulary::None;
        while let Some(key) = map.next_key::<Cow<str>>()? {
            if key == "vocab" {
                vocabulary = map.next_value_seed(Words { wanted: self.wanted })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(vocabulary)
    }
}

struct Words<'a> {
    wanted: &'a mut Wanted,
}

impl<'de> DeserializeSeed<'de> for Words<'_> {
    type Value = Vocabulary;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vocabulary, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Words<'_> {
    type Value = Vocabulary;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a vocabulary")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocabulary, A::Error> {
        let mut count = 0;
        while let Some(word) = map.next_key::<String>()? {
            let id: u64 = map.next_value()?;
            if id > MOST_ID {
                return Err(A::Error::custom("a word's number is out of range"));
            }
            self.wanted.see(&word, id, false);
            count += 1;
        }
        Ok(Vocabulary::Words(count))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vocabulary, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Vocabulary::Pieces)
    }
}
