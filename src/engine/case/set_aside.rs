//! Cases that are set aside: their journals cannot be read, and trying again cannot help.
//!
//! Each is logged once, counted, and holds up no worker and no task. A restart tries again, because a newer
//! version or a repaired journal may be able to read it.

use crate::core::ids::CaseId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The cases that this process does not work on. Clones share one list.
#[derive(Debug, Clone, Default)]
pub struct SetAside(Arc<Mutex<BTreeMap<CaseId, String>>>);

impl SetAside {
    /// Puts a case on the list, and says so once.
    pub(crate) fn add(&self, case: &CaseId, why: &dyn std::fmt::Display) {
        let count = {
            let mut cases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if cases.contains_key(case) {
                return;
            }
            cases.insert(case.clone(), why.to_string());
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(case)
    }

    /// The cases on the list, and why each of them cannot be read.
    pub fn all(&self) -> BTreeMap<CaseId, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
