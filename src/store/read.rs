//! What comes back: a conversation as it was, and lists of them.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};
use serde::de::DeserializeOwned;

use super::keep::{read_pieces, rows_of};
use super::{IS_EMPTY, Sheet, Store, now};
use crate::config::nearest;
use crate::domain::conversation::{Conversation, Message, MessageState, Outcome, Start};
use crate::domain::stats::{GenStats, Usage};
use crate::domain::store::{Called, ConvId, Draft, Opened, Row, Said, Summary, Which, called};
use crate::domain::{FinishReason, MsgId, Role};
use crate::error::{ErrorKind, UserError};

/// As many as anybody looks through; what is older is found by its words.
const LISTED: u32 = 2000;
/// Messages of a preview, and characters of each.
const PREVIEWED: u32 = 6;
const PREVIEW_TEXT: u32 = 800;
/// Conversations that an error names.
const NAMED: usize = 5;

impl Store {
    /// The conversation that is meant, with all that belongs to it. `None` where there is none that was used last.
    ///
    /// # Errors
    /// It is not there, or the file can't be read.
    pub fn load(&mut self, which: Which, at: Option<Row>) -> Result<Option<Opened>, UserError> {
        let id = match which {
            Which::Id(id) => Some(id),
            Which::Last => self.last()?,
        };
        let Some(id) = id else { return Ok(None) };
        // Somebody may have died since this began.
        self.mark_cut().map_err(|error| self.unread(&error))?;
        match read(&self.db, id, at, self.writer.own_name()).map_err(|error| self.unread(&error))? {
            Some((sheet, opened)) => {
                if !self.only_to_read {
                    let used =
                        self.db.execute("UPDATE conversations SET used = ? WHERE id = ?", params![now(), sheet.row]);
                    // Reading is what was asked for.
                    if let Err(error) = used {
                        tracing::warn!("the use of a conversation was not noted: {error}");
                    }
                }
                self.sheets.insert(id, sheet);
                Ok(Some(opened))
            }
            None => Err(gone(&id.short(), None)),
        }
    }

    /// A conversation to look at: it is not used by that.
    ///
    /// # Errors
    /// It is not there, or the file can't be read.
    pub fn look(&mut self, id: ConvId) -> Result<Opened, UserError> {
        let read = self
            .mark_cut()
            .and_then(|()| read(&self.db, id, None, self.writer.own_name()))
            .map_err(|error| self.unread(&error))?;
        read.map(|(_, opened)| opened).ok_or_else(|| gone(&id.short(), None))
    }

    /// How a conversation ends on the branch that is shown, or what leads to a message of it: a few messages, as far as a
    /// list shows them. It is not used by that.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn preview(&self, id: ConvId, at: Option<Row>) -> Result<Vec<Said>, UserError> {
        preview(&self.db, id, at).map_err(|error| self.unread(&error))
    }

    /// The conversation that was used last.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn last(&self) -> Result<Option<ConvId>, UserError> {
        let sql = format!(
            "SELECT name FROM conversations WHERE deleted IS NULL AND NOT ({IS_EMPTY}) ORDER BY used DESC, id DESC LIMIT 1"
        );
        let name: Option<String> =
            self.db.query_row(&sql, [], |row| row.get(0)).optional().map_err(|error| self.unread(&error))?;
        Ok(name.and_then(|name| name.parse().ok()))
    }

    /// The conversation that somebody means: by the beginning of its id, as `last`, or by its title or the beginning of that.
    ///
    /// # Errors
    /// There is none, or more than one; the error has those, or the nearest.
    pub fn find(&self, name: &str) -> Result<ConvId, UserError> {
        let known = self.known().map_err(|error| self.unread(&error))?;
        let by_title = || called(name, known.iter().map(|(id, title)| (*id, title.as_str())));
        match by_id(name, &known) {
            Called::Nobody if name.trim().eq_ignore_ascii_case("last") => self.last()?.ok_or_else(|| gone(name, None)),
            Called::Nobody => one(by_title(), name, &known),
            by_id => one(by_id, name, &known),
        }
    }

    /// The conversation whose id begins like this.
    ///
    /// # Errors
    /// There is none, or more than one; the error has those, or the nearest.
    pub fn find_id(&self, beginning: &str) -> Result<ConvId, UserError> {
        let known = self.known().map_err(|error| self.unread(&error))?;
        one(by_id(beginning, &known), beginning, &known)
    }

    /// No conversation has this id, not even one that was deleted and can come back.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn is_free(&self, id: ConvId) -> Result<bool, UserError> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM conversations WHERE name = ?)";
        self.db.query_row(sql, [id.to_string()], |row| row.get(0)).map_err(|error| self.unread(&error))
    }

    /// Ids and titles of all conversations, the newest first.
    fn known(&self) -> rusqlite::Result<Vec<(ConvId, String)>> {
        let mut known =
            self.db.prepare("SELECT name, title FROM conversations WHERE deleted IS NULL ORDER BY used DESC")?;
        known.query_map([], |row| Ok((id(row, 0)?, row.get(1)?)))?.collect()
    }

    /// Pinned ones first, then the newest. Those in the archive, or those that are not.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn list(&self, archived: bool) -> Result<Vec<Summary>, UserError> {
        list(&self.db, archived).map_err(|error| self.unread(&error))
    }
}

