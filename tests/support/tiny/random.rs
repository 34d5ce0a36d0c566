//! Weights that look like a model's: small numbers around zero, around one where they scale, and the same ones each time.

use super::words::is_spoken;

/// The widest number, as a power of two, so that 8-bit weights hold it exactly.
const WIDEST: f32 = 0.25;

/// Numbers from -1 to 1, told by a name.
fn numbers(name: &str) -> impl Iterator<Item = f32> + use<> {
    let mut state = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Its high bits are the random ones.
        f32::from(i16::from_le_bytes([state.to_le_bytes()[6], state.to_le_bytes()[7]])) / 32768.0
    })
}

/// The numbers of the tensor `name`, `columns` to a row.
pub(super) fn plain(name: &str, columns: u64, count: u64) -> impl Iterator<Item = f32> + use<> {
    let around = if name.contains("norm") && name.ends_with("weight") { 1.0 } else { 0.0 };
    let is_words = is_words(name);
    let scaled = (0..count)
        .zip(numbers(name))
        .map(move |(at, number)| if is_words && !is_spoken(at / columns) { 0.0 } else { around + WIDEST * number });
    scaled
}

/// A row for each word.
fn is_words(name: &str) -> bool {
    ["token_embd.", "output.", "model.embed_tokens.", "lm_head."].iter().any(|start| name.starts_with(start))
}

/// The same in blocks of 32 with 8 bits each (`Q8_0`).
pub(super) fn eighths(name: &str, columns: u64, count: u64, out: &mut Vec<u8>) {
    /// 2^-9 as f16: 127 of it are about [`WIDEST`].
    const SCALE: u16 = (15 - 9) << 10;
    let is_words = is_words(name);
    let mut numbers = numbers(name);
    for block in 0..count / 32 {
        let kept = if is_words && !is_spoken(block * 32 / columns) { 0.0 } else { 127.0 };
        out.extend(SCALE.to_le_bytes());
        #[allow(clippy::cast_possible_truncation)] // -127 to 127
        out.extend(numbers.by_ref().take(32).flat_map(|number| ((number * kept) as i8).to_le_bytes()));
    }
}
