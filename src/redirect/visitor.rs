//! What may be asked of a visitor.

use crate::domain::device::DeviceClass;

/// Answers about the visitor of one visit. Each may cost a look-up, so a decision asks only where its outcome depends on it.
pub trait Visitor {
    /// A robot of any kind.
    fn is_bot(&self) -> bool;

    /// A robot that fetches what messengers and social networks show of a link.
    fn is_previewer(&self) -> bool;

    /// What it runs on.
    fn system(&self) -> System;

    /// The name of the system that it runs on, as surfaces show it; empty when unknown.
    fn platform(&self) -> String;

    /// What it holds; `None` for a robot that says nothing of it, and for televisions, watches and the like.
    fn device(&self) -> Option<DeviceClass>;

    /// Where it is: ISO 3166-1 alpha-2 in capitals, empty when unknown.
    fn country(&self) -> String;

    /// The mark of the destination that it got in a test before.
    fn variant(&self) -> Option<u64>;

    /// A number by chance, from 0 up to but not including 1, every time another.
    fn chance(&self) -> f64;

    /// It has given the password that this argon2id hash is of.
    fn is_unlocked(&self, password_hash: &str) -> bool;
}

/// What a visitor runs on, as far as links care.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum System {
    /// iPhone, iPad, iPod. An iPad that asks for desktop pages says that it is a Mac, and is taken for one.
    Ios,
    /// Android of any make.
    Android,
    /// Everything else.
    #[default]
    Other,
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    use super::*;

    /// A visitor that answers what it is told to, and remembers whether it was asked.
    #[derive(Debug, Default)]
    pub(in crate::redirect) struct Fake {
        pub bot: bool,
        pub previewer: bool,
        pub system: System,
        pub platform: &'static str,
        pub device: Option<DeviceClass>,
        pub country: &'static str,
        pub variant: Option<u64>,
        pub chance: f64,
        pub unlocked: bool,
        pub questions: Cell<u32>,
    }

    impl Fake {
        fn answer<T>(&self, answer: T) -> T {
            self.questions.set(self.questions.get() + 1);
            answer
        }
    }

    impl Visitor for Fake {
        fn is_bot(&self) -> bool {
            self.answer(self.bot)
        }

        fn is_previewer(&self) -> bool {
            self.answer(self.previewer)
        }

        fn system(&self) -> System {
            self.answer(self.system)
        }

        fn platform(&self) -> String {
            self.answer(self.platform.to_owned())
        }

        fn device(&self) -> Option<DeviceClass> {
            self.answer(self.device)
        }

        fn country(&self) -> String {
            self.answer(self.country.to_owned())
        }

        fn variant(&self) -> Option<u64> {
            self.answer(self.variant)
        }

        fn chance(&self) -> f64 {
            self.answer(self.chance)
        }

        fn is_unlocked(&self, _: &str) -> bool {
            self.answer(self.unlocked)
        }
    }
}
