//! Weights as Apple's MLX quantises them: whole numbers of a few bits, with a scale and an offset for each group of a row.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::Matrix;
use super::safetensors::{self, Weight};

/// One way to store the starter for MLX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mlx {
    pub bits: u32,
    /// Weights that share a scale; `mlx_lm` takes 64 unless told otherwise.
    pub group: usize,
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
        format!("MLX-{}bit-{}{once}", self.bits, self.group)
    }

    pub(super) fn say(self, config: &mut Map<String, Value>) {
        let said = json!({"group_size": self.group, "bits": self.bits});
        config.insert("quantization".to_owned(), said.clone());
        if self.said == Said::Twice {
            config.insert("quantization_config".to_owned(), said);
        }
    }

    /// Quantises a folder of plain weights, made of `matrices`, in place.
    pub fn convert(self, folder: &Path, matrices: &[Matrix]) {
        let config = folder.join("config.json");
        let text = fs::read(&config).expect("config.json reads");
        let mut said: Map<String, Value> = serde_json::from_slice(&text).expect("an object");
        self.say(&mut said);
        fs::write(config, Value::Object(said).to_string()).expect("config.json can be written");
        let weights: Vec<Weight> = matrices.iter().flat_map(|matrix| self.quantised(matrix)).collect();
        safetensors::write(&folder.join("model.safetensors"), &[("format", "mlx")], &weights);
    }

    /// The tensors that stand for `matrix`. Norms stay whole.
    pub(super) fn quantised(self, matrix: &Matrix) -> Vec<Weight> {
        let [rows, width] = matrix.shape[..] else { return vec![matrix.halved()] };
        let (mut words, mut scales, mut biases) = (Vec::new(), Vec::new(), Vec::new());
        for row in matrix.values.chunks(width) {
            let mut packed = Packer::new(self.bits);
            for group in row.chunks(self.group) {
                let steps = Steps::of(group, self.bits);
                scales.push(steps.scale);
                biases.push(steps.bias);
                for value in group {
                    packed.push(steps.nearest(*value));
                }
            }
            words.append(&mut packed.words);
        }
        let stem = matrix.name.strip_suffix(".weight").expect("a weight");
        let groups = vec![rows, width / self.group];
        vec![
            Weight::words(matrix.name.clone(), vec![rows, words.len() / rows], &words),
            Weight::halves(format!("{stem}.scales"), groups.clone(), &scales),
            Weight::halves(format!("{stem}.biases"), groups, &biases),
        ]
    }
}

/// The numbers that a group can hold.
struct Steps {
    scale: f32,
    bias: f32,
    bits: u32,
}

impl Steps {
    /// As MLX chooses them: the end of the range that is further from zero is met exactly, and zero is a step.
    fn of(group: &[f32], bits: u32) -> Self {
        let (least, most) = group.iter().fold((f32::MAX, f32::MIN), |(least, most), v| (least.min(*v), most.max(*v)));
        let scale = ((most - least) / highest(bits)).max(1e-7);
        let (scale, edge) = if least.abs() > most.abs() { (scale, least) } else { (-scale, most) };
        let at = (edge / scale).round();
        if at == 0.0 { Self { scale, bias: 0.0, bits } } else { Self { scale: edge / at, bias: edge, bits } }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to a few bits
    fn nearest(&self, value: f32) -> u32 {
        ((value - self.bias) / self.scale).round().clamp(0.0, highest(self.bits)) as u32
    }
}

fn highest(bits: u32) -> f32 {
    f32::from(u16::try_from((1u32 << bits) - 1).expect("few bits"))
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
