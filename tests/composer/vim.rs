//! Vim's keys, where they meet the rest of the interface.

use hobnob::app::msg::Effect;
use hobnob::app::vim::Mode;
use hobnob::app::{Overlay, Pane};
use hobnob::config::Value;
use hobnob::domain::{EngineCmd, FinishReason, GenId};

use super::support::app::Driver;
use super::{asked, paste, ready_with, written};

pub fn vim() -> Driver {
    ready_with(vec![("ui.editing", Value::Text("vim".into()), "a test")])
}

/// Keys one by one, characters all of them.
fn press(d: &mut Driver, keys: &str) {
    for c in keys.chars() {
        d.key(&if c == ' ' { "space".to_owned() } else { c.to_string() });
    }
}

#[test]
fn a_message_is_written_changed_and_sent() {
    let mut d = vim();
    d.type_text("Why is teh sky");
    assert_eq!(d.app.vim_mode(), Some(Mode::Insert));
    d.key("esc");
    press(&mut d, "bbcw");
    d.type_text("the");
    d.key("esc");
    press(&mut d, "A");
    d.type_text(" blue?");
    d.key("esc");
    assert_eq!(asked(&d.key("enter")), Some("Why is the sky blue?"), "Enter sends in normal mode, too");
    assert_eq!(d.app.vim_mode(), Some(Mode::Insert), "the next one is typed");
}

#[test]
fn escape_leaves_the_mode_first_and_stops_the_answer_then() {
    let mut d = vim();
    d.say("one");
    assert!(d.screen(80, 24).contains("Ctrl-C stops"));
    d.type_text("two");
    assert_eq!(d.key("esc"), []);
    assert_eq!(d.app.vim_mode(), Some(Mode::Normal));
    press(&mut d, "2d");
    assert_eq!(d.key("esc"), [], "half a command is left, too");
    assert!(d.key("esc").contains(&Effect::Engine(EngineCmd::Cancel(GenId(1)))));
    assert_eq!(written(&d), "two");
}

#[test]
fn keys_with_ctrl_do_not_edit_in_normal_mode_and_reach_what_is_around() {
    let mut d = vim();
    d.type_text("one two");
    d.key("esc");
    for key in ["ctrl-d", "ctrl-w", "ctrl-k"] {
        d.key(key);
        assert_eq!(written(&d), "one two", "{key}");
    }
    d.key("ctrl-p");
    assert!(matches!(d.app.overlay, Some(Overlay::Palette(_))));
    d.type_text("dd");
    d.key("esc");
    assert_eq!(written(&d), "one two", "what is typed there is typed there");
    d.key("f3");
    assert_eq!(d.app.pane, Pane::Models);
    d.key("j");
    d.key("f2");
    assert_eq!(written(&d), "one two");
}

#[test]
fn the_edges_lead_to_the_prompts_before() {
    let mut d = vim();
    d.say("first");
    d.type_text("x");
    d.key("esc");
    press(&mut d, "k");
    assert_eq!(written(&d), "first");
    press(&mut d, "j");
    assert_eq!(written(&d), "x");
}

#[test]
fn a_paste_is_one_character_and_undo_brings_it_back() {
    let mut d = vim();
    paste(&mut d, &"line\n".repeat(100));
    d.key("esc");
    press(&mut d, "x");
    assert_eq!(written(&d), "");
    press(&mut d, "u");
    assert_eq!(written(&d).lines().count(), 100);
    d.key("ctrl-v");
    assert!(d.app.chat.composer.area.text().starts_with("line\nline"));
}

#[test]
fn a_selection_ends_where_the_text_changes_under_it() {
    let mut d = vim();
    d.type_text("hello");
    d.key("esc");
    press(&mut d, "v");
    d.key("ctrl-c");
    assert_eq!((written(&d).as_str(), d.app.vim_mode()), ("", Some(Mode::Normal)));
    press(&mut d, "hd");
    d.key("esc");
    press(&mut d, "i");
    d.type_text("hello world");
    d.key("esc");
    press(&mut d, "v0");
    paste(&mut d, "日本語日本語");
    assert_eq!((written(&d).as_str(), d.app.vim_mode()), ("日本語日本語hello world", Some(Mode::Normal)));
    press(&mut d, "lhvhd");
    assert_eq!(written(&d), "日本語日本ello world");
}

#[test]
fn a_command_that_is_given_ends_the_selection_in_it() {
    let mut d = vim();
    d.type_text("/theme nord");
    d.key("esc");
    press(&mut d, "v");
    d.key("enter");
    assert_eq!((written(&d).as_str(), &*d.app.theme.id, d.app.vim_mode()), ("", "nord", Some(Mode::Normal)));
    press(&mut d, "hd");
    assert_eq!(written(&d), "");
}

#[test]
fn the_setting_acts_at_once() {
    let mut d = vim();
    d.type_text("one");
    d.key("esc");
    d.key("f4");
    d.app.settings_pane.go_to("ui.editing");
    d.key("right");
    d.key("f2");
    assert_eq!(d.app.vim_mode(), None);
    d.type_text("x");
    assert_eq!(written(&d).len(), 4, "keys are letters again");
}

#[test]
fn what_vim_had_begun_ends_with_the_setting() {
    let mut d = vim();
    d.type_text("one");
    d.key("esc");
    press(&mut d, "A");
    d.type_text(" two");
    let switch = |d: &mut Driver| {
        d.key("f4");
        d.app.settings_pane.go_to("ui.editing");
        d.key("right");
        d.key("f2");
    };
    switch(&mut d);
    d.type_text(" three");
    d.key("ctrl-/");
    assert_eq!(written(&d), "one two", "what was inserted there is another change");
    switch(&mut d);
    d.key("esc");
    press(&mut d, "v0");
    switch(&mut d);
    assert_eq!(d.app.chat.composer.area.selected(), None);
}

/// A conversation in which a word stands in the first, the second and the last message.
fn talk() -> Driver {
    let mut d = vim();
    for (n, (question, answer)) in
        [("blue?", "sky blue"), ("red?", "dusk"), ("and blue", "yes")].into_iter().enumerate()
    {
        d.say(question);
        let id = n as u64 + 1;
        d.delta(id, answer);
        d.finish(id, FinishReason::Stop);
    }
    d.screen(80, 24);
    d.key("esc");
    d
}

/// Which place of how many is gone to.
fn place(d: &Driver) -> (usize, usize) {
    d.app.chat.transcript.find.as_ref().expect("a search").number()
}

#[test]
fn a_slash_looks_down_a_question_mark_up_and_n_goes_on_that_way() {
    for (key, steps) in [("/", [3, 1, 2]), ("?", [3, 2, 1])] {
        let mut d = talk();
        d.key(key);
        d.type_text("blue");
        assert_eq!(place(&d), (steps[0], 3), "{key}");
        d.key("enter");
        assert!(d.app.chat.transcript.find.as_ref().is_some_and(|find| !find.open), "{key}: the words are ended");
        for step in &steps[1..] {
            press(&mut d, "n");
            assert_eq!(place(&d), (*step, 3), "{key}");
        }
        press(&mut d, "N");
        assert_eq!(place(&d), (steps[1], 3), "{key}");
        d.key("esc");
        assert_eq!((d.app.chat.transcript.cursor().is_none(), d.app.vim_mode()), (true, Some(Mode::Normal)));
        press(&mut d, "n");
        assert_eq!(place(&d), (steps[2], 3), "{key}: from the composer, too");
        assert_eq!(written(&d), "");
    }
}
