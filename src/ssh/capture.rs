//! One stream of a command: all of it counted and hashed, the start of it kept.

use crate::core::diagnosis::evidence::RawOutput;
use sha2::{Digest, Sha256};

/// Takes a stream piece by piece. Its memory is bounded by the cap.
pub(super) struct Capture {
    kept: Vec<u8>,
    cap: usize,
    length: u64,
    hash: Sha256,
}

impl Capture {
    /// Keeps at most `cap` bytes.
    pub(super) fn new(cap: usize) -> Self {
        Self { kept: Vec::new(), cap, length: 0, hash: Sha256::new() }
    }

    /// Takes in the next piece. Beyond the cap, it is counted and hashed only.
    pub(super) fn take(&mut self, piece: &[u8]) {
        let room = self.cap.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(piece.get(..room).unwrap_or(piece));
        self.length += piece.len() as u64;
        self.hash.update(piece);
    }

    /// The length of what came, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// What was kept, and the length and SHA-256 of the whole stream.
    pub(super) fn finish(self) -> RawOutput {
        RawOutput { kept: self.kept, length: self.length, sha256: hex::encode(self.hash.finalize()) }
    }
}

/// A whole output that is at hand, capped as a stream of it would have been.
pub fn capture(output: &[u8], cap: usize) -> RawOutput {
    let mut capture = Capture::new(cap);
    capture.take(output);
    capture.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_hashed_and_the_start_is_kept() {
        let mut pieces = Capture::new(4);
        for piece in [&b"abc"[..], b"", b"def", b"g"] {
            pieces.take(piece);
        }
        let output = pieces.finish();
        assert_eq!(output.kept, b"abcd");
        assert_eq!(output.length, 7);
        assert!(output == capture(b"abcdefg", 4));
        assert_eq!(output.sha256, hex::encode(Sha256::digest(b"abcdefg")));
    }
}
