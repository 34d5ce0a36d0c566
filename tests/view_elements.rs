//! One page of each element of Markdown, in two themes, with its colours.
//!
//! After a change that is wanted: `INSTA_UPDATE=always cargo test --test view_elements`, and read the difference.

mod support;

use hobnob::config::theme::Themes;
use hobnob::text::markdown::render;
use support::styled::{page, written};

const WIDTH: u16 = 64;

const ELEMENTS: [(&str, &str); 15] = [
    (
        "headings",
        "# One\n\nText.\n\n## Two, with `code` and *emphasis*\n\n### Three\n\n#### Four\n\n##### Five\n\n###### Six\n\n\
        Underlined\n==========\n\nLess so\n-------\n\n# One that is so long that it has to go on in a second row of the page\n",
    ),
    (
        "inline",
        "*emphasis*, _the same_, **strong**, ***both***, ~~gone~~, `code`, ``a ` in it``, **strong with `code`**.\n\n\
        snake_case_names, 3 * 4 * 5, \\*a star\\*, &amp; &copy; &#8364;, AT&T.  \nAfter a hard break.\\\nAnd another.\n",
    ),
    (
        "links",
        "[words](https://example.org/a), [with a title](https://example.org/b \"Title\"), <https://example.org/c>, \
        [by a name][ref], ![a picture](cat.png), <ada@example.org>, [an address that is long](https://example.org/a/path/that/goes/on/and/on/and/on).\n\n\
        [ref]: https://example.org/d\n",
    ),
    (
        "lists",
        "- one\n- two, with a text that is long enough to go on in a second row of the page\n  - nested\n    - deeper\n      - deepest\n\
        - three\n\n1. first\n2. second\n   1. of second\n   2. of second too\n\n   A paragraph of the second.\n10. tenth by its number\n\n\
        * loose\n\n* items\n",
    ),
    ("tasks", "- [ ] open\n- [x] done, with **weight**\n  - [ ] nested\n- not a task\n"),
    (
        "quotes",
        "> A quote, long enough to be wrapped, so that its bar goes on at the left of every row that it takes.\n>\n\
        > - a list in it\n>   > and a quote in that\n> \n> ```rust\n> let code = 1;\n> ```\nGone on lazily.\n\n\
        > [!NOTE]\n> Good to know.\n\n> [!WARNING]\n> Mind the gap.\n",
    ),
    (
        "tables",
        "| Language | Typing | Best for | Since |\n|:--|:-:|---|--:|\n\
        | Rust | static | systems, command-line tools, and whatever must not fail at night | 2015 |\n\
        | `py` | *dynamic* | glue | 1991 |\n| 日本語 | 👍🏽 🇩🇪 | wide | 2024 |\n| a \\| b | | | |\n",
    ),
    (
        "code",
        "```rust\n// A comment.\nfn main() -> Result<(), Error> {\n    let names = vec![\"Ada\", \"Grace\"]; // a line that is so long that it wraps\n    \
        println!(\"{names:?} {}\", 42 + 1);\n}\n```\n\n```\nno language\n```\n\n    indented\n      keeps its spaces\n\n\
        ```json\n{\"a\": [1, true, null]}\n```\n\n```python\ndef f(x: int) -> str:\n    return f\"{x}\"\n",
    ),
    (
        "diff",
        "```diff\n--- a/src/main.rs\n+++ b/src/main.rs\n@@ -1,3 +1,3 @@\n-let x = 1;\n+let x = 2;\n let y = x;\n```\n",
    ),
    (
        "footnotes",
        "A claim[^1] and another[^note].\n\n[^1]: The note, with `code`.\n[^note]: One that is\n    in two lines.\n\n    And two paragraphs.\n",
    ),
    (
        "definitions",
        "Term\n: What it means, in a text that is long enough to go on in a second row.\n: And also this.\n",
    ),
    ("rules", "above\n\n---\n\nbetween\n\n* * *\n\nbelow\n"),
    (
        "html",
        "A <b>bold</b> word.<br>\n\n<details>\n<summary>more</summary>\n\ntext\n\n</details>\n\n<!-- a comment -->\n",
    ),
    (
        "formulas",
        "The area is $A = \\pi r^2$; it costs $5, not $10. For $\\alpha \\in \\mathbb{R}$:\n\n$$\nx = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}\n$$\n\n\
        \\[ \\sum_{i=1}^{n} x_i \\leq \\int_0^1 f(x)\\,dx \\]\n\n$$\n\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}\n$$\n\n$$\n\\weird{x}\n$$\n",
    ),
    (
        "scripts",
        "漢字とかな、絵文字👨‍👩‍👧、e with an accent: é; שלום and مرحبا, हिन्दी, 한국어, ไทย. 日本語の文章は空白がないので、行の終わりで折り返す必要があります。\n\n\
        - 👍🏽 🇩🇪 ❤️ ✅\n- ｆｕｌｌ　ｗｉｄｔｈ\n",
    ),
];

#[test]
fn each_element_in_two_themes() {
    let themes = Themes::builtin();
    for theme in ["hobnob-dark", "hobnob-light"] {
        let theme = themes.get(theme).expect("a theme");
        for (name, text) in ELEMENTS {
            let picture = written(&page(&render(text, WIDTH, &theme), WIDTH));
            insta::assert_snapshot!(format!("{name}_{}", theme.id), picture);
        }
    }
}
