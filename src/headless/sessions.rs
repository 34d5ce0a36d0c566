//! `hobnob sessions`: conversations that are kept.

mod export;
mod import;
mod page;

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::domain::store::{Change, Hit, Opened, Summary};
use crate::domain::units::{ago, many};
use crate::domain::zone::Zone;
use crate::error::{ErrorKind, UserError, reason};
use crate::headless::config::refuse_problems;
use crate::headless::console::say;
use crate::headless::session::{begun, existing, none};
use crate::headless::table::{Column, table};
use crate::headless::{Context, Format, Outcome, Quit, print, print_json};
use crate::machine;
use crate::measurements::seconds_since_1970;
use crate::store::{Store, new_ids};
use crate::text::sanitize;

/// What a conversation is exported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Export {
    Markdown,
    Json,
    Html,
}

/// All conversations: a table for people, tab-separated values for a pipe.
///
/// # Errors
/// They can't be read, or stdout can't be written.
pub fn list(archived: bool, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let all = existing(context)?.map_or_else(|| Ok(Vec::new()), |store| store.list(archived))?;
    if context.format == Format::Json {
        return print_json(&json!({ "sessions": all.iter().map(describe).collect::<Vec<_>>() }));
    }
    if all.is_empty() {
        let where_ = if archived { "the archive is empty" } else { "no conversation is kept yet" };
        context.console.note(where_);
        return Ok(());
    }
    if context.console.out.terminal { print(&laid_out(&all, context.console.columns())) } else { print(&tabbed(&all)) }
}

/// What was said in one.
///
/// # Errors
/// There is no such conversation.
pub fn show(id: &str, context: &Context<'_>) -> Outcome {
    let (opened, _) = open(id, context)?;
    match context.format {
        Format::Json => print_json(&export::document(&opened)),
        _ => print(&page::page(&opened, &here(), context.console)),
    }
}

/// Finds words in all that was said.
///
/// # Errors
/// The conversations can't be read.
pub fn search(words: &str, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let hits = existing(context)?.map_or_else(|| Ok(Vec::new()), |store| store.search(words))?;
    if context.format == Format::Json {
        return print_json(&json!({ "hits": hits.iter().map(describe_hit).collect::<Vec<_>>() }));
    }
    if hits.is_empty() {
        context.console.note("nothing has these words");
    }
    let mut out = String::new();
    for hit in &hits {
        let words: String = hit
            .snippet
            .iter()
            .map(|(text, is_it)| {
                let text = one_line(text);
                if *is_it { context.console.paint(&text, "1") } else { text }
            })
            .collect();
        let title = one_line(&hit.title);
        let _ = if context.console.out.terminal {
            writeln!(out, "{}  {title} ({})\n    {words}", hit.conversation.short(), ago(hit.age))
        } else {
            writeln!(out, "{}\t{title}\t{words}", hit.conversation)
        };
    }
    print(&out)
}

/// Prints one, or writes it to a file.
///
/// # Errors
/// There is no such conversation, or the file is there already or can't be written.
pub fn export(id: &str, format: Option<Export>, output: Option<&Path>, context: &Context<'_>) -> Outcome {
    let (opened, _) = open(id, context)?;
    let by_name = output.and_then(Path::extension).and_then(|ending| match ending.to_str()? {
        "json" => Some(Export::Json),
        "html" | "htm" => Some(Export::Html),
        _ => None,
    });
    let by_flag = (context.format == Format::Json).then_some(Export::Json);
    let text = match format.or(by_flag).or(by_name).unwrap_or(Export::Markdown) {
        Export::Markdown => export::markdown(&opened, &here()),
        Export::Json => format!("{:#}\n", export::document(&opened)),
        Export::Html => export::html(&opened, &here()),
    };
    match output {
        None => print(&text),
        Some(file) => {
            let failed = |error: io::Error| {
                let (why, hint) = match error.kind() {
                    io::ErrorKind::AlreadyExists if file.is_dir() => ("it is a folder".to_owned(), "name a file in it"),
                    io::ErrorKind::AlreadyExists => {
                        ("there is a file of that name".to_owned(), "choose another name, or remove that file")
                    }
                    io::ErrorKind::NotFound => ("its folder is not there".to_owned(), "make the folder first"),
                    _ => (reason(&error), "choose a place that you may write to, with room on its disk"),
                };
                let what = format!("`{}` could not be written: {why}", file.display());
                UserError::new(ErrorKind::of_output(&error), what).hint(hint)
            };
            let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
            made.and_then(|mut made| made.write_all(text.as_bytes())).map_err(failed)?;
            Ok(())
        }
    }
}

