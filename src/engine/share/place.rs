//! Where holders and guests meet: a folder that only this user can enter, one socket per holder, one lock.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::process::geteuid;

use super::Holder;
use crate::error::{ErrorKind, UserError, reason};

/// A socket's path is no longer than this anywhere (macOS, without the zero at its end).
const LONGEST_PATH: usize = 103;
/// No socket's name is longer.
const LONGEST_NAME: &str = "chat-4294967295.sock";
const ENDING: &str = ".sock";
const LOCK: &str = "lock";

/// The folder that is used for the one that is wished for: one whose path is too long for a socket gives way.
fn folder(wish: &Path) -> PathBuf {
    if wish.join(LONGEST_NAME).as_os_str().len() <= LONGEST_PATH {
        return wish.to_owned();
    }
    std::env::temp_dir().join(format!("hobnob-{}", geteuid().as_raw()))
}

/// The folder, made if it must be.
///
/// # Errors
/// It can't be made, or somebody else could get into it.
pub(super) fn prepare(wish: &Path) -> io::Result<PathBuf> {
    let folder = folder(wish);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    if ours(&folder)?.mode() & 0o077 != 0 {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(folder)
}

/// Why the folder can't be used, with the place that is to blame; nothing is made or changed by it.
///
/// # Errors
/// It is somebody else's, or can't be made or written to.
pub fn usable(wish: &Path) -> Result<(), UserError> {
    let folder = folder(wish);
    let there = folder.ancestors().find(|path| fs::symlink_metadata(path).is_ok()).unwrap_or(&folder);
    let looked = if there == folder {
        ours(there).map(drop)
    } else if there.is_dir() {
        Ok(())
    } else {
        Err(io::ErrorKind::NotADirectory.into())
    };
    let looked = looked.and_then(|()| Ok(access(there, Access::WRITE_OK | Access::EXEC_OK)?));
    looked.map_err(|error| {
        UserError::new(ErrorKind::Disk, format!("engines can't be shared in {}: {}", folder.display(), reason(&error)))
            .hint(format!("make {} a folder that you may write, or set XDG_STATE_HOME to another", there.display()))
    })
}

/// What there is of a folder of ours. Not what a link leads to: in a folder of everybody's that could be anybody's.
fn ours(folder: &Path) -> io::Result<fs::Metadata> {
    let meta = fs::symlink_metadata(folder)?;
    if !meta.is_dir() || meta.uid() != geteuid().as_raw() {
        return Err(io::Error::other(format!("{} is not ours alone", folder.display())));
    }
    Ok(meta)
}

/// The sockets in the folder, those of holders without a person first. In a folder that is not ours there are none.
pub(super) fn sockets(wish: &Path) -> Vec<PathBuf> {
    let folder = folder(wish);
    if ours(&folder).is_err() {
        return Vec::new();
    }
    let is_socket = |path: &Path| fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    let mut sockets: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_str().is_some_and(|path| path.ends_with(ENDING)) && is_socket(path))
        .collect();
    sockets.sort_by_key(|path| {
        (!path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("warm")), path.clone())
    });
    sockets
}

/// Waits until nobody else starts a holder. Freed when the file is closed, however its process ends.
///
/// # Errors
/// As the system says.
pub(super) fn lock(folder: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join(LOCK))?;
    file.lock()?;
    Ok(file)
}

/// A socket that guests can come to; its name goes with it.
#[derive(Debug)]
pub(super) struct Bound {
    pub path: PathBuf,
    inode: u64,
}

impl Bound {
    /// # Errors
    /// As the system says.
    pub fn open(folder: &Path, holder: Holder) -> io::Result<(Self, UnixListener)> {
        let kind = match holder {
            Holder::Interface => "chat",
            Holder::Warm { .. } => "warm",
        };
        let path = folder.join(format!("{kind}-{}{ENDING}", std::process::id()));
        // It gets its name when it listens: one that does not is taken for left behind.
        let unnamed = folder.join(format!("new-{}", std::process::id()));
        remove(&unnamed)?;
        let listener = UnixListener::bind(&unnamed)?;
        fs::set_permissions(&unnamed, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        let inode = fs::symlink_metadata(&unnamed)?.ino();
        fs::rename(&unnamed, &path)?;
        Ok((Self { path, inode }, listener))
    }

    /// Whether guests still find it.
    pub fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|meta| meta.ino() == self.inode)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if self.is_there() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Takes a file away, if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_gets_in() {
        let dir = tempfile::tempdir().expect("a folder");
        let wish = dir.path().join("a/run");
        let mode = |path: &Path| fs::metadata(path).expect("is there").mode() & 0o777;
        let folder = prepare(&wish).expect("is made");
        assert_eq!((folder.as_path(), mode(&folder)), (wish.as_path(), 0o700));
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("is ours");
        prepare(&wish).expect("is there");
        assert_eq!(mode(&folder), 0o700);
        let (bound, _listener) = Bound::open(&folder, Holder::Interface).expect("opens");
        assert_eq!(mode(&bound.path), 0o600);
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).expect("links");
        assert!(prepare(&link).is_err(), "a link can lead anywhere");
        // Nor does a guest follow it.
        assert_eq!((sockets(&folder), sockets(&link)), (vec![bound.path.clone()], vec![]));
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(usable(&dir.path().join("a/run")), Ok(()));
        assert!(!dir.path().join("a").exists(), "nothing is made");
        prepare(&dir.path().join("a/run")).expect("is made");
        assert_eq!(usable(&dir.path().join("a/run")), Ok(()));
        let file = dir.path().join("file");
        fs::write(&file, "").expect("writes");
        let error = usable(&file.join("run")).expect_err("a file");
        assert!(error.message.ends_with("file/run: a part of its path is not a folder"), "{error}");
        assert!(error.hint.is_some_and(|hint| hint.contains(&format!("make {} a folder", file.display()))));
        let error = usable(&file).expect_err("a file");
        assert!(error.message.ends_with("is not ours alone"), "{error}");
    }

    #[test]
    fn a_path_that_no_socket_can_have_gives_way() {
        let long = Path::new("/").join("long/".repeat(30));
        assert!(folder(&long).starts_with(std::env::temp_dir()));
        assert_eq!(folder(Path::new("/run/user/1000/hobnob")), Path::new("/run/user/1000/hobnob"));
    }

    #[test]
    fn sockets_of_nobody_in_particular_come_first_and_go_with_their_holder() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = prepare(dir.path()).expect("is there");
        let (chat, _a) = Bound::open(&folder, Holder::Interface).expect("opens");
        let keep = std::time::Duration::from_secs(1);
        let (warm, _b) = Bound::open(&folder, Holder::Warm { keep }).expect("opens");
        fs::write(folder.join("warm-1.sock"), "no socket").expect("writes");
        assert_eq!(sockets(&folder), [warm.path.clone(), chat.path.clone()]);
        drop(warm);
        assert_eq!(sockets(&folder), std::slice::from_ref(&chat.path));
        // Somebody else has the name by now.
        fs::remove_file(&chat.path).expect("removes");
        fs::write(&chat.path, "").expect("writes");
        assert!(!chat.is_there());
        let path = chat.path.clone();
        drop(chat);
        assert!(path.exists());
    }
}
