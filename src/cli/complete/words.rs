//! The words of a line as bash has it: up to the cursor, with its quotes, and replaced in pieces.

/// A line up to the cursor.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Without quotes; the last one is at the cursor, and may be empty.
    pub words: Vec<String>,
    /// How much of the last word stays when bash replaces it: it does so from the last `=` or `:` on.
    pub stays: usize,
}

/// Splits a line as a shell does. `breaks` are the characters at which bash begins a new piece of a word.
#[must_use]
pub fn split(line: &str, breaks: &str) -> Line {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut in_word, mut stays, mut quoted) = (false, 0, false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => {
                if std::mem::take(&mut in_word) {
                    words.push(std::mem::take(&mut word));
                }
                (stays, quoted) = (0, false);
                continue;
            }
            '\\' => word.extend(chars.next()),
            '\'' => {
                quoted = true;
                word.extend(chars.by_ref().take_while(|c| *c != '\''));
            }
            '"' => {
                quoted = true;
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    match (c, chars.clone().next()) {
                        ('\\', Some('"' | '\\' | '$' | '`')) => word.extend(chars.next()),
                        (c, _) => word.push(c),
                    }
                }
            }
            c => {
                word.push(c);
                if breaks.contains(c) && !quoted {
                    stays = word.len();
                }
            }
        }
        in_word = true;
    }
    words.push(word);
    Line { words, stays }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_bash_does() {
        for (line, words, stays) in [
            ("hobnob run ", vec!["hobnob", "run", ""], 0),
            ("hobnob  ru", vec!["hobnob", "ru"], 0),
            ("hobnob -m org/repo:Q4", vec!["hobnob", "-m", "org/repo:Q4"], 9),
            ("hobnob --model=org/repo:Q4", vec!["hobnob", "--model=org/repo:Q4"], 17),
            ("hobnob --model=", vec!["hobnob", "--model="], 8),
            ("hobnob 'a b' \"c \\\" d\" e\\ f", vec!["hobnob", "a b", "c \" d", "e f"], 0),
            ("hobnob \"org/re:", vec!["hobnob", "org/re:"], 0),
            ("hobnob '", vec!["hobnob", ""], 0),
            ("", vec![""], 0),
        ] {
            let split = split(line, " \"'><=;|&(:");
            assert_eq!((split.words, split.stays), (words.into_iter().map(str::to_owned).collect(), stays), "{line}");
        }
        assert_eq!(split("a b:c", " ").stays, 0);
    }
}
