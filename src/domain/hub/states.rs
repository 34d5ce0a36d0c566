//! What the states of the Hub's things come to.

use super::{DownloadState, Files, Gated};

impl Gated {
    #[must_use]
    pub fn is_gated(self) -> bool {
        self != Self::No
    }
}

impl Files {
    /// Of a model that is one file.
    pub const ONE: Self = Self { done: 0, total: 1 };

    /// For a line of progress; nothing where there is one file.
    #[must_use]
    pub fn label(self) -> Option<String> {
        (self.total > 1).then(|| format!("{} of {} files", self.done, self.total))
    }
}

impl DownloadState {
    /// Nothing will happen to it any more by itself.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Cancelled | Self::Failed { .. })
    }

    /// Bytes that are here and bytes that there are, as far as that is known.
    #[must_use]
    pub fn progress(&self) -> Option<(u64, u64)> {
        match self {
            Self::Running { done, total, .. } | Self::Paused { done, total } | Self::Waiting { done, total, .. } => {
                Some((*done, *total))
            }
            // All of it is here; what is left is to look at it.
            Self::Verifying { total, .. } => Some((*total, *total)),
            Self::Done { model } => Some((model.bytes, model.bytes)),
            Self::Queued | Self::Resolving | Self::Cancelled | Self::Failed { .. } => None,
        }
    }
}
