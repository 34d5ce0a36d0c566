//! What is kept: changes of conversations, all of a step or nothing of it.

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, OptionalExtension, ToSql, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::{Sheet, Store, is_passing, now};
use crate::domain::conversation::{Message, MessageState, Outcome};
use crate::domain::stats::{GenStats, Usage};
use crate::domain::store::{Change, ConvId, Draft, first_words, says_nothing, title_of};
use crate::domain::{FinishReason, MsgId, Role};
use crate::error::{ErrorKind, UserError};

/// Characters of the newest message that a list shows.
const PREVIEW: usize = 120;

/// Why something was not kept.
#[derive(Debug)]
pub(super) struct NotKept {
    pub(super) error: UserError,
    /// The same may work later.
    pub(super) try_again: bool,
}

/// What came of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    All,
    /// Nothing: what came before them is not there, or not all of it.
    Lost,
}

impl Store {
    /// Keeps changes of a conversation, which may be new: all of them, or none.
    ///
    /// # Errors
    /// The file can't be written, or what came before them is not there any more.
    pub fn keep(&mut self, id: ConvId, changes: &[Change]) -> Result<(), UserError> {
        match self.try_keep(id, changes) {
            Ok(Kept::All) => Ok(()),
            Ok(Kept::Lost) => Err(lost(id)),
            Err(not_kept) => Err(not_kept.error),
        }
    }

    pub(super) fn try_keep(&mut self, id: ConvId, changes: &[Change]) -> Result<Kept, NotKept> {
        let grows = |change: &Change| matches!(change, Change::Message(m) if m.state == MessageState::Streaming);
        let writer = if changes.iter().any(grows) {
            let name = self.writer.name().map(str::to_owned);
            // Without a lock of its own the answer is kept all the same, and taken for a cut one by others.
            name.inspect_err(|error| tracing::warn!("no lock of our own: {error}")).unwrap_or_default()
        } else {
            String::new()
        };
        let mut sheet = self.sheets.remove(&id);
        let known = sheet.as_ref().map(|sheet| sheet.messages.len());
        let result = keep_all(&mut self.db, id, &mut sheet, changes, &writer);
        if result.is_err() {
            // Rows that were added are not there.
            sheet = sheet.zip(known).map(|(mut sheet, known)| {
                sheet.messages.truncate(known);
                sheet
            });
        }
        if let Some(sheet) = sheet {
            self.sheets.insert(id, sheet);
        }
        let kept = result.map_err(|error| NotKept { error: self.failed(&error), try_again: is_passing(&error) })?;
        for change in changes.iter().filter(|_| kept == Kept::All) {
            match change {
                Change::Deleted(true) => self.deleted.insert(id),
                Change::Deleted(false) => self.deleted.remove(&id),
                Change::Message(message) if message.deleted => self.has_deleted_messages.insert(id),
                _ => continue,
            };
        }
        Ok(kept)
    }

    /// Says when a conversation was held that comes from elsewhere, in seconds since 1970.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn date(&mut self, id: ConvId, created: Option<u64>, updated: Option<u64>) -> Result<(), UserError> {
        let ms = |at: Option<u64>| at.and_then(|at| i64::try_from(at).ok()).map(|at| at.saturating_mul(1000));
        let sql = "UPDATE conversations SET created = coalesce(?2, created), updated = coalesce(?3, updated), \
                   used = coalesce(?3, used) WHERE name = ?1";
        let dated = self.db.execute(sql, params![id.to_string(), ms(created), ms(updated)]);
        dated.map(drop).map_err(|error| self.failed(&error))
    }

    /// Marks answers as cut whose writers have died. What had come of them is kept.
    pub(super) fn mark_cut(&mut self) -> rusqlite::Result<()> {
        if self.only_to_read {
            return Ok(());
        }
        let writers: Vec<String> = {
            let mut growing = self.db.prepare("SELECT DISTINCT writer FROM messages WHERE writer IS NOT NULL")?;
            growing.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        for writer in writers.into_iter().filter(|writer| !self.writer.lives(writer)) {
            let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let growing: Vec<i64> = {
                let mut of = tx.prepare("SELECT id FROM messages WHERE writer = ?")?;
                of.query_map([&writer], |row| row.get(0))?.collect::<Result<_, _>>()?
            };
            for row in growing {
                cut(&tx, row)?;
            }
            tx.commit()?;
            self.writer.bury(&writer);
        }
        Ok(())
    }
}

