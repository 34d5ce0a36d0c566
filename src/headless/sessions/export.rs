//! A conversation for elsewhere: Markdown, JSON, and HTML that needs nothing else.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::domain::conversation::{Message, MessageState};
use crate::domain::store::Opened;
use crate::domain::units::moment_with_zone;
use crate::domain::zone::Zone;
use crate::domain::{FinishReason, Role};
use crate::error::ErrorKind;
use crate::text::sanitize;

/// Goes up when an older hobnob would misread it.
pub(super) const VERSION: u32 = 1;

/// How a message ended, in one word.
fn state(message: &Message) -> &'static str {
    match (&message.state, message.outcome.map(|outcome| outcome.reason)) {
        (MessageState::Failed(error), _) if error.kind != ErrorKind::Cancelled => "failed",
        (MessageState::Whole, Some(FinishReason::Cancelled)) => "cancelled",
        (MessageState::Failed(_) | MessageState::Streaming, _)
        | (MessageState::Whole, Some(FinishReason::Length | FinishReason::Context | FinishReason::Timeout)) => "cut",
        (MessageState::Whole, _) => "finished",
    }
}

/// All of it: every branch, what it was held with, and how each answer went.
pub(super) fn document(opened: &Opened) -> Value {
    let (head, start) = opened.conversation.place_kept();
    json!({
        "hobnob": VERSION,
        "id": opened.id.to_string(),
        "title": opened.title,
        "own_title": opened.own_title,
        "created": opened.created,
        "updated": opened.updated,
        "pinned": opened.pinned,
        "archived": opened.archived,
        "model": opened.setup.model,
        "system": opened.setup.system,
        "setup": opened.setup,
        "draft": opened.draft.text,
        "head": head,
        "start": start,
        "messages": opened.conversation.messages().iter().map(message).collect::<Vec<_>>(),
    })
}

fn message(message: &Message) -> Value {
    let error = match &message.state {
        MessageState::Failed(error) => Some(json!({
            "kind": error.kind, "message": error.message, "hint": error.hint,
        })),
        _ => None,
    };
    if message.deleted {
        // What follows it has its place by it.
        return json!({ "id": message.id, "parent": message.parent, "role": message.role, "content": "", "deleted": true });
    }
    json!({
        "id": message.id,
        "parent": message.parent,
        "role": message.role,
        "model": message.model,
        "at": message.at,
        "content": message.content,
        "reasoning": message.reasoning,
        "thought": message.thought,
        "form": message.form,
        "state": state(message),
        "error": error,
        "outcome": message.outcome,
    })
}

fn title(opened: &Opened) -> String {
    let title = sanitize(&opened.title).replace('\n', " ");
    if title.is_empty() { "A conversation".into() } else { title }
}

/// When it was begun.
fn begun(opened: &Opened, zone: &Zone) -> String {
    moment_with_zone(opened.created, zone.offset_at(opened.created))
}

fn speaker(message: &Message) -> String {
    match message.role {
        Role::User => "You".into(),
        Role::System => "System".into(),
        Role::Assistant => message.model.as_deref().map_or("Model".into(), |model| sanitize(model).into_owned()),
    }
}

/// How an answer ended, where that is worth a word.
fn note(message: &Message) -> Option<String> {
    match (&message.state, state(message)) {
        (MessageState::Failed(error), _) => Some(sanitize(&error.message).into_owned()),
        (_, "finished") => None,
        (_, how) => Some(format!("The answer was {how}")),
    }
}

/// The branch that is shown.
pub(super) fn markdown(opened: &Opened, zone: &Zone) -> String {
    let mut out = format!("# {}\n\n{}\n", title(opened), begun(opened, zone));
    if !opened.setup.system.trim().is_empty() {
        let _ = write!(out, "\n{}\n", quoted(&opened.setup.system));
    }
    for message in opened.conversation.branch() {
        let _ = write!(out, "\n## {}\n", speaker(message));
        if !message.reasoning.trim().is_empty() {
            let _ = write!(out, "\n{}\n", quoted(&message.reasoning));
        }
        if !message.content.trim().is_empty() {
            let _ = write!(out, "\n{}\n", sanitize(message.content.trim()));
        }
        if let Some(note) = note(message) {
            let _ = write!(out, "\n*{note}*\n");
        }
    }
    out
}

