//! Searching the Hub for models.

use std::time::SystemTime;

use crate::domain::hub::{Gated, Hit, Hits, Kind, NextPage, SearchQuery, Sort, bits_of_name, parameters_of_name};
use crate::domain::model::RepoId;
use crate::error::UserError;
use crate::hub::Options;
use crate::hub::age::since;
use crate::hub::ask::{Answer, connect, question};
use crate::hub::http::Hub;
use crate::hub::loose::Loose;

/// Rows of a page: more than a screen has, and few enough to come at once.
const PER_PAGE: usize = 40;
/// What a page may have: with all that the Hub tells of a model it is less than one megabyte.
const MOST_ANSWER: usize = 8 << 20;
/// Pages that are asked for in a row where none of what they hold is wanted.
const MOST_EMPTY: usize = 4;
/// What a row needs. Sizes of files are not to be had here.
const EXPAND: &[&str] =
    &["downloads", "likes", "lastModified", "gated", "tags", "pipeline_tag", "library_name", "safetensors", "gguf"];
/// What answers in words; a model without a word for its task may do so.
const TALKING: &[&str] = &["text-generation", "image-text-to-text", "any-to-any", "text2text-generation"];
const TASK: &str = "text-generation";

/// Asks for models, from the beginning or where an earlier answer ended.
///
/// # Errors
/// Why there is no answer, and what to do.
pub async fn search(options: &Options, query: &SearchQuery, after: Option<&NextPage>) -> Result<Hits, UserError> {
    let hub = connect(options, "there is nothing to search")?;
    let mut question = after.map_or_else(|| first_question(query), |next| next.0.clone());
    let now = SystemTime::now();
    for _ in 1..MOST_EMPTY {
        let found = ask(&hub, &question, query, now).await?;
        match &found.next {
            Some(next) if found.hits.is_empty() => question.clone_from(&next.0),
            _ => return Ok(found),
        }
    }
    ask(&hub, &question, query, now).await
}

async fn ask(hub: &Hub, question: &str, query: &SearchQuery, now: SystemTime) -> Result<Hits, UserError> {
    let Answer { document, next } = hub.ask(question, MOST_ANSWER, None).await?;
    let Loose::List(rows) = &document else { return Err(hub.no_hub().error) };
    // Nobody has asked for more.
    let hits = rows.iter().take(PER_PAGE).filter(|row| talks(row)).filter_map(|row| hit(row, now));
    Ok(Hits { hits: hits.filter(|hit| query.admits(hit)).collect(), next })
}

fn first_question(query: &SearchQuery) -> String {
    let text = query.text.trim();
    let limit = PER_PAGE.to_string();
    let sort = match query.sort {
        Sort::Trending => "trendingScore",
        Sort::Downloads => "downloads",
        Sort::Likes => "likes",
        Sort::Updated => "lastModified",
    };
    let kind = query.kind.map(|kind| kind.label().to_lowercase());
    let licence = query.licence.as_ref().map(|licence| format!("license:{licence}"));
    let parameters = query.parameters.map(|most| format!("min:0,max:{most}"));
    let mut asked: Vec<(&str, &str)> = vec![("sort", sort), ("direction", "-1"), ("limit", &limit)];
    let text = Some(text).filter(|text| !text.is_empty());
    let author = query.author.as_deref();
    // Whoever names something gets also what nobody has said the task of; else there is enough that says it.
    let open = text.is_none() && author.is_none() && query.kind.is_none();
    let narrowed = [
        ("pipeline_tag", open.then_some(TASK)),
        ("search", text),
        ("author", author),
        ("filter", kind.as_deref()),
        ("filter", licence.as_deref()),
        ("num_parameters", parameters.as_deref()),
    ];
    asked.extend(narrowed.into_iter().filter_map(|(name, value)| Some((name, value?))));
    asked.extend(EXPAND.iter().map(|name| ("expand", *name)));
    question("models", &asked)
}

