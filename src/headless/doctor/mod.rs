//! `hobnob doctor`: what this machine has, what is wrong, and what to do about it. Everything is looked at at once, and each
//! for so long and no longer.

mod check;
mod hardware;
mod hub;
mod places;
mod terminal;

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use self::check::{Check, Verdict};
use crate::config::theme::Capabilities;
use crate::domain::units::many;
use crate::engine::{self, share};
use crate::error::{ErrorKind, UserError};
use crate::headless::console::Console;
use crate::headless::interrupt::Watch;
use crate::headless::{Context, Format, Outcome, Quit, block_on, engine_options, hub_options, print, print_json, warm};
use crate::text::sanitize;

/// What one check may take: all together are told in less than two seconds.
const LIMIT: Duration = Duration::from_millis(1500);

/// Looks at everything, and prints how it stands.
///
/// # Errors
/// The code of the first problem.
pub fn doctor(context: &Context<'_>) -> Outcome {
    let checks = block_on(async {
        let mut watch = Watch::start(None)?;
        // It changes the terminal's modes for a moment: it is waited for, whatever else happens.
        let terminal = {
            let ascii = context.loaded.settings.ui.ascii;
            tokio::task::spawn_blocking(move || terminal::checks(ascii))
        };
        let others = watch.guard(everything_else(context)).await;
        let terminal = terminal.await.unwrap_or_else(|_| vec![failed("terminal")]);
        let mut checks = others?;
        checks.extend(terminal);
        Ok(checks)
    })?;
    if context.format == Format::Text {
        let unicode = Capabilities::detect(&|name| std::env::var_os(name), context.loaded.settings.ui.ascii).unicode;
        print(&page(&checks, context.console, unicode))?;
    } else {
        print_json(&document(&checks))?;
    }
    match checks.iter().find(|check| check.verdict == Verdict::Problem) {
        Some(problem) => Err(Quit::Code(problem.code)),
        None => Ok(()),
    }
}

async fn everything_else(context: &Context<'_>) -> Vec<Check> {
    let loaded = context.loaded;
    let options = hub_options(loaded);
    let (for_cache, for_models) = (options.clone(), options.clone());
    let conversations = loaded.paths.conversations_file();
    let (model, device) = (loaded.settings.model.clone(), loaded.settings.engine.load.device);
    let (hardware, conversations, cache, models, hub, engine, warm) = tokio::join!(
        in_time("processor", LIMIT, move || hardware::checks(device)),
        in_time("conversations", LIMIT, move || places::conversations(&conversations)),
        in_time("cache", LIMIT, move || places::cache(&for_cache)),
        in_time("models", LIMIT, move || places::models(&for_models, model.as_deref())),
        hub::checks(&options, LIMIT),
        engine_check(context),
        warm_check(context),
    );
    let mut checks = vec![hardware::build()];
    checks.extend(hardware);
    checks.push(engine);
    checks.push(warm);
    checks.extend(places::config(loaded));
    checks.push(places::log(loaded));
    checks.extend(conversations);
    checks.extend(cache);
    checks.extend(models);
    checks.extend(hub);
    checks
}

/// Looks on a thread of its own, which is left to itself when it takes too long.
async fn in_time(id: &'static str, limit: Duration, look: impl FnOnce() -> Vec<Check> + Send + 'static) -> Vec<Check> {
    match tokio::time::timeout(limit, tokio::task::spawn_blocking(look)).await {
        Ok(Ok(checks)) => checks,
        Ok(Err(_)) => vec![failed(id)],
        Err(_) => vec![
            Check::warning(id, format!("no answer within {} s", limit.as_secs_f64()))
                .hint("a disk is slow, or a network folder can't be reached: try again"),
        ],
    }
}

fn failed(id: &'static str) -> Check {
    Check::problem(
        id,
        &UserError::new(ErrorKind::Unexpected, "this could not be looked at").hint("a bug: the log knows more"),
    )
}

