//! What a file is for, from its path and its text.

use super::names;
use super::tree::Document;
use std::ops::Range;

/// What a file is for; each kind has keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// `system.yaml`.
    SystemType,
    /// A playbook, for a fault or for a request.
    Playbook,
    /// `expect.yaml` of a scenario.
    Expect,
    /// `host.yaml` of a scenario, or a file that others name as their `base`.
    HostSpec,
    /// `ticket.md` of a scenario.
    Ticket,
}

impl FileKind {
    /// The kind of a file, from its path and its text; `None` if it belongs to no playbook or scenario.
    pub fn of(path: &str, text: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        if name == "ticket.md" {
            return Some(Self::Ticket);
        }
        let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"))?;
        let document = Document::read(text);
        let keys = document.root_keys();
        let has = |wanted: &[&str]| wanted.iter().any(|key| keys.contains(key));
        match stem {
            "system" => has(&["system", "system_type", "probes"]).then_some(Self::SystemType),
            "expect" => Some(Self::Expect),
            "host" => Some(Self::HostSpec),
            _ if has(&["playbook"]) => Some(Self::Playbook),
            _ if has(names::HOST_MARKS) && keys.iter().all(|key| names::HOST_KEYS.contains(key)) => {
                Some(Self::HostSpec)
            }
            _ => None,
        }
    }
}

/// The range of the YAML between the two lines `---` of a ticket.
pub(super) fn front_matter(text: &str) -> Option<Range<usize>> {
    let start = ["---\n", "---\r\n"].iter().find(|mark| text.starts_with(**mark))?.len();
    let rest = text.get(start..)?;
    let mut end = start;
    for line in rest.split_inclusive('\n') {
        if line.trim_end_matches(['\r', '\n']) == "---" {
            return Some(start..end);
        }
        end += line.len();
    }
    None
}
