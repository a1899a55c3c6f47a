//! Chromium without a window. A script that is put into the page tells the test what it shows, and
//! clicks where the test says.

use crate::client::Client;
use idp::http::axum;
use idp::http::axum::Router;
use idp::http::axum::extract::State;
use idp::http::axum::http::{HeaderMap, Method};
use idp::http::axum::routing::{get, post};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc, watch};

const PROBE: &str = include_str!("probe.js");
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const WAIT_MAX: Duration = Duration::from_secs(60);

/// What a person would see.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Page {
    pub(super) live: String,
    pub(super) cards: Vec<String>,
    pub(super) routes: usize,
    pub(super) stops: usize,
    pub(super) depots: usize,
    /// Errors of scripts, and what the content security policy kept from happening.
    pub(super) faults: Vec<String>,
}

/// A browser that looks at the page.
pub(super) struct Browser {
    seen: watch::Receiver<Page>,
    orders: mpsc::UnboundedSender<String>,
    process: Child,
    profile: TempDir,
}

#[derive(Clone)]
struct Probe {
    seen: watch::Sender<Page>,
    orders: Arc<Mutex<mpsc::UnboundedReceiver<String>>>,
}

impl Browser {
    /// Opens the page of the service; `None`, with the reason printed, where there is no browser.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
    pub(super) async fn open(client: &Client) -> Option<Self> {
        let Some(program) = program() else {
            println!("skipped: none of {NAMES:?} is installed");
            return None;
        };
        let (sender, seen) = watch::channel(Page::default());
        let (orders, received) = mpsc::unbounded_channel();
        let probe = Probe { seen: sender, orders: Arc::new(Mutex::new(received)) };
        let address = serve(client, probe).await;
        let profile =
            tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let process = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-sync"])
            .args(["--disable-component-update", "--window-size=1280,900"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("http://{address}/probed"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the browser can be started");
        Some(Self { seen, orders, process, profile })
    }

    /// Waits until the page looks like that.
    pub(super) async fn sees(&mut self, looks: impl Fn(&Page) -> bool) -> Page {
        let waiting = tokio::time::timeout(WAIT_MAX, self.seen.wait_for(|page| looks(page))).await;
        let page = waiting.map(|page| page.expect("the service runs").clone());
        page.unwrap_or_else(|_| panic!("waited in vain, saw {:?}", *self.seen.borrow()))
    }

    /// Clicks on the first element of that selector.
    pub(super) fn clicks(&self, selector: &str) {
        self.order(&serde_json::json!({ "click": selector }));
    }

    /// Chooses an option.
    pub(super) fn chooses(&self, selector: &str, option: &str) {
        self.order(&serde_json::json!({ "choose": selector, "option": option }));
    }

    /// Ends the browser, and removes what it left.
    pub(super) async fn close(mut self) {
        self.process.kill().await.expect("it can be ended");
        // Its helpers end a moment later and may still write; what stays is in the build folder.
        let _ = self.profile.close();
    }

    fn order(&self, order: &serde_json::Value) {
        self.orders.send(order.to_string()).expect("the service runs");
    }
}

fn program() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    let places = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// Serves the service, and its page with the probe in it.
async fn serve(client: &Client, probe: Probe) -> SocketAddr {
    let page = client.anonymous(Method::GET, "/").send().await;
    let policy = page.header("content-security-policy").to_owned();
    let html = page.body.as_str().expect("text");
    let html =
        html.replace("</head>", "<script type=\"module\" src=\"/probe.js\"></script></head>");
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "text/html; charset=utf-8".parse().expect("a header"));
    headers.insert("content-security-policy", policy.parse().expect("a header"));
    let probed = Router::new()
        .route("/probed", get(async move || (headers, html)))
        .route("/probe.js", get(async || ([("content-type", "text/javascript")], PROBE)))
        .route("/probe/seen", post(seen))
        .route("/probe/order", get(order))
        .with_state(probe);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let routes = client.routes.clone().merge(probed);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

async fn seen(State(probe): State<Probe>, axum::Json(page): axum::Json<Page>) {
    probe.seen.send_replace(page);
}

/// The next order, as soon as there is one.
async fn order(State(probe): State<Probe>) -> String {
    match probe.orders.lock().await.recv().await {
        Some(order) => order,
        None => std::future::pending().await, // The test is over.
    }
}
