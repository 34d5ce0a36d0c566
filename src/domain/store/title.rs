//! What a conversation is called by itself: the gist of what was asked first, as far as plain rules find it.

use super::first_words;

/// A title has no more characters than this.
const MOST: usize = 56;
/// A first sentence that is shorter says too little alone.
const TELLING: usize = 12;

/// How people begin before they come to the point. What is left is the point.
const PREAMBLES: [&str; 26] = [
    "hi",
    "hello",
    "hey",
    "hi there",
    "hello there",
    "good morning",
    "please",
    "can you",
    "could you",
    "would you",
    "will you",
    "can you please",
    "could you please",
    "i want you to",
    "i would like you to",
    "i'd like you to",
    "i need you to",
    "help me to",
    "help me",
    "tell me",
    "i have a question",
    "quick question",
    "so",
    "ok",
    "okay",
    "thanks",
];

/// What a conversation is called that begins with this message.
#[must_use]
pub fn title_of(first_message: &str) -> String {
    let prose = prose(first_message);
    let text = if prose.is_empty() { first_message } else { prose.as_str() };
    let point = after_preambles(text);
    let said = if point.is_empty() { text.trim() } else { point };
    let mut title = first_words(first_sentence(question(said).unwrap_or(said)), MOST);
    if said != text.trim()
        && let Some(first) = title.chars().next()
    {
        title.replace_range(..first.len_utf8(), &first.to_uppercase().to_string());
    }
    title
}

/// A title that tells nothing: the next message may make a better one.
#[must_use]
pub fn says_nothing(title: &str) -> bool {
    title.trim().is_empty() || after_preambles(title).is_empty()
}

/// A message without what was pasted or attached as code.
fn prose(text: &str) -> String {
    let mut fence: Option<&str> = None;
    let mut out = String::new();
    for line in text.lines() {
        let marks = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| marks.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => {
                out.push_str(line);
                out.push('\n');
            }
            _ => {}
        }
    }
    out.trim().to_owned()
}

/// What comes after politeness. Empty where nothing does.
fn after_preambles(text: &str) -> &str {
    let mut rest = text.trim();
    loop {
        let cut = PREAMBLES.iter().filter_map(|preamble| after_words(rest, preamble)).min_by_key(|after| after.len());
        match cut {
            Some(after) => rest = after,
            None => return rest,
        }
    }
}

/// What follows these words at the beginning of a text, if they are whole words.
fn after_words<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(words.len())?;
    let ends = tail.chars().next().is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '\'' | '-' | '_'));
    (ends && head.eq_ignore_ascii_case(words))
        .then(|| tail.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ',' | '.' | '!' | ':' | ';' | '?')))
}

/// The question at the end of a long text: what was pasted before it is not what is asked.
fn question(text: &str) -> Option<&str> {
    const LONG: usize = 400;
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    (text.len() > LONG && last.ends_with('?') && last.len() >= TELLING).then_some(last)
}

/// The first sentence, if it says enough; else all of the first paragraph.
fn first_sentence(text: &str) -> &str {
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    let ends = paragraph.char_indices().filter(|(at, c)| {
        let after = paragraph[at + c.len_utf8()..].chars().next();
        matches!(c, '?' | '!' | '。' | '？' | '！') || (*c == '.' && after.is_some_and(char::is_whitespace))
    });
    let end = ends.map(|(at, c)| at + c.len_utf8()).find(|end| paragraph[..*end].chars().count() >= TELLING);
    end.map_or(paragraph, |end| paragraph[..end].trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_the_first_words_cleaned() {
        for (text, title) in [
            ("Why is the sky blue?", "Why is the sky blue?"),
            ("  # A **bold** start\n\n> and\tmore ", "A bold start"),
            ("a\u{1b}[31mb\u{7}", "a[31mb"),
            (" \n ", ""),
            ("---\n", ""),
        ] {
            assert_eq!(title_of(text), title, "{text:?}");
        }
        let long = title_of(&"word ".repeat(40));
        assert!(long.ends_with("word…") && long.chars().count() <= MOST + 1, "{long}");
        let unbroken = title_of(&"漢".repeat(400));
        assert!(unbroken.ends_with("漢…") && unbroken.chars().count() <= MOST, "{unbroken}");
    }

    #[test]
    fn a_title_comes_to_the_point() {
        for (text, title) in [
            ("Hi! Could you please explain how tides work? I am ten.", "Explain how tides work?"),
            ("hello", "hello"),
            ("Please help me write a letter to my landlord. It is about the heating.", "Write a letter to my landlord"),
            ("What does this do?\n```rust\nfn main() {}\n```\n", "What does this do?"),
            ("```\nfn main() {}\n```\nIs this Rust?", "Is this Rust?"),
            ("```\nfn main() {}\n```", "fn main() {}"),
            ("Use e.g. Python 3.12 for this", "Use e.g. Python 3.12 for this"),
            ("Sorting in-place", "Sorting in-place"),
            ("So-called friends", "So-called friends"),
            ("日本の首都はどこですか教えてください？ありがとう", "日本の首都はどこですか教えてください？"),
        ] {
            assert_eq!(title_of(text), title, "{text:?}");
        }
        let pasted = format!("{}\nWhat is wrong with this log?", "12:00 something happened\n".repeat(40));
        assert_eq!(title_of(&pasted), "What is wrong with this log?");
    }

    #[test]
    fn a_greeting_is_no_title_for_long() {
        for (title, nothing) in [("Hi", true), ("hello there!", true), ("", true), ("Hi Bob", false), ("Okapi", false)]
        {
            assert_eq!(says_nothing(title), nothing, "{title}");
        }
    }
}
