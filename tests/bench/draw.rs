//! What a frame costs, and that it does not depend on how long the conversation is.
//!
//! `cargo bench --bench draw`.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "../support/mod.rs"]
mod support;

mod measure;

use std::time::{Duration, Instant};

use hobnob::domain::{EngineEvent, FinishReason, GenId, PieceKind};
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
