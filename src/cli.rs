//! The command line: clap types, and nothing that acts.

mod complete;
mod explain;
mod flags;
mod help;
mod man;
mod models;
mod sessions;
mod shells;
mod templates;
mod warm;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub use complete::{Line, complete, split};
pub use explain::explain;
pub use flags::Flag;
pub use help::{command, with_help_as_option};
pub use man::{Page, page, pages};
pub use models::{ModelsArgs, ModelsCommand, PullArgs, SearchArgs};
pub use sessions::{ExportFormat, SessionsArgs, SessionsCommand};
pub use shells::{COMPLETE, Shell};
pub use templates::{TemplatesArgs, TemplatesCommand};
use warm::duration;
pub use warm::{WarmArgs, WarmCommand};

/// Talk to a language model that runs on this machine
#[derive(Debug, Parser)]
#[command(
    name = "hobnob",
    version,
    about,
    long_about = "Talk to a language model that runs on this machine.\n\n\
        On a terminal hobnob opens its interface: chat, models and settings. In a pipe it answers once, as `hobnob run` does.",
    after_help = "Examples:\n  \
        hobnob                                 open the interface\n  \
        hobnob pull starter                    get a small model (98 MB) to try things with\n  \
        hobnob run \"Name three rivers\"         one answer on stdout\n  \
        git diff | hobnob run \"Sum this up\"    the question, then what comes through the pipe",
    disable_help_subcommand = true
)]
pub struct Cli {
    // First: the heading of the others would go on into it.
    #[command(flatten)]
    pub chat: ChatArgs,
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options for every command")]
pub struct Global {
    /// The model: `starter`, `qwen3-4b`, `org/repo`, `org/repo:Q4_K_M`, or a path
    #[arg(
        short,
        long,
        global = true,
        value_name = "MODEL",
        long_help = "The model: `starter`, a name of the catalog (qwen3-4b; `hobnob search --catalog`), a repository on the Hugging Face Hub (org/repo, org/repo:Q4_K_M, org/repo/file.gguf, \
            each with @revision), or a path (./model.gguf, /models/folder). Plain weights are quantised on the way: \
            `org/repo:q4`, `./folder:q8`, `./folder:none` say how"
    )]
    pub model: Option<String>,
    /// Read this config file instead of the usual one
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// No network at all: use what is on this machine
    #[arg(long, global = true)]
    pub offline: bool,
    /// Colours in what is printed
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t, alias = "colour")]
    pub color: ColourChoice,
    /// Write more to the log; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Write the log to this file
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColourChoice {
    /// On a terminal that can, unless `NO_COLOR` is set
    #[default]
    Auto,
    Always,
    Never,
}

// Some say what they do by `about`: a comment in its place would take away what the arguments' own type says at length.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open the interface
    #[command(after_help = "Examples:\n  \
        hobnob chat -m qwen3-4b\n  \
        hobnob chat --continue\n  \
        hobnob chat --session 1a2b --theme nord")]
    Chat(ChatArgs),
    #[command(about = "Print one answer, for scripts")]
    Run(Box<RunArgs>),
    #[command(about = "Find models on the Hugging Face Hub")]
    Search(SearchArgs),
    /// Download models; the last line of stdout is the path
    Pull(PullArgs),
    /// What models are on this machine
    Models(ModelsArgs),
    /// Conversations that are kept: list, read, find, export, import and remove them
    Sessions(SessionsArgs),
    #[command(about = "Prompts that go by a name: list and read them")]
    Templates(TemplatesArgs),
    #[command(about = "Engines that scripts can use without loading a model: list them, end them")]
    Warm(WarmArgs),
    #[command(about = "How fast a model is on this machine")]
    Bench(BenchArgs),
    #[command(about = "What this machine has, what is wrong, and what to do about it")]
    Doctor(DoctorArgs),
    /// The settings in force and where each comes from
    Config(ConfigArgs),
    #[command(about = "What a shell needs to complete hobnob's command lines")]
    Completions(CompletionsArgs),
    #[command(about = "The manual, a page for each command")]
    Man(ManArgs),
}

