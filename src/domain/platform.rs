//! What Linkly calls systems: Apple's computers are `Mac` there.

/// Our name of them.
const MAC_OS: &str = "Mac OS";
/// Linkly's.
const MAC: &str = "Mac";

/// Classes of devices, which some clients of Linkly's ask for as platforms.
pub const CLASSES: [&str; 3] = ["desktop", "mobile", "tablet"];

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
