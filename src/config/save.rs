//! Writes changed settings into the user's file, leaving every other byte as it is.

use std::io::Write;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, TableLike};

use crate::config::file::{Source, span_of};
use crate::config::{SPECS, Value, spec};
use crate::error::{ErrorKind, UserError, reason};

/// The settings that a config file sets, each with its line.
pub type Lines = Vec<(&'static str, usize)>;

/// Sets keys of a config file, or takes them out (`None`, and [`Value::Unset`]). Comments and order stay. The file appears whole or
/// not at all; folders are made where they are missing; a symbolic link is followed, and stays one. Gives what it sets now.
///
/// # Errors
/// When the file on disk can't be read as TOML (it is left alone), when a value is not allowed, or when it can't be written.
pub fn save(path: &Path, changes: &[(&str, Option<Value>)]) -> Result<Lines, UserError> {
    rewrite(path, |source| {
        for (key, value) in changes {
            if let Some(value) = value.as_ref().filter(|value| **value != Value::Unset) {
                set(source, key, value)?;
            } else {
                let (parent, name) = parent_and_name(key);
                remove(source, parent.as_slice(), name)?;
                if let Some(parent) = parent {
                    remove_if_empty(source, parent)?;
                }
            }
        }
        Ok(())
    })
}

/// Changes the text of a config file. It appears whole or not at all.
pub(super) fn rewrite(
    path: &Path,
    change: impl FnOnce(&mut Source) -> Result<(), UserError>,
) -> Result<Lines, UserError> {
    let target = behind_links(path).map_err(|error| cannot_write(path, &error))?;
    let source = Source::read(&target)?;
    let existed = source.is_some();
    let mut source = source.unwrap_or_else(|| Source { name: target.display().to_string(), text: String::new() });
    let before = source.text.clone();
    change(&mut source)?;
    let lines = lines(&source)?;
    if source.text != before || !existed {
        write_whole(&target, &source.text).map_err(|error| cannot_write(&target, &error))?;
    }
    Ok(lines)
}

fn lines(source: &Source) -> Result<Lines, UserError> {
    let document = source.parse()?;
    let line = |key: &'static str| {
        let (parent, name) = parent_and_name(key);
        let table = match parent {
            Some(parent) => document.get(parent)?.as_table_like()?,
            None => document.as_table() as &dyn TableLike,
        };
        let (key_there, item) = table.get_key_value(name).filter(|(_, item)| item.is_value())?;
        Some((key, source.line(span_of(Some(key_there), item)?.start)))
    };
    Ok(SPECS.iter().filter_map(|spec| line(spec.key)).collect())
}

fn set(source: &mut Source, key: &str, value: &Value) -> Result<(), UserError> {
    let checked = match spec(key) {
        Some(spec) => spec.check(value.clone()),
        None => Err("is not a setting".to_owned()),
    };
    let value = checked
        .map_err(|why| UserError::new(ErrorKind::Config, format!("`{key}` {why}")).hint("nothing was saved"))?
        .to_edit();
    let Some(mut value) = value else { return Ok(()) };

    let document = source.parse()?;
    let (parent, name) = parent_and_name(key);
    let is_new = parent.map_or(document.is_empty(), |parent| !document.contains_key(parent));
    if is_new {
        append(source, parent, &format!("{name} = {value}"));
        return Ok(());
    }

    let mut document = document.into_mut();
    let table = match parent {
        Some(parent) => document.get_mut(parent).and_then(Item::as_table_like_mut),
        None => Some(document.as_table_mut() as &mut dyn TableLike),
    };
    let Some(table) = table else {
        return Err(misplaced(source, parent.unwrap_or_default(), "a value where a table"));
    };
    match table.get_mut(name) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None | Some(Item::None) => {
            table.insert(name, Item::Value(value));
        }
        Some(_) => return Err(misplaced(source, key, "a table where a value")),
    }
    put_back(source, &document);
    Ok(())
}

/// What was changed in the document becomes the text, with the line ends that it had.
pub(super) fn put_back(source: &mut Source, document: &DocumentMut) {
    let windows = source.text.contains("\r\n");
    source.text = document.to_string();
    if windows {
        source.text = source.text.replace("\r\n", "\n").replace('\n', "\r\n");
    }
}

fn misplaced(source: &Source, key: &str, what: &str) -> UserError {
    UserError::new(ErrorKind::Config, format!("{}: `{key}` is {what} is needed", source.name))
        .hint("take it out of the file, and save again")
}

