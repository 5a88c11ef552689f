//! Rules of a link: tried in order, the first that matches names the destination; where none does, the link goes on as if
//! it had none.
//!
//! Splits that follow each other share one draw: of `A 30 %, B 50 %` three visitors in ten go to A, five to B, and the
//! other two on to the next rule. Every visit draws anew. A rule by country, device or platform may have a share as well:
//! so many of those that it matches. Rules come before everything else that names a destination: targets of devices and
//! countries and tests are asked only where no rule matches.

use super::destination::Destination;
use super::visitor::Visitor;
use crate::domain::device::DeviceClass;
use crate::domain::link::{LinkFields, Rule, RuleOn};
use crate::domain::platform;

/// All of it, in percent.
const WHOLE: f64 = 100.0;

/// The rules of a link, prepared for visits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rules(Box<[Prepared]>);

#[derive(Clone, Debug, PartialEq)]
struct Prepared {
    when: When,
    /// In percent; `None` for everybody who matches.
    share: Option<f64>,
    destination: Destination,
}

/// Whom a rule matches.
#[derive(Clone, Debug, PartialEq)]
enum When {
    /// Visitors from these countries.
    Country(Box<[[u8; 2]]>),
    /// Visitors with devices of these classes.
    Device(Box<[DeviceClass]>),
    /// Visitors on these systems, or with devices of these classes: some call those platforms, too.
    Platform(Box<[Box<str>]>, Box<[DeviceClass]>),
    /// A share of whoever is left.
    Split,
}

impl Rules {
    /// The rules of a link, if it has some; those whose address may not be sent take no part.
    pub(super) fn prepare(fields: &LinkFields, aim: impl Fn(&str) -> Option<Destination>) -> Option<Self> {
        let rules: Box<[Prepared]> =
            fields.rules.iter().filter_map(|rule| Prepared::of(rule, aim(&rule.url)?)).collect();
        (!rules.is_empty()).then_some(Self(rules))
    }

    /// Where this visitor goes, if a rule says so. What the rules do not depend on is not asked.
    pub(super) fn choose(&self, visitor: &impl Visitor) -> Option<&Destination> {
        let mut asked = Asked::new(visitor);
        // What is left of the draw that the splits in a row share.
        let mut draw: Option<f64> = None;
        for rule in &self.0 {
            if rule.when != When::Split {
                draw = None;
                if asked.matches(&rule.when) && rule.share.is_none_or(|share| visitor.chance() * WHOLE < share) {
                    return Some(&rule.destination);
                }
                continue;
            }
            let rest = draw.unwrap_or_else(|| visitor.chance() * WHOLE) - rule.share.unwrap_or(WHOLE);
            if rest < 0.0 {
                return Some(&rule.destination);
            }
            draw = Some(rest);
        }
        None
    }

    /// Where this visitor goes for sure: rules that take a share of visitors are passed over.
    pub(super) fn sure(&self, visitor: &impl Visitor) -> Option<&Destination> {
        let mut asked = Asked::new(visitor);
        let sure = self.0.iter().filter(|rule| rule.share.is_none());
        sure.into_iter().find(|rule| asked.matches(&rule.when)).map(|rule| &rule.destination)
    }

    /// Where visitors may be sent.
    pub(super) fn destinations(&self) -> impl Iterator<Item = &Destination> {
        self.0.iter().map(|rule| &rule.destination)
    }

    /// Bytes of memory they take, roughly.
    pub(super) fn weight(&self) -> usize {
        let each = |rule: &Prepared| {
            let when = match &rule.when {
                When::Country(countries) => countries.len() * 2,
                When::Device(classes) => classes.len(),
                When::Platform(names, classes) => {
                    names.iter().map(|name| size_of::<Box<str>>() + name.len()).sum::<usize>() + classes.len()
                }
                When::Split => 0,
            };
            size_of::<Prepared>() + when + rule.destination.weight()
        };
        size_of::<Self>() + self.0.iter().map(each).sum::<usize>()
    }
}

impl Prepared {
    /// A rule that can match; `None` for one that nobody ever does.
    fn of(rule: &Rule, destination: Destination) -> Option<Self> {
        if rule.percent.is_some_and(|percent| percent.is_nan() || percent <= 0.0) {
            return None;
        }
        let share = rule.percent.filter(|&percent| percent < WHOLE);
        let values = || rule.values.iter().map(|value| value.trim());
        let classes = || values().filter_map(DeviceClass::parse).collect::<Box<[_]>>();
        let when = match rule.on {
            RuleOn::Country => When::Country(
                values().filter_map(|code| code.to_ascii_uppercase().as_bytes().try_into().ok()).collect(),
            ),
            RuleOn::Device => When::Device(classes()),
            RuleOn::Platform => {
                let systems = values().filter(|value| DeviceClass::parse(value).is_none()).flat_map(platform::meant);
                When::Platform(systems.map(Into::into).collect(), classes())
            }
            RuleOn::Split => When::Split,
        };
        let can_match = match &when {
            When::Country(countries) => !countries.is_empty(),
            When::Device(classes) => !classes.is_empty(),
            When::Platform(systems, classes) => !(systems.is_empty() && classes.is_empty()),
            // Without a share it takes whoever comes.
            When::Split => true,
        };
        can_match.then_some(Self { when, share, destination })
    }
}

/// A visitor, of whom nothing is asked twice.
struct Asked<'a, V> {
    visitor: &'a V,
    country: Option<String>,
    device: Option<Option<DeviceClass>>,
    platform: Option<String>,
}

impl<'a, V: Visitor> Asked<'a, V> {
    fn new(visitor: &'a V) -> Self {
        Self { visitor, country: None, device: None, platform: None }
    }

    fn matches(&mut self, when: &When) -> bool {
        match when {
            When::Country(countries) => {
                let country = self.country.get_or_insert_with(|| self.visitor.country()).as_bytes();
                countries.iter().any(|known| known == country)
            }
            When::Device(classes) => self.has_device(classes),
            When::Platform(systems, classes) => {
                let system = self.platform.get_or_insert_with(|| self.visitor.platform());
                let is_known = !system.is_empty() && systems.iter().any(|known| known.eq_ignore_ascii_case(system));
                is_known || self.has_device(classes)
            }
            When::Split => false,
        }
    }

    fn has_device(&mut self, classes: &[DeviceClass]) -> bool {
        !classes.is_empty()
            && self.device.get_or_insert_with(|| self.visitor.device()).is_some_and(|class| classes.contains(&class))
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
