//! `hobnob search` against a stand-in for the Hub, with models that the real reader of headers looks at.

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::sandbox::{Done, Running, Sandbox};
use crate::support::hub_server::{Fault, HubServer, Repo};
use crate::support::tiny;

struct Hub {
    home: Sandbox,
    server: HubServer,
    /// The server's; it ends with it.
    _runtime: Runtime,
}

/// A model that the engine runs, as a GGUF file.
fn gguf(arch: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.gguf");
    let mut gguf = tiny::gguf(arch);
    tiny::place(&mut gguf);
    tiny::write_random(&gguf, &path);
    std::fs::read(path).expect("reads")
}

fn repos() -> Vec<Repo> {
    let model = gguf("llama");
    let tiny = Repo::new("org/tiny-1B-GGUF", 'a')
        .small("README.md", b"---\nlicense: mit\n---\n# Tiny\n\x1b[31mred")
        .large("tiny-Q8_0.gguf", &model)
        .large("tiny-Q2_K.gguf", &model[..model.len() - 64])
        .large("tiny-IQ3_XS.gguf", &model)
        .said(json!({"downloads": 34_567, "likes": 12, "trendingScore": 3, "tags": ["gguf", "license:mit", "base_model:org/tiny"],
            "gated": "manual", "gguf": {"total": 1_000_000_000}}));
    let large = Repo::new("org/giant-405B", 'b').said(json!({"tags": ["safetensors"], "library_name": "transformers",
        "trendingScore": 2, "safetensors": {"parameters": {"BF16": 405_000_000_000_u64}, "total": 405_000_000_000_u64}}));
    let other = Repo::new("org/odd", 'c').large("m-Q4_K_M.gguf", &gguf("qwen3moe"));
    let empty = Repo::new("org/empty", 'd').small("README.md", b"nothing").said(json!({"tags": []}));
    vec![tiny, large, other, empty]
}

impl Hub {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let server = runtime.block_on(HubServer::start(repos()));
        Self { home: Sandbox::new(), server, _runtime: runtime }
    }

    fn run(&self, args: &[&str]) -> Done {
        let mut command = self.home.hobnob(args.iter().copied());
        command.env("HF_ENDPOINT", &self.server.endpoint).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        Running::start(command).finish()
    }

    fn json(&self, args: &[&str]) -> Value {
        let done = self.run(&[&["search", "--json"], args].concat());
        done.assert_code(0);
        done.json()
    }
}

#[test]
fn a_pipe_gets_a_line_for_each_model_and_a_script_a_document() {
    let hub = Hub::start();
    let done = hub.run(&["search"]);
    done.assert_code(0);
    let rows: Vec<Vec<&str>> = done.text().lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.len(), 4, "{}", done.text());
    let [name, parameters, kinds, _, downloads, likes, days, gated, licence, fits, here] = rows[0][..] else {
        panic!("{:?}", rows[0])
    };
    assert_eq!((name, parameters, kinds, downloads, likes), ("org/tiny-1B-GGUF", "1000000000", "GGUF", "34567", "12"));
    assert_eq!((gated, licence, fits, here), ("on request", "mit", "fits", ""));
    assert!(days.parse::<u32>().is_ok());
    assert_eq!((rows[1][0], rows[1][9]), ("org/giant-405B", "too large"));

    let found = hub.json(&["--fits", "tiny"]);
    assert_eq!(found["more"], false);
    let [model] = found["models"].as_array().expect("a list").as_slice() else { panic!("{found}") };
    assert_eq!(model["repo"], "org/tiny-1B-GGUF");
    assert_eq!(
        (&model["kinds"], &model["gated"], &model["fits"]),
        (&json!(["gguf"]), &json!("request"), &json!("fits"))
    );
    assert_eq!(hub.json(&["--limit", "1"])["more"], true);
    assert_eq!(hub.json(&["--kind", "SAFETENSORS"])["models"][0]["repo"], "org/giant-405B");
    assert_eq!(hub.json(&["--max-params", "8B", "--licence", "mit"])["models"].as_array().map(Vec::len), Some(1));
    assert_eq!(hub.json(&["--fits", "giant"])["models"], json!([]));

    let events = hub.run(&["search", "--jsonl", "--author", "org"]).lines();
    assert_eq!(events.iter().filter(|event| event["event"] == "model").count(), 4);
    assert_eq!(events.last().map(|event| (&event["event"], &event["count"])), Some((&json!("done"), &json!(4))));
}

