//! Whatever a person pastes, a model answers, and files, pages of the Hub and errors are called: what reaches the terminal is
//! text, and our own sequences for places and styles. Looked at are the bytes that are written, and every cell.

mod support;

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use hobnob::app::msg::{Copied, Msg, TermEvent, TimerId};
use hobnob::config::Value;
use hobnob::config::theme::{Capabilities, ColourDepth};
use hobnob::domain::conversation::{Conversation, Form, MessageState};
use hobnob::domain::hub::{Done, Files, Hit, Hits, Local, Unfinished};
use hobnob::domain::model::{LocalModel, ModelInfo, ModelRef, RepoId};
use hobnob::domain::store::{ConvIds, Hit as Found, Opened, Row, Setup, StoreEvent, Summary};
use hobnob::domain::{
    AskId, Constraint, DownloadState, EngineEvent, FinishReason, GenId, HubEvent, JobId, LoadId, PieceKind, Role,
};
use hobnob::error::{ErrorKind, UserError};
use hobnob::text::sanitize;
use proptest::prelude::*;
use proptest::sample::select;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use support::app::{Driver, broken, facts, info, starter};
use support::found::{found, page, repo};
use support::pty::{self, Home, Screen, keys};

const SIZES: [(u16, u16); 3] = [(80, 24), (40, 12), (120, 40)];

/// More bytes than any letter of any script has with its marks, and any emoji with all its parts.
const LONGEST_CELL: usize = 64;

fn hostile() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    let part = select(vec![
        // What is fine.
        "plain", "words ", "\n", "漢字", "👩‍👩‍👧", "e\u{301}", "שלום", "**bold**", "`code`", "a/b.gguf", "❤\u{fe0f}",
        // Sequences: whole, cut, nested, 7 and 8 bits.
        "\u{1b}[2J", "\u{1b}[31;1m", "\u{1b}[1;1H", "\u{1b}[?1049l", "\u{1b}[6n", "\u{1b}[>c", "\u{1b}[5i", "\u{1b}[", "\u{1b}", "[2J",
        "\u{1b}]0;title\u{7}", "\u{1b}]52;c;cm0gLXJmIC8=\u{7}", "\u{1b}]8;;http://evil\u{1b}\\", "\u{1b}]9;hello\u{7}", "\u{1b}]", "\\",
        "\u{1b}Pq#1\u{1b}\\", "\u{1b}_Gf=100\u{1b}\\", "\u{1b}^x\u{1b}\\", "\u{1b}c", "\u{1b}(0", "\u{1b}#8", "\u{1b}7", "\u{1b}N",
        "\u{9b}2J", "\u{9b}", "\u{9d}0;x\u{9c}", "\u{90}q\u{9c}", "\u{9f}G\u{9c}", "\u{98}", "\u{8d}", "\u{85}", "\u{84}",
        // Single controls.
        "\0", "\u{5}", "\u{7}", "\u{8}", "\t", "\u{b}", "\u{c}", "\r", "\r\n", "\u{e}", "\u{f}", "\u{18}", "\u{1a}", "\u{7f}",
        // What reorders, hides or fakes.
        "\u{202e}", "\u{202a}", "\u{202c}", "\u{2066}", "\u{2068}", "\u{2069}", "\u{200e}", "\u{200f}", "\u{61c}",
        "\u{200b}", "\u{200c}", "\u{200d}", "\u{2060}", "\u{2063}", "\u{feff}", "\u{ad}", "\u{180e}", "\u{3164}", "\u{115f}", "\u{ffa0}",
        "\u{e0041}\u{e0042}\u{e007f}", "🏴\u{e0067}\u{e0062}\u{e007f}", "\u{fff9}x\u{fffb}", "\u{2028}", "\u{2029}", "\u{fdd0}", "\u{1d173}",
        // Said in Markdown, where it is decoded or stands in a place of its own.
        "&#27;[2J", "&#x1b;", "&#x9b;2J", "&#155;", "&#x202e;", "&#8203;", "&#0;", "&#13;", "&Tab;", "&shy;", "&zwj;", "&rlm;",
        "[link](http://a\u{202e}b \"\u{1b}[2Jt\")", "[a](<\u{1b}]0;x\u{7}>)", "<http://a&#27;[2J>", "```\u{1b}[2J\n", "```\n&#27;\u{1b}[2J\n```\n",
        "\n| a\u{1b}[2J | &#27; |\n|---|---|\n| \u{9b}2J | b |\n", "$\\text{\u{1b}[2J}$", "\n> ", "\n- ", "\n# ", "[^\u{1b}]", "<b\u{1b}[2J>", "|",
    ]);
    let heap = (
        select(vec!["a", "漢", "👨", "\u{9b}"]),
        select(vec!["\u{301}", "\u{200d}👩", "\u{fe0f}", "\u{34f}", "\u{e0101}"]),
        1..400usize,
    )
        .prop_map(|(base, mark, count)| base.to_owned() + &mark.repeat(count));
    prop::collection::vec(prop_oneof![12 => part.prop_map(str::to_owned), 1 => heap], 1..10)
        .prop_map(|parts| parts.concat())
}

