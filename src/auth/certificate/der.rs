//! The little of DER (X.690) that is needed to look into certificates and encrypted keys.

const SEQUENCE: u8 = 0x30;
/// The version of a certificate, which old ones leave out.
const VERSION: u8 = 0xA0;

/// The first element of some bytes.
pub(super) struct Element<'a> {
    tag: u8,
    /// With its tag and length.
    pub(super) whole: &'a [u8],
    pub(super) content: &'a [u8],
    /// What follows it.
    pub(super) rest: &'a [u8],
}

impl Element<'_> {
    pub(super) fn is_sequence(&self) -> bool {
        self.tag == SEQUENCE
    }
}

/// The first element; none if there is no whole one.
pub(super) fn element(bytes: &[u8]) -> Option<Element<'_>> {
    let (tag, after) = bytes.split_first()?;
    let (first, after) = after.split_first()?;
    let (length, after) = match first {
        ..=0x7F => (usize::from(*first), after),
        0x81..=0x84 => {
            let (digits, after) = after.split_at_checked(usize::from(first & 0x7F))?;
            let length = digits.iter().fold(0, |sum, it| sum << 8 | u64::from(*it));
            (usize::try_from(length).ok()?, after)
        }
        _ => return None,
    };
    let (content, rest) = after.split_at_checked(length)?;
    Some(Element {
        tag: *tag,
        whole: &bytes[..bytes.len() - rest.len()],
        content,
        rest,
    })
}

/// The elements of a sequence.
pub(super) fn sequence(bytes: &[u8]) -> Option<&[u8]> {
    let found = element(bytes).filter(Element::is_sequence)?;
    Some(found.content)
}

/// The names of a certificate's issuer and of its subject (RFC 5280, 4.1).
pub(super) fn names(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = element(sequence(sequence(certificate)?)?)?;
    let serial = match first.tag {
        VERSION => element(first.rest)?,
        _ => first,
    };
    let algorithm = element(serial.rest)?;
    let issuer = element(algorithm.rest)?;
    let validity = element(issuer.rest)?;
    let subject = element(validity.rest)?;
    Some((issuer.whole, subject.whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_short_or_long_and_never_beyond_the_end() {
        let long = [&[4, 0x82, 1, 0][..], &[7; 256], &[9]].concat();
        let found = element(&long).unwrap();
        assert_eq!((found.content.len(), found.rest), (256, &[9][..]));
        assert_eq!(element(&[4, 1, 5, 6]).unwrap().whole, [4, 1, 5]);
        for cut in [
            &[][..],
            &[4],
            &[4, 2, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x82, 1],
            &[4, 0x84, 255, 255, 255, 255],
            &[4, 0x85, 0, 0, 0, 0, 1, 1],
        ] {
            assert!(element(cut).is_none(), "{cut:?}");
        }
        assert!(names(&[SEQUENCE, 2, SEQUENCE, 0]).is_none());
    }
}
