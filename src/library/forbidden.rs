//! Commands that no playbook may contain.

use regex::Regex;
use std::sync::LazyLock;

/// Commands that have destroyed data or images on real servers; no playbook may contain them.
#[expect(clippy::expect_used, reason = "the patterns are constants")]
static FORBIDDEN: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"\bsystem\s+prune\b", "`docker system prune` deletes images and networks that are only idle"),
        (r"\bvolumes?\s+(prune|rm)\b|\bprune\b[^\n;|&]*--volumes", "deleting volumes deletes data"),
        (
            r"\bimage\s+prune\b[^\n;|&]*(\s-[a-z]*a|\s--all)",
            "`docker image prune -a` deletes images that no container happens to use now",
        ),
        (r"\bdown\b[^\n;|&]*(\s-[a-z]*v\b|\s--volumes)", "`docker compose down -v` deletes data"),
        (r"\brm\s+(-[a-zA-Z]*\s+)*(--\s+)?/(\s|$|\*)", "this deletes the whole file system"),
    ]
    .map(|(pattern, why)| (Regex::new(pattern).expect("a constant pattern"), why))
    .into()
});

/// Why a command or script is forbidden; `None` if it is allowed.
pub(super) fn forbidden(text: &str) -> Option<&'static str> {
    FORBIDDEN.iter().find(|(regex, _)| regex.is_match(text)).map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles_and_matches_its_command() {
        assert_eq!(FORBIDDEN.len(), 5);
        for (index, command) in [
            "docker system prune -f",
            "docker volume prune",
            "docker image prune -af",
            "docker compose down -v",
            "rm -rf /",
        ]
        .iter()
        .enumerate()
        {
            assert_eq!(forbidden(command), FORBIDDEN.get(index).map(|(_, why)| *why), "{command}");
        }
        assert_eq!(forbidden("docker image prune -f"), None);
    }
}
