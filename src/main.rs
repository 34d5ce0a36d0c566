use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == hobnob::engine::host::ARGUMENT) {
        return hobnob::engine::host::main();
    }
    ExitCode::SUCCESS
}
