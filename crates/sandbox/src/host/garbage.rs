//! Bytes that are no text: what a broken terminal or a wrong file looks like.

/// Always the same bytes, with NULs and sequences that are not UTF-8 among them.
pub(super) fn bytes() -> Vec<u8> {
    let mut state = 0x2545_F491_u32;
    let noise = std::iter::repeat_with(|| {
        // Xorshift: noise enough, and the same everywhere.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    });
    [0xFF, 0xFE, 0x00].into_iter().chain(noise).take(2048).collect()
}
