//! Parsed user agents, kept by what was sent.

use std::sync::Arc;

use moka::sync::Cache;

use crate::domain::event::Agent;

/// Bytes that parsed agents may take by default.
const DEFAULT_BYTES: u64 = 32 * 1024 * 1024;
/// What an entry takes beside its text: the cache's own books, eight strings' heads, two counters.
const ENTRY_BYTES: usize = 512;

/// A bounded, concurrent cache of parsed user agents. What is seen often stays; a flood of made-up agents passes through
/// without driving it out.
#[derive(Clone, Debug)]
pub struct AgentCache {
    agents: Cache<Arc<str>, Arc<Agent>>,
}

impl AgentCache {
    /// A cache that takes about `bytes` of memory at most.
    pub fn new(bytes: u64) -> Self {
        let weight = |key: &Arc<str>, agent: &Arc<Agent>| {
            let text = key.len()
                + [
                    &agent.user_agent,
                    &agent.device,
                    &agent.browser,
                    &agent.browser_version,
                    &agent.os,
                    &agent.os_version,
                    &agent.bot,
                    &agent.bot_category,
                ]
                .map(String::len)
                .iter()
                .sum::<usize>();
            u32::try_from(text + ENTRY_BYTES).unwrap_or(u32::MAX)
        };
        Self { agents: Cache::builder().max_capacity(bytes).weigher(weight).build() }
    }

    /// The parsed agent of a `User-Agent` header; what lies beyond [`super::MAX_BYTES`] is not looked at.
    pub fn get(&self, user_agent: &str) -> Arc<Agent> {
        let user_agent = super::cut(user_agent);
        if let Some(agent) = self.agents.get(user_agent) {
            return agent;
        }
        let agent = Arc::new(super::parse(user_agent));
        self.agents.insert(user_agent.into(), Arc::clone(&agent));
        agent
    }
}

impl Default for AgentCache {
    /// 32 MiB: some 30,000 agents.
    fn default() -> Self {
        Self::new(DEFAULT_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seen_agent_is_shared() {
        let cache = AgentCache::default();
        let first = cache.get("curl/8.5.0");
        assert!(Arc::ptr_eq(&first, &cache.get("curl/8.5.0")));
        assert_eq!(*first, super::super::parse("curl/8.5.0"));
        // The part that is never looked at makes no other agent.
        let long = "x".repeat(super::super::MAX_BYTES);
        assert!(Arc::ptr_eq(&cache.get(&long), &cache.get(&(long.clone() + "y"))));
    }

    #[test]
    fn a_flood_of_agents_is_bounded() {
        let cache = AgentCache::new(64 * 1024);
        for number in 0..5_000 {
            assert_eq!(cache.get(&format!("flood/{number}")).user_agent, format!("flood/{number}"));
        }
        cache.agents.run_pending_tasks();
        assert!(cache.agents.weighted_size() <= 64 * 1024);
    }
}
