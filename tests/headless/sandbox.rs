//! The real binary in a home of its own, watched by a clock.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Far more than anything here takes on a busy machine; only a hang gets there.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// What a person takes for "at once", on a busy machine.
pub const AT_ONCE: Duration = Duration::from_secs(5);

/// A home folder that nothing else uses.
pub struct Sandbox {
    dir: TempDir,
    /// In the environment of everything that is started here, so that it can be found again.
    mark: String,
}

impl Sandbox {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(dir.path().join("home")).expect("a home");
        let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self { dir, mark }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, content).expect("writes");
        path
    }

    /// A MODEL for the scripted engine.
    pub fn script(&self, toml: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("script-{}.toml", COUNT.fetch_add(1, Ordering::Relaxed));
        format!("script:{}", self.write(&name, toml).display())
    }

    pub fn config(&self, toml: &str) -> PathBuf {
        self.write("home/.config/hobnob/config.toml", toml)
    }

    /// hobnob with these arguments, nothing on stdin, and no other environment than its home.
    pub fn hobnob<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hobnob"));
        let home = self.path("home");
        command.args(args).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("TZ", "UTC")
            .env("HOBNOB_TEST", &self.mark);
        // Proxies and the like are the machine's, not the user's.
        for (name, value) in std::env::vars_os() {
            let lower = name.to_string_lossy().to_lowercase();
            if lower.ends_with("_proxy") || lower.starts_with("ssl_cert") || lower.starts_with("pip_") {
                command.env(name, value);
            }
        }
        command.current_dir(self.dir.path());
        command
    }

    /// Runs it to its end.
    pub fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Done {
        Running::start(self.hobnob(args)).finish()
    }

    /// Runs it to its end within limits, as the shell sets them.
    pub fn run_within<'a>(&self, limits: &str, args: impl IntoIterator<Item = &'a str>) -> Done {
        let hobnob = self.hobnob(args);
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("{limits}; exec \"$0\" \"$@\"")).arg(hobnob.get_program()).args(hobnob.get_args());
        shell.env_clear().envs(hobnob.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.current_dir(self.dir.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::start(shell).finish()
    }

    /// Runs it to its end with `input` on stdin.
    pub fn run_with<'a>(&self, args: impl IntoIterator<Item = &'a str>, input: impl Into<Vec<u8>>) -> Done {
        let mut command = self.hobnob(args);
        command.stdin(Stdio::piped());
        let mut running = Running::start(command);
        let (mut stdin, input) = (running.stdin.take().expect("a pipe"), input.into());
        // On a thread of its own: hobnob need not read it all.
        let writer = thread::spawn(move || drop(stdin.write_all(&input)));
        let done = running.finish();
        writer.join().expect("the writer ends with its reader");
        done
    }

    /// Processes that were started from here and live. Only Linux shows them.
    pub fn alive(&self) -> Vec<u32> {
        let mark = format!("HOBNOB_TEST={}\0", self.mark).into_bytes();
        let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
        let marked = |process: &Path| {
            fs::read(process.join("environ")).is_ok_and(|all| all.windows(mark.len()).any(|part| part == mark))
        };
        all.filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| marked(path))
            .filter_map(|path| path.file_name()?.to_str()?.parse().ok())
            .collect()
    }

    /// Nothing that was started here is left, or is about to go.
    pub fn assert_empty(&self) {
        assert!(eventually(PATIENCE, || self.alive().is_empty()), "left behind: {:?}", self.alive());
    }
}

