//! Models elsewhere and their way here: what is searched for on the Hub and found, what a repository offers, how a
//! download stands, what is kept on the disk.

mod quality;
mod search;
mod states;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::model::{Format, LocalModel, ModelFacts, ModelRef, RepoId};
use crate::domain::{AskId, JobId, LoadId};
use crate::error::UserError;

pub use self::search::{Gated, Hit, Hits, Kind, NextPage, SearchQuery, Sort, parameters_of_name};

// ── A repository ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// All that can be told of a repository.
#[derive(Debug, Clone, PartialEq)]
pub struct RepoPage {
    pub hit: Hit,
    /// Where people look at it, and agree to its terms.
    pub address: String,
    /// The commit that this describes.
    pub commit: String,
    /// The best quantisation first.
    pub offers: Vec<Offer>,
    /// What it was made of, and what else was made of that: in other formats, by others.
    pub base: Vec<RepoId>,
    pub siblings: Vec<Hit>,
    /// The model card in Markdown, without its header.
    pub card: Option<String>,
}

/// Files of a repository that are one model: a file, a split set, a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The MODEL that means it.
    pub model: ModelRef,
    pub format: Format,
    pub kind: Kind,
    /// `Q4_K_M`, `4-bit`, `BF16`.
    pub quant: String,
    pub quality: Quality,
    pub files: Vec<RepoFile>,
    /// All of them together.
    pub bytes: u64,
    /// Enough to judge whether it fits, where that could be found out; an error where it is known that it can't be run.
    pub facts: Option<Result<ModelFacts, UserError>>,
}

/// What quantisation has left of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// 2 bits and less: words come out, facts and forms suffer.
    Poor,
    /// 3 bits.
    Low,
    /// 4 bits: the floor for structured output and tools.
    Good,
    /// 5 and 6 bits.
    High,
    /// 8 bits and more: as good as the original.
    Full,
}

impl Quality {
    /// What the name of a quantisation says. Weights of which nothing is said are the original ones.
    #[must_use]
    pub fn of(quant: &str) -> Self {
        match bits_of_name(quant) {
            Some(0..=2) => Self::Poor,
            Some(3) => Self::Low,
            Some(4) => Self::Good,
            Some(5..=7) => Self::High,
            Some(8..) | None => Self::Full,
        }
    }

    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Poor => "poor",
            Self::Low => "low",
            Self::Good => "good",
            Self::High => "high",
            Self::Full => "full",
        }
    }

    /// What to expect of it, where that is not what one hopes.
    #[must_use]
    pub fn warning(self) -> Option<&'static str> {
        match self {
            Self::Poor => Some("2 bits leave little of a model: facts, forms and tools suffer"),
            Self::Low => Some("below 4 bits, forms of answers and tools get unreliable"),
            Self::Good | Self::High | Self::Full => None,
        }
    }
}

/// Bits for each number, by the name of a quantisation: `Q4_K_M`, `IQ3_XXS`, `4-bit`, `AFQ8`, `BF16`.
#[must_use]
pub fn bits_of_name(quant: &str) -> Option<u8> {
    let quant = quant.to_ascii_uppercase();
    if quant == "AWQ" || quant == "GPTQ" {
        return Some(4);
    }
    // In names of files with more in them, the last number after a Q is meant: `PHI3.5-Q4K`.
    let after_q = quant.rfind('Q').map_or("", |at| &quant[at..]);
    let bits_in = |text: &str| -> Option<u8> {
        let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        digits[..end].parse().ok().filter(|bits| (1..=64).contains(bits))
    };
    bits_in(after_q).or_else(|| bits_in(&quant))
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoFile {
    pub path: String,
    pub bytes: u64,
}

// ── Downloads ────────────────────────────────────────────────────────────────────────────────────────────────────────

/// How a download stands.
#[derive(Debug, Clone, PartialEq)]
pub enum DownloadState {
    /// Others are before it.
    Queued,
    Resolving,
    /// `source` is a person's word for where it comes from.
    Running {
        done: u64,
        total: u64,
        bytes_per_second: f64,
        source: String,
        files: Files,
    },
    /// Stopped for now; what has come is kept.
    Paused {
        done: u64,
        total: u64,
    },
    /// The network failed; the next attempt is made after a while.
    Waiting {
        done: u64,
        total: u64,
        wait: Duration,
        error: UserError,
    },
    Verifying {
        done: u64,
        total: u64,
    },
    /// In place and whole.
    Done {
        model: Box<LocalModel>,
    },
    Cancelled,
    Failed {
        error: UserError,
    },
}

/// How many of a model's files are here, whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Files {
    pub done: usize,
    pub total: usize,
}

// ── On this machine ──────────────────────────────────────────────────────────────────────────────────────────────────

/// A download that was not finished.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    pub repo: RepoId,
    /// What has come.
    pub bytes: u64,
    /// Of how much, where that is known.
    pub total: Option<u64>,
    /// The MODEL that goes on with it, where that is known.
    pub model: Option<ModelRef>,
}

/// What models take of the disk that the cache is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskUse {
    /// The cache, with all that others have put there.
    pub cache: u64,
    pub free: u64,
    pub total: u64,
}

