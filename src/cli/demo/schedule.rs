//! When demo clicks happen: 90 days that grow a little, quieter at weekends and at night, with a few launches that make a
//! day stand out.

use rand::Rng;

const HOUR_MS: i64 = 3_600_000;
/// Days that the demo covers, up to the present.
pub const DAYS: i64 = 90;

/// Share of a day's clicks in each hour UTC: two waves, Europe's and America's.
const HOURS: [f64; 24] = [
    3.2, 2.6, 2.2, 1.9, 1.8, 2.0, 2.6, 3.6, 4.6, 5.2, 5.4, 5.3, 5.2, 5.6, 6.1, 6.3, 6.0, 5.5, 5.1, 4.9, 4.6, 4.2, 3.8,
    3.5,
];

/// Days ago, and by how much they stand out.
const LAUNCHES: [(i64, f64); 4] = [(71, 2.6), (44, 1.9), (30, 3.1), (9, 2.2)];

/// Hours in order, each with its number of clicks; they add up to `events`.
#[derive(Debug)]
pub struct Schedule {
    hours: Vec<(i64, u64)>,
}

impl Schedule {
    /// Spreads `events` over the days before `now_ms`.
    pub fn new(events: u64, now_ms: i64) -> Self {
        let end = now_ms.div_euclid(HOUR_MS);
        // Begun an hour late: who asks for the last 90 days a little later still sees all of it.
        let weights: Vec<(i64, f64)> =
            (end - DAYS * 24 + 2..end).map(|hour| (hour * HOUR_MS, weight(hour, end))).collect();
        let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let mut hours = Vec::with_capacity(weights.len());
        let (mut passed, mut given) = (0.0, 0);
        for (start_ms, weight) in weights {
            passed += weight;
            // The share so far, less what was given: rounding never adds up.
            let due = (passed / total * events as f64).round() as u64;
            hours.push((start_ms, due - given));
            given = due;
        }
        if let Some((_, last)) = hours.last_mut() {
            *last += events - given;
        }
        Self { hours }
    }

    /// The times of all clicks, ascending, in milliseconds.
    pub fn times(&self, random: &mut impl Rng) -> impl Iterator<Item = i64> {
        use rand::RngExt;
        self.hours.iter().flat_map(move |&(start_ms, clicks)| {
            let mut times: Vec<i64> = (0..clicks).map(|_| start_ms + random.random_range(0..HOUR_MS)).collect();
            times.sort_unstable();
            times
        })
    }
}

fn weight(hour: i64, end: i64) -> f64 {
    // 1970-01-01 was a Thursday.
    let weekday = (hour.div_euclid(24) + 3).rem_euclid(7);
    let week = if weekday >= 5 { 0.62 } else { 1.0 };
    let days_ago = (end - hour) / 24;
    let growth = 1.0 + (DAYS - days_ago) as f64 / DAYS as f64 * 0.5;
    let launch = LAUNCHES.iter().find(|(day, _)| *day == days_ago).map_or(1.0, |(_, factor)| *factor);
    HOURS[hour.rem_euclid(24) as usize] * week * growth * launch
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    #[test]
    fn every_click_has_a_time_in_order() {
        let now_ms = 1_795_178_096_789;
        for events in [0, 1, 7, 10_000] {
            let times: Vec<i64> = Schedule::new(events, now_ms).times(&mut SmallRng::seed_from_u64(1)).collect();
            assert_eq!(times.len() as u64, events);
            assert!(times.is_sorted());
            assert!(times.iter().all(|&time| time < now_ms && time >= now_ms - (DAYS * 24 - 1) * HOUR_MS));
        }
    }
}
