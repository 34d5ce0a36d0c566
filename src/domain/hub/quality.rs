//! What the name of a repository says of the quality of what is in it.

use super::{Hit, Quality};

impl Hit {
    /// Of a repository that holds one quantisation and has its name: `Qwen3-4B-2bit`, `SmolLM2-Q3_K_M-GGUF`. `None` where it
    /// says nothing: then there is a choice, or nothing was taken away.
    #[must_use]
    pub fn quality(&self) -> Option<Quality> {
        let name = self.repo.name.to_ascii_uppercase();
        let words: Vec<&str> = name.split(['-', '.', ' ']).collect();
        let by_bits = words.iter().enumerate().find_map(|(at, word)| {
            let (number, rest) = word.split_at_checked(word.len().checked_sub("BIT".len())?)?;
            // `4-bit` is two words of a name.
            let number = if number.is_empty() { *words.get(at.checked_sub(1)?)? } else { number.trim_end_matches('_') };
            let bits = rest == "BIT" && number.parse::<u8>().is_ok_and(|bits| (1..=16).contains(&bits));
            bits.then(|| Quality::of(&format!("{number}-bit")))
        });
        by_bits.or_else(|| words.iter().find(|word| is_quantisation(word)).map(|word| Quality::of(word)))
    }
}

/// `Q4_K_M`, `IQ2_XXS`, `Q8_0`; not `Q3` alone, which names a generation as well.
fn is_quantisation(word: &str) -> bool {
    let rest = word.strip_prefix('I').unwrap_or(word).strip_prefix('Q');
    rest.is_some_and(|rest| matches!(rest.as_bytes(), [b'1'..=b'8', b'_', _, ..]))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::hub::Gated;
    use crate::domain::model::RepoId;

    #[test]
    fn names_tell_how_many_bits_are_left() {
        let quality = |name: &str| {
            let hit = Hit {
                repo: RepoId::parse(&format!("org/{name}")).expect("a repository"),
                parameters: None,
                kinds: Vec::new(),
                bytes: None,
                downloads: 0,
                likes: 0,
                age: None::<Duration>,
                gated: Gated::No,
                licence: None,
            };
            hit.quality()
        };
        for (name, expected) in [
            ("Qwen3-4B-2bit", Some(Quality::Poor)),
            ("Qwen3-4B-3-bit", Some(Quality::Low)),
            ("Qwen3-4B-MLX-4bit", Some(Quality::Good)),
            ("gemma-3-1b-it-8bit", Some(Quality::Full)),
            ("SmolLM2-135M-Q3_K_M-GGUF", Some(Quality::Low)),
            ("model-IQ2_XXS", Some(Quality::Poor)),
            ("Qwen3-4B-GGUF", None),
            ("Q3-thing-GGUF", None),
            ("rabbit-7B", None),
            ("bit", None),
            ("Big-BIT-2", None),
        ] {
            assert_eq!(quality(name), expected, "{name}");
        }
    }
}
