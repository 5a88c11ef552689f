//! The records of files about networks: who provides an address, and whether it hosts servers.

use serde::Deserialize;

use crate::domain::event::Network;

/// A record of an ASN, ISP or anonymous-IP file; enterprise files have the same fields in `traits`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct NetworkRecord<'a> {
    autonomous_system_number: u32,
    autonomous_system_organization: &'a str,
    isp: &'a str,
    is_hosting_provider: bool,
    /// `hosting` among other kinds.
    user_type: &'a str,
    /// `AS15169`, as some makers write it.
    asn: &'a str,
    /// The organization, as they do.
    as_name: &'a str,
    #[serde(borrow)]
    traits: Option<Box<NetworkRecord<'a>>>,
}

impl NetworkRecord<'_> {
    /// Adds what the record knows to what is known already. A provider's own name is preferred to that of its system.
    pub fn add_to(self, network: &mut Network) {
        let organization = [self.isp, self.autonomous_system_organization, self.as_name];
        if let Some(name) = organization.into_iter().find(|name| !name.is_empty() && network.isp.is_empty()) {
            network.isp = name.to_owned();
        }
        if network.asn == 0 {
            let number = self.asn.strip_prefix("AS").and_then(|number| number.parse().ok()).unwrap_or_default();
            network.asn = self.autonomous_system_number.max(number);
        }
        network.hosting |= self.is_hosting_provider || self.user_type == "hosting";
        if let Some(traits) = self.traits {
            traits.add_to(network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Geo;
    use super::super::writer::{Value, write};
    use crate::domain::event::Network;

    fn known(isp: &str, asn: u32, hosting: bool) -> Network {
        Network { isp: isp.into(), asn, hosting }
    }

    #[test]
    fn files_of_networks_add_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        let map = Value::Map;
        let system = |number, name| {
            map(vec![
                ("autonomous_system_number", Value::Number(number)),
                ("autonomous_system_organization", Value::Text(name)),
            ])
        };
        let isp = map(vec![("isp", Value::Text("Telia")), ("organization", Value::Text("Telia Company"))]);
        write(&path("isp.mmdb"), "GeoIP2-ISP", 6, &[("81.2.69.0", 24, isp)]);
        let systems = [
            ("81.2.69.0", 24, system(3301, "TELIANET")),
            ("52.0.0.0", 8, system(16509, "AMAZON-02")),
            ("2a02:100::", 32, system(1257, "TELE2")),
        ];
        write(&path("asn.mmdb"), "GeoLite2-ASN", 6, &systems);
        let hosting = map(vec![("is_anonymous", Value::Flag(true)), ("is_hosting_provider", Value::Flag(true))]);
        write(&path("anonymous.mmdb"), "GeoIP2-Anonymous-IP", 4, &[("9.9.9.0", 24, hosting)]);
        let traits = map(vec![("isp", Value::Text("Cable")), ("user_type", Value::Text("hosting"))]);
        let enterprise = map(vec![("country", map(vec![("iso_code", Value::Text("SE"))])), ("traits", traits)]);
        write(&path("enterprise.mmdb"), "GeoIP2-Enterprise", 4, &[("5.5.5.0", 24, enterprise)]);
        let lite = map(vec![
            ("asn", Value::Text("AS680")),
            ("as_name", Value::Text("DFN")),
            ("country_code", Value::Text("DE")),
        ]);
        write(&path("lite.mmdb"), "ipinfo lite.mmdb", 4, &[("6.6.6.0", 24, lite)]);
        let files = ["isp.mmdb", "asn.mmdb", "anonymous.mmdb", "enterprise.mmdb", "lite.mmdb"].map(path);
        let geo = Geo::open(&files).unwrap();
        for (address, expected) in [
            ("81.2.69.142", known("Telia", 3301, false)),
            ("::ffff:81.2.69.142", known("Telia", 3301, false)),
            ("2a02:100::1", known("TELE2", 1257, false)),
            ("52.1.2.3", known("AMAZON-02", 16509, true)),
            ("9.9.9.9", known("", 0, true)),
            ("5.5.5.5", known("Cable", 0, true)),
            ("6.6.6.6", known("DFN", 680, false)),
            ("7.7.7.7", Network::default()),
            ("10.1.2.3", Network::default()),
        ] {
            assert_eq!(geo.network(address.parse().unwrap()), expected, "{address}");
        }
        let country = |address: &str| geo.place(address.parse().unwrap(), None).country;
        assert_eq!([country("5.5.5.5"), country("6.6.6.6"), country("81.2.69.142")], ["SE", "DE", ""]);
        assert!(geo.knows_places() && !Geo::open(&files[..3]).unwrap().knows_places());
    }
}
