//! What `--inline` keeps on the screen, and what it prints above: snapshots at several widths, and every size there is.

mod support;

use hobnob::config::theme::{Capabilities, ColourDepth};
use hobnob::domain::{EngineEvent, FinishReason, GenId};
use hobnob::ui::inline::{Printed, fits};
use ratatui::buffer::{Buffer, CellWidth as _};
use support::app::Driver;

const ANSWER: &str = "The sky looks blue because air scatters **short** wavelengths more.\n\n- one\n- two\n\n\
    ```rust\nlet x = 1;\n```\n";

fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            row.push_str(symbol);
            x += buffer[(x, y)].cell_width().max(1);
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

struct Inline {
    d: Driver,
    printed: Printed,
}

impl Inline {
    fn new() -> Self {
        Self { d: Driver::new(), printed: Printed::default() }
    }

    /// What is printed, a rule, and what stays.
    fn show(&mut self, width: u16, most: u16) -> String {
        let above = self.printed.more(&mut self.d.app, width).map(|above| text(&above)).unwrap_or_default();
        let picture = self.printed.draw(&mut self.d.app, self.d.now, width, most);
        self.d.app.drawn();
        assert!(picture.buffer.area.height <= most && picture.buffer.area.width <= width);
        format!("{above}{}\n{}", "=".repeat(usize::from(width)), text(&picture.buffer))
    }

    fn ask(&mut self, id: u64, question: &str) {
        self.d.say(question);
        self.d.engine(EngineEvent::Started { id: GenId(id), prompt_tokens: 36, cached_tokens: None, context: 4096 });
    }
}

#[test]
fn from_the_welcome_to_the_second_question() {
    for width in [80, 40, 120] {
        let mut inline = Inline::new();
        inline.d.ready();
        let mut shown = vec![inline.show(width, 23)];
        inline.ask(1, "Why is the sky blue?");
        shown.push(inline.show(width, 23));
        inline.d.delta(1, ANSWER);
        inline.d.type_text("And at dusk?");
        shown.push(inline.show(width, 23));
        inline.d.key("enter");
        inline.d.type_text("/co");
        shown.push(inline.show(width, 23));
        inline.d.key("ctrl-u");
        inline.d.finish(1, FinishReason::Stop);
        shown.push(inline.show(width, 23));
        insta::assert_snapshot!(format!("inline_{width}"), shown.join("\n"));
    }
}

#[test]
fn what_is_written_is_seen_as_on_a_whole_screen() {
    let mut inline = Inline::new();
    inline.d.ready();
    inline.ask(1, "Why?");
    inline.d.delta(1, "Because.");
    inline.d.finish(1, FinishReason::Stop);
    inline.show(80, 23);
    for line in ["one", "two", "three", "four", "five"] {
        inline.d.type_text(line);
        let shown = inline.show(80, 23);
        assert!(shown.contains("❯ one") && shown.contains(line), "{shown}");
        inline.d.key("ctrl-j");
    }
    for line in 6..40 {
        inline.d.type_text(&format!("line {line}"));
        inline.d.key("ctrl-j");
    }
    let shown = inline.show(80, 23);
    assert!(shown.contains("line 34") && shown.contains("line 39") && !shown.contains("line 33"), "{shown}");
}

#[test]
fn what_is_printed_is_printed_once_and_what_changes_is_printed_again() {
    let mut inline = Inline::new();
    inline.d.ready();
    inline.ask(1, "Why?");
    inline.d.delta(1, "Because.");
    let first = inline.show(80, 23);
    assert!(first.contains("Why?") && first.find("Because.") > first.find("====="), "{first}");
    inline.d.finish(1, FinishReason::Stop);
    let whole = inline.show(80, 23);
    assert!(!whole.contains("Why?") && whole.find("Because.") < whole.find("====="), "{whole}");
    assert!(inline.show(80, 23).starts_with("===="), "nothing is new");
    // Another answer to the same question, and then a conversation of its own.
    inline.d.key("alt-r");
    inline.d.delta(2, "Hence.");
    inline.d.finish(2, FinishReason::Stop);
    let again = inline.show(80, 23);
    assert!(again.contains("again from here") && again.contains("Hence.") && !again.contains("Why?"), "{again}");
    inline.d.key("ctrl-n");
    inline.ask(3, "And then?");
    inline.d.delta(3, "Then.");
    inline.d.finish(3, FinishReason::Stop);
    let other = inline.show(80, 23);
    assert!(
        other.contains("another conversation") && other.contains("And then?") && other.contains("Then."),
        "{other}"
    );
}

#[test]
fn an_answer_that_is_not_finished_can_be_left_behind() {
    let mut inline = Inline::new();
    inline.d.ready();
    inline.ask(1, "Why?");
    inline.d.delta(1, "Because it");
    inline.show(80, 23);
    let rest = inline.printed.rest(&mut inline.d.app, 80).map(|rest| text(&rest)).expect("an answer");
    assert!(rest.contains("Because it") && !rest.contains("Why?"), "{rest}");
}

#[test]
fn other_panes_lists_and_reading_back_need_the_whole_screen() {
    let mut inline = Inline::new();
    inline.d.ready();
    inline.ask(1, "Why?");
    inline.d.delta(1, &"Because.\n\n".repeat(40));
    inline.d.finish(1, FinishReason::Stop);
    assert!(fits(&inline.d.app));
    for (key, back) in [("f3", "f2"), ("ctrl-p", "esc"), ("f1", "esc"), ("f8", "esc"), ("pageup", "ctrl-end")] {
        inline.d.key(key);
        assert!(!fits(&inline.d.app), "{key}");
        inline.d.screen(80, 24);
        assert!(!fits(&inline.d.app), "{key}");
        inline.d.key(back);
        inline.d.screen(80, 24);
        assert!(fits(&inline.d.app), "{back}");
    }
}

#[test]
fn every_size_holds() {
    for unicode in [true, false] {
        let mut inline = Inline::new();
        inline.d = Driver::with(vec![], Capabilities { depth: ColourDepth::Ansi16, unicode });
        inline.show(30, 5);
        inline.d.ready();
        inline.ask(1, "Why is the sky blue?");
        inline.d.say("and a second one");
        for width in 1..130 {
            for most in [1, 2, 3, 5, 9, 40] {
                inline.show(width, most);
            }
        }
        inline.d.delta(1, ANSWER);
        inline.d.type_text("/c");
        for width in 1..130 {
            for most in [1, 2, 3, 5, 9, 40] {
                inline.printed = Printed::default();
                inline.show(width, most);
            }
        }
    }
}
