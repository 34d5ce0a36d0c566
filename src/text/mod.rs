//! Floor 2: from text that others wrote to styled lines of a given width. No terminal, no clock, no I/O.
//!
//! * [`sanitize()`] takes out everything that a terminal would obey or a reader could be fooled by.
//! * [`wrap`] measures and breaks: graphemes and display columns, never bytes or chars.
//! * [`markdown`] renders a whole text, block by block.
//! * `math` sets formulas in characters.
//! * [`stream`] renders a growing text, and each block only once.
//! * [`highlight`] colours code by the theme's roles.
//! * [`code_blocks()`] takes the code out of a text.
//! * [`search`] finds words in a text as a reader means them.
//! * [`words`] counts those of a growing text.

mod code_blocks;
pub mod highlight;
pub mod markdown;
mod math;
pub mod sanitize;
pub mod search;
pub mod stream;
pub mod words;
pub mod wrap;

pub use code_blocks::{CodeBlock, code_blocks};
pub use sanitize::{Sanitizer, sanitize};

#[cfg(test)]
pub(crate) mod testing;
