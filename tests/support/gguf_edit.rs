//! A GGUF header taken apart, so that tests can change any field of it and write it again. The weights are left out: the
//! file has its full length, and zeros that take no room on the disk.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

pub const U32: u32 = 4;
pub const I32: u32 = 5;
pub const F32: u32 = 6;
pub const TEXT: u32 = 8;
pub const LIST: u32 = 9;
pub const U64: u32 = 10;

/// One metadata entry; the value as its bytes.
#[derive(Clone)]
pub struct Entry {
    pub key: String,
    pub kind: u32,
    pub value: Vec<u8>,
}

#[derive(Clone)]
pub struct Tensor {
    pub name: String,
    pub dimensions: Vec<u64>,
    pub kind: u32,
    pub offset: u64,
}

/// Where a field of the written header lies, for damaging it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Magic,
    Version,
    TensorCount,
    EntryCount,
    KeyLength,
    Key,
    ValueType,
    ElementType,
    ListLength,
    NameLength,
    Name,
    DimensionCount,
    Dimension,
    TensorType,
    Offset,
}

#[derive(Clone)]
pub struct Place {
    pub field: Field,
    /// The key or tensor that the field belongs to.
    pub of: String,
    pub at: usize,
    pub len: usize,
}

#[derive(Clone)]
pub struct Gguf {
    pub version: u32,
    /// What the header claims, where that is not what it has.
    pub claimed_tensors: Option<u64>,
    pub claimed_entries: Option<u64>,
    pub entries: Vec<Entry>,
    pub tensors: Vec<Tensor>,
    /// Bytes after the header.
    pub data_len: u64,
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(n);
        self.0 = tail;
        head
    }
    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().expect("four bytes"))
    }
    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().expect("eight bytes"))
    }
    fn size(&mut self) -> usize {
        usize::try_from(self.u64()).expect("a size of this machine")
    }
    fn text(&mut self) -> String {
        let len = self.size();
        String::from_utf8(self.take(len).to_vec()).expect("text")
    }
    fn skip_value(&mut self, kind: u32) {
        match kind {
            0 | 1 | 7 => drop(self.take(1)),
            2 | 3 => drop(self.take(2)),
            4..=6 => drop(self.take(4)),
            10..=12 => drop(self.take(8)),
            TEXT => {
                let len = self.size();
                self.take(len);
            }
            LIST => {
                let element = self.u32();
                for _ in 0..self.u64() {
                    self.skip_value(element);
                }
            }
            other => panic!("no such type: {other}"),
        }
    }
}

impl Gguf {
    /// Takes a sound file apart.
    pub fn read(path: &Path) -> Self {
        let file = File::open(path).expect("the file opens");
        let file_len = file.metadata().expect("the file has a size").len();
        let mut bytes = Vec::new();
        file.take(64 << 20).read_to_end(&mut bytes).expect("the header reads");
        let mut cursor = Cursor(&bytes);
        assert_eq!(cursor.take(4), b"GGUF");
        let version = cursor.u32();
        let (tensor_count, entry_count) = (cursor.u64(), cursor.u64());
        let entries = (0..entry_count)
            .map(|_| {
                let (key, kind) = (cursor.text(), cursor.u32());
                let before = cursor.0;
                cursor.skip_value(kind);
                Entry { key, kind, value: before[..before.len() - cursor.0.len()].to_vec() }
            })
            .collect();
        let tensors = (0..tensor_count)
            .map(|_| {
                let name = cursor.text();
                let dimensions = (0..cursor.u32()).map(|_| cursor.u64()).collect();
                Tensor { name, dimensions, kind: cursor.u32(), offset: cursor.u64() }
            })
            .collect();
        let header = (bytes.len() - cursor.0.len()) as u64;
        let data_len = file_len - header.next_multiple_of(32);
        Self { version, claimed_tensors: None, claimed_entries: None, entries, tensors, data_len }
    }

