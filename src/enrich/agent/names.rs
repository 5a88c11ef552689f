//! What people use, by token: browsers, systems and kinds of device.
//!
//! The names are those that Dub's API publishes, so that saved filters keep their meaning. Tokens are matched with regard to
//! case. In each list the first line that matches wins: the particular comes before the general, and apps before the
//! engine that they embed.

/// A browser or an app with a browser inside.
pub struct Browser {
    /// Text of the user agent.
    pub token: &'static str,
    /// The name shown.
    pub name: &'static str,
    /// The text that the version follows; mostly the token.
    pub version: &'static str,
}

const fn browser(token: &'static str, name: &'static str) -> Browser {
    Browser { token, name, version: token }
}

const fn versioned(token: &'static str, name: &'static str, version: &'static str) -> Browser {
    Browser { token, name, version }
}

/// Chrome in a view inside an Android app.
pub const WEB_VIEW: &str = "Chrome WebView";
/// Safari, of which phones and tablets have their own name.
pub const SAFARI: &str = "Safari";

/// Browsers, the particular first.
pub const BROWSERS: &[Browser] = &[
    // Apps.
    versioned("Instagram", "Instagram", "Instagram "),
    versioned("Barcelona ", "Threads", "Barcelona "),
    versioned("FBAN/", "Facebook", "FBAV/"),
    versioned("FBAV/", "Facebook", "FBAV/"),
    versioned("FB_IAB/", "Facebook", "FBAV/"),
    versioned("MetaIAB", "Facebook", "FBAV/"),
    versioned("musical_ly", "TikTok", "app_version/"),
    versioned("BytedanceWebview", "TikTok", "app_version/"),
    versioned("TikTok", "TikTok", "TikTok "),
    versioned("trill_", "TikTok", "app_version/"),
    browser("MicroMessenger/", "WeChat"),
    versioned("Snapchat", "Snapchat", "Snapchat/"),
    versioned("[Pinterest/", "Pinterest", "Pinterest/"),
    versioned("Pinterest for", "Pinterest", "Pinterest/"),
    versioned("[LinkedInApp]", "LinkedIn", "LinkedInApp]/"),
    versioned("LinkedInApp", "LinkedIn", "LinkedInApp/"),
    versioned("Twitter for", "Twitter", "Twitter for iPhone/"),
    versioned("TwitterAndroid", "Twitter", "TwitterAndroid/"),
    browser("Reddit/", "Reddit"),
    versioned("Telegram-Android", "Telegram", "Telegram-Android/"),
    browser(" Line/", "Line"),
    versioned("KAKAOTALK", "KAKAOTALK", "KAKAOTALK "),
    versioned("NAVER(", "Naver", "inapp; search; "),
    browser("baiduboxapp/", "Baidu"),
    browser("AlipayClient/", "Alipay"),
    versioned("Weibo (", "Weibo", "weibo__"),
    browser("Zalo/", "Zalo"),
    browser("Viber/", "Viber"),
    browser("Slack_SSB/", "Slack"),
    browser("Discord/", "Discord"),
    browser("discord/", "Discord"),
    versioned("YaApp_Android/", "Yandex", "YaApp_Android/"),
    browser("YaSearchBrowser/", "Yandex"),
    browser("YandexSearch/", "Yandex"),
    browser("BingSapphire/", "Bing"),
    browser("GSA/", "GSA"),
    browser("GoogleApp/", "GSA"),
    browser("Flipboard/", "Flipboard"),
    browser("Tumblr/", "Tumblr"),
    // Browsers on other browsers' engines.
    browser("EdgA/", "Edge"),
    browser("EdgiOS/", "Edge"),
    browser("Edg/", "Edge"),
    browser("EdgW/", "Edge"),
    browser("Edge/", "Edge"),
    browser("SamsungBrowser/", "Samsung Browser"),
    browser("Opera Mini/", "Opera Mini"),
    browser("OPiOS/", "Opera Mini"),
    versioned("Opera Mobi", "Opera Mobi", "Version/"),
    browser("OPT/", "Opera Touch"),
    browser("OPX/", "Opera GX"),
    browser("OPR/", "Opera"),
    versioned("Opera/9.80", "Opera", "Version/"),
    browser("Opera/", "Opera"),
    browser("Vivaldi/", "Vivaldi"),
    browser("YaBrowser/", "Yandex"),
    browser("DuckDuckGo/", "DuckDuckGo"),
    browser("Ddg/", "DuckDuckGo"),
    browser("Brave/", "Brave"),
    versioned("Brave ", "Brave", "Chrome/"),
    browser("UCBrowser/", "UCBrowser"),
    browser("UBrowser/", "UCBrowser"),
    browser("UCWEB", "UCBrowser"),
    browser("Whale/", "Whale"),
    browser("MQQBrowser/", "QQBrowser"),
    browser("QQBrowser/", "QQBrowser"),
    browser("QBCore/", "QQBrowser"),
    browser(" QQ/", "QQ"),
    browser("MiuiBrowser/", "MIUI Browser"),
    browser("HuaweiBrowser/", "Huawei Browser"),
    browser("HeyTapBrowser/", "HeyTap"),
    browser("VivoBrowser/", "Vivo Browser"),
    browser("OculusBrowser/", "Oculus Browser"),
    browser("Silk/", "Silk"),
    browser("Puffin/", "Puffin"),
    browser("coc_coc_browser/", "Coc Coc"),
    browser("Avast/", "Avast Secure Browser"),
    browser("AVG/", "AVG Secure Browser"),
    browser("Ecosia android@", "Ecosia"),
    browser("Ecosia ios@", "Ecosia"),
    browser("AlohaBrowser/", "Aloha Browser"),
    browser("Quark/", "Quark"),
    browser("SogouMobileBrowser/", "Sogou Mobile"),
    versioned("MetaSr", "Sogou Explorer", "MetaSr "),
    versioned("360SE", "360", "Chrome/"),
    browser("QIHU 360", "360"),
    browser("Maxthon/", "Maxthon"),
    browser("Sleipnir/", "Sleipnir"),
    browser("QtWebEngine/", "QtWebEngine"),
    browser("Electron/", "Electron"),
    // Firefox and its kin.
    browser("Focus/", "Firefox Focus"),
    browser("Klar/", "Firefox Focus"),
    browser("FxiOS/", "Firefox"),
    browser("PaleMoon/", "Pale Moon"),
    browser("Waterfox/", "Waterfox"),
    browser("SeaMonkey/", "SeaMonkey"),
    browser("Firefox/", "Firefox"),
    // Chrome and its kin.
    browser("CriOS/", "Chrome"),
    browser("HeadlessChrome/", "Chrome Headless"),
    browser("Chromium/", "Chromium"),
    versioned("; wv)", WEB_VIEW, "Chrome/"),
    // Before Android 5 views did not say so.
    versioned("Version/4.0 Chrome/", WEB_VIEW, "Chrome/"),
    browser("Chrome/", "Chrome"),
    // The old and the plain.
    browser("IEMobile/", "IEMobile"),
    browser("MSIE ", "IE"),
    versioned("Trident/", "IE", "rv:"),
    browser("Epiphany/", "Epiphany"),
    browser("Falkon/", "Falkon"),
    browser("Konqueror/", "Konqueror"),
    browser("KAIOS/", "KaiOS Browser"),
    versioned("Safari/", SAFARI, "Version/"),
    // A view inside an app of iOS or macOS that does not say which.
    versioned("AppleWebKit/", "WebKit", "AppleWebKit/"),
];

