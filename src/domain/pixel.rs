//! The networks whose pixels a link may carry: one table of names, ids and hosts.
//!
//! Ids end up in scripts and addresses of pages, so an id is nothing but what [`Network::parse_id`] lets through: ASCII
//! letters, digits, `-` and `_`, in the network's own form.

/// A network that counts visitors of pages. In a link its id stands under the network's [`key`](Network::key).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// Facebook and Instagram.
    Meta,
    /// Google Analytics 4 and the other Google tags.
    Ga4,
    /// A container of Google Tag Manager: whatever its owner put in there.
    Gtm,
    /// TikTok.
    Tiktok,
    /// LinkedIn.
    Linkedin,
    /// Microsoft Advertising.
    MicrosoftUet,
    /// Pinterest.
    Pinterest,
    /// Reddit.
    Reddit,
    /// Snapchat.
    Snapchat,
    /// X, formerly Twitter.
    X,
}

/// Where a network's code loads from and reports to, as source lists of a content security policy have it.
#[derive(Clone, Copy, Debug)]
pub struct Hosts {
    /// Scripts.
    pub script: &'static str,
    /// Pictures.
    pub image: &'static str,
    /// Requests by scripts.
    pub connect: &'static str,
    /// Frames; empty for none.
    pub frame: &'static str,
}

/// A text that is no id of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, such as {example}")]
pub struct NoId {
    /// What such an id looks like.
    pub expected: &'static str,
    /// One.
    pub example: &'static str,
}

struct Spec {
    key: &'static str,
    label: &'static str,
    linkly: &'static str,
    brevr: Option<&'static str>,
    form: Form,
    expected: &'static str,
    example: &'static str,
    hosts: Hosts,
}

/// What an id looks like: one of the prefixes, then so many of these letters.
struct Form {
    prefixes: &'static [&'static str],
    letters: Letters,
    least: usize,
    most: usize,
}

#[derive(Clone, Copy)]
enum Letters {
    Digits,
    Upper,
    Lower,
    /// Groups of hexadecimal digits, 8-4-4-4-12.
    Uuid,
}

const META: Spec = Spec {
    key: "meta",
    label: "Meta",
    linkly: "fb_pixel_id",
    brevr: Some("metaPixelId"),
    form: Form { prefixes: &[""], letters: Letters::Digits, least: 5, most: 20 },
    expected: "5 to 20 digits",
    example: "1234567890123456",
    hosts: Hosts {
        script: "https://connect.facebook.net",
        image: "https://www.facebook.com",
        connect: "https://www.facebook.com https://connect.facebook.net",
        frame: "https://www.facebook.com",
    },
};

const GA4: Spec = Spec {
    key: "ga4",
    label: "Google",
    linkly: "ga4_tag_id",
    brevr: Some("googleTagId"),
    form: Form { prefixes: &["G-", "GT-", "AW-", "DC-"], letters: Letters::Upper, least: 4, most: 20 },
    expected: "G-, GT-, AW- or DC- and 4 to 20 letters or digits",
    example: "G-ABC123DEF4",
    hosts: Hosts {
        script: "https://www.googletagmanager.com https://www.googleadservices.com https://googleads.g.doubleclick.net",
        image: "https://*.google-analytics.com https://www.googletagmanager.com https://www.google.com \
                https://googleads.g.doubleclick.net https://www.googleadservices.com",
        connect: "https://*.google-analytics.com https://*.analytics.google.com https://www.googletagmanager.com \
                  https://www.google.com https://stats.g.doubleclick.net https://googleads.g.doubleclick.net",
        frame: "https://www.googletagmanager.com https://td.doubleclick.net",
    },
};

// What a container loads is its owner's choice and not known here.
const GTM: Spec = Spec {
    key: "gtm",
    label: "Google Tag Manager",
    linkly: "gtm_id",
    brevr: Some("gtmContainerId"),
    form: Form { prefixes: &["GTM-"], letters: Letters::Upper, least: 4, most: 12 },
    expected: "GTM- and 4 to 12 letters or digits",
    example: "GTM-ABC1234",
    hosts: Hosts {
        script: "https://www.googletagmanager.com",
        image: "https: data:",
        connect: "https: wss:",
        frame: "https:",
    },
};

const TIKTOK: Spec = Spec {
    key: "tiktok",
    label: "TikTok",
    linkly: "tiktok_pixel_id",
    brevr: None,
    form: Form { prefixes: &[""], letters: Letters::Upper, least: 15, most: 30 },
    expected: "15 to 30 letters or digits",
    example: "C4A1B2C3D4E5F6G7H8I9",
    hosts: Hosts {
        script: "https://analytics.tiktok.com",
        image: "https://analytics.tiktok.com",
        connect: "https://analytics.tiktok.com https://*.tiktokw.us",
        frame: "",
    },
};

