//! What is searched for on the Hub, and what is found.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::model::RepoId;

/// What a person looks for. What is `None` or empty narrows nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SearchQuery {
    pub text: String,
    pub author: Option<String>,
    pub kind: Option<Kind>,
    /// As the Hub writes it: `apache-2.0`.
    pub licence: Option<String>,
    /// Most parameters.
    pub parameters: Option<u64>,
    pub sort: Sort,
}

/// How the weights of a repository are stored, as people choose among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Gguf,
    Safetensors,
    Mlx,
    Uqff,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Gguf, Self::Safetensors, Self::Mlx, Self::Uqff];

    /// As people write it; in small letters it is the Hub's tag.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Gguf => "GGUF",
            Self::Safetensors => "safetensors",
            Self::Mlx => "MLX",
            Self::Uqff => "UQFF",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    #[default]
    Trending,
    Downloads,
    Likes,
    Updated,
}

impl Sort {
    pub const ALL: [Self; 4] = [Self::Trending, Self::Downloads, Self::Likes, Self::Updated];

    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Trending => "trending",
            Self::Downloads => "downloads",
            Self::Likes => "likes",
            Self::Updated => "updated",
        }
    }
}

/// A repository among the answers to a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub repo: RepoId,
    pub parameters: Option<u64>,
    /// All that it holds, the first the one it is for.
    pub kinds: Vec<Kind>,
    /// Of one model of it, where the Hub tells.
    pub bytes: Option<u64>,
    pub downloads: u64,
    pub likes: u64,
    /// Since its last change, when this was asked.
    pub age: Option<Duration>,
    pub gated: Gated,
    pub licence: Option<String>,
}

impl SearchQuery {
    /// Whether a hit is one that was asked for, as far as it tells: the Hub does not hold to all that is asked of it.
    #[must_use]
    pub fn admits(&self, hit: &Hit) -> bool {
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| found.is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
        };
        let small = self.parameters.is_none_or(|most| hit.parameters.is_none_or(|count| count <= most));
        let kind = self.kind.is_none_or(|kind| hit.kinds.is_empty() || hit.kinds.contains(&kind));
        small && kind && same(&self.licence, hit.licence.as_deref()) && same(&self.author, Some(&hit.repo.owner))
    }
}

/// How many parameters a model has by its name: `Qwen3-0.6B`, `SmolLM2-135M-Instruct`, `Mixtral-8x7B`.
#[must_use]
pub fn parameters_of_name(name: &str) -> Option<u64> {
    name.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).find_map(|word| {
        let (number, unit) = word.split_at_checked(word.len().checked_sub(1)?)?;
        let unit = match unit {
            "B" | "b" => 1_000_000_000,
            "M" | "m" => 1_000_000,
            _ => return None,
        };
        let (times, number) = number.split_once(['x', 'X']).unwrap_or(("1", number));
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let is_number = |text: &str| !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(times) || !is_number(whole) || !(part.is_empty() || is_number(part)) {
            return None;
        }
        let scale = 10u64.pow(u32::try_from(part.len()).ok()?);
        let count = format!("{whole}{part}").parse::<u64>().ok()?.checked_mul(unit)? / scale;
        count.checked_mul(times.parse().ok()?).filter(|count| *count > 0)
    })
}

/// Whether its owner wants to be asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gated {
    #[default]
    No,
    /// Everybody who agrees to the terms gets it.
    Terms,
    /// Somebody looks at each request.
    Request,
}

impl Gated {
    /// For a line of a list; nothing where nobody has to be asked.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::No => "",
            Self::Terms => "terms",
            Self::Request => "on request",
        }
    }
}

/// Where the next page of answers is. Only the hub side can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPage(pub String);

/// Some of the answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hits {
    pub hits: Vec<Hit>,
    /// `None`: these were the last.
    pub next: Option<NextPage>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_how_large_a_model_is() {
        for (name, expected) in [
            ("Qwen3-0.6B", Some(600_000_000)),
            ("SmolLM2-135M-Instruct-GGUF", Some(135_000_000)),
            ("qwen2.5-7b-instruct", Some(7_000_000_000)),
            ("Mixtral-8x7B-v0.1", Some(56_000_000_000)),
            ("Qwen3-30B-A3B", Some(30_000_000_000)),
            ("phi-4", None),
            ("4bit-B", None),
            ("x-99999999999B", None),
            ("B", None),
            ("", None),
        ] {
            assert_eq!(parameters_of_name(name), expected, "{name}");
        }
    }

    #[test]
    fn what_the_hub_passes_over_is_narrowed_here() {
        let hit = Hit {
            repo: RepoId::parse("org/m").expect("a repository"),
            parameters: Some(8),
            kinds: vec![Kind::Gguf],
            bytes: None,
            downloads: 0,
            likes: 0,
            age: None,
            gated: Gated::No,
            licence: Some("mit".into()),
        };
        let query = SearchQuery::default();
        assert!(query.admits(&hit));
        let cases = [
            (SearchQuery { parameters: Some(8), ..query.clone() }, true),
            (SearchQuery { parameters: Some(7), ..query.clone() }, false),
            (SearchQuery { kind: Some(Kind::Gguf), ..query.clone() }, true),
            (SearchQuery { kind: Some(Kind::Mlx), ..query.clone() }, false),
            (SearchQuery { licence: Some("MIT".into()), author: Some("ORG".into()), ..query.clone() }, true),
            (SearchQuery { licence: Some("apache-2.0".into()), ..query.clone() }, false),
            (SearchQuery { author: Some("other".into()), ..query }, false),
        ];
        for (query, expected) in cases {
            assert_eq!(query.admits(&hit), expected, "{query:?}");
        }
    }
}
