//! Finding, folding, pointing at, copying and deleting what is in a conversation.

mod support;

use std::time::Duration;

use hobnob::app::msg::{Effect, Msg, TermEvent};
use hobnob::app::transcript::Anchor;
use hobnob::domain::store::{Change, StoreCmd};
use hobnob::domain::{EngineEvent, FinishReason, GenId, MsgId, PieceKind};
use support::app::{CLOCK, Driver};

fn answer(d: &mut Driver, id: u64, question: &str, text: &str) {
    d.say(question);
    d.delta(id, text);
    d.finish(id, FinishReason::Stop);
}

fn conversation() -> Driver {
    let mut d = Driver::new();
    d.ready();
    answer(&mut d, 1, "Why is the sky blue?", "The sky is **blue**.\n\n```rust\nfn one() {}\n```\n\n```sh\ntwo\n```\n");
    answer(&mut d, 2, "And at dusk?", "Red, not blue.");
    d.screen(80, 24);
    d
}

fn copied(effects: &[Effect]) -> (&str, &str) {
    match effects {
        [Effect::Copy { text, what }, ..] => (text, what),
        other => panic!("nothing is copied: {other:?}"),
    }
}

fn shown(d: &Driver) -> Vec<&str> {
    d.app.chat.conversation.branch().map(|message| message.content.as_str()).collect()
}

fn number(d: &Driver) -> (usize, usize) {
    d.app.chat.transcript.find.as_ref().expect("a search").number()
}

#[test]
fn words_are_gone_to_and_escape_goes_back() {
    let mut d = conversation();
    d.screen(40, 12);
    assert!(d.app.chat.transcript.follows());
    d.key("ctrl-f");
    d.type_text("blue");
    assert_eq!(number(&d), (3, 3), "the nearest is at the end, where one was");
    d.key("down");
    assert_eq!(number(&d), (1, 3), "round and round");
    d.screen(40, 12);
    assert!(!d.app.chat.transcript.follows());
    d.key("up");
    d.key("up");
    assert_eq!(number(&d), (2, 3));
    d.key("backspace");
    d.key("esc");
    d.screen(40, 12);
    assert!(!d.app.chat.transcript.follows(), "who went somewhere stays there");
    d.type_text("x");
    assert_eq!(d.app.chat.composer.area.text(), "x", "and writes again");
    d.key("ctrl-end");
    d.key("alt-/");
    d.type_text("sky");
    assert_eq!(number(&d), (2, 2), "what was typed takes the place of the words of the last time");
    d.screen(40, 12);
    d.key("esc");
    d.screen(40, 12);
    assert!(d.app.chat.transcript.follows(), "nobody went anywhere");
}

#[test]
fn a_command_finds_too_and_what_was_found_can_be_pointed_at() {
    let mut d = conversation();
    d.type_text("/find one");
    d.key("enter");
    assert_eq!(number(&d), (1, 1));
    assert_eq!(d.app.chat.composer.area.text(), "");
    d.key("tab");
    d.screen(80, 24);
    assert!(d.app.is_reading());
    assert_eq!(copied(&d.key("y")), ("fn one() {}", "1 line"));
}

#[test]
fn words_in_folded_reasoning_are_shown() {
    let mut d = Driver::new();
    d.ready();
    d.say("Think");
    let reasoning = "A secret thought.";
    d.engine(EngineEvent::Delta { id: GenId(1), kind: PieceKind::Reasoning, text: reasoning.into(), tokens: 3 });
    d.delta(1, "Done.");
    d.finish(1, FinishReason::Stop);
    assert!(!d.screen(80, 24).contains("secret"));
    d.key("ctrl-f");
    d.type_text("secret");
    assert!(d.screen(80, 24).contains("secret thought"));
}

#[test]
fn messages_code_and_lines_are_copied() {
    let mut d = conversation();
    d.key("ctrl-space");
    assert!(d.app.is_reading());
    assert_eq!(copied(&d.key("y")), ("Red, not blue.", "the answer"));
    assert!(!d.app.is_reading(), "what is typed next is written");
    d.key("ctrl-space");
    d.key("[");
    d.key("}");
    let effects = d.key("enter");
    assert_eq!(copied(&effects).1, "2 messages");
    assert!(copied(&effects).0.starts_with("## You\n\nAnd at dusk?\n\n## "));
    d.key("alt-,");
    d.screen(80, 24);
    assert!(d.app.is_reading(), "a block is something to point at");
    assert_eq!(copied(&d.key("y")), ("two\n", "1 line of sh"));
    d.screen(80, 24);
    d.key("ctrl-space");
    d.key("C");
    d.key("C");
    assert_eq!(copied(&d.key("y")), ("fn one() {}\n", "1 line of rust"));
    d.screen(80, 24);
    // From the block on.
    d.key("ctrl-space");
    d.key("C");
    d.key("C");
    d.key("shift-down");
    assert_eq!(copied(&d.key("y")), ("fn one() {}", "1 line"), "nothing is below but a blank");
}

