//! What people call the place that a visitor came from, and what kind of place it is.
//!
//! Hosts are as [`Referrer::host`](crate::domain::event::Referrer::host) has them: lower case, without `www.`; of an Android
//! app its package, of an iOS app its number in the store. A line holds for the host and whatever is below it, and the
//! longest that holds wins (`mail.google.*` before `google.*`). `.*` stands for `.com` and for the suffixes of countries.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What kind of place it is, as far as the channel depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A search engine.
    Search,
    /// A social network, a forum, a messenger.
    Social,
    /// Mail in a browser or an app.
    Mail,
    /// Anything else that has a name of its own.
    Site,
}

/// A place with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name shown.
    pub name: &'static str,
    /// What kind of place it is.
    pub kind: Kind,
}

use Kind::{Mail, Search, Site, Social};

/// Name, kind, hosts and apps.
const SOURCES: &[(&str, Kind, &[&str])] = &[
    // Search engines.
    ("Google", Search, &["google.*", "com.google.android.googlequicksearchbox", "284815942"]),
    ("Bing", Search, &["bing.com", "com.microsoft.bing", "345323231"]),
    ("DuckDuckGo", Search, &["duckduckgo.com", "com.duckduckgo.mobile.android", "663592361"]),
    ("Yahoo", Search, &["search.yahoo.*", "search.yahoo.co.jp"]),
    ("Yandex", Search, &["yandex.*", "ya.ru", "com.yandex.browser", "ru.yandex.searchplugin"]),
    ("Baidu", Search, &["baidu.com", "com.baidu.searchbox"]),
    ("Ecosia", Search, &["ecosia.org", "com.ecosia.android"]),
    ("Brave Search", Search, &["search.brave.com"]),
    ("Qwant", Search, &["qwant.com"]),
    ("Startpage", Search, &["startpage.com"]),
    ("Naver", Search, &["naver.com", "com.nhn.android.search"]),
    ("Daum", Search, &["daum.net"]),
    ("Seznam", Search, &["seznam.cz"]),
    ("Sogou", Search, &["sogou.com"]),
    ("360 Search", Search, &["so.com"]),
    ("Shenma", Search, &["sm.cn"]),
    ("Coc Coc", Search, &["coccoc.com"]),
    ("Kagi", Search, &["kagi.com"]),
    ("Mojeek", Search, &["mojeek.com"]),
    ("Ask", Search, &["ask.com"]),
    ("AOL", Search, &["search.aol.com", "aol.com"]),
    ("Swisscows", Search, &["swisscows.com"]),
    ("Rambler", Search, &["rambler.ru"]),
    ("You.com", Search, &["you.com"]),
    // Networks, forums, messengers.
    ("Facebook", Social, &["facebook.com", "fb.com", "fb.me", "com.facebook.katana", "com.facebook.lite", "284882215"]),
    ("Messenger", Social, &["messenger.com", "com.facebook.orca", "454638411"]),
    ("Instagram", Social, &["instagram.com", "com.instagram.android", "389801252"]),
    ("Threads", Social, &["threads.net", "threads.com", "com.instagram.barcelona"]),
    ("X", Social, &["t.co", "x.com", "twitter.com", "com.twitter.android", "333903271"]),
    ("LinkedIn", Social, &["linkedin.com", "lnkd.in", "com.linkedin.android", "288429040"]),
    ("YouTube", Social, &["youtube.com", "youtu.be", "com.google.android.youtube", "544007664"]),
    ("Reddit", Social, &["reddit.com", "redd.it", "com.reddit.frontpage", "1064216828"]),
    ("TikTok", Social, &["tiktok.com", "com.zhiliaoapp.musically", "com.ss.android.ugc.trill", "835599320"]),
    ("Pinterest", Social, &["pinterest.*", "pin.it", "com.pinterest", "429047995"]),
    ("Snapchat", Social, &["snapchat.com", "com.snapchat.android", "447188370"]),
    ("WhatsApp", Social, &["whatsapp.com", "wa.me", "com.whatsapp", "com.whatsapp.w4b", "310633997"]),
    (
        "Telegram",
        Social,
        &["telegram.org", "telegram.me", "t.me", "org.telegram.messenger", "org.telegram.plus", "686449807"],
    ),
    ("Discord", Social, &["discord.com", "discordapp.com", "discord.gg", "com.discord", "985746746"]),
    ("Bluesky", Social, &["bsky.app", "xyz.blueskyweb.app"]),
    (
        "Mastodon",
        Social,
        &["mastodon.social", "mastodon.online", "mstdn.social", "mas.to", "fosstodon.org", "org.joinmastodon.android"],
    ),
    ("Tumblr", Social, &["tumblr.com", "com.tumblr"]),
    ("Quora", Social, &["quora.com", "com.quora.android"]),
    ("VK", Social, &["vk.com", "vk.ru", "com.vkontakte.android"]),
    ("Odnoklassniki", Social, &["ok.ru", "odnoklassniki.ru", "ru.ok.android"]),
    ("Weibo", Social, &["weibo.com", "weibo.cn", "com.sina.weibo"]),
    ("WeChat", Social, &["weixin.qq.com", "wechat.com", "com.tencent.mm"]),
    ("QQ", Social, &["qzone.qq.com", "com.tencent.mobileqq"]),
    ("Douyin", Social, &["douyin.com", "com.ss.android.ugc.aweme"]),
    ("Xiaohongshu", Social, &["xiaohongshu.com", "com.xingin.xhs"]),
    ("Zhihu", Social, &["zhihu.com", "com.zhihu.android"]),
    ("Bilibili", Social, &["bilibili.com"]),
    ("LINE", Social, &["line.me", "jp.naver.line.android"]),
    ("KakaoTalk", Social, &["kakao.com", "com.kakao.talk"]),
    ("Zalo", Social, &["zalo.me", "com.zing.zalo"]),
    ("Viber", Social, &["viber.com", "com.viber.voip"]),
    ("Signal", Social, &["signal.org", "org.thoughtcrime.securesms"]),
    ("Hacker News", Social, &["news.ycombinator.com"]),
    ("Lobsters", Social, &["lobste.rs"]),
    ("Product Hunt", Social, &["producthunt.com"]),
    ("Twitch", Social, &["twitch.tv", "tv.twitch.android.app"]),
    ("Vimeo", Social, &["vimeo.com"]),
    ("Dailymotion", Social, &["dailymotion.com"]),
    ("Flipboard", Social, &["flipboard.com", "flipboard.app"]),
    ("Nextdoor", Social, &["nextdoor.com"]),
    ("Xing", Social, &["xing.com"]),
    ("Linktree", Social, &["linktr.ee"]),
    // Mail.
    ("Gmail", Mail, &["mail.google.*", "com.google.android.gm", "422689480"]),
    (
        "Outlook",
        Mail,
        &[
            "outlook.live.com",
            "outlook.office.com",
            "outlook.office365.com",
            "outlook.com",
            "mail.live.com",
            "com.microsoft.office.outlook",
            "951937596",
        ],
    ),
    ("Yahoo Mail", Mail, &["mail.yahoo.*", "mail.yahoo.co.jp", "com.yahoo.mobile.client.android.mail"]),
    ("iCloud Mail", Mail, &["icloud.com"]),
    ("Proton Mail", Mail, &["mail.proton.me", "mail.protonmail.com", "ch.protonmail.android"]),
    ("AOL Mail", Mail, &["mail.aol.com"]),
    ("Zoho Mail", Mail, &["mail.zoho.*"]),
    ("Fastmail", Mail, &["fastmail.com"]),
    ("Yandex Mail", Mail, &["mail.yandex.*", "ru.yandex.mail"]),
    ("Mail.ru", Mail, &["e.mail.ru", "mail.ru"]),
    ("GMX", Mail, &["gmx.*", "gmx.net"]),
    ("WEB.DE", Mail, &["web.de"]),
    ("QQ Mail", Mail, &["mail.qq.com"]),
    ("163 Mail", Mail, &["mail.163.com"]),
    ("Naver Mail", Mail, &["mail.naver.com"]),
    ("Orange Mail", Mail, &["messagerie.orange.fr", "mail.orange.fr"]),
    ("Seznam Email", Mail, &["email.seznam.cz"]),
    ("Mailchimp", Mail, &["campaign-archive.com", "list-manage.com"]),
    // Assistants that answer with links.
    ("ChatGPT", Site, &["chatgpt.com", "chat.openai.com", "com.openai.chatgpt", "6448311069"]),
    ("Perplexity", Site, &["perplexity.ai", "ai.perplexity.app.android"]),
    ("Claude", Site, &["claude.ai", "com.anthropic.claude"]),
    ("Gemini", Site, &["gemini.google.com", "bard.google.com", "com.google.android.apps.bard"]),
    ("Copilot", Site, &["copilot.microsoft.com", "copilot.cloud.microsoft", "com.microsoft.copilot"]),
    ("Grok", Site, &["grok.com", "ai.x.grok"]),
    ("DeepSeek", Site, &["chat.deepseek.com", "deepseek.com"]),
    ("Meta AI", Site, &["meta.ai"]),
    ("Mistral", Site, &["chat.mistral.ai"]),
    ("Poe", Site, &["poe.com"]),
    // Others that many links come from.
    ("Google News", Site, &["news.google.*"]),
    ("Google Docs", Site, &["docs.google.com"]),
    ("Google Drive", Site, &["drive.google.com"]),
    ("Google Translate", Site, &["translate.google.*", "translate.goog"]),
    ("Google Maps", Site, &["maps.google.*", "com.google.android.apps.maps"]),
    ("Google Classroom", Site, &["classroom.google.com"]),
    ("Google Meet", Site, &["meet.google.com"]),
    ("Google Accounts", Site, &["accounts.google.com"]),
    ("Google Play", Site, &["play.google.com", "com.android.vending"]),
    ("App Store", Site, &["apps.apple.com"]),
    ("Yahoo", Site, &["yahoo.*"]),
    ("MSN", Site, &["msn.com"]),
    ("Slack", Site, &["slack.com", "com.slack", "618783545"]),
    ("Microsoft Teams", Site, &["teams.microsoft.com", "teams.live.com", "com.microsoft.teams"]),
    ("Notion", Site, &["notion.so", "notion.site"]),
    ("GitHub", Site, &["github.com"]),
    ("GitLab", Site, &["gitlab.com"]),
    ("Stack Overflow", Site, &["stackoverflow.com"]),
    ("Medium", Site, &["medium.com"]),
    ("Substack", Site, &["substack.com"]),
    ("Wikipedia", Site, &["wikipedia.org"]),
    ("Amazon", Site, &["amazon.*"]),
    ("eBay", Site, &["ebay.*"]),
    ("Etsy", Site, &["etsy.com"]),
    ("Eventbrite", Site, &["eventbrite.*"]),
    ("Canva", Site, &["canva.com"]),
    ("Trello", Site, &["trello.com"]),
    ("Jira", Site, &["atlassian.net"]),
    ("Asana", Site, &["app.asana.com"]),
    ("Feedly", Site, &["feedly.com"]),
    ("Pocket", Site, &["getpocket.com"]),
];

