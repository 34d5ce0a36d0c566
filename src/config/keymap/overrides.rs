//! The config file's `[keys]`: read one by one, refused by name.

use std::ops::Range;

use toml_edit::{Item, Key as TomlKey};

use super::{Binding, KeyChord, KeyMap, KeySequence};
use crate::config::file::{Source, span_of};
use crate::config::suggest::nearest;
use crate::domain::action::{Action, Context};
use crate::error::UserError;

/// Takes a key away instead of giving it something to do.
const NONE: &str = "none";

/// One line of `[keys.CONTEXT]` that can be read.
struct Override {
    context: Context,
    keys: KeySequence,
    /// As it is written.
    spelling: String,
    /// `None` unbinds.
    action: Option<Action>,
    span: Option<Range<usize>>,
}

pub(super) fn apply(
    base: &KeyMap,
    source: &Source,
    key: Option<&TomlKey>,
    keys: &Item,
    problems: &mut Vec<UserError>,
) -> KeyMap {
    let mut overrides = read(source, key, keys, problems);
    let mut map = merged(base, &overrides);

    // Chat never sees a key that the composer in front of it takes. One that goes right is free while there is nothing written.
    overrides.retain(|wish| {
        let hidden = (wish.context == Context::Chat && wish.action.is_some())
            .then(|| map.get(Context::Edit, wish.keys.first()))
            .flatten()
            .filter(|hider| *hider != Action::Right);
        if let Some(hider) = hidden {
            problems.push(
                source
                    .problem(
                        wish.span.as_ref(),
                        &format!(
                            "`{}` would never reach [keys.chat]: the composer takes it for `{}`",
                            wish.spelling,
                            hider.name()
                        ),
                    )
                    .hint(format!("add `\"{}\" = \"none\"` under [keys.edit]", wish.spelling)),
            );
        }
        hidden.is_none()
    });
    map = merged(base, &overrides);

    for action in [Action::Interrupt, Action::Quit] {
        if map.is_reachable(action) {
            continue;
        }
        let own = base.keys_for(action);
        overrides.retain(|wish| {
            let guilty = own.contains(&wish.keys) && wish.action != Some(action);
            if guilty {
                problems.push(
                    source
                        .problem(
                            wish.span.as_ref(),
                            &format!(
                                "`{}` can't be taken away: nothing else would be left for `{}`",
                                wish.spelling,
                                action.name()
                            ),
                        )
                        .hint(format!("first give `{}` another key under [keys.global]", action.name())),
                );
            }
            !guilty
        });
        map = merged(base, &overrides);
    }
    map
}

fn merged(base: &KeyMap, overrides: &[Override]) -> KeyMap {
    let wished = overrides.iter().filter_map(|wish| {
        wish.action.map(|action| Binding { context: wish.context, keys: wish.keys.clone(), action })
    });
    // A key that does something by itself begins nothing else, and the other way round.
    let in_the_way = |wish: &Override, keys: &KeySequence| {
        let begins = || wish.keys.after(keys.chords()).is_some() || keys.after(wish.keys.chords()).is_some();
        wish.keys == *keys || (wish.action.is_some() && begins())
    };
    let kept = base.bindings.iter().filter(|binding| {
        !overrides.iter().any(|wish| wish.context == binding.context && in_the_way(wish, &binding.keys))
    });
    KeyMap { bindings: wished.chain(kept.cloned()).collect() }
}

