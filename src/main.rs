//! Reads the command line, chooses the front end, and turns how it ended into an exit code.

mod interface;

use std::ffi::OsString;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Duration;

use clap::FromArgMatches;
use hobnob::cli::{
    self, BenchArgs, Cli, ColourChoice, Command, ConfigCommand, ExportFormat, FormatArgs, ModelsCommand, RunArgs,
    SearchArgs, SessionsCommand, TemplatesCommand, WarmCommand,
};
use hobnob::config::{self, Loaded, Sources, Value};
use hobnob::engine::host;
use hobnob::error::{ErrorKind, Shortage, UserError};
use hobnob::headless::batch::{Batch, Source};
use hobnob::headless::bench::Wish;
use hobnob::headless::complete::Takes;
use hobnob::headless::run::{Ask, Form, Template};
use hobnob::headless::search::Sought;
use hobnob::headless::session::Wish as Session;
use hobnob::headless::{self, Console, Context, Format, Outcome};
use hobnob::log;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    // The engine's process is not a front end: nothing of what follows is for it.
    if args.get(1).is_some_and(|arg| arg == host::ARGUMENT) {
        return host::main();
    }
    if args.get(1).is_some_and(|arg| arg == headless::warm::ARGUMENT) {
        return headless::warm::hold();
    }
    if args.get(1).is_some_and(|arg| arg == cli::COMPLETE) {
        return complete(&args[2..]);
    }
    let args = cli::with_help_as_option(args);
    let parsed = command(&args).try_get_matches_from(&args).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error, &args),
    };
    let format = format(&cli);
    let console = console(&cli);
    let loaded = load(&cli);
    if let Ok(loaded) = &loaded {
        start_log(&cli, loaded, console);
    }
    // The hook keeps the words for the log; whoever runs hobnob gets a sentence instead.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let loaded = loaded?;
        dispatch(&cli, &Context { loaded: &loaded, console, format, verbose: cli.global.verbose })
    }));
    let outcome = outcome.unwrap_or_else(|panic| Err(unexpected(&*panic).into()));
    ExitCode::from(headless::conclude(outcome, console, format))
}

/// The command line's definition; its help has colours where ours would have any.
fn command(args: &[OsString]) -> clap::Command {
    let asked = |choice: &str| {
        let pairs = args.iter().zip(args.iter().skip(1));
        let apart = pairs.into_iter().any(|(option, value)| option == "--color" && value == choice);
        apart || args.iter().any(|arg| arg.to_str().and_then(|arg| arg.strip_prefix("--color=")) == Some(choice))
    };
    let colour = match (asked("always"), asked("never") || Console::plain()) {
        (true, _) => clap::ColorChoice::Always,
        (_, true) => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    };
    cli::command().color(colour)
}

/// Answers a shell's script: what could stand at the cursor.
fn complete(args: &[OsString]) -> ExitCode {
    let args: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let (words, takes) = match args.split_first() {
        Some((how, [line, breaks])) if how == "bash" => {
            let cli::Line { words, stays, quote } = cli::split(line, breaks);
            (words, Takes::Bash { stays, quote })
        }
        Some((how, words)) if how == "words" => (words.to_vec(), Takes::Words),
        _ => return ExitCode::from(2),
    };
    let loaded = config::load(&Sources { env: &|name| std::env::var_os(name), config_flag: None, flags: Vec::new() });
    let lines = headless::complete::lines(cli::complete(&words), takes, &loaded);
    // A shell that has lost interest is no error.
    let _ = std::io::stdout().write_all(lines.as_bytes());
    ExitCode::SUCCESS
}

fn manual(args: &cli::ManArgs, context: &Context<'_>) -> Outcome {
    if let Some(folder) = &args.dir {
        let pages: Vec<_> = cli::pages().into_iter().map(|page| (page.file, page.source)).collect();
        return headless::man::write_all(folder, &pages, context);
    }
    let page = cli::page(&args.command)?;
    headless::man::show(&page.file, &page.source, context)
}

