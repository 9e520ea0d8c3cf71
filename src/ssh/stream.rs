//! One output stream of a session: what the login's start-up files print is cut off at the marker.

use crate::core::diagnosis::evidence::RawOutput;
use crate::core::playbook::command::envelope::MARKER;
use crate::ssh::capture::Capture;

/// What is kept of the noise before the marker, in bytes: its end, which says best what is wrong.
const NOISE: usize = 16 * 1024;

/// Takes a stream piece by piece. Its memory is bounded by the cap of the output.
pub(super) struct Stream {
    /// What came before the marker; at most [`NOISE`] of it, and a piece.
    noise: Vec<u8>,
    /// All of it, in bytes.
    noise_length: u64,
    /// The command's output has begun.
    pub has_begun: bool,
    output: Capture,
}

impl Stream {
    /// `marked`: the output begins at the marker, and not at once.
    pub(super) fn new(marked: bool, cap: usize) -> Self {
        Self { noise: Vec::new(), noise_length: 0, has_begun: !marked, output: Capture::new(cap) }
    }

    /// Takes in the next piece. Before the marker it is noise, behind it output.
    pub(super) fn take(&mut self, piece: &[u8]) {
        if self.has_begun {
            return self.output.take(piece);
        }
        // The marker may have begun in the piece before.
        let from = self.noise.len().saturating_sub(MARKER.len());
        self.noise.extend_from_slice(piece);
        self.noise_length += piece.len() as u64;
        let mut windows = self.noise.windows(MARKER.len()).skip(from);
        let found = windows.position(|window| window == MARKER.as_bytes());
        if let Some(at) = found {
            let mut output = self.noise.split_off(from + at);
            self.noise_length -= output.len() as u64;
            output.drain(..MARKER.len());
            self.has_begun = true;
            self.output.take(&output);
        } else {
            self.noise.drain(..self.noise.len().saturating_sub(NOISE));
        }
    }

    /// The length of all that came, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.noise_length + self.output.length()
    }

    /// The end of what came before the output.
    pub(super) fn noise(&self) -> &[u8] {
        &self.noise
    }

    /// The command's output, without the noise before the marker.
    pub(super) fn finish(self) -> RawOutput {
        self.output.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, size: usize) -> Stream {
        let mut stream = Stream::new(true, 100);
        text.as_bytes().chunks(size).for_each(|piece| stream.take(piece));
        stream
    }

    #[test]
    fn the_output_begins_behind_the_first_marker_however_it_is_cut() {
        let text = format!("Welcome to field{MARKER}out{MARKER}put");
        for size in 1..text.len() {
            let stream = read(&text, size);
            assert!(stream.has_begun);
            assert_eq!(stream.noise(), b"Welcome to field");
            assert_eq!(stream.length(), (text.len() - MARKER.len()) as u64);
            assert_eq!(stream.finish().kept, format!("out{MARKER}put").as_bytes());
        }
    }

    #[test]
    fn noise_is_bounded_and_no_output() {
        let stream = read(&"x".repeat(200_000), 1000);
        assert!(!stream.has_begun && stream.noise().len() == NOISE && stream.length() == 200_000);
        assert_eq!(stream.finish().length, 0);
        let mut plain = Stream::new(false, 100);
        plain.take(MARKER.as_bytes());
        assert_eq!(plain.finish().kept, MARKER.as_bytes());
    }
}
