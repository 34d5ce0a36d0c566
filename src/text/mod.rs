//! Floor 2: from text that others wrote to styled lines of a given width. No terminal, no clock, no I/O.
//!
//! * [`sanitize()`] takes out everything that a terminal would obey or a reader could be fooled by.
//! * [`wrap`] measures and breaks: graphemes and display columns, never bytes or chars.
//! * [`markdown`] renders a whole text, block by block, and takes the code out of it.
//! * `math` sets formulas in characters.
//! * [`stream`] renders a growing text, and each block only once.
//! * [`highlight`] colours code by the theme's roles.
//! * [`search`] finds words in a text as a reader means them.
//! * [`words`] counts those of a growing text.

pub mod highlight;
pub mod markdown;
mod math;
pub mod sanitize;
pub mod search;
pub mod stream;
pub mod words;
pub mod wrap;

pub use sanitize::{Sanitizer, sanitize};

#[cfg(test)]
pub(crate) mod testing;