/// What the terminal would get.
#[derive(Clone, Default)]
struct Written(Rc<RefCell<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The interface with every frame looked at.
struct Watched {
    d: Driver,
    terminals: Vec<(Terminal<CrosstermBackend<Written>>, Written)>,
}

impl Watched {
    fn new(unicode: bool) -> Self {
        let capabilities = Capabilities { depth: ColourDepth::True, unicode };
        let terminal = |(width, height)| {
            let written = Written::default();
            let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
            let backend = CrosstermBackend::new(written.clone());
            let terminal = Terminal::with_options(backend, TerminalOptions { viewport }).expect("no terminal is asked");
            (terminal, written)
        };
        Self { d: Driver::with(vec![], capabilities), terminals: SIZES.map(terminal).into() }
    }

    #[track_caller]
    fn look(&mut self) {
        for (terminal, written) in &mut self.terminals {
            let frame = terminal.draw(|frame| hobnob::ui::draw(frame, &mut self.d.app, self.d.now)).expect("draws");
            for cell in &frame.buffer.content {
                let symbol = cell.symbol();
                assert_eq!(sanitize(symbol), symbol, "a cell holds what is not text: {symbol:?}");
                assert!(!symbol.contains(char::is_control), "a cell holds a control character: {symbol:?}");
                assert!(symbol.len() <= LONGEST_CELL, "a cell holds {} bytes: {symbol:?}", symbol.len());
            }
            let bytes = std::mem::take(&mut *written.0.borrow_mut());
            if let Err(what) = harmless(&bytes, "", is_of_a_frame) {
                panic!("the terminal gets {what}");
            }
        }
        self.d.app.drawn();
    }

    /// Presses a key, whatever comes of it, and looks.
    #[track_caller]
    fn press(&mut self, key: &str) {
        self.d.key(key);
        self.look();
    }

    #[track_caller]
    fn hub(&mut self, event: HubEvent) {
        self.d.hub(event);
        self.look();
    }

    #[track_caller]
    fn engine(&mut self, event: EngineEvent) {
        self.d.engine(event);
        self.look();
    }

    #[track_caller]
    fn send(&mut self, msg: Msg) {
        self.d.send(msg);
        self.look();
    }

    #[track_caller]
    fn paste(&mut self, text: &str) {
        self.send(Msg::Term(TermEvent::Paste(text.into())));
    }
}

/// Text without control characters but `breaks`, and of sequences only those that are known by their parameters and end.
fn harmless(bytes: &[u8], breaks: &str, is_known: impl Fn(&str, &str) -> bool) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut rest = text;
    while !rest.is_empty() {
        let Some(sequence) = rest.strip_prefix("\u{1b}[") else {
            // At least one character: an escape that begins no sequence is none of a text either.
            let end = rest.char_indices().skip(1).find(|(_, c)| *c == '\u{1b}').map_or(rest.len(), |(at, _)| at);
            let words: String = rest[..end].chars().filter(|c| !breaks.contains(*c)).collect();
            if words.contains(char::is_control) || sanitize(&words) != words {
                return Err(format!("{words:?}"));
            }
            rest = &rest[end..];
            continue;
        };
        let end = sequence.find(|c: char| c.is_ascii_alphabetic()).ok_or("a sequence without an end")?;
        let (params, tail) = sequence.split_at(end);
        if !is_known(params, &tail[..1]) {
            return Err(format!("the sequence {params:?} {:?}", &tail[..1]));
        }
        rest = &tail[1..];
    }
    Ok(())
}

fn are_numbers(params: &str) -> bool {
    params.chars().all(|c| c.is_ascii_digit() || matches!(c, ';' | ':'))
}

