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
/// Of each of the shorter lengths, where the tokens of each first byte begin.
static FIRST: [[u16; 257]; INDEXED + 1] = first(TOKENS);
const INDEXED: usize = 12;

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

const fn first(bytes: &[u8]) -> [[u16; 257]; INDEXED + 1] {
    let groups = groups(bytes);
    let mut first = [[0; 257]; INDEXED + 1];
    let mut length = 2;
    while length <= INDEXED {
        let Group { start, count } = groups[length];
        let mut nth: u16 = 0;
        while (nth as usize) < count {
            // All later bytes begin after this one, until a later token says otherwise.
            first[length][bytes[start + nth as usize * length] as usize + 1] = nth + 1;
            nth += 1;
        }
        let mut byte = 1;
        while byte < 257 {
            if first[length][byte] == 0 {
                first[length][byte] = first[length][byte - 1];
            }
            byte += 1;
        }
        length += 1;
    }
    first
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
    let (mut low, mut high) = match FIRST.get(length) {
        Some(first) => {
            let byte = usize::from(*bytes.first()?);
            (usize::from(first[byte]), usize::from(first[byte + 1]))
        }
        None => (0, count),
    };
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

/// Of at most [`PART`] bytes.
fn part(bytes: &[u8]) -> usize {
    if bytes.len() < 2 || rank(bytes).is_some() {
        return bytes.len().min(1);
    }
    // Where each token begins, and the rank it has merged with the next: the first `count` of each.
    let (mut starts, mut ranks) = ([0_u16; PART + 2], [NONE; PART]);
    for (at, start) in (0..=bytes.len()).enumerate() {
        starts[at] = u16::try_from(start).unwrap_or(u16::MAX);
    }
    let mut count = bytes.len();
    let of = |starts: &[u16], at: usize, count: usize| {
        if at + 2 > count {
            return NONE;
        }
        rank(&bytes[usize::from(starts[at])..usize::from(starts[at + 2])]).unwrap_or(NONE)
    };
    for (at, rank) in ranks[..count].iter_mut().enumerate() {
        *rank = of(&starts, at, count);
    }
    loop {
        let (mut best, mut at) = (NONE, 0);
        for (n, rank) in ranks[..count].iter().enumerate() {
            if *rank < best {
                (best, at) = (*rank, n);
            }
        }
        if best == NONE {
            return count;
        }
        starts.copy_within(at + 2..=count, at + 1);
        ranks.copy_within(at + 1..count, at);
        count -= 1;
        ranks[at] = of(&starts, at, count);
        if at > 0 {
            ranks[at - 1] = of(&starts, at - 1, count);
        }
    }
}