fn dispatch(cli: &Cli, context: &Context<'_>) -> Outcome {
    match &cli.command {
        None if interface::is_possible() => interface::open(&session(cli), cli.persona(), cli.inline(), context),
        Some(Command::Chat(_)) => interface::open(&session(cli), cli.persona(), cli.inline(), context),
        Some(Command::Config(args)) => match args.command.unwrap_or(ConfigCommand::Show) {
            ConfigCommand::Path => headless::config::path(context),
            ConfigCommand::Show => headless::config::show(context),
            ConfigCommand::Check => headless::config::check(context),
        },
        None => headless::run::run(&ask(&RunArgs::default(), cli), context),
        Some(Command::Run(args)) => match &args.batch {
            None => headless::run::run(&ask(args, cli), context),
            Some(lines) => {
                let batch = Batch { input: Source::new(lines), resume: args.answers.clone() };
                headless::batch::batch(&batch, &ask(args, cli), context)
            }
        },
        Some(Command::Search(args)) => headless::search::search(&sought(args), context),
        Some(Command::Pull(args)) => headless::pull::pull(&args.references, args.speed_limit, args.newest, context),
        Some(Command::Sessions(args)) => sessions(args.command.as_ref(), context),
        Some(Command::Templates(args)) => match &args.command {
            None | Some(TemplatesCommand::List) => headless::templates::list(context),
            Some(TemplatesCommand::Show { name }) => headless::templates::show(name, context),
        },
        Some(Command::Warm(args)) => match args.command {
            None | Some(WarmCommand::List) => headless::warm::list(context),
            Some(WarmCommand::Stop) => headless::warm::stop(context),
        },
        Some(Command::Bench(args)) => headless::bench::bench(&wish(args), context),
        Some(Command::Doctor(_)) => headless::doctor::doctor(context),
        Some(Command::Completions(args)) => headless::print(args.shell.script()),
        Some(Command::Man(args)) => manual(args, context),
        Some(Command::Models(args)) => match &args.command {
            None | Some(ModelsCommand::List) => headless::models::list::list(context),
            Some(ModelsCommand::Show { reference }) => headless::models::show::show(reference, context),
            Some(ModelsCommand::Verify { reference, repair }) => {
                headless::models::verify::verify(reference, *repair, context)
            }
            Some(ModelsCommand::Newer { reference }) => headless::models::newer::newer(reference.as_deref(), context),
            Some(ModelsCommand::Import { path }) => headless::models::import(path, context),
            Some(ModelsCommand::Rm { reference, yes, all_revisions, unfinished }) => {
                let what = match (all_revisions, unfinished) {
                    (_, true) => headless::models::rm::What::Unfinished,
                    (true, _) => headless::models::rm::What::AllRevisions,
                    _ => headless::models::rm::What::Model,
                };
                headless::models::rm::rm(reference, what, *yes, context)
            }
            Some(ModelsCommand::Keep { reference }) => headless::models::keep::keep(reference, context),
        },
    }
}

fn sessions(command: Option<&SessionsCommand>, context: &Context<'_>) -> Outcome {
    match command {
        None => headless::sessions::list(false, context),
        Some(SessionsCommand::List { archived }) => headless::sessions::list(*archived, context),
        Some(SessionsCommand::Show { id }) => headless::sessions::show(id, context),
        Some(SessionsCommand::Search { words }) => headless::sessions::search(&words.join(" "), context),
        Some(SessionsCommand::Export { id, format, output }) => {
            let format = format.map(|format| match format {
                ExportFormat::Markdown => headless::sessions::Export::Markdown,
                ExportFormat::Json => headless::sessions::Export::Json,
                ExportFormat::Html => headless::sessions::Export::Html,
            });
            headless::sessions::export(id, format, output.as_deref(), context)
        }
        Some(SessionsCommand::Import { file }) => headless::sessions::import(file, context),
        Some(SessionsCommand::Rm { ids, yes }) => headless::sessions::remove(ids, *yes, context),
    }
}

fn session(cli: &Cli) -> Session {
    let args = cli.session();
    match &args.id {
        Some(id) => Session::Named(id.clone()),
        None if args.resume => Session::Last,
        None => Session::New,
    }
}

fn ask(args: &RunArgs, cli: &Cli) -> Ask {
    Ask {
        prompt: headless::run::Sources { words: args.prompt.clone(), files: args.files.clone() },
        template: Template { name: args.template.clone(), vars: args.vars.clone() },
        form: form(args),
        stop: args.stop.clone(),
        show_thinking: args.show_thinking,
        stats: args.stats,
        timeout: args.timeout.map(Duration::from_secs_f64),
        session: session(cli),
        save: args.save.then_some(true).or(args.no_save.then_some(false)),
        keep_warm: args.keep_warm,
    }
}

