//! Brings a theme down to what a terminal shows, so that everything that could be read can still be read.

use ratatui::style::{Color, Modifier, Style};

use super::colour::{nearest_16, nearest_256, rgb};
use super::roles::{ROLES, Role, revision};
use super::{Capabilities, ColourDepth, Glyphs, Theme};

impl Theme {
    /// The theme as this terminal can show it.
    #[must_use]
    pub fn fit(&self, capabilities: Capabilities) -> Self {
        let mut theme = self.clone();
        theme.glyphs = if capabilities.unicode { Glyphs::UNICODE } else { Glyphs::ASCII };
        for role in ROLES {
            let style = (role.get)(self);
            *(role.get_mut)(&mut theme) = match capabilities.depth {
                ColourDepth::True => style,
                ColourDepth::Ansi256 => in_256(style, style.bg.or(self.base.bg)),
                ColourDepth::Ansi16 => in_16(role, style),
                ColourDepth::None => without_colours(role, style),
            };
        }
        theme.revision = revision(&theme);
        theme
    }
}

/// The nearest colours; a text never falls together with its ground.
fn in_256(style: Style, ground: Option<Color>) -> Style {
    let ground = ground.map(|colour| rgb(colour).map_or(colour, |rgb| nearest_256(rgb, None)));
    let fg = style.fg.map(|colour| rgb(colour).map_or(colour, |rgb| nearest_256(rgb, ground)));
    Style { fg, bg: style.bg.and(ground), ..style }
}

/// Nobody knows whether the terminal is dark or light: grounds become its own, and texts what can be read on both.
fn in_16(role: &Role, style: Style) -> Style {
    let is_named = |colour: Option<Color>| colour.is_none_or(|colour| rgb(colour).is_none());
    // Whoever names the terminal's own colours means them.
    if is_named(style.fg) && is_named(style.bg) {
        return style;
    }
    let bg = if role.is_ground() { Some(Color::Reset) } else { None };
    let style = Style { bg, ..style };
    match role.name {
        // A ground of its own is what made it stand out.
        "selection" => style.fg(Color::Reset).bg(Color::Reset).add_modifier(Modifier::REVERSED),
        "found" => style.fg(Color::Reset).add_modifier(Modifier::UNDERLINED.union(Modifier::BOLD)),
        "base" | "panel" | "code" | "assistant" => style.fg(Color::Reset),
        // Greys have no colour here that is safe on both grounds; the terminal knows how to dim its own text.
        "muted" | "faint" | "border" | "table_border" | "gauge_empty" | "reasoning" | "quote" | "code_comment" => {
            style.fg(Color::Reset).add_modifier(Modifier::DIM)
        }
        // These three must not be taken for each other, whatever shades a theme has for them.
        "good" => style.fg(Color::Green),
        "warning" => style.fg(Color::Magenta).add_modifier(Modifier::BOLD),
        "error" => style.fg(Color::Red).add_modifier(Modifier::BOLD),
        _ => match style.fg.map(|colour| (colour, rgb(colour))) {
            None | Some((_, None)) => style,
            Some((_, Some(shade))) => match nearest_16(shade) {
                Some(colour) => style.fg(colour),
                None => style.fg(Color::Reset).add_modifier(role.plain),
            },
        },
    }
}

/// Attributes alone carry the meaning.
fn without_colours(role: &Role, style: Style) -> Style {
    Style { fg: None, bg: None, underline_color: None, ..style }.add_modifier(role.plain)
}
