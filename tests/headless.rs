//! The commands for scripts, through the real binary: what goes to which stream, how it ends, and what is left behind.

#[path = "headless/answers.rs"]
mod answers;
#[path = "headless/batch.rs"]
mod batch;
#[path = "headless/bench.rs"]
mod bench;
#[path = "headless/commands.rs"]
mod commands;
#[path = "headless/completions.rs"]
mod completions;
#[path = "headless/doctor.rs"]
mod doctor;
#[path = "headless/forms.rs"]
mod forms;
#[path = "headless/here.rs"]
mod here;
#[path = "headless/interrupts.rs"]
mod interrupts;
#[path = "headless/json.rs"]
mod json;
#[path = "headless/keeps.rs"]
mod keeps;
#[path = "headless/offline.rs"]
mod offline;
#[path = "headless/prompts.rs"]
mod prompts;
#[path = "headless/pulls.rs"]
mod pulls;
#[path = "headless/sampling.rs"]
mod sampling;
#[path = "headless/sandbox.rs"]
mod sandbox;
#[path = "headless/search.rs"]
mod search;
#[path = "headless/sessions.rs"]
mod sessions;
#[path = "headless/starter.rs"]
mod starter;
mod support;
#[path = "headless/templates.rs"]
mod templates;
#[path = "headless/terminal.rs"]
mod terminal;
#[path = "headless/titles.rs"]
mod titles;