/// How the interface starts.
#[derive(Debug, Default, Args)]
pub struct ChatArgs {
    /// System prompt: text, or @FILE
    #[arg(short, long, value_name = "TEXT|@FILE")]
    pub system: Option<String>,
    /// Start with this theme
    #[arg(long, value_name = "THEME")]
    pub theme: Option<String>,
    /// Hold the conversation as this persona of the config file
    #[arg(long, value_name = "PERSONA")]
    pub persona: Option<String>,
    /// Leave the screen as it is: what is said goes to the terminal's own scrollback
    #[arg(
        long,
        long_help = "Leave the screen as it is: what is said goes to the terminal's own scrollback, and only what is being \
            written and answered stays at the bottom. Lists, help and the other panes take the whole screen while they are \
            looked at, and so does reading back with Page-Up"
    )]
    pub inline: bool,
    #[command(flatten)]
    pub session: SessionArgs,
}

/// Which conversation to go on with.
#[derive(Debug, Default, Clone, Args)]
pub struct SessionArgs {
    /// Go on with the conversation that was used last
    #[arg(short = 'c', long = "continue", help_heading = "Conversation")]
    pub resume: bool,
    /// Go on with this conversation: the beginning of its id or of its title
    #[arg(long = "session", value_name = "ID", help_heading = "Conversation", conflicts_with = "resume")]
    pub id: Option<String>,
}

