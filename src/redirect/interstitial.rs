//! Links with pixels or tags: visitors see a page on the way, which loads them and then takes the visitor on.
//!
//! Robots go straight on: they are no audience, and whoever checks an address wants to see where it leads. The frame of a
//! cloaked link carries pixels and tags itself.

use super::decision::{Decision, Redirect};
use super::extras::Extras;
use super::visitor::Visitor;
use crate::domain::link::LinkFields;
use crate::domain::pixel::Network;

/// What a page carries for the owner of its link. Never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Interstitial {
    /// Ids by network, each in the network's own form whoever wrote it into the store.
    pub pixels: Vec<(Network, Box<str>)>,
    /// The owner's HTML for the head.
    pub head: Option<Box<str>>,
    /// The owner's HTML for the body.
    pub body: Option<Box<str>>,
}

impl Interstitial {
    /// What a link's pages carry; `None` for most links.
    pub(super) fn prepare(fields: &LinkFields) -> Option<Box<Self>> {
        let id_of = |(key, text): (&String, &String)| {
            let network = Network::of_key(key)?;
            Some((network, network.parse_id(text).ok()?.into()))
        };
        let tags = |html: &Option<String>| html.as_deref().filter(|html| !html.trim().is_empty()).map(Into::into);
        let carried = Self {
            pixels: fields.pixels.iter().filter_map(id_of).collect(),
            head: tags(&fields.head_tags),
            body: tags(&fields.body_tags),
        };
        (carried.has_tags() || !carried.pixels.is_empty()).then(|| Box::new(carried))
    }

    /// Whether it carries HTML of the owner's own.
    pub fn has_tags(&self) -> bool {
        self.head.is_some() || self.body.is_some()
    }

    /// Bytes of memory it takes, roughly.
    pub(super) fn weight(&self) -> usize {
        let ids = self.pixels.iter().map(|(_, id)| size_of::<(Network, Box<str>)>() + id.len());
        let tags = [&self.head, &self.body].into_iter().flatten().map(|html| html.len());
        size_of::<Self>() + ids.sum::<usize>() + tags.sum::<usize>()
    }
}

impl Extras {
    /// How one who is sent on gets there; `poses_as_bot` says that the visit calls itself a robot's.
    pub(super) fn on_the_way(&self, poses_as_bot: bool, visitor: &impl Visitor, redirect: Redirect) -> Decision {
        if self.interstitial.is_some() && !poses_as_bot && !visitor.is_bot() {
            Decision::Interstitial(redirect)
        } else {
            Decision::Redirect(redirect)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(pairs: &[(&str, &str)]) -> LinkFields {
        let pixels = pairs.iter().map(|(key, id)| ((*key).to_owned(), (*id).to_owned())).collect();
        LinkFields { pixels, ..LinkFields::default() }
    }

    #[test]
    fn only_what_is_sound_is_carried() {
        let fields = pixels(&[("meta", "1234567890"), ("ga4", "</script>"), ("myspace", "1234567890")]);
        let carried = Interstitial::prepare(&fields).unwrap();
        assert_eq!(carried.pixels, [(Network::Meta, "1234567890".into())]);
        assert!(!carried.has_tags() && carried.weight() > size_of::<Interstitial>() + 10);
        assert_eq!(Interstitial::prepare(&pixels(&[("ga4", "x")])), None);
        let blank = LinkFields { head_tags: Some(" \n".to_owned()), ..LinkFields::default() };
        assert_eq!(Interstitial::prepare(&blank), None);
        let tags = LinkFields { body_tags: Some("<p>Hello</p>".to_owned()), ..LinkFields::default() };
        assert!(Interstitial::prepare(&tags).unwrap().has_tags());
    }
}
