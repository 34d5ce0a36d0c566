//! JSON that others wrote, read with bounds: whatever an answer says, it costs no more memory than it is worth, and a field of
//! the wrong kind is as if it were not there.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Values that are kept of one document; what comes after is passed over.
const MOST_VALUES: usize = 400_000;
/// Longer texts are not what is looked for: chat templates, mostly.
const MOST_TEXT: usize = 1_000;

/// A value, as far as anybody asks for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Loose {
    /// Null, too long, not a whole number, or not there.
    #[default]
    Nothing,
    Flag(bool),
    Number(u64),
    Text(String),
    List(Vec<Loose>),
    Map(Vec<(String, Loose)>),
}

impl Loose {
    /// `None` if this is not JSON.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let left = Cell::new(MOST_VALUES);
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let value = Seed { left: &left }.deserialize(&mut deserializer).ok()?;
        deserializer.end().ok().map(|()| value)
    }

    /// The value of a key; [`Loose::Nothing`] where there is none.
    pub fn get(&self, key: &str) -> &Self {
        const NOTHING: &Loose = &Loose::Nothing;
        let Self::Map(entries) = self else { return NOTHING };
        entries.iter().find(|(name, _)| name == key).map_or(NOTHING, |(_, value)| value)
    }

    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub fn number(&self) -> Option<u64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    pub fn list(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    pub fn entries(&self) -> &[(String, Self)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    left: &'a Cell<usize>,
}

impl Seed<'_> {
    /// Whether there is room for one more.
    fn take(self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Loose;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Loose, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Loose, E> {
        Ok(Loose::Flag(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Loose, E> {
        Ok(Loose::Number(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Loose, E> {
        Ok(u64::try_from(value).map_or(Loose::Nothing, Loose::Number))
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Loose, E> {
        Ok(Loose::Nothing)
    }

    fn visit_str<E>(self, value: &str) -> Result<Loose, E> {
        Ok(if value.len() <= MOST_TEXT { Loose::Text(value.to_owned()) } else { Loose::Nothing })
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose, A::Error> {
        let mut items = Vec::new();
        while self.take() {
            match seq.next_element_seed(self)? {
                Some(item) => items.push(item),
                None => return Ok(Loose::List(items)),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        let mut entries = Vec::new();
        while self.take() {
            let Some(key) = map.next_key::<String>()? else { return Ok(Loose::Map(entries)) };
            let value = map.next_value_seed(self)?;
            if key.len() <= MOST_TEXT {
                entries.push((key, value));
            }
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_wrong_kind_are_not_there() {
        let value = Loose::read(br#"{"a": 1, "b": "two", "c": [true, null, -1, 0.5], "d": {"e": 3}}"#).expect("JSON");
        assert_eq!((value.get("a").number(), value.get("a").text()), (Some(1), None));
        assert_eq!((value.get("b").text(), value.get("b").number()), (Some("two"), None));
        assert_eq!(value.get("c").list(), [Loose::Flag(true), Loose::Nothing, Loose::Nothing, Loose::Nothing]);
        assert_eq!(value.get("d").get("e").number(), Some(3));
        assert_eq!((value.get("none"), value.get("a").get("b")), (&Loose::Nothing, &Loose::Nothing));
        for text in ["<html>", "", "[1", "{} {}", &"[".repeat(100_000)] {
            assert_eq!(Loose::read(text.as_bytes()), None);
        }
    }

    #[test]
    fn no_document_costs_more_than_it_is_worth() {
        let many = format!("[{}1]", "1,".repeat(2_000_000));
        assert_eq!(Loose::read(many.as_bytes()).expect("JSON").list().len(), MOST_VALUES);
        let deep = format!("[{}[1]]", "[1,[2]],".repeat(500_000));
        let kept = |value: &Loose| value.list().iter().map(|item| 1 + item.list().len()).sum::<usize>();
        assert!(kept(&Loose::read(deep.as_bytes()).expect("JSON")) <= MOST_VALUES);
        let map = format!("{{{}\"z\": 1}}", "\"a\": 1,".repeat(500_000));
        assert!(Loose::read(map.as_bytes()).expect("JSON").entries().len() <= MOST_VALUES);
        let long = format!("{{\"a\": \"{}\"}}", "x".repeat(100_000));
        assert_eq!(Loose::read(long.as_bytes()).expect("JSON").get("a"), &Loose::Nothing);
    }
}