/// Other models that were made of one.
pub(super) async fn made_of(hub: &Hub, base: &RepoId) -> Result<Vec<Hit>, UserError> {
    let (filter, limit) = (format!("base_model:quantized:{base}"), PER_PAGE.to_string());
    let mut asked = vec![("filter", filter.as_str()), ("sort", "downloads"), ("direction", "-1"), ("limit", &limit)];
    asked.extend(EXPAND.iter().map(|name| ("expand", *name)));
    Ok(ask(hub, &question("models", &asked), &SearchQuery::default(), SystemTime::now()).await?.hits)
}

fn talks(row: &Loose) -> bool {
    row.get("pipeline_tag").text().is_none_or(|task| TALKING.contains(&task))
}

/// What a row, or the answer about one repository, says.
pub(super) fn hit(row: &Loose, now: SystemTime) -> Option<Hit> {
    // Whoever is named by something else is none that could be asked for.
    let name = row.get("id").text().or_else(|| row.get("modelId").text())?;
    let repo = RepoId::parse(name).or_else(|| RepoId::without_owner(name))?;
    let tags: Vec<&str> = row.get("tags").list().iter().filter_map(Loose::text).collect();
    let kinds = kinds(&repo, &tags, row.get("library_name").text());
    let packed = Packed::read(row.get("safetensors"), &repo, &tags);
    let gguf = row.get("gguf");
    let is_gguf = kinds.first() == Some(&Kind::Gguf);
    let of_gguf = gguf.get("total").number().filter(|count| *count > 0);
    let of_name = parameters_of_name(&repo.name);
    let parameters = if is_gguf { of_gguf.or(packed.parameters) } else { packed.parameters.or(of_gguf) };
    let bytes = if is_gguf { gguf.get("totalFileSize").number() } else { packed.bytes };
    Some(Hit {
        parameters: parameters.or(of_name),
        bytes: bytes.filter(|bytes| *bytes > 0),
        downloads: row.get("downloads").number().unwrap_or(0),
        likes: row.get("likes").number().unwrap_or(0),
        age: row.get("lastModified").text().and_then(|date| since(date, now)),
        gated: match row.get("gated") {
            Loose::Text(word) if word == "auto" => Gated::Terms,
            Loose::Text(_) | Loose::Flag(true) => Gated::Request,
            _ => Gated::No,
        },
        licence: tags
            .iter()
            .find_map(|tag| tag.strip_prefix("license:"))
            .filter(|word| is_plain(word))
            .map(str::to_owned),
        kinds,
        repo,
    })
}

/// Short, and nothing but what words are made of here.
fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.len() <= 64 && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
}

fn kinds(repo: &RepoId, tags: &[&str], library: Option<&str>) -> Vec<Kind> {
    let name = repo.name.to_lowercase();
    let has = |kind: Kind| {
        let word = kind.label().to_lowercase();
        tags.contains(&word.as_str()) || library == Some(word.as_str())
    };
    let is_named = |kind: Kind| name.contains(&kind.label().to_lowercase());
    let mut kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| has(*kind)).collect();
    // The weights of MLX lie in files of the other kind.
    if kinds.contains(&Kind::Mlx) {
        kinds.retain(|kind| *kind != Kind::Safetensors);
    }
    // Whole weights are what a repository is for that has them, unless it is called otherwise.
    kinds.sort_by_key(|kind| (!is_named(*kind), *kind != Kind::Safetensors));
    kinds
}

/// What the Hub has counted in safetensors files. Packed weights lie in words of 32 bits, and each of those counts as one.
#[derive(Debug, Default)]
struct Packed {
    parameters: Option<u64>,
    bytes: Option<u64>,
}

