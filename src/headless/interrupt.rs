//! What can end a command from outside: SIGINT, SIGTERM, and `--timeout`.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use crate::error::{ErrorKind, UserError};
use crate::headless::{Quit, refused};

/// The two signals by which a person or the system ends a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    Int,
    Term,
}

impl Interrupt {
    /// The exit code that shells expect.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Int => 130,
            Self::Term => 143,
        }
    }

    /// What happened, for a script that reads JSON. On stderr it needs no words: whoever did it knows.
    #[must_use]
    pub fn error(self) -> UserError {
        let what = match self {
            Self::Int => "interrupted",
            Self::Term => "terminated",
        };
        UserError::new(ErrorKind::Cancelled, format!("{what} before there was anything to show"))
    }
}

/// A reason to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    Interrupted(Interrupt),
    TimedOut,
}

/// Hears what would end the command.
pub(super) struct Watch {
    int: Signal,
    term: Signal,
    /// `--timeout`.
    timeout: Option<Duration>,
    deadline: Option<Instant>,
}

impl Watch {
    /// From now on the signals come here instead of ending the process, and the clock of `timeout` runs.
    pub fn start(timeout: Option<Duration>) -> Result<Self, Quit> {
        let open = |kind| signal(kind).map_err(|error| refused("signals can't be received", &error));
        let (int, term) = (open(SignalKind::interrupt())?, open(SignalKind::terminate())?);
        Ok(Self { int, term, timeout, deadline: timeout.map(|timeout| Instant::now() + timeout) })
    }

    /// Waits for the next reason to stop.
    pub async fn halt(&mut self) -> Halt {
        let deadline = self.deadline;
        let timer = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.int.recv() => Halt::Interrupted(Interrupt::Int),
            _ = self.term.recv() => Halt::Interrupted(Interrupt::Term),
            () = timer => Halt::TimedOut,
        }
    }

    /// From now on `--timeout` runs anew; with `None` there is none.
    pub fn limit(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
        self.deadline = timeout.map(|timeout| Instant::now() + timeout);
    }

    /// From now on there is so much time and no more, whatever was given before.
    pub fn allow(&mut self, time: Duration) {
        self.deadline = Some(Instant::now() + time);
    }

    /// Waits for `work`, unless there is a reason to stop first.
    pub async fn guard<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Quit> {
        tokio::select! {
            biased;
            halt = self.halt() => Err(self.quit(halt)),
            done = work => Ok(done),
        }
    }

    /// Does blocking `work` on a thread of its own and waits for it, unless there is a reason to stop first.
    pub async fn guard_blocking<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> Result<T, UserError> + Send + 'static,
    ) -> Result<T, Quit> {
        match self.guard(tokio::task::spawn_blocking(work)).await? {
            Ok(result) => Ok(result?),
            Err(_) => Err(UserError::new(ErrorKind::Unexpected, "a worker thread failed").into()),
        }
    }

    /// As [`Self::guard_blocking`], for reading something that others bring to its end.
    pub async fn guard_reading<T: Send + 'static>(
        &mut self,
        (what, hint): (&str, &str),
        read: impl FnOnce() -> Result<T, UserError> + Send + 'static,
    ) -> Result<T, Quit> {
        self.guard_blocking(read).await.map_err(|quit| match quit {
            Quit::Error(error) if error.kind == ErrorKind::Timeout => {
                self.ran_out(&format!("{what} ended"), hint).into()
            }
            quit => quit,
        })
    }

    /// What stopping for this reason means while there is nothing to keep.
    pub fn quit(&self, halt: Halt) -> Quit {
        match halt {
            Halt::Interrupted(interrupt) => Quit::Interrupted(interrupt),
            Halt::TimedOut => self.timed_out().into(),
        }
    }

    /// `--timeout` as an error.
    pub fn timed_out(&self) -> UserError {
        self.ran_out("the answer was whole", "give it more time, or ask for less with --max-tokens")
    }

    fn ran_out(&self, before: &str, hint: &str) -> UserError {
        let given = self.timeout.map_or_else(String::new, |timeout| format!("{} s of ", timeout.as_secs_f64()));
        UserError::new(ErrorKind::Timeout, format!("the {given}--timeout ran out before {before}")).hint(hint)
    }
}
