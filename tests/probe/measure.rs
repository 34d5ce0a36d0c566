//! Probing under watch: how much it holds, and how it says no.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

use hobnob::domain::model::ModelFacts;
use hobnob::engine::probe::probe;
use hobnob::error::UserError;

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
pub fn measured(path: &Path) -> Result<ModelFacts, UserError> {
    HELD.set(0);
    PEAK.set(0);
    let result = probe(path);
    let peak = PEAK.get();
    assert!(peak <= MOST_MEMORY, "{}: {peak} bytes at once", path.display());
    result
}

/// The refusal of a file, which must name it, give a reason and a next step.
pub fn refusal(name: &str, path: &Path) -> UserError {
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

/// A folder that is gone when the test ends.
pub fn workplace() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}
