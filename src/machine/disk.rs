//! The room on disks, and when what is on them was last used.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// What a file system has, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// For whoever runs this: what is set aside for the system is not in it.
    pub free: u64,
    pub total: u64,
}

/// The room where a file or folder is; `None` where the file system can't be asked.
#[must_use]
pub fn room(path: &Path) -> Option<Room> {
    let stat = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Some(Room { free: bytes(stat.f_bavail), total: bytes(stat.f_blocks) })
}

/// Whether the file system writes down when a file was last read.
#[must_use]
pub fn keeps_last_use(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    let kept = |stat: rustix::fs::StatVfs| !stat.f_flag.contains(rustix::fs::StatVfsMountFlags::NOATIME);
    #[cfg(not(target_os = "linux"))]
    let kept = |_| true;
    rustix::fs::statvfs(path).is_ok_and(kept)
}

/// Opens a file for reading that does not count as its use, as far as the system lets us: to look at a model is not to use it.
///
/// # Errors
/// As the file system says.
pub fn open_unnoticed(path: &Path) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flag = i32::try_from(rustix::fs::OFlags::NOATIME.bits()).unwrap_or_default();
        // Only the file's owner may ask for this.
        match OpenOptions::new().read(true).custom_flags(flag).open(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            opened => return opened,
        }
    }
    OpenOptions::new().read(true).open(path)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_disk_has_no_more_free_than_in_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let room = room(folder.path()).expect("it can be asked");
        assert!(room.free <= room.total && room.total > 0, "{room:?}");
        assert_eq!(super::room(&folder.path().join("nowhere")), None);
    }

    #[test]
    fn a_look_is_no_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, "bytes").expect("writes");
        // Long ago, so that any reading would count.
        let then = SystemTime::now() - Duration::from_secs(3_600_000);
        let times = std::fs::FileTimes::new().set_accessed(then).set_modified(then);
        File::options().write(true).open(&path).and_then(|file| file.set_times(times)).expect("sets the times");
        let mut text = String::new();
        open_unnoticed(&path).and_then(|mut file| file.read_to_string(&mut text)).expect("reads");
        assert_eq!(text, "bytes");
        if cfg!(target_os = "linux") {
            let accessed = std::fs::metadata(&path).and_then(|meta| meta.accessed()).expect("a time");
            assert_eq!(accessed, then);
        }
        assert!(open_unnoticed(&folder.path().join("nowhere")).is_err());
    }
}
