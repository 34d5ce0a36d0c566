//! The starter in other quantisations, made here: what is on the Hub need not be within reach.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::gguf_file::{self, Content, Value};
use candle_core::quantized::{GgmlDType, QTensor};

use super::models;

#[derive(Debug, Clone, Copy)]
pub enum Quant {
    F16,
    // The two that the engine has the fastest kernels for.
    Q8_0,
    Q4_0,
    /// As far as the widths go, see [`Quant::of_width`].
    Q4K,
}

impl Quant {
    fn parts(self) -> (GgmlDType, &'static str, u32) {
        // The number is GGUF's `general.file_type`.
        match self {
            Self::F16 => (GgmlDType::F16, "F16", 1),
            Self::Q8_0 => (GgmlDType::Q8_0, "Q8_0", 7),
            Self::Q4_0 => (GgmlDType::Q4_0, "Q4_0", 2),
            Self::Q4K => (GgmlDType::Q4K, "Q4_K_S", 14),
        }
    }

    /// The type of a tensor whose rows have so many numbers. Where they are no multiple of a block, llama.cpp takes the
    /// next better type with small blocks; here that is most tensors, whose rows have 576 numbers.
    fn of_width(self, width: usize) -> GgmlDType {
        match self.parts().0 {
            GgmlDType::Q4K if !width.is_multiple_of(GgmlDType::Q4K.block_size()) => GgmlDType::Q5_0,
            wanted => wanted,
        }
    }
}

/// The starter's weights, read out of its `Q4_1` and stored again. No better than that file, and as fast as the real thing.
pub fn starter_as(quant: Quant) -> PathBuf {
    let (_, name, _) = quant.parts();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let target = folder.join(format!("SmolLM2-135M-Instruct.{name}.gguf"));
    if !target.exists() {
        fs::create_dir_all(&folder).expect("a folder for made-up models");
        // Two programs may do this at once: each makes its own, the last one stays.
        let part = folder.join(format!("{name}.{}.part", std::process::id()));
        requantise(&models::starter(), &part, quant).expect("the starter can be requantised");
        fs::rename(&part, &target).expect("the new file can be put in place");
    }
    target
}

fn requantise(from: &Path, to: &Path, quant: Quant) -> candle_core::Result<()> {
    let (_, _, file_type) = quant.parts();
    let mut reader = BufReader::new(File::open(from)?);
    let content = Content::read(&mut reader)?;
    let mut tensors = Vec::new();
    for name in content.tensor_infos.keys() {
        let tensor = content.tensor(&mut reader, name, &Device::Cpu)?;
        // Norms stay whole, as everybody does it.
        let tensor = if tensor.dtype() == GgmlDType::F32 {
            tensor
        } else {
            let width = tensor.shape().dims().last().copied().unwrap_or_default();
            QTensor::quantize(&tensor.dequantize(&Device::Cpu)?, quant.of_width(width))?
        };
        tensors.push((name.as_str(), tensor));
    }
    tensors.sort_by_key(|(name, _)| *name);
    let mut metadata: Vec<(&str, Value)> =
        content.metadata.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    for (key, value) in &mut metadata {
        if *key == "general.file_type" {
            *value = Value::U32(file_type);
        }
    }
    metadata.sort_by_key(|(key, _)| *key);
    let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (*key, value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
    let mut writer = BufWriter::new(File::create(to)?);
    gguf_file::write(&mut writer, &metadata, &tensors)?;
    writer.flush()?;
    Ok(())
}
