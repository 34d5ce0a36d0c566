//! What is on the screen while somebody finds, folds, points at and copies things of a conversation.
//!
//! After a change that is wanted: `INSTA_UPDATE=always cargo test --test view_transcript`, and read the difference.

mod support;

use std::fmt::Write as _;
use std::time::Duration;

use hobnob::app::msg::{Msg, TermEvent};
use hobnob::config::theme::{Capabilities, ColourDepth};
use hobnob::domain::zone::Zone;
use hobnob::domain::{EngineEvent, FinishReason, GenId, PieceKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use support::app::Driver;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (40, 12)];

fn snapshots(name: &str, d: &mut Driver) {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), d.screen(width, height));
    }
}

/// The screen with what stands out in a style of its own: found words in brackets, what is selected in braces.
fn marked(d: &mut Driver, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal in memory");
    terminal.draw(|frame| hobnob::ui::draw(frame, &mut d.app, d.now)).expect("draws");
    let theme = &d.app.theme;
    let buffer = terminal.backend().buffer();
    let mut screen = String::new();
    for y in 0..height {
        let mut row = String::new();
        let mut open = "";
        for x in 0..width {
            let cell = &buffer[(x, y)];
            let (begin, end) = match cell.style().bg {
                bg if bg == theme.found_here.bg && theme.found_here.bg.is_some() => ("<", ">"),
                bg if bg == theme.found.bg => ("[", "]"),
                bg if bg == theme.selection.bg => ("{", "}"),
                _ => ("", ""),
            };
            if end != open {
                let _ = write!(row, "{open}{begin}");
                open = end;
            }
            row.push_str(cell.symbol());
        }
        row.push_str(open);
        screen.push_str(row.trim_end());
        screen.push('\n');
    }
    screen
}

fn long_code(lines: usize) -> String {
    let body: String = (1..=lines).fold(String::new(), |mut code, n| {
        let _ = writeln!(code, "    let value_{n} = {n};");
        code
    });
    format!(
        "Here it is:\n\n```rust\nfn long() {{\n{body}}}\n```\n\nAnd a short one:\n\n```sh\ncargo run\n```\n\n```\nno language\n```\n"
    )
}

fn answer(d: &mut Driver, id: u64, question: &str, text: &str) {
    d.say(question);
    d.engine(EngineEvent::Started { id: GenId(id), prompt_tokens: 36, cached_tokens: Some(12), context: 4096 });
    d.delta(id, text);
    d.finish(id, FinishReason::Stop);
}

fn conversation() -> Driver {
    let mut d = Driver::new();
    d.ready();
    answer(
        &mut d,
        1,
        "Why is the sky blue?",
        "The sky looks **blue** because air scatters *blue* light more than red.",
    );
    answer(&mut d, 2, "Write a long function", &long_code(60));
    answer(&mut d, 3, "And why is it red at dusk?", "The light comes a long way, without its blue.");
    d.screen(80, 24);
    d
}

#[test]
fn words_are_found() {
    let mut d = conversation();
    d.key("ctrl-f");
    snapshots("find_empty", &mut d);
    d.type_text("blue");
    snapshots("find", &mut d);
    insta::assert_snapshot!("find_marked", marked(&mut d, 80, 24));
    d.key("enter");
    insta::assert_snapshot!("find_next_marked", marked(&mut d, 80, 24));
    d.type_text("x");
    snapshots("find_nothing", &mut d);
}

#[test]
fn what_hides_words_is_unfolded() {
    let mut d = conversation();
    d.key("alt-/");
    d.type_text("value_42 ");
    insta::assert_snapshot!("find_unfolds", marked(&mut d, 80, 24));
}