/// Adds a line at the end, after whatever comments are there: under a new table, or in a file that has no entry yet.
fn append(source: &mut Source, table: Option<&str>, line: &str) {
    let end = if source.text.contains("\r\n") { "\r\n" } else { "\n" };
    let text = &mut source.text;
    if !text.is_empty() {
        if !text.ends_with('\n') {
            text.push_str(end);
        }
        text.push_str(end);
    }
    if let Some(table) = table {
        text.extend(["[", table, "]", end]);
    }
    text.push_str(line);
    text.push_str(end);
}

/// Takes a key out of a table, one within the other, with its line; it leaves the comments above and behind it: an editor of
/// tables would drop them.
pub(super) fn remove(source: &mut Source, tables: &[&str], name: &str) -> Result<(), UserError> {
    let document = source.parse()?;
    let parent = tables.iter().try_fold(document.as_item(), |item, table| item.get(table));
    let Some(table) = parent.and_then(Item::as_table_like) else { return Ok(()) };
    // A table in its place sets nothing, and what it holds may be dear to somebody.
    let Some(value) = table.get(name).and_then(Item::as_value) else { return Ok(()) };
    let spans = table.key(name).and_then(toml_edit::Key::span).zip(value.span());

    let text = &source.text;
    let line = spans.map(|(key, value)| {
        let start = text[..key.start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[value.end..].find('\n').map_or(text.len(), |at| value.end + at + 1);
        (start, key.start, value.end, end)
    });
    match line {
        // Alone on its line, but for the tables that it names itself and a comment.
        Some((start, key_start, value_end, end))
            if !text[start..key_start].contains(['{', ','])
                && matches!(text[value_end..end].trim_start().chars().next(), None | Some('#')) =>
        {
            let comment = text[value_end..end].trim_start();
            source.text = format!("{}{comment}{}", &text[..start], &text[end..]);
        }
        _ => {
            let mut document = document.into_mut();
            let parent = tables.iter().try_fold(document.as_item_mut(), |item, table| item.get_mut(table));
            if let Some(table) = parent.and_then(Item::as_table_like_mut) {
                table.remove(name);
            }
            put_back(source, &document);
        }
    }
    Ok(())
}

/// Takes out the heading of a table that holds nothing any more. One with a comment above or below it means something to somebody.
fn remove_if_empty(source: &mut Source, table: &str) -> Result<(), UserError> {
    let document = source.parse()?;
    let heading = document.get(table).and_then(Item::as_table).filter(|table| table.is_empty()).and_then(Table::span);
    let text = &source.text;
    let Some(heading) = heading.filter(|heading| text[heading.clone()].starts_with('[')) else { return Ok(()) };
    let before = &text[..heading.start];
    let after = &text[heading.start..];
    let (line, after) = after.split_once('\n').unwrap_or((after, ""));
    let (after, last) = (after.trim_start(), before.lines().last().unwrap_or_default());
    if line.contains('#') || last.trim_start().starts_with('#') || !(after.is_empty() || after.starts_with('[')) {
        return Ok(());
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    source.text = match before.trim_end() {
        "" => after.to_owned(),
        rest if after.is_empty() => format!("{rest}{end}"),
        _ => format!("{before}{after}"),
    };
    Ok(())
}

fn parent_and_name(key: &str) -> (Option<&str>, &str) {
    key.split_once('.').map_or((None, key), |(parent, name)| (Some(parent), name))
}

/// The file that a chain of symbolic links leads to, whether it is there or not.
fn behind_links(path: &Path) -> std::io::Result<PathBuf> {
    const MOST_LINKS: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match std::fs::read_link(&path) {
            Ok(next) => path = path.parent().map_or_else(|| next.clone(), |folder| folder.join(&next)),
            Err(_) => return Ok(path),
        }
    }
    Err(std::io::Error::other("its symbolic links lead in a circle"))
}

/// Writes beside the file, then puts it in its place: whoever reads meanwhile sees the old or the new one, whole. Folders are
/// made where they are missing.
///
/// # Errors
/// As the file system says; also when something else than a file is in its place.
pub fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let old = std::fs::metadata(path).ok();
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        // Putting a file in the place of a device, `/dev/null` say, would be more than anybody asked for.
        return Err(std::io::Error::other("it is not a file"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.{}.new", std::process::id()));
    let written = (|| {
        let mut file = std::fs::File::create(&beside)?;
        if let Some(old) = old {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    })();
    if written.is_err() {
        // Nothing is left behind; that it could not be written is what matters.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

fn cannot_write(path: &Path, error: &std::io::Error) -> UserError {
    UserError::new(ErrorKind::Disk, format!("can't save settings to {}: {}", path.display(), reason(error)))
        .hint("make the file and its folder writable, or choose another file with --config")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file's text after `changes`.
    fn saved(before: &str, changes: &[(&str, Option<Value>)]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        std::fs::write(&path, before).expect("written");
        save(&path, changes).unwrap_or_else(|problem| panic!("{problem}"));
        std::fs::read_to_string(&path).expect("readable")
    }

    fn theme(id: &str) -> (&'static str, Option<Value>) {
        ("ui.theme", Some(Value::Text(id.to_owned())))
    }

    #[test]
    fn a_value_changes_and_nothing_else() {
        let before =
            "# mine\nmodel = 'starter'   # small\n\n[ui]\n  # dark at night\n  theme = \"nord\"  # cold\n\n# the end\n";
        let after = saved(before, &[theme("hobnob-light"), ("model", Some(Value::Text("org/repo".to_owned())))]);
        assert_eq!(after, before.replace("'starter'", "\"org/repo\"").replace("nord", "hobnob-light"));
    }

    #[test]
    fn a_table_that_holds_nothing_any_more_goes_unless_somebody_has_written_at_it() {
        let temperature = |value: Option<f64>| ("sampling.temperature", value.map(Value::Float));
        for before in ["", "# mine\n", "[ui]\nmouse = true # at last\n", "# mine\r\n[ui]\r\nmouse = true\r\n"] {
            assert_eq!(saved(&saved(before, &[temperature(Some(0.5))]), &[temperature(None)]), before);
        }
        let first = "[sampling]\ntemperature = 0.5\n\n# about it\n[ui]\nmouse = true\n";
        assert!(saved(first, &[temperature(None)]).starts_with("[sampling]\n"), "the comment may be its own");
        let first = "[sampling]\ntemperature = 0.5\n\n[ui]\nmouse = true\n";
        assert_eq!(saved(first, &[temperature(None)]), "[ui]\nmouse = true\n");
        for kept in
            ["[sampling] # cold\n", "# cold\n[sampling]\n", "[sampling]\n# top_p = 1.0\n", "[sampling]\ntop_p = 1.0\n"]
        {
            assert_eq!(saved(&format!("{kept}temperature = 0.5\n"), &[temperature(None)]), kept);
        }
    }

    #[test]
    fn a_new_key_finds_its_table() {
        let before = "# first\n[ui]\ntheme = \"nord\" # cold\n\n# about chat\n[chat]\nmax_tokens = 5\n";
        assert_eq!(
            saved(before, &[("ui.mouse", Some(Value::Bool(true)))]),
            before.replace("# cold\n", "# cold\nmouse = true\n")
        );
        assert_eq!(
            saved(before, &[("sampling.temperature", Some(Value::Float(0.1 + 0.6)))]),
            format!("{before}\n[sampling]\ntemperature = 0.7\n")
        );
        assert_eq!(saved("", &[("engine.context", Some(Value::Int(8192)))]), "[engine]\ncontext = 8192\n");
        let comments = "# [ui]\n# theme = \"nord\"";
        assert_eq!(saved(comments, &[theme("nord")]), format!("{comments}\n\n[ui]\ntheme = \"nord\"\n"));
        assert_eq!(saved(comments, &[("offline", Some(Value::Bool(true)))]), format!("{comments}\n\noffline = true\n"));
        let with_top = saved(before, &[("offline", Some(Value::Bool(true)))]);
        assert!(with_top.starts_with("offline = true\n") && with_top.ends_with(before), "{with_top}");
    }

    #[test]
    fn a_key_goes_and_its_comments_stay() {
        let before = "# above\n[sampling]\n# how free\ntemperature = 0.5 # my taste\n# how many\ntop_k = 40\n[ui]\ntheme = \"nord\"";
        let after = saved(before, &[("sampling.temperature", None)]);
        assert_eq!(after, before.replace("temperature = 0.5 # my taste", "# my taste"));
        let after = saved(before, &[("sampling.top_k", Some(Value::Unset)), ("ui.theme", None)]);
        assert_eq!(after, "# above\n[sampling]\n# how free\ntemperature = 0.5 # my taste\n# how many\n[ui]\n");
        assert_eq!(saved(before, &[("chat.max_tokens", None), ("model", None)]), before);
    }

    #[test]
    fn every_way_to_write_a_table_is_met() {
        let dotted = "sampling.temperature = 0.5 # warm\nsampling.top_k = 3\n";
        assert_eq!(
            saved(dotted, &[("sampling.temperature", Some(Value::Float(1.0)))]),
            "sampling.temperature = 1.0 # warm\nsampling.top_k = 3\n"
        );
        assert_eq!(saved(dotted, &[("sampling.top_k", None)]), "sampling.temperature = 0.5 # warm\n");
        assert_eq!(
            saved(dotted, &[("sampling.min_p", Some(Value::Float(0.1)))]),
            format!("{dotted}sampling.min_p = 0.1\n")
        );
        let inline = "sampling = { temperature = 0.5, top_k = 3 } # all\n";
        assert_eq!(saved(inline, &[("sampling.temperature", None)]), "sampling = { top_k = 3 } # all\n");
        assert_eq!(
            saved(inline, &[("sampling.top_k", Some(Value::Int(5)))]),
            "sampling = { temperature = 0.5, top_k = 5 } # all\n"
        );
        let marked = "\u{feff}[ui]\ntheme = \"nord\"\nmouse = true\n";
        assert_eq!(saved(marked, &[("ui.theme", None)]), marked.replace("theme = \"nord\"\n", ""));
        let long = "[models]\nfolders = [\n  \"a\", # one\n  \"b\",\n]\n# end\n";
        assert_eq!(saved(long, &[("models.folders", None)]), "[models]\n# end\n");
        assert_eq!(
            saved("[ui]\r\n# dark\r\ntheme = \"nord\"\r\n", &[("ui.mouse", Some(Value::Bool(true)))]),
            "[ui]\r\n# dark\r\ntheme = \"nord\"\r\nmouse = true\r\n"
        );
    }

    #[test]
    fn the_example_keeps_its_comments() {
        let after = saved(crate::config::EXAMPLE, &[("sampling.temperature", Some(Value::Float(0.3))), theme("nord")]);
        let comments = |text: &str| {
            let mut lines: Vec<String> = text.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(comments(&after), comments(crate::config::EXAMPLE));
        assert!(after.contains("\ntemperature = 0.3\n") && after.contains("\ntheme = \"nord\"\n"));
    }

    #[test]
    fn a_broken_file_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "[ui]\ntheme = \n").expect("written");
        let problem = save(&path, &[theme("nord")]).expect_err("refused");
        assert!(problem.message.contains("config.toml:2"), "{}", problem.message);
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "[ui]\ntheme = \n");
        std::fs::write(&path, "ui = 3\n").expect("written");
        assert!(save(&path, &[theme("nord")]).expect_err("refused").message.contains("`ui`"));
        assert!(save(&path, &[("sampling.temperature", Some(Value::Int(9)))]).is_err());
    }

    #[test]
    fn folders_are_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b/config.toml");
        save(&path, &[theme("nord")]).expect("saved");
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "[ui]\ntheme = \"nord\"\n");
        assert_eq!(std::fs::read_dir(folder.path().join("a/b")).expect("a folder").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_stays_a_device() {
        let problem = save(Path::new("/dev/null"), &[theme("nord")]).expect_err("refused");
        assert!(problem.message.ends_with("/dev/null: it is not a file"), "{}", problem.message);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().expect("a folder");
        let real = folder.path().join("dotfiles/hobnob.toml");
        let link = folder.path().join("config.toml");
        symlink("dotfiles/hobnob.toml", &link).expect("linked");
        save(&link, &[("ui.mouse", Some(Value::Bool(true)))]).expect("saved through a link that led nowhere");
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o600)).expect("private");
        save(&link, &[("ui.mouse", Some(Value::Bool(false)))]).expect("saved");
        assert_eq!(std::fs::read_to_string(&real).expect("readable"), "[ui]\nmouse = false\n");
        assert!(std::fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(std::fs::metadata(&real).expect("there").permissions().mode() & 0o777, 0o600);

        let circle = folder.path().join("circle.toml");
        symlink("circle.toml", &circle).expect("linked");
        assert!(save(&circle, &[("ui.mouse", Some(Value::Bool(true)))]).is_err());
    }
}
