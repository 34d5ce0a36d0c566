//! JSON files that may say anything, read in passing: what is not asked for is not kept.

use std::io::{self, BufReader, Read};
use std::path::Path;

use serde::de::DeserializeOwned;

use super::fault::{Fault, Found};
use super::reader;

/// The longest text in any file that is walked; a chat template is the longest there is.
const MOST_TEXT: usize = 1 << 20;

/// A file that is small enough to be read whole.
pub(super) fn small<T: DeserializeOwned>(folder: &Path, file: &str, most: u64) -> Found<T> {
    let bytes = reader::read_small(&folder.join(file), most).map_err(|fault| fault.inside(file))?;
    serde_json::from_slice(&bytes).map_err(|error| invalid(file, &error))
}

pub(super) fn invalid(file: &str, error: &serde_json::Error) -> Fault {
    Fault::Broken(format!("{file} can't be understood: {error}"))
}

/// A reader for files too large to hold, which gives up on a text that would not end.
pub(super) fn walk<R: Read>(file: R) -> BufReader<ShortTexts<R>> {
    BufReader::with_capacity(1 << 16, ShortTexts { inner: file, run: 0, escaped: false })
}

pub(super) struct ShortTexts<R> {
    inner: R,
    /// Bytes since the last quotation mark.
    run: usize,
    escaped: bool,
}

impl<R: Read> Read for ShortTexts<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        for byte in &buffer[..n] {
            match byte {
                b'"' if !self.escaped => self.run = 0,
                _ => self.run += 1,
            }
            self.escaped = *byte == b'\\' && !self.escaped;
            if self.run > MOST_TEXT {
                return Err(io::Error::other("it holds a text that does not end"));
            }
        }
        Ok(n)
    }
}
