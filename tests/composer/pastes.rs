//! A long paste is one piece of the message.

use std::fmt::Write as _;

use hobnob::app::msg::{Effect, Msg, TimerId};
use hobnob::config::Value;
use hobnob::domain::store::{Change, StoreCmd};
use hobnob::domain::{EngineCmd, FinishReason};

use super::{asked, paste, ready, ready_with, written};

fn lines(count: usize) -> String {
    let mut lines = String::new();
    for n in 0..count {
        let _ = writeln!(lines, "line {n}");
    }
    lines
}

#[test]
fn a_long_paste_is_passed_deleted_brought_back_and_sent_as_one() {
    let mut d = ready();
    d.type_text("Sum up: ");
    paste(&mut d, &lines(10_000));
    d.type_text(" thanks");
    let all = format!("Sum up: {} thanks", lines(10_000));
    assert_eq!(written(&d), all);
    assert!(d.app.chat.composer.area.text().len() < 60, "it is folded");
    for _ in 0.." thanks".len() {
        d.key("left");
    }
    d.key("backspace");
    assert_eq!(written(&d), "Sum up:  thanks");
    d.key("ctrl-/");
    assert_eq!(written(&d), all);
    assert_eq!(asked(&d.key("enter")), Some(&*all));
}

#[test]
fn what_is_pasted_in_the_settings_lines_is_text() {
    let mut d = ready();
    paste(&mut d, &lines(8));
    assert!(d.app.chat.composer.area.chips().is_empty());
    paste(&mut d, &lines(9));
    assert_eq!(d.app.chat.composer.area.chips().len(), 1);
    let mut d = ready_with(vec![("chat.fold_paste", Value::Int(2), "a test")]);
    paste(&mut d, &lines(3));
    assert_eq!(d.app.chat.composer.area.chips().len(), 1);
}

#[test]
fn a_chip_unfolds_into_text_and_the_editor_gets_all_of_it() {
    let mut d = ready();
    paste(&mut d, &lines(20));
    d.type_text("?");
    assert_eq!(d.key("ctrl-g"), [Effect::OpenEditor(lines(20) + "?")]);
    d.send(Msg::Edited(Ok(lines(20) + "? now")));
    assert_eq!(written(&d), lines(20) + "? now");
    assert_eq!(d.app.chat.composer.area.chips().len(), 1, "it is folded as it was");
    d.key("ctrl-c");
    paste(&mut d, &lines(20));
    assert_eq!(d.key("ctrl-v"), []);
    assert_eq!(d.app.chat.composer.area.text(), lines(20));
    let effects = d.key("ctrl-v");
    assert!(matches!(effects[..], [Effect::SetTimer { id: TimerId::Toast, .. }]), "there is none left: {effects:?}");
}

#[test]
fn several_stand_side_by_side_and_are_counted() {
    let mut d = ready();
    paste(&mut d, &lines(10));
    d.type_text(" and ");
    paste(&mut d, &lines(30));
    assert_eq!(d.app.chat.composer.area.chips().len(), 2);
    let counted = d.count();
    assert!(counted.contains(&lines(30)), "the content is what counts");
    let tokens = d.app.chat.draft_alone();
    assert!(tokens > 80, "{tokens}");
    d.type_text("x");
    assert!(d.count().iter().all(|text| text.len() < 20), "and is not counted again with every key");
    assert_eq!(d.app.chat.draft_alone(), tokens + 1);
}

#[test]
fn a_draft_is_kept_with_what_was_pasted() {
    let mut d = ready();
    paste(&mut d, &lines(50));
    d.send(Msg::Timer(TimerId::Draft));
    let kept = d.stored.iter().find_map(|command| match command {
        StoreCmd::Keep { changes, .. } => changes.iter().find_map(|change| match change {
            Change::Draft(draft) => Some(draft.clone()),
            _ => None,
        }),
        _ => None,
    });
    assert_eq!(kept.map(|draft| draft.text), Some(lines(50)));
}

#[test]
fn a_queued_message_and_a_recalled_prompt_come_back_folded() {
    let mut d = ready();
    d.say("one");
    d.type_text("two ");
    paste(&mut d, &lines(20));
    assert_eq!(d.key("enter"), []);
    assert_eq!(d.waiting(), [format!("two {}", lines(20).trim_end())]);
    d.key("alt-up");
    assert_eq!((d.app.chat.composer.area.chips().len(), d.app.chat.queue.len()), (1, 0));
    d.key("ctrl-c");
    d.finish(1, FinishReason::Stop);
    d.key("ctrl-c");
    d.type_text("a draft");
    d.key("up");
    assert_eq!(d.app.chat.composer.area.chips().len(), 1);
    assert!(written(&d).starts_with("two line 0"));
    d.key("down");
    assert_eq!(written(&d), "a draft");
}

#[test]
fn escapes_in_a_paste_stay_outside() {
    let mut d = ready();
    paste(&mut d, &"\u{1b}]0;title\u{7}\u{1b}[31mred\u{202e}\n".repeat(20));
    assert_eq!(written(&d), "red\n".repeat(20));
    let effects = d.key("enter");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Engine(EngineCmd::Generate { .. }))));
}