/// What `run` takes.
// Each flag stands for itself: on the command line there is no state that could be wrong.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Default, Args)]
#[command(
    long_about = "Print one answer, for scripts.\n\n\
        The prompt is the arguments, joined by spaces; then, after a blank line, all of stdin when it is not a terminal. \
        Stdout holds the answer and nothing else, as it is made; progress, warnings and errors go to stderr.\n\n\
        Sampling that is not set comes from the config file, else from the model's own recommendation, \
        else it is temperature 0.7 and top-p 0.95.",
    after_help = "Examples:\n  \
        hobnob run \"Why is the sky blue?\"\n  \
        hobnob run -m starter --temperature 0 -f notes.md \"List the open points\"\n  \
        git log -20 | hobnob run --json \"Write release notes\" | jq -r .content",
    after_long_help = "Examples:\n  \
        hobnob run \"Why is the sky blue?\"\n  \
        hobnob run -m starter --temperature 0 -f notes.md \"List the open points\"\n  \
        hobnob run -s @style.txt --max-tokens 200 < letter.txt\n  \
        hobnob run -t translate --var to=French \"Good morning\"\n  \
        hobnob run --batch questions.jsonl --resume answers.jsonl\n  \
        git log -20 | hobnob run --json \"Write release notes\" | jq -r .content\n\n\
        Exit codes:\n  \
        0  done, or the reader of stdout went away\n  \
        1  an unexpected failure\n  \
        2  usage or configuration\n  \
        3  the model was not found, is not supported, or would not load\n  \
        4  network or Hub\n  \
        5  the generation failed, or the prompt does not fit the context\n  \
        6  the answer ended before it had the form of --schema or --regex\n  \
        7  --timeout ran out (the partial answer is on stdout)\n  \
        8  some lines of a batch failed\n  \
        130, 143  interrupted or terminated (the partial answer is on stdout)"
)]
pub struct RunArgs {
    /// The prompt
    #[arg(value_name = "PROMPT")]
    pub prompt: Vec<String>,
    /// System prompt: text, or @FILE
    #[arg(short, long, value_name = "TEXT|@FILE")]
    pub system: Option<String>,
    /// Take the prompt, the form and the settings of this template
    #[arg(
        short,
        long,
        value_name = "TEMPLATE",
        help_heading = "Template",
        long_help = "Take the prompt, the system prompt, the form and the settings of this template: a name (`hobnob templates` lists them), \
            or the path of a file. What comes through the pipe and in the arguments is put into it. Options win over what it says"
    )]
    pub template: Option<String>,
    /// Put this into the template (repeatable)
    #[arg(long = "var", value_name = "NAME=VALUE|NAME=@FILE", help_heading = "Template", requires = "template")]
    pub vars: Vec<String>,
    #[command(flatten)]
    pub session: SessionArgs,
    /// Keep the question and the answer as a conversation
    #[arg(long, help_heading = "Conversation", conflicts_with = "no_save")]
    pub save: bool,
    /// Go on with a conversation without adding to it
    #[arg(long, help_heading = "Conversation")]
    pub no_save: bool,
    /// Append this file to the prompt as a named block (repeatable)
    #[arg(short, long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Hold the answer to the JSON Schema in this file
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Form of the answer",
        long_help = "Hold the answer to the JSON Schema in this file, token by token: it is JSON that the schema accepts. \
            An answer that ends before that (--max-tokens, --stop) is printed as far as it goes, with exit code 6. \
            Reasoning comes before the answer and is free"
    )]
    pub schema: Option<PathBuf>,
    /// Hold the answer to this regular expression, all of it
    #[arg(
        long,
        value_name = "RE",
        help_heading = "Form of the answer",
        conflicts_with = "schema",
        allow_hyphen_values = true
    )]
    pub regex: Option<String>,

    /// At most so many tokens
    #[arg(long, value_name = "N", help_heading = "Sampling", value_parser = whole, allow_negative_numbers = true)]
    pub max_tokens: Option<i64>,
    /// 0 is deterministic; higher is more varied
    #[arg(long, value_name = "T", help_heading = "Sampling", value_parser = number, allow_negative_numbers = true)]
    pub temperature: Option<f64>,
    /// Choose from the most likely tokens that make up this share
    #[arg(long, value_name = "P", help_heading = "Sampling", value_parser = number, allow_negative_numbers = true)]
    pub top_p: Option<f64>,
    /// Choose from the N most likely tokens; 0 is off
    #[arg(long, value_name = "N", help_heading = "Sampling", value_parser = whole, allow_negative_numbers = true)]
    pub top_k: Option<i64>,
    /// Leave out tokens less likely than this share of the likeliest
    #[arg(long, value_name = "P", help_heading = "Sampling", value_parser = number, allow_negative_numbers = true)]
    pub min_p: Option<f64>,
    /// Above 1 the model repeats itself less
    #[arg(long, value_name = "R", help_heading = "Sampling", value_parser = number, allow_negative_numbers = true)]
    pub repetition_penalty: Option<f64>,
    /// Above 0 a token gets less likely with each use
    #[arg(long, value_name = "F", help_heading = "Sampling", value_parser = number, allow_negative_numbers = true)]
    pub frequency_penalty: Option<f64>,
    /// Above 0 a token gets less likely once it was used
    #[arg(long, value_name = "F", help_heading = "Sampling", value_parser = number, allow_negative_numbers = true)]
    pub presence_penalty: Option<f64>,
    /// Above 0 sequences are repeated less (DRY); 0.8 is usual
    #[arg(long, value_name = "F", help_heading = "Sampling", value_parser = number, allow_negative_numbers = true)]
    pub dry_multiplier: Option<f64>,
    /// How fast DRY grows with each token of a sequence
    #[arg(long, value_name = "F", help_heading = "Sampling", value_parser = number, allow_negative_numbers = true)]
    pub dry_base: Option<f64>,
    /// How many tokens in a row DRY lets be repeated
    #[arg(long, value_name = "N", help_heading = "Sampling", value_parser = whole, allow_negative_numbers = true)]
    pub dry_allowed_length: Option<i64>,
    /// End the answer before this text (repeatable)
    #[arg(long, value_name = "TEXT", help_heading = "Sampling", allow_hyphen_values = true)]
    pub stop: Vec<String>,
    /// Context to make room for, in tokens
    #[arg(long, value_name = "N", help_heading = "Sampling", value_parser = whole, allow_negative_numbers = true)]
    pub context: Option<i64>,
    /// Let a model that can do so reason first
    #[arg(long, help_heading = "Sampling", conflicts_with = "no_think")]
    pub think: bool,
    /// Answer without reasoning first
    #[arg(long, help_heading = "Sampling")]
    pub no_think: bool,

    /// Answer every line of this JSONL file (`-`: stdin), a line of JSON for each
    #[arg(
        long,
        value_name = "FILE|-",
        help_heading = "Batch",
        long_help = "Answer every line of this JSONL file (`-`: stdin), a line of JSON for each, in the same order. The model is loaded once.\n\n\
            A line is {\"id\": …, \"prompt\": \"…\"} or {\"id\": …, \"messages\": [{\"role\": \"user\", \"content\": \"…\"}]}. It may have a `system` \
            prompt, `schema` or `regex`, `stop`, `thinking`, `max_tokens` and sampling (`temperature`, …) of its own, and `vars` for a \
            template. Arguments and --file stand before each prompt.\n\n\
            Each answer has the line's `id` and number, and what --json prints. A line that fails has an `error`, and the batch goes on; \
            it then ends with exit code 8. --timeout is for each line"
    )]
    pub batch: Option<PathBuf>,
    /// Add the answers of a batch to this file, and skip the lines that it has answers to
    #[arg(
        long = "resume",
        value_name = "FILE",
        help_heading = "Batch",
        requires = "batch",
        long_help = "Add the answers of a batch to this file instead of printing them, and skip the lines that it has answers to already, by \
            their `id` (by their number where they have none). Lines that failed are tried again, and stand at the end then. The \
            same command goes on after whatever ended it"
    )]
    pub answers: Option<PathBuf>,

    /// Print the reasoning too, before the answer
    #[arg(
        long,
        help_heading = "Output",
        long_help = "Print the reasoning too, before the answer and between <think> and </think>; \
            with --json and --jsonl, fill in `reasoning`"
    )]
    pub show_thinking: bool,
    /// Print times and speeds to stderr at the end
    #[arg(long, help_heading = "Output")]
    pub stats: bool,
    /// No progress and no warnings on stderr
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
    /// Give up after so many seconds, loading included (in a batch: on each line)
    #[arg(long, value_name = "SECS", help_heading = "Output", value_parser = seconds, allow_negative_numbers = true)]
    pub timeout: Option<f64>,
    #[command(flatten)]
    pub format: FormatArgs,

    /// Leave the model loaded for so long after the answer: 90s, 10m, 1h
    #[arg(
        long,
        value_name = "TIME",
        help_heading = "Engine",
        value_parser = duration,
        conflicts_with = "no_share",
        long_help = "Leave the model loaded for so long after the answer (90s, 10m, 1h), in a process that the next \
            `hobnob run` with the same model and settings uses. A call that finds one does so in any case, and with this \
            option has it stay as long again. Where an open interface has the model, it is used instead, and a line on stderr says \
            that it stays only as long as that keeps it. `hobnob warm` shows what is kept, and ends it"
    )]
    pub keep_warm: Option<Duration>,
    /// Load the model here, even where another hobnob has it loaded
    #[arg(long, help_heading = "Engine")]
    pub no_share: bool,
}

