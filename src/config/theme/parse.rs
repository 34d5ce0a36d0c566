//! A theme's file: palette and roles as they are written, then a theme made of them.

use std::collections::BTreeMap;
use std::ops::Range;

use ratatui::style::{Color, Modifier, Style};
use toml_edit::{Item, TableLike};

use super::roles::{ROLES, Role, blank, revision, role};
use super::{Theme, colour};
use crate::config::file::{Source, span_of};
use crate::config::suggest::nearest;
use crate::error::UserError;

const ATTRIBUTES: [(&str, Modifier); 6] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
    ("strikethrough", Modifier::CROSSED_OUT),
];

/// A theme's file as it is written: colours are still names.
#[derive(Default)]
pub(super) struct Draft {
    pub name: Option<String>,
    pub inherits: Option<String>,
    palette: BTreeMap<String, Color>,
    roles: BTreeMap<&'static str, Paint>,
}

/// What a file says of one role.
#[derive(Clone)]
struct Paint {
    fg: Option<Named>,
    bg: Option<Named>,
    attributes: Modifier,
}

/// A colour by name or at once, and where it is written.
#[derive(Clone)]
struct Named {
    text: String,
    place: String,
}

impl Draft {
    /// Reads a file. The first thing that is wrong ends it: half a theme is not worth looking at.
    pub fn read(source: &Source) -> Result<Self, UserError> {
        let document = source.parse()?;
        let mut draft = Self::default();
        for (name, item) in document.iter() {
            let span = span_of(document.key(name), item);
            let text = || {
                let problem = || source.problem(span.as_ref(), &format!("`{name}` must be a text in quotes"));
                item.as_str().map(str::to_owned).ok_or_else(problem)
            };
            let table = || {
                let problem = || source.problem(span.as_ref(), &format!("`{name}` must be a table, `[{name}]`"));
                item.as_table_like().ok_or_else(problem)
            };
            match name {
                "name" => draft.name = Some(text()?),
                "inherits" => draft.inherits = Some(text()?),
                "palette" => draft.read_palette(source, table()?)?,
                "roles" => draft.read_roles(source, table()?)?,
                _ => {
                    return Err(hinted(
                        source.problem(span.as_ref(), &format!("unknown key `{name}` in a theme")),
                        nearest(name, ["name", "inherits", "palette", "roles"]),
                        "a theme has `name`, `inherits`, `[palette]` and `[roles]`",
                    ));
                }
            }
        }
        Ok(draft)
    }

    fn read_palette(&mut self, source: &Source, table: &dyn TableLike) -> Result<(), UserError> {
        for (name, item) in table.iter() {
            let span = span_of(table.key(name), item);
            let written = written(item).ok_or_else(|| not_a_colour(source, span.as_ref(), name))?;
            let colour = plain_colour(&written).ok_or_else(|| {
                hinted(
                    source.problem(span.as_ref(), &format!("unknown colour `{written}`")),
                    colour::suggest(&written, std::iter::empty()),
                    "write `#rrggbb`, `default`, a name like `bright-blue`, or a number from 0 to 255",
                )
            })?;
            self.palette.insert(name.to_owned(), colour);
        }
        Ok(())
    }

    fn read_roles(&mut self, source: &Source, table: &dyn TableLike) -> Result<(), UserError> {
        for (name, item) in table.iter() {
            let span = span_of(table.key(name), item);
            let Some(role) = role(name) else {
                return Err(hinted(
                    source.problem(span.as_ref(), &format!("unknown role `{name}`")),
                    nearest(name, ROLES.iter().map(|role| role.name)),
                    "the built-in themes show every role",
                ));
            };
            let paint = if let Some(text) = written(item) {
                let fg = Named { text, place: place(source, span.as_ref()) };
                Paint { fg: Some(fg), bg: None, attributes: Modifier::empty() }
            } else if let Some(table) = item.as_table_like() {
                read_paint(source, table)?
            } else {
                return Err(not_a_colour(source, span.as_ref(), name));
            };
            self.roles.insert(role.name, paint);
        }
        Ok(())
    }

    /// This theme over the one that it inherits from.
    pub fn over(mut self, below: Self) -> Self {
        let mut palette = below.palette;
        palette.append(&mut self.palette);
        let mut roles = below.roles;
        roles.append(&mut self.roles);
        Self { name: self.name, inherits: below.inherits, palette, roles }
    }

