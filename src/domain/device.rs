//! Classes of devices that rules tell apart.

/// What a visitor holds, roughly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceClass {
    /// A computer.
    Desktop,
    /// A phone.
    Mobile,
    /// Larger than a phone, without a keyboard.
    Tablet,
}

impl DeviceClass {
    /// Every class, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Desktop, Self::Mobile, Self::Tablet];

    /// Its name in rules.
    pub fn name(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
        }
    }

    /// The class of a name in any case, which is also how events name their devices. `None` for televisions, watches and
    /// whatever else there is.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_names() {
        for (name, class) in [
            ("desktop", Some(DeviceClass::Desktop)),
            ("Mobile", Some(DeviceClass::Mobile)),
            ("TABLET", Some(DeviceClass::Tablet)),
            ("Smarttv", None),
            ("", None),
        ] {
            assert_eq!(DeviceClass::parse(name), class, "{name}");
        }
    }
}
