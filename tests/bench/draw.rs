//! What a frame costs, and that it does not depend on how long the conversation is, nor the answer that is being written.
//!
//! `cargo bench --bench draw`.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "../support/mod.rs"]
mod support;

mod measure;

use std::time::{Duration, Instant};

use hobnob::config::theme::Theme;
use hobnob::domain::{EngineEvent, FinishReason, GenId, PieceKind};
use hobnob::text::stream::StreamingDoc;
use measure::{median, ms};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use support::app::Driver;

const FRAMES: usize = 200;
const ANSWER: &str = "The sky looks blue because air scatters **short** wavelengths more.\n\n\
    1. Sunlight holds every colour.\n2. Blue is scattered about *ten times* more than red.\n\n\
    ```rust\nfn scatter(wavelength: f64) -> f64 {\n    wavelength.powi(-4)\n}\n```\n\n\
    | colour | nm  | scattered |\n|--------|----:|----------:|\n| blue   | 450 | 4.4       |\n| red    | 650 | 1.0       |\n";

fn main() {
    println!("a frame of 200x60, median of {FRAMES}\n");
    println!("{:>8} {:>14} {:>14} {:>14}", "messages", "a token more", "scrolled", "first frame");
    for messages in [10, 2000] {
        let (token, scrolled, first) = frames(messages);
        println!("{messages:>8} {token:>11.3} ms {scrolled:>11.3} ms {first:>11.3} ms");
    }
    println!("\na token more of an answer, laid out at 200 columns: mean of the last 1000 tokens of 4 characters\n");
    let sizes = [1_000, 10_000, 100_000, 1_000_000];
    println!("{:>22} {:>12} {:>12} {:>12} {:>12} {:>7}", "characters", "1k", "10k", "100k", "1M", "ratio");
    for (name, text) in ANSWERS {
        let costs = sizes.map(|size| token_cost(text, size));
        let [a, b, c, d] = costs.map(|cost| format!("{:>9.1} us", cost * 1e6));
        println!("{name:>22} {a} {b} {c} {d} {:>7.2}", costs[3] / costs[1]);
    }
}

/// A beginning, and what goes on after it.
const ANSWERS: [(&str, (&str, &str)); 7] = [
    ("a mixture", ("", ANSWER)),
    ("one list", ("", "- an item of a list that goes on\n  - and one in it\n")),
    ("one fence", ("```rust\n", "    let answer = 42; // a line of code\n")),
    ("one table", ("| a | b |\n|---|---|\n", "| a cell of a table | 12345 |\n")),
    ("one paragraph", ("", "words that go on and on, with *emphasis* and `code`\n")),
    ("one line", ("", "words that go on and on, with *emphasis* and `code` ")),
    ("formulas", ("", "Where $x^2 = \\frac{a}{b}$ holds:\n\n$$\n\\sum_{i=1}^n x_i = \\sqrt{2}\n$$\n\n")),
];

/// Seconds that a token takes when the answer has grown to `size` characters.
fn token_cost((begin, text): (&str, &str), size: usize) -> f64 {
    const TOKENS: u32 = 1000;
    const LAST: usize = 4 * TOKENS as usize;
    let theme = Theme::default();
    let answer: String = begin.chars().chain(text.chars().cycle()).take(size.max(LAST)).collect();
    let mut doc = StreamingDoc::new();
    // The first ones are drawn too where the answer is as short as that.
    let (before, last) = answer.split_at(answer.len().saturating_sub(LAST));
    for piece in before.as_bytes().chunks(4096) {
        doc.push(&String::from_utf8_lossy(piece));
        doc.lines(200, &theme);
    }
    let start = Instant::now();
    for piece in last.as_bytes().chunks(4) {
        doc.push(&String::from_utf8_lossy(piece));
        doc.lines(200, &theme);
    }
    start.elapsed().as_secs_f64() / f64::from(TOKENS)
}

/// Milliseconds for a frame with a new token, one a page further up, and the first one of all.
fn frames(messages: usize) -> (f64, f64, f64) {
    let mut driver = Driver::new();
    driver.ready();
    let mut terminal = Terminal::new(TestBackend::new(200, 60)).expect("a terminal in memory");
    let mut id = 0;
    for _ in 0..messages / 2 {
        id += 1;
        driver.say("Why is the sky blue?");
        driver.engine(EngineEvent::Started { id: GenId(id), prompt_tokens: 36, cached_tokens: None, context: 4096 });
        driver.delta(id, ANSWER);
        driver.finish(id, FinishReason::Stop);
    }
    driver.say("And why is it red at dusk?");
    id += 1;
    let mut draw = |driver: &mut Driver| {
        let start = Instant::now();
        terminal.draw(|frame| hobnob::ui::draw(frame, &mut driver.app, driver.now)).expect("draws");
        driver.app.drawn();
        ms(start.elapsed())
    };
    let first = draw(&mut driver);
    let mut token = Vec::new();
    for _ in 0..FRAMES {
        driver.pass(Duration::from_millis(20));
        driver.engine(EngineEvent::Delta { id: GenId(id), kind: PieceKind::Text, text: " light".into(), tokens: 1 });
        token.push(draw(&mut driver));
    }
    let mut scrolled = Vec::new();
    for _ in 0..FRAMES {
        driver.key("pageup");
        scrolled.push(draw(&mut driver));
    }
    (median(token), median(scrolled), first)
}