    /// Looks every colour up and fills in what is not said.
    pub fn finish(&self, id: &str) -> Result<Theme, UserError> {
        let mut theme = blank(id, self.name.as_deref().unwrap_or(id));
        for role in ROLES {
            let style = self.style(role, &theme)?;
            *(role.get_mut)(&mut theme) = style;
        }
        theme.revision = revision(&theme);
        Ok(theme)
    }

    fn style(&self, wanted: &Role, done: &Theme) -> Result<Style, UserError> {
        let like = wanted.like.and_then(role).map(|role| (role.get)(done)).unwrap_or_default();
        // Tokens of code stand on the ground of their block; everything else on whatever it is drawn over.
        let ground = match wanted.name {
            name if name.starts_with("code_") => done.code.bg,
            _ if wanted.is_ground() => like.bg,
            _ => None,
        };
        let Some(paint) = self.roles.get(wanted.name) else {
            return Ok(Style { bg: ground, ..like }.add_modifier(wanted.with));
        };
        let fg = paint.fg.as_ref().map(|named| self.colour(named)).transpose()?;
        let bg = paint.bg.as_ref().map(|named| self.colour(named)).transpose()?;
        Ok(Style { fg: fg.or(like.fg), bg: bg.or(ground), ..Style::new() }.add_modifier(paint.attributes))
    }

    fn colour(&self, named: &Named) -> Result<Color, UserError> {
        self.palette.get(&named.text).copied().or_else(|| plain_colour(&named.text)).ok_or_else(|| {
            hinted(
                UserError::new(
                    crate::error::ErrorKind::Config,
                    format!("{}: unknown colour `{}`", named.place, named.text),
                ),
                colour::suggest(&named.text, self.palette.keys().map(String::as_str)),
                "name it under [palette], or write `#rrggbb`, `default`, a name like `bright-blue`, or a number from 0 to 255",
            )
        })
    }
}

fn read_paint(source: &Source, table: &dyn TableLike) -> Result<Paint, UserError> {
    let mut paint = Paint { fg: None, bg: None, attributes: Modifier::empty() };
    for (name, item) in table.iter() {
        let span = span_of(table.key(name), item);
        if let "fg" | "bg" = name {
            let text = written(item).ok_or_else(|| not_a_colour(source, span.as_ref(), name))?;
            let named = Some(Named { text, place: place(source, span.as_ref()) });
            if name == "fg" {
                paint.fg = named;
            } else {
                paint.bg = named;
            }
        } else if let Some((_, attribute)) = ATTRIBUTES.iter().find(|(known, _)| *known == name) {
            let on = item
                .as_bool()
                .ok_or_else(|| source.problem(span.as_ref(), &format!("`{name}` must be true or false")))?;
            paint.attributes.set(*attribute, on);
        } else {
            return Err(hinted(
                source.problem(span.as_ref(), &format!("unknown attribute `{name}`")),
                nearest(name, ATTRIBUTES.iter().map(|(known, _)| *known).chain(["fg", "bg"])),
                "there are fg, bg, bold, dim, italic, underline, reverse and strikethrough",
            ));
        }
    }
    Ok(paint)
}

/// A colour as it is written, if it can be one.
fn written(item: &Item) -> Option<String> {
    item.as_str().map(str::to_owned).or_else(|| item.as_integer().map(|number| number.to_string()))
}

/// A colour that needs no palette.
fn plain_colour(text: &str) -> Option<Color> {
    colour::hex(text).or_else(|| colour::ansi_named(text)).or_else(|| text.parse().ok().map(colour::indexed))
}

fn place(source: &Source, span: Option<&Range<usize>>) -> String {
    span.map_or_else(|| source.name.clone(), |span| format!("{}:{}", source.name, source.line(span.start)))
}

fn not_a_colour(source: &Source, span: Option<&Range<usize>>, name: &str) -> UserError {
    source
        .problem(span, &format!("`{name}` must be a colour"))
        .hint("write `#rrggbb`, `default`, a name like `bright-blue`, or a number from 0 to 255")
}

fn hinted(problem: UserError, near: Option<&str>, otherwise: &str) -> UserError {
    match near {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint(otherwise),
    }
}
