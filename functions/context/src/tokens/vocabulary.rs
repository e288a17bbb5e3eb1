//! The tokens themselves, laid out so that nothing is built when a function starts: for each length
//! the tokens in the order of their bytes, then their ranks.

use std::cmp::Ordering;

/// How many of o200k's tokens are kept.
pub const KEPT: u16 = 16_000;
/// Bytes of the longest of them.
const LONGEST: usize = 128;
/// A piece longer than this is counted in parts, each cut taken for a token.
const PART: usize = 256;

static TOKENS: &[u8] = include_bytes!("o200k-16k.bin");
static GROUPS: [Group; LONGEST + 1] = groups(TOKENS);

/// Where the tokens of one length are.
#[derive(Clone, Copy)]
struct Group {
    start: usize,
    count: usize,
}

const fn groups(bytes: &[u8]) -> [Group; LONGEST + 1] {
    let mut groups = [Group { start: 0, count: 0 }; LONGEST + 1];
    let (mut at, mut length) = (0, 2);
    while length <= LONGEST && at + 1 < bytes.len() {
        let count = u16::from_le_bytes([bytes[at], bytes[at + 1]]) as usize;
        groups[length] = Group { start: at + 2, count };
        at += 2 + count * (length + 2);
        length += 1;
    }
    groups
}

/// The bytes of the file for these tokens, given in the order of their rank.
pub fn layout<'a>(tokens: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut groups: Vec<Vec<(&[u8], u16)>> = vec![Vec::new(); LONGEST + 1];
    for (token, rank) in tokens.zip(0..) {
        if let Some(group) = groups.get_mut(token.len()) {
            group.push((token, rank));
        }
    }
    let mut file = Vec::new();
    for group in groups.iter_mut().skip(2) {
        group.sort_unstable();
        file.extend(u16::try_from(group.len()).unwrap_or_default().to_le_bytes());
        file.extend(group.iter().flat_map(|(token, _)| token.iter()));
        file.extend(group.iter().flat_map(|(_, rank)| rank.to_le_bytes()));
    }
    file
}

/// The rank of these bytes, if they are a token.
fn rank(bytes: &[u8]) -> Option<u16> {
    let length = bytes.len();
    let Group { start, count } = *GROUPS.get(length)?;
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        let at = start + middle * length;
        match TOKENS.get(at..at + length)?.cmp(bytes) {
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
            Ordering::Equal => {
                let at = start + count * length + middle * 2;
                return Some(u16::from_le_bytes([*TOKENS.get(at)?, *TOKENS.get(at + 1)?]));
            }
        }
    }
    None
}

/// Into how many tokens a piece falls.
pub(super) fn count(piece: &[u8]) -> usize {
    if piece.len() <= PART {
        return part(piece);
    }
    piece.chunks(PART).map(|chunk| part(chunk) + 1).sum()
}

/// No pair has this rank.
const NONE: u16 = u16::MAX;

fn part(bytes: &[u8]) -> usize {
    if bytes.len() < 2 || rank(bytes).is_some() {
        return bytes.len().min(1);
    }
    // Where each token ends, and the rank of it merged with the next.
    let mut starts: Vec<usize> = (0..=bytes.len()).collect();
    let of = |starts: &[usize], at: usize| match (starts.get(at), starts.get(at + 2)) {
        (Some(from), Some(to)) => rank(&bytes[*from..*to]).unwrap_or(NONE),
        _ => NONE,
    };
    let mut ranks: Vec<u16> = (0..bytes.len()).map(|at| of(&starts, at)).collect();
    while let Some((at, best)) = ranks.iter().copied().enumerate().min_by_key(|(_, rank)| *rank) {
        if best == NONE {
            break;
        }
        starts.remove(at + 1);
        ranks.remove(at);
        if let Some(rank) = ranks.get_mut(at) {
            *rank = of(&starts, at);
        }
        if let Some(before) = at.checked_sub(1) {
            ranks[before] = of(&starts, before);
        }
    }
    starts.len() - 1
}
