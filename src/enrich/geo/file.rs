//! One file: what its records hold, and reading them.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use maxminddb::{MaxMindDbError, Mmap, PathElement, Reader, WithinOptions};
use serde::Deserialize;

use super::GeoError;
use super::network::NetworkRecord;
use super::record::{FlatRecord, NestedRecord};
use crate::domain::event::{Coordinates, Network, Place};

/// Records looked at to tell what a file holds.
const PROBED_RECORDS: usize = 256;

/// What the makers of the files in use ask to be said where their data is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// The sentence.
    pub text: &'static str,
    /// Where it links to.
    pub url: &'static str,
}

/// DB-IP's free files.
pub const DB_IP: Attribution = Attribution { text: "IP Geolocation by DB-IP", url: "https://db-ip.com" };
/// MaxMind's free files.
pub const GEOLITE: Attribution = Attribution {
    text: "This product includes GeoLite Data created by MaxMind, available from https://www.maxmind.com",
    url: "https://www.maxmind.com",
};

/// A file, opened.
#[derive(Debug)]
pub struct GeoFile {
    path: PathBuf,
    reader: Reader<Mmap>,
    places: Option<Layout>,
    networks: bool,
    /// A damaged record was met and logged.
    damaged: AtomicBool,
}

/// How a file's records write places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Nested,
    Flat,
}

impl GeoFile {
    /// Opens a file and looks at its first records.
    ///
    /// # Errors
    /// When it cannot be read, or knows neither places nor networks.
    pub fn open(path: &Path) -> Result<Self, GeoError> {
        let unreadable = |cause| GeoError::Unreadable { path: path.to_owned(), cause };
        // SAFETY: the mapping is valid as long as nobody shortens or rewrites the file in place; geo files are replaced by
        // renaming, as the head of the module above asks.
        let reader = unsafe { Reader::open_mmap(path) }.map_err(unreadable)?;
        let (places, networks) = contents(&reader).map_err(unreadable)?;
        if places.is_none() && !networks {
            return Err(GeoError::Unknown { path: path.to_owned(), kind: reader.metadata().database_type.clone() });
        }
        Ok(Self { path: path.to_owned(), reader, places, networks, damaged: AtomicBool::new(false) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it knows places.
    pub fn has_places(&self) -> bool {
        self.places.is_some()
    }

    /// `None` when the file does not know the country of `address`.
    pub fn place(&self, address: IpAddr) -> Option<(Place, Coordinates)> {
        let place = match self.places? {
            Layout::Flat => self.read(address, FlatRecord::place),
            Layout::Nested => self.read(address, NestedRecord::place),
        };
        place.filter(|(place, _)| !place.country.is_empty())
    }

    /// Adds what the file knows of the network of `address` and is not known yet.
    pub fn add_network(&self, address: IpAddr, network: &mut Network) {
        if self.networks {
            self.read(address, |record: NetworkRecord<'_>| record.add_to(network));
        }
    }

    fn read<'a, R: Deserialize<'a>, T>(&'a self, address: IpAddr, then: impl FnOnce(R) -> T) -> Option<T> {
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return None;
        }
        match self.reader.lookup(address).and_then(|found| found.decode()) {
            Ok(record) => record.map(then),
            Err(error) => {
                if !self.damaged.swap(true, Ordering::Relaxed) {
                    tracing::warn!(file = %self.path.display(), %error, "geo file holds damaged records");
                }
                None
            }
        }
    }

    /// What its maker asks to be said.
    pub fn attribution(&self) -> Option<Attribution> {
        let kind = &self.reader.metadata().database_type;
        if kind.starts_with("GeoLite") {
            return Some(GEOLITE);
        }
        // The free DB-IP files come in both layouts; the flat ones do not name their maker inside.
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        (kind.starts_with("DBIP") || name.starts_with("dbip") || name.starts_with("db-ip")).then_some(DB_IP)
    }
}

/// How places are written, told by the first record that has a country, and whether there are networks.
fn contents(reader: &Reader<Mmap>) -> Result<(Option<Layout>, bool), MaxMindDbError> {
    let (mut places, mut networks) = (None, false);
    for found in reader.networks(WithinOptions::default().skip_empty_values())?.take(PROBED_RECORDS) {
        let found = found?;
        // A path that leads through a value of another kind is an error to the reader, which only says that the layout is
        // another one.
        let text = |path: &[PathElement<'_>]| matches!(found.decode_path::<&str>(path), Ok(Some(_)));
        let number = |path: &[PathElement<'_>]| matches!(found.decode_path::<u32>(path), Ok(Some(_)));
        let flag = |path: &[PathElement<'_>]| matches!(found.decode_path::<bool>(path), Ok(Some(_)));
        use PathElement::Key;
        if places.is_none() {
            if text(&[Key("country_code")]) {
                places = Some(Layout::Flat);
            } else if text(&[Key("country"), Key("iso_code")]) || text(&[Key("continent"), Key("code")]) {
                places = Some(Layout::Nested);
            }
        }
        networks = networks
            || number(&[Key("autonomous_system_number")])
            || text(&[Key("isp")])
            || text(&[Key("as_name")])
            || flag(&[Key("is_anonymous")])
            || number(&[Key("traits"), Key("autonomous_system_number")])
            || text(&[Key("traits"), Key("isp")]);
        if places.is_some() && networks {
            break;
        }
    }
    Ok((places, networks))
}
