//! Sessions: what one visitor does on one site without falling silent for half an hour.
//!
//! Nobody keeps sessions: they are told from the events whenever somebody asks, so an event that comes late joins the
//! session that it belongs to, or joins two to one, and one that is reported twice (and so does not count) splits nothing. A
//! session is not cut at midnight. Its public id names one of its events; after the session has grown, the id still finds it.

use super::click_id::{ClickKey, EventId};

/// Silence that ends a session: 30 minutes (Ghost ID contract, 2.2).
pub const SILENCE_MS: i64 = 30 * 60 * 1_000;

const PREFIX: &str = "gs_";

/// The public id of the session that an event belongs to.
pub fn public_id(key: &ClickKey, event: EventId) -> String {
    format!("{PREFIX}{}", key.public(event))
}

/// The event that a public session id names; `None` for an id that was never given out.
pub fn parse_id(key: &ClickKey, text: &str) -> Option<EventId> {
    key.parse(text.strip_prefix(PREFIX)?)
}

/// Times of one visitor's events in ascending order -> the half-open index ranges of the sessions.
pub fn split(times_ms: &[i64]) -> Vec<std::ops::Range<usize>> {
    let mut sessions = Vec::new();
    let mut start = 0;
    for next in 1..=times_ms.len() {
        if next == times_ms.len() || times_ms[next] - times_ms[next - 1] >= SILENCE_MS {
            sessions.push(start..next);
            start = next;
        }
    }
    sessions
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn half_an_hour_of_silence_ends_a_session() {
        let cases: [(&[i64], &[usize]); 6] = [
            (&[], &[]),
            (&[5], &[1]),
            (&[0, 0, 29 * MINUTE], &[3]),
            (&[0, SILENCE_MS - 1, 2 * SILENCE_MS - 2], &[3]),
            (&[0, SILENCE_MS], &[1, 2]),
            (&[-MINUTE, 0, 40 * MINUTE, 41 * MINUTE, 100 * MINUTE], &[2, 4, 5]),
        ];
        for (times, ends) in cases {
            assert_eq!(split(times).iter().map(|session| session.end).collect::<Vec<_>>(), ends, "{times:?}");
        }
    }

    #[test]
    fn ids_are_read_again_and_cannot_be_made_up() {
        let key = ClickKey::new([3; 16]);
        let id = public_id(&key, EventId(77));
        assert_eq!(parse_id(&key, &id), Some(EventId(77)));
        for wrong in ["", "gs_", "gs_123", &id[3..], &format!("gs_{}", "0".repeat(16)), &id.to_uppercase()] {
            assert_eq!(parse_id(&key, wrong), None, "{wrong}");
        }
        assert_eq!(parse_id(&ClickKey::new([4; 16]), &id), None);
    }

    proptest! {
        #[test]
        fn sessions_cover_all_events_once(mut times in prop::collection::vec(0i64..500 * MINUTE, 0..40)) {
            times.sort_unstable();
            let sessions = split(&times);
            let mut next = 0;
            for session in &sessions {
                prop_assert_eq!(session.start, next);
                prop_assert!(session.end > session.start);
                prop_assert!(times[session.clone()].windows(2).all(|pair| pair[1] - pair[0] < SILENCE_MS));
                prop_assert!(next == 0 || times[next] - times[next - 1] >= SILENCE_MS);
                next = session.end;
            }
            prop_assert_eq!(next, times.len());
        }
    }
}
