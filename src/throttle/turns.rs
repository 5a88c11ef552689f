//! Who runs, who waits and whose turn is next: so many at once in all and for each payer, the rest in queues that end
//! somewhere. Pure: who waits is a value that is handed back.
//!
//! What always holds: nobody waits who could run. A place that is freed goes to the payer whose turn is longest ago, so a
//! long queue of one payer costs another no more than one turn.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// How many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Run in all.
    pub running: usize,
    /// Run for one payer.
    pub running_each: usize,
    /// Wait in all.
    pub waiting: usize,
    /// Wait for one payer.
    pub waiting_each: usize,
}

/// What is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    /// The payer's own share.
    Own,
    /// The whole.
    All,
}

/// One that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

#[derive(Debug)]
struct Payer<W> {
    running: usize,
    waiting: VecDeque<(Ticket, W)>,
}

/// The places and the queues.
#[derive(Debug)]
pub(super) struct Turns<P, W> {
    bounds: Bounds,
    running: usize,
    waiting: usize,
    /// Those who have something running or waiting.
    payers: HashMap<P, Payer<W>>,
    /// Those who have something waiting, each once; whose turn is longest ago stands first.
    rotation: VecDeque<P>,
    next: u64,
}

impl<P: Copy + Eq + Hash, W> Turns<P, W> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, running: 0, waiting: 0, payers: HashMap::new(), rotation: VecDeque::new(), next: 0 }
    }

    /// Takes a place, if there is one.
    pub(super) fn start(&mut self, payer: P) -> bool {
        let known = self.payers.get(&payer).map_or(0, |known| known.running);
        let free = self.running < self.bounds.running && known < self.bounds.running_each;
        if free {
            self.running += 1;
            self.payer(payer).running += 1;
        }
        free
    }

    /// Gives a place back; who has it now, and for which payer.
    pub(super) fn end(&mut self, payer: P) -> Option<(P, W)> {
        self.running -= 1;
        self.payer(payer).running -= 1;
        self.forget(payer);
        let fits = |payer: &P| self.payers.get(payer).is_some_and(|known| known.running < self.bounds.running_each);
        let next = self.rotation.iter().position(fits).and_then(|place| self.rotation.remove(place))?;
        let known = self.payer(next);
        let (_, waiter) = known.waiting.pop_front()?;
        known.running += 1;
        if !known.waiting.is_empty() {
            self.rotation.push_back(next);
        }
        self.waiting -= 1;
        self.running += 1;
        Some((next, waiter))
    }

    /// Joins the payer's queue; for whom [`start`](Self::start) had no place. Where all queues together are full, the last
    /// of the longest makes room for who has a much shorter one, and is handed back.
    pub(super) fn wait(&mut self, payer: P, waiter: W) -> Result<(Ticket, Option<W>), Crowd> {
        let own = self.payers.get(&payer).map_or(0, |known| known.waiting.len());
        if own >= self.bounds.waiting_each {
            return Err(Crowd::Own);
        }
        let displaced = if self.waiting < self.bounds.waiting { None } else { Some(self.displace(own)?) };
        let ticket = Ticket(self.next);
        self.next += 1;
        let known = self.payer(payer);
        known.waiting.push_back((ticket, waiter));
        if known.waiting.len() == 1 {
            self.rotation.push_back(payer);
        }
        self.waiting += 1;
        Ok((ticket, displaced))
    }

    /// The last of the longest queue, which is longer than `own` will be.
    fn displace(&mut self, own: usize) -> Result<W, Crowd> {
        let length = |payer: &P| self.payers.get(payer).map_or(0, |known| known.waiting.len());
        let longest = self.rotation.iter().copied().max_by_key(length).filter(|longest| length(longest) > own + 1);
        let last = longest.and_then(|longest| self.payer(longest).waiting.pop_back());
        let (_, waiter) = last.ok_or(Crowd::All)?;
        self.waiting -= 1;
        Ok(waiter)
    }

    /// Leaves the queue. What is full for the payer; `None` when the ticket has its place already, or was displaced.
    pub(super) fn leave(&mut self, payer: P, ticket: Ticket) -> Option<Crowd> {
        let bounds = self.bounds;
        let known = self.payers.get_mut(&payer)?;
        let place = known.waiting.iter().position(|(waiting, _)| *waiting == ticket)?;
        known.waiting.remove(place);
        let crowd = if known.running >= bounds.running_each { Crowd::Own } else { Crowd::All };
        if known.waiting.is_empty() {
            self.rotation.retain(|waiting| *waiting != payer);
        }
        self.waiting -= 1;
        self.forget(payer);
        Some(crowd)
    }

    /// Nothing runs, waits or is remembered.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.payers.is_empty() && self.rotation.is_empty() && self.running == 0 && self.waiting == 0
    }

    fn payer(&mut self, payer: P) -> &mut Payer<W> {
        self.payers.entry(payer).or_insert_with(|| Payer { running: 0, waiting: VecDeque::new() })
    }

    fn forget(&mut self, payer: P) {
        if self.payers.get(&payer).is_some_and(|known| known.running == 0 && known.waiting.is_empty()) {
            self.payers.remove(&payer);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { running: 4, running_each: 2, waiting: 6, waiting_each: 4 };

    type Tested = Turns<u8, u32>;

    /// Counts agree, no bound is passed, and nobody waits who could run.
    fn check(turns: &Tested) {
        let Bounds { running, running_each, waiting, waiting_each } = turns.bounds;
        assert_eq!(turns.payers.values().map(|payer| payer.running).sum::<usize>(), turns.running);
        assert_eq!(turns.payers.values().map(|payer| payer.waiting.len()).sum::<usize>(), turns.waiting);
        assert!(turns.running <= running && turns.waiting <= waiting);
        for (payer, known) in &turns.payers {
            assert!(known.running <= running_each && known.waiting.len() <= waiting_each);
            assert!(known.running + known.waiting.len() > 0, "what is idle is forgotten");
            let turn = turns.rotation.iter().filter(|turn| *turn == payer).count();
            assert_eq!(turn, usize::from(!known.waiting.is_empty()));
            assert!(known.waiting.is_empty() || turns.running == running || known.running == running_each);
        }
        assert!(turns.rotation.iter().all(|payer| turns.payers.contains_key(payer)));
    }

    fn ask(turns: &mut Tested, payer: u8, name: u32) -> Result<Option<Ticket>, Crowd> {
        if turns.start(payer) {
            return Ok(None);
        }
        turns.wait(payer, name).map(|(ticket, _)| Some(ticket))
    }

    #[test]
    fn places_go_round() {
        let mut turns = Turns::new(BOUNDS);
        for name in 0..6 {
            assert_eq!(ask(&mut turns, 1, name).unwrap().is_some(), name >= 2);
        }
        assert_eq!(ask(&mut turns, 1, 6), Err(Crowd::Own));
        assert!(ask(&mut turns, 2, 10).unwrap().is_none() && ask(&mut turns, 2, 11).unwrap().is_none());
        assert!(ask(&mut turns, 2, 12).unwrap().is_some() && ask(&mut turns, 3, 20).unwrap().is_some());
        // All four places are taken, and six wait: the last of the longest queue makes room for one who has none.
        assert_eq!(turns.wait(4, 30).unwrap().1, Some(5));
        check(&turns);
        assert_eq!(turns.end(1), Some((1, 2)), "its turn, which it has not had yet");
        assert_eq!(turns.end(1), Some((3, 20)), "2 may have no more");
        assert_eq!(turns.end(2), Some((2, 12)), "it may again, and stood before 4");
        assert_eq!(turns.end(1), Some((4, 30)), "1 stood behind since its turn");
        assert_eq!(turns.end(2), Some((1, 3)));
        check(&turns);
    }

    #[test]
    fn who_leaves_is_told_what_is_full() {
        let mut turns = Turns::new(BOUNDS);
        for name in 0..2 {
            ask(&mut turns, 1, name).unwrap();
            ask(&mut turns, 2, name).unwrap();
        }
        let (own, other) = (ask(&mut turns, 1, 2).unwrap().unwrap(), ask(&mut turns, 3, 0).unwrap().unwrap());
        assert_eq!(turns.leave(1, own), Some(Crowd::Own));
        assert_eq!(turns.leave(1, own), None);
        assert_eq!(turns.leave(3, other), Some(Crowd::All));
        assert_eq!(turns.end(1), None);
        check(&turns);
    }

    proptest! {
        /// Whatever happens in whatever order: the bounds hold, every place comes back, and whoever waits runs in the end.
        #[test]
        fn bounds_hold_and_nothing_is_lost(
            running in 1usize..5, running_each in 1usize..4, waiting in 0usize..8, waiting_each in 0usize..5,
            steps in prop::collection::vec((0u8..3, 0u8..4, any::<prop::sample::Index>()), 0..200)
        ) {
            let mut turns = Turns::new(Bounds { running, running_each, waiting, waiting_each });
            let mut held: Vec<u8> = Vec::new();
            let mut queued: Vec<(u8, u32, Ticket)> = Vec::new();
            for (name, (what, payer, which)) in (0..).zip(steps) {
                match what {
                    0 => {
                        if turns.start(payer) {
                            held.push(payer);
                        } else if let Ok((ticket, displaced)) = turns.wait(payer, name) {
                            queued.push((payer, name, ticket));
                            if let Some(gone) = displaced {
                                queued.retain(|(_, queued, _)| *queued != gone);
                            }
                        }
                    }
                    1 if !held.is_empty() => {
                        let ended = held.swap_remove(which.index(held.len()));
                        if let Some((next, name)) = turns.end(ended) {
                            held.push(next);
                            // First come, first served among those of one payer.
                            let place = queued.iter().position(|(payer, ..)| *payer == next);
                            prop_assert_eq!(place.map(|place| queued.remove(place).1), Some(name));
                        }
                    }
                    2 if !queued.is_empty() => {
                        let (payer, _, ticket) = queued.remove(which.index(queued.len()));
                        prop_assert!(turns.leave(payer, ticket).is_some());
                    }
                    _ => {}
                }
                check(&turns);
                prop_assert_eq!((held.len(), queued.len()), (turns.running, turns.waiting));
            }
            while let Some(ended) = held.pop() {
                if let Some((next, _)) = turns.end(ended) {
                    held.push(next);
                }
            }
            prop_assert!(turns.is_idle());
        }

        /// However many others ask without end, one who waits runs after as many turns as there are payers.
        #[test]
        fn nobody_starves(others in 1u8..20, running in 1usize..4, queue in 1u32..5) {
            let bounds = Bounds { running, running_each: 1, waiting: 1_000, waiting_each: 100 };
            let mut turns = Turns::new(bounds);
            let mut held = Vec::new();
            for other in 1..=others {
                for name in 0..=queue {
                    if turns.start(other) { held.push(other) } else { turns.wait(other, name).unwrap(); }
                }
            }
            prop_assume!(held.len() == running);
            turns.wait(0, 0).unwrap();
            for round in 0.. {
                prop_assert!(round <= usize::from(others) + running, "{round}");
                let ended = held.remove(0);
                let (next, _) = turns.end(ended).unwrap();
                if next == 0 {
                    break;
                }
                held.push(next);
                turns.wait(next, 0).unwrap();
            }
        }
    }
}
