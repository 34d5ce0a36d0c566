//! The roles, what each looks like where a theme is silent, and what is left of it without colours.

use std::hash::{DefaultHasher, Hash, Hasher};

use ratatui::style::{Modifier, Style};

use super::{Glyphs, Theme};

/// A role of the theme.
pub(super) struct Role {
    pub name: &'static str,
    /// The role that it looks like where a theme does not name it; roles come after their relatives.
    pub like: Option<&'static str>,
    /// With these attributes on top.
    pub with: Modifier,
    /// What keeps its meaning when there are no colours at all.
    pub plain: Modifier,
    pub get: fn(&Theme) -> Style,
    pub get_mut: fn(&mut Theme) -> &mut Style,
}

impl Role {
    /// Things are written on these, so they have a ground of their own.
    pub fn is_ground(&self) -> bool {
        matches!(self.name, "base" | "panel" | "code")
    }
}

macro_rules! roles {
    ($($name:ident: $like:expr, $with:expr, $plain:expr;)+) => {
        pub(super) const ROLES: &[Role] = &[$(Role {
            name: stringify!($name),
            like: $like,
            with: $with,
            plain: $plain,
            get: |theme| theme.$name,
            get_mut: |theme| &mut theme.$name,
        }),+];

        /// A theme without any style. That it compiles shows that every field is a role.
        pub(super) fn blank(id: &str, name: &str) -> Theme {
            Theme {
                id: id.to_owned(),
                name: name.to_owned(),
                glyphs: Glyphs::UNICODE,
                revision: 0,
                $($name: Style::new()),+
            }
        }
    };
}

const NO: Modifier = Modifier::empty();
const BOLD: Modifier = Modifier::BOLD;
const DIM: Modifier = Modifier::DIM;
const ITALIC: Modifier = Modifier::ITALIC;
const LINE: Modifier = Modifier::UNDERLINED;

roles! {
    // role: looks like, with, and without colours is
    base: None, NO, NO;
    muted: Some("base"), DIM, DIM;
    faint: Some("muted"), DIM, DIM;
    accent: Some("base"), BOLD, BOLD;
    selection: Some("base"), Modifier::REVERSED, Modifier::REVERSED;
    found: Some("selection"), NO, LINE;
    found_here: Some("accent"), Modifier::REVERSED, Modifier::REVERSED;
    panel: Some("base"), NO, NO;
    border: Some("faint"), NO, DIM;
    good: Some("accent"), NO, NO;
    warning: Some("accent"), BOLD, BOLD;
    error: Some("warning"), BOLD, BOLD.union(LINE);

    user: Some("accent"), NO, BOLD;
    assistant: Some("base"), NO, NO;
    reasoning: Some("muted"), ITALIC, ITALIC.union(DIM);
    gauge: Some("accent"), NO, NO;
    gauge_empty: Some("faint"), NO, DIM;
    sparkline: Some("accent"), NO, NO;

    heading: Some("accent"), BOLD, BOLD.union(LINE);
    strong: Some("base"), BOLD, BOLD;
    emphasis: Some("base"), ITALIC, ITALIC;
    strikethrough: Some("muted"), Modifier::CROSSED_OUT, Modifier::CROSSED_OUT;
    link: Some("accent"), LINE, LINE;
    quote: Some("muted"), NO, DIM;
    list_marker: Some("accent"), NO, BOLD;
    table_border: Some("border"), NO, DIM;
    inline_code: Some("accent"), NO, BOLD;
    math: Some("emphasis"), NO, ITALIC;
    code: Some("base"), NO, NO;

    code_comment: Some("muted"), ITALIC, DIM.union(ITALIC);
    code_keyword: Some("code"), BOLD, BOLD;
    code_string: Some("code"), NO, NO;
    code_number: Some("code"), NO, NO;
    code_function: Some("code"), NO, NO;
    code_type: Some("code"), NO, NO;
    code_variable: Some("code"), NO, NO;
    code_operator: Some("code"), NO, NO;
    code_inserted: Some("good"), NO, NO;
    code_deleted: Some("error"), NO, DIM;
}

pub(super) fn role(name: &str) -> Option<&'static Role> {
    ROLES.iter().find(|role| role.name == name)
}

/// The number of what a theme draws.
pub(super) fn revision(theme: &Theme) -> u64 {
    let mut hasher = DefaultHasher::new();
    theme.glyphs.unicode.hash(&mut hasher);
    for role in ROLES {
        (role.get)(theme).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_comes_after_what_it_looks_like() {
        for (index, role) in ROLES.iter().enumerate() {
            if let Some(like) = role.like {
                assert!(ROLES[..index].iter().any(|earlier| earlier.name == like), "{}", role.name);
            }
        }
    }
}
