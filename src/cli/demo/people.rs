//! Who clicks in the demo: visitors with an address, an agent and a habit of coming back.

use std::net::{IpAddr, Ipv4Addr};

use rand::{Rng, RngExt};

/// Share of visitors by country, in thousandths; the rest comes from anywhere.
const COUNTRIES: [(&str, u32); 22] = [
    ("US", 310),
    ("DE", 95),
    ("GB", 88),
    ("FR", 62),
    ("IN", 58),
    ("CA", 45),
    ("BR", 40),
    ("NL", 34),
    ("ES", 30),
    ("AU", 28),
    ("IT", 26),
    ("JP", 24),
    ("PL", 20),
    ("SE", 18),
    ("MX", 17),
    ("CH", 15),
    ("SG", 13),
    ("AT", 12),
    ("ZA", 10),
    ("KR", 10),
    ("NG", 8),
    ("NO", 7),
];

/// Agents and their share in thousandths. Robots come last.
const AGENTS: [(&str, u32); 30] = [
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        190,
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
        170,
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
        150,
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        85,
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
        60,
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        55,
    ),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", 32),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 405.0.0.33.95 (iPhone15,3; iOS 18_6; en_US; en; scale=3.00; 1290x2796)",
        30,
    ),
    (
        "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S928B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36",
        26,
    ),
    ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", 18),
    (
        "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
        17,
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1",
        16,
    ),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0", 12),
    ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", 11),
    (
        "Mozilla/5.0 (Linux; Android 15; Pixel 9 Build/AP4A.250105.002; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/141.0.7390.122 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/535.0.0.49.72;]",
        11,
    ),
    ("Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", 9),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 OPR/125.0.0.0",
        9,
    ),
    (
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        8,
    ),
    (
        "Mozilla/5.0 (Linux; Android 14; SM-X910) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        6,
    ),
    (
        "Mozilla/5.0 (Linux; Android 13; 22101316G) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36 OPR/93.0.0.0",
        5,
    ),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 22),
    (
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/136.0.0.0 Safari/537.36",
        12,
    ),
    ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", 10),
    ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", 8),
    ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.3; +https://openai.com/gptbot)", 8),
    ("WhatsApp/2.23.20.0", 6),
    ("Twitterbot/1.0", 5),
    ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", 4),
    ("curl/8.14.1", 3),
    ("python-requests/2.32.5", 2),
];

/// Visitors of one country that are drawn from.
const ADDRESSES_A_COUNTRY: usize = 600;

/// Addresses and agents to draw visitors from.
pub struct People {
    countries: Picker<Vec<Ipv4Addr>>,
    agents: Picker<&'static str>,
    visitors: u64,
    seed: u64,
}

impl People {
    /// Finds addresses in the countries of the demo by asking `country_of`, which answers with an alpha-2 code or nothing.
    /// Without geo files it never answers and addresses come from anywhere.
    pub fn find(random: &mut impl Rng, events: u64, country_of: impl Fn(IpAddr) -> Option<String>) -> Self {
        let mut found: Vec<Vec<Ipv4Addr>> = vec![Vec::new(); COUNTRIES.len()];
        let mut anywhere = Vec::new();
        for _ in 0..60_000 {
            let address = public_address(random);
            let country = country_of(IpAddr::V4(address));
            let place = COUNTRIES.iter().position(|(code, _)| country.as_deref() == Some(code));
            let pool = place.map_or(&mut anywhere, |place| &mut found[place]);
            if pool.len() < ADDRESSES_A_COUNTRY {
                pool.push(address);
            }
        }
        let listed: u32 = COUNTRIES.iter().map(|(_, share)| share).sum();
        let mut pools: Vec<(Vec<Ipv4Addr>, u32)> =
            found.into_iter().zip(COUNTRIES).map(|(pool, (_, share))| (pool, share)).collect();
        pools.push((anywhere, 1_000_u32.saturating_sub(listed)));
        pools.retain(|(pool, _)| !pool.is_empty());
        Self {
            countries: Picker::new(pools),
            agents: Picker::new(AGENTS.to_vec()),
            // A visitor clicks two or three times in the 90 days.
            visitors: (events * 2 / 5).max(1),
            seed: random.random(),
        }
    }

    /// One visitor: the same number is the same person each time.
    pub fn visitor(&self, random: &mut impl Rng) -> (IpAddr, &'static str) {
        // The square makes some come far more often than others.
        let share: f64 = random.random();
        let number = (share * share * self.visitors as f64) as u64;
        let mixed = mix(self.seed ^ number);
        let pool = self.countries.at(mixed as u32);
        let address = pool[(mixed >> 32) as usize % pool.len()];
        // People of one network share their first three bytes.
        let [first, second, third, _] = address.octets();
        let address = Ipv4Addr::new(first, second, third, (mixed >> 24) as u8);
        (IpAddr::V4(address), self.agents.at((mixed >> 13) as u32))
    }
}

/// A well-mixed number from a counted one (the finaliser of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}

fn public_address(random: &mut impl Rng) -> Ipv4Addr {
    loop {
        let address = Ipv4Addr::from(random.random_range(0x0100_0000_u32..0xE000_0000));
        let first = address.octets()[0];
        if first != 127 && first != 10 && !address.is_private() && !address.is_link_local() {
            return address;
        }
    }
}

/// Draws one of several things by weight.
pub struct Picker<T> {
    things: Vec<T>,
    /// Running sums of the weights.
    sums: Vec<u32>,
}

impl<T> Picker<T> {
    /// Of things with their weights; there must be one at least.
    pub fn new(weighted: Vec<(T, u32)>) -> Self {
        let mut sums = Vec::with_capacity(weighted.len());
        let mut things = Vec::with_capacity(weighted.len());
        let mut sum = 0;
        for (thing, weight) in weighted {
            sum += weight;
            sums.push(sum);
            things.push(thing);
        }
        Self { things, sums }
    }

    /// The thing that an even number stands for.
    pub fn at(&self, number: u32) -> &T {
        let total = self.sums.last().copied().unwrap_or(1).max(1);
        let place = self.sums.partition_point(|sum| *sum <= number % total);
        &self.things[place.min(self.things.len() - 1)]
    }

    /// A thing by chance.
    pub fn pick(&self, random: &mut impl Rng) -> &T {
        self.at(random.random())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    #[test]
    fn picks_by_weight() {
        let picker = Picker::new(vec![("rare", 1), ("common", 9)]);
        let mut random = SmallRng::seed_from_u64(1);
        let rare = (0..10_000).filter(|_| *picker.pick(&mut random) == "rare").count();
        assert!((800..1_200).contains(&rare), "{rare}");
    }

    #[test]
    fn visitors_come_back() {
        let mut random = SmallRng::seed_from_u64(1);
        let people = People::find(&mut random, 10_000, |_| Some("US".to_owned()));
        let visits: std::collections::HashSet<_> = (0..10_000).map(|_| people.visitor(&mut random)).collect();
        assert!((1_000..4_000).contains(&visits.len()), "{}", visits.len());
    }
}
