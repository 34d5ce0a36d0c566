//! `search`, `pull` and `models`: models on the Hub, on their way, and here.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::FormatArgs;

fn speed(text: &str) -> Result<u64, String> {
    crate::domain::units::parse_bytes(text).ok_or_else(|| "write it like 5M, 800k or 20000".to_owned())
}

#[derive(Debug, Args)]
#[command(
    long_about = "Find models on the Hugging Face Hub.\n\n\
        Words search for models; without any, those come that many people look at now. A repository, by its name or the address of \
        its page, is shown with all that can be loaded of it, what that takes on this machine, and which of it to take.\n\n\
        On a terminal a table; in a pipe a line for each model, with tabs between: name, parameters, kinds, bytes, downloads, \
        likes, days since its last change, gated, licence, whether it fits, and `here` if it is on this machine.",
    after_help = "Examples:\n  \
        hobnob search                          what many people look at now\n  \
        hobnob search qwen3 --kind gguf --fits\n  \
        hobnob search Qwen/Qwen3-4B-GGUF       what there is in it, and what to take\n  \
        hobnob search --catalog                models that are known to be good, for this machine"
)]
pub struct SearchArgs {
    /// Words, a repository (`org/repo`), or the address of its page
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,
    /// Only repositories of this owner
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,
    /// Only weights that are stored so
    #[arg(long, value_name = "KIND", value_parser = ["gguf", "safetensors", "mlx", "uqff"], ignore_case = true)]
    pub kind: Option<String>,
    /// Only this licence, as the Hub writes it: apache-2.0, mit, …
    #[arg(long, value_name = "LICENCE", alias = "license")]
    pub licence: Option<String>,
    /// At most so many parameters: 8B, 500M
    #[arg(long, value_name = "N")]
    pub max_params: Option<String>,
    /// What comes first
    #[arg(
        long,
        value_name = "ORDER",
        value_parser = ["trending", "downloads", "likes", "updated"],
        ignore_case = true,
        default_value = "trending"
    )]
    pub sort: String,
    /// At most so many models
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    /// Only what is likely to run on this machine
    #[arg(long)]
    pub fits: bool,
    /// Not the Hub: the models that hobnob knows to be good, what suits this machine best first
    #[arg(long, conflicts_with_all = ["query", "author", "kind", "licence", "max_params"])]
    pub catalog: bool,
    #[command(flatten)]
    pub format: FormatArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    hobnob pull starter\n  \
    hobnob pull qwen3-4b\n  \
    hobnob pull org/repo:Q4_K_M\n  \
    hobnob pull org/repo/file.gguf\n  \
    hobnob pull --speed-limit 5M org/one:Q8_0 org/folder\n  \
    hobnob run -m \"$(hobnob pull starter)\" \"Hello\"")]
pub struct PullArgs {
    /// `starter`, a name of the catalog (`qwen3-4b`), `org/repo:Q4_K_M`, `org/repo/file.gguf`, or a page on the Hub; `org/repo` alone gets its folder, or lists what there is to choose from
    #[arg(value_name = "MODEL", required = true)]
    pub references: Vec<String>,
    /// Ask the Hub for what it has by now, also of a model that is here
    #[arg(long)]
    pub newest: bool,
    /// At most so many bytes per second: `5M`, `800k`
    #[arg(long, value_name = "SPEED", value_parser = speed)]
    pub speed_limit: Option<u64>,
    /// No progress on stderr
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub format: FormatArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    hobnob models\n  \
    hobnob models show starter\n  \
    hobnob models --json | jq -r '.models[] | select(.error == null) | .model'")]
pub struct ModelsArgs {
    #[command(subcommand)]
    pub command: Option<ModelsCommand>,
    /// Print one JSON document
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Clone, Subcommand)]
pub enum ModelsCommand {
    /// All models, a line each (tab-separated when it is not for a terminal)
    List,
    /// All that is known about one
    Show {
        #[arg(value_name = "MODEL")]
        reference: String,
    },
    /// Read a model's files again, to see whether every byte is what the Hub says it is
    #[command(after_help = "Examples:\n  \
        hobnob models verify starter\n  \
        hobnob models verify org/repo:Q4_K_M --repair\n\n\
        A file of your own has nothing to compare with. Exit code 4: a file is broken or gone.")]
    Verify {
        #[arg(value_name = "MODEL")]
        reference: String,
        /// Get what is broken or gone again, and only that
        #[arg(long)]
        repair: bool,
    },
    /// Delete one, and say what that frees
    #[command(after_help = "Examples:\n  \
        hobnob models rm org/repo:Q4_K_M\n  \
        hobnob models rm org/repo:Q4_K_M --all-revisions --yes\n  \
        hobnob models rm --unfinished org/repo\n\n\
        What other revisions or models share is kept. An imported model loses its name here, and its file stays.")]
    Rm {
        /// A model; of a repository that has no whole model, all that is left of it
        #[arg(value_name = "MODEL")]
        reference: String,
        /// Don't ask
        #[arg(short, long)]
        yes: bool,
        /// What other revisions have under this name as well
        #[arg(long, conflicts_with = "unfinished")]
        all_revisions: bool,
        /// What has come of the repository's downloads that were not finished
        #[arg(long)]
        unfinished: bool,
    },
    /// Give a GGUF file or a folder a place among the models, without copying it
    #[command(after_help = "Examples:\n  \
        hobnob models import ~/Downloads/model.gguf\n  \
        hobnob models import /mnt/disk/Qwen3-4B\n\n\
        The last line of stdout is the path that it has among the models; its name does as well.")]
    Import {
        /// A GGUF file, the first of a set, or a folder with a model's files
        #[arg(value_name = "PATH")]
        path: PathBuf,
    },
    /// Ask the Hub whether there are newer ones
    Newer {
        /// One; all that came from the Hub if it is left out
        #[arg(value_name = "MODEL")]
        reference: Option<String>,
    },
    /// Quantise a model of plain weights once, and keep the copy: from then on it loads quickly
    #[command(after_help = "Examples:\n  \
        hobnob models keep org/repo:q4\n  \
        hobnob models keep ./folder:q8\n\n\
        The last line of stdout is the copy's folder. `-m org/repo:q4` finds it there; removing the folder removes it.")]
    Keep {
        /// A folder of safetensors, or a repository of them in the cache, with the quantisation behind a colon
        #[arg(value_name = "MODEL[:QUANT]")]
        reference: String,
    },
}
