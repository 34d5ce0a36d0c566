//! The places of a template, and what is put into them.

use std::collections::BTreeMap;

use super::Template;
use crate::config::suggest::nearest;
use crate::error::{ErrorKind, UserError};

/// What comes through the pipe and in the arguments.
pub const INPUT: &str = "input";

/// A piece of a prompt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    /// `{{name}}`.
    Place(&'a str),
}

/// Splits a prompt at its places. Braces around anything but a name are text: code, formulas and other templates have them.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut rest, mut from) = (text, 0);
    while let Some(open) = rest[from..].find("{{").map(|at| from + at) {
        let inner = &rest[open + 2..];
        let name = inner.find("}}").map(|end| (inner[..end].trim(), open + 2 + end + 2));
        match name.filter(|(name, _)| is_name(name)) {
            Some((name, end)) => {
                pieces.push(Piece::Text(&rest[..open]));
                pieces.push(Piece::Place(name));
                (rest, from) = (&rest[end..], 0);
            }
            None => from = open + 1,
        }
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

/// Could be the name of a variable.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// Variables that somebody has to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfilled(pub Vec<String>);

impl Template {
    /// The system prompt and the prompt with everything in its place. Values are put in as they are: braces inside of them
    /// mean nothing. An input that the prompt has no place for comes behind it.
    ///
    /// # Errors
    /// Names all variables that have no value.
    pub fn fill(&self, given: &BTreeMap<String, String>, input: &str) -> Result<(Option<String>, String), Unfilled> {
        let mut missing = Vec::new();
        let mut put = |text: &str| {
            let mut out = String::new();
            for piece in pieces(text) {
                match piece {
                    Piece::Text(text) => out.push_str(text),
                    Piece::Place(INPUT) => out.push_str(input),
                    Piece::Place(name) => match given.get(name).map(String::as_str).or_else(|| self.default(name)) {
                        Some(value) => out.push_str(value),
                        None if missing.iter().any(|known| known == name) => {}
                        None => missing.push(name.to_owned()),
                    },
                }
            }
            out
        };
        let system = self.system.as_deref().map(&mut put);
        let mut prompt = put(&self.prompt);
        if !missing.is_empty() {
            return Err(Unfilled(missing));
        }
        if !self.takes_input() && !input.is_empty() {
            prompt = [prompt.as_str(), input].join("\n\n");
        }
        Ok((system, prompt))
    }

    /// The prompt has a place for the input.
    #[must_use]
    pub fn takes_input(&self) -> bool {
        pieces(&self.prompt).contains(&Piece::Place(INPUT))
    }

    /// The first of `names` that is no variable of this template, as an error.
    ///
    /// # Errors
    /// Names the variable, and the nearest that there is.
    pub fn check_names<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> Result<(), UserError> {
        let known = || self.variables.iter().map(|variable| variable.name.as_str());
        let Some(name) = names.into_iter().find(|name| !known().any(|known| known == *name)) else { return Ok(()) };
        let error = UserError::new(ErrorKind::Usage, format!("the template `{}` has no variable `{name}`", self.name));
        Err(match (nearest(name, known()), known().next()) {
            (Some(near), _) => error.hint(format!("did you mean `{near}`?")),
            (None, Some(_)) => error.hint(format!("it has {}", known().collect::<Vec<_>>().join(", "))),
            (None, None) => error.hint("it has none at all"),
        })
    }

    fn default(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|variable| variable.name == name)?.default.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Templates;
    use super::*;

    fn template(text: &str) -> Template {
        let file = tempfile::NamedTempFile::with_suffix(".toml").expect("a file");
        std::fs::write(file.path(), text).expect("writes");
        Templates::new(file.path()).get(&file.path().display().to_string()).expect("a template")
    }

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn only_names_in_braces_are_places() {
        use Piece::{Place, Text};
        for (text, expected) in [
            ("", vec![]),
            ("plain", vec![Text("plain")]),
            ("{{a}}", vec![Place("a")]),
            ("x {{ a }} y{{b-2}}", vec![Text("x "), Place("a"), Text(" y"), Place("b-2")]),
            ("{{}} {{1}} {{a b}} {{a", vec![Text("{{}} {{1}} {{a b}} {{a")]),
            ("{{{a}}}", vec![Text("{"), Place("a"), Text("}")]),
            ("{{ x {{a}}", vec![Text("{{ x "), Place("a")]),
            ("{{ü}} {{é", vec![Text("{{ü}} {{é")]),
        ] {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_put_in_is_never_read_again() {
        let template = template("system = \"to {{to}}\"\nprompt = \"{{to}}: {{input}}\"");
        let filled = template.fill(&given(&[("to", "{{input}}")]), "{{to}} {{x}}");
        assert_eq!(filled, Ok((Some("to {{input}}".into()), "{{input}}: {{to}} {{x}}".into())));
    }

    #[test]
    fn all_that_is_missing_is_named_once() {
        let template = template("prompt = \"{{a}} {{b}} {{a}} {{c}}\"\n[variables]\nc = \"C\"");
        assert_eq!(template.fill(&given(&[]), ""), Err(Unfilled(vec!["a".into(), "b".into()])));
        assert_eq!(template.fill(&given(&[("a", "A"), ("b", "")]), ""), Ok((None, "A  A C".into())));
    }

    #[test]
    fn an_input_without_a_place_comes_behind() {
        let template = template("prompt = \"Sum up.\"");
        assert_eq!(template.fill(&given(&[]), "text").expect("nothing is missing").1, "Sum up.\n\ntext");
        assert_eq!(template.fill(&given(&[]), "").expect("nothing is missing").1, "Sum up.");
    }

    #[test]
    fn a_name_that_it_does_not_have_is_told() {
        let two = template("prompt = \"{{language}} {{tone}}\"");
        let hint = |template: &Template, name: &str| {
            template.check_names([&name.to_owned()]).expect_err("unknown").hint.expect("a hint")
        };
        assert_eq!(hint(&two, "langauge"), "did you mean `language`?");
        assert_eq!(hint(&two, "x"), "it has language, tone");
        assert_eq!(hint(&template(""), "x"), "it has none at all");
        assert_eq!(two.check_names(&["tone".to_owned()]), Ok(()));
    }
}