const LINKEDIN: Spec = Spec {
    key: "linkedin",
    label: "LinkedIn",
    linkly: "linkedin_partner_id",
    brevr: None,
    form: Form { prefixes: &[""], letters: Letters::Digits, least: 3, most: 12 },
    expected: "3 to 12 digits",
    example: "1234567",
    hosts: Hosts {
        script: "https://snap.licdn.com",
        image: "https://px.ads.linkedin.com https://www.linkedin.com https://px4.ads.linkedin.com",
        connect: "https://px.ads.linkedin.com https://px4.ads.linkedin.com https://snap.licdn.com",
        frame: "",
    },
};

const MICROSOFT_UET: Spec = Spec {
    key: "microsoft_uet",
    label: "Microsoft UET",
    linkly: "microsoft_uet_tag_id",
    brevr: None,
    form: Form { prefixes: &[""], letters: Letters::Digits, least: 5, most: 12 },
    expected: "5 to 12 digits",
    example: "12345678",
    hosts: Hosts {
        script: "https://bat.bing.com",
        image: "https://bat.bing.com https://bat.bing.net",
        connect: "https://bat.bing.com https://bat.bing.net",
        frame: "",
    },
};

const PINTEREST: Spec = Spec {
    key: "pinterest",
    label: "Pinterest",
    linkly: "pinterest_tag_id",
    brevr: None,
    form: Form { prefixes: &[""], letters: Letters::Digits, least: 8, most: 20 },
    expected: "8 to 20 digits",
    example: "2612345678901",
    hosts: Hosts {
        script: "https://s.pinimg.com",
        image: "https://ct.pinterest.com",
        connect: "https://ct.pinterest.com",
        frame: "https://ct.pinterest.com",
    },
};

const REDDIT: Spec = Spec {
    key: "reddit",
    label: "Reddit",
    linkly: "reddit_pixel_id",
    brevr: None,
    form: Form { prefixes: &["t2_", "a2_"], letters: Letters::Lower, least: 3, most: 20 },
    expected: "t2_ or a2_ and 3 to 20 letters or digits",
    example: "a2_abc123def456",
    hosts: Hosts {
        script: "https://www.redditstatic.com",
        image: "https://alb.reddit.com",
        connect: "https://alb.reddit.com https://www.redditstatic.com https://pixel-config.reddit.com \
                  https://conversions-config.reddit.com",
        frame: "",
    },
};

const SNAPCHAT: Spec = Spec {
    key: "snapchat",
    label: "Snapchat",
    linkly: "snapchat_pixel_id",
    brevr: None,
    form: Form { prefixes: &[""], letters: Letters::Uuid, least: 36, most: 36 },
    expected: "a UUID",
    example: "01234567-89ab-cdef-0123-456789abcdef",
    hosts: Hosts {
        script: "https://sc-static.net https://tr.snapchat.com",
        image: "https://tr.snapchat.com https://tr6.snapchat.com",
        connect: "https://tr.snapchat.com https://tr6.snapchat.com",
        frame: "https://tr.snapchat.com",
    },
};

const X: Spec = Spec {
    key: "x",
    label: "X",
    linkly: "twitter_pixel_id",
    brevr: None,
    form: Form { prefixes: &[""], letters: Letters::Lower, least: 4, most: 10 },
    expected: "4 to 10 letters or digits",
    example: "o1a2b",
    hosts: Hosts {
        script: "https://static.ads-twitter.com",
        image: "https://t.co https://analytics.twitter.com",
        connect: "https://t.co https://analytics.twitter.com https://static.ads-twitter.com",
        frame: "",
    },
};

impl Network {
    /// Every network, in the order of their keys in the contract.
    pub const ALL: [Self; 10] = [
        Self::Meta,
        Self::Ga4,
        Self::Gtm,
        Self::Tiktok,
        Self::Linkedin,
        Self::MicrosoftUet,
        Self::Pinterest,
        Self::Reddit,
        Self::Snapchat,
        Self::X,
    ];

    fn spec(self) -> &'static Spec {
        match self {
            Self::Meta => &META,
            Self::Ga4 => &GA4,
            Self::Gtm => &GTM,
            Self::Tiktok => &TIKTOK,
            Self::Linkedin => &LINKEDIN,
            Self::MicrosoftUet => &MICROSOFT_UET,
            Self::Pinterest => &PINTEREST,
            Self::Reddit => &REDDIT,
            Self::Snapchat => &SNAPCHAT,
            Self::X => &X,
        }
    }

    /// The network of a key.
    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|network| network.key() == key)
    }

    /// The network of a field of Linkly's links, such as `fb_pixel_id`.
    pub fn of_linkly(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|network| network.linkly() == name)
    }

    /// The network of a field of Brevr's links, such as `metaPixelId`.
    pub fn of_brevr(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|network| network.brevr() == Some(name))
    }

    /// Its key in [`LinkFields::pixels`](super::link::LinkFields::pixels).
    pub fn key(self) -> &'static str {
        self.spec().key
    }

    /// Its name for people.
    pub fn label(self) -> &'static str {
        self.spec().label
    }

    /// The field of Linkly's links that holds its id.
    pub fn linkly(self) -> &'static str {
        self.spec().linkly
    }

    /// The field of Brevr's links that holds its id, where they have one.
    pub fn brevr(self) -> Option<&'static str> {
        self.spec().brevr
    }

    /// Where its code loads from and reports to.
    pub fn hosts(self) -> &'static Hosts {
        &self.spec().hosts
    }

    /// Reads an id: blanks around it are dropped, and letters take the case that the network writes them in.
    ///
    /// # Errors
    /// [`NoId`] for everything that is not in the network's form.
    pub fn parse_id(self, text: &str) -> Result<String, NoId> {
        let Spec { form, expected, example, .. } = self.spec();
        form.read(text.trim()).ok_or(NoId { expected, example })
    }
}