/// The shape of what goes to stdout.
#[derive(Debug, Default, Clone, Copy, Args)]
pub struct FormatArgs {
    /// Print one JSON document
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Print a line of JSON per event
    #[arg(long, help_heading = "Output", conflicts_with = "json")]
    pub jsonl: bool,
}

#[derive(Debug, Args)]
#[command(
    long_about = "How fast a model is on this machine: reading prompts of several lengths, making an answer behind each, the time to \
        the first token, loading, and memory.\n\n\
        The clock is next to the engine. Each figure is the median of several runs after a warm-up, with the least and the most; \
        no prompt begins like another, so that none is read faster for being known. Without options it ends within a minute or \
        two, and says what there was no time for. The figures are kept, and `hobnob models show` and the interface show them.",
    after_help = "Examples:\n  \
        hobnob bench -m starter\n  \
        hobnob bench --prompt 512,4096 --tokens 128 --context 8192\n  \
        hobnob bench --json | jq '.points[].decode_tokens_per_second.median'",
    after_long_help = "Examples:\n  \
        hobnob bench -m starter\n  \
        hobnob bench --prompt 512,4096 --tokens 128 --context 8192\n  \
        hobnob bench --json | jq '.points[].decode_tokens_per_second.median'\n\n\
        Exit codes:\n  \
        0  done\n  \
        2  usage or configuration\n  \
        3  the model was not found, is not supported, or would not load\n  \
        4  network or Hub\n  \
        5  the generation failed, or a prompt does not fit the context\n  \
        130, 143  interrupted or terminated (what was measured until then is on stdout)"
)]
pub struct BenchArgs {
    /// Lengths of prompts in tokens, by commas
    #[arg(long = "prompt", value_name = "N,N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub prompts: Vec<u32>,
    /// Tokens to make behind each prompt
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub tokens: Option<u32>,
    /// How often each length is measured
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeats: Option<u32>,
    /// Context to make room for, in tokens
    #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    pub context: Option<i64>,
    /// No progress and no warnings on stderr
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub format: FormatArgs,
}