/// What a frame is made of.
fn is_of_a_frame(params: &str, end: &str) -> bool {
    match end {
        "H" | "m" => are_numbers(params),
        "h" | "l" => params == "?25",
        _ => false,
    }
}

/// And what else the program sends: modes, keys, the rows of `--inline`.
fn is_of_a_session(params: &str, end: &str) -> bool {
    match end {
        "h" | "l" => ["?1049", "?25", "?2004", "?1004", "?2026", "?1000", "?1002", "?1006"].contains(&params),
        "u" => [">5", "<1"].contains(&params),
        "H" | "m" | "A" | "B" | "C" | "J" | "K" => are_numbers(params),
        _ => false,
    }
}

fn error(text: &str) -> UserError {
    UserError::new(ErrorKind::Generation, format!("it went wrong: {text}")).hint(text)
}

fn model(text: &str) -> LocalModel {
    LocalModel {
        reference: format!("/m/{text}.gguf"),
        name: format!("model {text}"),
        location: PathBuf::from(format!("/m/{text}.gguf")),
        origin: text.into(),
        facts: Ok(hobnob::domain::model::ModelFacts {
            name: Some(text.into()),
            architecture: text.into(),
            quant: text.into(),
            ..facts()
        }),
        ..starter()
    }
}

fn loaded(text: &str) -> EngineEvent {
    let info = ModelInfo {
        reference: text.into(),
        name: format!("model {text}"),
        facts: model(text).facts.expect("known"),
        device: text.into(),
        quant: text.into(),
        notes: vec![error(text)],
        ..info()
    };
    EngineEvent::Loaded { id: LoadId(1), info: Box::new(info) }
}

/// A model of that name is there and loaded.
fn ready(text: &str, unicode: bool) -> Watched {
    let mut w = Watched::new(unicode);
    w.d.begin();
    w.hub(HubEvent::Local(Local { models: vec![model(text), starter()], ..Local::default() }));
    w.press("enter");
    w.engine(loaded(text));
    w
}

/// In pieces, as it would come.
fn stream(w: &mut Watched, id: u64, kind: PieceKind, text: &str) {
    for piece in text.chars().collect::<Vec<_>>().chunks(7) {
        w.d.pass(Duration::from_millis(20));
        let text = piece.iter().collect();
        w.engine(EngineEvent::Delta { id: GenId(id), kind, text, tokens: 1 });
    }
}

