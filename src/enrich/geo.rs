//! Address -> place and network, from MaxMind-format files.
//!
//! - Several files in order of preference; an address takes the first that knows its country, and what each file knows of
//!   its network, the first one winning.
//! - Two layouts of places: MaxMind's nested one (`country.iso_code`, `subdivisions[0]`, `city.names.en`) and the flat one of
//!   DB-IP's free files (`country_code`, `state1`, `city`). Networks are read from ASN, ISP, anonymous-IP and enterprise
//!   files. What a file has is read off its first records.
//! - Addresses that belong to no place (private, loopback, documentation and the like) are unknown, whatever a file says.
//! - Files are mapped into memory: replace them by renaming, never by writing into them.

mod address;
mod continent;
mod file;
mod hosting;
mod network;
mod record;
mod region;
#[cfg(test)]
mod writer;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::MaxMindDbError;

use crate::domain::event::{Coordinates, Network, Place};
use crate::domain::hit::PlaceHint;

use address::has_place;
use file::GeoFile;

pub use file::Attribution;
pub use region::region_name;

/// Geo files, opened. The default has none: every address is unknown.
#[derive(Debug, Default)]
pub struct Geo {
    files: Vec<GeoFile>,
}

/// A geo file that cannot be used; the message names it.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// Not there, not readable, or not in MaxMind's format.
    #[error("geo file {} cannot be read: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: MaxMindDbError,
    },
    /// In MaxMind's format, but about something else (kinds of connection, domains, ...), or empty.
    #[error("geo file {} holds neither places nor networks: its type is {kind:?}", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What the file calls itself.
        kind: String,
    },
}

impl Geo {
    /// Opens `files`, in order of preference. Fails at the first that cannot be used.
    pub fn open<P: AsRef<Path>>(files: &[P]) -> Result<Self, GeoError> {
        let files = files.iter().map(|path| GeoFile::open(path.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { files })
    }

    /// The place of `address`; what a trusted edge says (`hint`) wins, field by field. A hint of another country makes
    /// void what the files say of region and city.
    pub fn place(&self, address: IpAddr, hint: Option<&PlaceHint>) -> Place {
        self.locate(address, hint).0
    }

    /// As [`place`](Self::place), with where its city is: known only of the city that the files name.
    pub fn locate(&self, address: IpAddr, hint: Option<&PlaceHint>) -> (Place, Coordinates) {
        let Some(hint) = hint else { return self.look_up(address) };
        let (found, coordinates) = self.look_up(address);
        let place = with_hint(found.clone(), hint);
        let is_same = (&place.country, &place.region, &place.city) == (&found.country, &found.region, &found.city);
        (place, if is_same { coordinates } else { Coordinates::default() })
    }

    /// Through whose network `address` comes; empty when no file knows.
    pub fn network(&self, address: IpAddr) -> Network {
        let address = address.to_canonical();
        let mut network = Network::default();
        if has_place(address) {
            for file in &self.files {
                file.add_network(address, &mut network);
            }
            network.hosting |= hosting::is_hosting(network.asn);
        }
        network
    }

    /// The files, in order of preference.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(GeoFile::path)
    }

    /// Whether any file knows places.
    pub fn knows_places(&self) -> bool {
        self.files.iter().any(GeoFile::has_places)
    }

    /// What must be said where places are shown, each maker once.
    pub fn attribution(&self) -> Vec<Attribution> {
        let mut said = Vec::new();
        for file in &self.files {
            if let Some(attribution) = file.attribution().filter(|attribution| !said.contains(attribution)) {
                said.push(attribution);
            }
        }
        said
    }

    fn look_up(&self, address: IpAddr) -> (Place, Coordinates) {
        let address = address.to_canonical();
        if !has_place(address) {
            return Default::default();
        }
        self.files.iter().find_map(|file| file.place(address)).unwrap_or_default()
    }
}

/// Two capital letters; edges write `XX` for unknown and `T1` for Tor.
fn known_country(country: &str) -> bool {
    country.len() == 2 && country.bytes().all(|letter| letter.is_ascii_uppercase()) && country != "XX"
}

fn with_hint(mut place: Place, hint: &PlaceHint) -> Place {
    if known_country(&hint.country) {
        if hint.country != place.country {
            place = Place {
                country: hint.country.clone(),
                continent: continent::continent(&hint.country).to_owned(),
                ..Place::default()
            };
        }
        if !hint.region.is_empty() {
            place.region = [&hint.country, "-", &hint.region].concat();
        }
    } else if !hint.region.is_empty() && !place.country.is_empty() {
        place.region = [&place.country, "-", &hint.region].concat();
    }
    if !hint.city.is_empty() {
        place.city.clone_from(&hint.city);
    }
    if ["AF", "AN", "AS", "EU", "NA", "OC", "SA"].contains(&hint.continent.as_str()) {
        place.continent.clone_from(&hint.continent);
    }
    place
}

