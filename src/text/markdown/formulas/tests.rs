use super::{Part, Protected};

/// The text with its formulas set, and those that stand alone in brackets.
fn shown(text: &str) -> String {
    let protected = Protected::new(text);
    let show = |part| match part {
        Part::Text(text) => text.to_owned(),
        Part::Formula(formula) if formula.display => {
            format!("[{}]", formula.rows().unwrap_or_else(|| vec![formula.written()]).join("|"))
        }
        Part::Formula(formula) => formula.inline().unwrap_or_else(|| formula.written()),
    };
    protected.parts(&protected.text).map(show).collect()
}

#[test]
fn formulas_are_found_in_each_of_their_brackets() {
    assert_eq!(shown(r"where $x^2$ and \(y_1\)."), "where x² and y₁.");
    assert_eq!(shown(r"so \[ a = b \] holds, $$c^2$$ too"), "so [a = b] holds, [c²] too");
    assert_eq!(shown("$$\na\n- b\n$$\nthen $x$"), "[a − b]\nthen x");
    assert_eq!(shown("- item\n  \\[\n  x_1\n  \\]\n"), "- item\n  [x₁]\n");
    assert_eq!(shown("> $$\n> x\n> $$"), "> [x]");
    assert_eq!(shown("\\begin{align}\na &= b\n\\end{align}"), "[a = b]");
    assert_eq!(shown("$n$ $2n$ $f(x)$ $a, b$ ($k$)"), "n 2n f(x) a, b (k)");
}

#[test]
fn money_shells_and_code_are_left_alone() {
    for text in [
        "it costs $5 and $10 more",
        "$5, $10, or $15",
        "from $5-$10",
        "$1,000 to $2,000",
        "$5 and then another 10$ too",
        "US$ 5 and A$6, B$7",
        "$HOME/$USER and $PATH:$HOME",
        "${a}/${b} and $(c)/$(d)",
        "$a + $b",
        "\\$5\\$",
        "`$x$` and ``a ` $y$``",
        "```\n$x$\n```",
        "- ```\n  \\[ x \\]\n  ```",
        "\\[1\\] a note",
        "$$ is the shell's number",
        "\\[ never\n\nclosed \\]",
        "$",
        "$$",
        "$$$$",
    ] {
        assert_eq!(shown(text), text, "{text}");
        assert_eq!(Protected::new(text).restored(text), text);
    }
}

#[test]
fn every_text_can_be_restored() {
    for text in ["a $x$ b \\(y\\) \\[ z = 1\\] $$\nw\n$$", "> $$\n> x\n> $$ after"] {
        let protected = Protected::new(text);
        assert_ne!(protected.text, text);
        assert_eq!(protected.restored(&protected.text), text);
    }
}
