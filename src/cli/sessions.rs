//! `sessions`: conversations that are kept.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    hobnob sessions\n  \
    hobnob sessions search \"blue sky\"\n  \
    hobnob sessions export 1a2b > talk.md\n  \
    hobnob sessions export 1a2b --format html -o talk.html\n  \
    hobnob sessions import conversations.json\n  \
    hobnob chat --session 1a2b\n\n\
    An id is 16 digits; its beginning is enough where no other begins like it, and so is that of a title.\n    \
    `last` is the conversation that was used last. `rm` takes ids alone.")]
pub struct SessionsArgs {
    #[command(subcommand)]
    pub command: Option<SessionsCommand>,
    /// Print one JSON document
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Clone, Subcommand)]
pub enum SessionsCommand {
    /// All conversations, a line each (tab-separated when it is not for a terminal)
    List {
        /// Those in the archive
        #[arg(long)]
        archived: bool,
    },
    /// What was said in one
    Show {
        /// The beginning of its id or of its title; `last` is the one that was used last
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Find words in all that was said
    Search {
        /// They stand in it, all of them
        #[arg(value_name = "TEXT", required = true)]
        words: Vec<String>,
    },
    /// Print one as Markdown, JSON or HTML
    Export {
        /// The beginning of its id or of its title; `last` is the one that was used last
        #[arg(value_name = "ID")]
        id: String,
        /// What it is written as; without a word the ending of the file says it
        #[arg(long, value_enum, value_name = "FORMAT")]
        format: Option<ExportFormat>,
        /// Write it to this file, which must not be there yet
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Take in conversations: JSON of our own, or `conversations.json` of a `ChatGPT` export
    Import {
        /// What it is read from
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Remove conversations for good
    Rm {
        /// The beginnings of their ids; nothing is removed by its title or as `last`
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// What a conversation is exported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Markdown,
    Json,
    Html,
}