proptest! {
    // Each is a whole session, drawn again and again at three sizes.
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn in_a_prompt_an_answer_and_an_error(text in hostile(), more in hostile(), unicode in any::<bool>()) {
        let mut w = ready("m", unicode);
        w.paste(&text);
        w.press("enter");
        w.engine(EngineEvent::Started { id: GenId(1), prompt_tokens: 36, cached_tokens: None, context: 4096 });
        stream(&mut w, 1, PieceKind::Reasoning, &more);
        stream(&mut w, 1, PieceKind::Text, &text);
        w.press("alt-r");
        w.paste(&more);
        w.press("enter");
        w.engine(EngineEvent::Failed { id: GenId(1), error: error(&text) });
        w.press("f9");
        w.press("esc");
        w.send(Msg::Copied(Ok(Copied { what: text.clone(), doubt: Some(more.clone()) })));
        w.send(Msg::Written(Ok(text.clone())));
        w.send(Msg::Written(Err(error(&more))));
        w.send(Msg::Edited(Ok(text.clone())));
        w.send(Msg::Schema(Ok(Form { name: more.clone(), constraint: Constraint::Schema(text.clone()) })));
        w.send(Msg::Failed(error(&text)));
        w.d.finish(2, FinishReason::Stop);
        w.look();
        w.press("page-up");
    }

    #[test]
    fn in_the_name_of_a_model_and_of_its_file(text in hostile(), more in hostile(), unicode in any::<bool>()) {
        let mut w = ready(&text, unicode);
        w.paste("hello");
        w.press("enter");
        stream(&mut w, 1, PieceKind::Text, "hi");
        w.d.finish(1, FinishReason::Stop);
        w.press("f4");
        w.press("f3");
        w.press("d");
        w.press("esc");
        w.press("v");
        let id = AskId(w.d.app.models.next_ask().0 - 1);
        w.hub(HubEvent::Worked { id, result: Err(error(&more)) });
        let unfinished = Unfinished { repo: odd_repo(&text), bytes: 1, total: None, model: ModelRef::parse("a/b").ok() };
        let local = Local {
            models: vec![model(&more), LocalModel { facts: Err(error(&text)), ..broken() }],
            problems: vec![error(&more)],
            unfinished: vec![unfinished],
            disk: None,
        };
        w.hub(HubEvent::Local(local));
        w.press("end");
        w.press("d");
        w.press("esc");
        w.hub(HubEvent::Worked { id: AskId(99), result: Ok(Done::Imported { reference: text.clone() }) });
        w.engine(EngineEvent::LoadFailed { id: LoadId(1), error: error(&text) });
        w.engine(EngineEvent::Died { error: error(&more) });
        w.press("f2");
    }

    #[test]
    fn on_a_page_of_the_hub(text in hostile(), more in hostile(), unicode in any::<bool>()) {
        use hobnob::app::models::find::Searching;
        let mut w = ready("m", unicode);
        w.press("f3");
        w.press("2");
        if let Searching::New(id) | Searching::More(id) = w.d.app.models.find.searching {
            let odd = Hit { repo: odd_repo(&text), licence: Some(more.clone()), ..found().hits.swap_remove(0) };
            let hits = Hits { hits: [vec![odd], found().hits].concat(), next: None };
            w.hub(HubEvent::Found { id, result: Box::new(Ok(hits)) });
        }
        w.press("end");
        w.paste(&text);
        w.send(Msg::Timer(TimerId::Search));
        if let Searching::New(id) | Searching::More(id) = w.d.app.models.find.searching {
            w.hub(HubEvent::Found { id, result: Box::new(Err(error(&more))) });
        }
        w.press("esc");
        w.press("ctrl-u");
        w.paste("Qwen/Qwen3-4B-GGUF");
        let id = AskId(w.d.app.models.next_ask().0 - 1);
        let mut page = page();
        page.card = Some(format!("# {text}\n\n{more}\n"));
        page.hit.licence = Some(text.clone());
        page.hit.repo = odd_repo(&more);
        page.commit.clone_from(&text);
        page.base = vec![odd_repo(&text)];
        for offer in &mut page.offers {
            offer.quant.clone_from(&text);
            offer.files[0].path = format!("{more}.gguf");
            offer.model = ModelRef::Path(PathBuf::from(&text));
        }
        page.offers[1].facts = Some(Err(error(&text)));
        w.hub(HubEvent::Page { id, result: Box::new(Ok(page)) });
        w.press("down");
        w.press("c");
        w.press("page-down");
        w.press("c");
        w.press("enter");
        let state = DownloadState::Running { done: 1, total: 2, bytes_per_second: 1.0, source: text.clone(), files: Files::ONE };
        w.hub(HubEvent::Download { id: JobId(1), state });
        w.press("esc");
        w.press("3");
        let wait = Duration::from_secs(3);
        w.hub(HubEvent::Download { id: JobId(1), state: DownloadState::Waiting { done: 1, total: 2, wait, error: error(&more) } });
        w.hub(HubEvent::Download { id: JobId(1), state: DownloadState::Failed { error: error(&text) } });
        w.hub(HubEvent::Page { id: AskId(99), result: Box::new(Err(error(&more))) });
        w.press("f2");
    }

    #[test]
    fn in_conversations_and_their_titles(text in hostile(), more in hostile(), unicode in any::<bool>()) {
        let mut w = ready("m", unicode);
        w.press("f8");
        let id = ConvIds::seeded(7).make();
        let summary = Summary {
            id,
            title: text.clone(),
            model: Some(more.clone()),
            messages: 2,
            preview: more.clone(),
            age: Duration::from_secs(60),
            updated: 0,
            pinned: false,
            archived: false,
            draft: true,
        };
        let ask = w.d.asked_store();
        w.send(Msg::Store(StoreEvent::Listed { ask, conversations: vec![summary] }));
        w.press("f2");
        w.press("esc");
        w.paste(&text);
        let hit = Found {
            conversation: id,
            title: more.clone(),
            message: Some((Row(1), Role::Assistant)),
            known_as: None,
            snippet: vec![(text.clone(), false), (more.clone(), true)],
            age: Duration::from_secs(60),
            pinned: false,
            archived: false,
        };
        let ask = w.d.asked_store();
        w.send(Msg::Store(StoreEvent::Found { ask, hits: vec![hit] }));
        w.press("esc");
        w.press("enter");
        let mut conversation = Conversation::default();
        conversation.push(Role::System, more.clone(), MessageState::Whole);
        conversation.push(Role::User, text.clone(), MessageState::Whole);
        let answer = conversation.push(Role::Assistant, more.clone(), MessageState::Failed(error(&text)));
        conversation.edit(answer, |m| {
            m.model = Some(text.clone());
            m.reasoning.clone_from(&more);
        });
        let opened = Opened {
            id,
            conversation,
            title: text.clone(),
            own_title: true,
            setup: Setup { model: None, system: text.clone(), ..Setup::default() },
            draft: more.clone().into(),
            pinned: true,
            archived: false,
            created: 1,
            updated: 2,
            at: None,
        };
        let ask = w.d.asked_store();
        w.send(Msg::Store(StoreEvent::Opened { ask, result: Box::new(Ok(Some(opened))) }));
        w.press("up");
        w.press("alt-e");
        w.press("esc");
        w.send(Msg::Store(StoreEvent::Note(error(&text))));
        w.send(Msg::Store(StoreEvent::Off(error(&more))));
    }
}

