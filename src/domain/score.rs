//! How warm a visitor is: a score of 10 to 100 (Ghost ID contract, 2.1).
//!
//! It is told from all that the visitor did on the site so far, whatever range is looked at: a person has one score.

/// What a visitor did on a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Engagement {
    /// Sessions.
    pub sessions: u64,
    /// Pageviews.
    pub pageviews: u64,
    /// Time in sessions, in milliseconds.
    pub spent_ms: u64,
    /// Views of pages of high value.
    pub high_value_views: u64,
    /// 1 when the site knows the person's name, else 0.
    pub identified: u64,
}

/// What is counted of a visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// [`Engagement::sessions`]
    Sessions,
    /// [`Engagement::pageviews`]
    Pageviews,
    /// [`Engagement::spent_ms`]
    SpentMs,
    /// [`Engagement::high_value_views`]
    HighValueViews,
    /// [`Engagement::identified`]
    Identified,
}

/// Points for whoever has enough of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Of what.
    pub of: Measure,
    /// How much is enough.
    pub at_least: u64,
    /// The points.
    pub points: u64,
}

/// Points that everybody has.
pub const BASE: u64 = 10;
/// The most that a visitor can have.
pub const MOST: u64 = 100;
/// From this score on a visitor is a hot lead.
pub const HOT: u64 = 60;

const WARM: u64 = 40;
const ON_FIRE: u64 = 80;

/// THE table of points; all rules that hold add up.
pub const RULES: [Rule; 8] = [
    rule(Measure::Sessions, 2, 20),
    rule(Measure::Sessions, 3, 10),
    rule(Measure::Pageviews, 5, 10),
    rule(Measure::Pageviews, 10, 10),
    rule(Measure::SpentMs, 3 * 60_000, 10),
    rule(Measure::SpentMs, 10 * 60_000, 10),
    rule(Measure::HighValueViews, 1, 25),
    rule(Measure::Identified, 1, 20),
];

const fn rule(of: Measure, at_least: u64, points: u64) -> Rule {
    Rule { of, at_least, points }
}

/// The score of a visitor.
pub fn score(engagement: &Engagement) -> u64 {
    let has = |rule: &&Rule| {
        let measured = match rule.of {
            Measure::Sessions => engagement.sessions,
            Measure::Pageviews => engagement.pageviews,
            Measure::SpentMs => engagement.spent_ms,
            Measure::HighValueViews => engagement.high_value_views,
            Measure::Identified => engagement.identified,
        };
        measured >= rule.at_least
    };
    (BASE + RULES.iter().filter(has).map(|rule| rule.points).sum::<u64>()).min(MOST)
}

/// What a score is called.
pub fn label(score: u64) -> &'static str {
    match score {
        ON_FIRE.. => "on fire",
        HOT.. => "hot",
        WARM.. => "warm",
        _ => "cold",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_add_up() {
        let nothing = Engagement { sessions: 1, ..Engagement::default() };
        for (engagement, expected, name) in [
            (nothing, 10, "cold"),
            (Engagement { sessions: 2, ..nothing }, 30, "cold"),
            (Engagement { sessions: 3, ..nothing }, 40, "warm"),
            (Engagement { pageviews: 4, spent_ms: 179_999, ..nothing }, 10, "cold"),
            (Engagement { pageviews: 5, spent_ms: 180_000, ..nothing }, 30, "cold"),
            (Engagement { pageviews: 10, spent_ms: 600_000, ..nothing }, 50, "warm"),
            (Engagement { high_value_views: 7, identified: 1, ..nothing }, 55, "warm"),
            (Engagement { sessions: 2, high_value_views: 1, ..nothing }, 55, "warm"),
            (Engagement { sessions: 2, high_value_views: 1, pageviews: 5, ..nothing }, 65, "hot"),
            (
                Engagement { sessions: 3, high_value_views: 1, pageviews: 5, spent_ms: 180_000, identified: 0 },
                85,
                "on fire",
            ),
            (
                Engagement { sessions: 9, pageviews: 99, spent_ms: u64::MAX, high_value_views: 1, identified: 1 },
                100,
                "on fire",
            ),
        ] {
            assert_eq!((score(&engagement), label(score(&engagement))), (expected, name), "{engagement:?}");
        }
        assert_eq!([39, 40, 59, 60, 79, 80].map(label), ["cold", "warm", "warm", "hot", "hot", "on fire"]);
    }
}
