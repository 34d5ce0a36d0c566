//! What a frame costs, and that it does not depend on how long the conversation is, nor the answer that is being written.
//!
//! `cargo bench --bench draw`. Ends with an error where a bound is missed.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "../support/mod.rs"]
mod support;

mod measure;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hobnob::app::msg::{Msg, TermEvent};
use hobnob::config::theme::Theme;
use hobnob::domain::{EngineEvent, FinishReason, GenId, PieceKind};
use hobnob::text::stream::StreamingDoc;
use measure::{Bounds, ms, quantile};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use support::app::Driver;

const FRAMES: usize = 500;
/// Messages of a conversation, and of one that is a thousand times as long.
const SHORT: usize = 10;
const LONG: usize = 10_000;
const ANSWER: &str = "The sky looks blue because air scatters **short** wavelengths more.\n\n\
    1. Sunlight holds every colour.\n2. Blue is scattered about *ten times* more than red.\n\n\
    ```rust\nfn scatter(wavelength: f64) -> f64 {\n    wavelength.powi(-4)\n}\n```\n\n\
    | colour | nm  | scattered |\n|--------|----:|----------:|\n| blue   | 450 | 4.4       |\n| red    | 650 | 1.0       |\n";

fn main() -> ExitCode {
    let mut bounds = Bounds::default();
    println!("a frame of 200x60, and what made it change, median of {FRAMES}, ms\n");
    println!("{:>8} {:>14} {:>14} {:>14} {:>14}", "messages", "a token more", "scrolled", "a key", "first frame");
    let [short, long] = [SHORT, LONG].map(|messages| {
        let frames = frames(messages);
        let [token, scrolled, key] = [&frames.token, &frames.scrolled, &frames.key].map(|all| quantile(all, 0.5));
        println!("{messages:>8} {token:>14.3} {scrolled:>14.3} {key:>14.3} {:>14.3}", frames.first);
        frames
    });
    println!();
    for (what, short, long) in [
        ("a token more", &short.token, &long.token),
        ("scrolled", &short.scrolled, &long.scrolled),
        ("a key", &short.key, &long.key),
    ] {
        let ratio = quantile(long, 0.5) / quantile(short, 0.5);
        bounds.at_most(&format!("{what}: {LONG} messages to {SHORT}"), ratio, 1.2);
        bounds.at_most(&format!("{what}: p99 with {LONG} messages, ms"), quantile(long, 0.99), 2.0);
    }
    writing(&mut bounds);
    let (first, second) = halves();
    println!(
        "\nan answer of 1 MB with a frame for each 80 characters: {first:.2} s for its first half, {second:.2} s for its second"
    );
    bounds.at_most("second half to first half", second / first, 1.2);
    println!("\na token more of an answer, laid out at 200 columns: mean of the last 1000 tokens of 4 characters\n");
    let sizes = [1_000, 10_000, 100_000, 1_000_000];
    println!("{:>22} {:>12} {:>12} {:>12} {:>12} {:>7}", "characters", "1k", "10k", "100k", "1M", "ratio");
    for (name, text) in ANSWERS {
        let costs = sizes.map(|size| token_cost(text, size));
        let [a, b, c, d] = costs.map(|cost| format!("{:>9.1} us", cost * 1e6));
        println!("{name:>22} {a} {b} {c} {d} {:>7.2}", costs[3] / costs[1]);
    }
    println!();
    bounds.verdict()
}

