//! Words, found in all that was said and in titles.

use rusqlite::{Connection, Row as SqlRow, params};

use super::read::{age, id};
use super::{Store, now};
use crate::domain::Role;
use crate::domain::store::{Hit, Row, first_words};
use crate::error::UserError;

/// More than anybody reads before looking for something else.
const HITS: u32 = 100;
/// Marks around what was found: no text has them.
const OPEN: char = '\u{2}';
const CLOSE: char = '\u{3}';
/// Words of a snippet.
const AROUND: u32 = 14;
/// Characters before what was found, where we cut the snippet ourselves.
const BEFORE: usize = 24;
const SNIPPET: usize = 100;

impl Store {
    /// Messages and titles that have all of these words; the last may be the beginning of one. Titles first, then the newest.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn search(&self, words: &str) -> Result<Vec<Hit>, UserError> {
        let hits = match Query::of(words) {
            Some(Query::Words(query)) => by_index(&self.db, &query),
            Some(Query::Parts(parts)) => by_look(&self.db, &parts),
            None => Ok(Vec::new()),
        };
        let mut hits = hits.map_err(|error| self.unread(&error))?;
        for hit in &mut hits {
            let row = hit.message.map(|(Row(row), _)| row);
            hit.known_as = row.and_then(|row| self.sheets.get(&hit.conversation)?.id_of(row));
        }
        Ok(hits)
    }
}

enum Query {
    /// As the index takes it.
    Words(String),
    /// In a script that has no spaces between words everything is looked at.
    Parts(Vec<String>),
}

impl Query {
    fn of(words: &str) -> Option<Self> {
        let words: Vec<&str> = words.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).collect();
        let (last, _) = words.split_last()?;
        if words.iter().any(|word| word.chars().any(is_unspaced)) {
            return Some(Self::Parts(words.iter().map(|word| (*word).to_owned()).collect()));
        }
        let quoted = |word: &&str| format!("\"{}\"", word.replace('"', "\"\""));
        // Punctuation after the last word says that it is whole.
        let open = if last.ends_with(char::is_alphanumeric) { "*" } else { "" };
        let query = words.iter().map(quoted).collect::<Vec<_>>().join(" ") + open;
        Some(Self::Words(query))
    }
}

fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9d}' | '\u{20000}'..='\u{3ffff}')
}

fn by_index(db: &Connection, query: &str) -> rusqlite::Result<Vec<Hit>> {
    let mut hits = collect(
        db,
        "SELECT c.name, c.title, c.updated, c.pinned, c.archived, NULL, NULL, highlight(titled, 0, ?3, ?4) \
         FROM titled JOIN conversations c ON c.id = titled.rowid \
         WHERE titled MATCH ?1 AND c.deleted IS NULL ORDER BY titled.rowid DESC LIMIT ?2",
        params![query, HITS, OPEN.to_string(), CLOSE.to_string()],
        &[],
    )?;
    hits.extend(collect(
        db,
        "SELECT c.name, c.title, m.at, c.pinned, c.archived, m.id, m.role, snippet(said, 0, ?3, ?4, '…', ?5) \
         FROM said JOIN messages m ON m.id = said.rowid JOIN conversations c ON c.id = m.conversation \
         WHERE said MATCH ?1 AND c.deleted IS NULL AND m.deleted IS NULL ORDER BY said.rowid DESC LIMIT ?2",
        params![query, HITS, OPEN.to_string(), CLOSE.to_string(), AROUND],
        &[],
    )?);
    Ok(hits)
}

