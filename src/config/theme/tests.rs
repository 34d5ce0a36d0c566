//! Themes as a person meets them: readable, whatever the terminal.

use proptest::prelude::*;
use ratatui::style::{Color, Modifier, Style};

use super::colour::{Rgb, contrast, rgb};
use super::parse::Draft;
use super::roles::ROLES;
use super::*;
use crate::config::file::Source;

const DEPTHS: [ColourDepth; 4] = [ColourDepth::None, ColourDepth::Ansi16, ColourDepth::Ansi256, ColourDepth::True];

fn all() -> Vec<Theme> {
    let themes = Themes::builtin();
    themes.ids().into_iter().map(|id| themes.get(id).unwrap_or_else(|problem| panic!("{problem}"))).collect()
}

fn fitted(theme: &Theme, depth: ColourDepth) -> Theme {
    theme.fit(Capabilities { depth, unicode: true })
}

fn fg(style: Style) -> Option<Rgb> {
    style.fg.and_then(rgb)
}

fn bg(style: Style) -> Option<Rgb> {
    style.bg.and_then(rgb)
}

/// A theme from a text, as a user would write it.
fn theme(text: &str) -> Result<Theme, crate::error::UserError> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("mine.toml"), text).expect("written");
    load(folder.path(), "mine")
}

fn check_contrasts(theme: &Theme, least: f64) {
    let Some(ground) = bg(theme.base) else { return };
    let panel = bg(theme.panel).expect("a theme in full colours has a ground for panels");
    let code = bg(theme.code).expect("and for code");
    for role in ROLES {
        let style = (role.get)(theme);
        let Some(text) = fg(style) else { panic!("{}: {} has no colour", theme.id, role.name) };
        let needed = match role.name {
            "faint" | "border" | "table_border" | "gauge_empty" => 1.5,
            "muted" | "reasoning" | "quote" | "strikethrough" | "code_comment" => 3.0,
            _ => least,
        };
        let grounds: &[Rgb] = match role.name {
            "selection" | "found" | "found_here" => &[bg(style).expect("a ground of its own")],
            name if name.starts_with("code") => &[code],
            _ => &[ground, panel],
        };
        for ground in grounds {
            let found = contrast(text, *ground);
            assert!(found >= needed, "{}: {} has {found:.2} of {needed} on {ground:02x?}", theme.id, role.name);
        }
    }
}

#[test]
fn built_in_themes_are_readable() {
    let themes = all();
    assert!(themes.len() >= 10);
    for theme in &themes {
        check_contrasts(theme, 4.5);
    }
    let high = themes.iter().find(|theme| theme.id == "high-contrast").expect("it is there");
    check_contrasts(high, 7.0);
}

#[test]
fn with_256_colours_they_are_too() {
    for theme in &all() {
        let fitted = fitted(theme, ColourDepth::Ansi256);
        for role in ROLES {
            let style = (role.get)(&fitted);
            assert!(
                !matches!(style.fg, Some(Color::Rgb(..))) && !matches!(style.bg, Some(Color::Rgb(..))),
                "{}",
                role.name
            );
            let ground = style.bg.or(fitted.base.bg);
            if let (Some(text), Some(ground)) = (fg(style), ground.and_then(rgb)) {
                let least = match role.name {
                    "faint" | "border" | "table_border" | "gauge_empty" => 1.3,
                    "muted" | "reasoning" | "quote" | "strikethrough" | "code_comment" => 3.0,
                    _ => 4.0,
                };
                let found = contrast(text, ground);
                assert!(found >= least, "{}: {} has {found:.2}", theme.id, role.name);
            }
        }
    }
}

#[test]
fn with_16_colours_nothing_depends_on_the_ground() {
    let safe =
        [None, Some(Color::Reset), Some(Color::Red), Some(Color::Green), Some(Color::Cyan), Some(Color::Magenta)];
    for theme in &all() {
        let fitted = fitted(theme, ColourDepth::Ansi16);
        assert!(matches!(fitted.base.bg, None | Some(Color::Reset)), "{}", theme.id);
        assert!(fitted.selection.add_modifier.contains(Modifier::REVERSED), "{}", theme.id);
        for role in ROLES {
            let style = (role.get)(&fitted);
            assert!(
                style.fg != style.bg || matches!(style.fg, None | Some(Color::Reset)),
                "{} {}",
                theme.id,
                role.name
            );
            assert!(matches!(style.bg, None | Some(Color::Reset)), "{} {}", theme.id, role.name);
            // Whoever chooses the terminal's colours has chosen them for their terminal.
            assert!(theme.id == "terminal" || safe.contains(&style.fg), "{} {} {:?}", theme.id, role.name, style.fg);
        }
        for (one, other) in [
            (fitted.good, fitted.warning),
            (fitted.warning, fitted.error),
            (fitted.good, fitted.error),
            (fitted.base, fitted.accent),
            (fitted.base, fitted.muted),
            (fitted.base, fitted.user),
            (fitted.base, fitted.heading),
            (fitted.base, fitted.inline_code),
        ] {
            assert_ne!(one, other, "{}", theme.id);
        }
    }
}

