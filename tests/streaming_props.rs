//! Whatever the text and whatever the pieces it arrives in, a streamed answer looks like the whole one, fits its width, and costs no
//! more than its length.

use hobnob::config::theme::{Glyphs, Theme};
use hobnob::text::markdown::{Look, RegionKind, code_blocks, render};
use hobnob::text::stream::StreamingDoc;
use hobnob::text::wrap::line_width;
use hobnob::text::{Sanitizer, sanitize};
use proptest::prelude::*;
use proptest::sample::select;
use ratatui::style::{Color, Modifier, Style};

const WIDTHS: [u16; 5] = [1, 7, 20, 80, 200];

/// Styles that differ where Markdown does, so that a lost style is a lost test.
fn theme() -> Theme {
    let plain = Style::new();
    let colour = |index| Style::new().fg(Color::Indexed(index));
    Theme {
        id: "test".into(),
        name: "Test".into(),
        glyphs: Glyphs::UNICODE,
        revision: 1,
        base: plain,
        muted: colour(1),
        faint: colour(2),
        accent: colour(3),
        selection: plain,
        found: plain,
        found_here: plain,
        panel: plain,
        border: plain,
        good: colour(4),
        warning: colour(5),
        error: colour(6),
        user: plain,
        assistant: plain,
        reasoning: plain,
        gauge: plain,
        gauge_empty: plain,
        sparkline: plain,
        heading: colour(7),
        strong: plain.add_modifier(Modifier::BOLD),
        emphasis: plain.add_modifier(Modifier::ITALIC),
        strikethrough: plain.add_modifier(Modifier::CROSSED_OUT),
        link: colour(8),
        quote: colour(9),
        list_marker: colour(10),
        table_border: colour(11),
        inline_code: colour(12),
        math: colour(40),
        code: Style::new().bg(Color::Indexed(13)),
        code_comment: colour(14),
        code_keyword: colour(15),
        code_string: colour(16),
        code_number: colour(17),
        code_function: colour(18),
        code_type: colour(19),
        code_variable: colour(20),
        code_operator: colour(21),
        code_inserted: colour(22),
        code_deleted: colour(23),
    }
}

fn words() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    let word = select(vec![
        "plain", "words", "that", "go", "on", "*emphasis*", "**strong", "words**", "`code`", "``a`b``", "~~gone~~",
        "[link](http://a.b/c)", "[reference][ref]", "[ref]", "footnote[^1]", "<https://a.b>", "![alt](x.png)", "<b>html</b>",
        "&amp;", "&#27;[31m", "&#10;", "a\\*b", "漢字かな", "👨‍👩‍👧", "🇩🇪🇫🇷", "e\u{301}", "क्षि",
        "wellwellwellwellwellwellwell-known", "1984.", "-", "#", "\\", "a\tb", "  ", "<br>", "\u{1b}[1mbold", "line\nbreak",
        "$x^2$", "$5", "and $10", "\\(a_1\\)", "\\[b\\]", "$$c$$", "\\(", "$", "$$", "**\\(x\\)**", "`$y$`", "hard  \nbreak", "hard\\\nbreak", "dash\n---", "under\n===", "one\n1. list", "two\n2. text", "then\n- list", "q\n> quote",
    ]);
    prop::collection::vec(word, 1..9).prop_map(|words| words.join(" "))
}

fn code() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    let line = select(vec![
        "fn main() {", "    let a = \"text\"; // comment", "", "}", "/* open", "closed */", "- item", "# heading", "```", "~~~",
        "\tindented", "漢字 = 'かな'", "print(\"a long line of code that has to be wrapped at the narrow widths\")",
    ]);
    prop::collection::vec(line, 0..6).prop_map(|lines| lines.join("\n"))
}