/// An answer in a narrow window, and what is copied from the row with `from` on, `rows` rows in all.
fn part(text: &str, from: &str, rows: usize) -> String {
    let mut d = Driver::new();
    d.ready();
    answer(&mut d, 1, "Why is the sky blue, and what is above it at night?", text);
    part_of(&mut d, from, rows)
}

fn part_of(d: &mut Driver, from: &str, rows: usize) -> String {
    d.screen(32, 60);
    d.key("ctrl-space");
    d.key("g");
    let screen = d.screen(32, 60);
    let at = |text: &str| screen.lines().position(|line| line.contains(text)).unwrap_or_else(|| panic!("{screen}"));
    // The first goes from the message to its first row.
    for _ in 0..=at(from) - at("you") {
        d.key("j");
    }
    d.key("v");
    for _ in 1..rows {
        d.key("j");
    }
    copied(&d.key("y")).0.to_owned()
}

#[test]
fn a_part_is_copied_as_text_and_not_as_it_is_drawn() {
    let prose = "The sky is blue because the air scatters what is blue.\n\n> A quote that is broken into rows, too.\n\n- one\n- two\n";
    assert_eq!(part(prose, "The sky is", 2), "The sky is blue because the air scatters what is blue.");
    assert_eq!(part(prose, "A quote", 2), "> A quote that is broken into rows, too.");
    assert_eq!(part(prose, "• one", 2), "• one\n• two");
    let code = "```make\nall: one two three four five six seven eight nine\n\tcc -o all main.c\n  \tb\n```\nEnd.\n";
    assert_eq!(
        part(code, "make", 9),
        "all: one two three four five six seven eight nine\n\tcc -o all main.c\n  \tb\n\nEnd.",
        "without its label, with its tabs, in its lines"
    );
    assert_eq!(part(code, "↳", 2), " six seven eight nine\n\tcc -o all main.c", "from the middle of a line on");
    // Across messages: who speaks is not part of it.
    assert_eq!(part("Air.", "you", 7), "Why is the sky blue, and what is above it at night?\n\nAir.",);
    assert_eq!(part("Air.", "you", 1), "❯ you", "where nothing else is pointed at");
}

#[test]
fn numbers_of_lines_and_folds_stay_on_the_screen() {
    let mut d = Driver::new();
    d.ready();
    d.app.settings.chat.line_numbers = true;
    d.app.settings.chat.fold_after = 20;
    let code = (1..=40).map(|n| format!("    line {n}")).collect::<Vec<_>>().join("\n");
    answer(&mut d, 1, "Why?", &format!("```c\n{code}\n```\n"));
    answer(&mut d, 2, "So?", "So.");
    let text = part_of(&mut d, "line 1", 40);
    assert!(text.starts_with("    line 1\n    line 2\n"), "{text}");
    assert!(text.contains("    line 39\n    line 40\n\nSo?"), "{text}");
}

#[test]
fn keys_between_two_frames_lead_where_they_would_one_by_one() {
    let mut slow = conversation();
    let mut fast = conversation();
    let keys = ["ctrl-space", "g", "j", "j", "j", "v", "j"];
    for key in keys {
        slow.key(key);
        slow.screen(80, 24);
        fast.key(key);
    }
    assert_eq!(copied(&slow.key("y")), copied(&fast.key("y")));
}

#[test]
fn letters_are_text_again_after_escape() {
    let mut d = conversation();
    d.key("ctrl-space");
    d.key("v");
    d.key("j");
    d.key("esc");
    assert!(d.app.is_reading(), "first the selection is taken back");
    d.key("esc");
    assert!(!d.app.is_reading());
    d.type_text("jj");
    assert_eq!(d.app.chat.composer.area.text(), "jj");
    // What is pasted is to be sent, wherever one was.
    d.key("ctrl-space");
    d.send(Msg::Term(TermEvent::Paste(" more".into())));
    assert!(!d.app.is_reading());
    assert_eq!(d.app.chat.composer.area.text(), "jj more");
}