/// A system.
pub struct System {
    /// Text of the user agent.
    pub token: &'static str,
    /// The name shown.
    pub name: &'static str,
    /// The text that the version follows; empty when there is none.
    pub version: &'static str,
}

const fn system(token: &'static str, name: &'static str, version: &'static str) -> System {
    System { token, name, version }
}

/// iOS, iPadOS included.
pub const IOS: &str = "iOS";
/// Android and what is built on it.
pub const ANDROID: &str = "Android";

/// Systems, the particular first.
pub const SYSTEMS: &[System] = &[
    system("Windows Phone OS", "Windows Phone", "Windows Phone OS "),
    system("Windows Phone", "Windows Phone", "Windows Phone "),
    system("IEMobile", "Windows Phone", ""),
    system("Xbox", "Xbox", ""),
    system("PlayStation 5", "PlayStation", ""),
    system("PlayStation", "PlayStation", ""),
    system("PLAYSTATION", "PlayStation", ""),
    system("Nintendo", "Nintendo", ""),
    system("Tizen", "Tizen", "Tizen "),
    system("Web0S", "webOS", ""),
    system("webOS", "webOS", "webOS/"),
    system("CrOS ", "Chromium OS", ""),
    system("CrKey", "Chromecast", "CrKey/"),
    system("OpenHarmony", "HarmonyOS", "OpenHarmony "),
    system("HarmonyOS", "HarmonyOS", "HarmonyOS "),
    system("KAIOS/", "KAIOS", "KAIOS/"),
    system("Sailfish", "Sailfish", ""),
    system("Roku", "Roku", ""),
    system("AppleTV", "tvOS", ""),
    system("Apple TV", "tvOS", ""),
    system("tvOS", "tvOS", "tvOS "),
    system("watchOS", "watchOS", "watchOS "),
    system("Android", ANDROID, "Android "),
    system("iPhone OS", IOS, "iPhone OS "),
    system("iPhone", IOS, "OS "),
    system("iPad", IOS, "CPU OS "),
    system("iPod", IOS, "OS "),
    system("Windows NT", "Windows", "Windows NT "),
    system("Windows", "Windows", "Windows "),
    system("Win98", "Windows", ""),
    system("Mac OS X", "Mac OS", "Mac OS X "),
    system("Macintosh", "Mac OS", ""),
    system("Mac_PowerPC", "Mac OS", ""),
    system("Ubuntu", "Ubuntu", "Ubuntu/"),
    system("Debian", "Debian", ""),
    system("Fedora", "Fedora", "Fedora/"),
    system("FreeBSD", "FreeBSD", ""),
    system("OpenBSD", "OpenBSD", ""),
    system("NetBSD", "NetBSD", ""),
    system("BlackBerry", "BlackBerry", ""),
    system("BB10", "BlackBerry", ""),
    system("SymbianOS", "Symbian", "SymbianOS/"),
    system("Symbian", "Symbian", ""),
    system("Linux", "Linux", ""),
];