fn fence() -> impl Strategy<Value = String> {
    let fence = select(vec!["```", "~~~", "````", "``", "   ```"]);
    let language = select(vec!["", "rust", "python", "diff", "nothing", " js x"]);
    (fence, language, code(), any::<bool>()).prop_map(|(fence, language, code, closed)| {
        let end = if closed { fence } else { "" };
        format!("{fence}{language}\n{code}\n{end}")
    })
}

fn table() -> impl Strategy<Value = String> {
    let alignment = select(vec!["---", ":--", "--:", ":-:"]);
    (1..5usize, prop::collection::vec(words(), 1..12), alignment).prop_map(|(columns, cells, alignment)| {
        let cells: Vec<_> = cells.iter().map(|cell| cell.replace('\n', " ")).collect();
        let rows: Vec<_> = cells.chunks(columns).map(|row| format!("| {} |", row.join(" | "))).collect();
        let rule = format!("|{}", format!("{alignment}|").repeat(columns));
        [&[rows[0].clone(), rule], &rows[1..]].concat().join("\n")
    })
}

fn formula() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    let line = select(vec![
        "x = \\frac{a}{b}", "- b", "+ \\sqrt{2}", "\\begin{cases} a \\\\ b \\end{cases}", "&= c \\\\", "= d", "# e", "1. f", "> g", "| h |", "}", "",
        "```", "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
    ]);
    let brackets = select(vec![
        ("$$", "$$"),
        ("\\[", "\\]"),
        ("\\begin{align}", "\\end{align}"),
        ("$$", ""),
        ("text $$", "$$ text"),
    ]);
    (brackets, prop::collection::vec(line, 0..4), any::<bool>()).prop_map(|((open, close), lines, one)| {
        let gap = if one { " " } else { "\n" };
        [&[open], &lines[..], &[close]].concat().join(gap)
    })
}

/// What is long enough to be drawn in parts.
fn long() -> impl Strategy<Value = String> {
    prop_oneof![
        (words(), 70..140usize).prop_map(|(cell, rows)| {
            let cell = cell.replace('\n', " ");
            format!("| a | b |\n|---|--:|\n{}", format!("| 1 | {cell} |\n").repeat(rows))
        }),
        (words(), select(vec![" ", "", "\n", "\n> "])).prop_map(|(text, gap)| {
            let count = 12_000 / (text.len() + gap.len());
            vec![text; count].join(gap)
        }),
        (
            select(vec!["```\n", "```js\n", "> ", "# ", "- ", "<div>", "<pre>", "    ", "$$", "- a\n  - b\n"]),
            select(vec!["x", "x ", "漢", "x\n", "x\n\n", "    x\n", "  - x\n", "  1. x\n", "  - x\n\n"]),
            2040..9000usize
        )
            .prop_map(|(start, text, count)| start.to_owned() + &text.repeat(count)),
    ]
}

#[rustfmt::skip]
const FRAGMENTS: &[&str] = &[
    "---", "***", "- - -", "___", "-", "1.", ">", "|", "=", "[ref]: /url 'title'", "[ref]: /url\n'title", "[^1]: note\n\n    more",
    "[^1]: note\nlazy", "<div>", "<!-- open", "-->", "<pre>\n\ntext", "</pre>", "<details>\n<summary>x</summary>\n\ntext\n\n</details>",
    "<?php", "term\n: meaning", ": alone", "term\n: one\n: two\n\n    more", "<a b='c'>",
];

