//! What can still be read of a damaged file. Row by row: a page that can't be read must not hide those beside it.

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use std::path::Path;

use crate::domain::store::title_of;

/// So many rows of a table are looked for at most: they are numbered, and a damaged file may name any number.
const MOST_ROWS: i64 = 10_000_000;

/// Takes what can be read of the damaged file into a new one; gives how many conversations that are.
pub(super) fn take_over(damaged: &Path, db: &mut Connection) -> rusqlite::Result<u32> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let old = Connection::open_with_flags(damaged, flags)?;
    // A message whose conversation can't be read comes before one is made for it.
    db.execute_batch("PRAGMA foreign_keys = OFF")?;
    let tx = db.transaction()?;
    for table in ["conversations", "messages", "pieces"] {
        if let Err(error) = copy(&old, &tx, table) {
            tracing::warn!("nothing of {table} can be read: {error}");
        }
    }
    tx.execute("DELETE FROM pieces WHERE message NOT IN (SELECT id FROM messages)", [])?;
    shelter(&tx)?;
    let taken = tx.query_row("SELECT count(*) FROM conversations WHERE deleted IS NULL", [], |row| row.get(0))?;
    tx.commit()?;
    db.execute_batch("PRAGMA foreign_keys = ON")?;
    Ok(taken)
}

fn copy(old: &Connection, new: &Connection, table: &str) -> rusqlite::Result<()> {
    let of = |db: &Connection| -> rusqlite::Result<Vec<String>> {
        db.prepare("SELECT name FROM pragma_table_info(?)")?.query_map([table], |row| row.get(0))?.collect()
    };
    // An older one may lack some.
    let known = of(new)?;
    let columns: Vec<String> = of(old)?.into_iter().filter(|column| known.contains(column)).collect();
    let names = columns.join(", ");
    let last = old
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = ?", [table], |row| row.get(0))
        .or_else(|_| old.query_row(&format!("SELECT max(id) FROM {table}"), [], |row| row.get(0)))?;
    let mut read = old.prepare(&format!("SELECT {names} FROM {table} WHERE id = ?"))?;
    let places = vec!["?"; columns.len()].join(", ");
    let mut write = new.prepare(&format!("INSERT OR IGNORE INTO {table} ({names}) VALUES ({places})"))?;
    for id in 1..=MOST_ROWS.min(last) {
        let row = read.query_row([id], |row| (0..columns.len()).map(|i| row.get::<_, Value>(i)).collect());
        let Ok(row): rusqlite::Result<Vec<Value>> = row else { continue };
        // What the new file does not take is no message.
        if let Err(error) = write.execute(params_from_iter(row)) {
            tracing::warn!("row {id} of {table} is left out: {error}");
        }
    }
    Ok(())
}

/// Makes conversations for messages whose own can't be read.
fn shelter(db: &Connection) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO conversations (id, name, created, updated, used, messages) \
         SELECT conversation, lower(hex(randomblob(8))), min(at), max(at), max(at), count(*) FROM messages \
         WHERE conversation NOT IN (SELECT id FROM conversations) GROUP BY conversation",
        [],
    )?;
    let mut untitled = db.prepare(
        "SELECT c.id, (SELECT content FROM messages WHERE conversation = c.id AND role = 'user' ORDER BY id LIMIT 1) \
         FROM conversations c WHERE title = ''",
    )?;
    let titles: Vec<(i64, Option<String>)> =
        untitled.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    for (id, first) in titles {
        let title = first.map(|text| title_of(&text)).unwrap_or_default();
        db.execute("UPDATE conversations SET title = ? WHERE id = ?", rusqlite::params![title, id])?;
    }
    Ok(())
}
