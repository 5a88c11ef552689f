//! Address -> place, from MaxMind-format files.
//!
//! - Several files in order of preference; an address takes the first that knows its country.
//! - Two layouts: MaxMind's nested one (`country.iso_code`, `subdivisions[0]`, `city.names.en`) and the flat one of DB-IP's
//!   free files (`country_code`, `state1`, `city`). Which one a file has is read off its first record.
//! - Addresses that belong to no place (private, loopback, documentation and the like) are unknown, whatever a file says.
//! - Files are mapped into memory: replace them by renaming, never by writing into them.

mod continent;
mod record;
mod region;
#[cfg(test)]
mod writer;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use maxminddb::{MaxMindDbError, Mmap, PathElement, Reader, WithinOptions};

use crate::domain::event::Place;
use crate::domain::hit::PlaceHint;

use record::{FlatRecord, NestedRecord};

/// Records looked at to tell a file's layout.
const PROBED_RECORDS: usize = 256;

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
    /// In MaxMind's format, but about something else (networks, anonymity, ...), or empty.
    #[error("geo file {} holds no places: its type is {kind:?}", path.display())]
    NoPlaces {
        /// The file.
        path: PathBuf,
        /// What the file calls itself.
        kind: String,
    },
}

/// What the makers of the files in use ask to be said where their data is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// The sentence.
    pub text: &'static str,
    /// Where it links to.
    pub url: &'static str,
}

const DB_IP: Attribution = Attribution { text: "IP Geolocation by DB-IP", url: "https://db-ip.com" };
const GEOLITE: Attribution = Attribution {
    text: "This product includes GeoLite Data created by MaxMind, available from https://www.maxmind.com",
    url: "https://www.maxmind.com",
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Nested,
    Flat,
}

#[derive(Debug)]
struct GeoFile {
    path: PathBuf,
    reader: Reader<Mmap>,
    layout: Layout,
    /// A damaged record was met and logged.
    damaged: AtomicBool,
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
        match hint {
            None => self.look_up(address),
            // A complete hint needs no files.
            Some(hint) if known_country(&hint.country) && !hint.region.is_empty() && !hint.city.is_empty() => {
                with_hint(Place::default(), hint)
            }
            Some(hint) => with_hint(self.look_up(address), hint),
        }
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

    fn look_up(&self, address: IpAddr) -> Place {
        let address = address.to_canonical();
        if !has_place(address) {
            return Place::default();
        }
        self.files.iter().find_map(|file| file.place(address)).unwrap_or_default()
    }
}

impl GeoFile {
    fn open(path: &Path) -> Result<Self, GeoError> {
        let unreadable = |cause| GeoError::Unreadable { path: path.to_owned(), cause };
        // SAFETY: the mapping is valid as long as nobody shortens or rewrites the file in place; geo files are replaced by
        // renaming, as this module's head asks.
        let reader = unsafe { Reader::open_mmap(path) }.map_err(unreadable)?;
        let Some(layout) = layout(&reader).map_err(unreadable)? else {
            return Err(GeoError::NoPlaces { path: path.to_owned(), kind: reader.metadata().database_type.clone() });
        };
        Ok(Self { path: path.to_owned(), reader, layout, damaged: AtomicBool::new(false) })
    }

    /// `None` when the file does not know the country of `address`.
    fn place(&self, address: IpAddr) -> Option<Place> {
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return None;
        }
        match self.decode(address) {
            Ok(place) => place.filter(|place| !place.country.is_empty()),
            Err(error) => {
                if !self.damaged.swap(true, Ordering::Relaxed) {
                    tracing::warn!(file = %self.path.display(), %error, "geo file holds damaged records");
                }
                None
            }
        }
    }

    fn decode(&self, address: IpAddr) -> Result<Option<Place>, MaxMindDbError> {
        let found = self.reader.lookup(address)?;
        Ok(match self.layout {
            Layout::Flat => found.decode::<FlatRecord<'_>>()?.map(FlatRecord::place),
            Layout::Nested => found.decode::<NestedRecord<'_>>()?.map(NestedRecord::place),
        })
    }

    fn attribution(&self) -> Option<Attribution> {
        let kind = &self.reader.metadata().database_type;
        if kind.starts_with("GeoLite") {
            return Some(GEOLITE);
        }
        // The free DB-IP files come in both layouts; the flat ones do not name their maker inside.
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        (kind.starts_with("DBIP") || name.starts_with("dbip") || name.starts_with("db-ip")).then_some(DB_IP)
    }
}

/// Reads the layout off the first record that has a country.
fn layout(reader: &Reader<Mmap>) -> Result<Option<Layout>, MaxMindDbError> {
    for found in reader.networks(WithinOptions::default().skip_empty_values())?.take(PROBED_RECORDS) {
        let found = found?;
        // A path that leads through text is an error to the reader, which only says that the layout is another one.
        let has = |path: &[PathElement<'_>]| matches!(found.decode_path::<&str>(path), Ok(Some(_)));
        if has(&[PathElement::Key("country_code")]) {
            return Ok(Some(Layout::Flat));
        }
        if has(&[PathElement::Key("country"), PathElement::Key("iso_code")])
            || has(&[PathElement::Key("continent"), PathElement::Key("code")])
        {
            return Ok(Some(Layout::Nested));
        }
    }
    Ok(None)
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

/// Whether an address (canonical) can be somewhere: not private, local, reserved or made for documents.
fn has_place(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => v4_has_place(address),
        IpAddr::V6(address) => v6_has_place(address),
    }
}

fn v4_has_place(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    !(first == 0
        || first >= 240
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        // Shared by carriers behind their own translation.
        || (first == 100 && second & 0xC0 == 64)
        // Benchmarks, and IETF protocol assignments.
        || (first == 198 && second & 0xFE == 18)
        || (first == 192 && second == 0 && third == 0))
}

fn v6_has_place(address: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3; documents use 2001:db8::/32 and 3fff::/20 of it.
    let [first, second, ..] = address.segments();
    first & 0xE000 == 0x2000 && !(first == 0x2001 && second == 0x0DB8) && !(first == 0x3FFF && second & 0xF000 == 0)
}

#[cfg(test)]
mod tests {
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
    fn mapped_addresses_are_the_addresses_they_map() {
        let folder = tempfile::tempdir().unwrap();
        let geo = Geo::open(&files(folder.path())).unwrap();
        assert_eq!(place(&geo, "::ffff:8.8.8.8"), ["NA", "US", "US-CA", "Mountain View"]);
        assert_eq!(place(&geo, "::ffff:10.1.2.3"), ["", "", "", ""]);
    }

    #[test]
    fn what_is_nowhere() {
        for nowhere in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "64:ff9b::1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "3fff::1",
        ] {
            assert!(!has_place(nowhere.parse().unwrap()), "{nowhere}");
        }
        for somewhere in ["1.1.1.1", "100.128.0.1", "172.32.0.1", "192.0.1.1", "198.20.0.1", "2a02::1", "2001:4860::1"]
        {
            assert!(has_place(somewhere.parse().unwrap()), "{somewhere}");
        }
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
        let other = folder.path().join("asn.mmdb");
        let network = Value::Map(vec![("autonomous_system_number", Value::Number(7))]);
        write(&other, "GeoLite2-ASN", 4, &[("8.8.8.0", 24, network)]);
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
            }
        }
    }
}