fn block() -> BoxedStrategy<String> {
    let simple = prop_oneof![
        4 => words(),
        1 => (1..8usize, words()).prop_map(|(level, text)| format!("{} {text}", "#".repeat(level))),
        2 => fence(),
        1 => code().prop_map(|code| format!("    {}", code.replace('\n', "\n    "))),
        1 => table(),
        1 => formula(),
        2 => select(FRAGMENTS).prop_map(str::to_owned),
    ];
    simple
        .prop_recursive(3, 12, 4, |inner| {
            let blocks = prop::collection::vec((inner, select(vec!["\n", "\n\n"])), 1..4)
                .prop_map(|blocks| blocks.into_iter().map(|(block, gap)| block + gap).collect::<String>());
            let marker =
                select(vec!["- ", "* ", "+ ", "1. ", "7) ", "10.  ", "- [ ] ", "- [x] ", " - ", "   * ", "-     "]);
            prop_oneof![
                3 => (marker, blocks.clone())
                    .prop_map(|(marker, text)| indented(marker, &" ".repeat(marker.len().min(5)), &text)),
                1 => (select(vec!["> ", ">", " > "]), blocks.clone())
                    .prop_map(|(marker, text)| indented(marker, marker, &text)),
                1 => (select(vec!["[^1]: ", "[^note]: "]), blocks)
                    .prop_map(|(marker, text)| indented(marker, "    ", &text)),
            ]
        })
        .boxed()
}

fn indented(first: &str, rest: &str, text: &str) -> String {
    let mut lines = text.trim_end().lines();
    let head = format!("{first}{}", lines.next().unwrap_or_default());
    lines.fold(head, |text, line| if line.is_empty() { text + "\n" } else { text + "\n" + rest + line })
}

fn document() -> impl Strategy<Value = String> {
    let gap = select(vec!["\n", "\n\n", "\n\n\n", "\n \n", "\r\n", "\r"]);
    prop::collection::vec((block(), gap), 0..7)
        .prop_map(|blocks| blocks.into_iter().map(|(block, gap)| block + gap).collect())
}

/// Characters that mean something, in any order.
fn soup() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    let part = select(vec![
        "*", "_", "`", "```", "~~~", "~", "#", "# ", ">", "> ", "-", "- ", "+ ", "1. ", "2) ", "|", "|-", ":-", "[", "]", "(", ")", "!",
        "<", ">", "&", ";", "\\", "=", "===", "---", ":", "^", "[^", "]:", "<!--", "-->", "<pre>", "\n", "\n", "\n", "\n\n", " ", "  ",
        "$", "$$", "\\(", "\\)", "\\[", "\\]", "\\frac", "{", "}", "\\begin{align}", "\\end{align}",
        "    ", "\t", "a", "b", "word", "漢", "👍🏽", "\u{301}", "\u{200d}", "\u{1b}", "\u{1b}]", "\u{7}", "\u{9b}", "\r", "0", "[x]",
    ]);
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

/// Sizes of the pieces, used round and round.
fn pieces() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1..40usize, 1..12)
}

fn cut<'a>(text: &'a str, sizes: &[usize]) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut rest = text;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let end = rest.char_indices().nth(*size).map_or(rest.len(), |(at, _)| at);
        let (part, tail) = rest.split_at(end);
        parts.push(part);
        rest = tail;
    }
    parts
}

