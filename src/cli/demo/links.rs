//! The demo's links: what a small company would share.

/// One demo link.
pub struct DemoLink {
    /// Its slug.
    pub slug: String,
    /// Its destination, without campaign parameters.
    pub url: String,
    /// Its title.
    pub title: String,
    /// `utm_source`, `utm_medium`, `utm_campaign`, where it belongs to a campaign.
    pub campaign: Option<(&'static str, &'static str, &'static str)>,
    /// Where most of its visitors come from.
    pub referrers: &'static [(&'static str, u32)],
    /// How often it is scanned instead of clicked, in percent.
    pub qr_percent: u32,
}

const CAMPAIGNS: [(&str, &str, &str); 9] = [
    ("newsletter", "email", "autumn-sale"),
    ("google", "cpc", "brand"),
    ("google", "cpc", "competitors"),
    ("facebook", "paid-social", "autumn-sale"),
    ("linkedin", "social", "hiring"),
    ("x", "social", "launch-2"),
    ("youtube", "video", "tutorials"),
    ("partner", "affiliate", "autumn-sale"),
    ("podcast", "audio", "founders-talk"),
];

const PAGES: [(&str, &str); 12] = [
    ("pricing", "Pricing"),
    ("blog/short-links-that-last", "Short links that last"),
    ("blog/what-a-click-is-worth", "What a click is worth"),
    ("docs/getting-started", "Getting started"),
    ("changelog", "Changelog"),
    ("careers", "Careers"),
    ("webinar", "Webinar"),
    ("case-studies/nordlicht", "Case study: Nordlicht"),
    ("download", "Download"),
    ("events/berlin", "Meet us in Berlin"),
    ("newsletter", "Newsletter"),
    ("shop/mug", "The mug"),
];

const SOCIAL: &[(&str, u32)] = &[
    ("", 25),
    ("https://l.facebook.com/", 18),
    ("https://t.co/", 18),
    ("https://www.linkedin.com/feed/", 16),
    ("https://www.reddit.com/r/marketing/", 8),
    ("https://l.instagram.com/", 12),
    ("https://news.ycombinator.com/", 3),
];
const SEARCH: &[(&str, u32)] = &[
    ("", 34),
    ("https://www.google.com/", 48),
    ("https://www.bing.com/", 8),
    ("https://duckduckgo.com/", 6),
    ("https://chatgpt.com/", 4),
];
const MAIL: &[(&str, u32)] = &[("", 82), ("https://mail.google.com/", 12), ("https://outlook.live.com/", 6)];

/// `count` links, the most visited first.
pub fn links(count: usize) -> Vec<DemoLink> {
    (0..count)
        .map(|number| {
            let (page, title) = PAGES[number % PAGES.len()];
            let round = number / PAGES.len();
            let campaign = (number % 3 != 2).then(|| CAMPAIGNS[number * 7 % CAMPAIGNS.len()]);
            let short = page.rsplit('/').next().unwrap_or(page);
            DemoLink {
                slug: if round == 0 { short.to_owned() } else { format!("{short}-{}", round + 1) },
                url: format!("https://www.example.com/{page}"),
                title: if round == 0 { title.to_owned() } else { format!("{title} ({})", round + 1) },
                campaign,
                referrers: match campaign.map(|(_, medium, _)| medium) {
                    Some("email") => MAIL,
                    Some("cpc") | None => SEARCH,
                    Some(_) => SOCIAL,
                },
                qr_percent: if number % 5 == 4 { 45 } else { 3 },
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_unique() {
        let mut slugs: Vec<String> = links(200).into_iter().map(|link| link.slug).collect();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), 200);
    }
}
