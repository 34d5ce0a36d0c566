//! Bash's own ways: a line up to the cursor, with its quotes, of which it replaces pieces; and words as it reads them.

/// What readline takes for the beginning of a word and not for its end, where it breaks words there.
const BEGINS_A_PIECE: [char; 2] = ['@', '$'];

/// A line up to the cursor.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Without quotes; the last one is at the cursor, and may be empty.
    pub words: Vec<String>,
    /// How much of the last word stays when bash replaces it: it does so from an open quote on, else from the last `=` or `:`.
    pub stays: usize,
    /// The quote that the cursor is in.
    pub quote: Option<char>,
}

/// Splits a line as a shell does. `breaks` are the characters at which bash begins a new piece of a word.
#[must_use]
pub fn split(line: &str, breaks: &str) -> Line {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut in_word, mut stays, mut was_quoted) = (false, 0, false);
    // The quote that is open, and how much of the word was before it.
    let mut open: Option<(char, usize)> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, open) {
            (c, Some((quote, _))) if c == quote => open = None,
            ('\\', Some(('"', _))) => word.push(chars.next_if(|c| is_special_in_quotes(*c)).unwrap_or('\\')),
            (c, Some(_)) => word.push(c),
            (' ' | '\t' | '\n', None) => {
                if std::mem::take(&mut in_word) {
                    words.push(std::mem::take(&mut word));
                }
                (stays, was_quoted) = (0, false);
                continue;
            }
            ('\'' | '"', None) => {
                open = Some((c, word.len()));
                was_quoted = true;
            }
            ('\\', None) => word.extend(chars.next()),
            (c, None) => {
                let before = word.len();
                word.push(c);
                if breaks.contains(c) && !was_quoted {
                    stays = if BEGINS_A_PIECE.contains(&c) { before } else { word.len() };
                }
            }
        }
        in_word = true;
    }
    words.push(word);
    Line { words, stays: open.map_or(stays, |(_, before)| before), quote: open.map(|(quote, _)| quote) }
}

/// A word as bash reads it where `quote` is open.
#[must_use]
pub fn escaped(word: &str, quote: Option<char>) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:=@%+,^".contains(c);
    let escape = |c: char| match quote {
        Some('\'') if c == '\'' => "'\\''".to_owned(),
        Some('"') if is_special_in_quotes(c) => format!("\\{c}"),
        None if !plain(c) => format!("\\{c}"),
        _ => c.to_string(),
    };
    word.chars().map(escape).collect()
}

/// What a backslash has a meaning before, in double quotes.
fn is_special_in_quotes(c: char) -> bool {
    matches!(c, '"' | '\\' | '$' | '`')
}

#[cfg(test)]
mod tests {
    use super::*;

    const BREAKS: &str = " \"'><=;|&(:@";

    #[test]
    fn lines_are_split_as_bash_does() {
        for (line, words, stays) in [
            ("hobnob run ", vec!["hobnob", "run", ""], 0),
            ("hobnob  ru", vec!["hobnob", "ru"], 0),
            ("hobnob -m org/repo:Q4", vec!["hobnob", "-m", "org/repo:Q4"], 9),
            ("hobnob --model=org/repo:Q4", vec!["hobnob", "--model=org/repo:Q4"], 17),
            ("hobnob --model=", vec!["hobnob", "--model="], 8),
            ("hobnob 'a b' \"c \\\" d\" e\\ f", vec!["hobnob", "a b", "c \" d", "e f"], 0),
            ("hobnob \"org/re:\"", vec!["hobnob", "org/re:"], 0),
            ("hobnob -s @file", vec!["hobnob", "-s", "@file"], 0),
            ("hobnob --var day=@file", vec!["hobnob", "--var", "day=@file"], 4),
            ("", vec![""], 0),
        ] {
            let words = words.into_iter().map(str::to_owned).collect();
            assert_eq!(split(line, BREAKS), Line { words, stays, quote: None }, "{line}");
        }
        assert_eq!(split("a b:c", " ").stays, 0);
    }

    #[test]
    fn a_quote_that_is_open_is_a_beginning() {
        for (line, word, stays, quote) in [
            ("hobnob '", "", 0, '\''),
            ("hobnob \"org/re:", "org/re:", 0, '"'),
            ("hobnob -m'sta", "-msta", 2, '\''),
            ("hobnob --model=\"a \\\"b", "--model=a \"b", 8, '"'),
            ("hobnob 'it\"s", "it\"s", 0, '\''),
        ] {
            let line = split(line, BREAKS);
            assert_eq!((line.words[1].as_str(), line.stays, line.quote), (word, stays, Some(quote)), "{line:?}");
        }
    }

    #[test]
    fn bash_reads_back_what_is_written() {
        for (word, quote, written) in [
            ("org/repo:Q4_K_M", None, "org/repo:Q4_K_M"),
            ("a b'$c", None, "a\\ b\\'\\$c"),
            ("a b'$c", Some('\''), "a b'\\''$c"),
            ("a b'$c", Some('"'), "a b'\\$c"),
        ] {
            assert_eq!(escaped(word, quote), written);
            let open = quote.map_or(String::new(), String::from);
            assert_eq!(split(&format!("{open}{written}"), "").words, [word]);
        }
    }
}