#[test]
fn nothing_is_pointed_at_where_there_is_nothing() {
    let mut d = Driver::new();
    d.ready();
    for key in ["ctrl-space", "alt-/", "alt-.", "alt-o"] {
        d.key(key);
        d.screen(80, 24);
        assert!(!d.app.is_reading() && !d.app.is_finding(), "{key}");
    }
}

#[test]
fn a_message_is_deleted_and_comes_back() {
    let mut d = conversation();
    d.key("ctrl-space");
    d.key("g");
    d.screen(80, 24);
    d.stored.clear();
    d.key("d");
    assert_eq!(shown(&d), ["And at dusk?", "Red, not blue."]);
    let deleted = |d: &Driver| -> Vec<(MsgId, bool)> {
        let changes = d.stored.iter().flat_map(|command| match command {
            StoreCmd::Keep { changes, .. } => changes.clone(),
            _ => Vec::new(),
        });
        let message = |change| match change {
            Change::Message(message) => Some((message.id, message.deleted)),
            _ => None,
        };
        changes.filter_map(message).collect()
    };
    assert_eq!(deleted(&d), [(MsgId(0), true), (MsgId(1), true)], "and it is kept that they are gone");
    d.stored.clear();
    d.key("u");
    assert_eq!(shown(&d).len(), 4);
    assert_eq!(deleted(&d), [(MsgId(0), false), (MsgId(1), false)]);
    d.key("u");
    assert_eq!(shown(&d).len(), 4, "there is nothing more to bring back");
}

#[test]
fn what_is_deleted_takes_no_room_any_more() {
    let mut d = conversation();
    d.count();
    let tokens = |d: &Driver| d.app.chat.next_prompt("");
    let before = tokens(&d);
    d.key("ctrl-space");
    d.key("g");
    d.key("d");
    d.count();
    let after = tokens(&d);
    assert!(after < before, "{after} of {before}");
}

#[test]
fn the_last_answer_goes_alone_and_can_be_made_again() {
    let mut d = conversation();
    d.key("ctrl-space");
    d.key("delete");
    assert_eq!(shown(&d).last(), Some(&"And at dusk?"));
    d.key("esc");
    let effects = d.key("alt-r");
    assert!(matches!(effects[0], Effect::Engine(_)), "{effects:?}");
    d.delta(3, "Violet.");
    d.finish(3, FinishReason::Stop);
    assert_eq!(shown(&d).last(), Some(&"Violet."));
    d.type_text("/restore-message");
    d.key("enter");
    assert_eq!(shown(&d).last(), Some(&"Red, not blue."), "as a version beside the other");
    assert_eq!(d.app.chat.conversation.versions().len(), 2);
}

#[test]
fn what_is_done_by_its_name_leaves_letters_text() {
    let mut d = conversation();
    for command in ["/delete-message", "/restore-message", "/fold"] {
        d.type_text(command);
        d.key("enter");
        assert!(!d.app.is_reading(), "{command}");
    }
    assert_eq!(shown(&d).len(), 4);
    // What is only the beginning of something goes on there.
    for command in ["/mark", "/side-right"] {
        d.type_text(command);
        d.key("enter");
        assert!(d.app.is_reading(), "{command}");
        d.key("esc");
        d.key("esc");
    }
}

#[test]
fn nothing_is_deleted_while_an_answer_is_made() {
    let mut d = conversation();
    d.say("More");
    d.key("ctrl-space");
    d.key("d");
    assert_eq!(shown(&d).len(), 6);
}

#[test]
fn messages_know_when_they_were_sent() {
    let mut d = Driver::new();
    d.ready();
    d.pass(Duration::from_secs(60));
    d.say("hi");
    let at: Vec<_> = d.app.chat.conversation.branch().map(|message| message.at).collect();
    assert_eq!(at, [Some(CLOCK + 60), Some(CLOCK + 60)]);
}

fn mouse(d: &mut Driver, what: fn(u16, u16) -> TermEvent, column: u16, row: u16) -> Vec<Effect> {
    d.send(Msg::Term(what(column, row)))
}

fn press(column: u16, row: u16) -> TermEvent {
    TermEvent::Click { column, row }
}

fn drag(column: u16, row: u16) -> TermEvent {
    TermEvent::Drag { column, row }
}

fn release(column: u16, row: u16) -> TermEvent {
    TermEvent::Release { column, row }
}

/// Where a text begins on the screen.
fn find(d: &mut Driver, text: &str) -> (u16, u16) {
    let screen = d.screen(80, 24);
    let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains(text)).expect("it is on the screen");
    let column = line[..line.find(text).expect("it is in the line")].chars().count();
    (u16::try_from(column).expect("few"), u16::try_from(row).expect("few"))
}

