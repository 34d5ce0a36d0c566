//! How much speed is lost on the way from the engine to who reads the answer: the same prompt, the same file, the same
//! build, in turns.
//!
//! * `bare`: mistral.rs called directly, in a process that does nothing else;
//! * `run`: `hobnob run`, its output read from a pipe;
//! * `interface`: `hobnob` in a terminal, its screen read as a person does.
//!
//! Speed is tokens after the first by the time from the first to the last. The clock is next to the engine for `bare` and
//! outside of the program for the other two: when the text is out, not when the program says so.
//!
//! `cargo bench --bench decode`, or with the names of lanes: `cargo bench --bench decode -- bare`.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "../support/mod.rs"]
mod support;

mod measure;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use measure::{cpu_time, median, ms};
use mistralrs::{
    AutoDeviceMapParams, DeviceMapSetting, GgufModelBuilder, Model, RequestBuilder, Response, SamplingParams,
    TextMessageRole,
};
use support::pty::{Home, Pty, Screen, Setup, keys};
use support::quantise::{Quant, starter_as};
use tokio::runtime::Runtime;

const PROMPT: &str = "Explain in detail how a lighthouse works, and tell the story of one.";
/// The answer is longer than that: every lane makes as many.
const TOKENS: u32 = 256;
const CONTEXT: u32 = 2048;
const ROUNDS: usize = 11;
/// Makes this program the bare engine, over this file.
const BARE: &str = "HOBNOB_BENCH_BARE";

/// One way to get an answer.
trait Lane {
    fn round(&mut self) -> Round;
}

/// What makes a lane over a model's file.
type Start = fn(&Path) -> Box<dyn Lane>;

const LANES: [(&str, Start); 3] = [
    ("bare", |file| Box::new(Bare::start(file))),
    ("run", |file| Box::new(Run { file: file.to_owned() })),
    ("interface", |file| Box::new(Interface::start(file))),
];

struct Round {
    /// Tokens per second.
    speed: f64,
    /// What the program around the engine cost the processors, per token; where the system tells it.
    cpu: Option<Duration>,
}

fn main() {
    if let Some(file) = std::env::var_os(BARE) {
        return bare(Path::new(&file));
    }
    let file = starter_as(Quant::Q8_0);
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let chosen = || LANES.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|n| n == name));
    let names: Vec<&str> = chosen().map(|(name, _)| *name).collect();
    assert!(!names.is_empty(), "there is no lane {wanted:?}");
    let mut lanes: Vec<Box<dyn Lane>> = chosen().map(|(_, start)| start(&file)).collect();

    let mut rounds: Vec<Vec<Round>> = lanes.iter().map(|_| Vec::new()).collect();
    for round in 0..=ROUNDS {
        let mut order: Vec<usize> = (0..lanes.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for lane in order {
            let result = lanes[lane].round();
            // The first is a warm-up.
            if round > 0 {
                rounds[lane].push(result);
            }
        }
    }
    print(&file, &names, &rounds);
}

fn print(file: &Path, names: &[&str], rounds: &[Vec<Round>]) {
    println!("decode of {}: {TOKENS} tokens, medians of {ROUNDS} rounds in turns", file.display());
    println!("{:<10} {:>8} {:>12} {:>22}", "", "tok/s", "of the first", "own CPU, µs per token");
    for (name, of_lane) in names.iter().zip(rounds) {
        // Within a round, so that a machine that is busy at times is busy for all of them.
        let ratios = of_lane.iter().zip(&rounds[0]).map(|(round, first)| round.speed / first.speed);
        let cpu: Vec<f64> = of_lane.iter().filter_map(|round| round.cpu).map(|cpu| ms(cpu) * 1e3).collect();
        let cpu = if cpu.is_empty() { "-".to_owned() } else { format!("{:.0}", median(cpu)) };
        let speed = median(of_lane.iter().map(|round| round.speed));
        println!("{name:<10} {speed:>8.2} {:>12.3} {cpu:>22}", median(ratios));
    }
}

/// Between two moments at which so many tokens were there.
fn speed(first: (Instant, u32), last: (Instant, u32)) -> f64 {
    f64::from(last.1 - first.1) / last.0.duration_since(first.0).as_secs_f64()
}

