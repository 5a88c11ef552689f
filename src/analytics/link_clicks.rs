//! The click counters that lists of links show.

use std::collections::HashMap;

use super::{Analytics, Error};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::warehouse::link_clicks::{DAYS, LinkClicksRow};

/// What became of a link by clicks. Days are those of UTC; repeated clicks count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkClicks {
    /// Clicks, robots' included.
    pub clicks: Spans,
    /// Clicks by humans.
    pub humans: Spans,
    /// Clicks by humans yesterday.
    pub humans_previous_day: u64,
    /// Time of the last click, a robot's perhaps, in milliseconds.
    pub last_ms: Option<i64>,
    /// Time of the last click by a human, in milliseconds.
    pub last_human_ms: Option<i64>,
    /// Time of the last click by a robot, in milliseconds.
    pub last_robot_ms: Option<i64>,
    /// Clicks by humans on each of the last 30 days, oldest first, today last.
    pub daily_humans: [u64; DAYS as usize],
}

/// Clicks of three spans of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// Ever.
    pub total: u64,
    /// Since midnight.
    pub today: u64,
    /// Today and on the 29 days before.
    pub thirty_days: u64,
}

impl From<LinkClicksRow> for LinkClicks {
    fn from(row: LinkClicksRow) -> Self {
        let mut daily_humans = [0; DAYS as usize];
        for (day, count) in row.days.iter().zip(row.daily) {
            if let Some(place) = daily_humans.get_mut(usize::from(*day).wrapping_sub(1)) {
                *place = count;
            }
        }
        let [.., humans_previous_day, humans_today] = daily_humans;
        let known = |at_ms: i64| (at_ms > 0).then_some(at_ms);
        Self {
            clicks: Spans { total: row.clicks, today: row.clicks_today, thirty_days: row.clicks_recently },
            humans: Spans { total: row.humans, today: humans_today, thirty_days: row.humans_recently },
            humans_previous_day,
            last_ms: known(row.last_ms),
            last_human_ms: known(row.last_human_ms),
            last_robot_ms: known(row.last_robot_ms),
            daily_humans,
        }
    }
}

impl Analytics {
    /// The click counters of these links, or of every link of the workspace, as of `now_ms`; a link without clicks is left
    /// out, and its counters are those of the default. Links that were deleted have theirs too.
    ///
    /// # Errors
    /// When ClickHouse does not answer.
    pub async fn link_clicks(
        &self,
        workspace: WorkspaceId,
        links: Option<&[LinkId]>,
        now_ms: i64,
    ) -> Result<HashMap<LinkId, LinkClicks>, Error> {
        let rows = self.warehouse.link_clicks(workspace, links, now_ms).await?;
        Ok(rows.into_iter().map(|row| (LinkId(row.link_id), LinkClicks::from(row))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_find_their_places() {
        let row = LinkClicksRow {
            link_id: 1,
            clicks: 20,
            clicks_today: 6,
            clicks_recently: 15,
            humans: 12,
            humans_recently: 9,
            last_ms: 5,
            last_human_ms: 0,
            last_robot_ms: 0,
            days: vec![30, 1, 29],
            daily: vec![4, 2, 3],
        };
        let clicks = LinkClicks::from(row);
        assert_eq!((clicks.daily_humans[0], clicks.daily_humans[28], clicks.daily_humans[29]), (2, 3, 4));
        assert_eq!(clicks.daily_humans.iter().sum::<u64>(), clicks.humans.thirty_days);
        assert_eq!((clicks.humans.today, clicks.humans_previous_day), (4, 3));
        assert_eq!((clicks.last_ms, clicks.last_human_ms), (Some(5), None));
    }
}