impl Form {
    fn read(&self, text: &str) -> Option<String> {
        if !text.is_ascii() {
            return None;
        }
        let text = match self.letters {
            Letters::Digits => text.to_owned(),
            Letters::Upper => text.to_ascii_uppercase(),
            Letters::Lower | Letters::Uuid => text.to_ascii_lowercase(),
        };
        let fits = |rest: &str| (self.least..=self.most).contains(&rest.len()) && self.letters.are(rest);
        self.prefixes.iter().any(|prefix| text.strip_prefix(prefix).is_some_and(fits)).then_some(text)
    }
}

impl Letters {
    fn are(self, text: &str) -> bool {
        match self {
            Self::Digits => text.bytes().all(|byte| byte.is_ascii_digit()),
            Self::Upper => text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()),
            Self::Lower => text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()),
            Self::Uuid => {
                let is_right = |(place, byte): (usize, u8)| match place {
                    8 | 13 | 18 | 23 => byte == b'-',
                    _ => byte.is_ascii_hexdigit(),
                };
                text.bytes().enumerate().all(is_right)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_network_has_names_of_its_own() {
        let mut names = HashSet::new();
        for network in Network::ALL {
            assert!(names.insert(network.key()) && names.insert(network.linkly()), "{network:?}");
            assert!(network.brevr().is_none_or(|name| names.insert(name)), "{network:?}");
            assert_eq!(Network::of_key(network.key()), Some(network));
            assert_eq!(Network::of_linkly(network.linkly()), Some(network));
            assert!(network.brevr().is_none_or(|name| Network::of_brevr(name) == Some(network)));
            let Spec { example, .. } = network.spec();
            assert_eq!(network.parse_id(example).as_deref(), Ok(*example));
        }
        assert_eq!((Network::of_key(""), Network::of_key("META"), Network::of_brevr("")), (None, None, None));
    }

    #[test]
    fn ids_take_their_form() {
        for (network, text, expected) in [
            (Network::Meta, " 1234567890 ", Some("1234567890")),
            (Network::Meta, "1234", None),
            (Network::Meta, "123456789012345678901", None),
            (Network::Meta, "12345a", None),
            (Network::Meta, "１２３４５", None),
            (Network::Ga4, "g-abc123", Some("G-ABC123")),
            (Network::Ga4, "AW-123456789", Some("AW-123456789")),
            (Network::Ga4, "UA-12345-1", None),
            (Network::Ga4, "G-", None),
            (Network::Gtm, "gtm-K1234", Some("GTM-K1234")),
            (Network::Gtm, "GTM-K12'34", None),
            (Network::Tiktok, "c4a1b2c3d4e5f6g7h8i9", Some("C4A1B2C3D4E5F6G7H8I9")),
            (Network::Tiktok, "C4A1", None),
            (Network::Linkedin, "1234567", Some("1234567")),
            (Network::MicrosoftUet, "12345678", Some("12345678")),
            (Network::Pinterest, "2612345678901", Some("2612345678901")),
            (Network::Reddit, "T2_ABC123", Some("t2_abc123")),
            (Network::Reddit, "abc123", None),
            (Network::Snapchat, "01234567-89AB-CDEF-0123-456789ABCDEF", Some("01234567-89ab-cdef-0123-456789abcdef")),
            (Network::Snapchat, "0123456789abcdef0123456789abcdef0000", None),
            (Network::X, "O1A2B", Some("o1a2b")),
            (Network::X, "o1a</script>", None),
            (Network::X, "", None),
        ] {
            assert_eq!(network.parse_id(text).ok().as_deref(), expected, "{network:?} {text}");
        }
        assert_eq!(
            Network::X.parse_id("?").unwrap_err().to_string(),
            "expected 4 to 10 letters or digits, such as o1a2b"
        );
    }

    proptest! {
        #[test]
        fn ids_end_nothing(text in "([GTMtaW2_-]{0,4}[0-9A-Za-z'\"<>/\\\\;&\n -]{0,36})|.{0,40}") {
            for network in Network::ALL {
                if let Ok(id) = network.parse_id(&text) {
                    prop_assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{id}");
                    prop_assert_eq!(network.parse_id(&id), Ok(id.clone()));
                }
            }
        }
    }
}
