//! [`Dialect`]: the statements that the databases write differently.
//!
//! They differ in six things: locks of rows, the order of case ids, tickets without regard to upper and
//! lower case, lists, fields of JSON, and differences of moments.

/// Statements of one database. The parameters and columns are the same in each.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Dialect {
    /// `id` of the running case of a ticket `$1`.
    pub(in crate::store) running_case: &'static str,
    /// The line of a case `$1` in the list of cases, locked against other writers.
    pub(in crate::store) locked_case: &'static str,
    /// `id` of all cases that have not ended, oldest first.
    pub(in crate::store) open_cases: &'static str,
    /// The newest `$1` lines of the list of cases.
    pub(in crate::store) newest_cases: &'static str,
    /// The lines of a ticket `$1`, the newest first.
    pub(in crate::store) cases_of_ticket: &'static str,
    /// At most `$9` lines of the list of cases that come after the line of the moment `$1` and the id `$2`, the newest
    /// first: with the outcome's word `$3` and the system `$4`, unless they are NULL, and with the words `$5` to `$8`.
    pub(in crate::store) find_cases: &'static str,
    /// At most `$1` lines of cases that have not ended, oldest first.
    pub(in crate::store) running_cases: &'static str,
    /// `id` of ended cases that were last written before `$1` and are not archived, oldest first.
    pub(in crate::store) closed_before: &'static str,
    /// Records of the kinds `$1` (a list) from the moment `$2` on, by time, case and number.
    pub(in crate::store) history: &'static str,
    /// The runs that began at `$3` or later on one of the hosts `$1` (a list) or on the system `$2`, one row for each
    /// of their hosts, by time, case, number and host.
    pub(in crate::store) runs_of: &'static str,
    /// `host` and `at` of the changes of the hosts `$1` (a list) from `$2` on, by time.
    pub(in crate::store) changes_of: &'static str,
    /// `id` of the cases that have not ended and are not parked at `$1`, oldest first, with `worker` and `until` of
    /// their claims. `$2`: whether a pause of all changes is in force.
    pub(in crate::store) due_cases: &'static str,
    /// `at` when the next parked case is due by its time after `$1`, or NULL.
    pub(in crate::store) next_due: &'static str,
    /// `worker` and `until` of the claim of a case `$1`, locked against other writers.
    pub(in crate::store) held_claim: &'static str,
    /// `case_id` and `until` of the lease of a host `$1`, locked against other writers.
    pub(in crate::store) held_lease: &'static str,
    /// Makes the leases of a case `$1` last until `$2`, or longer.
    pub(in crate::store) extend_leases: &'static str,
    /// Frees the hosts of a case `$1`.
    pub(in crate::store) free_leases: &'static str,
    /// Takes the oldest delivery that is nobody's at `$1`, until `$2`. Gives `key` and `body`.
    pub(in crate::store) next_delivery: &'static str,
    /// The cases that have ended, by `system`, kind and code of the outcome, and `class` of the duration, whose bounds
    /// `$1` to `$9` are milliseconds: `example` of the outcome, `cases`, and `duration` in milliseconds.
    pub(in crate::store) ended_cases: &'static str,
    /// `id`, `system` and `head` of the cases that have not ended, oldest first.
    pub(in crate::store) open_lines: &'static str,
    /// `disputes`: the records of the kinds `$1` (a list) from `$2` on, by `system` of their case.
    pub(in crate::store) disputes: &'static str,
    /// Removes keys that have expired at `$1`, at most `$2`.
    pub(in crate::store) purge_done_keys: &'static str,
    /// Removes turns that were taken before `$1`, at most `$2`.
    pub(in crate::store) purge_turns: &'static str,
}
