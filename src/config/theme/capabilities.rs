//! What the terminal can show, told by its environment.

use std::ffi::OsString;

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColourDepth {
    /// None: bold, dim, underline and reverse only.
    None,
    Ansi16,
    Ansi256,
    True,
}

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Capabilities {
    pub depth: ColourDepth,
    /// Characters beyond ASCII.
    pub unicode: bool,
}

/// Names in `TERM` of terminals that show every colour, whatever else they forget to say.
const TRUE_TERMS: [&str; 7] = ["-direct", "kitty", "ghostty", "alacritty", "wezterm", "foot", "contour"];
/// The same, in `TERM_PROGRAM`.
const TRUE_PROGRAMS: [&str; 8] = ["iTerm.app", "WezTerm", "ghostty", "vscode", "WarpTerminal", "rio", "Hyper", "Tabby"];

impl Capabilities {
    /// Reads the environment; `ascii` is the setting `ui.ascii`, which wins.
    #[must_use]
    pub fn detect(env: &dyn Fn(&str) -> Option<OsString>, ascii: Option<bool>) -> Self {
        Self::detect_on(env, ascii, cfg!(target_os = "macos"))
    }

    /// The same, where the setting `ui.ascii` says this.
    #[must_use]
    pub fn with_ascii(self, ascii: Option<bool>) -> Self {
        Self { unicode: ascii.map_or(self.unicode, |ascii| !ascii), ..self }
    }

    fn detect_on(env: &dyn Fn(&str) -> Option<OsString>, ascii: Option<bool>, macos: bool) -> Self {
        let get = |name: &str| env(name).map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
        let term = get("TERM").to_lowercase();
        // The console of Linux has a font of 512 characters at most, and ours are not among them.
        let unicode = term != "linux" && is_utf8(&get, macos);
        Self { depth: depth(&get, &term), unicode }.with_ascii(ascii)
    }
}

fn depth(get: &dyn Fn(&str) -> String, term: &str) -> ColourDepth {
    let program = get("TERM_PROGRAM");
    let ends = |endings: &[&str]| endings.iter().any(|ending| term.ends_with(ending));
    if !get("NO_COLOR").is_empty()
        || term.is_empty()
        || term == "dumb"
        || term.starts_with("vt")
        || ends(&["-mono", "-m"])
    {
        return ColourDepth::None;
    }
    // Terminal.app shows full colours as garbage, and many a shell's start file claims them for every terminal.
    if program == "Apple_Terminal" {
        return ColourDepth::Ansi256;
    }
    // So does GNU screen, which hands the claim of the terminal around it on; tmux translates.
    let in_screen = term.starts_with("screen") && get("TMUX").is_empty();
    let claims_true = matches!(get("COLORTERM").to_lowercase().as_str(), "truecolor" | "24bit")
        || TRUE_PROGRAMS.contains(&program.as_str())
        || !get("WT_SESSION").is_empty();
    if TRUE_TERMS.iter().any(|name| term.contains(name)) || (claims_true && !in_screen && term != "linux") {
        ColourDepth::True
    } else if term.contains("256color") {
        ColourDepth::Ansi256
    } else {
        ColourDepth::Ansi16
    }
}

/// The first of the three that says anything decides, as for every program; macOS's terminals are UTF-8 without saying so.
fn is_utf8(get: &dyn Fn(&str) -> String, macos: bool) -> bool {
    match ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().map(get).find(|locale| !locale.is_empty()) {
        Some(locale) => {
            let locale = locale.to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        }
        None => macos,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(variables: &[(&str, &str)], ascii: Option<bool>, macos: bool) -> Capabilities {
        let env =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        Capabilities::detect_on(&env, ascii, macos)
    }

    #[test]
    fn colours_are_what_the_environment_says() {
        use ColourDepth::{Ansi16, Ansi256, None, True};
        for (variables, expected) in [
            (&[("TERM", "xterm-256color")][..], Ansi256),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], True),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "24bit")], True),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "yes")], Ansi256),
            (&[("TERM", "xterm")], Ansi16),
            (&[("TERM", "xterm-direct")], True),
            (&[("TERM", "xterm-kitty")], True),
            (&[("TERM", "linux")], Ansi16),
            (&[("TERM", "linux"), ("COLORTERM", "truecolor")], Ansi16),
            (&[("TERM", "dumb"), ("COLORTERM", "truecolor")], None),
            (&[("TERM", "vt100")], None),
            (&[("COLORTERM", "truecolor")], None),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")], None),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], Ansi256),
            (&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "Apple_Terminal")], Ansi256),
            (&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "Apple_Terminal"), ("COLORTERM", "truecolor")], Ansi256),
            (&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "iTerm.app")], True),
            (&[("TERM", "screen-256color"), ("COLORTERM", "truecolor")], Ansi256),
            (&[("TERM", "screen-256color"), ("COLORTERM", "truecolor"), ("TMUX", "/tmp/x")], True),
            (&[("TERM", "tmux-256color")], Ansi256),
        ] {
            assert_eq!(detect(variables, Some(false), false).depth, expected, "{variables:?}");
        }
    }

    #[test]
    fn characters_are_what_the_locale_says() {
        for (variables, macos, expected) in [
            (&[("LANG", "en_GB.UTF-8")][..], false, true),
            (&[("LANG", "C.utf8")], false, true),
            (&[("LC_CTYPE", "UTF-8")], true, true),
            (&[("LANG", "en_GB.UTF-8"), ("LC_ALL", "C")], false, false),
            (&[("LANG", "en_GB.UTF-8"), ("LC_ALL", "")], false, true),
            (&[("LANG", "POSIX")], true, false),
            (&[], true, true),
            (&[], false, false),
            (&[("TERM", "linux"), ("LANG", "C.UTF-8")], false, false),
        ] {
            assert_eq!(detect(variables, None, macos).unicode, expected, "{variables:?} {macos}");
        }
        assert!(detect(&[("LANG", "C")], Some(false), false).unicode);
        assert!(!detect(&[("LANG", "C.UTF-8")], Some(true), false).unicode);
    }
}
