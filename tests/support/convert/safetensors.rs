//! The safetensors format, written.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use serde_json::{Map, Value, json};

pub(super) struct Weight {
    name: String,
    kind: &'static str,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Weight {
    /// Numbers in half precision.
    pub fn halves(name: String, shape: Vec<usize>, values: &[f32]) -> Self {
        let tensor = Tensor::from_slice(values, values.len(), &Device::Cpu).and_then(|t| t.to_dtype(DType::F16));
        let mut bytes = Vec::with_capacity(2 * values.len());
        tensor.and_then(|tensor| tensor.write_bytes(&mut bytes)).expect("numbers of half precision");
        Self { name, kind: "F16", shape, bytes }
    }

    /// Words of 32 bits.
    pub fn words(name: String, shape: Vec<usize>, words: &[u32]) -> Self {
        Self { name, kind: "U32", shape, bytes: words.iter().flat_map(|word| word.to_le_bytes()).collect() }
    }
}

pub(super) fn write(path: &Path, metadata: &[(&str, &str)], weights: &[Weight]) {
    let mut header = Map::new();
    let said: Map<String, Value> = metadata.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    header.insert("__metadata__".to_owned(), Value::Object(said));
    let mut at = 0;
    for weight in weights {
        let end = at + weight.bytes.len();
        let entry = json!({"dtype": weight.kind, "shape": weight.shape, "data_offsets": [at, end]});
        assert!(header.insert(weight.name.clone(), entry).is_none(), "{} comes once", weight.name);
        at = end;
    }
    let mut header = Value::Object(header).to_string();
    // So that the weights begin at a multiple of eight.
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    let mut file = BufWriter::new(File::create(path).expect("the file can be made"));
    let mut put = |bytes: &[u8]| file.write_all(bytes).expect("the file can be written");
    put(&(header.len() as u64).to_le_bytes());
    put(header.as_bytes());
    for weight in weights {
        put(&weight.bytes);
    }
    file.flush().expect("the file can be written");
}
