//! A word to somebody who looks elsewhere, through the terminal: a bell, or a message of the desktop.

use crate::config::Notify;
use crate::runtime::terminal;
use crate::text::sanitize;

/// Characters of a message; a desktop shows no more.
const MOST: usize = 200;

/// What is written to the terminal. Nothing of the text can end the sequence or begin another.
pub(super) fn sequence(how: Notify, text: &str, env: impl Fn(&str) -> Option<String>) -> Vec<u8> {
    const BELL: &[u8] = b"\x07";
    let how = if how == Notify::Auto { understood(&env) } else { how };
    let text: String = sanitize(text).chars().filter(|c| !c.is_control() && *c != ';').take(MOST).collect();
    let plain = match how {
        Notify::Off => return Vec::new(),
        Notify::Bell | Notify::Auto => return BELL.to_vec(),
        Notify::Osc9 => format!("\x1b]9;{text}\x07"),
        Notify::Osc777 => format!("\x1b]777;notify;hobnob;{text}\x07"),
    };
    if terminal::is_set(&env, "TMUX") {
        // The bell is for tmux itself.
        [terminal::through_tmux(&plain).as_bytes(), BELL].concat()
    } else {
        plain.into_bytes()
    }
}

/// What the terminal is known to understand. Most others only ring.
fn understood(env: &impl Fn(&str) -> Option<String>) -> Notify {
    let has = |name: &str, part: &str| env(name).is_some_and(|value| value.to_ascii_lowercase().contains(part));
    let set = |name: &str| terminal::is_set(env, name);
    let knows_9 = ["iterm", "wezterm", "ghostty", "warp"].iter().any(|name| has("TERM_PROGRAM", name))
        || set("ITERM_SESSION_ID")
        || set("KITTY_WINDOW_ID")
        || ["kitty", "ghostty"].iter().any(|name| has("TERM", name))
        || has("LC_TERMINAL", "iterm");
    if knows_9 {
        Notify::Osc9
    } else if ["rxvt", "foot"].iter().any(|name| has("TERM", name)) || set("VTE_VERSION") {
        Notify::Osc777
    } else {
        Notify::Bell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(how: Notify, text: &str, env: &[(&str, &str)]) -> String {
        let env = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        String::from_utf8(sequence(how, text, env)).expect("text")
    }

    #[test]
    fn each_way_has_its_sequence() {
        assert_eq!(written(Notify::Off, "x", &[]), "");
        assert_eq!(written(Notify::Bell, "x", &[]), "\x07");
        assert_eq!(written(Notify::Osc9, "x y", &[]), "\x1b]9;x y\x07");
        assert_eq!(written(Notify::Osc777, "x", &[]), "\x1b]777;notify;hobnob;x\x07");
        let tmux = written(Notify::Osc9, "x", &[("TMUX", "/tmp/x")]);
        assert_eq!(tmux, "\x1bPtmux;\x1b\x1b]9;x\x07\x1b\\\x07");
    }

    #[test]
    fn what_the_terminal_understands_is_known_by_its_name() {
        for (env, begins) in [
            (("TERM_PROGRAM", "iTerm.app"), "\x1b]9;"),
            (("KITTY_WINDOW_ID", "1"), "\x1b]9;"),
            (("TERM", "foot"), "\x1b]777;"),
            (("VTE_VERSION", "7600"), "\x1b]777;"),
            (("TERM", "xterm-256color"), "\x07"),
        ] {
            assert!(written(Notify::Auto, "x", &[env]).starts_with(begins), "{env:?}");
        }
    }

    #[test]
    fn nothing_gets_out_of_the_text() {
        let hostile = "a\x1b]52;c;eA==\x07b\x1b\\c\u{9c}d\n;e\u{202e}f\u{7f}";
        for how in [Notify::Osc9, Notify::Osc777] {
            let out = written(how, hostile, &[]);
            let inside = out.trim_start_matches("\x1b]9;").trim_start_matches("\x1b]777;notify;hobnob;");
            let inside = inside.strip_suffix('\x07').expect("its end");
            assert!(!inside.contains(|c: char| c.is_control() || c == ';' || c == '\u{202e}'), "{inside:?}");
        }
    }
}