#[derive(Debug, Args)]
#[command(
    long_about = "What this machine has, what is wrong, and what to do about it: processor and build, memory, the cache of models, \
        the Hub, the terminal, settings, log, and whether the engine starts.\n\n\
        Every line has a verdict: ok, note, warning, or problem. With --offline nothing is asked of the network. A token is never shown.",
    after_help = "Examples:\n  \
        hobnob doctor\n  \
        hobnob doctor --offline\n  \
        hobnob doctor --json | jq '.checks[] | select(.verdict == \"problem\")'",
    after_long_help = "Examples:\n  \
        hobnob doctor\n  \
        hobnob doctor --offline\n  \
        hobnob doctor --json | jq '.checks[] | select(.verdict == \"problem\")'\n\n\
        Exit codes, that of the first problem; notes and warnings are none:\n  \
        0  no problem\n  \
        1  a folder or disk, or something unexpected\n  \
        2  the configuration\n  \
        3  a model, or the engine does not start\n  \
        4  network, Hub or token"
)]
pub struct DoctorArgs {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(
    long_about = "What a shell needs to complete hobnob's command lines: commands and options, and what this machine knows: models, \
        conversations, templates. Nothing is asked of the network.",
    after_help = "Examples:\n  \
        hobnob completions bash > ~/.local/share/bash-completion/completions/hobnob\n  \
        hobnob completions zsh > ~/.zfunc/_hobnob        with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc\n  \
        hobnob completions fish > ~/.config/fish/completions/hobnob.fish\n  \
        hobnob completions powershell >> $PROFILE"
)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

#[derive(Debug, Args)]
#[command(
    long_about = "The manual, a page for each command. On a terminal it is shown by `man`; in a pipe it is the page's source.",
    after_help = "Examples:\n  \
        hobnob man\n  \
        hobnob man run\n  \
        hobnob man --dir ~/.local/share/man/man1"
)]
pub struct ManArgs {
    /// The command: `run`, `models verify`; without one the main page
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Write all pages into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    hobnob config\n  \
    $EDITOR \"$(hobnob config path)\"\n  \
    hobnob config check && hobnob config show --json | jq '.settings.model'")]
pub struct ConfigArgs {
    #[command(subcommand)]
    pub command: Option<ConfigCommand>,
    /// Print one JSON document
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigCommand {
    /// Where the config file is, whether it exists or not
    Path,
    /// Every setting, its value, and where that comes from
    Show,
    /// Report every problem of the config file; exit 2 if there is one
    Check,
}

fn number(text: &str) -> Result<f64, String> {
    text.trim().parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(|| "it is not a number".to_owned())
}

fn whole(text: &str) -> Result<i64, String> {
    text.trim().parse().map_err(|_| "it is not a whole number".to_owned())
}

/// More than a year is more than anybody means, and keeps the clock's arithmetic from overflowing.
fn seconds(text: &str) -> Result<f64, String> {
    number(text).and_then(|secs| {
        if secs > 0.0 && secs <= 31_536_000.0 {
            Ok(secs)
        } else {
            Err("it must be more than 0 and at most 31536000 seconds".to_owned())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        for args in [["hobnob", "-m", "x", "run", "hi"], ["hobnob", "run", "-m", "x", "hi"]] {
            let cli = Cli::try_parse_from(args).expect("parses");
            assert_eq!(cli.global.model.as_deref(), Some("x"));
            assert!(matches!(cli.command, Some(Command::Run(run)) if run.prompt == ["hi"]));
        }
    }

    #[test]
    fn what_is_said_at_length_is_in_the_help() {
        let mut root = Cli::command();
        for (name, words) in [("run", "Stdout holds the answer"), ("bench", "The clock is"), ("man", "shown by `man`")]
        {
            let help = root.find_subcommand_mut(name).expect("a command").render_long_help().to_string();
            assert!(help.contains(words), "{help}");
        }
    }

    #[test]
    fn every_command_shows_how_it_is_used() {
        for command in Cli::command().get_subcommands_mut() {
            let help = command.render_help().to_string();
            assert!(help.contains("Examples:"), "{help}");
        }
    }

    #[test]
    fn every_command_and_option_says_what_it_does() {
        fn walk(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for arg in command.get_arguments() {
                let documented = arg.get_help().is_some() || arg.is_positional();
                assert!(documented, "{} of {} has no help", arg.get_id(), command.get_name());
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Cli::command());
    }
}
