//! The checks of a link's rules. Errors name a rule by its place in the list, counted from 0.

use super::check::{SHORT, TargetHost, fits, target};
use super::{Error, Result};
use crate::domain::country;
use crate::domain::device::DeviceClass;
use crate::domain::link::{Rule, RuleOn};
use crate::domain::platform;

/// Most values of one rule.
const MAX_VALUES: usize = 300;
/// Thirds and the like add up as far as their writer cared.
const WHOLE: f64 = 100.2;

/// Checks rules, puts their values and targets into the form in which they are kept, and adds the hosts that they lead to.
pub(super) fn check_rules(rules: &mut [Rule], hosts: &mut Vec<TargetHost>) -> Result<()> {
    // What the splits in a row take together.
    let mut together = 0.0;
    for (place, rule) in rules.iter_mut().enumerate() {
        check_values(place, rule)?;
        let share = check_share(place, rule)?;
        together = if rule.on == RuleOn::Split { together + share } else { 0.0 };
        if together > WHOLE {
            return Err(wrong(
                place,
                format!("the splits up to here add up to {together} percent, expected at most 100"),
            ));
        }
        check_target(place, rule, hosts)?;
    }
    Ok(())
}

fn wrong(place: usize, message: impl std::fmt::Display) -> Error {
    Error::invalid("rules", format!("rules[{place}]: {message}"))
}

fn check_values(place: usize, rule: &mut Rule) -> Result<()> {
    if rule.values.len() > MAX_VALUES {
        let message = format!("it has {} values, expected at most {MAX_VALUES}", rule.values.len());
        return Err(wrong(place, message));
    }
    for value in &rule.values {
        fits("rules", value, SHORT).map_err(|error| wrong(place, error))?;
    }
    if rule.on == RuleOn::Split {
        return Ok(());
    }
    let mut checked: Vec<String> = Vec::with_capacity(rule.values.len());
    for value in rule.values.iter().map(|value| value.trim()).filter(|value| !value.is_empty()) {
        let value = match rule.on {
            RuleOn::Country => {
                let code = value.to_ascii_uppercase();
                if country::name(&code).is_none() {
                    return Err(wrong(place, format!("'{value}' is no country code of ISO 3166-1, such as US")));
                }
                code
            }
            RuleOn::Device => match DeviceClass::parse(value) {
                Some(class) => class.name().to_owned(),
                None => {
                    let known = DeviceClass::ALL.map(DeviceClass::name).join(", ");
                    return Err(wrong(place, format!("'{value}' is no device, expected one of {known}")));
                }
            },
            RuleOn::Platform if !platform::is_known(value) => {
                let message = format!("'{value}' is no system that is known, expected one of {}", platform::known());
                return Err(wrong(place, message));
            }
            RuleOn::Platform | RuleOn::Split => value.to_owned(),
        };
        if !checked.contains(&value) {
            checked.push(value);
        }
    }
    if checked.is_empty() {
        let example = match rule.on {
            RuleOn::Country => "US",
            RuleOn::Device => "mobile",
            RuleOn::Platform | RuleOn::Split => "Windows",
        };
        return Err(wrong(place, format!("it has no value to match, such as {example}")));
    }
    rule.values = checked;
    Ok(())
}

/// The share of visitors that it takes, in percent.
fn check_share(place: usize, rule: &Rule) -> Result<f64> {
    match rule.percent {
        Some(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent),
        Some(percent) => {
            Err(wrong(place, format!("its percentage is {percent}, expected more than 0 and at most 100")))
        }
        None if rule.on == RuleOn::Split => Err(wrong(place, "a split needs a percentage, such as 50")),
        None => Ok(100.0),
    }
}

fn check_target(place: usize, rule: &mut Rule, hosts: &mut Vec<TargetHost>) -> Result<()> {
    let known = hosts.len();
    let checked = target("rules", &rule.url, hosts).map_err(|error| match error {
        Error::Destination { given, reason, .. } => {
            wrong(place, format!("its target '{given}' is not allowed: {reason}"))
        }
        other => other,
    })?;
    hosts.iter_mut().skip(known).for_each(|host| host.place = Some(place));
    rule.url = checked.url;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(on: RuleOn, values: &[&str], percent: Option<f64>) -> Rule {
        let values = values.iter().map(ToString::to_string).collect();
        Rule { on, values, percent, url: "example.com/a".to_owned() }
    }

    #[test]
    fn good_rules_take_their_kept_form() {
        let mut hosts = Vec::new();
        let mut rules = [
            rule(RuleOn::Country, &["us", " De ", "US", ""], None),
            rule(RuleOn::Device, &["Mobile"], Some(12.5)),
            rule(RuleOn::Platform, &[" Windows "], Some(100.0)),
            rule(RuleOn::Split, &[], Some(33.4)),
            rule(RuleOn::Split, &["kept"], Some(66.7)),
            Rule { url: "tel:+15550100".to_owned(), ..rule(RuleOn::Country, &["FR"], None) },
            rule(RuleOn::Split, &[], Some(100.0)),
        ];
        check_rules(&mut rules, &mut hosts).unwrap();
        let values: Vec<_> = rules.iter().map(|rule| rule.values.join(" ")).collect();
        assert_eq!(values, ["US DE", "mobile", "Windows", "", "kept", "FR", ""]);
        assert_eq!(rules[0].url, "https://example.com/a");
        assert_eq!(hosts.iter().filter_map(|host| host.place).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 6]);
    }

    #[test]
    fn bad_rules_are_named_by_their_place() {
        let target = |url: &str| Rule { url: url.to_owned(), ..rule(RuleOn::Country, &["US"], None) };
        for (bad, says) in [
            (rule(RuleOn::Country, &[], None), "no value"),
            (rule(RuleOn::Country, &[" "], None), "no value"),
            (rule(RuleOn::Country, &["US", "Germany"], None), "'Germany' is no country"),
            (rule(RuleOn::Device, &["fridge"], None), "desktop, mobile, tablet"),
            (rule(RuleOn::Platform, &[], None), "no value"),
            (rule(RuleOn::Platform, &["iOS", "Windows 10"], None), "'Windows 10' is no system"),
            (rule(RuleOn::Platform, &["fridge"], None), "Linux, Mac, NetBSD"),
            (rule(RuleOn::Platform, &["a\0"], None), "NUL"),
            (rule(RuleOn::Platform, &[&"x".repeat(256)], None), "255"),
            (rule(RuleOn::Platform, &["x"; 301], None), "301 values"),
            (rule(RuleOn::Split, &[], None), "needs a percentage"),
            (rule(RuleOn::Split, &[], Some(0.0)), "is 0, expected"),
            (rule(RuleOn::Split, &[], Some(-1.0)), "is -1, expected"),
            (rule(RuleOn::Split, &[], Some(101.0)), "is 101, expected"),
            (rule(RuleOn::Split, &[], Some(f64::NAN)), "is NaN, expected"),
            (rule(RuleOn::Country, &["US"], Some(100.5)), "is 100.5, expected"),
            (rule(RuleOn::Split, &[], Some(41.0)), "add up to 101 percent"),
            (target("javascript:alert(1)"), "'javascript:alert(1)' is not allowed"),
            (target(""), "it is empty"),
        ] {
            let mut rules = vec![rule(RuleOn::Split, &[], Some(60.0)), bad];
            let message = check_rules(&mut rules, &mut Vec::new()).unwrap_err().to_string();
            assert!(message.contains("rules[1]") && message.contains(says), "{message}");
        }
    }
}