/// `known` are the rows of the conversation if it is open here; other processes may have taken it away meanwhile.
fn keep_all(
    db: &mut Connection,
    id: ConvId,
    known: &mut Option<Sheet>,
    changes: &[Change],
    writer: &str,
) -> rusqlite::Result<Kept> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let at = now();
    let row: Option<i64> = tx
        .prepare_cached("SELECT id FROM conversations WHERE name = ?")?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?;
    let begins = changes.iter().any(begins);
    let mut not_open;
    let sheet = match (row, known.take()) {
        (Some(row), Some(sheet)) if sheet.row == row => known.insert(sheet),
        (Some(row), None) if !changes.iter().any(|change| matches!(change, Change::Message(_))) => {
            not_open = Sheet { row, messages: rows_of(&tx, row)? };
            &mut not_open
        }
        // Nothing of a conversation that nothing was said or written in.
        (None, _) if !begins => return Ok(Kept::All),
        (None, None) if goes_on_from(0, changes) => {
            tx.prepare_cached("INSERT INTO conversations (name, created, updated, used) VALUES (?1, ?2, ?2, ?2)")?
                .execute(params![id.to_string(), at])?;
            known.insert(Sheet { row: tx.last_insert_rowid(), messages: Vec::new() })
        }
        _ => return Ok(Kept::Lost),
    };
    if !goes_on_from(sheet.messages.len(), changes) {
        return Ok(Kept::Lost);
    }
    if begins {
        // What somebody goes on with is not deleted, whoever has done that meanwhile.
        tx.prepare_cached("UPDATE conversations SET deleted = NULL WHERE id = ?")?.execute([sheet.row])?;
    }
    let mut step = Step { tx: &tx, sheet, at, writer };
    for change in changes {
        step.keep(change)?;
    }
    let row = sheet.row;
    // What was deleted of it can come back.
    let empty = tx
        .prepare_cached(
            "DELETE FROM conversations WHERE id = ?1 AND draft = '' \
             AND NOT EXISTS (SELECT 1 FROM messages WHERE conversation = ?1)",
        )?
        .execute([row])?;
    tx.commit()?;
    if empty > 0 {
        *known = None;
    }
    Ok(Kept::All)
}

fn begins(change: &Change) -> bool {
    match change {
        Change::Message(_) => true,
        Change::Draft(draft) => !draft.is_empty(),
        _ => false,
    }
}

/// Their messages are those that are there, so many, and the next ones.
fn goes_on_from(mut len: usize, changes: &[Change]) -> bool {
    changes.iter().all(|change| match change {
        Change::Message(message) => {
            let place = usize::try_from(message.id.0).unwrap_or(usize::MAX);
            len += usize::from(place == len);
            place < len
        }
        _ => true,
    })
}

/// What new words of it follow is not there.
#[must_use]
pub fn lost(id: ConvId) -> UserError {
    UserError::new(ErrorKind::Usage, format!("the conversation {} is not there any more", id.short()))
        .hint("another hobnob has removed it")
}

/// The messages of a conversation, in the order of their ids.
pub(super) fn rows_of(db: &Connection, conversation: i64) -> rusqlite::Result<Vec<i64>> {
    let mut rows = db.prepare_cached("SELECT id FROM messages WHERE conversation = ? ORDER BY id")?;
    rows.query_map([conversation], |row| row.get(0))?.collect()
}

/// An answer whose writer has died: its pieces become its text.
fn cut(tx: &Connection, row: i64) -> rusqlite::Result<()> {
    let (mut content, mut reasoning): (String, String) =
        tx.query_row("SELECT content, reasoning FROM messages WHERE id = ?", [row], |r| Ok((r.get(0)?, r.get(1)?)))?;
    read_pieces(tx, row, &mut content, &mut reasoning)?;
    let error = UserError::new(ErrorKind::Cancelled, "hobnob ended before this answer did")
        .hint("what had come until then is kept, and the answer can go on");
    let (usage, stats) = (Usage::default(), GenStats::default());
    let outcome = Outcome { reason: FinishReason::Error, usage, stats, satisfied: None };
    tx.execute(
        "UPDATE messages SET content = ?2, reasoning = ?3, state = 'failed', error = ?4, outcome = ?5, writer = NULL \
         WHERE id = ?1",
        params![row, content, reasoning, Json(&error), Json(&outcome)],
    )?;
    tx.execute("DELETE FROM pieces WHERE message = ?", [row]).map(drop)
}

