//! The command line as a user types it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::wire;
use crate::world::{PROGRAM, folder};

/// Longest wait for something that must happen; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program on a data folder, without the settings of whoever runs the tests.
fn program(data: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("LINKTRAIL_") || name.starts_with("CLICKHOUSE_") || name == "DATABASE_URL" {
            command.env_remove(name);
        }
    }
    command.arg("--data-dir").arg(data).stdin(Stdio::null());
    command
}

struct Said {
    ok: bool,
    out: String,
    err: String,
}

fn say(data: &Path, line: &str) -> Said {
    let output = program(data).args(line.split(' ')).output().unwrap();
    Said {
        ok: output.status.success(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What a command that must succeed prints.
fn done(data: &Path, line: &str) -> String {
    let said = say(data, line);
    assert!(said.ok, "{line}: {}{}", said.out, said.err);
    assert!(!said.err.contains(" WARN ") && !said.err.contains('\u{1b}'), "{line}: {}", said.err);
    said.out
}

/// The error that a command which must fail ends with.
fn refused(data: &Path, line: &str) -> String {
    let said = say(data, line);
    assert!(!said.ok, "{line}: {}", said.out);
    said.err.lines().rfind(|line| line.starts_with("error: ")).unwrap_or_default().to_owned()
}

/// A running server; killed when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
    said: String,
}

impl Server {
    fn start(data: &Path) -> Self {
        let mut child =
            program(data).args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        let address = loop {
            let line = lines.next().expect("the server became ready").unwrap();
            said.push_str(&line);
            said.push('\n');
            if let Some(rest) = line.strip_prefix("linktrail is ready at http://") {
                break rest.split(' ').next().unwrap().parse().unwrap();
            }
        };
        Self { child, address, said }
    }

    async fn get(&self, target: &str, key: &str) -> Value {
        let reply = wire::get(self.address, target, key).await;
        assert_eq!(reply.status, 200, "{target}: {}", reply.text());
        reply.json()
    }

    async fn status(&self, target: &str, key: &str) -> u16 {
        wire::get(self.address, target, key).await.status
    }

    fn stop(mut self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The word after `label` in what was printed.
fn after<'a>(text: &'a str, label: &str) -> &'a str {
    let rest = text.split(label).nth(1).unwrap_or_else(|| panic!("no {label} in {text}"));
    rest.split_whitespace().next().unwrap()
}

#[test]
fn every_command_has_its_help() {
    let folder = folder();
    let places = ["--data-dir", "--database-url", "--clickhouse-url", "--geo-file", "LINKTRAIL_DATA_DIR"];
    for (line, mentions) in [
        ("--help", &["serve", "migrate", "demo", "workspace", "user", "domain", "key", "spool", "check"][..]),
        (
            "serve --help",
            &["--listen", "--public-url", "--trusted-proxies", "--max-body-bytes", "--sync", "first-run.json"],
        ),
        ("migrate --help", &[]),
        ("demo --help", &["--events", "--workspace", "--seed"]),
        ("workspace --help", &["add", "list", "remove"]),
        ("workspace add --help", &["<NAME>"]),
        ("workspace list --help", &[]),
        ("workspace remove --help", &["<WORKSPACE>"]),
        ("user --help", &["add", "list", "remove", "password", "role"]),
        ("user add --help", &["<EMAIL>", "--workspace", "--role"]),
        ("user list --help", &[]),
        ("user remove --help", &["<EMAIL>"]),
        ("user password --help", &["<EMAIL>", "--stdin"]),
        ("user role --help", &["<EMAIL>", "<ROLE>", "--workspace", "none"]),
        ("invite --help", &["add", "list", "remove"]),
        ("invite add --help", &["<EMAIL>", "--workspace", "--role", "--days", "--public-url"]),
        ("invite list --help", &[]),
        ("invite remove --help", &["<EMAIL>", "--workspace"]),
        ("domain --help", &["add", "list", "remove"]),
        ("domain add --help", &["<NAME>", "--workspace", "--case-sensitive"]),
        ("domain list --help", &[]),
        ("domain remove --help", &["<NAME>"]),
        ("link --help", &["trash"]),
        ("link trash --help", &["list", "restore", "purge", "slug stays taken"]),
        ("link trash list --help", &["--workspace"]),
        ("link trash restore --help", &["<LINK>", "go.example.com/promo"]),
        ("link trash purge --help", &["LINK", "--all", "--workspace", "for good"]),
        ("key --help", &["add", "list", "remove"]),
        ("key add --help", &["--workspace", "--user", "--name", "--scopes"]),
        ("key list --help", &[]),
        ("key remove --help", &["<KEY>"]),
        ("spool --help", &["status"]),
        ("spool status --help", &["--spool-dir"]),
        ("check --help", &["--listen", "--spool-dir"]),
        ("help key", &["add", "list", "remove"]),
    ] {
        let help = done(folder.path(), line);
        for mention in mentions.iter().chain(&places) {
            assert!(help.contains(mention), "{line} does not mention {mention}:\n{help}");
        }
        assert!(!help.contains("engine-clickhouse"), "{line}");
    }
    assert!(done(folder.path(), "--version").starts_with("linktrail "));
    for (line, says) in [
        ("nonsense", "unrecognized subcommand 'nonsense'"),
        ("serve --listen nowhere", "invalid value 'nowhere' for '--listen"),
        ("serve --header-timeout-secs 0", "0 is not in 1..=600"),
        ("demo --events many", "invalid value 'many' for '--events"),
        ("demo --events 0", "0 is not in 1..=1000000000"),
        ("user add a@b.c --role king", "allowed are owner, member and viewer"),
        ("key remove", "<KEY>"),
        ("user role a@b.c king", "allowed are owner, member and viewer, and none"),
        ("invite add a@b.c --days 0", "0 is not in 1..=365"),
    ] {
        let said = say(folder.path(), line);
        assert!(!said.ok && said.err.contains(says), "{line}: {}", said.err);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "help makes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_from_the_first_command_to_the_last() {
    let folder = folder();
    let data = folder.path().join("data");
    let data = data.as_path();

    // Before there is anything.
    assert!(done(data, "spool status").ends_with("not there yet: nothing was recorded\n"));
    let checked = done(data, "check --listen 127.0.0.1:0");
    for good in ["clock", "time zones", "geo file", "listen", "postgres", "clickhouse", "schemas", "spool"] {
        assert!(checked.contains(&format!("ok    {good:<14} ")), "{good}: {checked}");
    }
    assert!(!checked.contains("FAIL"), "{checked}");
    assert_eq!(done(data, "migrate"), "both schemas are up to date\n");
    assert_eq!(done(data, "workspace list"), "");

    let server = Server::start(data);
    let first: Value = serde_json::from_slice(&std::fs::read(data.join("first-run.json")).unwrap()).unwrap();
    let owner = first["api_key"].as_str().unwrap();
    assert_eq!(after(&server.said, "api key "), owner);
    assert_eq!(first["url"], format!("http://{}", server.address));
    assert_eq!(server.get("/analytics", owner).await["clicks"], 0);

    // Beside the server: no second one, but every other command.
    let message = refused(data, "serve --listen 127.0.0.1:0");
    let pid = server.child.id().to_string();
    assert!(message.starts_with("error: ") && message.contains(&pid) && message.contains("data"), "{message}");
    let message = refused(data, &format!("serve --listen {}", server.address));
    assert!(message.contains(&format!("cannot listen on {}", server.address)), "{message}");
    let checked = done(data, &format!("check --listen {}", server.address));
    assert!(checked.contains("warn  listen") && !checked.contains("FAIL"), "{checked}");
    let status = done(data, "spool status");
    assert!(status.contains("pending events   0\n") && !status.contains("unreadable"), "{status}");
    assert_eq!(done(data, "migrate"), "both schemas are up to date\n");

    manage(data, &server, owner).await;
    trash(data, &server, owner).await;
    demo(data, &server).await;

    server.stop();
    assert!(done(data, "workspace list").contains("Demo"));
    let server = Server::start(data);
    assert!(!server.said.contains("api key"), "secrets are shown once: {}", server.said);
    assert_eq!(server.status("/analytics", owner).await, 200);
    server.stop();
}

async fn manage(data: &Path, server: &Server, owner: &str) {
    let workspace = done(data, "workspace add Second").trim().to_owned();
    assert!(done(data, "workspace list").contains(&format!("{workspace}\tSecond\n")));
    assert!(refused(data, "key add").contains("name one with --workspace"));
    assert!(refused(data, "key add --workspace Third").contains("there is no workspace Third"));
    assert!(refused(data, "key add --workspace Second").contains("Second has no owner; name a user with --user"));
    assert!(refused(data, "user add nonsense --workspace Second").contains("'nonsense' is no mail address"));

    let added = done(data, "user add ann@example.com --workspace Second --role owner");
    assert!(added.contains("ann@example.com\towner in Second\npassword (shown once): "), "{added}");
    assert!(refused(data, "user add Ann@Example.com --workspace Second").contains("already"));
    assert!(done(data, "user list").contains("ann@example.com"));

    assert!(done(data, "domain add Go.Second.Example --workspace Second").contains("\tgo.second.example\tSecond\n"));
    assert!(refused(data, "domain add go.second.example --workspace Second").starts_with("error: "));
    assert!(refused(data, "domain add https://x --workspace Second").contains("is no domain name"));
    assert!(done(data, "domain list").contains(&format!("\tgo.second.example\t{workspace}\tverified\n")));

    let message = refused(data, "key add --workspace Second --scopes everything");
    assert!(message.contains("'everything' is not known") && message.contains("analytics.read"), "{message}");
    let added = done(data, "key add --workspace Second --scopes links.read,links.write,analytics.read --name robot");
    let (id, key) = (added.split('\t').next().unwrap().to_owned(), after(&added, "(shown once): ").to_owned());
    // It works at once, in its own workspace.
    assert_eq!(server.get("/links", &key).await, Value::Array(Vec::new()));
    let body = b"{\"url\": \"https://example.com/\", \"key\": \"x\"}";
    let created = wire::exchange(server.address, &wire::request("POST", "/links", &key, "", body), false).await;
    assert_eq!((created.status, created.json()["domain"].as_str()), (200, Some("go.second.example")));
    assert_eq!(server.get("/links", owner).await, Value::Array(Vec::new()));
    let listed = done(data, "key list");
    assert!(
        listed.contains(&format!("{id}\t{}...\trobot\tlinks.read links.write analytics.read\n", &key[..7])),
        "{listed}"
    );
    assert!(!listed.contains(&key));

    // A visit of the new domain is known at once, and no more once the domain is removed.
    let visit = b"GET /x HTTP/1.1\r\nHost: go.second.example\r\nConnection: close\r\n\r\n";
    assert_eq!(wire::exchange(server.address, visit, false).await.status, 302);
    done(data, "domain remove GO.second.example");
    until_status(404, async || wire::exchange(server.address, visit, false).await.status).await;
    assert!(refused(data, "domain remove go.second.example").contains("there is no short domain go.second.example"));

    // Withdrawn, a key stops working, here and in every other connection.
    assert_eq!(done(data, &format!("key remove {id}")), format!("withdrew {id}\n"));
    until_status(401, async || server.status("/links", &key).await).await;
    assert!(refused(data, &format!("key remove {id}")).contains("withdrawn before"));
    assert!(refused(data, "key remove key_nonsense").contains("is no key id"));

    let added = done(data, "key add --workspace Second --user ann@example.com");
    let anns = after(&added, "(shown once): ").to_owned();
    assert_eq!(server.status("/links", &anns).await, 200);
    assert_eq!(done(data, "user remove ann@example.com"), "removed ann@example.com\n");
    until_status(401, async || server.status("/links", &anns).await).await;
    assert!(refused(data, "user remove ann@example.com").contains("there is no user ann@example.com"));

    people(data, server).await;

    assert_eq!(done(data, "workspace remove Second"), format!("removed {workspace} (Second)\n"));
    assert!(!done(data, "workspace list").contains("Second"));
    assert!(refused(data, "workspace remove Second").contains("there is no workspace Second"));
    assert_eq!(server.status("/links", owner).await, 200);
}

/// Passwords, roles and invitations, beside the running server.
async fn people(data: &Path, server: &Server) {
    let post = async |path: &str, cookie: &str, body: &str| {
        let headers = format!("Content-Type: application/json\r\n{cookie}");
        wire::exchange(server.address, &wire::request("POST", path, "", &headers, body.as_bytes()), false).await
    };
    let sign_in = async |email: &str, password: &str| {
        let body = serde_json::json!({ "email": email, "password": password }).to_string();
        post("/api/auth/login", "", &body).await
    };
    let me = async |cookie: &str| {
        let request = wire::request("GET", "/api/auth/me", "", cookie, b"");
        wire::exchange(server.address, &request, false).await
    };
    let cookie = |reply: &wire::Reply| {
        assert_eq!(reply.status, 200, "{}", reply.text());
        format!("Cookie: {}\r\n", reply.header("set-cookie").split(';').next().unwrap())
    };
    let added = done(data, "user add bob@example.com --workspace Second");
    let password = after(&added, "(shown once): ").to_owned();
    let bob = cookie(&sign_in("bob@example.com", &password).await);
    assert_eq!(me(&bob).await.json()["user"]["workspaces"][0]["role"], "member");
    assert_eq!(
        done(data, "user role bob@example.com owner --workspace Second"),
        "bob@example.com is owner in Second\n"
    );
    until_status(401, async || me(&bob).await.status).await;
    assert!(done(data, "user list").contains("bob@example.com\towner in Second\n"));
    let message = refused(data, "user role bob@example.com viewer --workspace Second");
    assert!(message.contains("the only owner of Second"), "{message}");
    assert!(refused(data, "user role bob@example.com none --workspace Second").contains("the only owner"));

    let bob = cookie(&sign_in("bob@example.com", &password).await);
    let changed = done(data, "user password Bob@Example.com");
    let fresh = after(&changed, "(shown once): ").to_owned();
    until_status(401, async || me(&bob).await.status).await;
    assert_eq!(sign_in("bob@example.com", &password).await.status, 401);
    let bob = cookie(&sign_in("bob@example.com", &fresh).await);
    assert!(refused(data, "user password nobody@example.com").contains("there is no user nobody@example.com"));
    // Standard input is empty here.
    assert!(refused(data, "user password bob@example.com --stdin").contains("12 characters"));

    let invited = done(data, "invite add Cy@example.com --workspace Second --role viewer --days 3");
    assert!(
        invited.starts_with("Cy@example.com\tviewer in Second\tfor 3 days\naddress (shown once): http://"),
        "{invited}"
    );
    let address = after(&invited, "(shown once): ");
    let code = address.split("code=").nth(1).unwrap();
    assert_eq!(done(data, "invite list"), "Cy@example.com\tviewer in Second\t3 days\n");
    let path = format!("/join?code={code}");
    let page = wire::exchange(server.address, &wire::request("GET", &path, "", "", b""), false).await;
    assert_eq!((page.status, page.text().contains("Cy@example.com")), (200, true), "{}", page.text());
    let form = format!("code={code}&password=a+good+long+one");
    let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
    let joined =
        wire::exchange(server.address, &wire::request("POST", "/join", "", headers, form.as_bytes()), false).await;
    assert_eq!(me(&cookie(&joined)).await.json()["user"]["workspaces"][0]["role"], "viewer");
    assert_eq!(done(data, "invite list"), "");
    assert!(refused(data, "invite add cy@example.com --workspace Second").contains("is a member already"));
    done(data, "invite add dee@example.com --workspace Second");
    done(data, "invite remove Dee@example.com --workspace Second");
    assert!(refused(data, "invite remove dee@example.com --workspace Second").contains("is not invited to Second"));

    assert_eq!(
        done(data, "user role cy@example.com none --workspace Second"),
        "Cy@example.com is no member of Second any more\n"
    );
    done(data, "user remove cy@example.com");
    done(data, "user remove bob@example.com");
    until_status(401, async || me(&bob).await.status).await;
}

async fn trash(data: &Path, server: &Server, owner: &str) {
    let send = async |method, path: &str, body: &str| {
        let request = wire::request(method, path, owner, "", body.as_bytes());
        let reply = wire::exchange(server.address, &request, false).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.json()
    };
    let visited = async || server.status("/thrown", owner).await;
    let link = send(
        "POST",
        "/api/v1/link",
        "{\"url\": \"https://example.com/\", \"domain\": \"127.0.0.1\", \"slug\": \"/thrown\"}",
    )
    .await;
    let path = format!("/api/v1/workspace/{}/links/{}", link["workspace_id"], link["id"]);
    assert_eq!(visited().await, 302);
    let (id, place) = (link["id"].to_string(), "127.0.0.1/thrown");
    assert!(refused(data, &format!("link trash restore {id}")).contains("no link"), "it is not there yet");
    send("DELETE", &path, "").await;
    assert_eq!(visited().await, 404);
    let listed = done(data, "link trash list");
    assert!(listed.starts_with(&format!("{id}\t{place}\thttps://example.com/\t2")), "{listed}");

    assert_eq!(done(data, &format!("link trash restore {place}")), format!("restored {place}\n"));
    until_status(302, visited).await;
    assert_eq!(done(data, "link trash list"), "");
    for line in
        [format!("link trash purge {id}"), format!("link trash purge {place}"), "link trash restore x".to_owned()]
    {
        assert!(refused(data, &line).contains("`linktrail link trash list` shows them"), "{line}");
    }
    send("DELETE", &path, "").await;
    assert_eq!(done(data, &format!("link trash purge http://{place}")), format!("deleted {place} for good\n"));
    assert_eq!(done(data, "link trash list") + &done(data, "link trash purge --all"), "");
    assert_eq!(server.status(&format!("/api/v1/link/{id}"), owner).await, 404);
}

async fn until_status(wanted: u16, ask: impl AsyncFn() -> u16) {
    let begun = Instant::now();
    loop {
        let status = ask().await;
        if status == wanted {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "still {status}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn demo(data: &Path, server: &Server) {
    let said = done(data, "demo --events 2000");
    assert!(said.starts_with("2,000 events in workspace Demo ("), "{said}");
    let key = after(&said, "api key ").to_owned();
    let everything = "interval=all&bots=include&repeats=include";
    let count = |answer: &Value| answer["clicks"].as_u64().unwrap();
    assert_eq!(count(&server.get(&format!("/analytics?{everything}"), &key).await), 2_000);
    assert_eq!(count(&server.get("/analytics?interval=90d&bots=include&repeats=include", &key).await), 2_000);
    let humans = count(&server.get("/analytics?interval=all", &key).await);
    let bots = count(&server.get("/analytics?interval=all&bots=only&repeats=include", &key).await);
    assert!((1_000..2_000).contains(&humans) && (1..500).contains(&bots), "{humans} {bots}");
    for (group, least) in [
        ("countries", 6),
        ("continents", 4),
        ("browsers", 3),
        ("os", 3),
        ("devices", 2),
        ("referers", 3),
        ("triggers", 2),
        ("utm_sources", 2),
        ("top_links", 20),
        ("top_urls", 20),
        ("top_domains", 1),
    ] {
        let rows = server.get(&format!("/analytics?groupBy={group}&{everything}&includeUnknown=true"), &key).await;
        let rows = rows.as_array().unwrap();
        assert!(rows.len() >= least, "{group}: {rows:?}");
        assert_eq!(rows.iter().map(count).sum::<u64>(), 2_000, "{group} adds up");
    }
    let series = server.get(&format!("/analytics?groupBy=timeseries&{everything}"), &key).await;
    assert_eq!(series.as_array().unwrap().iter().map(count).sum::<u64>(), 2_000);
    assert!(refused(data, "demo --events 10").contains("there is a workspace Demo already"));
    let again = done(data, "demo --events 10 --workspace Another --seed 7");
    let another = after(&again, "api key ").to_owned();
    assert_eq!(count(&server.get(&format!("/analytics?{everything}"), &another).await), 10);
    assert_eq!(count(&server.get(&format!("/analytics?{everything}"), &key).await), 2_000);
}