/// Takes conversations in.
///
/// # Errors
/// The file can't be read or understood, or the conversations can't be kept.
pub fn import(file: &Path, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let unreadable = |why: String| {
        UserError::new(ErrorKind::Usage, format!("`{}` could not be read: {why}", file.display())).hint(
            "it takes what `hobnob sessions export --format json` writes, and conversations.json of a ChatGPT export",
        )
    };
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(reason(&error)))?;
    let imported = import::read(&text).map_err(unreadable)?;
    let mut store = begun(context)?;
    let mut ids = new_ids();
    let mut kept = Vec::new();
    for mut one in imported.conversations {
        // What is here already is not overwritten: it comes as another one.
        let id = match one.id {
            Some(id) if store.is_free(id)? => id,
            _ => ids.make(),
        };
        let mut changes = one.changes();
        changes.extend(one.title.take().map(|title| Change::Title(Some(title))));
        store.keep(id, &changes)?;
        store.date(id, one.created, one.updated)?;
        kept.push(id);
    }
    if context.format == Format::Json {
        let ids: Vec<String> = kept.iter().map(ToString::to_string).collect();
        return print_json(&json!({ "imported": ids, "skipped": imported.skipped }));
    }
    if imported.skipped > 0 {
        let what = many(imported.skipped, "conversation");
        context.console.warning(&format!("{what} had nothing in it that could be read"), None);
    }
    context.console.note(&format!("{} taken in", many(kept.len(), "conversation")));
    print(&kept.iter().fold(String::new(), |out, id| out + &id.to_string() + "\n"))
}

/// Removes conversations for good.
///
/// # Errors
/// There is no such conversation, or nobody said yes.
pub fn remove(ids: &[String], yes: bool, context: &Context<'_>) -> Outcome {
    refuse_problems(context)?;
    let first = ids.first().map(String::as_str).unwrap_or_default();
    let mut store = existing(context)?.ok_or_else(|| none(first))?;
    // Nothing is removed by the beginning of a title, which another one may have tomorrow.
    let found = ids.iter().map(|id| store.find_id(id)).collect::<Result<Vec<_>, _>>()?;
    if !yes {
        if !io::stdin().is_terminal() || !context.console.err.terminal {
            return Err(UserError::new(ErrorKind::Usage, "nobody is here to be asked")
                .hint("--yes removes them without asking")
                .into());
        }
        for id in &found {
            let opened = store.look(*id)?;
            let messages = many(opened.conversation.said(), "message");
            context.console.line(&format!("{}  {} ({messages})", id.short(), one_line(&opened.title)));
        }
        say(&format!("Remove {} for good? [y/N] ", many(found.len(), "conversation")));
        let mut answer = String::new();
        let _ = io::stdin().read_line(&mut answer);
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            context.console.note("nothing is removed");
            return Err(Quit::Code(ErrorKind::Cancelled.exit_code()));
        }
    }
    for id in &found {
        store.remove(*id)?;
    }
    if context.format == Format::Json {
        let ids: Vec<String> = found.iter().map(ToString::to_string).collect();
        return print_json(&json!({ "removed": ids }));
    }
    Ok(())
}

