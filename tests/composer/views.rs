//! How writing looks, at three sizes. After a change that is wanted: `INSTA_UPDATE=always cargo test --test composer`, and
//! read the difference.

use hobnob::config::Value;
use hobnob::config::theme::{Capabilities, ColourDepth};
use hobnob::domain::FinishReason;

use super::support::app::Driver;
use super::{files, paste, prompts, ready, vim};

fn snapshots(name: &str, d: &mut Driver) {
    for (width, height) in [(80, 24), (120, 40), (40, 12)] {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), d.screen(width, height));
    }
}

#[test]
fn a_paste() {
    let mut d = ready();
    d.type_text("Compare ");
    paste(&mut d, &"a line of a log file with some words\n".repeat(10_000));
    d.type_text(" with ");
    paste(&mut d, &"x".repeat(5000));
    snapshots("paste", &mut d);
    let ascii = Capabilities { depth: ColourDepth::Ansi16, unicode: false };
    let mut d = Driver::with(vec![], ascii);
    d.ready();
    paste(&mut d, &"line\n".repeat(20));
    d.type_text(" ?");
    insta::assert_snapshot!("paste_ascii_80x24", d.screen(80, 24));
}

#[test]
fn files_that_are_offered_and_one_that_is_taken() {
    let mut d = ready();
    d.type_text("What is in @");
    files::tell(&mut d, files::entries());
    d.key("down");
    snapshots("files", &mut d);
    d.type_text("my");
    d.key("tab");
    d.type_text("and why?");
    snapshots("file_taken", &mut d);
}

#[test]
fn values_of_a_command() {
    let mut d = ready();
    d.type_text("/theme o");
    snapshots("values", &mut d);
    d.key("ctrl-c");
    d.type_text("/load zzz");
    insta::assert_snapshot!("values_none_80x24", d.screen(80, 24));
}

#[test]
fn a_search_in_what_was_asked() {
    let mut d = ready();
    d.say("Why is the sky blue?");
    d.finish(1, FinishReason::Stop);
    d.key("ctrl-r");
    snapshots("prompts_looking", &mut d);
    let long = "Here is a log:\n".to_owned() + &"an error in the blue channel\n".repeat(40);
    let prompts = [
        "Why is the sky blue?",
        "Explain the colours of the sunset in two sentences, for a child",
        &long,
        "A recipe for leek soup\nwith potatoes\n\n- and for four people",
        "日本語で青は何ですか blue",
    ];
    prompts::tell(&mut d, &prompts);
    snapshots("prompts", &mut d);
    d.type_text("BLUE");
    d.key("down");
    snapshots("prompts_found", &mut d);
    d.type_text("zzz");
    insta::assert_snapshot!("prompts_none_80x24", d.screen(80, 24));
}

#[test]
fn modes_of_vim() {
    let mut d = vim::vim();
    d.type_text("Why is the sky\nblue?");
    snapshots("vim_insert", &mut d);
    d.key("esc");
    d.key("2");
    d.key("d");
    snapshots("vim_normal", &mut d);
    d.key("esc");
    d.key("k");
    d.key("v");
    d.key("w");
    snapshots("vim_visual", &mut d);
}

#[test]
fn a_setting_of_each() {
    let mut d = super::ready_with(vec![("ui.editing", Value::Text("vim".into()), "a test")]);
    d.key("f4");
    d.app.settings_pane.go_to("ui.editing");
    insta::assert_snapshot!("setting_80x24", d.screen(80, 24));
}