impl Packed {
    fn read(said: &Loose, repo: &RepoId, tags: &[&str]) -> Self {
        let types: Vec<(&str, u64)> = said
            .get("parameters")
            .entries()
            .iter()
            .filter_map(|(name, count)| Some((&**name, count.number()?)))
            .collect();
        let total = said.get("total").number().filter(|total| *total > 0);
        if types.is_empty() {
            return Self { parameters: total, bytes: None };
        }
        let bytes =
            types.iter().fold(0u64, |sum, (kind, count)| sum.saturating_add(count.saturating_mul(size_of(kind))));
        let words: u64 = types.iter().filter(|(kind, _)| matches!(*kind, "U32" | "I32")).map(|(_, count)| *count).sum();
        let bits = tags.iter().find(|tag| tag.ends_with("-bit")).and_then(|tag| bits_of_name(tag));
        let bits = bits.or_else(|| repo.name.rsplit('-').find(|word| word.ends_with("bit")).and_then(bits_of_name));
        let parameters = match bits.filter(|bits| words > 0 && (2..=8).contains(bits)) {
            Some(bits) => Some(words.saturating_mul(32) / u64::from(bits)),
            None if words > 0 => parameters_of_name(&repo.name),
            None => None,
        };
        Self { parameters: parameters.or(total), bytes: Some(bytes) }
    }
}

/// Bytes of a number of a type, as safetensors calls them.
pub(super) fn size_of(kind: &str) -> u64 {
    match kind {
        "F64" | "I64" | "U64" => 8,
        "F32" | "I32" | "U32" => 4,
        "F16" | "BF16" | "I16" | "U16" => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(row: &str) -> Option<Hit> {
        hit(&Loose::read(row.as_bytes()).expect("JSON"), SystemTime::now())
    }

    #[test]
    fn rows_say_what_is_in_a_repository() {
        let gguf = read(
            r#"{"id": "org/M-8B-GGUF", "tags": ["gguf", "license:apache-2.0"], "downloads": 12, "likes": 3, "gated": false,
                "gguf": {"total": 8030261248, "totalFileSize": 4920739232}, "lastModified": "2025-01-01T00:00:00.000Z"}"#,
        )
        .expect("a hit");
        assert_eq!((gguf.parameters, gguf.bytes), (Some(8_030_261_248), Some(4_920_739_232)));
        assert_eq!((gguf.kinds, gguf.licence.as_deref()), (vec![Kind::Gguf], Some("apache-2.0")));
        assert!(gguf.age.is_some() && gguf.gated == Gated::No);

        let mlx = read(
            r#"{"id": "mlx-community/M-4B-4bit", "tags": ["mlx", "safetensors", "4-bit"], "gated": "auto",
                "safetensors": {"parameters": {"U32": 502808512, "BF16": 125702128}, "total": 628510640}}"#,
        )
        .expect("a hit");
        assert_eq!((mlx.kinds, mlx.gated), (vec![Kind::Mlx], Gated::Terms));
        assert_eq!((mlx.parameters, mlx.bytes), (Some(4_022_468_096), Some(2_262_638_304)));

        let whole = read(
            r#"{"id": "org/M", "tags": ["safetensors", "gguf"], "gated": "manual",
                "safetensors": {"parameters": {"BF16": 100}, "total": 100}}"#,
        )
        .expect("a hit");
        assert_eq!((whole.kinds, whole.gated), (vec![Kind::Safetensors, Kind::Gguf], Gated::Request));
        assert_eq!((whole.parameters, whole.bytes), (Some(100), Some(200)));
        assert_eq!(read(r#"{"id": "org/Some-1.5B-Chat"}"#).expect("a hit").parameters, Some(1_500_000_000));
    }

    #[test]
    fn hostile_rows_are_no_hits() {
        for row in
            [r#"{"id": 1}"#, r#"{"id": "../../etc"}"#, r#"{"id": "a/b\u001b[2J"}"#, "[]", "null", r#"{"id": "a/b/c"}"#]
        {
            assert_eq!(read(row), None, "{row}");
        }
        let odd = read(
            r#"{"id": "a/b", "tags": [1, {}, "license:\u001b[31m"], "downloads": -5, "likes": "many", "gated": {"a": 1},
                "safetensors": {"parameters": {"BF16": "x"}, "total": []}, "gguf": 7, "lastModified": 3}"#,
        )
        .expect("its name is one");
        assert_eq!((odd.licence, odd.downloads, odd.likes, odd.parameters, odd.age), (None, 0, 0, None, None));
    }
}
