//! Dub's own clients, as published, against a whole server: the scripts in `tests/sdk`, each as a process with a workspace
//! of its own. They look at values, and fail when one is not what the calls before it made it.
//!
//! `make sdk` fetches the clients. Without them these tests fail.

mod past;
pub mod scripts;
pub mod server;

use server::Running;

#[tokio::test(flavor = "multi_thread")]
async fn the_published_clients_work_unchanged() {
    let scripts = scripts::all();
    let server = Running::start("sdk", &scripts).await;
    let failures = scripts::run(&scripts, |name| server.world_of(name).clone()).await;
    server.stop().await;
    assert!(failures.is_empty(), "\n\n{}", failures.join("\n\n"));
}
