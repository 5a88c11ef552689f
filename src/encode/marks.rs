//! Places in a stream of bytes that somebody else writes, marked so that they can be filled in on the way.

use memchr::memmem::{Finder, find};

/// Finds a mark, which is followed by a fixed number of bytes, and puts something else in the place of both.
///
/// The mark must be one that nothing else in the stream can hold, such as a random one.
#[derive(Debug)]
pub struct Marks {
    finder: Finder<'static>,
    /// Bytes after the mark that belong to it.
    behind: usize,
    /// The end of what has come, as long as it may be the beginning of a mark.
    held: Vec<u8>,
}

impl Marks {
    /// For this mark and so many bytes behind it.
    pub fn new(mark: &[u8], behind: usize) -> Self {
        Self { finder: Finder::new(mark).into_owned(), behind, held: Vec::new() }
    }

    fn length(&self) -> usize {
        self.finder.needle().len() + self.behind
    }

    /// Appends to `out` what a part of the stream becomes. `fill` gets the bytes behind a mark and appends what stands in its
    /// place.
    pub fn pass(&mut self, part: &[u8], out: &mut Vec<u8>, mut fill: impl FnMut(&[u8], &mut Vec<u8>)) {
        out.reserve(self.held.len() + part.len());
        let mut held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return self.pass_on(part, out, &mut fill);
        }
        // What is held is shorter than a mark with what belongs to it: so much of the part tells what it is.
        let some = part.len().min(self.length());
        let held_bytes = held.len();
        held.extend_from_slice(&part[..some]);
        if some == part.len() {
            return self.pass_on(&held, out, &mut fill);
        }
        let mut rest = part;
        match self.finder.find(&held).filter(|found| *found < held_bytes) {
            Some(found) => {
                let end = found + self.length();
                out.extend_from_slice(&held[..found]);
                fill(&held[end - self.behind..end], out);
                rest = &part[end - held_bytes..];
            }
            None => out.extend_from_slice(&held[..held_bytes]),
        }
        self.pass_on(rest, out, &mut fill);
    }

    fn pass_on(&mut self, part: &[u8], out: &mut Vec<u8>, fill: &mut impl FnMut(&[u8], &mut Vec<u8>)) {
        let mut at = 0;
        // What stands behind a mark is no mark, whatever it looks like.
        while let Some(found) = self.finder.find(&part[at..]).map(|found| at + found) {
            let end = found + self.length();
            if end > part.len() {
                break;
            }
            out.extend_from_slice(&part[at..found]);
            fill(&part[end - self.behind..end], out);
            at = end;
        }
        // Of what is left, only the end may be the beginning of a mark.
        let rest = &part[at..];
        let may_begin = rest.len().saturating_sub(self.length() - 1);
        let free = match find(&rest[may_begin..], self.finder.needle()) {
            Some(begun) => may_begin + begun,
            None => rest.len().saturating_sub(self.finder.needle().len() - 1),
        };
        out.extend_from_slice(&rest[..free]);
        self.held.extend_from_slice(&rest[free..]);
    }

    /// What was still held when the stream ended.
    pub fn finish(self) -> Vec<u8> {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(parts: &[&[u8]]) -> String {
        let mut marks = Marks::new(b"<m>", 2);
        let mut out = Vec::new();
        for part in parts {
            marks.pass(part, &mut out, |behind, out| {
                out.push(b'[');
                out.extend_from_slice(behind);
                out.push(b']');
            });
        }
        out.extend(marks.finish());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn marks_are_filled_in() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("<m>ab", "[ab]"),
            ("x<m>ab<m>cdy<", "x[ab][cd]y<"),
            ("<<m>ab>", "<[ab]>"),
            // Cut off by whoever writes: nothing is lost.
            ("x<m>a", "x<m>a"),
        ] {
            assert_eq!(filled(&[text.as_bytes()]), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn parts_may_be_cut_anywhere(pieces in prop::collection::vec("<m>[a-z]{2}|<m><m|[<m>]{0,4}x|[a-z]{0,5}", 0..12), cuts in prop::collection::vec(0usize..80, 0..12)) {
            let text = pieces.concat().into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            prop_assert_eq!(filled(&parts), filled(&[&text]));
        }
    }
}
