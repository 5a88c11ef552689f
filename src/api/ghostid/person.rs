//! A visitor as this surface shows one.

use crate::domain::event::Coordinates;
use crate::domain::score;
use crate::enrich::geo::region_name;
use crate::table::Cell;
use crate::warehouse::audience::AudienceRow;

use super::site;

/// A row of the store, field by field.
pub(super) struct Person<'a> {
    row: &'a AudienceRow,
    is_robot: bool,
}

impl<'a> Person<'a> {
    pub(super) fn new(row: &'a AudienceRow) -> Self {
        Self { is_robot: !row.latest.8.is_empty(), row }
    }

    /// `gv_a1b2c3d4_e5f6a7b8`
    pub(super) fn ghost_vid(&self) -> String {
        site::visitor_id(self.row.visitor)
    }

    /// The site's own name of the person.
    pub(super) fn user_id(&self) -> Cell {
        some(&self.row.user_id)
    }

    /// English name.
    pub(super) fn country(&self) -> &'a str {
        site::country_name(&self.row.latest.0)
    }

    /// English name, or the code where it has none.
    pub(super) fn region(&self) -> Cell {
        some(region_name(&self.row.latest.1))
    }

    /// English name.
    pub(super) fn city(&self) -> Cell {
        some(&self.row.latest.2)
    }

    /// Degrees.
    pub(super) fn latitude(&self) -> Cell {
        Cell::from(self.degrees().map(|(latitude, _)| latitude))
    }

    /// Degrees.
    pub(super) fn longitude(&self) -> Cell {
        Cell::from(self.degrees().map(|(_, longitude)| longitude))
    }

    fn degrees(&self) -> Option<(f64, f64)> {
        Coordinates { latitude: self.row.latest.3, longitude: self.row.latest.4 }.degrees()
    }

    /// Lower case.
    pub(super) fn device(&self) -> String {
        self.row.latest.5.to_lowercase()
    }

    /// Name.
    pub(super) fn browser(&self) -> Cell {
        some(&self.row.latest.6)
    }

    /// Name.
    pub(super) fn os(&self) -> Cell {
        some(site::os_name(&self.row.latest.7))
    }

    /// Not human.
    pub(super) fn is_robot(&self) -> bool {
        self.is_robot
    }

    /// Name of the robot.
    pub(super) fn bot(&self) -> Cell {
        some(&self.row.latest.8)
    }

    /// Path of the last page.
    pub(super) fn page(&self) -> Cell {
        some(&self.row.page)
    }

    /// Where they came from last.
    pub(super) fn referrer(&self) -> Cell {
        some(&self.row.referrer_url)
    }

    /// 10 to 100; a robot buys nothing and has 0.
    pub(super) fn score(&self) -> u64 {
        if self.is_robot { 0 } else { score::score(&self.row.engagement()) }
    }

    /// `cold`, `warm`, `hot`, `on fire`
    pub(super) fn score_label(&self) -> &'static str {
        score::label(self.score())
    }

    /// A hot lead, or more.
    pub(super) fn is_hot(&self) -> bool {
        self.score() >= score::HOT
    }
}

/// Text, or null for none.
pub(super) fn some(text: &str) -> Cell {
    Cell::from(Some(text).filter(|text| !text.is_empty()).map(str::to_owned))
}