#[test]
fn a_repository_is_shown_with_what_to_take() {
    let hub = Hub::start();
    let address = format!("{}/org/tiny-1B-GGUF", hub.server.endpoint);
    for repo in ["org/tiny-1B-GGUF", "https://huggingface.co/org/tiny-1B-GGUF/tree/main", address.as_str()] {
        let page = hub.json(&[repo]);
        let offers = page["offers"].as_array().expect("a list");
        assert_eq!(offers.len(), 3, "{page}");
        assert_eq!(
            (&offers[0]["model"], &offers[0]["architecture"]),
            (&json!(page["offers"][0]["model"]), &json!("llama"))
        );
        assert_eq!(page["recommended"]["model"], offers[0]["model"]);
        assert!(offers[0]["model"].as_str().is_some_and(|model| model.starts_with("org/tiny-1B-GGUF:Q8_0")));
        assert_eq!((&offers[0]["quality"], &offers[0]["fit"]["verdict"]), (&json!("full"), &json!("fits")));
        assert_eq!(offers[0]["fit"]["largest_context"], 512);
        assert!(page["recommended"]["reason"].as_str().is_some_and(|reason| reason.contains("takes about")));
        let refused = offers.iter().find(|offer| offer["quantisation"] == "IQ3_XS").expect("it is listed");
        assert!(refused["error"]["message"].as_str().is_some_and(|message| message.contains("IQ3_XS")), "{refused}");
        assert_eq!(page["base_models"], json!(["org/tiny"]));
        assert_eq!(page["terms"], format!("{}/org/tiny-1B-GGUF", hub.server.endpoint));
        let card = page["card"].as_str().expect("a card");
        assert!(card.starts_with("# Tiny") && !card.contains('\u{1b}'), "{card:?}");
    }
    let done = hub.run(&["search", "org/tiny-1B-GGUF"]);
    done.assert_code(0);
    assert_eq!(done.text().lines().next().map(|line| line.ends_with("\trecommended")), Some(true), "{}", done.text());

    let odd = hub.json(&["org/odd"]);
    assert_eq!(odd["recommended"], Value::Null);
    assert_eq!(odd["offers"][0]["error"]["kind"], "model_unsupported", "{odd}");
    assert_eq!(hub.json(&["org/empty"])["offers"], json!([]));
}

#[test]
fn what_goes_wrong_has_words_and_a_code() {
    let hub = Hub::start();
    let fails = |args: &[&str], code: i32, says: &str| {
        let done = hub.run(args);
        done.assert_code(code);
        assert!(done.err.contains("error: ") && done.err.contains("hint: ") && done.err.contains(says), "{}", done.err);
        assert!(done.out.is_empty(), "{}", done.text());
    };
    fails(&["search", "org/none"], 4, "org/none does not exist, or is private");
    fails(&["--offline", "search", "x"], 4, "the network is off");
    fails(&["--offline", "search", "org/tiny-1B-GGUF"], 4, "the network is off");
    fails(&["search", "--max-params", "many"], 2, "8B, 1.5B or 500M");
    fails(&["search", "--kind", "zip"], 2, "gguf");
    fails(&["search", "--catalog", "x"], 2, "can't be used together");
    hub.server.spoil_answers([Fault::Status(429, Some(("ratelimit", "\"api\";r=0;t=77")))]);
    fails(&["search", "x"], 4, "try again in 77 s");
    hub.server.spoil_answers([Fault::Status(200, None)]);
    fails(&["search", "x"], 4, "login page");
    let done = hub.run(&["search", "no such words", "--kind", "gguf"]);
    done.assert_code(0);
    assert!(
        done.out.is_empty() && done.err.contains("the Hub has nothing for `no such words` --kind gguf"),
        "{}",
        done.err
    );
}

#[test]
fn the_catalog_needs_no_network_and_takes_what_the_config_adds() {
    let hub = Hub::start();
    hub.home.config(
        "[[catalog]]\nname = \"ours\"\nmodel = \"org/tiny-1B-GGUF:Q8_0\"\nabout = \"Ours\"\nsampling = { temperature = 0.125 }\n",
    );
    let catalog = hub.json(&["--catalog", "--limit", "100"]);
    let models = catalog["models"].as_array().expect("a list");
    assert_eq!(models.len(), 21);
    assert_eq!(models.iter().filter(|model| model["recommended"].is_string()).count(), 1);
    assert!(models[0]["recommended"].is_string() || models[0]["standing"] == "too large", "{}", models[0]);
    let named = |name: &str| models.iter().find(|model| model["model"] == name).expect("an entry");
    assert_eq!(named("qwen3-8b")["sampling"]["temperature"], 0.6);
    assert_eq!(
        (&named("qwen3-8b")["licence"], &named("qwen3-8b")["thinking"]),
        (&json!("apache-2.0"), &json!("optional"))
    );
    assert_eq!(
        (&named("ours")["standing"], &named("ours")["files"]),
        (&json!("not known"), &json!("org/tiny-1B-GGUF:Q8_0"))
    );
    assert!(hub.server.seen().is_empty());
    // In a pipe the same, with a tab between the values and numbers that can be reckoned with.
    let done = hub.run(&["search", "--catalog", "--limit", "100"]);
    let lines = done.text();
    assert_eq!(lines.lines().count(), 21);
    for (line, model) in lines.lines().zip(models) {
        let cells: Vec<&str> = line.split('\t').collect();
        let bytes = model["bytes"].as_u64().map_or_else(|| cells[2].to_owned(), |bytes| bytes.to_string());
        let parameters = model["parameters"].as_u64().map(|number| number.to_string()).unwrap_or_default();
        assert_eq!(
            (cells.len(), cells[0], cells[1], cells[2]),
            (7, model["model"].as_str().expect("a name"), &*parameters, &*bytes)
        );
        assert!(cells[2].parse::<u64>().is_ok() || cells[2].is_empty(), "{line}");
    }

    // Its name is enough from here on, and its sampling is the default.
    let done = hub.run(&["pull", "ours"]);
    done.assert_code(0);
    assert!(done.text().trim_end().ends_with("tiny-Q8_0.gguf"), "{}", done.text());
    let shown = hub.run(&["models", "show", "ours"]);
    shown.assert_code(0);
    assert!(shown.text().contains("temperature 0.125"), "{}", shown.text());
    let found = hub.json(&["tiny"]);
    assert_eq!(found["models"][0]["here"], true);
    let done = hub.run(&["models", "show", "qwen3-4"]);
    done.assert_code(3);
    assert!(done.err.contains("did you mean `qwen3-4b"), "{}", done.err);
}
