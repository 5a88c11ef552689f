//! Messages of the DNS (RFC 1035), as far as one question for TXT records needs them. Pure.

/// Largest answer that is taken over UDP, in bytes; what is told to the name server (RFC 6891).
pub(super) const UDP_BYTES: u16 = 1_232;

const HEADER: usize = 12;
const TYPE_TXT: u16 = 16;
const TYPE_OPT: u16 = 41;
const CLASS_IN: u16 = 1;
/// Steps from pointer to pointer, and labels, at most; a name has 127 of them.
const MOST_LABELS: usize = 128;

/// A name server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The texts, each put together from its parts; none when there is no such record.
    Texts(Vec<String>),
    /// It is longer than a datagram.
    Truncated,
    /// The name server refuses or fails, with this code.
    Failed(u8),
}

/// The question for the TXT records of a name; `None` when it can be no name of the DNS.
pub(super) fn question(id: u16, name: &str) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(HEADER + name.len() + 17);
    message.extend(id.to_be_bytes());
    // Recursion desired; one question, one additional record.
    message.extend([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 1]);
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        message.push(length);
        message.extend(label.as_bytes());
    }
    message.push(0);
    if message.len() - HEADER > 255 {
        return None;
    }
    message.extend(TYPE_TXT.to_be_bytes());
    message.extend(CLASS_IN.to_be_bytes());
    // The root's name, OPT, the size, no flags, no data.
    message.push(0);
    message.extend(TYPE_OPT.to_be_bytes());
    message.extend(UDP_BYTES.to_be_bytes());
    message.extend([0; 6]);
    Some(message)
}

/// What a message answers to `question`; `None` when it is no answer to it, or broken.
pub(super) fn answer(message: &[u8], question: &[u8]) -> Option<Answer> {
    let header = message.get(..HEADER)?;
    // An answer, to this very question.
    if header[..2] != question[..2] || header[2] & 0x80 == 0 || number(header, 4)? != 1 {
        return None;
    }
    let asked = &question[HEADER..skip_name(question, HEADER)? + 4];
    let mut at = HEADER + asked.len();
    if !message.get(HEADER..at)?.eq_ignore_ascii_case(asked) {
        return None;
    }
    if header[2] & 0x02 != 0 {
        return Some(Answer::Truncated);
    }
    match header[3] & 0x0f {
        0 => {}
        // The name is not there.
        3 => return Some(Answer::Texts(Vec::new())),
        code => return Some(Answer::Failed(code)),
    }
    let mut texts = Vec::new();
    for _ in 0..number(header, 6)? {
        at = skip_name(message, at)?;
        let (kind, class, length) = (number(message, at)?, number(message, at + 2)?, number(message, at + 8)?);
        at += 10;
        let data = message.get(at..at + usize::from(length))?;
        at += data.len();
        // Others are on the way to it: aliases.
        if (kind, class) == (TYPE_TXT, CLASS_IN) {
            texts.push(String::from_utf8_lossy(&parts(data)?).into_owned());
        }
    }
    Some(Answer::Texts(texts))
}

/// The parts of a text behind one another.
fn parts(mut data: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(data.len());
    while let Some((&length, rest)) = data.split_first() {
        let part = rest.get(..usize::from(length))?;
        text.extend(part);
        data = &rest[part.len()..];
    }
    Some(text)
}

/// Where a name ends that begins at `at`.
fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    for _ in 0..MOST_LABELS {
        match *message.get(at)? {
            0 => return Some(at + 1),
            // The rest stands elsewhere.
            length if length & 0xc0 == 0xc0 => return Some(at + 2),
            length if length & 0xc0 == 0 => at += 1 + usize::from(length),
            _ => return None,
        }
    }
    None
}

fn number(message: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: &str = "_linktrail.go.example.com";

    /// An answer to `question` with these records: type and data.
    fn reply(question: &[u8], flags: [u8; 2], records: &[(u16, &[u8])]) -> Vec<u8> {
        let end = skip_name(question, HEADER).unwrap() + 4;
        let mut message = question[..end].to_vec();
        message[2..4].copy_from_slice(&flags);
        message[6..8].copy_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
        message[10..12].copy_from_slice(&[0, 0]);
        for (kind, data) in records {
            message.extend([0xc0, 12]);
            message.extend(kind.to_be_bytes());
            message.extend([0, 1, 0, 0, 0, 60]);
            message.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            message.extend(*data);
        }
        message
    }

    #[test]
    fn a_question_has_one_name() {
        let asked = question(0x1234, "a.bc.").unwrap();
        assert_eq!(asked[..12], [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
        assert_eq!(asked[12..22], [1, b'a', 2, b'b', b'c', 0, 0, 16, 0, 1]);
        for bad in ["", "a..b", &"x".repeat(64), &format!("{}com", "abcdefg.".repeat(32))] {
            assert_eq!(question(1, bad), None, "{bad}");
        }
    }

    #[test]
    fn texts_are_put_together_and_aliases_passed_over() {
        let asked = question(7, NAME).unwrap();
        let answered = |flags, records: &[(u16, &[u8])]| answer(&reply(&asked, flags, records), &asked);
        let two = [(5, &b"\x01x\x00"[..]), (16, b"\x03abc\x02de"), (16, b"\x01f")];
        assert_eq!(answered([0x81, 0x80], &two), Some(Answer::Texts(vec!["abcde".to_owned(), "f".to_owned()])));
        assert_eq!(answered([0x81, 0x80], &[]), Some(Answer::Texts(Vec::new())));
        assert_eq!(answered([0x81, 0x83], &[]), Some(Answer::Texts(Vec::new())));
        assert_eq!(answered([0x81, 0x82], &[]), Some(Answer::Failed(2)));
        assert_eq!(answered([0x83, 0x80], &two), Some(Answer::Truncated));
        // A question is no answer, and a part must be whole.
        assert_eq!(answered([0x01, 0x00], &two), None);
        assert_eq!(answered([0x81, 0x80], &[(16, b"\x09abc")]), None);
    }

    #[test]
    fn answers_to_other_questions_are_not_taken() {
        let asked = question(7, NAME).unwrap();
        for other in [question(8, NAME), question(7, "_linktrail.go.example.net")] {
            assert_eq!(answer(&reply(&other.unwrap(), [0x81, 0x80], &[(16, b"\x01x")]), &asked), None);
        }
        let mut shouted = asked.clone();
        shouted.make_ascii_uppercase();
        shouted[..HEADER].copy_from_slice(&asked[..HEADER]);
        assert!(answer(&reply(&shouted, [0x81, 0x80], &[(16, b"\x01x")]), &asked).is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(tail in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
            let asked = question(7, NAME).unwrap();
            let mut message = reply(&asked, [0x81, 0x80], &[(16, b"\x03abc")]);
            message.truncate(cut);
            message.extend(&tail);
            let _ = answer(&message, &asked);
            let _ = answer(&tail, &asked);
        }
    }
}