#[cfg(test)]
mod tests {
    use super::file::{DB_IP, GEOLITE};
    use super::writer::{Value, write};
    use super::*;

    fn nested(continent: &'static str, country: &'static str, region: &'static str, city: &'static str) -> Value {
        let names = |name| Value::Map(vec![("de", Value::Text("anders")), ("en", Value::Text(name))]);
        Value::Map(vec![
            ("city", Value::Map(vec![("geoname_id", Value::Number(7)), ("names", names(city))])),
            ("continent", Value::Map(vec![("code", Value::Text(continent))])),
            ("country", Value::Map(vec![("iso_code", Value::Text(country))])),
            (
                "subdivisions",
                Value::List(vec![
                    Value::Map(vec![("iso_code", Value::Text(region))]),
                    Value::Map(vec![("iso_code", Value::Text("second"))]),
                ]),
            ),
        ])
    }

    fn flat(country: &'static str, region: &'static str, city: &'static str) -> Value {
        Value::Map(vec![
            ("city", Value::Text(city)),
            ("country_code", Value::Text(country)),
            ("latitude", Value::Number(1)),
            ("state1", Value::Text(region)),
        ])
    }

    fn place(geo: &Geo, address: &str) -> [String; 4] {
        let Place { continent, country, region, city } = geo.place(address.parse().unwrap(), None);
        [continent, country, region, city]
    }

    /// A nested file, a flat one for IPv4 only, and one for countries that knows everything.
    fn files(folder: &Path) -> Vec<PathBuf> {
        let paths = ["nested.mmdb", "dbip-city-ipv4.mmdb", "dbip-country.mmdb"].map(|name| folder.join(name));
        let nested_records = [
            ("81.2.69.0", 24, nested("EU", "GB", "ENG", "London")),
            ("2a02:100::", 32, nested("", "SE", "E", "Linköping")),
            ("9.9.9.0", 24, Value::Map(vec![("continent", Value::Map(vec![("code", Value::Text("EU"))]))])),
        ];
        write(&paths[0], "GeoLite2-City", 6, &nested_records);
        let flat_records =
            [("8.8.8.0", 24, flat("US", "California", "Mountain View")), ("10.0.0.0", 8, flat("FR", "", ""))];
        write(&paths[1], "city ipv4", 4, &flat_records);
        let country = |code| Value::Map(vec![("country_code", Value::Text(code))]);
        write(&paths[2], "country ipvAll", 6, &[("8.0.0.0", 6, country("CA")), ("2000::", 3, country("DE"))]);
        paths.to_vec()
    }

    #[test]
    fn both_layouts_and_the_order_of_files() {
        let folder = tempfile::tempdir().unwrap();
        let geo = Geo::open(&files(folder.path())).unwrap();
        assert_eq!(place(&geo, "81.2.69.142"), ["EU", "GB", "GB-ENG", "London"]);
        assert_eq!(place(&geo, "8.8.8.8"), ["NA", "US", "US-CA", "Mountain View"]);
        assert_eq!(place(&geo, "8.8.9.1"), ["NA", "CA", "", ""]);
        assert_eq!(place(&geo, "2a02:100::1"), ["EU", "SE", "SE-E", "Linköping"]);
        assert_eq!(place(&geo, "2a03::1"), ["EU", "DE", "", ""]);
        // A record without a country is passed over, as is an address that no file has.
        assert_eq!(place(&geo, "9.9.9.9"), ["NA", "CA", "", ""]);
        assert_eq!(place(&geo, "200.1.1.1"), ["", "", "", ""]);
        assert_eq!(geo.attribution(), [GEOLITE, DB_IP]);
        assert_eq!(Geo::default().place("8.8.8.8".parse().unwrap(), None), Place::default());
    }