/// Device kinds by token, the particular first. A bare Android without `Mobile` is a tablet; that and what is left over is
/// decided beside this list.
pub const DEVICES: &[(&str, &str)] = &[
    ("SMART-TV", SMART_TV),
    ("Smart-TV", SMART_TV),
    ("SmartTV", SMART_TV),
    ("Smart TV", SMART_TV),
    ("SmartHub", SMART_TV),
    ("GoogleTV", SMART_TV),
    ("Google TV", SMART_TV),
    ("Android TV", SMART_TV),
    ("AndroidTV", SMART_TV),
    ("BRAVIA", SMART_TV),
    ("AppleTV", SMART_TV),
    ("Apple TV", SMART_TV),
    ("CrKey", SMART_TV),
    ("Chromecast", SMART_TV),
    ("HbbTV", SMART_TV),
    ("Web0S", SMART_TV),
    ("NetCast", SMART_TV),
    ("Roku", SMART_TV),
    ("TV Safari", SMART_TV),
    ("Viera", SMART_TV),
    ("VIERA", SMART_TV),
    ("AQUOS-TV", SMART_TV),
    ("MiTV", SMART_TV),
    ("MIBOX", SMART_TV),
    ("InettvBrowser", SMART_TV),
    ("; AFT", SMART_TV),
    ("PlayStation", CONSOLE),
    ("PLAYSTATION", CONSOLE),
    ("Xbox", CONSOLE),
    ("Nintendo", CONSOLE),
    ("OculusBrowser", WEARABLE),
    ("Apple Watch", WEARABLE),
    ("watchOS", WEARABLE),
    ("Galaxy Watch", WEARABLE),
    ("Wear OS", WEARABLE),
    (" SM-R", WEARABLE),
    ("QtCarBrowser", EMBEDDED),
    ("Tesla/", EMBEDDED),
    ("Raspbian", EMBEDDED),
    ("iPad", TABLET),
    ("Tablet;", TABLET),
    ("Tablet)", TABLET),
    ("PlayBook", TABLET),
    ("Kindle", TABLET),
    ("Nexus 7", TABLET),
    ("Nexus 9", TABLET),
    ("Nexus 10", TABLET),
    ("; SM-T", TABLET),
    ("; SM-X", TABLET),
    ("; KF", TABLET),
    ("iPhone", MOBILE),
    ("iPod", MOBILE),
    ("Windows Phone", MOBILE),
    ("IEMobile", MOBILE),
    ("Mobile", MOBILE),
    ("Opera Mini", MOBILE),
    ("Opera Mobi", MOBILE),
    ("BlackBerry", MOBILE),
    ("Symbian", MOBILE),
    ("Nokia", MOBILE),
    ("MIDP", MOBILE),
    ("UCWEB", MOBILE),
];

/// The usual.
pub const DESKTOP: &str = "Desktop";
/// Phones.
pub const MOBILE: &str = "Mobile";
/// Tablets.
pub const TABLET: &str = "Tablet";
/// Televisions and what is plugged into them.
pub const SMART_TV: &str = "Smarttv";
/// Game consoles.
pub const CONSOLE: &str = "Console";
/// Watches and goggles.
pub const WEARABLE: &str = "Wearable";
/// Cars and appliances.
pub const EMBEDDED: &str = "Embedded";