#[test]
fn the_mouse_selects_characters_words_and_lines() {
    let mut d = conversation();
    let (column, row) = find(&mut d, "Red, not blue.");
    mouse(&mut d, press, column, row);
    mouse(&mut d, drag, column + 2, row);
    assert_eq!(copied(&mouse(&mut d, release, column + 2, row)), ("Red", "3 characters"));
    // A double click on one word, dragged on to another.
    d.pass(Duration::from_secs(1));
    mouse(&mut d, press, column + 6, row);
    mouse(&mut d, release, column + 6, row);
    d.pass(Duration::from_millis(100));
    mouse(&mut d, press, column + 6, row);
    assert_eq!(copied(&mouse(&mut d, release, column + 6, row)).0, "not");
    d.pass(Duration::from_millis(100));
    mouse(&mut d, press, column + 6, row);
    assert_eq!(copied(&mouse(&mut d, release, column + 6, row)).0, "Red, not blue.");
    // A click by itself selects nothing.
    d.pass(Duration::from_secs(1));
    mouse(&mut d, press, column, row);
    assert_eq!(mouse(&mut d, release, column, row), []);
    assert_eq!(d.app.chat.transcript.drag, None);
}

#[test]
fn a_drag_takes_the_text_that_is_broken_into_rows() {
    let mut d = Driver::new();
    d.ready();
    let long = "0123456789".repeat(9);
    answer(&mut d, 1, "Why?", &format!("```\n{long}\n```\n\nIt is so because {long}.\n"));
    let (column, row) = find(&mut d, "0123456789");
    mouse(&mut d, press, column + 5, row);
    mouse(&mut d, drag, column + 1, row + 1);
    let text = copied(&mouse(&mut d, release, column + 1, row + 1)).0.to_owned();
    assert_eq!(text, long[5..76], "without the mark of a row that goes on");
    let (column, row) = find(&mut d, "It is so");
    d.pass(Duration::from_secs(1));
    mouse(&mut d, press, column + 6, row);
    mouse(&mut d, drag, 79, row + 2);
    let text = copied(&mouse(&mut d, release, 79, row + 2)).0.to_owned();
    assert_eq!(text, format!("so because {long}."));
}

#[test]
fn a_drag_beyond_the_edge_scrolls() {
    let mut d = conversation();
    d.screen(80, 12);
    assert!(d.app.chat.transcript.follows());
    mouse(&mut d, press, 10, 4);
    for _ in 0..3 {
        mouse(&mut d, drag, 10, 0);
        d.screen(80, 12);
    }
    mouse(&mut d, drag, 2, 1);
    assert!(matches!(d.app.chat.transcript.anchor(), Anchor::At { .. }));
    let text = copied(&mouse(&mut d, release, 2, 1)).0.to_owned();
    assert_eq!(text, "two\n\nAnd at dusk?", "without labels and figures");
}

#[test]
fn a_click_unfolds() {
    let mut d = Driver::new();
    d.ready();
    let paste = (1..=99).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
    d.send(Msg::Term(TermEvent::Paste(paste)));
    d.key("enter");
    d.delta(1, "Done.");
    d.finish(1, FinishReason::Stop);
    assert!(!d.screen(80, 24).contains("line 50"));
    let (column, row) = find(&mut d, "93 more lines");
    mouse(&mut d, press, column, row);
    mouse(&mut d, release, column, row);
    d.key("ctrl-home");
    for _ in 0..3 {
        d.key("pagedown");
        if d.screen(80, 24).contains("line 50") {
            return;
        }
    }
    panic!("it stayed folded");
}

/// A search in ten thousand messages lays out no more than what is on the screen.
#[test]
fn ten_thousand_messages_are_searched_without_being_drawn() {
    let mut d = Driver::new();
    d.ready();
    for n in 0..10_000 {
        let (role, text) = if n % 2 == 0 {
            (hobnob::domain::Role::User, format!("Question {n} about needles"))
        } else {
            (hobnob::domain::Role::Assistant, format!("Answer {n} with *a needle* and more"))
        };
        d.app.chat.conversation.push(role, text, hobnob::domain::conversation::MessageState::Whole);
    }
    d.screen(80, 24);
    d.key("ctrl-f");
    d.type_text("a needle");
    assert_eq!(number(&d), (5_000, 5_000));
    d.key("down");
    d.screen(80, 24);
    assert_eq!(number(&d), (1, 5_000));
    assert!(d.app.chat.transcript.laid_out() < 100, "{}", d.app.chat.transcript.laid_out());
}