/// The engine called directly, in a process of its own: one line in, one speed out.
struct Bare {
    process: Child,
    ask: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Bare {
    fn start(file: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .env(BARE, file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let ask = process.stdin.take().expect("piped");
        let told = BufReader::new(process.stdout.take().expect("piped"));
        Self { process, ask, told }
    }
}

impl Lane for Bare {
    fn round(&mut self) -> Round {
        writeln!(self.ask, "go").expect("it listens");
        let mut line = String::new();
        self.told.read_line(&mut line).expect("it tells");
        Round { speed: line.trim().parse().expect("a speed"), cpu: None }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn bare(file: &Path) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = file.parent().expect("absolute").display();
    let name = file.file_name().expect("a file").to_string_lossy();
    let map = AutoDeviceMapParams::Text { max_seq_len: CONTEXT as usize, max_batch_size: 1 };
    let builder = GgufModelBuilder::new(folder, vec![name])
        .with_device_mapping(DeviceMapSetting::Auto(map))
        .with_prefix_cache_n(Some(2))
        .with_max_num_seqs(1);
    let model = runtime.block_on(builder.build()).expect("loads");
    for line in std::io::stdin().lines() {
        line.expect("a line");
        println!("{}", runtime.block_on(bare_round(&model)));
    }
}

async fn bare_round(model: &Model) -> f64 {
    let sampling =
        SamplingParams { temperature: Some(0.0), max_len: Some(TOKENS as usize), ..SamplingParams::neutral() };
    let request = RequestBuilder::new().add_message(TextMessageRole::User, PROMPT).set_sampling(sampling);
    let mut stream = model.stream_chat_request(request).await.expect("takes it");
    let mut times = Vec::new();
    while let Some(response) = stream.next().await {
        match response {
            Response::Chunk(_) => times.push(Instant::now()),
            _ => panic!("not a piece of an answer"),
        }
    }
    assert_eq!(times.len(), TOKENS as usize, "the answer is too short");
    speed((times[0], 1), (times[times.len() - 1], TOKENS))
}

/// The command, started anew each time.
struct Run {
    file: PathBuf,
}

impl Lane for Run {
    fn round(&mut self) -> Round {
        let home = Home::new();
        let mut process = Command::new(env!("CARGO_BIN_EXE_hobnob"))
            .args(["run", "--stats", "--temperature", "0", "--max-tokens", &TOKENS.to_string()])
            .args(["--context", &CONTEXT.to_string(), "-m"])
            .arg(&self.file)
            .env_clear()
            .envs(home.env())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        process.stdin.take().expect("piped").write_all(PROMPT.as_bytes()).expect("it reads");
        let mut answer = process.stdout.take().expect("piped");
        let mut bytes = [0; 4096];
        let mut first = None;
        let mut last = Instant::now();
        while answer.read(&mut bytes).expect("it can be read") > 0 {
            last = Instant::now();
            first.get_or_insert_with(|| (last, cpu_time(process.id())));
        }
        // The end of its output is the end of the program: only while it is cleaning up can it still be looked at.
        let cpu_at_end = cpu_time(process.id());
        let output = process.wait_with_output().expect("it ends");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        assert!(told.contains(&format!("answer {TOKENS} tokens")), "the answer is too short: {told}");
        let (first, cpu_at_first) = first.expect("an answer");
        Round { speed: speed((first, 1), (last, TOKENS)), cpu: per_token(cpu_at_first, cpu_at_end) }
    }
}

fn per_token(from: Option<Duration>, to: Option<Duration>) -> Option<Duration> {
    Some(to?.checked_sub(from?)? / (TOKENS - 1))
}

/// The interface in a terminal, with its model loaded; each round is a new conversation.
struct Interface {
    pty: Pty,
}

impl Interface {
    fn start(file: &Path) -> Self {
        let home = Home::new();
        home.write_config(&format!(
            "[sampling]\ntemperature = 0\n[chat]\nmax_tokens = {TOKENS}\n[engine]\ncontext = {CONTEXT}\n"
        ));
        let setup = Setup::hobnob().home(&home).arg("chat").arg("-m").arg(file);
        // Wide enough for the count of tokens in the last row.
        let pty = setup.size(160, 45).deadline(Duration::from_secs(120)).start();
        pty.wait_for("the model", |screen| last_row(screen).contains(" ready"));
        Self { pty }
    }
}

impl Lane for Interface {
    fn round(&mut self) -> Round {
        self.pty.send("/new");
        self.pty.send(keys::ENTER);
        self.pty.wait_for("an empty conversation", |screen| tokens(&last_row(screen)).is_none());
        self.pty.send(PROMPT);
        self.pty.send(keys::ENTER);
        let pid = u32::try_from(self.pty.pid()).expect("an id");
        let mut first = None;
        let mut last = (Instant::now(), 0);
        self.pty.wait_for("the answer", |screen| {
            let row = last_row(screen);
            if let Some(tokens) = tokens(&row)
                && tokens != last.1
            {
                last = (Instant::now(), tokens);
                first.get_or_insert_with(|| (last, cpu_time(pid)));
            }
            last.1 > 0 && row.contains(" ready")
        });
        let (first, cpu_at_first) = first.expect("an answer");
        assert_eq!(last.1, TOKENS, "the answer is too short");
        Round { speed: speed(first, last), cpu: per_token(cpu_at_first, cpu_time(pid)) }
    }
}

fn last_row(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    screen.contents_between(rows - 1, 0, rows - 1, columns)
}

/// The count in the status line.
fn tokens(row: &str) -> Option<u32> {
    row.split_once("tokens ")?.1.split(' ').next()?.parse().ok()
}
