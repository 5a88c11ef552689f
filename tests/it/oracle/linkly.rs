//! Questions of Linkly's API, asked over HTTP in every format.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use linktrail::api::linkly;
use linktrail::auth::KeyGrant;
use linktrail::calendar::Clock;
use linktrail::domain::principal::Role;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::linkly_question::{Form, Question};
use super::linkly_reckoning::{Answer, reckon};
use super::scene::{NOWS, Scene};
use super::{TOLD, question, setting};
use crate::world;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linklys_answers_are_the_oracles() {
    let seed = setting("LINKTRAIL_ORACLE_SEED").unwrap_or_else(question::seed);
    let asked = setting("LINKTRAIL_ORACLE_QUERIES").unwrap_or(500);
    let size = usize::try_from(setting("LINKTRAIL_ORACLE_EVENTS").unwrap_or(3_000)).unwrap();
    println!("oracle, linkly: LINKTRAIL_ORACLE_SEED={seed}, {asked} questions, {size} events a workspace");
    let mut rng = SmallRng::seed_from_u64(seed);
    let scene = Scene::random("oracle_linkly", size, &mut rng).await;
    let surface = Surface::over(&scene).await;
    let mut mismatches = Vec::new();
    let (mut refused, mut counted) = (0, 0);
    for number in 0..asked {
        // The time stands still while it is asked about.
        let now_ms = NOWS[usize::try_from(number * NOWS.len() as u64 / asked).unwrap()];
        surface.clock.set(now_ms);
        let question = Question::random(&mut rng, &scene);
        let expected = reckon(&scene.workspaces[question.workspace], &question, now_ms);
        let got = surface.ask(&question).await;
        match &expected {
            Answer::Refused => refused += 1,
            Answer::Series(points) => counted += points.iter().map(|(_, count)| count).sum::<i64>(),
            Answer::Pivot(_, rows) => counted += rows.iter().flat_map(|(_, counts)| counts).sum::<i64>(),
            Answer::Counter(total, _) => counted += total.unwrap_or_default(),
            Answer::Export(rows) => counted += rows.len() as i64,
        }
        let is_right = match (&got, &expected) {
            // CSV and TSV have no place for the total.
            (Answer::Counter(None, got), Answer::Counter(_, expected)) => got == expected,
            _ => got == expected,
        };
        if !is_right {
            let target = question.target();
            mismatches.push(format!("question {number} at {now_ms}: {target}\n  got {got:?}\n  not {expected:?}"));
        }
    }
    println!("oracle, linkly: {refused} refused, {counted} clicks counted");
    let told: Vec<&str> = mismatches.iter().take(TOLD).map(String::as_str).collect();
    assert!(mismatches.is_empty(), "seed {seed}: {} mismatches\n\n{}", mismatches.len(), told.join("\n\n"));
    assert!(refused > 0 && counted > 20 * i64::try_from(asked).unwrap(), "too little to tell");
}

/// Linkly's API over the scene's stores.
struct Surface {
    router: Router,
    clock: Clock,
    /// Numbers and keys of the workspaces.
    doors: Vec<(u64, String)>,
}

impl Surface {
    async fn over(scene: &Scene) -> Self {
        let app = world::app(&scene.stores.database, &scene.stores.warehouse, NOWS[0]).await;
        let mut doors = Vec::new();
        for workspace in &scene.workspaces {
            let (email, role) = (format!("{}@example.com", workspace.id.0), Some((workspace.id, Role::Viewer)));
            let user = app.catalog.add_user(&email, "no password", role, NOWS[0]).await.unwrap().id;
            let grant = KeyGrant { workspace: Some(workspace.id), ..KeyGrant::default() };
            let key = app.auth.create_key(user, &grant).await.unwrap().1.expose_secret().to_owned();
            doors.push((workspace.id.0, key));
        }
        let clock = app.clock.clone();
        Self { router: linkly::routes().with_state(app), clock, doors }
    }