#[test]
fn long_things_are_folded() {
    let mut d = conversation();
    d.key("ctrl-home");
    snapshots("folded", &mut d);
    d.key("alt-o");
    d.key("ctrl-home");
    snapshots("unfolded", &mut d);
    let mut d = Driver::new();
    d.ready();
    let paste = (1..=220).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
    d.send(Msg::Term(TermEvent::Paste(paste)));
    d.key("enter");
    d.delta(1, "So many lines.");
    d.finish(1, FinishReason::Stop);
    snapshots("folded_message", &mut d);
}

#[test]
fn messages_code_and_lines_are_pointed_at() {
    let mut d = conversation();
    d.key("ctrl-space");
    snapshots("reading", &mut d);
    d.key("C");
    snapshots("reading_code", &mut d);
    d.key("up");
    d.key("v");
    d.key("up");
    d.key("up");
    snapshots("reading_lines", &mut d);
    insta::assert_snapshot!("reading_lines_marked", marked(&mut d, 80, 24));
}

#[test]
fn details_are_shown_on_demand() {
    let mut d = conversation();
    d.pass(Duration::from_secs(2 * 3600));
    d.key("alt-i");
    d.send(Msg::Timer(hobnob::app::msg::TimerId::Toast));
    snapshots("details", &mut d);
    // Where the clocks are five hours behind universal time.
    d.app.chat.transcript.zone = Zone::between(0, 2_000_000_000, |_| -5 * 3600);
    assert!(d.screen(80, 24).contains("2023-11-14 17:13"));
    d.key("alt-i");
    snapshots("no_details", &mut d);
}

#[test]
fn a_deleted_message_is_gone_and_told_of() {
    let mut d = conversation();
    d.key("ctrl-space");
    d.key("[");
    d.key("d");
    snapshots("deleted", &mut d);
}

const WIDE: &str = "| name | a long heading | another long heading | and one more | the last of them | really |\n\
    |---|---|---|---|---|---|\n\
    | incomprehensibilities | uncharacteristically | counterrevolutionaries | internationalisation | disproportionateness | compartmentalisation |\n\n\
    ```text\nA line of code that is much longer than the screen is wide, so that it goes on below, marked by an arrow, and again.\nshort\n```\n";

#[test]
fn wide_things_move_sideways() {
    let mut d = Driver::new();
    d.ready();
    answer(&mut d, 1, "A wide table", WIDE);
    snapshots("wide_broken", &mut d);
    let broken = d.screen(80, 24);
    d.key("ctrl-space");
    d.key("right");
    snapshots("wide", &mut d);
    d.key("right");
    d.key("right");
    snapshots("wide_moved", &mut d);
    d.key("esc");
    assert_eq!(d.screen(80, 24), broken, "nothing that can't be moved back is left out");
}

#[test]
fn lines_of_code_have_numbers_on_demand() {
    let mut d = conversation();
    d.key("alt-#");
    d.key("ctrl-home");
    d.key("pagedown");
    snapshots("line_numbers", &mut d);
}

#[test]
fn the_reasoning_of_one_answer_is_unfolded() {
    let mut d = Driver::new();
    d.ready();
    d.say("Think");
    let reasoning = "First this.\nThen that.";
    d.engine(EngineEvent::Delta { id: GenId(1), kind: PieceKind::Reasoning, text: reasoning.into(), tokens: 9 });
    d.delta(1, "Done.");
    d.finish(1, FinishReason::Stop);
    d.screen(80, 24);
    d.key("ctrl-space");
    d.key("space");
    snapshots("reasoning_unfolded", &mut d);
}

#[test]
fn sixteen_colours_and_ascii_show_what_was_found() {
    let mut d = Driver::with(vec![], Capabilities { depth: ColourDepth::Ansi16, unicode: false });
    d.ready();
    answer(&mut d, 1, "Why is the sky blue?", "The sky looks **blue**.\n\n```\ncode\n```\n");
    d.key("ctrl-space");
    snapshots("ascii_reading", &mut d);
    d.key("/");
    d.type_text("blue");
    snapshots("ascii_find", &mut d);
}
