//! Which events are repeats of earlier ones that are no repeats themselves, and so do not count. Two rules, each with a
//! [`RepeatWindow`] of its own:
//! - a click, within the workspace's window of a click of the same visitor on the same link;
//! - an event to which its sender gave a name (an idempotency key), within an hour of an event of that name: a retry says
//!   when the event happened, however late it comes.
//!
//! "Within" looks both ways, so a clock that steps back an hour makes no first clicks out of repeats, and one that was
//! far ahead does no lasting harm. The flags depend on nothing but the clicks with smaller identities: after a restart
//! those are asked of the store, so a batch that is cut again gets the same flags. Bots and humans are treated alike.
//!
//! Clicks that no longer matter are swept out. Beyond 16 million (some 600 MB) the oldest quarter is forgotten, and asked
//! for again should it matter.

use std::collections::HashMap;

use super::clicks::{Clicks, LATEST_MS};
use super::span::Spans;
use super::store::RecentClick;
use crate::domain::click_id::EventId;
use crate::domain::event::{Event, EventKind};
use crate::domain::id::{LinkId, WorkspaceId};

/// Longer windows count as 30 days.
const LONGEST_WINDOW_MS: i64 = 30 * 86_400_000;
const HOUR_MS: i64 = 3_600_000;
/// What two reports of one named event may differ by in time.
const NAMED_WINDOW_MS: i64 = HOUR_MS;
const MOST_CLICKS: usize = 16_000_000;
const FIRST_SWEEP: usize = 65_536;

/// What makes two events the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// Clicks of one visitor on one link.
    Click,
    /// Events of one site, or conversions, of one name.
    Name,
}

/// The clicks, or the named events, of all workspaces that may make repeats of those to come.
pub(super) struct RepeatWindow {
    sameness: Sameness,
    workspaces: HashMap<WorkspaceId, Clicks>,
    /// Times whose clicks were read from the store.
    known: Spans,
    /// The earliest event since the last sweep.
    earliest_ms: Option<i64>,
    after_sweep: usize,
}

/// The window of each hit of a batch in seconds, in the order of identities.
pub(super) type Windows = [(EventId, u32)];

/// The event as a window sees it.
struct Seen {
    link: LinkId,
    who: u64,
    window_ms: i64,
}

fn seen(sameness: Sameness, windows: &Windows, event: &Event) -> Option<Seen> {
    match sameness {
        Sameness::Click => {
            click_window_ms(windows, event).map(|window_ms| Seen { link: event.link, who: event.visitor, window_ms })
        }
        Sameness::Name => (event.kind != EventKind::Click && event.idempotency != 0).then_some(Seen {
            // Names are given by sites, and by one workspace's conversions.
            link: LinkId(event.site.0),
            who: event.idempotency,
            window_ms: NAMED_WINDOW_MS,
        }),
    }
}

fn click_window_ms(windows: &Windows, event: &Event) -> Option<i64> {
    if event.kind != EventKind::Click {
        return None;
    }
    let place = windows.binary_search_by_key(&event.id, |(id, _)| *id).ok()?;
    let window_ms = (i64::from(windows[place].1) * 1_000).min(LONGEST_WINDOW_MS);
    (window_ms > 0).then_some(window_ms)
}

impl RepeatWindow {
    /// A window that knows nothing yet.
    pub fn new(sameness: Sameness) -> Self {
        let (workspaces, known) = (HashMap::default(), Spans::default());
        Self { sameness, workspaces, known, earliest_ms: None, after_sweep: 0 }
    }

    /// By which rule it goes.
    pub fn sameness(&self) -> Sameness {
        self.sameness
    }

    /// The spans of which the store must be asked before these events can be [`mark`](Self::mark)ed; whole hours.
    pub fn missing(&self, events: &[Event], windows: &Windows) -> Spans {
        let (mut wanted, mut swept) = (Vec::new(), Vec::new());
        for event in events {
            let Some(Seen { window_ms, .. }) = seen(self.sameness, windows, event) else { continue };
            let at_ms = event.at_ms.clamp(0, LATEST_MS);
            let start = (at_ms - window_ms).div_euclid(HOUR_MS) * HOUR_MS;
            let end = ((at_ms + window_ms).div_euclid(HOUR_MS) + 1) * HOUR_MS;
            if wanted.last() != Some(&(start, end)) {
                wanted.push((start, end));
            }
            let swept_before = self.workspaces.get(&event.workspace).map_or(i64::MIN, |clicks| clicks.swept_before);
            if start < swept_before {
                swept.push((start, end.min(swept_before)));
            }
        }
        let mut missing: Vec<(i64, i64)> = Spans::new(wanted).minus(&self.known).iter().collect();
        missing.extend(swept);
        Spans::new(missing)
    }

