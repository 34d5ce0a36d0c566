//! Searching, against the stand-in Hub and against whatever else may answer.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use hobnob::domain::hub::{Gated, Hits, Kind, NextPage, SearchQuery, Sort};
use hobnob::domain::{AskId, HubCmd, HubEvent};
use hobnob::error::ErrorKind;
use hobnob::hub::{self, HubHandle, Options, Token};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::hub_server::{Fault, HubServer, Repo};
use crate::made::Made;
use crate::network::closed_port;

const DEADLINE: Duration = Duration::from_secs(30);

fn options(endpoint: &str) -> Options {
    let options = Made::new().options();
    Options { offline: false, endpoint: endpoint.to_owned(), ..options }
}

async fn search(
    options: &Options,
    query: &SearchQuery,
    after: Option<&NextPage>,
) -> Result<Hits, hobnob::error::UserError> {
    tokio::time::timeout(DEADLINE, hub::search(options, query, after)).await.expect("answers in time")
}

fn words(text: &str) -> SearchQuery {
    SearchQuery { text: text.to_owned(), ..SearchQuery::default() }
}

/// A server that answers everything with one function.
struct Anything {
    endpoint: String,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Anything {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Anything {
    async fn new<F: Future<Output = Response<Body>> + Send + 'static>(
        answer: impl Fn(usize, Request<Body>) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let router = Router::new().fallback(move |request: Request<Body>| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            async move { Ok::<_, Infallible>(answer(number, request).await) }
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { endpoint, asked, task }
    }

    async fn saying(body: String) -> Self {
        Self::new(move |_, _| {
            let body = body.clone();
            async move { Response::new(Body::from(body)) }
        })
        .await
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn repo(id: &str, said: serde_json::Value) -> Repo {
    Repo::new(id, 'a').said(said)
}

#[tokio::test]
async fn what_is_asked_for_is_what_comes() {
    let server = HubServer::start(vec![
        repo("one/Alpha-8B-GGUF", json!({"downloads": 5, "likes": 9, "trendingScore": 1, "tags": ["gguf", "license:mit"],
            "gated": "auto", "gguf": {"total": 8_030_261_248_u64, "architecture": "llama", "chat_template": "x".repeat(9_000)}})),
        repo("one/Alpha-4bit", json!({"downloads": 7, "likes": 1, "trendingScore": 3, "tags": ["mlx", "safetensors", "license:mit"],
            "library_name": "mlx", "lastModified": "2025-03-01T00:00:00.000Z"})),
        repo("two/Alpha-70B", json!({"downloads": 6, "likes": 5, "trendingScore": 2, "tags": ["safetensors", "license:llama3.1"],
            "library_name": "transformers", "lastModified": "2024-01-01T00:00:00.000Z"})),
        repo("two/Alpha-pictures", json!({"pipeline_tag": "text-to-image", "downloads": 99})),
        repo("two/Beta", json!({"pipeline_tag": null, "downloads": 1, "trendingScore": 9})),
    ])
    .await;
    let options = options(&server.endpoint);
    let names = async |query: SearchQuery| -> Vec<String> {
        let hits = search(&options, &query, None).await.expect("an answer").hits;
        hits.into_iter().map(|hit| hit.repo.name).collect()
    };
    assert_eq!(names(words("")).await, ["Alpha-4bit", "Alpha-70B", "Alpha-8B-GGUF"], "what trends");
    assert_eq!(names(words("beta")).await, ["Beta"], "who names something gets what has no task");
    for (sort, expected) in [
        (Sort::Downloads, ["Alpha-4bit", "Alpha-70B", "Alpha-8B-GGUF"]),
        (Sort::Likes, ["Alpha-8B-GGUF", "Alpha-70B", "Alpha-4bit"]),
        (Sort::Updated, ["Alpha-4bit", "Alpha-8B-GGUF", "Alpha-70B"]),
    ] {
        assert_eq!(names(SearchQuery { sort, ..words(" alpha ") }).await, expected);
    }
    assert_eq!(names(SearchQuery { author: Some("two".into()), ..words("alpha") }).await, ["Alpha-70B"]);
    assert_eq!(names(SearchQuery { kind: Some(Kind::Mlx), ..words("") }).await, ["Alpha-4bit"]);
    assert_eq!(
        names(SearchQuery { licence: Some("mit".into()), kind: Some(Kind::Gguf), ..words("") }).await,
        ["Alpha-8B-GGUF"]
    );
    assert_eq!(names(SearchQuery { parameters: Some(10_000_000_000), ..words("alpha-") }).await.len(), 2);

    let hits = search(&options, &words("8B"), None).await.expect("an answer").hits;
    let [hit] = hits.as_slice() else { panic!("{hits:?}") };
    assert_eq!((hit.parameters, hit.likes, hit.gated), (Some(8_030_261_248), 9, Gated::Terms));
    assert!(hit.age.is_some() && hit.licence.as_deref() == Some("mit"));
    assert!(search(&options, &words("nothing of this name"), None).await.expect("an answer").hits.is_empty());
}

#[tokio::test]
async fn ten_thousand_answers_come_page_by_page() {
    let repos = (0..10_000).map(|n| repo(&format!("org/model-{n:05}-7B-GGUF"), json!({"downloads": n})));
    let server = HubServer::start(repos.collect()).await;
    let options = options(&server.endpoint);
    let query = SearchQuery { sort: Sort::Downloads, ..words("model") };
    let (mut seen, mut next, mut last) = (BTreeSet::new(), None, u64::MAX);
    loop {
        let page = search(&options, &query, next.as_ref()).await.expect("a page");
        assert!(!page.hits.is_empty() && page.hits.len() <= 40, "{}", page.hits.len());
        for hit in page.hits {
            assert!(hit.downloads < last, "in order");
            last = hit.downloads;
            assert!(seen.insert(hit.repo.to_string()), "each once");
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 10_000);
    assert_eq!(server.seen().len(), 250);
}

#[tokio::test]
async fn what_goes_wrong_is_told_with_what_to_do() {
    let server = HubServer::start(Vec::new()).await;
    let mut options = options(&server.endpoint);
    let limit = Fault::Status(429, Some(("ratelimit", "\"api\";r=0;t=258")));
    for (fault, kind, message, hint) in [
        (limit, ErrorKind::RateLimited, "asks for fewer requests", "try again in 258 s, or set HF_TOKEN"),
        (Fault::Status(429, None), ErrorKind::RateLimited, "asks for fewer requests", "five minutes"),
        (Fault::Status(401, None), ErrorKind::Unauthorised, "only to those it knows", "set HF_TOKEN"),
        (Fault::Status(503, None), ErrorKind::Network, "has trouble answering (status 503)", "try again"),
        (Fault::Status(200, None), ErrorKind::Network, "does not answer like a Hugging Face Hub", "login page"),
        (Fault::Status(404, None), ErrorKind::Network, "does not answer like a Hugging Face Hub", "HF_ENDPOINT"),
    ] {
        server.spoil_answers([fault]);
        let error = search(&options, &words("x"), None).await.expect_err(message);
        let said = error.hint.clone().unwrap_or_default();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(message) && said.contains(hint), "{error}: {said}");
        assert!(!said.contains("kept"), "nothing has arrived: {said}");
        assert_eq!(error.kind.exit_code(), 4);
    }
    server.ask_for("good", false);
    options.token = Some(Token::new("bad", "HF_TOKEN"));
    let error = search(&options, &words("x"), None).await.expect_err("a bad token");
    assert!(error.message.contains("refused the token") && error.kind == ErrorKind::Unauthorised, "{error}");
    options.token = Some(Token::new("good", "HF_TOKEN"));
    search(&options, &words("x"), None).await.expect("a good token");

    let asked = server.seen().len();
    options.offline = true;
    let error = search(&options, &words("x"), None).await.expect_err("offline");
    assert!(error.message.contains("the network is off") && error.hint.is_some_and(|hint| hint.contains("--offline")));
    assert_eq!((error.kind, server.seen().len()), (ErrorKind::Network, asked));
    options.offline = false;
    options.endpoint = closed_port();
    let error = search(&options, &words("x"), None).await.expect_err("nobody there");
    assert!(error.message.contains("can't be reached"), "{error}");
}

#[tokio::test]
async fn only_the_newest_question_is_answered() {
    let server = Anything::new(|number, _| async move {
        if number == 0 {
            std::future::pending::<()>().await;
        }
        Response::new(Body::from(r#"[{"id": "org/m-1B"}]"#))
    })
    .await;
    let (handle, mut events) = HubHandle::start(options(&server.endpoint));
    let ask = |id| handle.send(HubCmd::Search { id: AskId(id), query: words("m"), after: None });
    ask(1);
    // The first has been asked and is waited for.
    tokio::time::timeout(DEADLINE, async {
        while server.asked() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it is asked");
    ask(2);
    let event = tokio::time::timeout(DEADLINE, events.recv()).await.expect("in time").expect("an event");
    let HubEvent::Found { id: AskId(2), result } = event else { panic!("{event:?}") };
    assert_eq!(result.expect("an answer").hits.len(), 1);
    ask(3);
    handle.send(HubCmd::Stop(AskId(3)));
    handle.shutdown().await;
    assert_eq!(events.recv().await, None, "what was stopped or given way is not answered");
}

#[tokio::test]
async fn hostile_answers_are_harmless() {
    let asked = async |body: String| {
        let server = Anything::saying(body).await;
        search(&options(&server.endpoint), &words("m"), None).await
    };
    for body in ["[]", "[1, null, \"x\", [], {}]", r#"[{"id": null}, {"id": "../.."}, {"id": "a/\u0007"}]"#] {
        assert_eq!(asked(body.to_owned()).await.expect("no models"), Hits::default(), "{body}");
    }
    for body in ["{}", "", "null", "[", "<!DOCTYPE html><title>Sign in</title>", &"[".repeat(1_000_000)] {
        let error = asked(body.to_owned()).await.expect_err("no list");
        assert!(error.message.contains("does not answer like"), "{error}");
    }
    // More than anybody asked for.
    let many = format!("[{}]", vec![r#"{"id":"a/b"}"#; 500_000].join(","));
    assert_eq!(asked(many).await.expect("some").hits.len(), 40);
    let tags = format!(r#"[{{"id":"a/b","tags":[{}"license:mit"]}}]"#, "\"x\",".repeat(1_000_000));
    assert_eq!(asked(tags).await.expect("one").hits.len(), 1);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let server = Anything::new(move |_, _| {
        let count = Arc::clone(&count);
        async move {
            let pieces = futures::stream::repeat_with(move || {
                count.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Infallible>(Bytes::from(vec![b'['; 100_000]))
            });
            Response::new(Body::from_stream(pieces))
        }
    })
    .await;
    let error = search(&options(&server.endpoint), &words("m"), None).await.expect_err("too long");
    assert!(error.message.contains("answers with more than 8 MB"), "{error}");
    // The rest is in the buffers between the two.
    assert!(sent.load(Ordering::SeqCst) < 300, "{} pieces", sent.load(Ordering::SeqCst));
}

#[tokio::test]
async fn another_host_is_no_next_page_and_gets_no_token() {
    let other = Anything::saying("[]".to_owned()).await;
    let link = format!("<{}/api/models?cursor=x>; rel=\"next\"", other.endpoint);
    let server = Anything::new(move |_, request: Request<Body>| {
        let link = link.clone();
        async move {
            assert_eq!(request.headers()["authorization"], "Bearer secret");
            let body = Body::from(r#"[{"id": "org/m-1B"}]"#);
            Response::builder().header("link", link).body(body).expect("an answer")
        }
    })
    .await;
    let options = Options { token: Some(Token::new("secret", "HF_TOKEN")), ..options(&server.endpoint) };
    let hits = search(&options, &words("m"), None).await.expect("an answer");
    assert_eq!((hits.hits.len(), hits.next, other.asked()), (1, None, 0));
}

#[tokio::test]
async fn pages_of_nothing_are_passed_over_but_not_for_ever() {
    let server = Anything::new(|number, request: Request<Body>| async move {
        let host = request.headers()["host"].to_str().expect("text").to_owned();
        let link = format!("<http://{host}/api/models?cursor={number}>; rel=\"next\"");
        let row = r#"[{"id": "org/pictures", "pipeline_tag": "text-to-image"}]"#;
        Response::builder().header("link", link).body(Body::from(row)).expect("an answer")
    })
    .await;
    let hits = search(&options(&server.endpoint), &words("m"), None).await.expect("an answer");
    assert!(hits.hits.is_empty() && hits.next.is_some());
    assert_eq!(server.asked(), 4);
}
