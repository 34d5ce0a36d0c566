//! What the file looks like inside, and how an older one becomes a newer one.

use rusqlite::{Connection, TransactionBehavior};

/// Goes up with each step below.
pub(super) const VERSION: i32 = 4;

/// Each leads from the version that is its place here to the next. A step is never changed once it is out.
const STEPS: &[&str] = &[
    // 1: conversations and their trees of messages.
    "
    CREATE TABLE conversations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL DEFAULT '',
        own_title INTEGER NOT NULL DEFAULT 0,
        created INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        used INTEGER NOT NULL,
        head INTEGER,
        start INTEGER,
        not_summarised INTEGER,
        setup TEXT NOT NULL DEFAULT '{}',
        draft TEXT NOT NULL DEFAULT '',
        messages INTEGER NOT NULL DEFAULT 0,
        preview TEXT NOT NULL DEFAULT '',
        pinned INTEGER NOT NULL DEFAULT 0,
        archived INTEGER NOT NULL DEFAULT 0,
        deleted INTEGER
    ) STRICT;
    CREATE INDEX conversations_listed ON conversations (archived, pinned, updated) WHERE deleted IS NULL;
    CREATE INDEX conversations_used ON conversations (used) WHERE deleted IS NULL;

    -- The writer is whose answer is growing; its words are in pieces until it is whole.
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        parent INTEGER,
        role TEXT NOT NULL,
        model TEXT,
        at INTEGER NOT NULL,
        content TEXT NOT NULL,
        reasoning TEXT NOT NULL,
        thought INTEGER,
        form TEXT,
        state TEXT NOT NULL,
        error TEXT,
        outcome TEXT,
        writer TEXT
    ) STRICT;
    CREATE INDEX messages_of ON messages (conversation);
    CREATE INDEX messages_growing ON messages (writer) WHERE writer IS NOT NULL;

    CREATE TABLE pieces (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        message INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
        text TEXT NOT NULL,
        reasoning TEXT NOT NULL
    ) STRICT;
    CREATE INDEX pieces_of ON pieces (message);
    ",
    // 2: full-text search.
    "
    CREATE VIRTUAL TABLE said USING fts5 (
        content, content = 'messages', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
    );
    CREATE TRIGGER said_insert AFTER INSERT ON messages WHEN new.content <> '' BEGIN
        INSERT INTO said (rowid, content) VALUES (new.id, new.content);
    END;
    CREATE TRIGGER said_delete AFTER DELETE ON messages WHEN old.content <> '' BEGIN
        INSERT INTO said (said, rowid, content) VALUES ('delete', old.id, old.content);
    END;
    CREATE TRIGGER said_update AFTER UPDATE OF content ON messages WHEN new.content <> old.content BEGIN
        INSERT INTO said (said, rowid, content) SELECT 'delete', old.id, old.content WHERE old.content <> '';
        INSERT INTO said (rowid, content) SELECT new.id, new.content WHERE new.content <> '';
    END;

    CREATE VIRTUAL TABLE titled USING fts5 (
        title, content = 'conversations', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
    );
    CREATE TRIGGER titled_insert AFTER INSERT ON conversations WHEN new.title <> '' BEGIN
        INSERT INTO titled (rowid, title) VALUES (new.id, new.title);
    END;
    CREATE TRIGGER titled_delete AFTER DELETE ON conversations WHEN old.title <> '' BEGIN
        INSERT INTO titled (titled, rowid, title) VALUES ('delete', old.id, old.title);
    END;
    CREATE TRIGGER titled_update AFTER UPDATE OF title ON conversations WHEN new.title <> old.title BEGIN
        INSERT INTO titled (titled, rowid, title) SELECT 'delete', old.id, old.title WHERE old.title <> '';
        INSERT INTO titled (rowid, title) SELECT new.id, new.title WHERE new.title <> '';
    END;

    INSERT INTO said (rowid, content) SELECT id, content FROM messages WHERE content <> '';
    INSERT INTO titled (rowid, title) SELECT id, title FROM conversations WHERE title <> '';
    ",
    // 3: single messages can be deleted, and come back.
    "
    ALTER TABLE messages ADD COLUMN deleted INTEGER;
    CREATE INDEX messages_deleted ON messages (deleted) WHERE deleted IS NOT NULL;
    ",
    // 4: what of a draft stands folded.
    "
    ALTER TABLE conversations ADD COLUMN folds TEXT;
    ",
];

/// The version of the file that is open.
pub(super) fn version(db: &Connection) -> rusqlite::Result<i32> {
    db.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Takes the steps that are missing, all or none.
pub(super) fn migrate(db: &mut Connection) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = version(&tx)?;
    if from < VERSION {
        for step in STEPS.iter().skip(usize::try_from(from).unwrap_or(0)) {
            tx.execute_batch(step)?;
        }
        tx.pragma_update(None, "user_version", VERSION)?;
    }
    tx.commit()
}