fn by_id(beginning: &str, known: &[(ConvId, String)]) -> Called {
    let beginning = beginning.trim().to_ascii_lowercase();
    let fits = |(id, _): &&(ConvId, String)| !beginning.is_empty() && id.to_string().starts_with(&beginning);
    let mut fit: Vec<ConvId> = known.iter().filter(fits).map(|(id, _)| *id).collect();
    match fit.len() {
        0 => Called::Nobody,
        1 => Called::One(fit.remove(0)),
        _ => Called::Several(fit),
    }
}

fn one(meant: Called, name: &str, known: &[(ConvId, String)]) -> Result<ConvId, UserError> {
    match meant {
        Called::One(id) => Ok(id),
        Called::Several(fit) => Err(several(name, &fit, known)),
        Called::Nobody => {
            let short = |(id, _): &(ConvId, String)| id.to_string().chars().take(name.len().max(4)).collect::<String>();
            let ids: Vec<String> = known.iter().map(short).collect();
            let titles = known.iter().map(|(_, title)| title.as_str()).filter(|title| !title.is_empty());
            Err(gone(name, nearest(name, ids.iter().map(String::as_str).chain(titles))))
        }
    }
}

fn several(name: &str, fit: &[ConvId], known: &[(ConvId, String)]) -> UserError {
    let told = known.iter().filter(|(id, _)| fit.contains(id)).take(NAMED).map(|(id, title)| match title.as_str() {
        "" => id.short(),
        title => format!("{} “{title}”", id.short()),
    });
    let told: Vec<String> = told.collect();
    let more = if fit.len() > NAMED { ", …" } else { "" };
    UserError::new(ErrorKind::Usage, format!("`{name}` can mean several conversations: {}{more}", told.join(", ")))
        .hint("give the id, or more of it")
}

fn gone(name: &str, nearest: Option<&str>) -> UserError {
    let error = UserError::new(ErrorKind::Usage, format!("there is no conversation `{name}`"));
    match nearest {
        Some(nearest) => error.hint(format!("did you mean `{nearest}`? `hobnob sessions` lists them")),
        None => error.hint("`hobnob sessions` lists them"),
    }
}

fn list(db: &Connection, archived: bool) -> rusqlite::Result<Vec<Summary>> {
    let now = now();
    let mut listed = db.prepare_cached(&format!(
        "SELECT name, title, setup ->> 'model', messages, preview, updated, pinned, archived, draft <> '', draft \
         FROM conversations WHERE deleted IS NULL AND archived = ? AND NOT ({IS_EMPTY}) \
         ORDER BY pinned DESC, updated DESC LIMIT ?",
    ))?;
    let summary = |row: &SqlRow<'_>| {
        let draft: bool = row.get(8)?;
        let messages: u32 = row.get(3)?;
        let preview =
            if messages == 0 { crate::domain::store::first_words(row.get_ref(9)?.as_str()?, 120) } else { row.get(4)? };
        Ok(Summary {
            id: id(row, 0)?,
            title: row.get(1)?,
            model: row.get(2)?,
            messages,
            preview,
            age: age(now, row.get(5)?),
            updated: seconds(row.get(5)?),
            pinned: row.get(6)?,
            archived: row.get(7)?,
            draft,
        })
    };
    listed.query_map(params![archived, LISTED], summary)?.collect()
}

fn preview(db: &Connection, id: ConvId, at: Option<Row>) -> rusqlite::Result<Vec<Said>> {
    let mut up = db.prepare_cached(
        "WITH RECURSIVE up (parent, role, text, deleted, place, shown) AS ( \
             SELECT parent, role, substr(content, 1, ?4), deleted IS NOT NULL, 1, deleted IS NULL FROM messages \
             WHERE id = coalesce(?2, (SELECT coalesce(head, (SELECT max(id) FROM messages WHERE conversation = c.id)) \
                                      FROM conversations c WHERE name = ?1)) \
             UNION ALL \
             SELECT m.parent, m.role, substr(m.content, 1, ?4), m.deleted IS NOT NULL, place + 1, \
                    shown + (m.deleted IS NULL) \
             FROM messages m JOIN up ON m.id = up.parent WHERE shown < ?3) \
         SELECT role, text FROM up WHERE NOT deleted ORDER BY place DESC",
    )?;
    let said = |row: &SqlRow<'_>| Ok(Said { role: role(row.get_ref(0)?.as_str()?), text: row.get(1)? });
    let at = at.map(|Row(row)| row);
    up.query_map(params![id.to_string(), at, PREVIEWED, PREVIEW_TEXT], said)?.collect()
}

fn role(name: &str) -> Role {
    match name {
        "system" => Role::System,
        "assistant" => Role::Assistant,
        _ => Role::User,
    }
}