#[test]
fn without_colours_the_meaning_stays() {
    for theme in &all() {
        let fitted = fitted(theme, ColourDepth::None);
        for role in ROLES {
            let style = (role.get)(&fitted);
            assert_eq!((style.fg, style.bg), (None, None), "{} {}", theme.id, role.name);
        }
        assert!(fitted.selection.add_modifier.contains(Modifier::REVERSED));
        assert!(fitted.error.add_modifier.contains(Modifier::BOLD));
        assert!(fitted.heading.add_modifier.contains(Modifier::BOLD | Modifier::UNDERLINED));
        assert!(fitted.muted.add_modifier.contains(Modifier::DIM));
        for other in
            [fitted.muted, fitted.accent, fitted.selection, fitted.error, fitted.user, fitted.heading, fitted.link]
        {
            assert_ne!(other, fitted.base, "{}", theme.id);
        }
        assert_ne!(fitted.error, fitted.warning);
    }
}

#[test]
fn full_colours_are_left_alone_and_the_number_tells_styles_apart() {
    for theme in &all() {
        assert_eq!(&fitted(theme, ColourDepth::True), theme);
        let ascii = theme.fit(Capabilities { depth: ColourDepth::True, unicode: false });
        assert_eq!(ascii.glyphs, Glyphs::ASCII);
        assert_ne!(ascii.revision, theme.revision);
    }
    let mut numbers: Vec<u64> = all().iter().map(|theme| theme.revision).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), all().len());
    assert_eq!(Theme::default().revision, Themes::builtin().get(DEFAULT).expect("the default").revision);
}

#[test]
fn built_in_files_say_every_role() {
    for theme in &all() {
        let text = std::fs::read_to_string(format!("{}/themes/{}.toml", env!("CARGO_MANIFEST_DIR"), theme.id))
            .expect("a file");
        let source = Source { name: theme.id.clone(), text };
        let document = source.parse().expect("TOML");
        let roles = document["roles"].as_table().expect("roles");
        for role in ROLES {
            assert!(roles.contains_key(role.name), "{}: {}", theme.id, role.name);
        }
        assert_ne!(theme.name, theme.id);
    }
}

#[test]
fn a_theme_of_two_lines_works() {
    let small =
        theme("[roles]\nbase = { fg = \"#eeeeee\", bg = \"#111111\" }\naccent = \"#ffcc00\"\n").expect("a theme");
    assert_eq!((small.name.as_str(), small.id.as_str()), ("mine", "mine"));
    assert_eq!(small.user.fg, Some(Color::Rgb(0xff, 0xcc, 0)));
    assert_eq!(small.code_string.fg, Some(Color::Rgb(0xee, 0xee, 0xee)));
    assert_eq!(small.code_string.bg, Some(Color::Rgb(0x11, 0x11, 0x11)));
    assert_eq!(small.muted, Style::new().fg(Color::Rgb(0xee, 0xee, 0xee)).add_modifier(Modifier::DIM));
    assert_eq!(small.muted.bg, None);
    assert!(small.selection.add_modifier.contains(Modifier::REVERSED));
    for depth in DEPTHS {
        assert_ne!(fitted(&small, depth).selection, fitted(&small, depth).base);
    }
}

#[test]
fn colours_are_written_in_any_way() {
    let mixed = theme(
        "[palette]\nmine = \"#abc\"\n[roles]\nbase = { fg = \"default\", bg = 234 }\nuser = \"bright-blue\"\nlink = \"mine\"\n\
         good = \"208\"\nerror = { fg = \"red\", bold = true, underline = true }\n",
    )
    .expect("a theme");
    assert_eq!(mixed.base, Style::new().fg(Color::Reset).bg(Color::Indexed(234)));
    assert_eq!(mixed.user.fg, Some(Color::LightBlue));
    assert_eq!(mixed.link.fg, Some(Color::Rgb(0xaa, 0xbb, 0xcc)));
    assert_eq!(mixed.good.fg, Some(Color::Indexed(208)));
    assert_eq!(mixed.error.add_modifier, Modifier::BOLD | Modifier::UNDERLINED);
}

#[test]
fn a_child_repaints_what_its_parent_names() {
    let nord = Themes::builtin().get("nord").expect("Nord");
    let child =
        theme("name = \"Mine\"\ninherits = \"nord\"\n[palette]\naccent = \"#ff00ff\"\n[roles]\ngood = \"red\"\n")
            .expect("a theme");
    assert_eq!(child.name, "Mine");
    assert_eq!(child.accent.fg, Some(Color::Rgb(255, 0, 255)));
    assert_eq!(child.heading.fg, Some(Color::Rgb(255, 0, 255)));
    // Nord has a red of its own, and the child takes it.
    assert_eq!(child.good.fg, nord.error.fg);
    assert_eq!(child.base, nord.base);
}