/// Waits for a condition, and says whether it came.
pub fn eventually(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// hobnob while it runs.
pub struct Running {
    child: Option<Child>,
    pid: Pid,
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("hobnob starts");
        let pid = Pid::from_child(&child);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        Self { child: Some(child), pid, stdin, stdout, stderr }
    }

    pub fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("it runs");
    }

    /// Whether it catches SIGTERM by now. Where this can't be seen it is assumed.
    pub fn listens(&self) -> bool {
        let Ok(status) = fs::read_to_string(format!("/proc/{}/status", self.id())) else { return true };
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim();
        u64::from_str_radix(caught, 16).is_ok_and(|mask| mask & (1 << (15 - 1)) != 0)
    }

    /// Reads stdout until `wanted` is in what has come; gives all of that.
    pub fn read_until(&mut self, wanted: &str) -> String {
        let mut stdout = self.stdout.take().expect("a pipe");
        let wanted = wanted.to_owned();
        let read = within(PATIENCE, move || {
            let (mut all, mut byte) = (Vec::new(), [0]);
            while !String::from_utf8_lossy(&all).contains(&wanted) && stdout.read(&mut byte).expect("reads") == 1 {
                all.push(byte[0]);
            }
            (stdout, String::from_utf8_lossy(&all).into_owned())
        });
        let (stdout, text) = read.unwrap_or_else(|| {
            let _ = kill_process(self.pid, Signal::KILL);
            panic!("stdout did not come that far");
        });
        self.stdout = Some(stdout);
        text
    }

    /// Waits for the end, reading what is printed.
    pub fn finish(mut self) -> Done {
        let stdout = self.stdout.take().map(read_all);
        let stderr = self.stderr.take().map(read_all);
        let status = self.wait(PATIENCE);
        let text = |reader: Option<JoinHandle<Vec<u8>>>| reader.map_or_else(Vec::new, |r| r.join().expect("reads"));
        Done { status, out: text(stdout), err: String::from_utf8_lossy(&text(stderr)).into_owned() }
    }

    /// What stderr holds at the end, after [`Self::wait`].
    pub fn finish_stderr(mut self) -> String {
        let text = self.stderr.take().map(read_all).map(|reader| reader.join().expect("reads"));
        String::from_utf8_lossy(&text.unwrap_or_default()).into_owned()
    }

    /// Waits for the end without reading a byte.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let mut child = self.child.take().expect("waited for once");
        let (send, ended) = mpsc::channel();
        thread::spawn(move || send.send(child.wait()));
        match ended.recv_timeout(limit) {
            Ok(status) => status.expect("a status"),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                let _ = kill_process(self.pid, Signal::KILL);
                panic!("it did not end within {limit:?}");
            }
        }
    }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        pipe.read_to_end(&mut all).expect("reads");
        all
    })
}

/// Does something that might block; `None` if it takes longer than `limit`.
fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (send, result) = mpsc::channel();
    thread::spawn(move || send.send(work()));
    result.recv_timeout(limit).ok()
}

/// How it went.
#[derive(Debug)]
pub struct Done {
    pub status: ExitStatus,
    pub out: Vec<u8>,
    pub err: String,
}

impl Done {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.out).expect("stdout is text")
    }

    pub fn json(&self) -> serde_json::Value {
        let text = self.text();
        assert_eq!(text.matches('\n').count(), 1, "one line: {text}");
        serde_json::from_str(text).expect("JSON")
    }

    pub fn lines(&self) -> Vec<serde_json::Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect("JSON on each line")).collect()
    }

    /// Ended with `code`, with nothing on stderr that a person should not see.
    #[track_caller]
    pub fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(
            self.status.code(),
            Some(code),
            "stdout: {}\nstderr: {}",
            String::from_utf8_lossy(&self.out),
            self.err
        );
        for foreign in ["panicked", "RUST_BACKTRACE", "UserError", "Os {", "Err(", "Some(", "::"] {
            assert!(!self.err.contains(foreign), "`{foreign}` in: {}", self.err);
        }
        self
    }

    /// Failed with `code`, an `error:` line that holds `what` and a `hint:` line behind it.
    #[track_caller]
    pub fn assert_error(&self, code: i32, what: &str) -> &Self {
        self.assert_code(code);
        let error = self.err.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(error.contains(what), "`{what}` is not in `{error}`\n{}", self.err);
        assert!(self.err.lines().any(|line| line.starts_with("hint: ")), "no hint: {}", self.err);
        self
    }
}

/// A device that is always full.
pub fn full() -> Option<File> {
    File::options().write(true).open("/dev/full").ok()
}
