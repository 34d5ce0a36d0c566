//! The gate before the engine: whole models pass, and everything else is refused in words, quickly, in little memory.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::time::Instant;

use hobnob::domain::model::{Format, ModelFacts};
use hobnob::engine::probe::{parts, probe};
use hobnob::error::{ErrorKind, UserError};
use support::broken::{Random, broken_ggufs};
use support::gguf_edit::{Gguf, I32, write_sparse};
use support::models::starter;

/// What one probe may hold at once, whatever a file claims.
const MOST_MEMORY: usize = 6 << 20;

/// Counts what this thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn count(grown: usize, freed: usize) {
    // Gone while a thread ends: nothing is measured then.
    let _ = HELD.try_with(|held| {
        held.set((held.get() + grown).saturating_sub(freed));
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

#[allow(unsafe_code, reason = "an allocator can't be written otherwise; this one only counts and passes on")]
// SAFETY: every call goes to the system's allocator with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Probes, and holds the probe to its memory.
fn measured(path: &Path) -> Result<ModelFacts, UserError> {
    HELD.set(0);
    PEAK.set(0);
    let result = probe(path);
    let peak = PEAK.get();
    assert!(peak <= MOST_MEMORY, "{}: {peak} bytes at once", path.display());
    result
}

/// The refusal of a file, which must name it, give a reason and a next step.
fn refusal(name: &str, path: &Path) -> UserError {
    let error = match measured(path) {
        Ok(facts) => panic!("{name}: taken for a model: {facts:?}"),
        Err(error) => error,
    };
    let file = path.file_name().expect("a name").to_string_lossy();
    assert!(error.message.contains(&*file), "{name}: {error} does not name {file}");
    assert!(error.message.split_once(": ").is_some_and(|(_, reason)| reason.len() > 8), "{name}: no reason in {error}");
    assert!(!error.message.ends_with('.') && !error.message.chars().any(char::is_control), "{name}: {error}");
    assert!(error.hint.as_deref().is_some_and(|hint| !hint.is_empty()), "{name}: no hint");
    assert_eq!(error.kind.exit_code(), 3, "{name}: {:?}", error.kind);
    error
}

#[test]
fn the_starter_tells_all_about_itself() {
    let path = starter();
    let facts = measured(&path).expect("the starter is whole");
    assert_eq!(facts.format, Format::Gguf);
    assert_eq!(facts.architecture, "llama");
    assert_eq!(facts.quant, "Q4_1");
    assert_eq!(facts.name.as_deref(), Some("Smollm2 135M 8k Lc100K Mix1 Ep2"));
    assert_eq!((facts.context, facts.layers, facts.kv_heads, facts.head_size), (8192, 30, 3, 64));
    assert_eq!((facts.parameters, facts.vocabulary), (134_515_008, 49_152));
    assert_eq!(facts.bytes, 96_576_768);
    assert!(facts.has_chat_template && !facts.can_think);
    assert_eq!(parts(&path), Ok(vec![path]));
}

#[test]
fn an_untouched_copy_passes() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("copy.gguf");
    Gguf::read(&starter()).write(&path);
    assert_eq!(measured(&path), measured(&starter()));
}

#[test]
fn every_broken_file_is_refused_by_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut files = 0;
    for (name, path) in broken_ggufs(dir.path(), 400) {
        refusal(&name, &path);
        files += 1;
    }
    assert_eq!(files, 400);
}
