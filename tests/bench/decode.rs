//! How much speed is lost on the way from the engine to who reads the answer: the same prompt, the same file, the same
//! build, in turns.
//!
//! * `bare`: mistral.rs called directly, in a process that does nothing else;
//! * `link`: the way of `hobnob run` and of the interface, over the engine's process and its events.
//!
//! `cargo bench --bench decode`. What a front end does with the events is added as a further [`Lane`].
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use hobnob::domain::model::{Device, Format, ModelSpec};
use hobnob::domain::sampling::SamplingPatch;
use hobnob::domain::stats::TokenMeter;
use hobnob::domain::{ChatMessage, EngineCmd, EngineEvent, GenId, GenRequest, LoadId, Role, Thinking};
use hobnob::engine::{EngineHandle, Options};
use mistralrs::{
    AutoDeviceMapParams, DeviceMapSetting, GgufModelBuilder, Model, RequestBuilder, Response, SamplingParams,
    TextMessageRole,
};
use support::quantise::{Quant, starter_as};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::UnboundedReceiver;

const PROMPT: &str = "Explain in detail how a lighthouse works, and tell the story of one.";
const TOKENS: u32 = 128;
const CONTEXT: u32 = 2048;
const ROUNDS: usize = 15;
/// Makes this program the bare engine, over this file.
const BARE: &str = "HOBNOB_BENCH_BARE";

/// One way to get an answer. A round gives its decode speed in tokens per second.
trait Lane {
    fn name(&self) -> &'static str;
    fn round(&mut self) -> f64;
}

fn main() {
    if let Some(file) = std::env::var_os(BARE) {
        return bare(Path::new(&file));
    }
    let file = starter_as(Quant::Q8_0);
    // The interface in a pty is the third lane, once it can be driven from here.
    let mut lanes: Vec<Box<dyn Lane>> = vec![Box::new(Bare::start(&file)), Box::new(Link::start(&file))];
    let mut speeds = vec![Vec::new(); lanes.len()];
    for round in 0..=ROUNDS {
        let mut order: Vec<usize> = (0..lanes.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for lane in order {
            let speed = lanes[lane].round();
            // The first is a warm-up.
            if round > 0 {
                speeds[lane].push(speed);
            }
        }
    }
    println!("decode, {TOKENS} tokens, {}, medians of {ROUNDS} rounds in turns", file.display());
    for (lane, of_lane) in lanes.iter().zip(&speeds) {
        // Within a round, so that a machine that is busy at times is busy for all of them.
        let against_bare = of_lane.iter().zip(&speeds[0]).map(|(speed, bare)| speed / bare);
        println!(
            "{:>6}  {:7.2} tok/s  {:.3} of bare",
            lane.name(),
            median(of_lane.iter().copied()),
            median(against_bare)
        );
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn speed(meter: &TokenMeter) -> f64 {
    f64::from(meter.tokens() - 1) / meter.stats(Instant::now()).decode.as_secs_f64()
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
    fn name(&self) -> &'static str {
        "bare"
    }

    fn round(&mut self) -> f64 {
        writeln!(self.ask, "go").expect("it listens");
        let mut line = String::new();
        self.told.read_line(&mut line).expect("it tells");
        line.trim().parse().expect("a speed")
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
    let mut meter = TokenMeter::start(Instant::now());
    let mut stream = model.stream_chat_request(request).await.expect("takes it");
    while let Some(response) = stream.next().await {
        match response {
            Response::Chunk(_) => meter.add(1, Instant::now()),
            _ => panic!("not a piece of an answer"),
        }
    }
    speed(&meter)
}

/// Over the engine's process, timed where a front end gets the pieces.
struct Link {
    runtime: Runtime,
    handle: EngineHandle,
    events: UnboundedReceiver<EngineEvent>,
    id: GenId,
}

impl Link {
    fn start(file: &Path) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let options = Options { exe: PathBuf::from(env!("CARGO_BIN_EXE_hobnob")), verbose: 0 };
        let (handle, mut events) = runtime.block_on(async { EngineHandle::start(options) });
        let spec = ModelSpec {
            reference: "starter".into(),
            name: "starter".into(),
            location: file.to_owned(),
            format: Format::Gguf,
            context: CONTEXT,
            device: Device::Auto,
        };
        handle.send(EngineCmd::Load { id: LoadId(1), spec });
        runtime.block_on(async {
            loop {
                match events.recv().await.expect("the link is there") {
                    EngineEvent::Loaded { .. } => break,
                    EngineEvent::LoadFailed { error, .. } => panic!("{error}"),
                    _ => {}
                }
            }
        });
        Self { runtime, handle, events, id: GenId(0) }
    }
}

impl Lane for Link {
    fn name(&self) -> &'static str {
        "link"
    }

    fn round(&mut self) -> f64 {
        self.id = self.id.next();
        let req = GenRequest {
            messages: vec![ChatMessage { role: Role::User, content: PROMPT.into() }],
            sampling: SamplingPatch { temperature: Some(0.0), ..SamplingPatch::default() },
            max_tokens: Some(TOKENS),
            stop: Vec::new(),
            thinking: Thinking::Auto,
        };
        let mut meter = TokenMeter::start(Instant::now());
        self.handle.send(EngineCmd::Generate { id: self.id, req });
        let events = &mut self.events;
        self.runtime.block_on(async {
            loop {
                match events.recv().await.expect("the link is there") {
                    EngineEvent::Delta { tokens, .. } => meter.add(tokens, Instant::now()),
                    EngineEvent::Finished { .. } => break,
                    EngineEvent::Failed { error, .. } => panic!("{error}"),
                    _ => {}
                }
            }
        });
        speed(&meter)
    }
}
