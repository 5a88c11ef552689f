//! Figures beside their yardsticks, chapter by chapter, in one table: on the terminal and as Markdown.

use std::fmt::Write;

use crate::stage::report::Table;

const HEADER: [&str; 6] = ["what", "ours", "yardstick", "ratio", "goal", "met"];

/// One line of the table.
#[derive(Clone, Debug, Default)]
pub struct Figure {
    what: String,
    ours: String,
    beside: String,
    ratio: Option<f64>,
    /// A measured number and its unit, for goals that are no ratio.
    value: Option<(f64, &'static str)>,
    goal: Option<Goal>,
}

#[derive(Clone, Debug)]
enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// In words, and whether it was met.
    Told(String, bool),
}

impl Figure {
    /// A line for this.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    /// What was measured, with its unit. Not needed beside a `value`.
    pub fn ours(self, ours: impl Into<String>) -> Self {
        Self { ours: ours.into(), ..self }
    }

    /// The yardstick and what it showed.
    pub fn beside(self, beside: impl Into<String>) -> Self {
        Self { beside: beside.into(), ..self }
    }

    /// Ours over the yardstick's.
    pub fn ratio(self, ratio: f64) -> Self {
        Self { ratio: Some(ratio), ..self }
    }

    /// What was measured, where the goal is a number of this unit and no ratio.
    pub fn value(self, value: f64, unit: &'static str) -> Self {
        Self { value: Some((value, unit)), ..self }
    }

    /// The value, or else the ratio, should be this or more.
    pub fn at_least(self, goal: f64) -> Self {
        Self { goal: Some(Goal::AtLeast(goal)), ..self }
    }

    /// The value, or else the ratio, should be this or less.
    pub fn at_most(self, goal: f64) -> Self {
        Self { goal: Some(Goal::AtMost(goal)), ..self }
    }

    /// A goal of another form, such as `<= 1.15 x + 1 ms`, and whether it was met.
    pub fn goal(self, words: impl Into<String>, met: bool) -> Self {
        Self { goal: Some(Goal::Told(words.into(), met)), ..self }
    }

    /// Whether the goal was met; `None` without one.
    pub fn met(&self) -> Option<bool> {
        let measured = self.value.map(|(value, _)| value).or(self.ratio);
        match self.goal.as_ref()? {
            Goal::AtLeast(least) => Some(measured? >= *least),
            Goal::AtMost(most) => Some(measured? <= *most),
            &Goal::Told(_, met) => Some(met),
        }
    }

    fn cells(&self) -> [String; HEADER.len()] {
        let ours = match self.value {
            Some((value, unit)) if self.ours.is_empty() => with_unit(value, unit),
            _ => self.ours.clone(),
        };
        let unit = self.value.map_or("", |(_, unit)| unit);
        let goal = match &self.goal {
            Some(Goal::AtLeast(least)) => format!(">= {}", with_unit(*least, unit)),
            Some(Goal::AtMost(most)) => format!("<= {}", with_unit(*most, unit)),
            Some(Goal::Told(words, _)) => words.clone(),
            None => String::new(),
        };
        let met = self.met().map_or("", |met| if met { "yes" } else { "NO" });
        let ratio = self.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        [self.what.clone(), ours, self.beside.clone(), ratio, goal, met.to_owned()]
    }
}

/// Figures that belong together.
#[derive(Clone, Debug)]
pub struct Chapter {
    title: String,
    about: String,
    figures: Vec<Figure>,
    notes: Vec<String>,
    failures: Vec<String>,
}

impl Chapter {
    /// An empty chapter; `about` says in a sentence how its figures are found.
    pub fn new(title: impl Into<String>, about: impl Into<String>) -> Self {
        let (title, about) = (title.into(), about.into());
        Self { title, about, figures: Vec::new(), notes: Vec::new(), failures: Vec::new() }
    }

    /// Adds a line.
    pub fn push(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// Adds a remark below the table.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Says what is not here, and why.
    pub fn left_out(&mut self, what: &str, why: &str) {
        self.notes.push(format!("left out: {what}: {why}"));
    }

    /// What no figure makes good, such as a lost event: the whole run fails.
    pub fn fail(&mut self, failure: impl Into<String>) {
        self.failures.push(failure.into());
    }
}

/// All chapters of a run.
#[derive(Debug)]
pub struct Report {
    /// When, on what machine, how.
    head: String,
    chapters: Vec<Chapter>,
}

impl Report {
    /// No chapter yet; `head` says when and on what machine.
    pub fn new(head: impl Into<String>) -> Self {
        Self { head: head.into(), chapters: Vec::new() }
    }

    /// Adds a chapter.
    pub fn push(&mut self, chapter: Chapter) {
        self.chapters.push(chapter);
    }

    /// Whether anything happened that no figure makes good.
    pub fn has_failed(&self) -> bool {
        self.chapters.iter().any(|chapter| !chapter.failures.is_empty())
    }

    /// Prints it to the terminal.
    pub fn print(&self) {
        println!("\n{}\n", self.head);
        let mut table = Table::new(&HEADER);
        for chapter in &self.chapters {
            table.push(&[&format!("# {}", chapter.title)]);
            for figure in &chapter.figures {
                table.push(&figure.cells().each_ref().map(|cell| cell as _));
            }
        }
        table.print();
        for chapter in &self.chapters {
            println!("\n{}: {}", chapter.title, chapter.about);
            chapter.notes.iter().for_each(|note| println!("- {note}"));
            chapter.failures.iter().for_each(|failure| println!("- FAILED: {failure}"));
        }
        println!();
    }

    /// The same in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("# Benchmarks\n\n{}\n\n{}", self.head, line(&HEADER));
        text.push_str("|---|--:|--:|--:|--:|--:|\n");
        for chapter in &self.chapters {
            let title = format!("**{}**", chapter.title);
            text.push_str(&line(&[&title, "", "", "", "", ""]));
            for figure in &chapter.figures {
                text.push_str(&line(&figure.cells().each_ref().map(String::as_str)));
            }
        }
        for chapter in &self.chapters {
            let _ = write!(text, "\n## {}\n\n{}\n", chapter.title, chapter.about);
            let remarks = chapter.notes.iter().map(|note| format!("- {note}\n"));
            let failures = chapter.failures.iter().map(|failure| format!("- **failed**: {failure}\n"));
            let list: String = remarks.chain(failures).collect();
            if !list.is_empty() {
                let _ = write!(text, "\n{list}");
            }
        }
        text
    }
}

fn line(cells: &[&str; HEADER.len()]) -> String {
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

/// A number with a comma after every three digits, and two decimals where it is small: `48,053`, `3.41`.
pub fn number(value: f64) -> String {
    if value.abs() < 10.0 && value.fract() != 0.0 {
        return format!("{value:.2}");
    }
    if value.abs() < 1_000.0 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = if value <= -0.5 { "-".to_owned() } else { String::new() };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its unit: `3.41 ms`, `48,053/s`.
pub fn with_unit(value: f64, unit: &str) -> String {
    let blank = if unit.is_empty() || unit.starts_with('/') { "" } else { " " };
    format!("{}{blank}{unit}", number(value))
}
