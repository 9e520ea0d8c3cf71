//! Commands that no playbook may contain.

use regex::Regex;
use std::sync::LazyLock;

/// Commands that have destroyed data or images on real servers; no playbook may contain them.
#[expect(clippy::expect_used, reason = "the patterns are constants")]
static FORBIDDEN: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        // Docker.
        (r"\bsystem\s+prune\b", "`docker system prune` deletes images and networks that are only idle"),
        (r"\bvolumes?\s+(prune|rm)\b|\bprune\b[^\n;|&]*--volumes", "deleting volumes deletes data"),
        (
            r"\bimage\s+prune\b[^\n;|&]*(\s-[a-z]*a|\s--all)",
            "`docker image prune -a` deletes images that no container happens to use now",
        ),
        (r"\bdown\b[^\n;|&]*(\s-[a-z]*v\b|\s--volumes)", "`docker compose down -v` deletes data"),
        (r"\bdocker\s+(\S+\s+)*rm\b[^\n;|&]*(\s-[a-z]*v\b|\s--volumes)", "`docker rm -v` deletes data"),
        (r"\bnetwork\s+prune\b", "`docker network prune` deletes the networks of projects that are stopped"),
        // Files and disks.
        (r#"\brm\s+(-[a-zA-Z-]*\s+)*(--\s+)?["']?/(\s|$|\*|["'])"#, "this deletes the whole file system"),
        (r"(?i)\b(rm|mv|truncate|unlink|shred)\b[^\n;|&]*\bpg_(wal|xlog)\b", "files in pg_wal are the database"),
        (r"\b(mkfs|mke2fs|wipefs|blkdiscard|shred)(\.\w+)?\s", "this destroys what is on a disk"),
        (r"\bdd\b[^\n;|&]*\bof=/dev/(sd|vd|xvd|nvme|md|mapper|disk)", "this destroys what is on a disk"),
        (r"\b(fsck|e2fsck|xfs_repair)(\.\w+)?\s", "repairing a file system may lose data; a person decides"),
        (r"\bch(own|mod)\s+(-[a-zA-Z]*\s+)*-[a-zA-Z]*R", "a recursive change of owners or rights cannot be undone"),
        // Databases and queues.
        (r"(?m)\bpg_reset(wal|xlog)(\s|$)", "`pg_resetwal` loses committed data"),
        (r"(?i)\bdrop\s+(database|table|schema|tablespace)\b", "dropping a table or database deletes data"),
        (r"(?i)\btruncate\s+(table\s+)?(only\s+)?[a-z_][a-z0-9_.]*\s*(,|;|$|cascade|restart)", "truncating a table deletes data"),
        (r"(?i)\bflush(all|db)\b", "FLUSHALL and FLUSHDB delete every key"),
        (r"(?i)\bstop-writes-on-bgsave-error\s+no\b", "this hides that nothing is saved any more"),
        (r"\b(purge_queue|delete_queue|force_reset|forget_cluster_node)\b|\brabbitmqctl\s+(\S+\s+)*reset\b", "this deletes messages"),
        // Backups and certificates.
        (r"\brestic\b[^\n;|&]*(--remove-all|\bforget\b|\bprune\b)", "this removes locks of others, or backups"),
        (r"\bborg\s+(break-lock|delete|prune)\b", "this lets two write at once, or deletes backups"),
        (
            r"\bcertbot\b[^\n;|&]*--force-renew|\bacme\.sh\b[^\n;|&]*--force",
            "forced renewals use up the limit of the certificate authority",
        ),
        // The way in.
        (r"\biptables\s+(-t\s+\S+\s+)?(-F|--flush)\b|\bnft\s+flush\b", "this may open the host, or shut it"),
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
    fn what_destroys_is_found_and_what_cleans_up_is_not() {
        for command in [
            "docker system prune -f",
            "docker volume prune",
            "docker image prune -af",
            "docker compose down -v",
            "docker rm -fv app",
            "docker network prune -f",
            "rm -rf /",
            "rm -rf \"/\"",
            "find /var/lib/postgresql/15/main/pg_wal -type f | xargs rm; rm -f $data/pg_wal/0000",
            "mkfs.ext4 /dev/sdb1",
            "dd if=/dev/zero of=/dev/sda bs=1M",
            "fsck -y /dev/sda1",
            "chown -R app /srv",
            "pg_resetwal -f $data",
            "psql -c 'DROP TABLE jobs'",
            "psql -c 'truncate jobs;'",
            "redis-cli FLUSHALL",
            "redis-cli config set stop-writes-on-bgsave-error no",
            "rabbitmqctl purge_queue jobs",
            "rabbitmqctl -n rabbit@a reset",
            "restic unlock --remove-all",
            "borg break-lock /backup",
            "certbot renew --force-renewal",
            "iptables -F",
        ] {
            assert!(forbidden(command).is_some(), "{command}");
        }
        for command in [
            "docker image prune -f",
            "docker rm app",
            "docker builder prune -f",
            "docker container prune -f --filter label=app=x",
            "rm -f /var/lib/app/lock",
            "restic unlock",
            "certbot renew --cert-name example.org",
            "truncate -s 0 /var/log/app.log",
            "du -s /var/lib/postgresql/15/main/pg_wal",
            "redis-cli bgsave",
            "chown app /srv/file",
        ] {
            assert_eq!(forbidden(command), None, "{command}");
        }
    }
}
