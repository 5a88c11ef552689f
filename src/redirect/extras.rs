//! What only some links have, prepared for visits.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::allowance::Limit;
use super::destination::Destination;
use super::interstitial::Interstitial;
use super::rules::Rules;
use super::variants::Test;
use super::visitor::{System, Visitor};
use crate::domain::link::{Link, LinkFields, LinkUtm, Preview};

/// What a cookie's name has as it is.
const IN_COOKIES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What only some links have; a plain link has none of it and pays for none of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extras {
    /// The argon2id hash of its password: until a visitor has given that, nothing of the link is told.
    pub password_hash: Option<Box<str>>,
    /// Show the destination in a frame under the short address.
    pub cloak: bool,
    /// Show social networks a page of its own: the link's owner asked for that, or wrote a title, description or picture for
    /// social networks. Its title in lists alone is none of that.
    pub preview: bool,
    /// What the page before the destination carries, or the frame of a cloaked link.
    pub interstitial: Option<Box<Interstitial>>,
    /// Anyone may see how many clicks it had.
    pub public_statistics: bool,
    /// What the pages of a cloaked or previewed link say.
    pub shown: Shown,
    /// The name of the cookie that keeps which click of this link a visitor's lead belongs to, percent-encoded; for links
    /// that tell their destination the click's id, and for those only.
    pub click_cookie: Option<Box<str>>,
    /// So many clicks and no more.
    pub(super) limit: Option<Box<Limit>>,
    /// What robots of social networks fetch is no click.
    pub(super) skip_previewers: bool,
    pub(super) rules: Option<Box<Rules>>,
    pub(super) test: Option<Box<Test>>,
    ios: Option<Destination>,
    android: Option<Destination>,
    /// By country, ascending.
    geo: Vec<([u8; 2], Destination)>,
}

/// What pages say of a link; empty for links without pages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// Its title.
    pub title: Option<Box<str>>,
    /// Its description.
    pub description: Option<Box<str>>,
    /// Address of a picture.
    pub image: Option<Box<str>>,
    /// Address of a video.
    pub video: Option<Box<str>>,
}

impl Extras {
    /// What a link has of it; `None` for a plain one.
    pub(super) fn prepare(link: &Link) -> Option<Box<Self>> {
        let fields = &link.fields;
        let own = |url: &str| aimed(link, url, &LinkUtm::default());
        let rules = Rules::prepare(fields, |url| aimed(link, url, &fields.utm));
        let test = Test::prepare(fields, |url| aimed(link, url, &fields.utm));
        // The map is in order of its keys, and so is what becomes of it.
        let geo = fields.geo_urls.iter().filter_map(|(country, url)| Some((code(country)?, own(url)?)));
        let preview = fields.custom_preview || has_preview(fields);
        let extras = Self {
            password_hash: fields.password_hash.as_deref().map(Into::into),
            cloak: fields.cloak,
            preview,
            interstitial: Interstitial::prepare(fields),
            public_statistics: fields.public_statistics,
            shown: if fields.cloak || preview { Shown::of(fields) } else { Shown::default() },
            click_cookie: names_click(fields).then(|| click_cookie(&link.domain, &link.slug).into()),
            limit: fields.max_clicks.map(|_| Box::default()),
            skip_previewers: fields.skip_social_crawlers,
            rules: rules.map(Box::new),
            test: test.map(Box::new),
            ios: fields.ios_url.as_deref().and_then(own),
            android: fields.android_url.as_deref().and_then(own),
            geo: geo.collect(),
        };
        (extras != Self::default()).then(|| Box::new(extras))
    }

    /// Where this visitor goes instead of the link's own destination: its device decides before its country (Dub contract,
    /// 6.1.5).
    pub(super) fn target_for(&self, visitor: &impl Visitor) -> Option<&Destination> {
        let by_device = || match visitor.system() {
            System::Ios => self.ios.as_ref(),
            System::Android => self.android.as_ref(),
            System::Other => None,
        };
        let by_country = || {
            let country = code(&visitor.country())?;
            let place = self.geo.binary_search_by_key(&country, |(known, _)| *known).ok()?;
            Some(&self.geo[place].1)
        };
        let has_devices = self.ios.is_some() || self.android.is_some();
        has_devices.then(by_device).flatten().or_else(|| (!self.geo.is_empty()).then(by_country).flatten())
    }

    /// Whether phones are sent to a place of their own, such as a store of apps.
    pub fn leads_to_apps(&self) -> bool {
        self.ios.is_some() || self.android.is_some()
    }

    /// Where some visitors are sent instead of the link's own destination.
    pub(super) fn destinations(&self) -> impl Iterator<Item = &Destination> {
        let rules = self.rules.iter().flat_map(|rules| rules.destinations());
        self.targets().chain(rules).chain(self.test.iter().flat_map(|test| test.destinations()))
    }

    /// By device and by country.
    pub(super) fn targets(&self) -> impl Iterator<Item = &Destination> {
        [&self.ios, &self.android].into_iter().flatten().chain(self.geo.iter().map(|(_, to)| to))
    }

    /// Bytes of memory it takes, roughly.
    pub(super) fn weight(&self) -> usize {
        let Shown { title, description, image, video } = &self.shown;
        let texts = [&self.password_hash, &self.click_cookie, title, description, image, video];
        size_of::<Self>()
            + self.geo.capacity() * size_of::<([u8; 2], Destination)>()
            + self.targets().map(Destination::weight).sum::<usize>()
            + self.test.as_ref().map_or(0, |test| test.weight())
            + self.rules.as_ref().map_or(0, |rules| rules.weight())
            + self.limit.as_ref().map_or(0, |_| size_of::<Limit>())
            + self.interstitial.as_ref().map_or(0, |carried| carried.weight())
            + texts.into_iter().flatten().map(|text| text.len()).sum::<usize>()
    }
}

impl Shown {
    /// The fields for social networks where the link has them, else its own.
    fn of(fields: &LinkFields) -> Self {
        let text = |special: &Option<String>, own: &Option<String>| {
            special.as_deref().or(own.as_deref()).filter(|text| !text.is_empty()).map(Into::into)
        };
        Self {
            title: text(&fields.preview.title, &fields.title),
            description: text(&fields.preview.description, &fields.description),
            image: text(&fields.preview.image, &fields.image),
            video: text(&None, &fields.video),
        }
    }
}

/// Whether the link says something to social networks and to nobody else.
fn has_preview(fields: &LinkFields) -> bool {
    let Preview { title, description, image } = &fields.preview;
    [title, description, image].into_iter().flatten().any(|text| !text.is_empty())
}

/// A destination of this link. Those of partners' links say whose they are: `via=<slug>` (Dub contract, 6.1.6).
pub(super) fn aimed(link: &Link, url: &str, utm: &LinkUtm) -> Option<Destination> {
    let destination = Destination::prepare(url, utm)?;
    Some(if is_partners(&link.fields) { destination.with_parameter("via", &link.slug) } else { destination })
}

/// Whether the destination is told the click's id.
pub(super) fn names_click(fields: &LinkFields) -> bool {
    fields.track_conversion || is_partners(fields)
}

fn is_partners(fields: &LinkFields) -> bool {
    fields.program_id.is_some() && fields.partner_id.is_some()
}

/// `dub_id_<domain>_<slug>`, in the letters that cookies' names may have.
fn click_cookie(domain: &str, slug: &str) -> String {
    utf8_percent_encode(&format!("dub_id_{domain}_{slug}"), IN_COOKIES).to_string()
}

fn code(country: &str) -> Option<[u8; 2]> {
    country.as_bytes().try_into().ok()
}
