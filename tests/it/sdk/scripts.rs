//! The scripts, and how they are run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Longest run of one script; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(300);
/// Scripts that run at once.
const AT_ONCE: usize = 3;

/// A language that Dub publishes a client for.
struct Language {
    extension: &'static str,
    /// What a script is run with; the first may be below `tests/sdk`.
    command: &'static [&'static str],
    /// The client, below `tests/sdk`.
    client: &'static str,
}

const LANGUAGES: [Language; 2] = [
    Language { extension: "mjs", command: &["node", "--test-reporter=spec"], client: "node_modules/dub" },
    Language { extension: "py", command: &[".venv/bin/python"], client: ".venv/bin/python" },
];

/// One file of `tests/sdk`.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its subject and its language, such as `links.mjs`.
    pub name: String,
    file: PathBuf,
    command: Vec<PathBuf>,
}

/// Every script. What the scripts share is in files that begin with an underscore.
pub fn all() -> Vec<Script> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let subjects = LANGUAGES.map(|language| subjects(&folder, language.extension));
    assert!(
        !subjects[0].is_empty() && subjects[0] == subjects[1],
        "a subject is tested in each language: {subjects:?}"
    );
    let mut scripts = Vec::new();
    for Language { extension, command, client } in LANGUAGES {
        assert!(folder.join(client).exists(), "tests/sdk/{client} is missing: `make sdk` fetches it");
        scripts.extend(subjects[0].iter().map(|subject| Script::new(&folder, subject, extension, command)));
    }
    scripts
}

/// What the scripts of a folder in one language are called, without what they share.
pub fn subjects(folder: &Path, extension: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let scripts = files.filter(|file| file.extension().is_some_and(|known| known == extension));
    let names = scripts.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| !name.starts_with('_')).collect()
}

/// Runs them all, each in its world; what the failing ones wrote.
pub async fn run(scripts: &[Script], world_of: impl Fn(&str) -> Value) -> Vec<String> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for script in scripts.iter().cloned() {
        let (places, world) = (Arc::clone(&places), world_of(&script.name).to_string());
        running.spawn(async move {
            let _place = places.acquire().await.unwrap();
            script.run(&world).await
        });
    }
    let mut failures: Vec<String> = running.join_all().await.into_iter().filter_map(Result::err).collect();
    failures.sort();
    failures
}

impl Script {
    /// The script of a subject in this folder.
    pub fn new(folder: &Path, subject: &str, extension: &str, command: &[&str]) -> Self {
        // What is named without a folder is looked for in PATH.
        let place = |word: &&str| if word.contains('/') { folder.join(word) } else { word.into() };
        let name = format!("{subject}.{extension}");
        Self { file: folder.join(&name), name, command: command.iter().map(place).collect() }
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// What it wrote, when its status is not 0 or its time is over.
    async fn run(&self, world: &str) -> Result<(), String> {
        let (program, flags) = self.command.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(flags).arg(&self.file).env("LINKTRAIL_WORLD", world).env("PYTHONDONTWRITEBYTECODE", "1");
        // A proxy of the machine's is none for a server on it.
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        let command = command.stdin(Stdio::null()).kill_on_drop(true).output();
        let name = &self.name;
        match tokio::time::timeout(PATIENCE, command).await {
            Ok(Ok(output)) if output.status.success() => Ok(()),
            Ok(Ok(output)) => Err(format!(
                "{name} failed, {}:\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )),
            Ok(Err(error)) => Err(format!("{name}: {} cannot be run: {error}", program.display())),
            Err(_) => Err(format!("{name} did not end within {} s", PATIENCE.as_secs())),
        }
    }
}