pub(super) fn id(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<ConvId> {
    let name: String = row.get(column)?;
    name.parse().map_err(|why: &'static str| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, why.into())
    })
}

pub(super) fn age(now: i64, at: i64) -> Duration {
    // A clock that was set back is no reason for a negative age.
    Duration::from_millis(u64::try_from(now.saturating_sub(at)).unwrap_or(0))
}

/// `own` is what this process is called as one that writes.
fn read(db: &Connection, name: ConvId, at: Option<Row>, own: &str) -> rusqlite::Result<Option<(Sheet, Opened)>> {
    // One look at everything: another process may write meanwhile.
    let tx = db.unchecked_transaction()?;
    let sql = "SELECT id, title, own_title, setup, draft, pinned, archived, created, updated, head, start, \
               not_summarised, folds FROM conversations WHERE name = ? AND deleted IS NULL";
    let found = tx
        .query_row(sql, [name.to_string()], |row| {
            let opened = Opened {
                id: name,
                conversation: Conversation::default(),
                title: row.get(1)?,
                own_title: row.get(2)?,
                setup: json(row, 3)?.unwrap_or_default(),
                draft: Draft { text: row.get(4)?, folds: json(row, 12)? },
                pinned: row.get(5)?,
                archived: row.get(6)?,
                created: seconds(row.get(7)?),
                updated: seconds(row.get(8)?),
                at: None,
            };
            let place: (Option<i64>, Option<i64>, Option<u32>) = (row.get(9)?, row.get(10)?, row.get(11)?);
            Ok((row.get::<_, i64>(0)?, opened, place))
        })
        .optional()?;
    let Some((row, mut opened, (head, start, not_summarised))) = found else { return Ok(None) };
    let sheet = Sheet { row, messages: rows_of(&tx, row)? };
    let messages = messages(&tx, &sheet, own)?;
    // Without a head that is known, the branch that was written last.
    let last = messages.iter().rev().find(|message| !message.deleted).map(|message| message.id);
    let head = head.and_then(|row| sheet.id_of(row)).or(last);
    let start = start
        .and_then(|row| sheet.id_of(row))
        .map(|from| Start { from, not_summarised: not_summarised.and_then(|n| usize::try_from(n).ok()) });
    opened.conversation = Conversation::restore(messages, head, start);
    opened.at = at.and_then(|Row(row)| sheet.id_of(row));
    if let Some(at) = opened.at {
        opened.conversation.go_through(at);
    }
    Ok(Some((sheet, opened)))
}

fn messages(db: &Connection, sheet: &Sheet, own: &str) -> rusqlite::Result<Vec<Message>> {
    let mut all = db.prepare_cached(
        "SELECT id, parent, role, model, at, content, reasoning, thought, form, state, error, outcome, \
         deleted IS NOT NULL, writer IS ? \
         FROM messages WHERE conversation = ? ORDER BY id",
    )?;
    let mut rows = all.query(params![own, sheet.row])?;
    let mut messages = Vec::with_capacity(sheet.messages.len());
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let mut outcome = json(row, 11)?;
        let (mut content, mut reasoning): (String, String) = (row.get(5)?, row.get(6)?);
        let state = match row.get_ref(9)?.as_str()? {
            "growing" => {
                read_pieces(db, id, &mut content, &mut reasoning)?;
                // Who reads one of our own has left it.
                if row.get(13)? {
                    outcome = Some(left());
                    MessageState::Whole
                } else {
                    MessageState::Failed(elsewhere())
                }
            }
            "failed" => MessageState::Failed(json(row, 10)?.unwrap_or_else(unknown)),
            _ => MessageState::Whole,
        };
        messages.push(Message {
            id: MsgId(messages.len() as u64),
            parent: row.get::<_, Option<i64>>(1)?.and_then(|parent| sheet.id_of(parent)),
            role: role(row.get_ref(2)?.as_str()?),
            model: row.get(3)?,
            content,
            reasoning,
            thought: row.get::<_, Option<i64>>(7)?.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0))),
            form: json(row, 8)?,
            state,
            outcome,
            at: Some(seconds(row.get(4)?)),
            deleted: row.get(12)?,
            revision: 0,
        });
    }
    Ok(messages)
}

fn seconds(ms: i64) -> u64 {
    u64::try_from(ms / 1000).unwrap_or(0)
}

/// What can't be understood is left out rather than in the way.
fn json<T: DeserializeOwned>(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    Ok(text.and_then(|text| {
        let read = serde_json::from_str(&text);
        read.inspect_err(|error| tracing::warn!("a field of a conversation can't be understood: {error}")).ok()
    }))
}

fn left() -> Outcome {
    let (usage, stats) = (Usage::default(), GenStats::default());
    Outcome { reason: FinishReason::Cancelled, usage, stats, satisfied: None }
}

fn elsewhere() -> UserError {
    UserError::new(ErrorKind::Cancelled, "another hobnob is writing this answer")
        .hint("open the conversation again later")
}

fn unknown() -> UserError {
    UserError::new(ErrorKind::Unexpected, "this answer failed")
}
