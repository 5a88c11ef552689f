//! What Linkly calls systems: Apple's computers are `Mac` there.

/// Our name of them.
const MAC_OS: &str = "Mac OS";
/// Linkly's.
const MAC: &str = "Mac";

/// Classes of devices, which some clients of Linkly's ask for as platforms.
pub const CLASSES: [&str; 3] = ["desktop", "mobile", "tablet"];

/// Systems by the names that clicks show, as far as agents tell them apart.
pub const SYSTEMS: [&str; 30] = [
    "Android",
    "BSD",
    "BlackBerry",
    "BlackBerry 10",
    "Chromecast",
    "Chromium OS",
    "Debian",
    "Fedora",
    "Firefox OS",
    "FreeBSD",
    "HarmonyOS",
    "KAIOS",
    "Linux",
    MAC,
    "NetBSD",
    "Nintendo",
    "OpenBSD",
    "PlayStation",
    "Roku",
    "Sailfish",
    "Symbian",
    "Tizen",
    "Ubuntu",
    "Windows",
    "Windows Phone",
    "Xbox",
    "iOS",
    "tvOS",
    "watchOS",
    "webOS",
];

/// Whether a rule can look for a platform: a system by any of its names, or a class of devices, in any case.
pub fn is_known(platform: &str) -> bool {
    let known = || SYSTEMS.iter().chain(&CLASSES);
    meant(platform).iter().any(|name| known().any(|known| known.eq_ignore_ascii_case(name)))
}

/// What [`is_known`] takes, for messages.
pub fn known() -> String {
    format!("{}; or a class of devices: {}", SYSTEMS.join(", "), CLASSES.join(", "))
}

/// A system's name as Linkly shows it; empty stays empty.
pub fn shown(os: &str) -> &str {
    if os.eq_ignore_ascii_case(MAC_OS) || os.eq_ignore_ascii_case("macOS") { MAC } else { os }
}

/// The systems that a caller of Linkly's means, in any case.
pub fn meant(platform: &str) -> Vec<&str> {
    if shown(platform) == MAC || platform.eq_ignore_ascii_case(MAC) {
        vec![MAC, MAC_OS, "macOS"]
    } else {
        vec![platform]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_know_systems_by_all_their_names() {
        for name in ["iOS", "ios", "Mac", "macOS", "Mac OS", "windows", "Desktop", "tablet", "Windows Phone"] {
            assert!(is_known(name), "{name}");
        }
        for name in ["", "Windows 10", "iPhone", "fridge", "Mac;", " iOS"] {
            assert!(!is_known(name), "{name}");
        }
        assert!(known().starts_with("Android, ") && known().ends_with("desktop, mobile, tablet"));
    }

    #[test]
    fn systems_have_linklys_names() {
        for (os, expected) in [("Mac OS", "Mac"), ("macos", "Mac"), ("iOS", "iOS"), ("Windows", "Windows"), ("", "")] {
            assert_eq!(shown(os), expected);
        }
        for name in ["mac", "Mac OS", "macOS"] {
            assert!(meant(name).contains(&"Mac OS"), "{name}");
        }
        assert_eq!(meant("Linux"), ["Linux"]);
    }
}
