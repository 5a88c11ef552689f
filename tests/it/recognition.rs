//! Robots and people told apart, measured over public corpora of user agents, which `make corpora` fetches.

use std::collections::BTreeSet;
use std::path::Path;

use linktrail::domain::event::Agent;
use linktrail::enrich::agent::parse;
use serde_json::Value;

/// One file of a fetched package.
fn corpus(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpora/node_modules").join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; `make corpora` fetches it", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn robots() -> BTreeSet<String> {
    let entries = corpus("crawler-user-agents/crawler-user-agents.json");
    let instances = entries.as_array().unwrap().iter().filter_map(|entry| entry["instances"].as_array());
    instances.flatten().map(|agent| agent.as_str().unwrap().to_owned()).collect()
}

/// What people used lately, and for one of the two corpora the kind of device that it says.
fn people() -> Vec<(String, Option<String>)> {
    let seen = corpus("user-agents/dist/user-agents.json");
    let seen = seen.as_array().unwrap().iter().map(|visit| {
        (visit["userAgent"].as_str().unwrap().to_owned(), visit["deviceCategory"].as_str().map(str::to_owned))
    });
    let top = corpus("top-user-agents/src/index.json");
    let top = top.as_array().unwrap().iter().map(|agent| (agent.as_str().unwrap().to_owned(), None));
    let all: BTreeSet<_> = seen.chain(top).collect();
    all.into_iter().collect()
}

/// How many of all are not as they should be, with those themselves.
fn wrong<'a>(agents: impl Iterator<Item = &'a str>, is_wrong: impl Fn(&Agent) -> bool) -> (usize, usize, Vec<&'a str>) {
    let agents: BTreeSet<&str> = agents.collect();
    let all = agents.len();
    let wrong: Vec<&str> = agents.into_iter().filter(|agent| is_wrong(&parse(agent))).collect();
    (wrong.len(), all, wrong)
}

#[test]
fn robots_are_recognised() {
    let robots = robots();
    let (missed, all, which) = wrong(robots.iter().map(String::as_str), |agent| agent.bot.is_empty());
    println!("{missed} of {all} robots missed");
    assert!(all >= 2_000, "{all}");
    assert!(missed * 1_000 <= all * 5, "{missed} of {all}: {which:#?}");
    for robot in &robots {
        let agent = parse(robot);
        assert_eq!(agent.bot.is_empty(), agent.bot_category.is_empty(), "{robot}");
    }
}

#[test]
fn people_are_no_robots() {
    let people = people();
    let (taken, all, which) = wrong(people.iter().map(|(agent, _)| agent.as_str()), |agent| !agent.bot.is_empty());
    println!("{taken} of {all} people taken for robots");
    assert!(all >= 900, "{all}");
    assert!(taken * 1_000 <= all * 2, "{taken} of {all}: {which:#?}");
}

#[test]
fn people_have_a_browser_a_system_and_a_device() {
    let (mut wrong, mut all) = (Vec::new(), 0);
    for (user_agent, device) in people() {
        let agent = parse(&user_agent);
        let system = [
            ("iPhone", "iOS"),
            ("iPad", "iOS"),
            ("Android", "Android"),
            ("CrOS", "Chromium OS"),
            ("Windows NT", "Windows"),
            ("Macintosh", "Mac OS"),
        ];
        let expected = system.iter().find(|(token, _)| user_agent.contains(token)).map(|(_, name)| *name);
        let device_agrees = match device.as_deref() {
            // Its tablets are told by the size of their screen too; an agent alone cannot know that.
            Some("mobile") => agent.device == "Mobile",
            Some("desktop") => agent.device == "Desktop",
            _ => true,
        };
        all += 1;
        if agent.browser.is_empty()
            || agent.browser_version.is_empty()
            || expected.is_some_and(|name| name != agent.os)
            || !device_agrees
        {
            wrong.push(format!("{user_agent} ({device:?}): {agent:?}"));
        }
    }
    println!("{} of {all} people without a browser, with another system or another device", wrong.len());
    assert!(wrong.len() * 100 <= all, "{} of {all}: {wrong:#?}", wrong.len());
}
