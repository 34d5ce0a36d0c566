//! What was asked in all conversations, to be asked again.

use std::collections::HashSet;

use super::Store;
use crate::error::UserError;

/// More than anybody goes back through.
const PROMPTS: usize = 2000;
/// And so many bytes of them.
const BYTES: usize = 8 << 20;

impl Store {
    /// Each prompt once, the newest first.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn prompts(&self) -> Result<Vec<String>, UserError> {
        self.newest_prompts().map_err(|error| self.unread(&error))
    }

    fn newest_prompts(&self) -> rusqlite::Result<Vec<String>> {
        let mut said = self.db.prepare_cached(
            "SELECT m.content FROM messages m CROSS JOIN conversations c ON c.id = m.conversation \
             WHERE m.role = 'user' AND m.content <> '' AND m.deleted IS NULL AND c.deleted IS NULL ORDER BY m.id DESC",
        )?;
        let mut rows = said.query([])?;
        let mut prompts = Vec::new();
        let mut seen = HashSet::new();
        let mut bytes = 0;
        while prompts.len() < PROMPTS
            && bytes < BYTES
            && let Some(row) = rows.next()?
        {
            let content: String = row.get(0)?;
            if seen.insert(content.clone()) {
                bytes += content.len();
                prompts.push(content);
            }
        }
        Ok(prompts)
    }
}
