//! User agents as they are sent.

pub(super) const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
                                 Gecko) Version/18.1 Mobile/15E148 Safari/604.1";
pub(super) const IPHONE_CHROME: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, \
                                        like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1";
pub(super) const IPAD: &str = "Mozilla/5.0 (iPad; CPU OS 12_5_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                               Version/12.1.2 Mobile/15E148 Safari/604.1";
pub(super) const IPOD: &str = "Mozilla/5.0 (iPod touch; CPU iPhone OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
                               Gecko) Version/12.1 Mobile/15E148 Safari/604.1";
pub(super) const PIXEL: &str = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) \
                                Chrome/131.0.0.0 Mobile Safari/537.36";
pub(super) const GALAXY_TAB: &str = "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) \
                                     Chrome/131.0.0.0 Safari/537.36";
pub(super) const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                              Version/18.1 Safari/605.1.15";
pub(super) const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0";
pub(super) const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// The header.
pub(super) fn agent(user_agent: &str) -> String {
    format!("User-Agent: {user_agent}\r\n")
}
