//! A stand-in proxy: passes plain requests on, makes tunnels or refuses them, and keeps what it was asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it does with those who come.
#[derive(Debug, Clone, Default)]
pub struct Ways {
    /// Hosts that nobody else knows (as a request names them, with the port of a tunnel), and where they really are.
    pub known: HashMap<String, String>,
    /// The header's value without which nobody gets through.
    pub password: Option<String>,
    /// Tunnels are answered with this status.
    pub refuses: Option<u16>,
}

/// Ends with this.
pub struct Proxy {
    /// Host and port.
    pub place: String,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub async fn start(ways: Ways) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let place = listener.local_addr().expect("an address").to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (ways, log) = (ways.clone(), Arc::clone(&log));
                // A client that leaves in the middle is no failure of the proxy.
                tokio::spawn(async move { pass_on(client, &ways, &log).await });
            }
        });
        Self { place, asked, task }
    }

    pub fn address(&self) -> String {
        format!("http://{}", self.place)
    }

    /// The heads of all requests so far, in small letters.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn pass_on(mut client: TcpStream, ways: &Ways, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).expect("text");
    log.lock().unwrap_or_else(PoisonError::into_inner).push(head.to_ascii_lowercase());
    let (first, rest) = head.split_once("\r\n").expect("a line");
    let (method, target) = first.split_once(' ').expect("a method");
    let target = target.split(' ').next().expect("an address");
    let tells =
        |value: &str| head.lines().any(|line| line.eq_ignore_ascii_case(&format!("proxy-authorization: {value}")));
    if ways.password.as_deref().is_some_and(|password| !tells(password)) {
        return refuse(&mut client, 407).await;
    }
    let real = |host: &str| ways.known.get(host).cloned().unwrap_or_else(|| host.to_owned());
    if method == "CONNECT" {
        if let Some(status) = ways.refuses {
            return refuse(&mut client, status).await;
        }
        let mut server = TcpStream::connect(real(target)).await?;
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        tokio::io::copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    let (host, path) = target.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an address");
    let mut server = TcpStream::connect(real(host)).await?;
    // What is said to a proxy is nobody else's business.
    let rest: String =
        rest.split_inclusive("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("proxy-")).collect();
    server.write_all(format!("{method} /{path} HTTP/1.1\r\nconnection: close\r\n{rest}").as_bytes()).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

async fn refuse(client: &mut TcpStream, status: u16) -> std::io::Result<()> {
    let answer = format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    client.write_all(answer.as_bytes()).await
}