/// What campaigns call sources beside their names.
const ALIASES: &[(&str, &str)] = &[
    ("adwords", "Google"),
    ("fb", "Facebook"),
    ("meta", "Facebook"),
    ("ig", "Instagram"),
    ("insta", "Instagram"),
    ("twitter", "X"),
    ("yt", "YouTube"),
    ("li", "LinkedIn"),
    ("tt", "TikTok"),
    ("ddg", "DuckDuckGo"),
    ("hackernews", "Hacker News"),
    ("hn", "Hacker News"),
    ("vkontakte", "VK"),
    ("wa", "WhatsApp"),
];

struct Tables {
    hosts: HashMap<&'static str, Source>,
    names: HashMap<String, Source>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut tables = Tables { hosts: HashMap::new(), names: HashMap::new() };
    for &(name, kind, hosts) in SOURCES {
        let source = Source { name, kind };
        tables.hosts.extend(hosts.iter().map(|host| (*host, source)));
        // `Yahoo` is a search engine first.
        tables.names.entry(name.to_ascii_lowercase()).or_insert(source);
    }
    for (alias, name) in ALIASES {
        if let Some(source) = tables.names.get(&name.to_ascii_lowercase()) {
            tables.names.insert((*alias).to_owned(), *source);
        }
    }
    tables
});

