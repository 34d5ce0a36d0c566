use super::render;
use crate::text::testing::{plain, theme};

const PAGE: &str = r#"# Everything on one page

A paragraph with *emphasis*, **strong *both***, ~~gone~~, `code`, a [link](https://example.org/a/long/address), <https://auto.link> and an ![image](pic.png).
A soft break, then a hard one\
here. A footnote[^1] and a [reference][ref]. 漢字とかな、絵文字👨‍👩‍👧もあります。

Setext heading
--------------
### Third
#### Fourth
##### Fifth
###### Sixth

Steps:
1. First item with a text that is long enough to be wrapped at eighty columns, to see it hang
2. Second
   - nested
     - deeper
       1. deepest

   a paragraph of the second
10. Third
- [ ] open task
- [x] done task

> A quote that is long enough to be wrapped somewhere, so that the bar goes on
> > nested
>
> - list in quote
>
> ```
> code in quote
> ```

> [!WARNING]
> Mind the gap

```rust
fn main() {
    let answer = 42; // a comment that makes this line longer than eighty columns, so that it is wrapped
	println!("{answer}");

}
```

    indented code
      more

```diff
-old
+new
 same
```

| Name | Count | Note |
|:-----|------:|:----:|
| apples | 3 | fresh and *red*, from the garden behind the house, picked this morning |
| pears | 12 | `green` |

***

<details>
<summary>HTML</summary>
</details>

[^1]: The footnote, which is long enough to be wrapped and to hang under its own label here.

    Second paragraph.

[ref]: https://example.org "Title"
"#;

#[test]
#[ignore = "prints the page to be looked at: cargo test --lib show_page -- --ignored --nocapture"]
#[allow(clippy::print_stdout)]
fn show_page() {
    for width in [80, 20, 7] {
        println!("{}", "=".repeat(width.into()));
        for line in plain(&render(PAGE, width, &theme())) {
            println!("{line}");
        }
    }
}

mod pieces {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::blocks::{self, Role};
    use super::*;

    /// Lines whose meaning hangs on what stands around them.
    #[rustfmt::skip]
    const LINES: &[&str] = &[
        "", "", "", "text", "more text", "  indented text", "    far", "\ttab", "      farther", "- a", "- b", "* other", "+ third", "  - inner",
        "   - deep", "    - lazy?", "-", "-     code in item", "1. one", "2. two", "7) seven", "1.", "10. ten", "  2. inner", "- - both", "> quote", ">", "> - q",
        "> ```", "```", "```rust", "~~~", "  ```", "    ```", "# heading", "#", "#no", "---", "***", "- - -", "===", "--", "| a | b |", "|---|---|", "a | b",
        "<div>", "</div>", "<!-- open", "close -->", "<pre>", "</pre>", "<b>inline</b> html", "<x-y>", "- ```", "- # h", "- > q", "> # h", "- [ ] task", "**bold**",
    ];

    fn same_text(source: &str, width: u16) -> Result<(), TestCaseError> {
        let shown = |lines: Vec<String>| lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>();
        let theme = theme();
        let whole = shown(plain(&blocks::render(source, Role::Blocks, width.into(), &theme)));
        let pieces = shown(plain(&render(source, width, &theme)));
        prop_assert_eq!(pieces, whole, "{}", source);
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Cutting a text does not change what `CommonMark` makes of it.
        #[test]
        fn the_cuts_do_not_show(lines in prop::collection::vec(select(LINES), 0..9)) {
            same_text(&lines.join("\n"), 40)?;
        }
    }
}