/// A beginning, and what goes on after it.
const ANSWERS: [(&str, (&str, &str)); 9] = [
    ("a mixture", ("", ANSWER)),
    ("one list", ("", "- an item of a list that goes on\n  - and one in it\n")),
    ("one fence", ("```rust\n", "    let answer = 42; // a line of code\n")),
    ("one table", ("| a | b |\n|---|---|\n", "| a cell of a table | 12345 |\n")),
    ("one paragraph", ("", "words that go on and on, with *emphasis* and `code`\n")),
    ("one list item", ("- ", "words that go on and on, with *emphasis* and `code`\n  ")),
    ("code in an item", ("1. so:\n\n   ```rust\n", "   let answer = 42; // a line of code\n")),
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

/// Counts what a terminal would get.
#[derive(Default)]
struct Sink(usize);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The interface and a terminal that takes everything at once.
struct Drawn {
    driver: Driver,
    terminal: Terminal<CrosstermBackend<Sink>>,
    answers: u64,
}

impl Drawn {
    fn new() -> Self {
        let mut driver = Driver::new();
        driver.ready();
        let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, 200, 60)) };
        let terminal = Terminal::with_options(CrosstermBackend::new(Sink::default()), options);
        Self { driver, terminal: terminal.expect("no terminal is asked"), answers: 0 }
    }

    /// An answer that has begun.
    fn ask(&mut self, question: &str) {
        self.driver.say(question);
        self.answers += 1;
        let id = GenId(self.answers);
        self.driver.engine(EngineEvent::Started { id, prompt_tokens: 36, cached_tokens: None, context: 4096 });
    }

    fn token(&mut self, text: &str) {
        self.driver.pass(Duration::from_millis(1));
        let (id, kind) = (GenId(self.answers), PieceKind::Text);
        self.driver.engine(EngineEvent::Delta { id, kind, text: text.into(), tokens: 1 });
    }

    fn draw(&mut self) {
        let Driver { app, now, .. } = &mut self.driver;
        self.terminal.draw(|frame| hobnob::ui::draw(frame, app, *now)).expect("draws");
        app.drawn();
    }

    /// Sorted milliseconds of changes with their frames.
    fn times(&mut self, mut change: impl FnMut(&mut Self, usize)) -> Vec<f64> {
        let time = |n| {
            let start = Instant::now();
            change(self, n);
            self.draw();
            ms(start.elapsed())
        };
        let mut times: Vec<f64> = (0..FRAMES).map(time).collect();
        times.sort_by(f64::total_cmp);
        times
    }
}

/// A key in the composer, beside what was pasted into it before.
fn writing(bounds: &mut Bounds) {
    let pasted = "a line of a log with some words in it\n".repeat(LONG);
    let keys =
        |drawn: &mut Drawn| drawn.times(|drawn, n| drop(drawn.driver.key(if n % 2 == 0 { "x" } else { "backspace" })));
    let mut drawn = Drawn::new();
    let empty = keys(&mut drawn);
    drawn.driver.send(Msg::Term(TermEvent::Paste(pasted)));
    let folded = keys(&mut drawn);
    drawn.driver.key("ctrl-v");
    let unfolded = keys(&mut drawn);
    println!(
        "\na key in the composer, ms: {:.3}; beside a paste of {LONG} lines {:.3}, and in the midst of it unfolded {:.3}",
        quantile(&empty, 0.5),
        quantile(&folded, 0.5),
        quantile(&unfolded, 0.5)
    );
    bounds.at_most("a key beside a folded paste to one without", quantile(&folded, 0.5) / quantile(&empty, 0.5), 1.2);
    bounds.at_most("a key in an unfolded paste: p99, ms", quantile(&unfolded, 0.99), 2.0);
}

struct Frames {
    token: Vec<f64>,
    scrolled: Vec<f64>,
    key: Vec<f64>,
    first: f64,
}

/// With a new token, a page further up, with a key; and the first one of all.
fn frames(messages: usize) -> Frames {
    let mut drawn = Drawn::new();
    for _ in 0..messages / 2 {
        drawn.ask("Why is the sky blue?");
        drawn.token(ANSWER);
        drawn.driver.finish(drawn.answers, FinishReason::Stop);
    }
    drawn.ask("And why is it red at dusk?");
    let start = Instant::now();
    drawn.draw();
    let first = ms(start.elapsed());
    let token = drawn.times(|drawn, _| drawn.token(" light"));
    let scrolled = drawn.times(|drawn, n| {
        // A few pages up and down again: the short conversation has no more.
        drawn.driver.key(if n % 4 < 2 { "pageup" } else { "pagedown" });
    });
    drawn.driver.finish(drawn.answers, FinishReason::Stop);
    drawn.driver.key("ctrl-end");
    drawn.draw();
    let key = drawn.times(|drawn, n| {
        drawn.driver.key(if n % 2 == 0 { "x" } else { "backspace" });
        // Now and then what is written is counted, too.
        if n % 10 == 0 {
            drawn.driver.count();
        }
    });
    Frames { token, scrolled, key, first }
}

/// Seconds for each half of a long answer, drawn as it comes.
fn halves() -> (f64, f64) {
    let answer: Vec<char> = ANSWER.chars().cycle().take(1_000_000).collect();
    let mut drawn = Drawn::new();
    drawn.ask("Tell me all of it");
    let [first, second] = [&answer[..answer.len() / 2], &answer[answer.len() / 2..]].map(|half| {
        let start = Instant::now();
        for (n, token) in half.chunks(4).enumerate() {
            drawn.token(&token.iter().collect::<String>());
            if n % 20 == 0 {
                drawn.draw();
            }
        }
        start.elapsed().as_secs_f64()
    });
    (first, second)
}