fn quoted(text: &str) -> String {
    sanitize(text.trim()).lines().map(|line| format!("> {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222;\
background:#fff}article{margin:1.5rem 0;padding:.75rem 1rem;border-radius:.5rem;background:#f6f6f4}\
article.user{background:#eaf1f8}h2{font-size:.85rem;margin:0 0 .5rem;color:#666}\
.text{white-space:pre-wrap;overflow-wrap:anywhere}pre{overflow-x:auto;padding:.75rem;background:#2b2b2b;color:#eee;\
border-radius:.35rem}details,.note{color:#666}@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}\
article{background:#262626}article.user{background:#22303d}}";

/// The branch that is shown, as a page that needs nothing else and does nothing.
pub(super) fn html(opened: &Opened, zone: &Zone) -> String {
    let title = escaped(&title(opened));
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n<h1>{title}</h1>\n<p class=\"note\">{}</p>\n",
        begun(opened, zone)
    );
    if !opened.setup.system.trim().is_empty() {
        let _ = writeln!(out, "<p class=\"note text\">{}</p>", escaped(&sanitize(opened.setup.system.trim())));
    }
    for message in opened.conversation.branch() {
        let class = if message.role == Role::User { "user" } else { "model" };
        let _ = writeln!(out, "<article class=\"{class}\">\n<h2>{}</h2>", escaped(&speaker(message)));
        if !message.reasoning.trim().is_empty() {
            let text = escaped(&sanitize(message.reasoning.trim()));
            let _ = writeln!(out, "<details><summary>Reasoning</summary><div class=\"text\">{text}</div></details>");
        }
        body(&mut out, &sanitize(message.content.trim()));
        if let Some(note) = note(message) {
            let _ = writeln!(out, "<p class=\"note\">{}</p>", escaped(&note));
        }
        out.push_str("</article>\n");
    }
    out.push_str("</body>\n</html>\n");
    out
}

/// Text as it was written, with its fenced code apart.
fn body(out: &mut String, text: &str) {
    let mut plain = String::new();
    let mut code: Option<(String, String)> = None;
    let flush = |out: &mut String, plain: &mut String| {
        if !plain.trim().is_empty() {
            let _ = writeln!(out, "<div class=\"text\">{}</div>", escaped(plain.trim_matches('\n')));
        }
        plain.clear();
    };
    for line in text.lines() {
        let bare = line.trim_start();
        let fence: String = bare.chars().take_while(|c| *c == '`').collect();
        match &mut code {
            None if fence.len() >= 3 && !bare[fence.len()..].contains('`') => {
                flush(out, &mut plain);
                code = Some((fence, String::new()));
            }
            Some((open, block)) if fence.len() >= open.len() && bare.trim_end() == fence => {
                let _ = writeln!(out, "<pre><code>{}</code></pre>", escaped(block));
                code = None;
            }
            Some((_, block)) => {
                block.push_str(line);
                block.push('\n');
            }
            None => {
                plain.push_str(line);
                plain.push('\n');
            }
        }
    }
    flush(out, &mut plain);
    if let Some((_, block)) = code {
        let _ = writeln!(out, "<pre><code>{}</code></pre>", escaped(&block));
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_said_is_markup() {
        let mut out = String::new();
        body(&mut out, "<script>alert(1)</script>\n```html\n<b>&\n```\nend `a`\n```\nopen");
        assert_eq!(
            out,
            "<div class=\"text\">&lt;script&gt;alert(1)&lt;/script&gt;</div>\n<pre><code>&lt;b&gt;&amp;\n</code></pre>\n\
             <div class=\"text\">end `a`</div>\n<pre><code>open\n</code></pre>\n"
        );
    }
}
