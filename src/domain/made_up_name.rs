//! Names for customers of whom nothing is known but that they are there: `Brave Amber Otter`. The same customer always has the
//! same one; two may share one.

const ADJECTIVES: [&str; 32] = [
    "Agile", "Bold", "Brave", "Bright", "Calm", "Careful", "Cheerful", "Clever", "Curious", "Eager", "Fair", "Gentle",
    "Glad", "Happy", "Honest", "Jolly", "Keen", "Kind", "Lively", "Lucky", "Merry", "Noble", "Patient", "Polite",
    "Proud", "Quick", "Quiet", "Sunny", "Swift", "Tidy", "Warm", "Wise",
];
const COLORS: [&str; 16] = [
    "Amber", "Azure", "Blue", "Bronze", "Coral", "Crimson", "Golden", "Green", "Indigo", "Ivory", "Jade", "Lilac",
    "Olive", "Scarlet", "Silver", "Teal",
];
const ANIMALS: [&str; 32] = [
    "Badger", "Beaver", "Bison", "Crane", "Deer", "Dolphin", "Eagle", "Falcon", "Finch", "Fox", "Gecko", "Hare",
    "Hawk", "Heron", "Ibis", "Koala", "Lark", "Lemur", "Lynx", "Marten", "Moose", "Otter", "Owl", "Panda", "Puffin",
    "Raven", "Robin", "Seal", "Stork", "Swan", "Tiger", "Wombat",
];

/// The name of whoever has this number. It does not change with the program.
pub fn of(number: u64) -> String {
    // The finishing step of SplitMix64, so that neighbours are not named alike.
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    let pick = |shift: u32, words: &[&'static str]| words[(mixed >> shift) as usize % words.len()];
    format!("{} {} {}", pick(0, &ADJECTIVES), pick(16, &COLORS), pick(32, &ANIMALS))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_stay_and_spread() {
        // Computed once, apart from this code: names must not change under those who have seen them.
        assert_eq!([of(1), of(2), of(u64::MAX)], ["Bold Blue Hawk", "Honest Green Tiger", "Agile Crimson Panda"]);
        let names: BTreeSet<String> = (0..1_000).map(of).collect();
        assert!(names.len() > 950, "{}", names.len());
        assert!(names.iter().all(|name| name.split(' ').count() == 3));
    }
}
