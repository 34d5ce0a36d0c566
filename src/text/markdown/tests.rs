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