fn sought(args: &SearchArgs) -> Sought {
    Sought {
        text: args.query.join(" "),
        author: args.author.clone(),
        kind: args.kind.clone(),
        licence: args.licence.clone(),
        max_params: args.max_params.clone(),
        sort: args.sort.clone(),
        limit: args.limit.into(),
        fits: args.fits,
        catalog: args.catalog,
    }
}

fn wish(args: &BenchArgs) -> Wish {
    Wish { prompts: args.prompts.clone(), tokens: args.tokens, repeats: args.repeats }
}

fn form(args: &RunArgs) -> Option<Form> {
    let schema = args.schema.clone().map(Form::Schema);
    schema.or_else(|| args.regex.clone().map(Form::Regex))
}

/// The settings in force for this command line.
fn load(cli: &Cli) -> Result<Loaded, UserError> {
    let mut flags = cli.flags();
    if let Some(system) = cli.system() {
        flags.push(("chat.system_prompt", Value::Text(headless::run::text_or_file(system)?), "--system"));
    }
    Ok(config::load(&Sources { env: &|name| std::env::var_os(name), config_flag: cli.global.config.clone(), flags }))
}

/// Where there can be no log there is none; that is worth a word only to somebody who asked for one.
fn start_log(cli: &Cli, loaded: &Loaded, console: Console) {
    let filter = std::env::var("HOBNOB_LOG").ok();
    let asked = cli.global.log_file.is_some() || cli.global.verbose > 0 || filter.is_some();
    let place =
        cli.global.log_file.clone().map_or_else(|| log::Place::Folder(loaded.paths.log_dir.clone()), log::Place::File);
    if let (Err(problem), true) = (log::init(place, cli.global.verbose, filter.as_deref()), asked) {
        console.warning(&problem.message, problem.hint.as_deref());
    }
}

fn format(cli: &Cli) -> Format {
    let json = |json| FormatArgs { json, jsonl: false };
    let args = match &cli.command {
        Some(Command::Run(args)) => args.format,
        Some(Command::Search(args)) => args.format,
        Some(Command::Pull(args)) => args.format,
        Some(Command::Bench(args)) => args.format,
        Some(Command::Doctor(args)) => json(args.json),
        Some(Command::Warm(args)) => json(args.json),
        Some(Command::Models(args)) => json(args.json),
        Some(Command::Config(args)) => json(args.json),
        Some(Command::Sessions(args)) => json(args.json),
        Some(Command::Templates(args)) => json(args.json),
        Some(Command::Chat(_) | Command::Completions(_) | Command::Man(_)) | None => FormatArgs::default(),
    };
    match (args.json, args.jsonl) {
        (true, _) => Format::Json,
        (_, true) => Format::JsonLines,
        _ => Format::Text,
    }
}

fn console(cli: &Cli) -> Console {
    let colour = match cli.global.color {
        ColourChoice::Auto => None,
        ColourChoice::Always => Some(true),
        ColourChoice::Never => Some(false),
    };
    let quiet = match &cli.command {
        Some(Command::Run(args)) => args.quiet,
        Some(Command::Pull(args)) => args.quiet,
        Some(Command::Bench(args)) => args.quiet,
        _ => false,
    };
    Console { quiet, ..Console::detect(colour) }
}

/// Prints help and version, or says what is wrong with the command line.
fn not_understood(error: &clap::Error, args: &[OsString]) -> ExitCode {
    if !error.use_stderr() {
        let outcome = error.print().map_err(|error| headless::write_failed(&error));
        return ExitCode::from(headless::conclude(outcome, Console::detect(None), Format::Text));
    }
    let asked = |option: &str| args.iter().any(|arg| arg == option);
    let format = match (asked("--json"), asked("--jsonl")) {
        (true, _) => Format::Json,
        (_, true) => Format::JsonLines,
        _ => Format::Text,
    };
    ExitCode::from(headless::conclude(Err(cli::explain(error, args).into()), Console::detect(None), format))
}

fn unexpected(panic: &(dyn std::any::Any + Send)) -> UserError {
    // Libraries panic where the system gives them nothing.
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    if let Some(shortage) = text.and_then(Shortage::told_by) {
        return UserError::new(ErrorKind::Unexpected, format!("hobnob ran out of {}", shortage.what()))
            .hint(shortage.hint());
    }
    let hint = match log::file() {
        Some(file) => format!("this is a bug; {} has the details", file.display()),
        None => "this is a bug; `--log-file FILE` writes down the details".into(),
    };
    UserError::new(ErrorKind::Unexpected, "unexpected failure").hint(hint)
}
