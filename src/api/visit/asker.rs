//! Who asks: what a decision may want to know of a visitor, read from the request when it is asked for.

use std::net::IpAddr;

use axum::http::HeaderMap;

use super::cookies::VARIANT;
use crate::domain::device::DeviceClass;
use crate::domain::hit::PlaceHint;
use crate::domain::id::DomainId;
use crate::domain::platform;
use crate::enrich::bot::{self, Category};
use crate::enrich::{Enricher, agent};
use crate::redirect::{System, Visitor};
use crate::web::client::{self, ClientRules, Peer};
use crate::web::cookie;

use super::locked::Lock;

/// The visitor of one request.
pub(super) struct Asker<'a> {
    pub(super) clients: &'a ClientRules,
    pub(super) enricher: &'a Enricher,
    pub(super) headers: &'a HeaderMap,
    /// The client, as far as trusted proxies tell it.
    pub(super) address: IpAddr,
    /// The other end of the connection.
    pub(super) peer: Peer,
    /// The short domain that was asked.
    pub(super) domain: DomainId,
    /// What may open the link to the visitor, where it has a password.
    pub(super) lock: Lock<'a>,
}

impl Asker<'_> {
    /// What a trusted edge says of the visitor's place.
    pub(super) fn place(&self) -> Option<PlaceHint> {
        self.clients.place(self.peer.0.ip(), self.headers)
    }

    fn bot(&self) -> Option<bot::Bot> {
        bot::find(&client::user_agent(self.headers))
    }
}

impl Visitor for Asker<'_> {
    fn is_bot(&self) -> bool {
        self.bot().is_some()
    }

    fn is_previewer(&self) -> bool {
        self.bot().is_some_and(|bot| bot.category == Category::Preview)
    }

    fn system(&self) -> System {
        match self.enricher.agent(&client::user_agent(self.headers)).os.as_str() {
            agent::IOS => System::Ios,
            agent::ANDROID => System::Android,
            _ => System::Other,
        }
    }

    fn platform(&self) -> String {
        platform::shown(&self.enricher.agent(&client::user_agent(self.headers)).os).to_owned()
    }

    fn device(&self) -> Option<DeviceClass> {
        DeviceClass::parse(&self.enricher.agent(&client::user_agent(self.headers)).device)
    }

    fn country(&self) -> String {
        self.enricher.place(self.address, self.place().as_ref()).country
    }

    fn variant(&self) -> Option<u64> {
        let mut shown = cookie::values(self.headers, VARIANT);
        shown.find_map(|value| u64::from_str_radix(value, 16).ok())
    }

    fn chance(&self) -> f64 {
        rand::random()
    }

    fn is_unlocked(&self, password_hash: &str) -> bool {
        self.lock.is_open(password_hash, self.headers)
    }
}