    #[test]
    fn cities_are_somewhere() {
        let folder = tempfile::tempdir().unwrap();
        let at = |latitude, longitude| (Value::Double(latitude), Value::Double(longitude));
        let nested = |city, (latitude, longitude)| {
            let Value::Map(mut fields) = nested("NA", "US", "TX", city) else { unreachable!("it is a map") };
            fields.push(("location", Value::Map(vec![("latitude", latitude), ("longitude", longitude)])));
            Value::Map(fields)
        };
        let records = [
            ("8.8.8.0", 24, nested("Austin", at(30.2672, -97.7431))),
            ("8.8.9.0", 24, nested("", at(37.751, -97.822))),
        ];
        let paths = ["nested.mmdb", "dbip-city.mmdb"].map(|name| folder.path().join(name));
        write(&paths[0], "GeoLite2-City", 6, &records);
        let flat = Value::Map(vec![
            ("city", Value::Text("Sydney")),
            ("country_code", Value::Text("AU")),
            // DB-IP's are of single precision.
            ("latitude", Value::Single(-33.8688)),
            ("longitude", Value::Single(151.2093)),
        ]);
        write(&paths[1], "city", 4, &[("1.2.3.0", 24, flat)]);
        let geo = Geo::open(&paths).unwrap();
        let degrees = |address: &str, hint: Option<&PlaceHint>| geo.locate(address.parse().unwrap(), hint).1.degrees();
        assert_eq!(degrees("8.8.8.8", None), Some((30.2672, -97.7431)));
        assert_eq!(degrees("1.2.3.4", None), Some((-33.8688, 151.2093)));
        // The middle of a country is no city, and another city is elsewhere.
        assert_eq!(degrees("8.8.9.9", None), None);
        let hint = |city: &str| PlaceHint { country: "US".into(), city: city.into(), ..PlaceHint::default() };
        assert_eq!(degrees("8.8.8.8", Some(&hint("Dallas"))), None);
        assert_eq!(degrees("8.8.8.8", Some(&hint("Austin"))), Some((30.2672, -97.7431)));
        assert_eq!(degrees("9.9.9.9", None), None);
    }

    #[test]
    fn mapped_addresses_are_the_addresses_they_map() {
        let folder = tempfile::tempdir().unwrap();
        let geo = Geo::open(&files(folder.path())).unwrap();
        assert_eq!(place(&geo, "::ffff:8.8.8.8"), ["NA", "US", "US-CA", "Mountain View"]);
        assert_eq!(place(&geo, "::ffff:10.1.2.3"), ["", "", "", ""]);
    }

    #[test]
    fn hints_win_field_by_field() {
        let folder = tempfile::tempdir().unwrap();
        let geo = Geo::open(&files(folder.path())).unwrap();
        let asked = |country: &str, region: &str, city: &str, continent: &str| {
            let hint = PlaceHint {
                country: country.into(),
                region: region.into(),
                city: city.into(),
                continent: continent.into(),
            };
            let Place { continent, country, region, city } = geo.place("8.8.8.8".parse().unwrap(), Some(&hint));
            [continent, country, region, city]
        };
        assert_eq!(asked("", "", "", ""), ["NA", "US", "US-CA", "Mountain View"]);
        assert_eq!(asked("US", "NY", "New York", "NA"), ["NA", "US", "US-NY", "New York"]);
        assert_eq!(asked("US", "", "Palo Alto", ""), ["NA", "US", "US-CA", "Palo Alto"]);
        assert_eq!(asked("", "NV", "", ""), ["NA", "US", "US-NV", "Mountain View"]);
        // A region of one country and a city of another would be no place at all.
        assert_eq!(asked("DE", "", "", ""), ["EU", "DE", "", ""]);
        assert_eq!(asked("DE", "BE", "", ""), ["EU", "DE", "DE-BE", ""]);
        // Cloudflare's unknown and Tor, and what no edge would say.
        assert_eq!(asked("XX", "", "", ""), ["NA", "US", "US-CA", "Mountain View"]);
        assert_eq!(asked("T1", "", "", "??"), ["NA", "US", "US-CA", "Mountain View"]);
    }

    #[test]
    fn unusable_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.mmdb");
        let broken = folder.path().join("broken.mmdb");
        std::fs::write(&broken, "not a database").unwrap();
        let other = folder.path().join("domain.mmdb");
        let domain = Value::Map(vec![("domain", Value::Text("example.com"))]);
        write(&other, "GeoIP2-Domain", 4, &[("8.8.8.0", 24, domain)]);
        let empty = folder.path().join("empty.mmdb");
        write(&empty, "GeoLite2-City", 4, &[]);
        for path in [missing, broken, other, empty] {
            let error = Geo::open(&[&path]).unwrap_err().to_string();
            assert!(error.contains(&*path.to_string_lossy()), "{error}");
        }
    }

    #[test]
    fn a_cut_file_never_panics() {
        let folder = tempfile::tempdir().unwrap();
        let whole = std::fs::read(&files(folder.path())[0]).unwrap();
        let path = folder.path().join("cut.mmdb");
        for flipped in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[flipped] ^= 0x41;
            std::fs::write(&path, &damaged).unwrap();
            if let Ok(geo) = Geo::open(&[&path]) {
                let _ = place(&geo, "81.2.69.142");
                let _ = place(&geo, "2a02:100::1");
                let _ = geo.network("81.2.69.142".parse().unwrap());
            }
        }
    }
}