proptest! {
    // Every setting, one after the other.
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn in_the_settings(text in hostile(), unicode in any::<bool>()) {
        let flags = vec![
            ("chat.system_prompt", Value::Text(text.clone()), "--system"),
            ("model", Value::Text("starter".into()), "--model"),
        ];
        let mut w = Watched::new(unicode);
        w.d = Driver::with(flags, Capabilities { depth: ColourDepth::True, unicode });
        w.d.begin();
        w.press("f4");
        for _ in 0..40 {
            w.press("down");
            w.press("enter");
            w.paste(&text);
            w.press("enter");
            w.press("esc");
        }
        w.press("ctrl-p");
        w.paste(&text);
    }
}

/// As no server should have one.
fn odd_repo(text: &str) -> RepoId {
    RepoId { owner: text.into(), ..repo("a/b") }
}

/// All of it through the real program, into a real terminal.
#[test]
fn in_a_whole_session_on_a_terminal() {
    const NASTY: &str = "begin \u{1b}[2J\u{1b}[?1049l\u{1b}]0;title\u{7}\u{1b}]52;c;cm0=\u{7}\u{9b}31m\u{9d}0;x\u{9c}\u{1b}P$q\u{1b}\\\u{7}\u{8}\
        \u{202e}gpj.exe\u{2066}\u{200b}\u{feff}\u{e0041}&#27;[2J&#x9b;5i \u{e}\u{f}\u{b}\u{c}\u{7f} [a](http://b\u{1b}[5i) end";
    for inline in [false, true] {
        let home = Home::new();
        let folder = home.path().join("\u{202e}bad\u{1b}[2J\u{9b}31m\u{7}name");
        std::fs::create_dir_all(&folder).expect("a folder");
        let script = folder.join("script.toml");
        let escaped = NASTY.chars().fold(String::new(), |mut text, c| {
            let _ = write!(text, "\\U{:08X}", u32::from(c));
            text
        });
        let reply = format!("reasoning = \"{escaped}\"\ntext = \"{escaped}\"\n");
        std::fs::write(&script, format!("[[reply]]\n{reply}[[reply]]\n{reply}fail = \"{escaped}\"\n"))
            .expect("a script");
        let model = format!("script:{}", script.display());
        let setup = pty::Setup::hobnob().home(&home).arg("-m").arg(model);
        let mut terminal = if inline { setup.arg("--inline") } else { setup }.start();
        let is_ready =
            |screen: &Screen| screen.contents().trim_end().lines().last().is_some_and(|row| row.contains("ready"));
        terminal.wait_for("a model that is ready", is_ready);
        for asked in ["first", "second"] {
            terminal.send(&keys::paste(&format!("{asked} \u{9b}2J\u{202e}x\u{e0041}\u{7f}")));
            terminal.wait_for_text(asked);
            terminal.send(keys::ENTER);
            terminal.wait_for("the answer", |screen| {
                screen.contents().matches("begin").count() > usize::from(asked == "second") && is_ready(screen)
            });
        }
        terminal.send(&keys::f(8));
        terminal.wait_for_text("Conversations");
        terminal.send(keys::ESC);
        terminal.wait_for("the chat", |screen| !screen.contents().contains("Conversations"));
        terminal.send(&keys::ctrl('q'));
        terminal.wait_exit();
        terminal.assert_restored();
        if let Err(what) = harmless(&terminal.raw(), "\r\n", is_of_a_session) {
            panic!("the terminal gets {what}, inline: {inline}");
        }
    }
}
