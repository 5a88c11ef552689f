//! pandas and DuckDB, as published, read Linkly's answers over HTTP: the scripts in `tests/readers`, each as a process
//! that knows every click there is and reckons by itself what it must read.
//!
//! `make readers` fetches both. Without them these tests fail.

mod many;
pub mod scene;

use std::path::Path;

use crate::sdk::scripts::{self, Script};

const PYTHON: &str = ".venv/bin/python";

#[tokio::test(flavor = "multi_thread")]
async fn pandas_and_duckdb_read_every_answer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers");
    assert!(folder.join(PYTHON).exists(), "tests/readers/{PYTHON} is missing: `make readers` fetches it");
    let subjects = scripts::subjects(&folder, "py");
    assert!(!subjects.is_empty());
    let scripts: Vec<Script> = subjects.iter().map(|subject| Script::new(&folder, subject, "py", &[PYTHON])).collect();
    let scene = scene::Scene::start("readers").await;
    let failures = scripts::run(&scripts, |_| scene.world.clone()).await;
    scene.stop().await;
    assert!(failures.is_empty(), "\n\n{}", failures.join("\n\n"));
}
