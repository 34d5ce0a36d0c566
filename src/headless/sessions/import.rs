//! Conversations from elsewhere: our own JSON, and what `ChatGPT` exports.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::export::VERSION;
use crate::domain::conversation::{Conversation, Form, MessageState, Outcome, Start};
use crate::domain::store::keeper::Keeper;
use crate::domain::store::{Change, ConvId, Setup};
use crate::domain::{MsgId, Role};
use crate::error::UserError;

pub(super) struct Imported {
    pub conversations: Vec<One>,
    /// Nothing in them could be read.
    pub skipped: usize,
}

/// A conversation that is to be kept.
pub(super) struct One {
    /// Of ours.
    pub id: Option<ConvId>,
    pub title: Option<String>,
    /// Seconds since 1970.
    pub created: Option<u64>,
    pub updated: Option<u64>,
    conversation: Conversation,
    also: Vec<Change>,
}

impl One {
    /// All that there is to keep of it.
    pub(super) fn changes(&mut self) -> Vec<Change> {
        let mut changes = Keeper::default().changes(&mut self.conversation, Setup::default);
        changes.append(&mut self.also);
        changes
    }
}

/// Reads a file's text; the error says why it can't be understood.
pub(super) fn read(text: &str) -> Result<Imported, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let documents = match value {
        Value::Array(documents) => documents,
        document => vec![document],
    };
    let all = documents.len();
    let mut conversations = Vec::new();
    for document in documents {
        let one = if document.get("hobnob").is_some() {
            Some(ours(document)?)
        } else if document.get("mapping").is_some() {
            chatgpt(document)
        } else {
            None
        };
        conversations.extend(one);
    }
    if conversations.is_empty() {
        return Err("no conversation is in it".into());
    }
    let skipped = all - conversations.len();
    Ok(Imported { conversations, skipped })
}

#[derive(Deserialize)]
struct Ours {
    hobnob: u32,
    id: Option<ConvId>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    own_title: bool,
    created: Option<u64>,
    updated: Option<u64>,
    #[serde(default)]
    pinned: bool,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    setup: Setup,
    #[serde(default)]
    draft: String,
    head: Option<MsgId>,
    start: Option<Start>,
    messages: Vec<OurMessage>,
}

#[derive(Deserialize)]
struct OurMessage {
    id: MsgId,
    parent: Option<MsgId>,
    role: Role,
    model: Option<String>,
    at: Option<u64>,
    content: String,
    #[serde(default)]
    reasoning: String,
    thought: Option<Duration>,
    form: Option<Form>,
    error: Option<UserError>,
    outcome: Option<Outcome>,
    #[serde(default)]
    deleted: bool,
}

fn ours(document: Value) -> Result<One, String> {
    let ours: Ours = serde_json::from_value(document).map_err(|error| error.to_string())?;
    if ours.hobnob > VERSION {
        return Err("it was written by a newer hobnob".into());
    }
    let mut tree = Tree::default();
    for message in ours.messages {
        let parent = message.parent.and_then(|parent| tree.ids.get(&parent.0.to_string()).copied());
        let id = tree.add(message.id.0.to_string(), parent, message.role, message.content);
        tree.conversation.edit(id, |m| {
            m.model = message.model;
            m.at = message.at;
            m.reasoning = message.reasoning;
            m.thought = message.thought;
            m.form = message.form;
            m.outcome = message.outcome;
            m.state = message.error.map_or(MessageState::Whole, MessageState::Failed);
            m.deleted = message.deleted;
        });
    }
    let of = |id: MsgId| tree.ids.get(&id.0.to_string()).copied();
    let start = ours.start.and_then(|start| Some(Start { from: of(start.from)?, ..start }));
    if let Some(head) = ours.head.and_then(of) {
        tree.conversation.go_to(head);
    }
    let head = tree.conversation.place_kept().0;
    let also = vec![
        Change::Place { head, start },
        Change::Setup(Box::new(ours.setup)),
        Change::Draft(ours.draft.into()),
        Change::Pinned(ours.pinned),
        Change::Archived(ours.archived),
    ];
    Ok(One {
        id: ours.id,
        title: Some(ours.title).filter(|_| ours.own_title),
        created: ours.created,
        updated: ours.updated,
        conversation: tree.conversation,
        also,
    })
}