async fn engine_check(context: &Context<'_>) -> Check {
    let greeted = match engine_options(context) {
        Ok(options) => engine::greet(&options, LIMIT).await,
        Err(error) => Err(error),
    };
    match greeted {
        Ok(took) => Check::ok("engine", format!("its process starts and answers in {} ms", took.as_millis()))
            .details(json!({ "start_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX) })),
        Err(error) => Check::problem("engine", &error),
    }
}

/// Engines that scripts share. What is kept warm takes memory that somebody may look for.
async fn warm_check(context: &Context<'_>) -> Check {
    match warm::in_short(&context.loaded.paths.runtime_dir).await {
        Some((held, figures)) => Check::note("warm", format!("held for scripts: {held}"))
            .hint("`hobnob warm stop` ends what `--keep-warm` left behind")
            .details(figures),
        None if context.loaded.settings.engine.share => {
            let check = match share::usable(&context.loaded.paths.runtime_dir) {
                Ok(()) => Check::ok("warm", "no engine is held for scripts"),
                Err(error) => {
                    let check = Check::warning("warm", error.message);
                    error.hint.into_iter().fold(check, Check::hint)
                }
            };
            check.details(json!({ "engines": [] }))
        }
        None => Check::ok("warm", "engines are not shared (`engine.share`)").details(json!({ "engines": [] })),
    }
}

fn count(checks: &[Check], verdict: Verdict) -> usize {
    checks.iter().filter(|check| check.verdict == verdict).count()
}

fn document(checks: &[Check]) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "problems": count(checks, Verdict::Problem),
        "warnings": count(checks, Verdict::Warning),
        "checks": checks.iter().map(Check::to_json).collect::<Vec<_>>(),
    })
}

fn page(checks: &[Check], console: Console, unicode: bool) -> String {
    let width = |of: fn(&Check) -> &'static str| checks.iter().map(|check| of(check).width()).max().unwrap_or(0);
    let (ids, words) = (width(|check| check.id), width(|check| check.verdict.word()));
    let mut out = String::new();
    for check in checks {
        let verdict = check.verdict;
        let label = format!("{} {:words$}", verdict.glyph(unicode), verdict.word());
        let label = console.paint(&label, verdict.colour());
        let _ = writeln!(out, "{label}  {:ids$}  {}", check.id, sanitize(&check.message));
        if let Some(hint) = &check.hint {
            let _ = writeln!(out, "{}  {}", " ".repeat(2 + words + 2 + ids), console.paint(&sanitize(hint), "2"));
        }
    }
    let (problems, warnings) = (count(checks, Verdict::Problem), count(checks, Verdict::Warning));
    let _ = match (problems, warnings) {
        (0, 0) => writeln!(out, "\nnothing is wrong"),
        (0, n) => writeln!(out, "\nno problems, {}", many(n, "warning")),
        (p, n) => writeln!(out, "\n{}, {}", many(p, "problem"), many(n, "warning")),
    };
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headless::console::Stream;

    fn checks() -> Vec<Check> {
        vec![
            Check::ok("build", "all right"),
            Check::warning("processor", "slow\u{1b}[2J").hint("build it again"),
            Check::problem("hub", &UserError::new(ErrorKind::Network, "not there").hint("look")),
        ]
    }

    #[test]
    fn a_line_has_its_verdict_in_sign_word_and_colour() {
        let page = page(&checks(), Console::default(), true);
        let expected = "✓ ok       build      all right\n\
                        ! warning  processor  slow\n                      build it again\n\
                        ✗ problem  hub        not there\n                      look\n\n\
                        1 problem, 1 warning\n";
        assert_eq!(page, expected);
        let colours = Console { out: Stream { terminal: true, colour: true }, ..Console::default() };
        let coloured = super::page(&checks(), colours, false);
        assert!(coloured.contains("\x1b[31mx problem\x1b[0m") && !coloured.contains("[2J"), "{coloured:?}");
    }

    #[test]
    fn the_end_is_told_in_words() {
        assert!(page(&checks()[..1], Console::default(), true).ends_with("\nnothing is wrong\n"));
        assert!(page(&checks()[..2], Console::default(), true).ends_with("\nno problems, 1 warning\n"));
    }

    #[test]
    fn a_look_that_takes_too_long_or_fails_is_a_line_too() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let slow = runtime.block_on(in_time("cache", Duration::from_millis(10), move || {
            let _ = wait.recv();
            Vec::new()
        }));
        drop(release);
        assert_eq!((slow[0].id, slow[0].verdict), ("cache", Verdict::Warning));
        let fails = runtime.block_on(in_time("cache", LIMIT, || panic!("a bug")));
        assert_eq!(fails[0].verdict, Verdict::Problem);
    }
}
