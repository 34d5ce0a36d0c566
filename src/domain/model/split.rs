//! Models cut into several files, `name-00001-of-00003.gguf`.

/// The name of one file of a set, taken apart. Works for `.gguf` and `.safetensors`, with or without folders before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitName<'a> {
    /// What stands before the numbers.
    pub base: &'a str,
    /// Counted from 1.
    pub part: u32,
    pub parts: u32,
    ending: &'a str,
}

impl<'a> SplitName<'a> {
    /// More would be smaller than a tensor each. It also keeps a name like -00001-of-99999 from being a hundred thousand
    /// questions.
    const MOST_PARTS: u32 = 1_024;

    /// `None` for a name that is not one of a set: both numbers have five digits, as the tools that cut models write them.
    #[must_use]
    pub fn parse(path: &'a str) -> Option<Self> {
        let (stem, ending) = path.rsplit_once('.')?;
        let (rest, parts) = stem.rsplit_once("-of-")?;
        let (base, part) = rest.rsplit_once('-')?;
        let number = |text: &str| -> Option<u32> {
            (text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
        };
        let (part, parts) = (number(part)?, number(parts)?);
        let makes_sense = (1..=parts).contains(&part) && parts <= Self::MOST_PARTS;
        makes_sense.then_some(Self { base, part, parts, ending })
    }

    /// All names of the set, in order.
    pub fn set(self) -> impl Iterator<Item = String> {
        let Self { base, parts, ending, .. } = self;
        (1..=parts).map(move |part| format!("{base}-{part:05}-of-{parts:05}.{ending}"))
    }
}

/// All names of the set that this one is of, in order; the name alone if it is not of one.
#[must_use]
pub fn split_set(path: &str) -> Vec<String> {
    SplitName::parse(path).map_or_else(|| vec![path.to_owned()], |name| name.set().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_all_its_parts() {
        assert_eq!(split_set("d/m-00002-of-00002.gguf"), ["d/m-00001-of-00002.gguf", "d/m-00002-of-00002.gguf"]);
        assert_eq!(
            split_set("model-00001-of-00002.safetensors"),
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        );
        let name = SplitName::parse("m-q8-00002-of-00003.gguf").expect("one of a set");
        assert_eq!((name.base, name.part, name.parts), ("m-q8", 2, 3));
    }

    #[test]
    fn other_names_stand_alone() {
        for whole in [
            "m.gguf",
            "a-of-b.gguf",
            "-of-.gguf",
            "m-1-of-3.gguf",
            "m-1-of-00003.gguf",
            "m-00001-of-3.gguf",
            "best-of-00003.gguf",
            "m-00003-of-00002.gguf",
            "m-00000-of-00002.gguf",
            "m-00001-of-99999.gguf",
            "m-+0001-of-00002.gguf",
            "m-00001-of-00002",
        ] {
            assert_eq!(SplitName::parse(whole), None, "{whole}");
            assert_eq!(split_set(whole), [whole]);
        }
    }
}
