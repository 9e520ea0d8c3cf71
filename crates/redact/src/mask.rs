//! The mask, and how it is put over places of a text.

use crate::cursor::{piece, rest};
use std::ops::Range;

/// What stands in place of a secret.
pub const MASK: &str = "[redacted]";

/// The places of a text that are to be hidden.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<Place>);

#[derive(Debug)]
struct Place {
    range: Range<usize>,
    /// What stands on both sides of the mask, so that a number in JSON becomes a string.
    quote: String,
}

impl Places {
    /// Hides the bytes of this range.
    pub(super) fn hide(&mut self, range: Range<usize>) {
        self.0.push(Place { range, quote: String::new() });
    }

    /// Hides a number behind a quoted name: the mask is quoted in the same way.
    pub(super) fn hide_number(&mut self, range: Range<usize>, quote: String) {
        self.0.push(Place { range, quote });
    }

    /// Whether nothing is to be hidden.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|place| place.range.is_empty())
    }

    /// The places of a part of the text that begins at an offset.
    pub(super) fn add_shifted(&mut self, places: Places, offset: usize) {
        self.0.extend(places.0.into_iter().map(|place| Place {
            range: place.range.start + offset..place.range.end + offset,
            quote: place.quote,
        }));
    }

    /// The places of a text that was made from another one. `origin` gives the place of each of its bytes
    /// there.
    pub(super) fn add_translated(&mut self, places: Places, origin: &[Range<usize>]) {
        for Place { range, quote } in places.0 {
            let last = range.end.checked_sub(1).filter(|last| *last >= range.start);
            let ends = last.and_then(|last| Some((origin.get(range.start)?, origin.get(last)?)));
            if let Some((first, last)) = ends {
                self.0.push(Place { range: first.start..last.end, quote });
            }
        }
    }

    /// The text with masks over the places, one over those that meet. `None` if nothing changes.
    pub(super) fn put_masks(self, text: &str) -> Option<String> {
        let mut places = self.0;
        places.retain(|place| !place.range.is_empty());
        if places.is_empty() {
            return None;
        }
        // A mask that is there already is one thing: what touches its inside takes it whole.
        let masks: Vec<Range<usize>> =
            text.match_indices(MASK).map(|(at, found)| at..at + found.len()).collect();
        for Place { range, .. } in &mut places {
            let first = masks.partition_point(|mask| mask.end <= range.start);
            let end = range.end;
            for mask in masks.iter().skip(first).take_while(|mask| mask.start < end) {
                *range = range.start.min(mask.start)..range.end.max(mask.end);
            }
        }
        places.sort_by_key(|place| (place.range.start, place.range.end));
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        let mut places = places.into_iter().peekable();
        while let Some(Place { mut range, mut quote }) = places.next() {
            while let Some(next) = places.next_if(|next| next.range.start <= range.end) {
                // Two readers may find the same number; anything else is no lone number.
                if next.range != range {
                    quote.clear();
                } else if quote.is_empty() {
                    quote = next.quote;
                }
                range.end = range.end.max(next.range.end);
            }
            out.push_str(piece(text, done..range.start));
            out.push_str(&quote);
            out.push_str(MASK);
            out.push_str(&quote);
            done = range.end;
        }
        out.push_str(rest(text, done));
        (out != text).then_some(out)
    }
}
