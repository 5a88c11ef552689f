//! What was asked, so that the oracle cannot agree by asking nothing.

use std::collections::BTreeMap;
use std::fmt;

use linktrail::domain::event::EventKind;

use super::Outcome;
use super::almanac::ZONES;
use super::question::{ATTRIBUTES, BUCKETS, Form, GROUPS, INTERVALS, KINDS};
use super::words::PARAMETERS;

/// From this number of questions on, every one of everything must have been among them.
const WHOLE: usize = 2_000;

#[derive(Default)]
pub struct Coverage {
    asked: usize,
    refused: usize,
    told: usize,
    filtered: usize,
    cut: usize,
    /// How often each thing was asked for with an answer that tells of events.
    shapes: BTreeMap<&'static str, usize>,
    kinds: BTreeMap<&'static str, usize>,
    groups: BTreeMap<&'static str, usize>,
    attributes: BTreeMap<&'static str, usize>,
    intervals: BTreeMap<&'static str, usize>,
    buckets: BTreeMap<&'static str, usize>,
    zones: BTreeMap<&'static str, usize>,
    /// How often each was among the filters of an answer that was cut by them, yet tells of events.
    parameters: BTreeMap<&'static str, usize>,
}

impl Coverage {
    pub fn add(&mut self, outcome: &Outcome) {
        let question = &outcome.question;
        self.asked += 1;
        self.refused += usize::from(outcome.refused);
        self.filtered += usize::from(question.is_filtered());
        self.cut += usize::from(outcome.cut);
        if outcome.empty {
            return;
        }
        self.told += 1;
        let count = |of: &mut BTreeMap<&'static str, usize>, name| *of.entry(name).or_default() += 1;
        count(&mut self.shapes, question.form.name());
        count(&mut self.kinds, question.compared.unwrap_or(question.kind.name()));
        count(&mut self.zones, question.timezone);
        match &question.form {
            Form::Groups { by, .. } => count(&mut self.groups, by),
            Form::Attributes(name) => count(&mut self.attributes, name),
            Form::Series => count(&mut self.buckets, question.granularity.unwrap_or("by length")),
            _ => {}
        }
        count(&mut self.intervals, if question.start.is_some() { "start" } else { question.interval });
        if outcome.cut {
            for (name, _) in &question.filters {
                count(&mut self.parameters, name);
            }
            for name in [question.sale_type, question.metadata.as_ref().map(|_| "query")].into_iter().flatten() {
                count(&mut self.parameters, name);
            }
        }
    }

    /// # Panics
    /// When something was not asked, or too many answers are empty.
    pub fn assert_enough(&self) {
        if self.asked < WHOLE {
            return;
        }
        assert!(self.told * 5 > self.asked * 2, "only {} of {} answers tell of events", self.told, self.asked);
        assert!(self.cut * 2 > self.filtered, "only {} of {} filters cut something", self.cut, self.filtered);
        assert!(self.refused > 0 && self.refused * 10 < self.asked, "{} refused", self.refused);
        let shapes = ["total", "series", "groups", "attributes", "page", "after", "walk"];
        let kinds: Vec<&str> =
            EventKind::ALL.iter().map(|kind| kind.name()).chain(KINDS.iter().map(|kinds| kinds.0)).collect();
        let all: [(&BTreeMap<_, _>, &[&str]); 9] = [
            (&self.shapes, &shapes),
            (&self.kinds, &kinds),
            (&self.parameters, &["new", "recurring", "query"]),
            (&self.groups, GROUPS),
            (&self.attributes, ATTRIBUTES),
            (&self.intervals, INTERVALS),
            (&self.buckets, BUCKETS),
            (&self.zones, ZONES),
            (&self.parameters, PARAMETERS),
        ];
        for (counts, names) in all {
            for name in names {
                assert!(counts.contains_key(name), "no answer about {name} among {} questions", self.asked);
            }
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, refused, told, filtered, cut, .. } = self;
        writeln!(
            f,
            "  {asked} asked, {told} tell of events, {refused} refused; {filtered} filtered, {cut} of them cut"
        )?;
        for counts in [
            &self.shapes,
            &self.kinds,
            &self.groups,
            &self.attributes,
            &self.intervals,
            &self.buckets,
            &self.parameters,
        ] {
            let shown: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            writeln!(f, "  {}", shown.join(", "))?;
        }
        write!(f, "  {} zones", self.zones.len())
    }
}