fn open(id: &str, context: &Context<'_>) -> Result<(Opened, Store), Quit> {
    refuse_problems(context)?;
    let mut store = existing(context)?.ok_or_else(|| none(id))?;
    let opened = load(&mut store, id)?;
    Ok((opened, store))
}

/// Reading is not using: the one that was used last stays that.
fn load(store: &mut Store, id: &str) -> Result<Opened, UserError> {
    let id = store.find(id)?;
    store.look(id)
}

/// The time zone that dates are told in.
fn here() -> Zone {
    machine::zone(seconds_since_1970())
}

fn one_line(text: &str) -> String {
    sanitize(text).replace(['\t', '\n'], " ")
}

fn describe(summary: &Summary) -> Value {
    json!({
        "id": summary.id.to_string(),
        "title": summary.title,
        "model": summary.model,
        "messages": summary.messages,
        "preview": summary.preview,
        "updated": seconds_since_1970().saturating_sub(summary.age.as_secs()),
        "pinned": summary.pinned,
        "archived": summary.archived,
        "draft": summary.draft,
    })
}

fn describe_hit(hit: &Hit) -> Value {
    json!({
        "id": hit.conversation.to_string(),
        "title": hit.title,
        "role": hit.message.map(|(_, role)| role),
        "text": hit.snippet.iter().map(|(text, _)| text.as_str()).collect::<String>(),
        "found": hit.snippet.iter().filter(|(_, is_it)| *is_it).map(|(text, _)| text).collect::<Vec<_>>(),
        "archived": hit.archived,
    })
}

fn tabbed(all: &[Summary]) -> String {
    let mut out = String::new();
    for summary in all {
        let updated = seconds_since_1970().saturating_sub(summary.age.as_secs()).to_string();
        let model = summary.model.clone().unwrap_or_default();
        let cells = [&summary.id.to_string(), &updated, &summary.messages.to_string(), &model, &summary.title];
        let _ = writeln!(out, "{}", cells.map(|cell| one_line(cell)).join("\t"));
    }
    out
}

fn laid_out(all: &[Summary], width: usize) -> String {
    let columns = [
        Column::left("ID", 0),
        Column::name("TITLE"),
        Column::right("MESSAGES", 2),
        Column::left("MODEL", 3),
        Column::left("LAST", 1),
    ];
    let row = |summary: &Summary| {
        let mark = if summary.pinned { "* " } else { "" };
        let title = match summary.title.as_str() {
            "" => format!("{mark}(draft) {}", summary.preview),
            title => format!("{mark}{title}"),
        };
        let model = summary.model.clone().unwrap_or_default();
        vec![summary.id.short(), title, summary.messages.to_string(), model, ago(summary.age)]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    table(&columns, &rows, width, &|_, _, cell| cell.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::store::ConvIds;
    use crate::text::wrap;

    #[test]
    fn the_list_is_as_wide_as_its_terminal() {
        let of = |title: &str| Summary {
            id: ConvIds::seeded(1).make(),
            title: title.into(),
            model: Some("bartowski/Qwen2.5-7B-Instruct-GGUF:Q4_K_M".into()),
            messages: 4,
            preview: "what was\nwritten".into(),
            age: Duration::from_secs(7200),
            pinned: title.is_empty(),
            archived: false,
            draft: false,
        };
        let all = ["Why?", "", &"👨‍👩‍👧 and 漢字 ".repeat(20)].map(of);
        for width in [40, 60, 80, 140, 200] {
            let text = laid_out(&all, width);
            assert!(text.lines().all(|line| wrap::width(line) <= width), "{width}:\n{text}");
            assert!(text.contains("* (draft) wha") && text.contains("…"), "{width}:\n{text}");
            assert_eq!(text.contains("MODEL"), width >= 140, "{width}:\n{text}");
        }
        assert!(laid_out(&all[..1], 200).contains("Qwen2.5-7B-Instruct-GGUF:Q4_K_M  2 hours ago"));
    }
}