/// The source of a referrer's host.
pub fn of_host(host: &str) -> Option<Source> {
    let hosts = &TABLES.hosts;
    let any_country = any_country(host);
    let (mut exact, mut starred) = (host, any_country.as_deref());
    loop {
        if let Some(source) = hosts.get(exact).or_else(|| hosts.get(starred?)) {
            return Some(*source);
        }
        exact = exact.split_once('.')?.1;
        starred = starred.and_then(|host| Some(host.split_once('.')?.1));
    }
}

/// The source that a campaign names: by the name shown, without regard to case, by a short form of it, or by its host.
pub fn of_campaign(source: &str) -> Option<Source> {
    let source = source.trim().to_ascii_lowercase();
    TABLES.names.get(&source).copied().or_else(|| of_host(source.strip_prefix("www.").unwrap_or(&source)))
}

/// `google.co.uk` as `google.*`; `None` for a host of another kind.
fn any_country(host: &str) -> Option<String> {
    let is_country = |label: &str| label.len() == 2 && label.bytes().all(|letter| letter.is_ascii_lowercase());
    let (stem, top) = host.rsplit_once('.')?;
    let stem = match stem.rsplit_once('.') {
        Some((stem, "co" | "com" | "ne" | "or" | "org")) if is_country(top) => stem,
        _ if top == "com" || is_country(top) => stem,
        _ => return None,
    };
    Some([stem, ".*"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_of_hosts() {
        for (host, expected) in [
            ("google.com", Some(("Google", Search))),
            ("google.co.uk", Some(("Google", Search))),
            ("google.com.br", Some(("Google", Search))),
            ("images.google.de", Some(("Google", Search))),
            ("mail.google.com", Some(("Gmail", Mail))),
            ("gemini.google.com", Some(("Gemini", Site))),
            ("com.google.android.gm", Some(("Gmail", Mail))),
            ("com.google.android.googlequicksearchbox", Some(("Google", Search))),
            ("l.facebook.com", Some(("Facebook", Social))),
            ("lm.facebook.com", Some(("Facebook", Social))),
            ("t.co", Some(("X", Social))),
            ("out.reddit.com", Some(("Reddit", Social))),
            ("m.youtube.com", Some(("YouTube", Social))),
            ("de.search.yahoo.com", Some(("Yahoo", Search))),
            ("search.yahoo.co.jp", Some(("Yahoo", Search))),
            ("mail.yahoo.com", Some(("Yahoo Mail", Mail))),
            ("news.yahoo.com", Some(("Yahoo", Site))),
            ("pinterest.co.kr", Some(("Pinterest", Social))),
            ("chatgpt.com", Some(("ChatGPT", Site))),
            ("perplexity.ai", Some(("Perplexity", Site))),
            ("en.wikipedia.org", Some(("Wikipedia", Site))),
            ("389801252", Some(("Instagram", Social))),
            ("google.evil.example", None),
            ("notgoogle.com", None),
            ("google.com.evil.org", None),
            ("google", None),
            ("co.uk", None),
            ("127.0.0.1", None),
            ("[2001:db8::1]", None),
            ("", None),
        ] {
            assert_eq!(of_host(host).map(|source| (source.name, source.kind)), expected, "{host}");
        }
    }

    #[test]
    fn sources_of_campaigns() {
        for (source, expected) in [
            ("Facebook", Some("Facebook")),
            ("fb", Some("Facebook")),
            (" twitter ", Some("X")),
            ("hacker news", Some("Hacker News")),
            ("www.google.com", Some("Google")),
            ("chatgpt.com", Some("ChatGPT")),
            ("spring-sale", None),
            ("", None),
        ] {
            assert_eq!(of_campaign(source).map(|source| source.name), expected, "{source}");
        }
    }

    #[test]
    fn no_host_is_listed_twice_and_every_alias_has_its_source() {
        let listed: usize = SOURCES.iter().map(|(.., hosts)| hosts.len()).sum();
        assert_eq!(TABLES.hosts.len(), listed);
        for (alias, name) in ALIASES {
            assert_eq!(of_campaign(alias).map(|source| source.name), Some(*name));
        }
    }
}