    /// Takes what the store knows of the span `start_ms..end_ms`. `complete` when no later click is stored either.
    pub fn learn(&mut self, start_ms: i64, end_ms: i64, complete: bool, clicks: &[RecentClick]) {
        for click in clicks {
            self.workspaces.entry(click.workspace).or_default().insert(click.link, click.visitor, click.at_ms);
        }
        self.known.add(start_ms, if complete { i64::MAX } else { end_ms });
        for clicks in self.workspaces.values_mut() {
            if clicks.swept_before <= end_ms {
                clicks.swept_before = clicks.swept_before.min(start_ms);
            }
        }
    }

    /// Has every span asked for again: the store has events of which those asked for before could not know.
    pub fn ask_again(&mut self) {
        self.known = Spans::default();
    }

    /// Sets the flag of every click, in the order given, and remembers those that are no repeats.
    pub fn mark(&mut self, events: &mut [Event], windows: &Windows) {
        // A changed window counts for all of those that are handed in with its first event.
        let mut changed: HashMap<WorkspaceId, i64> = HashMap::new();
        for event in events.iter() {
            let Some(Seen { window_ms, .. }) = seen(self.sameness, windows, event) else { continue };
            let now = self.workspaces.get(&event.workspace).map_or(0, |clicks| clicks.window_ms);
            if window_ms != now || changed.contains_key(&event.workspace) {
                changed.insert(event.workspace, window_ms);
            }
        }
        for (workspace, window_ms) in changed {
            self.workspaces.entry(workspace).or_default().set_window(window_ms);
        }
        for event in events {
            let Some(Seen { link, who, .. }) = seen(self.sameness, windows, event) else { continue };
            let clicks = self.workspaces.entry(event.workspace).or_default();
            event.repeat = clicks.is_repeat(link, who, event.at_ms);
            if !event.repeat {
                clicks.insert(link, who, event.at_ms);
            }
            self.earliest_ms = Some(self.earliest_ms.map_or(event.at_ms, |earliest| earliest.min(event.at_ms)));
        }
    }

    /// Forgets what is no longer needed, in time. To be called once a batch is marked, and not within: what is forgotten is
    /// asked of the store, which does not have the batch yet.
    pub fn sweep(&mut self) {
        self.sweep_in_time(MOST_CLICKS);
    }

    /// Forgets what no event like the recent ones needs, once there is twice as much as after the last time.
    fn sweep_in_time(&mut self, most: usize) {
        let count: usize = self.workspaces.values().map(Clicks::len).sum();
        if count < (self.after_sweep * 2).max(FIRST_SWEEP.min(most)) && count <= most {
            return;
        }
        if let Some(earliest_ms) = self.earliest_ms.take() {
            for clicks in self.workspaces.values_mut() {
                // An hour more, for clocks that step back.
                clicks.sweep(earliest_ms.saturating_sub(clicks.window_ms.max(HOUR_MS)).saturating_sub(HOUR_MS));
            }
        }
        let count: usize = self.workspaces.values().map(Clicks::len).sum();
        if count > most {
            self.forget_oldest(count);
        }
        self.after_sweep = self.workspaces.values().map(Clicks::len).sum();
    }

