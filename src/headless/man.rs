//! `hobnob man`: the manual. The pages come from the command line's definitions; here they are shown and written.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::error::{ErrorKind, UserError, reason};
use crate::headless::{Context, Outcome, print};

/// Shows a page where somebody watches, prints its source elsewhere.
///
/// # Errors
/// Stdout can't be written.
pub fn show(file: &str, source: &str, context: &Context<'_>) -> Outcome {
    if context.console.out.terminal && is_shown(file, source).unwrap_or(false) {
        return Ok(());
    }
    print(source)
}

/// Gives the page to `man`; says whether that could show it.
fn is_shown(file: &str, source: &str) -> io::Result<bool> {
    let folder = std::env::temp_dir().join(format!("hobnob-man-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let shown = (|| {
        let page = folder.join(file);
        std::fs::write(&page, source)?;
        Ok(Command::new("man").arg(&page).status()?.success())
    })();
    let _ = std::fs::remove_dir_all(&folder);
    shown
}

/// Writes all pages into a folder, which is made if it is not there.
///
/// # Errors
/// The folder can't be written to.
pub fn write_all(folder: &Path, pages: &[(String, String)], context: &Context<'_>) -> Outcome {
    let fail = |path: &Path, error: &io::Error| {
        UserError::new(ErrorKind::of_output(error), format!("`{}` can't be written: {}", path.display(), reason(error)))
            .hint("choose a folder that you may write to")
    };
    std::fs::create_dir_all(folder).map_err(|error| fail(folder, &error))?;
    let mut written = String::new();
    for (file, source) in pages {
        let path = folder.join(file);
        std::fs::write(&path, source).map_err(|error| fail(&path, &error))?;
        let _ = writeln!(written, "{}", path.display());
    }
    context.console.note(&format!("{} pages are written", pages.len()));
    print(&written)
}