/// Adds what has come of a growing answer.
pub(super) fn read_pieces(
    db: &Connection,
    message: i64,
    content: &mut String,
    reasoning: &mut String,
) -> rusqlite::Result<()> {
    let mut pieces = db.prepare_cached("SELECT text, reasoning FROM pieces WHERE message = ? ORDER BY id")?;
    let mut rows = pieces.query([message])?;
    while let Some(row) = rows.next()? {
        content.push_str(row.get_ref(0)?.as_str()?);
        reasoning.push_str(row.get_ref(1)?.as_str()?);
    }
    Ok(())
}

/// What is under way of one step.
struct Step<'a> {
    tx: &'a Transaction<'a>,
    sheet: &'a mut Sheet,
    at: i64,
    writer: &'a str,
}

impl Step<'_> {
    fn keep(&mut self, change: &Change) -> rusqlite::Result<()> {
        let row = self.sheet.row;
        match change {
            Change::Message(message) => self.message(message),
            Change::More { id, text, reasoning, thought } => self.more(*id, text, reasoning, millis(*thought)),
            Change::Place { head, start } => {
                let row_of = |id: MsgId| self.sheet.row_of(id);
                let head = head.and_then(row_of);
                let from = start.and_then(|start| row_of(start.from));
                let not_summarised = start.and_then(|start| start.not_summarised).and_then(|n| i64::try_from(n).ok());
                self.tx
                    .prepare_cached("UPDATE conversations SET head = ?, start = ?, not_summarised = ? WHERE id = ?")?
                    .execute(params![head, from, not_summarised, row])
                    .map(drop)
            }
            Change::Setup(setup) => self.set("setup", &Json(setup)),
            Change::Draft(Draft { text, folds }) => {
                self.set("draft", text)?;
                self.set("folds", &folds.as_ref().map(Json))?;
                self.set("used", &self.at)
            }
            Change::Title(Some(title)) => self.set("title", title).and_then(|()| self.set("own_title", &true)),
            Change::Title(None) => {
                let title = self.title_by_question()?;
                self.set("title", &title).and_then(|()| self.set("own_title", &false))
            }
            Change::Pinned(pinned) => self.set("pinned", pinned),
            Change::Archived(archived) => self.set("archived", archived),
            Change::Deleted(deleted) => self.set("deleted", &deleted.then_some(self.at)),
        }
    }

    fn set(&self, column: &'static str, value: &dyn ToSql) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached(&format!("UPDATE conversations SET {column} = ? WHERE id = ?"))?
            .execute(params![value, self.sheet.row])
            .map(drop)
    }

    fn message(&mut self, message: &Message) -> rusqlite::Result<()> {
        let grows = message.state == MessageState::Streaming;
        let error = match &message.state {
            MessageState::Failed(error) => Some(Json(error)),
            MessageState::Whole | MessageState::Streaming => None,
        };
        let state = match message.state {
            MessageState::Whole => "whole",
            MessageState::Streaming => "growing",
            MessageState::Failed(_) => "failed",
        };
        let content = message.content.as_str();
        let mut was_there = false;
        if let Some(row) = self.sheet.row_of(message.id) {
            was_there = self
                .tx
                .prepare_cached("SELECT deleted IS NULL FROM messages WHERE id = ?")?
                .query_row([row], |row| row.get(0))?;
            self.tx.prepare_cached("DELETE FROM pieces WHERE message = ?")?.execute([row])?;
            self.tx
                .prepare_cached(
                    "UPDATE messages SET model = ?2, content = ?3, reasoning = ?4, thought = ?5, form = ?6, state = ?7, \
                     error = ?8, outcome = ?9, writer = ?10, deleted = CASE WHEN ?11 THEN coalesce(deleted, ?12) END \
                     WHERE id = ?1",
                )?
                .execute(params![
                    row,
                    message.model,
                    content,
                    message.reasoning,
                    millis(message.thought),
                    message.form.as_ref().map(Json),
                    state,
                    error,
                    message.outcome.as_ref().map(Json),
                    grows.then_some(self.writer),
                    message.deleted,
                    self.at,
                ])?;
        } else {
            let at = message.at.map_or(self.at, |seconds| i64::try_from(seconds).unwrap_or(0).saturating_mul(1000));
            self.tx
                .prepare_cached(
                    "INSERT INTO messages (conversation, parent, role, model, at, content, reasoning, thought, form, \
                     state, error, outcome, writer, deleted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    self.sheet.row,
                    message.parent.and_then(|parent| self.sheet.row_of(parent)),
                    role_name(message.role),
                    message.model,
                    at,
                    content,
                    message.reasoning,
                    millis(message.thought),
                    message.form.as_ref().map(Json),
                    state,
                    error,
                    message.outcome.as_ref().map(Json),
                    grows.then_some(self.writer),
                    message.deleted.then_some(self.at),
                ])?;
            self.sheet.messages.push(self.tx.last_insert_rowid());
        }
        self.listed(message, was_there)
    }

    /// What a list shows of a conversation that something was said in, or taken out of.
    fn listed(&self, message: &Message, was_there: bool) -> rusqlite::Result<()> {
        let more = i64::from(!message.deleted) - i64::from(was_there);
        self.tx
            .prepare_cached("UPDATE conversations SET messages = messages + ? WHERE id = ?")?
            .execute(params![more, self.sheet.row])?;
        if message.deleted {
            return self.listed_without(message);
        }
        self.tx
            .prepare_cached("UPDATE conversations SET updated = ?2, used = ?2 WHERE id = ?1")?
            .execute(params![self.sheet.row, self.at])?;
        if !message.content.is_empty() {
            self.set("preview", &first_words(&message.content, PREVIEW))?;
        }
        if message.role == Role::User && !message.content.is_empty() {
            let title: Option<String> = self
                .tx
                .prepare_cached("SELECT title FROM conversations WHERE id = ? AND own_title = 0")?
                .query_row([self.sheet.row], |row| row.get(0))
                .optional()?;
            // A greeting gives way to what comes after it.
            if title.is_some_and(|title| says_nothing(&title)) {
                self.set("title", &title_of(&message.content))?;
            }
        }
        Ok(())
    }

    fn listed_without(&self, message: &Message) -> rusqlite::Result<()> {
        let newest: Option<String> = self
            .tx
            .prepare_cached(
                "SELECT content FROM messages WHERE conversation = ? AND deleted IS NULL AND content <> '' \
                 ORDER BY id DESC LIMIT 1",
            )?
            .query_row([self.sheet.row], |row| row.get(0))
            .optional()?;
        self.set("preview", &first_words(&newest.unwrap_or_default(), PREVIEW))?;
        // Made of words that are not there any more, it is made again.
        let title = title_of(&message.content);
        if message.role == Role::User && !title.is_empty() {
            self.tx
                .prepare_cached("UPDATE conversations SET title = ? WHERE id = ? AND own_title = 0 AND title = ?")?
                .execute(params![self.title_by_question()?, self.sheet.row, title])?;
        }
        Ok(())
    }

    /// A title made of the first question that is left.
    fn title_by_question(&self) -> rusqlite::Result<String> {
        let first: Option<String> = self
            .tx
            .prepare_cached(
                "SELECT content FROM messages WHERE conversation = ? AND role = 'user' AND deleted IS NULL \
                 ORDER BY id LIMIT 1",
            )?
            .query_row([self.sheet.row], |row| row.get(0))
            .optional()?;
        Ok(first.map(|text| title_of(&text)).unwrap_or_default())
    }

    fn more(&self, id: MsgId, text: &str, reasoning: &str, thought: Option<i64>) -> rusqlite::Result<()> {
        let Some(row) = self.sheet.row_of(id) else { return Ok(()) };
        self.tx
            .prepare_cached("INSERT INTO pieces (message, text, reasoning) VALUES (?, ?, ?)")?
            .execute(params![row, text, reasoning])?;
        self.tx.prepare_cached("UPDATE messages SET thought = ? WHERE id = ?")?.execute(params![thought, row]).map(drop)
    }
}

fn millis(time: Option<std::time::Duration>) -> Option<i64> {
    time.map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// A value as JSON in a column.
struct Json<'a, T>(&'a T);

impl<T: Serialize> ToSql for Json<'_, T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text =
            serde_json::to_string(self.0).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        Ok(text.into())
    }
}
