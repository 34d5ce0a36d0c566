//! `templates`: prompts that go by a name.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(
    long_about = "Prompts that go by a name: `hobnob run -t NAME` takes one.\n\n\
        Some come with hobnob; your own are TOML files in the `templates` folder beside the config file, and one of yours wins over \
        one of hobnob's. A template has a prompt with places for what changes ({{input}} is what comes through the pipe and in the \
        arguments, {{name}} a variable), and may have a system prompt, the form of the answer, sampling, and a model.",
    after_help = "Examples:\n  \
        hobnob templates\n  \
        hobnob templates show commit\n  \
        git diff --staged | hobnob run -t commit\n  \
        hobnob run -t translate --var to=French \"Good morning\"\n  \
        hobnob templates show commit > ~/.config/hobnob/templates/commit.toml   a copy to make your own of"
)]
pub struct TemplatesArgs {
    #[command(subcommand)]
    pub command: Option<TemplatesCommand>,
    /// Print one JSON document
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Clone, Subcommand)]
pub enum TemplatesCommand {
    /// All templates, a line each (tab-separated when it is not for a terminal)
    List,
    /// One, as the file that it is
    Show {
        /// A name, or the path of a file
        #[arg(value_name = "TEMPLATE")]
        name: String,
    },
}
