//! Cases that are set aside: their journals cannot be read, and trying again cannot help.
//!
//! Each is logged once, counted, and holds up no worker and no task. A restart tries again, because a newer
//! version or a repaired journal may be able to read it.

use crate::core::ids::CaseId;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The cases that this process does not work on. Clones share one list.
#[derive(Debug, Clone, Default)]
pub struct SetAside(Arc<Mutex<BTreeSet<CaseId>>>);

impl SetAside {
    /// Puts a case on the list, and says so once.
    pub(crate) fn add(&self, case: &CaseId, why: &dyn std::fmt::Display) {
        let count = {
            let mut cases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !cases.insert(case.clone()) {
                return;
            }
            cases.len()
        };
        tracing::error!(
            %case, error = %why, set_aside = count,
            "the journal of this case cannot be read; the case is set aside until a restart. \
             Run `fieldmedic audit verify`"
        );
    }

    /// Whether a case is on the list.
    pub fn holds(&self, case: &CaseId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(case)
    }
}
