//! The two layouts of records, read without copying and turned into places.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::continent::continent;
use super::region::region;
use crate::domain::event::{Coordinates, Place};

/// Degrees of latitude or longitude: DB-IP writes them with single precision, MaxMind with double, others whole.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Degrees(f64);

impl<'de> Deserialize<'de> for Degrees {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Degrees;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("degrees")
            }

            fn visit_f32<E>(self, degrees: f32) -> Result<Degrees, E> {
                Ok(Degrees(f64::from(degrees)))
            }

            fn visit_f64<E>(self, degrees: f64) -> Result<Degrees, E> {
                Ok(Degrees(degrees))
            }

            fn visit_i64<E: Error>(self, degrees: i64) -> Result<Degrees, E> {
                // What is no degree is far from all of them either way.
                self.visit_i16(i16::try_from(degrees).unwrap_or(i16::MAX))
            }

            fn visit_i16<E>(self, degrees: i16) -> Result<Degrees, E> {
                Ok(Degrees(f64::from(degrees)))
            }

            fn visit_u64<E: Error>(self, degrees: u64) -> Result<Degrees, E> {
                self.visit_i16(i16::try_from(degrees).unwrap_or(i16::MAX))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// A record of DB-IP's free files.
#[derive(Deserialize)]
pub struct FlatRecord<'a> {
    #[serde(borrow)]
    country_code: Option<&'a str>,
    state1: Option<&'a str>,
    city: Option<&'a str>,
    latitude: Option<Degrees>,
    longitude: Option<Degrees>,
}

impl FlatRecord<'_> {
    /// The place, and where its city is; unknown fields are empty.
    pub fn place(self) -> (Place, Coordinates) {
        let country = self.country_code.unwrap_or_default();
        let place = Place {
            continent: continent(country).to_owned(),
            country: country.to_owned(),
            region: region(country, self.state1.unwrap_or_default()),
            city: self.city.unwrap_or_default().to_owned(),
        };
        let coordinates = of_city(&place, self.latitude, self.longitude);
        (place, coordinates)
    }
}

/// Files give a country's or a region's middle for addresses whose city they do not know; that is where nobody is.
fn of_city(place: &Place, latitude: Option<Degrees>, longitude: Option<Degrees>) -> Coordinates {
    match (latitude, longitude) {
        (Some(Degrees(latitude)), Some(Degrees(longitude))) if !place.city.is_empty() => {
            Coordinates::of_degrees(latitude, longitude)
        }
        _ => Coordinates::default(),
    }
}

/// A record of MaxMind's files; other languages and details are passed over.
#[derive(Deserialize)]
pub struct NestedRecord<'a> {
    #[serde(borrow)]
    continent: Option<Continent<'a>>,
    country: Option<Division<'a>>,
    subdivisions: Option<Vec<Division<'a>>>,
    city: Option<Division<'a>>,
    location: Option<Location>,
}

#[derive(Deserialize)]
struct Location {
    latitude: Option<Degrees>,
    longitude: Option<Degrees>,
}

#[derive(Deserialize)]
struct Continent<'a> {
    code: Option<&'a str>,
}

/// A country, a subdivision or a city.
#[derive(Deserialize)]
struct Division<'a> {
    #[serde(borrow)]
    iso_code: Option<&'a str>,
    names: Option<Names<'a>>,
}

#[derive(Deserialize)]
struct Names<'a> {
    en: Option<&'a str>,
}

impl Division<'_> {
    fn english(&self) -> &str {
        self.names.as_ref().and_then(|names| names.en).unwrap_or_default()
    }
}

impl NestedRecord<'_> {
    /// The place, and where its city is; unknown fields are empty.
    pub fn place(self) -> (Place, Coordinates) {
        let country = self.country.as_ref().and_then(|country| country.iso_code).unwrap_or_default();
        let region = match self.subdivisions.as_deref().and_then(<[_]>::first) {
            Some(Division { iso_code: Some(code), .. }) if !country.is_empty() => [country, "-", code].concat(),
            Some(division) => region(country, division.english()),
            None => String::new(),
        };
        let place = Place {
            continent: match self.continent.as_ref().and_then(|continent| continent.code) {
                Some(code) if !code.is_empty() => code.to_owned(),
                _ => continent(country).to_owned(),
            },
            country: country.to_owned(),
            region,
            city: self.city.as_ref().map_or("", Division::english).to_owned(),
        };
        let (latitude, longitude) = self.location.map_or((None, None), |at| (at.latitude, at.longitude));
        let coordinates = of_city(&place, latitude, longitude);
        (place, coordinates)
    }
}
