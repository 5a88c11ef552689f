//! Where addresses of visitors are, and where they never are: the real program, at its most talkative.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::faults::client::{Answer, ask};
use crate::faults::home::{Home, PATIENCE};
use crate::world::{self, PROGRAM};

const NONE: &str = "203.0.113.201";
const TRUNCATED: &str = "198.51.100.202";
const FULL: &str = "2001:db8:77:88::99";

/// Runs a command beside the server; whether it succeeded, and what it said.
async fn command(home: &Home, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).arg("--data-dir").arg(home.path()).stdin(std::process::Stdio::null());
    let output = command.output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

async fn send(home: &Home, method: &str, path: &str, from: &str, body: &str) -> Answer {
    let headers = format!("X-Forwarded-For: {from}\r\nUser-Agent: Mozilla/5.0 Firefox/132.0\r\n");
    ask(home.address, method, path, &headers, body).await.unwrap()
}

/// Asks ClickHouse until the answer is as wanted.
async fn number(home: &Home, question: &str, wanted: impl Fn(u64) -> bool) -> u64 {
    let client = world::clickhouse_client(&home.urls().writer);
    let asking = async {
        loop {
            let number: u64 = client.query(question).fetch_one().await.unwrap();
            if wanted(number) {
                return number;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{question}"))
}

/// The files below a folder that contain a text.
fn holding(folder: &Path, text: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            holding(&path, text, found);
        } else if let Ok(bytes) = fs::read(&path)
            && bytes.windows(text.len()).any(|window| window == text.as_bytes())
        {
            found.push(path);
        }
    }
}

/// Visits until one was stored with the setting; then everything that may go wrong, from the same address.
async fn live(home: &Home, storage: &str, from: &str, kept: &str) {
    let (done, said) = command(home, &["workspace", "set", "--address-storage", storage]).await;
    assert!(done, "{said}");
    let client = world::clickhouse_client(&home.urls().writer);
    let question = format!("SELECT count() FROM events WHERE address = '{kept}'");
    let visiting = async {
        while client.query(&question).fetch_one::<u64>().await.unwrap() == 0 {
            assert_eq!(send(home, "GET", "/one", from, "").await.status, 302);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, visiting).await.unwrap();
    for (method, path, body) in [
        ("GET", "/nothing-here", ""),
        ("GET", "/%FF", ""),
        ("POST", "/one", "x"),
        ("GET", "/analytics?interval=never", ""),
        ("POST", "/links", "{"),
        ("POST", "/api/track", "{\"site\":"),
        ("POST", "/api/track", "{\"type\":\"pageview\",\"site_id\":1,\"url\":\"https://a.example/\"}"),
        ("GET", "/p.gif?site=1", ""),
        ("POST", "/track/lead", "{}"),
    ] {
        let status = send(home, method, path, from, body).await.status;
        assert!((200..500).contains(&status), "{method} {path}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_where_the_setting_says_and_nowhere_else() {
    let home = Home::furnished(&["--batch-linger-ms", "10"]).await.logging("trace");
    let server = home.start().await;
    live(&home, "none", NONE, "").await;
    live(&home, "truncated", TRUNCATED, "198.51.100.0").await;
    live(&home, "full", FULL, FULL).await;
    for (address, tables) in [(NONE, 0), (TRUNCATED, 0)] {
        for table in ["events", "events_15m"] {
            let question = format!("SELECT count() FROM {table} WHERE position(toString(tuple(*)), '{address}') > 0");
            assert_eq!(number(&home, &question, |_| true).await, tables, "{address} in {table}");
        }
    }
    let others = format!("SELECT count() FROM events WHERE address NOT IN ('', '198.51.100.0', '{FULL}')");
    assert_eq!(number(&home, &others, |_| true).await, 0);

    // A link is forgotten while the server runs; nobody is asked, so it must be said.
    let url = format!("http://{}/one", home.address);
    let link = ["erase", "--link", &url];
    let (done, said) = command(&home, &link).await;
    assert!(!done && said.contains("--yes"), "{said}");
    let (done, said) = command(&home, &[&link[..], &["--yes"]].concat()).await;
    let report: Value = serde_json::from_str(&said[said.find('{').unwrap()..said.rfind('}').unwrap() + 1]).unwrap();
    assert!(done && report["erased"] == true && report["before"]["events"].as_u64() >= Some(3), "{said}");
    assert_eq!(number(&home, "SELECT count() FROM events", |_| true).await, 0);
    assert_eq!(number(&home, "SELECT toUInt64(sum(events)) FROM events_15m", |_| true).await, 0);

    assert!(server.stop().await.success());
    let segments = || fs::read_dir(home.path().join("spool")).unwrap().flatten().map(|entry| entry.file_name());
    let left: Vec<_> = segments().filter(|name| name.to_string_lossy().ends_with(".seg")).collect();
    assert!(left.is_empty(), "{left:?} with raw addresses");
    for address in [NONE, TRUNCATED, FULL] {
        let mut files = Vec::new();
        holding(home.path(), address, &mut files);
        if address == FULL {
            // ClickHouse keeps the parts that a deletion replaced for eight minutes, in case that power fails.
            files.retain(|file| !file.starts_with(home.path().join("clickhouse")));
        }
        assert!(files.is_empty(), "{address} in {files:?}");
    }
    assert!(home.log().contains("TRACE") || home.log().contains("DEBUG"), "the log was not at its most talkative");
}