    async fn ask(&self, question: &Question) -> Answer {
        let (workspace, key) = &self.doors[question.workspace];
        let target = format!("/api/v1/workspace/{workspace}/{}", question.target());
        let request = Request::get(&target).header("authorization", format!("Bearer {key}")).body(Body::empty());
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap_or_else(|error| panic!("{target}: {error}"));
        match status {
            200 => read(question, &body),
            400 if body.contains("the start must not be after the end") => Answer::Refused,
            _ => panic!("{target}: {status} {body}"),
        }
    }
}

fn read(question: &Question, body: &str) -> Answer {
    match question.format {
        "csv" => read_rows(question.form, body, b','),
        "tsv" => read_rows(question.form, body, b'\t'),
        _ => read_json(question.form, &serde_json::from_str(body).unwrap()),
    }
}

fn read_json(form: Form, body: &Value) -> Answer {
    let number = |value: &Value| value.as_i64().unwrap();
    let list = |name: &str| body[name].as_array().unwrap();
    let label = |point: &Value| point["t"].as_str().unwrap().to_owned();
    match form {
        Form::Series => {
            Answer::Series(list("traffic").iter().map(|point| (label(point), number(&point["y"]))).collect())
        }
        Form::Pivot => {
            let row = |point: &Value| {
                let counts: Vec<i64> = point["values"].as_array().unwrap().iter().map(number).collect();
                assert_eq!(number(&point["y"]), counts.iter().sum::<i64>());
                (label(point), counts)
            };
            let links = list("links").iter().map(|link| link["id"].as_u64().unwrap());
            Answer::Pivot(links.collect(), list("traffic").iter().map(row).collect())
        }
        Form::Counter(_) => {
            let value = |value: &Value| (value["value"].as_str().map(str::to_owned), number(&value["count"]));
            Answer::Counter(Some(number(&body["total"])), list("values").iter().map(value).collect())
        }
        Form::Export { .. } => {
            let row = |row: &Value| {
                let at = instant(row["timestamp"].as_str().unwrap());
                (at, row["link_id"].as_u64().unwrap(), row["bot"].as_str().map(str::to_owned))
            };
            Answer::Export(body.as_array().unwrap().iter().map(row).collect())
        }
    }
}

fn instant(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

fn read_rows(form: Form, body: &str, delimiter: u8) -> Answer {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(body.as_bytes());
    let rows: Vec<Vec<String>> = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    let number = |text: &String| text.parse::<i64>().unwrap();
    match form {
        Form::Series => {
            assert_eq!(rows[0], ["t", "y"]);
            Answer::Series(rows[1..].iter().map(|row| (row[0].clone(), number(&row[1]))).collect())
        }
        Form::Pivot => {
            assert_eq!([&rows[0][0], &rows[1][0], &rows[2][0]], ["name", "full_url", "id"]);
            let links = rows[2][1..].iter().map(|id| id.parse().unwrap()).collect();
            Answer::Pivot(
                links,
                rows[3..].iter().map(|row| (row[0].clone(), row[1..].iter().map(number).collect())).collect(),
            )
        }
        Form::Counter(_) => {
            assert_eq!(rows[0], ["value", "count"]);
            let value = |text: &String| (!text.is_empty()).then(|| text.clone());
            Answer::Counter(None, rows[1..].iter().map(|row| (value(&row[0]), number(&row[1]))).collect())
        }
        Form::Export { .. } => {
            let place = |name: &str| rows[0].iter().position(|column| column == name).unwrap();
            let (at, link, bot) = (place("timestamp"), place("link_id"), place("bot"));
            let row = |row: &Vec<String>| {
                let bot = (!row[bot].is_empty()).then(|| row[bot].clone());
                (instant(&row[at]), row[link].parse().unwrap(), bot)
            };
            Answer::Export(rows[1..].iter().map(row).collect())
        }
    }
}
