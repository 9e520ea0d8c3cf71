//! Literals that a text must hold, if a pattern matches it. One search for the literals of many patterns tells which of
//! them are worth trying: a text holds few of them.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind};
use regex_syntax::hir::{Class, Hir, HirKind};

/// Shorter ones stand in every text.
const SHORTEST: usize = 3;

/// A pattern with more alternatives is rather tried.
const MOST: usize = 64;

/// One of these stands in every text that the pattern matches, in lower or upper case. `None`: that is not known.
pub type Literals = Option<Vec<String>>;

/// The literals of a pattern, which may be matched in any case. They are ASCII, in lower case: the case of other letters
/// is not always a matter of two of them.
pub fn required_literals(hir: &Hir) -> Literals {
    match hir.kind() {
        HirKind::Capture(group) => required_literals(&group.sub),
        HirKind::Repetition(repeated) if repeated.min > 0 => required_literals(&repeated.sub),
        HirKind::Alternation(parts) => {
            let all: Option<Vec<Vec<String>>> = parts.iter().map(required_literals).collect();
            let all: Vec<String> = all?.into_iter().flatten().collect();
            (all.len() <= MOST).then_some(all)
        }
        HirKind::Concat(parts) => best(parts),
        HirKind::Literal(_) | HirKind::Class(_) => best(std::slice::from_ref(hir)),
        HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

/// Of parts in a row, the one that is rarest by its look: with the fewest literals, and then
/// the longest.
fn best(parts: &[Hir]) -> Literals {
    let mut found: Vec<Vec<String>> = Vec::new();
    // What stands in a row so far, in each of its forms.
    let mut run = vec![String::new()];
    for part in parts {
        match exact(part) {
            Some(next) if run.len() * next.len() <= MOST => run = product(&run, &next),
            Some(next) => found.push(std::mem::replace(&mut run, next)),
            None => {
                found.push(std::mem::replace(&mut run, vec![String::new()]));
                found.extend(required_literals_of_group(part));
            }
        }
    }
    found.push(run);
    let shortest = |literals: &Vec<String>| literals.iter().map(String::len).min().unwrap_or_default();
    let told = found.into_iter().filter(|literals| shortest(literals) >= SHORTEST);
    // Many patterns end in the same few words, and each begins with one of its own.
    told.max_by_key(|literals| (std::cmp::Reverse(literals.len()), shortest(literals)))
}

/// The same for a part of a row, which is no row itself.
fn required_literals_of_group(part: &Hir) -> Literals {
    match part.kind() {
        HirKind::Literal(literal) => {
            // Letters that are not ASCII stand in it.
            let runs = literal.0.split(|byte| !byte.is_ascii());
            let longest = runs.max_by_key(|run| run.len()).filter(|run| run.len() >= SHORTEST)?;
            Some(vec![String::from_utf8(longest.to_ascii_lowercase()).ok()?])
        }
        HirKind::Class(_) => None,
        _ => required_literals(part),
    }
}

fn product(before: &[String], behind: &[String]) -> Vec<String> {
    before.iter().flat_map(|before| behind.iter().map(move |behind| format!("{before}{behind}"))).collect()
}

/// All texts that a pattern matches, in lower case, if they are ASCII and few.
fn exact(hir: &Hir) -> Option<Vec<String>> {
    let all = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![String::new()],
        HirKind::Literal(literal) if literal.0.is_ascii() => {
            vec![String::from_utf8(literal.0.to_ascii_lowercase()).ok()?]
        }
        HirKind::Class(class) => letters(class)?.iter().map(char::to_string).collect(),
        HirKind::Capture(group) => exact(&group.sub)?,
        HirKind::Concat(parts) => {
            let mut all = vec![String::new()];
            for part in parts {
                let next = exact(part)?;
                if all.len() * next.len() > MOST {
                    return None;
                }
                all = product(&all, &next);
            }
            all
        }
        HirKind::Alternation(parts) => {
            parts.iter().map(exact).collect::<Option<Vec<Vec<String>>>>()?.into_iter().flatten().collect()
        }
        HirKind::Literal(_) | HirKind::Repetition(_) => return None,
    };
    (all.len() <= MOST).then_some(all)
}

/// So many letters of a class are told one by one.
const FEW: u32 = 10;

/// The letters of a small class, in lower case; but for [`has_folding`].
fn letters(class: &Class) -> Option<Vec<char>> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => {
            class.ranges().iter().map(|range| (char::from(range.start()), char::from(range.end()))).collect()
        }
    };
    let is_folded = |(start, end): &(char, char)| start == end && FOLDED.contains(start);
    let ranges = ranges.iter().filter(|range| !is_folded(range));
    let mut all = Vec::new();
    for (start, end) in ranges {
        if !end.is_ascii() || u32::from(*end) - u32::from(*start) > 2 * FEW {
            return None;
        }
        all.extend((*start..=*end).map(|c| c.to_ascii_lowercase()));
    }
    all.sort_unstable();
    all.dedup();
    (!all.is_empty() && all.len() <= FEW as usize).then_some(all)
}

