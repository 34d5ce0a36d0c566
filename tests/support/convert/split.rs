//! A GGUF file in parts: the first one has all that is said of the model, the others only their place.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use candle_core::Device;
use candle_core::quantized::QTensor;
use candle_core::quantized::gguf_file::{self, Value};

use super::Starter;

/// Counted from one, in the name alone.
pub(super) fn name(part: usize, parts: usize) -> String {
    format!("SmolLM2-135M-Instruct-{part:05}-of-{parts:05}.gguf")
}

pub(super) fn write(starter: &mut Starter, folder: &Path, parts: u16) {
    let mut names: Vec<String> = starter.content.tensor_infos.keys().cloned().collect();
    names.sort();
    let all = Value::I32(i32::try_from(names.len()).expect("few tensors"));
    for (part, names) in names.chunks(names.len().div_ceil(parts.into())).enumerate() {
        let place = Value::U16(u16::try_from(part).expect("few parts"));
        let count = Value::U16(parts);
        let mut said: Vec<(&str, &Value)> = if part == 0 {
            starter.content.metadata.iter().map(|(key, value)| (key.as_str(), value)).collect()
        } else {
            Vec::new()
        };
        said.sort_by_key(|(key, _)| *key);
        said.extend([("split.no", &place), ("split.count", &count), ("split.tensors.count", &all)]);
        let tensors: Vec<(&str, QTensor)> = names
            .iter()
            .map(|name| {
                let tensor = starter.content.tensor(&mut starter.reader, name, &Device::Cpu).expect("the weights read");
                (name.as_str(), tensor)
            })
            .collect();
        let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
        let path = folder.join(self::name(part + 1, parts.into()));
        let mut file = BufWriter::new(File::create(path).expect("the file can be made"));
        gguf_file::write(&mut file, &said, &tensors).expect("the file can be written");
        file.flush().expect("the file can be written");
    }
}
