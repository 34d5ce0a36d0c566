//! Weights as Apple's MLX quantises them: whole numbers of a few bits, with a scale and an offset for each group of a row.

use serde_json::{Map, Value, json};

use super::Matrix;
use super::safetensors::Weight;

/// What `mlx_lm` takes unless told otherwise.
pub const GROUP: usize = 64;

/// One way to store the starter for MLX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mlx {
    pub bits: u32,
    pub said: Said,
}

/// Under which names `config.json` says how the weights are quantised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// As `mlx_lm` does it.
    Twice,
    /// `quantization` alone, as it did before.
    Once,
}

impl Mlx {
    pub(super) fn name(self) -> String {
        let once = if self.said == Said::Once { "-old" } else { "" };
        format!("MLX-{}bit{once}", self.bits)
    }

    pub(super) fn say(self, config: &mut Map<String, Value>) {
        let said = json!({"group_size": GROUP, "bits": self.bits});
        config.insert("quantization".to_owned(), said.clone());
        if self.said == Said::Twice {
            config.insert("quantization_config".to_owned(), said);
        }
    }

    /// The tensors that stand for `matrix`. Norms stay whole.
    pub(super) fn quantised(self, matrix: &Matrix) -> Vec<Weight> {
        let [rows, width] = matrix.shape[..] else { return vec![matrix.halved()] };
        let (mut words, mut scales, mut biases) = (Vec::new(), Vec::new(), Vec::new());
        for row in matrix.values.chunks(width) {
            let mut packed = Packer::new(self.bits);
            for group in row.chunks(GROUP) {
                let (scale, bias) = scale_and_bias(group, self.bits);
                scales.push(scale);
                biases.push(bias);
                group.iter().for_each(|value| packed.push(nearest((value - bias) / scale, self.bits)));
            }
            words.append(&mut packed.words);
        }
        let stem = matrix.name.strip_suffix(".weight").expect("a weight");
        let groups = vec![rows, width / GROUP];
        vec![
            Weight::words(matrix.name.clone(), vec![rows, words.len() / rows], &words),
            Weight::halves(format!("{stem}.scales"), groups.clone(), &scales),
            Weight::halves(format!("{stem}.biases"), groups, &biases),
        ]
    }
}

/// As MLX chooses them: the end of the range that is further from zero is met exactly, and zero is a step.
fn scale_and_bias(group: &[f32], bits: u32) -> (f32, f32) {
    let (least, most) = group.iter().fold((f32::MAX, f32::MIN), |(least, most), v| (least.min(*v), most.max(*v)));
    let steps = highest(bits);
    let scale = ((most - least) / steps).max(1e-7);
    let (scale, edge) = if least.abs() > most.abs() { (scale, least) } else { (-scale, most) };
    let at = (edge / scale).round();
    if at == 0.0 { (scale, 0.0) } else { (edge / at, edge) }
}

fn highest(bits: u32) -> f32 {
    f32::from(u16::try_from((1u32 << bits) - 1).expect("few bits"))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to a few bits
fn nearest(steps: f32, bits: u32) -> u32 {
    steps.round().clamp(0.0, highest(bits)) as u32
}

/// Numbers of a few bits in words, the first one lowest; a row begins with a new word.
struct Packer {
    bits: u32,
    free: u32,
    words: Vec<u32>,
}

impl Packer {
    fn new(bits: u32) -> Self {
        Self { bits, free: 0, words: Vec::new() }
    }

    fn push(&mut self, number: u32) {
        if self.free == 0 {
            self.words.push(0);
            self.free = u32::BITS;
        }
        let last = self.words.last_mut().expect("a word");
        *last |= number << (u32::BITS - self.free);
        if self.bits <= self.free {
            self.free -= self.bits;
        } else {
            self.words.push(number >> self.free);
            self.free = u32::BITS - (self.bits - self.free);
        }
    }
}