/// A tree that grows by names of elsewhere.
#[derive(Default)]
struct Tree {
    conversation: Conversation,
    ids: HashMap<String, MsgId>,
}

impl Tree {
    fn add(&mut self, name: String, parent: Option<MsgId>, role: Role, content: String) -> MsgId {
        match parent {
            Some(parent) => self.conversation.go_to(parent),
            None => self.conversation.go_to_root(),
        }
        let id = self.conversation.push(role, content, MessageState::Whole);
        self.ids.insert(name, id);
        id
    }
}

#[derive(Deserialize)]
struct ChatGpt {
    title: Option<String>,
    create_time: Option<f64>,
    update_time: Option<f64>,
    mapping: HashMap<String, Node>,
    current_node: Option<String>,
}

#[derive(Deserialize)]
struct Node {
    message: Option<Value>,
    parent: Option<String>,
    #[serde(default)]
    children: Vec<String>,
}

/// `None` where nothing was said in it.
fn chatgpt(document: Value) -> Option<One> {
    let theirs: ChatGpt = serde_json::from_value(document).ok()?;
    let mut tree = Tree::default();
    let is_root = |node: &Node| node.parent.as_ref().is_none_or(|parent| !theirs.mapping.contains_key(parent));
    let mut roots: Vec<&String> =
        theirs.mapping.iter().filter(|(_, node)| is_root(node)).map(|(name, _)| name).collect();
    roots.sort();
    // Depth first, children in their order; the names of what is left out stand for what was before it.
    let mut todo: Vec<(&String, Option<MsgId>)> = roots.into_iter().rev().map(|name| (name, None)).collect();
    let mut seen = HashSet::new();
    while let Some((name, parent)) = todo.pop() {
        let Some(node) = theirs.mapping.get(name).filter(|_| seen.insert(name)) else { continue };
        let id = match node.message.as_ref().and_then(said) {
            Some(said) => {
                let id = tree.add(name.clone(), parent, said.role, said.content);
                tree.conversation.edit(id, |m| (m.model, m.at) = (said.model, said.at));
                Some(id)
            }
            None => parent,
        };
        if let Some(id) = id {
            tree.ids.insert(name.clone(), id);
        }
        todo.extend(node.children.iter().rev().map(|child| (child, id)));
    }
    if tree.conversation.messages().is_empty() {
        return None;
    }
    if let Some(head) = theirs.current_node.and_then(|name| tree.ids.get(&name).copied()) {
        tree.conversation.go_to(head);
    }
    Some(One {
        id: None,
        title: theirs.title.filter(|title| !title.trim().is_empty()),
        created: theirs.create_time.and_then(seconds),
        updated: theirs.update_time.or(theirs.create_time).and_then(seconds),
        conversation: tree.conversation,
        also: Vec::new(),
    })
}

struct Said {
    role: Role,
    content: String,
    model: Option<String>,
    at: Option<u64>,
}

/// What a person or the model said; nothing of tools and of what is hidden.
fn said(message: &Value) -> Option<Said> {
    let role = match message.pointer("/author/role")?.as_str()? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => return None,
    };
    if message.pointer("/metadata/is_visually_hidden_from_conversation").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let content = message.get("content")?;
    let content = match content.get("parts").and_then(Value::as_array) {
        Some(parts) => parts.iter().map(part).collect::<Vec<_>>().join("\n\n"),
        None => content.get("text")?.as_str()?.to_owned(),
    };
    let model = message.pointer("/metadata/model_slug").and_then(Value::as_str);
    (!content.trim().is_empty()).then(|| Said {
        role,
        content,
        model: model.filter(|_| role == Role::Assistant).map(str::to_owned),
        at: message.get("create_time").and_then(Value::as_f64).and_then(seconds),
    })
}

fn part(part: &Value) -> String {
    match part.as_str().or_else(|| part.get("text")?.as_str()) {
        Some(text) => text.to_owned(),
        // Said rather than left out: what was answered was about it.
        None => "[something that is not text]".to_owned(),
    }
}

fn seconds(time: f64) -> Option<u64> {
    Duration::try_from_secs_f64(time).ok().map(|time| time.as_secs())
}