    pub fn set(&mut self, key: &str, kind: u32, value: Vec<u8>) {
        let entry = Entry { key: key.to_owned(), kind, value };
        match self.entries.iter_mut().find(|entry| entry.key == key) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }
    pub fn set_u32(&mut self, key: &str, value: u32) {
        self.set(key, U32, value.to_le_bytes().to_vec());
    }
    pub fn set_f32(&mut self, key: &str, value: f32) {
        self.set(key, F32, value.to_le_bytes().to_vec());
    }
    pub fn set_text(&mut self, key: &str, value: &str) {
        self.set(key, TEXT, text(value.as_bytes()));
    }
    pub fn set_list(&mut self, key: &str, element: u32, len: u64, elements: &[u8]) {
        self.set(key, LIST, [&element.to_le_bytes()[..], &len.to_le_bytes(), elements].concat());
    }
    pub fn set_texts(&mut self, key: &str, texts: &[Vec<u8>]) {
        let bytes: Vec<u8> = texts.iter().flat_map(|bytes| text(bytes)).collect();
        self.set_list(key, TEXT, texts.len() as u64, &bytes);
    }
    /// The elements of a list of texts.
    pub fn texts(&self, key: &str) -> Vec<Vec<u8>> {
        let entry = self.entries.iter().find(|entry| entry.key == key).expect("the key is there");
        let mut cursor = Cursor(&entry.value);
        assert_eq!(cursor.u32(), TEXT);
        (0..cursor.u64())
            .map(|_| {
                let len = cursor.size();
                cursor.take(len).to_vec()
            })
            .collect()
    }
    pub fn remove(&mut self, key: &str) {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.key != key);
        assert_ne!(self.entries.len(), before, "{key} was there");
    }
    pub fn rename(&mut self, key: &str, to: &str) {
        let entry = self.entries.iter_mut().find(|entry| entry.key == key).expect("the key is there");
        to.clone_into(&mut entry.key);
    }
    pub fn tensor(&mut self, name: &str) -> &mut Tensor {
        self.tensors.iter_mut().find(|tensor| tensor.name == name).expect("the tensor is there")
    }

    /// The header's bytes, and where its fields lie in them.
    pub fn header(&self) -> (Vec<u8>, Vec<Place>) {
        let (mut out, mut places) = (Vec::new(), Vec::new());
        let mut put = |out: &mut Vec<u8>, field: Field, of: &str, bytes: &[u8]| {
            places.push(Place { field, of: of.to_owned(), at: out.len(), len: bytes.len() });
            out.extend_from_slice(bytes);
        };
        put(&mut out, Field::Magic, "", b"GGUF");
        put(&mut out, Field::Version, "", &self.version.to_le_bytes());
        let tensors = self.claimed_tensors.unwrap_or(self.tensors.len() as u64);
        put(&mut out, Field::TensorCount, "", &tensors.to_le_bytes());
        let entries = self.claimed_entries.unwrap_or(self.entries.len() as u64);
        put(&mut out, Field::EntryCount, "", &entries.to_le_bytes());
        for Entry { key, kind, value } in &self.entries {
            put(&mut out, Field::KeyLength, key, &(key.len() as u64).to_le_bytes());
            put(&mut out, Field::Key, key, key.as_bytes());
            put(&mut out, Field::ValueType, key, &kind.to_le_bytes());
            let mut rest = &value[..];
            if *kind == LIST {
                put(&mut out, Field::ElementType, key, &value[..4]);
                put(&mut out, Field::ListLength, key, &value[4..12]);
                rest = &value[12..];
            }
            out.extend_from_slice(rest);
        }
        for Tensor { name, dimensions, kind, offset } in &self.tensors {
            put(&mut out, Field::NameLength, name, &(name.len() as u64).to_le_bytes());
            put(&mut out, Field::Name, name, name.as_bytes());
            let count = u32::try_from(dimensions.len()).expect("few dimensions");
            put(&mut out, Field::DimensionCount, name, &count.to_le_bytes());
            for dimension in dimensions {
                put(&mut out, Field::Dimension, name, &dimension.to_le_bytes());
            }
            put(&mut out, Field::TensorType, name, &kind.to_le_bytes());
            put(&mut out, Field::Offset, name, &offset.to_le_bytes());
        }
        out.resize(out.len().next_multiple_of(32), 0);
        (out, places)
    }

    /// Writes the file whole.
    pub fn write(&self, path: &Path) {
        let (header, _) = self.header();
        write_sparse(path, &header, header.len() as u64 + self.data_len);
    }
}

/// `start`, and zeros up to `len`.
pub fn write_sparse(path: &Path, start: &[u8], len: u64) {
    let mut file = File::create(path).expect("the file can be made");
    let kept = usize::try_from(len).map_or(start.len(), |len| len.min(start.len()));
    file.write_all(&start[..kept]).expect("the file can be written");
    file.set_len(len).expect("the file can be sized");
}

/// A length and its bytes.
pub fn text(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes()[..], bytes].concat()
}