fn by_look(db: &Connection, parts: &[String]) -> rusqlite::Result<Vec<Hit>> {
    let like = |column: &str| vec![format!("{column} LIKE ? ESCAPE '\\'"); parts.len()].join(" AND ");
    let escaped = |part: &String| format!("%{}%", part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
    let values: Vec<String> = parts.iter().map(escaped).collect();
    let values = || rusqlite::params_from_iter(values.iter());
    let titles = format!(
        "SELECT c.name, c.title, c.updated, c.pinned, c.archived, NULL, NULL, c.title FROM conversations c \
         WHERE c.deleted IS NULL AND {} ORDER BY c.id DESC LIMIT {HITS}",
        like("c.title")
    );
    let messages = format!(
        "SELECT c.name, c.title, m.at, c.pinned, c.archived, m.id, m.role, m.content \
         FROM messages m JOIN conversations c ON c.id = m.conversation \
         WHERE c.deleted IS NULL AND m.deleted IS NULL AND {} ORDER BY m.id DESC LIMIT {HITS}",
        like("m.content")
    );
    let mut hits = collect(db, &titles, values(), parts)?;
    hits.extend(collect(db, &messages, values(), parts)?);
    Ok(hits)
}

/// `parts` are what to mark where the text comes without marks.
fn collect(db: &Connection, sql: &str, values: impl rusqlite::Params, parts: &[String]) -> rusqlite::Result<Vec<Hit>> {
    let now = now();
    let hit = |row: &SqlRow<'_>| {
        let text: String = row.get(7)?;
        let message: Option<i64> = row.get(5)?;
        let role = match row.get_ref(6)?.as_str_or_null()? {
            Some("assistant") => Role::Assistant,
            Some("system") => Role::System,
            _ => Role::User,
        };
        Ok(Hit {
            conversation: id(row, 0)?,
            title: row.get(1)?,
            message: message.map(|row| (Row(row), role)),
            known_as: None,
            snippet: if parts.is_empty() { marked(&text) } else { cut_out(&text, parts) },
            age: age(now, row.get(2)?),
            pinned: row.get(3)?,
            archived: row.get(4)?,
        })
    };
    db.prepare_cached(sql)?.query_map(values, hit)?.collect()
}

/// Takes the marks of the index out of a snippet.
fn marked(text: &str) -> Vec<(String, bool)> {
    let mut pieces: Vec<(String, bool)> = Vec::new();
    let mut found = false;
    for c in text.chars() {
        match c {
            OPEN => found = true,
            CLOSE => found = false,
            c => {
                let c = if c.is_whitespace() { ' ' } else { c };
                match pieces.last_mut() {
                    Some((_, last)) if *last != found => pieces.push((c.into(), found)),
                    Some((piece, _)) if c == ' ' && piece.ends_with(' ') => {}
                    Some((piece, _)) => piece.push(c),
                    None => pieces.push((c.into(), found)),
                }
            }
        }
    }
    pieces
}

/// The words around the first of the parts.
fn cut_out(text: &str, parts: &[String]) -> Vec<(String, bool)> {
    let first = parts.iter().filter_map(|part| Some((text.find(part.as_str())?, part.len()))).min();
    let Some((at, len)) = first else { return vec![(first_words(text, SNIPPET), false)] };
    let begin = text[..at].char_indices().rev().take(BEFORE).last().map_or(at, |(place, _)| place);
    let rest = &text[at + len..];
    let end = rest.char_indices().nth(SNIPPET).map_or(rest.len(), |(place, _)| place);
    let clean = |text: &str| text.replace(char::is_whitespace, " ");
    let before = format!("{}{}", if begin > 0 { "…" } else { "" }, clean(&text[begin..at]));
    let after = format!("{}{}", clean(&rest[..end]), if end < rest.len() { "…" } else { "" });
    let mut pieces = vec![(before, false), (text[at..at + len].to_owned(), true), (after, false)];
    pieces.retain(|(piece, _)| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Option<String> {
        match Query::of(text)? {
            Query::Words(query) => Some(query),
            Query::Parts(parts) => Some(format!("{parts:?}")),
        }
    }

    #[test]
    fn no_words_of_a_person_are_an_order_to_the_index() {
        for (typed, query) in [
            ("blue sky", "\"blue\" \"sky\"*"),
            ("a\"b OR (c* NEAR", "\"a\"\"b\" \"OR\" \"(c*\" \"NEAR\"*"),
            ("what?", "\"what?\""),
            ("青い空", "[\"青い空\"]"),
        ] {
            assert_eq!(words(typed).as_deref(), Some(query), "{typed}");
        }
        assert_eq!((words(""), words(" - \" ")), (None, None));
    }

    #[test]
    fn snippets_say_what_was_found() {
        assert_eq!(
            marked("…the \u{2}blue\u{3}\n  sky"),
            [("…the ".into(), false), ("blue".into(), true), (" sky".into(), false)]
        );
        let long = format!("{}空は青い{}", "あ".repeat(200), "い".repeat(200));
        let cut = cut_out(&long, &["青".into()]);
        assert_eq!(cut[1], ("青".to_owned(), true));
        assert!(cut[0].0.starts_with("…") && cut[0].0.ends_with("空は") && cut[2].0.ends_with('…'), "{cut:?}");
    }
}