/// Two letters beyond ASCII are another case of one within: the sign of Kelvin and the long s.
const FOLDED: [char; 2] = ['\u{212a}', '\u{17f}'];

/// Whether a text holds letters of which an ASCII letter is another case: then no literal tells anything.
pub fn has_folding(text: &str) -> bool {
    !text.is_ascii() && text.contains(FOLDED)
}

/// So many literals are searched by a table of all transitions, which takes a megabyte then.
const FEW_LITERALS: usize = 400;

/// Finds the literals of many owners in one pass.
#[derive(Debug)]
pub struct LiteralSearch {
    search: AhoCorasick,
    /// Whose each of them is.
    owners: Vec<Vec<usize>>,
}

impl LiteralSearch {
    /// Literals in lower case, each with the number of its owner. `None` if there are too many.
    pub fn new<'l>(literals: impl IntoIterator<Item = (&'l str, usize)>) -> Option<Self> {
        let mut all: std::collections::BTreeMap<&str, Vec<usize>> = std::collections::BTreeMap::new();
        for (literal, owner) in literals {
            all.entry(literal).or_default().push(owner);
        }
        let search = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            // A table of all transitions is quickest, and grows with the literals.
            .kind(Some(if all.len() > FEW_LITERALS {
                AhoCorasickKind::ContiguousNFA
            } else {
                AhoCorasickKind::DFA
            }))
            .build(all.keys())
            .ok()?;
        Some(Self { search, owners: all.into_values().collect() })
    }

    /// The owners of the literals that stand in a text, in order, each once.
    pub fn owners_in(&self, text: &str) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let mut seen = vec![false; self.owners.len()];
        for literal in self.search.find_overlapping_iter(text) {
            let number = literal.pattern().as_usize();
            if let (Some(seen), Some(owners)) = (seen.get_mut(number), self.owners.get(number))
                && !std::mem::replace(seen, true)
            {
                found.extend(owners);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_match_must_hold() {
        for (pattern, expect) in [
            ("worker", Some(vec!["worker"])),
            ("Worker is down", Some(vec!["worker is down"])),
            (r"\bworkers? (is|are) down\b", Some(vec!["worker"])),
            ("gh[op]_x", Some(vec!["gho_x", "ghp_x"])),
            ("gl(?:pat|dt)-[a-z]+", Some(vec!["glpat-", "gldt-"])),
            ("disk full|no space left", Some(vec!["disk full", "no space left"])),
            ("(workers){2,}", Some(vec!["workers"])),
            ("läuft nicht", Some(vec!["uft nicht"])),
            ("(?:worker)?", None),
            ("worker|.*", None),
            ("(?i)worker", Some(vec!["worker"])),
            ("(?i-u:authorization)[ :]", Some(vec!["authorization ", "authorization:"])),
            ("[wW]orker", Some(vec!["worker"])),
            ("[ab]orker", Some(vec!["aorker", "borker"])),
            ("[a-z]orker", Some(vec!["orker"])),
            ("db", None),
            ("", None),
        ] {
            let hir = regex_syntax::parse(pattern).unwrap();
            let expect: Literals = expect.map(|all| all.into_iter().map(str::to_owned).collect());
            assert_eq!(required_literals(&hir), expect, "{pattern}");
        }
    }

    #[test]
    fn literals_are_found_in_any_case_and_within_one_another() {
        let search = LiteralSearch::new([("down", 1), ("workers down", 2), ("own", 3), ("up", 1)]).unwrap();
        assert_eq!(search.owners_in("The WORKERS down"), [1, 2, 3]);
        assert_eq!(search.owners_in("upside"), [1]);
        assert_eq!(search.owners_in("well"), [0; 0]);
    }
}