#[test]
fn what_is_wrong_is_said_with_file_and_line() {
    for (text, message, hint) in [
        ("[roles]\nbase = \"#12\"", "mine.toml:2: unknown colour `#12`", "rrggbb"),
        ("[roles]\nbase = \"bleu\"", "mine.toml:2: unknown colour `bleu`", "did you mean `blue`?"),
        (
            "[palette]\nsea = \"#00f\"\n[roles]\nuser = \"see\"",
            "mine.toml:4: unknown colour `see`",
            "did you mean `sea`?",
        ),
        ("[palette]\nsea = \"x\"", "mine.toml:2: unknown colour `x`", "rrggbb"),
        ("\n[roles]\nuserr = \"red\"", "mine.toml:3: unknown role `userr`", "did you mean `user`?"),
        (
            "[roles]\nuser = { fg = \"red\", blod = true }",
            "mine.toml:2: unknown attribute `blod`",
            "did you mean `bold`?",
        ),
        ("[roles]\nuser = { bold = 1 }", "mine.toml:2: `bold` must be true or false", ""),
        ("[roles]\nuser = [1]", "mine.toml:2: `user` must be a colour", "rrggbb"),
        ("[roles]\nuser = 256", "mine.toml:2: unknown colour `256`", "0 to 255"),
        ("[role]\nuser = 1", "mine.toml:1: unknown key `role` in a theme", "did you mean `roles`?"),
        ("roles = 1", "mine.toml:1: `roles` must be a table, `[roles]`", ""),
        ("name = 1", "mine.toml:1: `name` must be a text in quotes", ""),
        ("name = ", "mine.toml:1: ", "mend"),
        ("inherits = \"nrod\"", "mine.toml: `inherits`: there is no theme `nrod`", "did you mean `nord`?"),
        ("inherits = \"mine\"", "leads in a circle", "stands on its own"),
    ] {
        let problem = theme(text).expect_err(text);
        assert!(problem.message.contains(message), "{text}: {}", problem.message);
        assert!(problem.hint.unwrap_or_default().contains(hint), "{text}: {hint}");
    }
}

#[test]
fn the_users_folder_is_read_and_its_faults_do_not_spread() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("mine.toml", "name = \"Mine\"\ninherits = \"yours\"\n");
    write("yours.toml", "[roles]\nbase = \"#123456\"\n");
    write("nord.toml", "name = \"My Nord\"\ninherits = \"nord\"\n[roles]\naccent = \"#010203\"\n");
    write("broken.toml", "[roles]\nbase = \"nothing\"\n");
    write("notes.txt", "not a theme");
    write("a b.toml", "");
    let themes = Themes::with_user_dir(folder.path());
    assert_eq!(themes.problems().len(), 2, "{:?}", themes.problems());
    let ids = themes.ids();
    assert!(ids.contains(&"mine") && ids.contains(&"yours") && !ids.contains(&"broken"));
    assert_eq!(ids.iter().filter(|id| **id == "nord").count(), 1);
    let list = themes.list();
    let entry = |id: &str| list.iter().find(|entry| entry.id == id).expect("listed");
    assert_eq!((entry("nord").name.as_str(), entry("nord").is_users), ("My Nord", true));
    assert_eq!((entry("hobnob-dark").name.as_str(), entry("hobnob-dark").is_users), ("Hobnob Dark", false));
    assert_eq!(themes.get("mine").expect("mine").base.fg, Some(Color::Rgb(0x12, 0x34, 0x56)));
    assert_eq!(themes.get("nord").expect("nord").accent.fg, Some(Color::Rgb(1, 2, 3)));
    assert_eq!(load(folder.path(), "nord").expect("nord").name, "My Nord");
    let unknown = themes.get("mne").expect_err("not there");
    assert_eq!(unknown.message, "there is no theme `mne`");
    assert_eq!(unknown.hint.as_deref(), Some("did you mean `mine`?"));
    assert!(load(folder.path(), "../mine").is_err());
    assert!(Themes::with_user_dir(&folder.path().join("none")).problems().is_empty());
}

#[test]
fn circles_end() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.toml"), "inherits = \"b\"").expect("written");
    std::fs::write(folder.path().join("b.toml"), "inherits = \"a\"").expect("written");
    assert!(load(folder.path(), "a").expect_err("a circle").message.contains("circle"));
}

proptest! {
    #[test]
    fn any_file_is_a_theme_or_refused(at: prop::sample::Index, cut in 0..6_usize, insert in "[ -~\\n#\"=é]{0,3}") {
        let whole = include_str!("../../../themes/nord.toml");
        let mut chars: Vec<char> = whole.chars().collect();
        let at = at.index(chars.len());
        chars.splice(at..(at + cut).min(whole.chars().count()), insert.chars());
        let source = Source { name: "mine.toml".into(), text: chars.into_iter().collect() };
        match Draft::read(&source).and_then(|draft| draft.finish("mine")) {
            Ok(theme) => {
                for depth in DEPTHS {
                    prop_assert_ne!(fitted(&theme, depth).selection, fitted(&theme, depth).base);
                }
            }
            Err(problem) => prop_assert!(problem.message.starts_with("mine.toml:"), "{}", problem.message),
        }
    }
}