/// Streams `text` in pieces and compares with the whole. `seldom`: lines are asked for now and then only, as frames do.
fn streams_as_the_whole(text: &str, sizes: &[usize], width: u16, seldom: bool) -> Result<(), TestCaseError> {
    let theme = theme();
    let mut doc = StreamingDoc::new();
    let mut pushed = String::new();
    for (index, piece) in cut(text, sizes).into_iter().enumerate() {
        doc.push(piece);
        pushed.push_str(piece);
        if index % 5 == 0 {
            // What is on the screen in between is right too.
            prop_assert_eq!(doc.lines(width, &theme), render(&pushed, width, &theme));
        } else if !seldom {
            doc.lines(width, &theme);
        }
    }
    let whole = render(text, width, &theme);
    prop_assert_eq!(doc.lines(width, &theme), &whole[..]);
    for line in &whole {
        prop_assert!(line_width(line) <= usize::from(width), "wider than {}: {:?}", width, line);
    }
    doc.finish();
    prop_assert_eq!(doc.lines(width, &theme), &whole[..]);
    prop_assert_eq!(doc.source(), sanitize(text));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_of_any_markdown_renders_as_the_whole(
        text in document(), sizes in pieces(), width in select(&WIDTHS[..]), seldom in any::<bool>(),
    ) {
        streams_as_the_whole(&text, &sizes, width, seldom)?;
    }

    #[test]
    fn any_chunking_of_any_characters_renders_as_the_whole(
        text in soup(), sizes in pieces(), width in select(&WIDTHS[..]), seldom in any::<bool>(),
    ) {
        streams_as_the_whole(&text, &sizes, width, seldom)?;
    }

    #[test]
    fn code_is_copied_by_the_numbers_that_it_has_on_the_page(text in prop_oneof![document(), soup(), long()]) {
        let mut doc = StreamingDoc::new();
        doc.look(Look { headed: true, ..Look::default() });
        doc.push(&text);
        doc.lines(80, &theme());
        let mut numbers: Vec<usize> = doc
            .regions()
            .iter()
            .filter_map(|region| if let RegionKind::Code { number } = region.kind { Some(number) } else { None })
            .collect();
        numbers.dedup();
        prop_assert_eq!(numbers, (1..=code_blocks(&text).len()).collect::<Vec<_>>());
    }

    #[test]
    fn any_chunking_is_sanitised_as_the_whole(
        parts in prop::collection::vec(select(vec![
            "\u{1b}", "[", "]", "0;", "31m", "\u{7}", "\\", "\u{9c}", "\u{9b}", "\u{9d}", "P", "(", "B", "\r", "\n", "\t", "a", "é",
            "漢", "\u{202e}", "\u{feff}", "\u{18}",
        ]), 0..40),
        sizes in pieces(),
    ) {
        let text = parts.concat();
        let whole = sanitize(&text);
        let mut sanitizer = Sanitizer::new();
        let joined: String =
            cut(&text, &sizes).into_iter().map(|piece| sanitizer.push(piece).into_owned()).collect();
        prop_assert_eq!(&joined, &whole);
        prop_assert!(!whole.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{:?}", whole);
        prop_assert_eq!(sanitize(&whole), &whole[..], "nothing is left to remove");
    }
}

proptest! {
    // These are long.
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_of_what_is_drawn_in_parts_renders_as_the_whole(
        before in block(), text in long(), after in block(), sizes in prop::collection::vec(1..9000usize, 1..6), width in select(&WIDTHS[1..]),
    ) {
        streams_as_the_whole(&format!("{before}\n\n{text}\n{after}"), &sizes, width, true)?;
    }
}

/// `CommonMark`'s own examples, whole and in pieces.
#[test]
fn the_examples_of_commonmark_fit_and_stream() {
    let file: serde_json::Value = serde_json::from_str(include_str!("markdown/commonmark.json")).expect("JSON");
    let examples = file["examples"].as_array().expect("examples");
    assert!(examples.len() > 600);
    for example in examples {
        let text = example.as_str().expect("text");
        for width in [20, 80, 200] {
            for sizes in [&[1][..], &[7, 2], &[40]] {
                streams_as_the_whole(text, sizes, width, false).unwrap_or_else(|problem| panic!("{text:?}: {problem}"));
            }
        }
    }
}

/// Streams `text` in pieces of 16 bytes, draws after each, and returns how often each byte was parsed.
fn work_per_byte(text: &str) -> f64 {
    let theme = theme();
    let mut doc = StreamingDoc::new();
    for piece in text.as_bytes().chunks(16) {
        doc.push(std::str::from_utf8(piece).expect("the text is ASCII"));
        doc.lines(80, &theme);
    }
    #[allow(clippy::cast_precision_loss)]
    let work = doc.work() as f64 / text.len() as f64;
    work
}

fn answer(bytes: usize) -> String {
    let section = "## A heading\n\nA paragraph as answers have them, some words long, with *emphasis* and `code` in it.\n\n\
        1. one\n2. two, a little longer than the first\n   - nested\n3. three\n\n\
        ```nothing\nlet a = 1;\nlet b = 2;\n```\n\n\
        | a | b |\n|---|---|\n| c | d |\n\n\
        > A quote\n> of two lines\n\n";
    section.chars().cycle().take(bytes).collect()
}

#[test]
fn work_is_linear_in_the_answer() {
    let (short, long) = (work_per_byte(&answer(30_000)), work_per_byte(&answer(300_000)));
    assert!(long < 8.0, "each byte of the answer is parsed {long} times");
    assert!(long < short * 1.05, "{short} times in a short answer, {long} times in a long one");
}

#[test]
fn work_is_linear_in_one_long_fence() {
    let fence = |lines: usize| format!("```nothing\n{}", "let answer = 42; // a line of code\n".repeat(lines));
    let (short, long) = (work_per_byte(&fence(900)), work_per_byte(&fence(9_000)));
    assert!(long < 4.0, "each byte of the fence is painted {long} times");
    assert!(long < short * 1.05, "{short} times in a short fence, {long} times in a long one");
}

#[test]
fn work_is_linear_in_one_long_list() {
    let list = |items: usize| "- an item of a list that goes on and on\n  - and one in it\n\n".repeat(items);
    let (short, long) = (work_per_byte(&list(450)), work_per_byte(&list(4_500)));
    assert!(long < 8.0, "each byte of the list is parsed {long} times");
    assert!(long < short * 1.05, "{short} times in a short list, {long} times in a long one");
}

#[test]
fn work_is_linear_in_one_long_table() {
    let table = |rows: usize| format!("| a | b |\n|---|---|\n{}", "| a cell of a table | 12345 |\n".repeat(rows));
    let (short, long) = (work_per_byte(&table(900)), work_per_byte(&table(9_000)));
    assert!(long < 100.0, "each byte of the table is parsed {long} times");
    assert!(long < short * 1.05, "{short} times in a short table, {long} times in a long one");
}

#[test]
fn work_is_linear_in_one_long_line_and_one_long_paragraph() {
    for (start, text) in
        [("", "some words that go on "), ("", "words and\na line "), ("```\n", "x"), ("> ", "quoted\n> ")]
    {
        let text = |bytes: usize| format!("{start}{}", text.repeat(bytes / text.len()));
        let (short, long) = (work_per_byte(&text(30_000)), work_per_byte(&text(120_000)));
        assert!(long < 600.0, "each byte of {start:?} is parsed {long} times");
        assert!(long < short * 1.1, "{short} times in a short one of {start:?}, {long} times in a long one");
    }
}

#[test]
fn work_is_linear_in_one_long_list_item() {
    for (start, text) in [
        ("- ", "words and\n  a line "),
        ("- a paragraph\n\n", "  and another one, of a few words\n\n"),
        ("1. so:\n\n   ```rust\n", "   let answer = 42;\n"),
    ] {
        let text = |bytes: usize| format!("{start}{}", text.repeat(bytes / text.len()));
        let (short, long) = (work_per_byte(&text(30_000)), work_per_byte(&text(120_000)));
        assert!(long < 600.0, "each byte of {start:?} is parsed {long} times");
        assert!(long < short * 1.1, "{short} times in a short one of {start:?}, {long} times in a long one");
    }
}

#[test]
fn work_is_linear_in_one_long_piece_of_any_other_kind() {
    for (start, text) in [
        ("<div>\n", "some text in a block of HTML\n"),
        ("<!-- a comment\n", "that never ends\n\n"),
        ("<pre>", "of one line "),
        ("", "    let answer = 42;\n"),
        ("", "    let answer = 42;\n\n"),
        ("$$\n", "x + y \\\\\n"),
        ("text\n", "\\[ x + y\n"),
        ("- an item\n", "  - and one in it, of a few words\n"),
        ("1. an item\n\n", "   7. and one in it\n\n      of two paragraphs\n\n"),
        ("10) an item\n", "      * and one in it\n"),
    ] {
        let text = |bytes: usize| format!("{start}{}", text.repeat(bytes / text.len()));
        let (short, long) = (work_per_byte(&text(24_000)), work_per_byte(&text(64_000)));
        assert!(long < 600.0, "each byte of {start:?} is parsed {long} times");
        assert!(long < short * 1.1, "{short} times in a short one of {start:?}, {long} times in a long one");
    }
}

#[test]
fn drawing_again_costs_nothing_until_something_changes() {
    let theme = theme();
    let mut doc = StreamingDoc::new();
    doc.push(&answer(10_000));
    doc.lines(80, &theme);
    let work = doc.work();
    doc.lines(80, &theme);
    assert_eq!(doc.work(), work);
    let narrow = doc.lines(20, &theme).to_vec();
    assert_eq!(narrow, render(doc.source(), 20, &theme));
    let other = Theme { revision: 2, strong: Style::new().fg(Color::Red), ..theme };
    assert_eq!(doc.lines(20, &other), render(&answer(10_000), 20, &other));
}

/// Text that makes careless renderers quadratic. The bound is many times what any of these takes.
#[test]
fn hostile_text_takes_no_longer_than_its_length() {
    let theme = theme();
    let megabyte = |text: &str| text.repeat((1 << 20) / text.len());
    let lines = |line: &str| line.repeat((1 << 18) / line.len());
    for text in [
        megabyte(">"),
        megabyte("*"),
        megabyte("a *b"),
        megabyte("["),
        megabyte("|"),
        megabyte("`"),
        lines("` `` "),
        lines("_a_ "),
        lines("*a "),
        lines("**a*"),
        lines("![a]("),
        lines("<"),
        lines("&"),
        lines("\\"),
        lines("$"),
        lines("$a "),
        lines("\\("),
        lines("\\[") + "\\]",
        lines("\\[\n"),
        lines("\\begin{align}\nx\n"),
        lines("$$\n\n"),
        lines("$$\n"),
        lines("$$\nx\n$$\n"),
        "$$\n".to_owned() + &lines("{^") + "\n$$",
        "$$\n".to_owned() + &lines("\\frac{") + "\n$$",
        "$$\n".to_owned() + &lines("\\begin{matrix}") + "\n$$",
        lines("$\\frac{a}{b}$ "),
        lines(&format!("${}x{}$ ", "\\overline{".repeat(35), "}".repeat(35))),
        lines("- ") + "a",
        lines("- a\n  "),
        lines("1. "),
        ">".repeat(8_000) + "a" + &"\nb".repeat(8_000),
        lines("[a]: x\n"),
        lines("[^a]: x\n"),
        lines("[^a]"),
        lines("<div>\n```\n"),
        lines("a\n<b\n"),
        lines("<!--"),
        lines("漢"),
        lines("e\u{301}"),
        lines("👨\u{200d}"),
        lines("\u{301}"),
        lines("[漢](b) "),
        "|a".repeat(2_000) + "|\n" + &"|-".repeat(2_000) + "|\n" + &"|a|\n".repeat(2_000),
        "|a|b|\n|-|-|\n".to_owned() + &lines("|a|b|\n"),
        "|a|b|\n|-|-|\n".to_owned() + &lines("|a"),
        format!("```js\n{}", lines("x /* `a \"b\n")),
        format!("```js\n{}", lines("x /* `a \"b")),
        lines("a | b\n"),
        lines("# "),
        lines("- - "),
        lines("\t"),
        lines("> - ```\n"),
    ] {
        let start = std::time::Instant::now();
        let lines = render(&text, 80, &theme);
        let taken = start.elapsed();
        let shown: String = text.chars().take(12).collect();
        assert!(lines.iter().all(|line| line_width(line) <= 80));
        assert!(taken.as_secs() < 20, "{taken:?} for {} bytes of {shown:?}…", text.len());
    }
}
