//! A text in blocks of as many bytes as a word has bits: what is asked of a byte is asked of all of them at once.

use wide::u8x16;

pub const BLOCK: usize = 64;

/// A bit for each byte of the block that is so.
#[inline]
pub fn bits(block: &[u8; BLOCK], is: impl Fn(u8x16) -> u8x16) -> u64 {
    let (lanes, _) = block.as_chunks::<16>();
    lanes.iter().rev().fold(0, |bits, lane| bits << 16 | u64::from(is(u8x16::new(*lane)).to_bitmask()))
}

/// Whether anything is found in a block; `found` is told where each begins. The last is filled up with NULs.
#[inline]
pub fn any_block(data: &[u8], mut found: impl FnMut(usize, &[u8; BLOCK]) -> bool) -> bool {
    let (blocks, rest) = data.as_chunks::<BLOCK>();
    for (number, block) in blocks.iter().enumerate() {
        if found(number * BLOCK, block) {
            return true;
        }
    }
    let mut block = [0; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    found(blocks.len() * BLOCK, &block)
}

/// The places of the bits, from the lowest on.
pub fn places(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = bits.trailing_zeros() as usize;
        (bits != 0).then(|| {
            bits &= bits - 1;
            place
        })
    })
}

/// The bits of a block as seen from so many bytes behind; `before` are those of the block before it.
#[inline]
pub const fn ahead(bits: u64, before: u64, by: u32) -> u64 {
    bits << by | before >> (u64::BITS - by)
}