fn read(source: &Source, key: Option<&TomlKey>, keys: &Item, problems: &mut Vec<UserError>) -> Vec<Override> {
    const SHAPE: &str = "write lines like `\"ctrl-r\" = \"retry\"` under `[keys.chat]`";
    let mut overrides: Vec<Override> = Vec::new();
    let Some(contexts) = keys.as_table_like() else {
        problems.push(source.problem(span_of(key, keys).as_ref(), "`keys` is a table, not a value").hint(SHAPE));
        return overrides;
    };
    for (name, item) in contexts.iter() {
        let span = span_of(contexts.key(name), item);
        let Some(context) = Context::from_name(name) else {
            let names = Context::ALL.map(Context::name);
            let hint = nearest(name, names).map_or_else(
                || format!("there are {}", names.join(", ")),
                |near| format!("did you mean `keys.{near}`?"),
            );
            problems.push(source.problem(span.as_ref(), &format!("unknown context `keys.{name}`")).hint(hint));
            continue;
        };
        let Some(table) = item.as_table_like() else {
            problems.push(source.problem(span.as_ref(), &format!("`keys.{name}` is a table, not a value")).hint(SHAPE));
            continue;
        };
        for (spelling, item) in table.iter() {
            let span = span_of(table.key(spelling), item);
            let wish = read_one(context, spelling, item).and_then(|(keys, action)| {
                let same = overrides.iter().find(|other| other.context == context && other.keys == keys);
                match same {
                    Some(other) => Err((
                        format!("`{spelling}` in [keys.{name}] is the same key as `{}`", other.spelling),
                        "a terminal sends the same for both; keep one of them".to_owned(),
                    )),
                    None => Ok((keys, action)),
                }
            });
            match wish {
                Ok((keys, action)) => {
                    overrides.push(Override { context, keys, spelling: spelling.to_owned(), action, span });
                }
                Err((what, hint)) => problems.push(source.problem(span.as_ref(), &what).hint(hint)),
            }
        }
    }
    overrides
}

/// What is wrong, and what to do.
type Refusal = (String, String);

fn read_one(context: Context, spelling: &str, item: &Item) -> Result<(KeySequence, Option<Action>), Refusal> {
    let keys: KeySequence = spelling.parse().map_err(|why| {
        (
            format!("`{spelling}` is not a key: {why}"),
            "write keys like `ctrl-r`, `alt-enter`, `shift-tab`, `f5`, or `ctrl-x v` for one after the other"
                .to_owned(),
        )
    })?;
    let Some(name) = item.as_str() else {
        return Err((
            format!("`{spelling}` must be the name of an action, in quotes"),
            format!(
                "for example `\"{spelling}\" = \"{}\"`, or \"{NONE}\" to take the key away",
                Action::Palette.name()
            ),
        ));
    };
    if name == NONE {
        return Ok((keys, None));
    }
    let Some(action) = Action::from_name(name) else {
        let near = nearest(name, Action::ALL.iter().map(|action| action.name()).chain([NONE]));
        let hint = near.map_or_else(
            || "config.example.toml lists every action".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err((format!("unknown action `{name}`"), hint));
    };
    if !may_bind(context, action) {
        return Err((
            format!("`{name}` can't be done in [keys.{}]", context.name()),
            format!("bind it in [keys.{}]", action.context().name()),
        ));
    }
    if let Some(why) = cannot_be_typed(context, keys.first()) {
        return Err((
            format!("`{spelling}` in [keys.{}] {why}", context.name()),
            format!(
                "use it with a modifier, like `ctrl-{}` or `alt-{}`",
                spelling.to_lowercase(),
                spelling.to_lowercase()
            ),
        ));
    }
    Ok((keys, Some(action)))
}

/// Whether an action makes sense in a context: see the module's first lines.
pub(super) fn may_bind(context: Context, action: Action) -> bool {
    let home = action.context();
    home == context
        || match home {
            Context::Global => true,
            Context::List => matches!(context, Context::Models | Context::Settings),
            Context::Edit => context == Context::Chat,
            // What is done to the conversation is done where it is read, too.
            Context::Chat => matches!(context, Context::Reading | Context::Finding),
            Context::Reading
            | Context::Finding
            | Context::Conversations
            | Context::Models
            | Context::Settings
            | Context::Dialog => false,
        }
}

/// Why a character may not be bound where it is wanted as text.
pub(super) fn cannot_be_typed(context: Context, chord: KeyChord) -> Option<&'static str> {
    (chord.is_text()
        && matches!(
            context,
            Context::Global | Context::Chat | Context::Finding | Context::Conversations | Context::Edit
        ))
    .then_some("could no longer be typed into a message")
}
