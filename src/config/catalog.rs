//! The catalog: the list that comes with the program, and what the config file adds to it under `[[catalog]]`.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml_edit::{Item, Key, Table, Value};

use crate::config::file::{Source, span_of};
use crate::domain::catalog::{Catalog, Entry, Reasons, Route, Shape};
use crate::domain::hub::{Gated, Kind};
use crate::domain::model::{Choice, ModelRef, RepoId};
use crate::domain::sampling::SamplingPatch;
use crate::error::UserError;

const BUILT_IN: &str = include_str!("../../assets/catalog.toml");
/// The table that the entries are in, wherever they stand.
pub(super) const TABLE: &str = "catalog";

/// The list that comes with the program.
#[must_use]
pub fn built_in() -> Catalog {
    let source = Source { name: "assets/catalog.toml".to_owned(), text: BUILT_IN.to_owned() };
    let mut problems = Vec::new();
    let mut entries = Vec::new();
    if let Ok(document) = source.parse()
        && let Some((key, item)) = document.get_key_value(TABLE)
    {
        entries = read(&source, Some(key), item, &mut problems);
    }
    debug_assert!(problems.is_empty(), "{problems:?}");
    Catalog { entries }
}

/// That list, and what the config file adds to it.
#[must_use]
pub fn with(added: Vec<Entry>) -> Catalog {
    let mut catalog = built_in();
    catalog.extend(added);
    catalog
}

/// The entries under a key of a file. One that is wrong is left out, and said to be.
pub(super) fn read(source: &Source, key: Option<&Key>, item: &Item, problems: &mut Vec<UserError>) -> Vec<Entry> {
    let tables: Vec<Table> = match item {
        Item::ArrayOfTables(tables) => tables.iter().cloned().collect(),
        Item::Value(Value::Array(values)) => {
            values.iter().filter_map(|value| Some(value.as_inline_table()?.clone().into_table())).collect()
        }
        _ => {
            problems.push(
                source
                    .problem(span_of(key, item).as_ref(), &format!("`{TABLE}` is a list of models"))
                    .hint(format!("write each of them under a line `[[{TABLE}]]`")),
            );
            return Vec::new();
        }
    };
    let mut entries: Vec<Entry> = Vec::with_capacity(tables.len());
    for table in tables {
        let at = table.span();
        let written = Written::deserialize(Value::InlineTable(table.into_inline_table()).into_deserializer());
        let entry = written.map_err(|error| {
            let what = error.message().lines().next().unwrap_or("this is no model").to_owned();
            (error.span(), what, "see `hobnob config path` and the example there for what an entry has")
        });
        let entry = entry.and_then(|written| {
            written.entry().map_err(|what| (None, what, "an entry needs `name` and `model`, like \"org/repo:Q4_K_M\""))
        });
        match entry {
            Ok(entry) if entries.iter().any(|other| other.name.eq_ignore_ascii_case(&entry.name)) => problems.push(
                source
                    .problem(at.as_ref(), &format!("`[[{TABLE}]]`: `{}` is there twice", entry.name))
                    .hint("give one of them another name"),
            ),
            Ok(entry) => entries.push(entry),
            Err((span, what, hint)) => {
                problems.push(source.problem(span.or(at).as_ref(), &format!("`[[{TABLE}]]`: {what}")).hint(hint));
            }
        }
    }
    entries
}

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    title: Option<String>,
    about: Option<String>,
    base: Option<String>,
    parameters: Option<u64>,
    context: Option<u32>,
    safe_context: Option<u32>,
    licence: Option<String>,
    #[serde(default)]
    gated: Gated,
    #[serde(default)]
    thinking: Reasons,
    #[serde(default)]
    all_round: bool,
    #[serde(default)]
    sampling: SamplingPatch,
    shape: Option<Shape>,
    /// Where there is only one.
    model: Option<String>,
    #[serde(default)]
    models: Vec<WrittenRoute>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRoute {
    model: String,
    kind: Option<Kind>,
    quant: Option<String>,
    bytes: Option<u64>,
}

impl Written {
    fn entry(self) -> Result<Entry, String> {
        let named = ModelRef::parse(&self.name);
        // What is given a name here is written on command lines; only files have whatever name they have.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !self.name.chars().all(plain)
            || !matches!(&named, Ok(ModelRef::Named { name, quant: None }) if *name == self.name)
        {
            return Err(format!("`{}` can't be a name: letters, digits, `-`, `_` and `.` make one", self.name));
        }
        let base = match &self.base {
            None => None,
            Some(text) => Some(RepoId::parse(text).ok_or_else(|| format!("`base` is no repository: `{text}`"))?),
        };
        let single = self.model.map(|model| WrittenRoute { model, kind: None, quant: None, bytes: None });
        let routes: Vec<Route> =
            single.into_iter().chain(self.models).map(WrittenRoute::route).collect::<Result<_, _>>()?;
        if routes.is_empty() {
            return Err(format!("`{}` has no `model`", self.name));
        }
        Ok(Entry {
            title: self.title.unwrap_or_else(|| self.name.clone()),
            about: self.about.unwrap_or_default(),
            name: self.name,
            base,
            parameters: self.parameters,
            context: self.context,
            safe_context: self.safe_context,
            licence: self.licence,
            gated: self.gated,
            thinking: self.thinking,
            all_round: self.all_round,
            sampling: self.sampling,
            shape: self.shape,
            routes,
        })
    }
}

