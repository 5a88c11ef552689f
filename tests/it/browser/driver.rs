//! A browser, driven as WebDriver has it: `chromedriver` and `chromium`, which `make test` installs on Debian and Ubuntu.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::faults::process;

/// Longest wait for something that must happen; nothing is measured by it.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// A person's browser: what a headless one says of itself is a robot's.
pub const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const MISSING: &str =
    "is missing: `make browser` installs it (Debian and Ubuntu: apt-get install chromium chromium-driver)";

/// A browser with a profile of its own.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: TempDir,
}

/// What a browser is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As people have it.
    Usual,
    /// It notes what it asks for, and finds no hosts but this machine's.
    Watched,
    /// Scripts are switched off.
    WithoutScripts,
}

impl Browser {
    /// Starts one. Hosts that end in `.example` are this machine.
    pub async fn start() -> Self {
        Self::start_as(Kind::Usual).await
    }

    /// Starts one of this kind.
    pub async fn start_as(kind: Kind) -> Self {
        let profile = crate::world::folder();
        let mut driver = Command::new("chromedriver")
            .args(["--port=0", "--log-level=SEVERE"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver {MISSING}: {error}"));
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                let port =
                    line.rsplit_once("successfully on port ").map(|(_, rest)| rest.trim_end_matches('.').to_owned());
                if let Some(port) = port.and_then(|port| port.parse::<u16>().ok()) {
                    return port;
                }
            }
            panic!("chromedriver ended before it was ready");
        };
        let port = tokio::time::timeout(PATIENCE, port).await.expect("chromedriver says its port");
        // It has more to say, and must not wait until somebody listens.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let mut browser =
            Self { driver, address: ([127, 0, 0, 1], port).into(), session: String::new(), _profile: profile };
        let folder = format!("--user-data-dir={}", browser._profile.path().display());
        let hosts = match kind {
            Kind::Usual | Kind::WithoutScripts => "--host-resolver-rules=MAP *.example 127.0.0.1",
            Kind::Watched => "--host-resolver-rules=MAP *.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        };
        // 2 is "never".
        let scripts = if kind == Kind::WithoutScripts { 2 } else { 1 };
        let options = json!({ "prefs": { "profile.managed_default_content_settings.javascript": scripts }, "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--no-proxy-server",
            hosts, format!("--user-agent={USER_AGENT}"), folder,
        ] });
        let mut wanted = json!({ "goog:chromeOptions": options });
        if kind == Kind::Watched {
            wanted["goog:loggingPrefs"] = json!({ "performance": "ALL" });
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": wanted } });
        let made = browser.call("POST", "/session", &wanted).await;
        browser.session = made["sessionId"].as_str().unwrap_or_else(|| panic!("chromium {MISSING}: {made}")).to_owned();
        browser
    }

    /// Goes to an address and returns when the page has loaded.
    pub async fn open(&self, url: &str) {
        self.ask("POST", "/url", &json!({ "url": url })).await;
    }

    /// Runs a script in the page; what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.ask("POST", "/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// Clicks what a CSS selector finds, as a person does.
    pub async fn click(&self, selector: &str) {
        let found = self.ask("POST", "/element", &json!({ "using": "css selector", "value": selector })).await;
        let element = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str).unwrap();
        self.ask("POST", &format!("/element/{element}/click"), &json!({})).await;
    }

    /// Types into what a CSS selector finds, as a person does.
    pub async fn enter(&self, selector: &str, text: &str) {
        let found = self.ask("POST", "/element", &json!({ "using": "css selector", "value": selector })).await;
        let element = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str).unwrap();
        self.ask("POST", &format!("/element/{element}/value"), &json!({ "text": text })).await;
    }

    /// The address of the page.
    pub async fn address(&self) -> String {
        self.ask("GET", "/url", &Value::Null).await.as_str().unwrap().to_owned()
    }

    /// Waits until the page is at this address.
    pub async fn wait_for(&self, address: &str) {
        let begun = Instant::now();
        loop {
            let now = self.address().await;
            if now == address {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "still at {now}, not at {address}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The addresses of the web asked for since the last call, of a browser that is watched; those too that the page's policy
    /// refused.
    pub async fn requests(&self) -> Vec<String> {
        let entries = self.ask("POST", "/se/log", &json!({ "type": "performance" })).await;
        let address = |entry: &Value| {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let message = &message["message"];
            let is_request = message["method"] == "Network.requestWillBeSent";
            is_request.then(|| message["params"]["request"]["url"].as_str().map(str::to_owned))?
        };
        // The browser's own pages ask for things, too.
        entries.as_array().unwrap().iter().filter_map(address).filter(|url| url.starts_with("http")).collect()
    }

    /// Goes back in history.
    pub async fn back(&self) {
        self.ask("POST", "/back", &json!({})).await;
    }

    /// The cookies of the page, by name.
    pub async fn cookies(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let cookies = self.ask("GET", "/cookie", &Value::Null).await;
        cookies.as_array().unwrap().iter().map(|cookie| (text(&cookie["name"]), text(&cookie["value"]))).collect()
    }

    /// Takes the network away, or gives it back.
    pub async fn set_offline(&self, offline: bool) {
        let conditions =
            json!({ "offline": offline, "latency": 0, "download_throughput": -1, "upload_throughput": -1 });
        self.ask("POST", "/chromium/network_conditions", &json!({ "network_conditions": conditions })).await;
    }

    /// Ends it.
    pub async fn end(mut self) {
        self.ask("DELETE", "", &Value::Null).await;
        self.driver.kill().await.unwrap();
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.call(method, &format!("/session/{}{path}", self.session), body).await;
        assert!(answer.get("error").is_none(), "{method} {path} {body}: {answer}");
        answer
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len(),
        );
        let answer = tokio::time::timeout(PATIENCE, exchange(self.address, request.as_bytes())).await;
        let answer = answer.unwrap_or_else(|_| panic!("chromedriver does not answer {method} {path}")).unwrap();
        answer["value"].clone()
    }
}

/// One request and the JSON of its answer. The driver keeps the connection, whatever it is asked.
async fn exchange(address: SocketAddr, request: &[u8]) -> std::io::Result<Value> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    stream.get_mut().write_all(request).await?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? <= 2 {
            break;
        }
        if let Some((name, value)) =
            line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            length = value.trim().parse().unwrap_or_else(|_| panic!("{name}: {value}"));
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(serde_json::from_slice(&body)?)
}

/// A test that failed must not leave a browser behind.
impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.id() {
            process::signal_all(&process::descendants(driver), libc::SIGKILL);
        }
    }
}
