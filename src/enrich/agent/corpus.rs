//! Agents of people and what must be told of them.

use super::parse;

#[test]
fn people_are_seen_as_they_are() {
    let mut count = 0;
    for line in include_str!("people.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.splitn(4, " | ");
        let mut part = || parts.next().expect(line);
        let expected = [part(), part(), part(), ""];
        let user_agent = part();
        let agent = parse(user_agent);
        assert_eq!([&*agent.browser, &*agent.os, &*agent.device, &*agent.bot], expected, "{user_agent}");
        assert_eq!(agent.user_agent, user_agent);
        count += 1;
    }
    assert!(count >= 150, "{count}");
}