impl WrittenRoute {
    fn route(self) -> Result<Route, String> {
        let model = ModelRef::parse(&self.model).map_err(|error| error.message)?;
        let ModelRef::Hub { repo, choice, .. } = &model else {
            return Err(format!("`{}` is no model on the Hub", self.model));
        };
        let by_name = |word: &str| repo.to_string().to_ascii_lowercase().contains(word);
        let kind = self.kind.unwrap_or(match choice {
            Choice::File(_) | Choice::Quant(_) => Kind::Gguf,
            Choice::Any if by_name("gguf") => Kind::Gguf,
            Choice::Any if by_name("mlx") => Kind::Mlx,
            Choice::Any => Kind::Safetensors,
        });
        let quant = self.quant.or_else(|| match choice {
            Choice::Quant(quant) => Some(quant.to_ascii_uppercase()),
            Choice::File(_) | Choice::Any => None,
        });
        Ok(Route { kind, quant: quant.unwrap_or_default(), bytes: self.bytes, model })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that a model of this shape has learnt.
    fn parameters(shape: &Shape) -> u64 {
        let [layers, heads, kv_heads, head, width, inner, words, experts] = [
            shape.layers,
            shape.heads,
            shape.kv_heads,
            shape.head_size,
            shape.width,
            shape.feed_forward,
            shape.vocabulary,
            shape.experts,
        ]
        .map(u64::from);
        let attention = 2 * width * heads * head + 2 * width * kv_heads * head;
        let forward = 3 * width * inner * experts.max(1) + width * experts;
        let small = match shape.architecture.as_str() {
            "qwen2" => 2 * width + (heads + 2 * kv_heads) * head,
            "qwen3" | "qwen3moe" => 2 * width + 2 * head,
            "gemma3" => 4 * width + 2 * head,
            _ => 2 * width,
        };
        let embeddings = words * width * if shape.tied { 1 } else { 2 };
        layers * (attention + forward + small) + embeddings + width
    }

    #[test]
    fn the_list_that_comes_along_is_whole() {
        let catalog = built_in();
        assert_eq!(catalog.entries.len(), 20);
        for entry in &catalog.entries {
            let name = &entry.name;
            let shape = entry.shape.as_ref().expect(name);
            // What looks at pictures: its tower, and the way from there to here.
            let eyes = if name == "gemma-3-4b" { 416_866_032 + 1152 * 2560 + 1152 } else { 0 };
            assert_eq!(entry.parameters, Some(parameters(shape) + eyes), "{name}");
            assert!(!entry.about.is_empty() && !entry.about.ends_with('.') && entry.about.len() < 72, "{name}");
            assert!(entry.context.is_some() && entry.licence.is_some() && entry.base.is_some(), "{name}");
            for route in &entry.routes {
                let facts = entry.facts(route).expect(name);
                assert!(!route.quant.is_empty() && facts.bytes > 0 && facts.held >= facts.bytes, "{name}");
                let known = matches!(&route.model, ModelRef::Hub { choice: Choice::File(file), .. }
                    if file.to_uppercase().contains(&route.quant));
                assert!(known || route.kind == Kind::Mlx, "{name}: {}", route.model);
            }
            assert_eq!(catalog.find(&name.to_uppercase()), Some(entry));
        }
        let small = catalog.entries.iter().filter_map(|entry| entry.parameters);
        assert!(small.clone().is_sorted() && small.max() > Some(32_000_000_000), "from small to large");
    }

    #[test]
    fn what_the_rule_says_of_sizes_is_near_the_truth() {
        use crate::domain::catalog::about_bytes;
        for entry in built_in().entries {
            for route in entry.routes.iter().filter(|route| route.bytes.is_some()) {
                // Small models keep more of themselves unquantised.
                let (bytes, about) =
                    (route.bytes.unwrap_or(0), about_bytes(entry.parameters.unwrap_or(0), &route.quant));
                let about = about.expect("a size");
                let within = if entry.parameters > Some(2_000_000_000) { 3 } else { 9 };
                assert!(bytes.abs_diff(about) <= bytes / 100 * within, "{}: {bytes} {about}", route.model);
            }
        }
    }
}
