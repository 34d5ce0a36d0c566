//! What the stand-in Hub says of its repositories: search with pages, what one is, and its tree.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::{Repo, RepoFile};

/// Rows of a page of the tree.
const TREE_PAGE: usize = 1000;
/// What a row of a list has beside what was asked for.
const ALWAYS: [&str; 2] = ["_id", "id"];
/// What it has if nothing was asked for.
const USUAL: [&str; 9] =
    ["likes", "private", "downloads", "tags", "pipeline_tag", "library_name", "createdAt", "modelId", "trendingScore"];

/// An answer, and the address of the next page.
pub struct Page {
    pub rows: Value,
    pub next: Option<String>,
}

type Query = [(String, String)];

fn all<'a>(query: &'a Query, name: &str) -> Vec<&'a str> {
    let bracketed = format!("{name}[]");
    query.iter().filter(|(known, _)| known == name || *known == bracketed).map(|(_, value)| value.as_str()).collect()
}

fn one<'a>(query: &'a Query, name: &str) -> Option<&'a str> {
    all(query, name).into_iter().next()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// One of the things that are said of a repository, made without all the others.
fn said(repo: &Repo, name: &str) -> Value {
    repo.said.get(name).cloned().unwrap_or_else(|| usual(name))
}

/// What is said of every repository that says nothing else.
fn usual(name: &str) -> Value {
    match name {
        "tags" => json!(["gguf"]),
        "pipeline_tag" => json!("text-generation"),
        "library_name" => json!("gguf"),
        "downloads" | "likes" | "trendingScore" => json!(1),
        "createdAt" | "lastModified" => json!("2025-01-01T00:00:00.000Z"),
        "private" | "disabled" => json!(false),
        _ => Value::Null,
    }
}

/// `GET /api/models`.
pub fn search(repos: &[Repo], query: &Query, endpoint: &str) -> Page {
    let text = one(query, "search").unwrap_or_default().to_lowercase();
    let filters: Vec<&str> = all(query, "filter").into_iter().flat_map(|tags| tags.split(',')).collect();
    let mut found: Vec<&Repo> = repos
        .iter()
        .filter(|repo| repo.id.to_lowercase().contains(&text))
        .filter(|repo| one(query, "author").is_none_or(|author| repo.id.split('/').next() == Some(author)))
        .filter(|repo| one(query, "pipeline_tag").is_none_or(|task| said(repo, "pipeline_tag") == task))
        .filter(|repo| {
            let tags = said(repo, "tags");
            filters.iter().all(|tag| tags.as_array().is_some_and(|tags| tags.iter().any(|known| known == tag)))
        })
        .collect();
    let key = one(query, "sort").unwrap_or("trendingScore");
    found.sort_by_cached_key(|repo| match said(repo, key) {
        Value::String(date) => (Reverse(0), Reverse(date)),
        other => (Reverse(number(&other)), Reverse(String::new())),
    });
    let limit = one(query, "limit").and_then(|limit| limit.parse().ok()).unwrap_or(1000usize).min(1000);
    let from = one(query, "cursor").and_then(|cursor| cursor.parse().ok()).unwrap_or(0usize);
    let asked = all(query, "expand");
    let kept: Vec<&str> = if asked.is_empty() { USUAL.to_vec() } else { asked };
    let more = found.len() > from + limit;
    let rows = found.into_iter().skip(from).take(limit).map(|repo| only(info(repo, false), &kept)).collect();
    let next = more.then(|| next(endpoint, "/api/models", query, from + limit));
    Page { rows, next }
}

/// `GET /api/models/{repo}/tree/{revision}`.
pub fn tree(repo: &Repo, query: &Query, endpoint: &str) -> Page {
    let from = one(query, "cursor").and_then(|cursor| cursor.parse().ok()).unwrap_or(0usize);
    let rows = repo.files.iter().skip(from).take(TREE_PAGE).map(entry).collect();
    let path = format!("/api/models/{}/tree/main", repo.id);
    let more = repo.files.len() > from + TREE_PAGE;
    Page { rows, next: more.then(|| next(endpoint, &path, query, from + TREE_PAGE)) }
}

/// The same question, from there on.
fn next(endpoint: &str, path: &str, query: &Query, from: usize) -> String {
    let mut url = reqwest::Url::parse(&format!("{endpoint}{path}")).expect("an address");
    url.query_pairs_mut()
        .extend_pairs(query.iter().filter(|(name, _)| name != "cursor"))
        .append_pair("cursor", &from.to_string());
    format!("<{url}>; rel=\"next\"")
}

/// A file in a tree, or among paths that were asked for.
pub fn entry(file: &RepoFile) -> Value {
    let mut row = json!({ "type": "file", "path": file.path, "size": file.size(), "oid": file.sha256[..40] });
    if file.large {
        row["lfs"] = json!({ "oid": file.sha256, "size": file.size(), "pointerSize": 134 });
    }
    row
}

/// What a repository is; with `expand` only what was asked for, and sizes only with `blobs`.
pub fn model_info(repo: &Repo, query: &Query) -> Value {
    let info = info(repo, one(query, "blobs") == Some("true"));
    let asked = all(query, "expand");
    if asked.is_empty() { info } else { only(info, &asked) }
}

fn only(mut row: Value, kept: &[&str]) -> Value {
    row.as_object_mut().expect("an object").retain(|name, _| ALWAYS.contains(&&**name) || kept.contains(&&**name));
    row
}

fn info(repo: &Repo, with_sizes: bool) -> Value {
    let sibling = |file: &RepoFile| {
        let mut row = json!({ "rfilename": file.path });
        if with_sizes {
            row["blobId"] = json!(file.sha256[..40]);
            row["size"] = json!(file.size());
            if file.large {
                row["lfs"] = json!({ "sha256": file.sha256, "size": file.size(), "pointerSize": 134 });
            }
        }
        row
    };
    let mut info = json!({
        "_id": "0".repeat(24), "id": repo.id, "modelId": repo.id, "author": repo.id.split('/').next(),
        "sha": repo.commit, "gated": if repo.gated { json!("manual") } else { json!(false) },
        "siblings": repo.files.iter().map(sibling).collect::<Value>(),
    });
    for name in [&USUAL[..], &["disabled", "lastModified"]].concat() {
        if name != "modelId" {
            info[name] = usual(name);
        }
    }
    for (name, value) in repo.said.as_object().into_iter().flatten() {
        info[name] = value.clone();
    }
    info
}