    fn forget_oldest(&mut self, count: usize) {
        let mut sample: Vec<i64> = self.workspaces.values().flat_map(Clicks::times).step_by(64).collect();
        let quarter = sample.len() / 4;
        if quarter < sample.len() {
            let (_, before_ms, _) = sample.select_nth_unstable(quarter);
            tracing::warn!(clicks = count, "too many clicks in the repeat window, the oldest are forgotten");
            let before_ms = *before_ms;
            self.workspaces.values_mut().for_each(|clicks| clicks.sweep(before_ms));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::id::SiteId;

    fn click(sequence: u64, workspace: u64, link: u64, visitor: u64, at_ms: i64) -> Event {
        Event {
            workspace: WorkspaceId(workspace),
            kind: EventKind::Click,
            at_ms,
            id: EventId::new(1, sequence),
            link: LinkId(link),
            visitor,
            ..Event::default()
        }
    }

    fn windows(events: &[Event], secs: u32) -> Vec<(EventId, u32)> {
        events.iter().map(|event| (event.id, secs)).collect()
    }

    fn flags(events: &[Event]) -> Vec<bool> {
        events.iter().map(|event| event.repeat).collect()
    }

    /// The rule, as slowly as it can be written.
    fn by_hand(events: &mut [Event], secs: u32) {
        let mut firsts: Vec<(u64, LinkId, i64)> = vec![];
        for event in events {
            let window_ms = i64::from(secs) * 1_000;
            event.repeat = firsts.iter().any(|&(visitor, link, at_ms)| {
                visitor == event.visitor && link == event.link && (at_ms - event.at_ms).abs() < window_ms
            });
            if !event.repeat {
                firsts.push((event.visitor, event.link, event.at_ms));
            }
        }
    }

    #[test]
    fn a_named_event_counts_once_however_late_it_is_reported_again() {
        let named = |sequence, site, name, at_ms| Event {
            kind: EventKind::Pageview,
            site: SiteId(site),
            idempotency: name,
            ..click(sequence, 1, 0, 5, at_ms)
        };
        let now_ms = 1_800_000_000_000;
        let mut events = [
            named(1, 1, 9, now_ms),
            named(2, 1, 8, now_ms),
            named(3, 2, 9, now_ms),
            named(4, 1, 0, now_ms),
            named(5, 1, 0, now_ms),
            named(6, 1, 9, now_ms + 2_000),
            named(7, 1, 9, now_ms + 2 * HOUR_MS),
        ];
        let mut window = RepeatWindow::new(Sameness::Name);
        window.mark(&mut events, &[]);
        assert_eq!(flags(&events), [false, false, false, false, false, true, false]);
        // After a restart the store is asked for the hours around.
        let mut window = RepeatWindow::new(Sameness::Name);
        let mut late = [named(8, 1, 9, now_ms - 500)];
        assert_ne!(window.missing(&late, &[]), Spans::default());
        let stored = RecentClick { workspace: WorkspaceId(1), link: LinkId(1), visitor: 9, at_ms: now_ms };
        window.learn(now_ms - 2 * HOUR_MS, now_ms + 2 * HOUR_MS, true, &[stored]);
        window.mark(&mut late, &[]);
        assert_eq!(flags(&late), [true]);
        // Clicks are another window's business.
        let mut clicks = [click(9, 1, 1, 9, now_ms)];
        assert_eq!(window.missing(&clicks, &windows(&clicks, 3_600)), Spans::default());
        let hour = windows(&clicks, 3_600);
        window.mark(&mut clicks, &hour);
        assert_eq!(flags(&clicks), [false]);
    }

    #[test]
    fn the_window_slides_from_the_last_first_click() {
        let minute = 60_000;
        // After an hour, a clock an hour back, another link, another visitor.
        let cases = [(1, 1, 0, false), (1, 1, 59, true), (1, 1, 60, false), (1, 1, 61, true), (1, 1, 1, true)]
            .into_iter()
            .chain([(2, 1, 61, false), (1, 2, 61, false), (1, 1, 120, false), (1, 1, -10_000, false)]);
        let start = 1_800_000_000_000;
        let (mut events, mut expected) = (vec![], vec![]);
        for (sequence, (link, visitor, minutes, repeat)) in cases.enumerate() {
            events.push(click(sequence as u64, 1, link, visitor, start + minutes * minute));
            expected.push(repeat);
        }
        let all = windows(&events, 3_600);
        RepeatWindow::new(Sameness::Click).mark(&mut events, &all);
        assert_eq!(flags(&events), expected);
        // No window: nothing is a repeat.
        let none = windows(&events, 0);
        events.iter_mut().for_each(|event| event.repeat = false);
        RepeatWindow::new(Sameness::Click).mark(&mut events, &none);
        assert!(flags(&events).iter().all(|repeat| !repeat));
    }

    #[test]
    fn a_longer_window_counts_at_once() {
        let mut window = RepeatWindow::new(Sameness::Click);
        let mut early = [click(1, 1, 1, 1, 1_000_000), click(2, 1, 1, 1, 1_090_000)];
        let short = windows(&early, 60);
        window.mark(&mut early, &short);
        assert_eq!(flags(&early), [false, false]);
        let mut late = [click(3, 1, 1, 1, 1_160_000)];
        let long = windows(&late, 3_600);
        window.mark(&mut late, &long);
        assert_eq!(flags(&late), [true]);
    }

    #[test]
    fn what_was_swept_is_asked_for_again() {
        let mut window = RepeatWindow::new(Sameness::Click);
        let start = 1_800_000_000_000;
        let mut old = [click(1, 1, 1, 1, start)];
        let few = windows(&old, 3_600);
        for (from, to) in window.missing(&old, &few).iter() {
            window.learn(from, to, true, &[]);
        }
        window.mark(&mut old, &few);
        // The first sweep still sees the old one among the recent events, the second does not.
        for from in [2, 100_000] {
            let mut many: Vec<Event> = (from..from + 75_000 + from / 50)
                .map(|number| click(number, 1, 1, number, start + 86_400_000))
                .collect();
            let all = windows(&many, 3_600);
            assert_eq!(window.missing(&many, &all), Spans::default());
            window.mark(&mut many, &all);
            window.sweep();
        }
        assert_eq!(window.workspaces[&WorkspaceId(1)].len(), 152_000, "the old one is gone");
        let again = [click(200_000, 1, 1, 1, start + 1)];
        let few = windows(&again, 3_600);
        let missing: Vec<_> = window.missing(&again, &few).iter().collect();
        assert!(missing.iter().any(|&(from, to)| from <= start && start < to), "{missing:?}");
    }

    #[test]
    fn over_the_limit_the_oldest_go_and_are_asked_for_again() {
        let mut window = RepeatWindow::new(Sameness::Click);
        let start = 1_800_000_000_000;
        let at_ms = |number: u64| start + 60_000 * number.cast_signed();
        let mut events: Vec<Event> = (0..5_000).map(|number| click(number, 1, 1, number, at_ms(number))).collect();
        let all = windows(&events, 10);
        for (from, to) in window.missing(&events, &all).iter() {
            window.learn(from, to, true, &[]);
        }
        window.mark(&mut events, &all);
        assert_eq!(window.missing(&events, &all), Spans::default());
        window.sweep_in_time(4_999);
        let left = window.workspaces[&WorkspaceId(1)].len();
        assert!((2_500..4_900).contains(&left), "{left}");
        for number in [0, 4_999] {
            let again = [click(6_000, 1, 1, number, at_ms(number))];
            let few = windows(&again, 10);
            let missing = window.missing(&again, &few).iter().any(|(from, to)| (from..to).contains(&at_ms(number)));
            assert_eq!(missing, number == 0, "{number}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        /// In any batches, with a restart before each or none, the flags are those of the slow rule.
        #[test]
        fn flags_do_not_depend_on_batches_or_restarts(
            clicks in prop::collection::vec((0u64..2, 0u64..3, 0i64..40_000), 1..80),
            secs in 1u32..4,
            cuts in prop::collection::vec((1usize..10, any::<bool>()), 80),
        ) {
            let mut events: Vec<Event> = clicks.into_iter().zip(1..).map(|((link, visitor, at_ms), sequence)| {
                click(sequence, 1, link, visitor, 1_800_000_000_000 + at_ms)
            }).collect();
            let mut expected = events.clone();
            by_hand(&mut expected, secs);
            let mut window = RepeatWindow::new(Sameness::Click);
            let mut done = 0;
            for (size, restart) in cuts {
                let (stored, rest) = events.split_at_mut(done);
                let size = size.min(rest.len());
                let batch = &mut rest[..size];
                if restart {
                    window = RepeatWindow::new(Sameness::Click);
                }
                let all = windows(batch, secs);
                for (from, to) in window.missing(batch, &all).iter() {
                    let recent: Vec<RecentClick> = stored.iter()
                        .filter(|event| !event.repeat && (from..to).contains(&event.at_ms))
                        .map(|event| RecentClick {
                            workspace: event.workspace, link: event.link, visitor: event.visitor, at_ms: event.at_ms,
                        }).collect();
                    window.learn(from, to, false, &recent);
                }
                window.mark(batch, &all);
                window.sweep();
                done += size;
            }
            prop_assert_eq!(flags(&events[..done]), flags(&expected[..done]));
        }
    }
}
