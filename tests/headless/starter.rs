//! With the real engine and the starter model.

use rustix::process::Signal;

use crate::json::assert_answer;
use crate::sandbox::{AT_ONCE, Running, Sandbox};
#[cfg(not(any(feature = "cuda", target_os = "macos")))]
use crate::support::convert::mlx::{Mlx, Said};
#[cfg(not(any(feature = "cuda", target_os = "macos")))]
use crate::support::convert::mlx_folder;
use crate::support::models::starter;

fn path() -> String {
    starter().to_string_lossy().into_owned()
}

#[test]
fn a_real_answer_is_deterministic_at_temperature_zero() {
    let home = Sandbox::new();
    let path = path();
    let args = ["run", "-m", &path, "--temperature", "0", "--max-tokens", "12"];
    let first = home.run_with(args, "Why is the sky blue?\n");
    first.assert_code(0);
    let text = first.text();
    assert!(text.trim().len() > 10 && text.ends_with('\n') && !text.ends_with("\n\n"), "{text:?}");
    assert!(first.err.starts_with("warning: the answer was cut after 12 tokens"), "{}", first.err);
    let again = home.run(args.into_iter().chain(["--json", "Why is the sky blue?"])).json();
    assert_answer(&again);
    assert_eq!(again["content"].as_str().map(str::trim_end), Some(text.trim_end()));
    assert_eq!(
        (again["finish_reason"].as_str(), again["usage"]["completion_tokens"].as_u64()),
        (Some("length"), Some(12))
    );
    home.assert_empty();
}

#[test]
fn a_signal_in_a_long_prompt_ends_it_at_once() {
    let home = Sandbox::new();
    let mut command = home.hobnob(["run", "--jsonl", "-m", &path(), "-f", "long.txt", "Sum up."]);
    home.write("long.txt", "The quick brown fox jumps over the lazy dog. ".repeat(100));
    command.env("RUST_BACKTRACE", "1");
    let mut running = Running::start(command);
    running.read_until("\"started\"");
    running.signal(Signal::INT);
    assert_eq!(running.wait(AT_ONCE).code(), Some(130));
    home.assert_empty();
}

#[test]
fn a_prompt_too_long_for_the_model_names_both_numbers() {
    let home = Sandbox::new();
    home.write("long.txt", "The quick brown fox jumps over the lazy dog. ".repeat(60));
    let done = home.run(["run", "-m", &path(), "--context", "512", "-f", "long.txt", "Sum up."]);
    done.assert_error(5, "512");
    assert!(done.err.contains("hint: "), "{}", done.err);
}

#[test]
fn a_folder_of_the_config_is_listed_and_shown() {
    let home = Sandbox::new();
    let file = starter();
    let folder = home.path("models");
    std::fs::create_dir(&folder).expect("a folder");
    std::os::unix::fs::symlink(&file, folder.join("small.gguf")).expect("a link");
    home.config(&format!("[models]\nfolders = [\"{}\"]\n", folder.display()));
    let list = home.run(["models"]);
    list.assert_code(0);
    let cells: Vec<&str> = list.text().trim_end().split('\t').collect();
    assert_eq!(cells.len(), 6, "{}", list.text());
    assert_eq!((cells[1], cells[2], cells[3]), ("Q4_1", "98362432", "8192"));
    let json = home.run(["models", "list", "--json"]).json();
    let model = &json["models"][0];
    assert_eq!((model["bytes"].as_u64(), model["facts"]["architecture"].as_str()), (Some(98_362_432), Some("llama")));
    assert_eq!(model["fit"]["context"], 4096);
    // What the list calls it is what chooses it.
    let show = home.run(["models", "show", cells[0]]);
    show.assert_code(0);
    for line in ["parameters     134 million", "chat template  yes"] {
        assert!(show.text().lines().any(|shown| shown == line), "{line}: {}", show.text());
    }
    let run = home.run(["run", "-q", "-m", cells[0], "--max-tokens", "2", "--temperature", "0", "Hello"]);
    run.assert_code(0);
    // It is the only model there is: no need to name it.
    let unnamed = home.run(["run", "-q", "--max-tokens", "2", "--temperature", "0", "Hello"]);
    assert_eq!(unnamed.assert_code(0).text(), run.text());
}

/// The warning is of builds without a GPU, and the model is of those with Apple's.
#[cfg(not(any(feature = "cuda", target_os = "macos")))]
#[test]
fn a_model_for_macs_runs_with_a_warning() {
    let home = Sandbox::new();
    let folder = mlx_folder(Mlx { bits: 4, group: 64, said: Said::Once }).to_string_lossy().into_owned();
    let show = home.run(["models", "show", &folder]);
    let shown = show.assert_code(0).text();
    for line in ["quantisation   4-bit MLX", "parameters     134 million"] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    let caution = shown.lines().find_map(|line| line.strip_prefix("caution ")).expect("a line of it").trim_start();
    let json = home.run(["models", "show", "--json", &folder]).json();
    assert_eq!(json["caution"], caution);
    let run = home.run(["run", "-m", &folder, "--temperature", "0", "--max-tokens", "1", "Hello"]);
    run.assert_code(0);
    assert!(run.err.starts_with("warning: ") && run.err.contains(caution), "{}", run.err);
    assert!(!run.text().trim().is_empty(), "{}", run.text());
}