/// What the hub side has done with a model that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Every byte is what the Hub says it is.
    Verified {
        files: usize,
        bytes: u64,
    },
    /// Nothing to compare with: a file of the user's own.
    NotVerifiable,
    /// What deleting it would free, and whose it is.
    Removable {
        owner: Owner,
        frees: u64,
    },
    Deleted {
        owner: Owner,
        freed: u64,
    },
    Discarded {
        freed: u64,
    },
    /// The MODEL that it has now.
    Imported {
        reference: String,
    },
    /// What the Hub has now, if it is something else.
    Newer(Option<Newer>),
}

/// Whose the files of a model are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The Hub's, which has them still.
    Cache,
    /// This program made them, and can make them again.
    Kept,
    /// The user's own, elsewhere: only their name here goes.
    Imported,
    /// The user's own: nobody else may have them.
    User,
}

/// Other files of a model than those that are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newer {
    pub commit: String,
    /// The MODEL that gets them: of the branch that was looked at.
    pub model: ModelRef,
}

/// All that there is on this machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Local {
    /// In the order they are shown in.
    pub models: Vec<LocalModel>,
    /// Folders or files that could not be read.
    pub problems: Vec<UserError>,
    pub unfinished: Vec<Unfinished>,
    /// `None` where the system can't be asked.
    pub disk: Option<DiskUse>,
}

// ── The hub side's two ends ──────────────────────────────────────────────────────────────────────────────────────────

/// What the hub side tells.
#[derive(Debug, Clone, PartialEq)]
pub enum HubEvent {
    Local(Local),
    Resolved {
        id: LoadId,
        result: Box<Result<LocalModel, UserError>>,
    },
    Download {
        id: JobId,
        state: DownloadState,
    },
    Found {
        id: AskId,
        result: Box<Result<Hits, UserError>>,
    },
    Page {
        id: AskId,
        result: Box<Result<RepoPage, UserError>>,
    },
    /// How far a piece of work is that takes a while, in bytes.
    Working {
        id: AskId,
        done: u64,
        total: u64,
    },
    Worked {
        id: AskId,
        result: Result<Done, UserError>,
    },
}

/// What a front end asks of the hub side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HubCmd {
    /// Looks at the cache and the folders; answers with `HubEvent::Local`.
    ScanLocal,
    /// Finds a model on this machine; answers with `HubEvent::Resolved`.
    Resolve {
        id: LoadId,
        model: ModelRef,
    },
    /// Asks the Hub; answers with `HubEvent::Found`. A search that is under way gives way to it and is not answered.
    Search {
        id: AskId,
        query: SearchQuery,
        /// Goes on where an earlier answer ended.
        after: Option<NextPage>,
    },
    /// All about one repository; answers with `HubEvent::Page`. The one before gives way to it.
    Page {
        id: AskId,
        repo: RepoId,
        revision: Option<String>,
    },
    /// Gets a model after those that were asked for before; answers with `HubEvent::Download` until it is done, cancelled
    /// or failed.
    Download {
        id: JobId,
        model: ModelRef,
        /// What is here is not enough: the Hub is asked for what its branch has by now.
        newest: bool,
    },
    CancelDownload(JobId),
    PauseDownload(JobId),
    /// Goes on with one that was paused, or tries again at once what waits for the network.
    ResumeDownload(JobId),
    /// Before all that are queued.
    DownloadFirst(JobId),
    /// Bytes per second, of all downloads together; `None` as fast as it goes.
    LimitSpeed(Option<u64>),
    /// Work on what is here; each is answered with `HubEvent::Worked`. Models are named by their MODEL.
    Verify {
        id: AskId,
        model: String,
    },
    /// Works out what deleting it would come to, so that a person can be asked.
    LookAtRemoval {
        id: AskId,
        model: String,
    },
    Delete {
        id: AskId,
        model: String,
    },
    /// Forgets what has come of downloads that were not finished.
    Discard {
        id: AskId,
        repo: RepoId,
    },
    /// Gives a file or folder a place among the models, without moving it.
    Import {
        id: AskId,
        path: PathBuf,
    },
    /// Whether the Hub has a newer commit of it.
    LookForNewer {
        id: AskId,
        model: String,
    },
    /// Ends a piece of work early.
    Stop(AskId),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_quantisations_tell_their_quality() {
        let cases = [
            (Quality::Poor, "Q2_K IQ2_XXS IQ1_S TQ1_0 UD-Q2_K_XL 2-bit AFQ2"),
            (Quality::Low, "Q3_K_M IQ3_XS 3-bit"),
            (Quality::Good, "Q4_K_M Q4_0 Q4_1 Q4_0_4_4 IQ4_NL MXFP4 MXFP4_MOE 4-bit PHI3.5-Q4K AWQ HQQ4"),
            (Quality::High, "Q5_K_M Q6_K 6-bit"),
            (Quality::Full, "Q8_0 BF16 F16 F32 FP8 8-bit AFQ8"),
        ];
        for (quality, names) in cases {
            for name in names.split(' ') {
                assert_eq!(Quality::of(name), quality, "{name}");
            }
        }
        assert_eq!(Quality::of(""), Quality::Full);
    }
}
