//! `[schedules.*]`: playbooks that are run at their times.

use crate::config::params::{ParamProblem, checked, hint};
use crate::core::case::scheduled_run::ScheduledRun;
use crate::core::chatops::scope::CaseScope;
use crate::core::ids::{ParamName, PlaybookName, ScheduleName, SystemName};
use crate::core::playbook::inventory::Inventory;
use crate::core::playbook::{Library, Param};
use crate::core::policy::schedule::Schedule;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// One schedule.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleEntry {
    /// The system on which the playbook is run.
    pub system: SystemName,
    /// A request or an operation of the system's type, as in `/qfield:support run`.
    pub run: PlaybookName,
    /// The playbook's parameters; those with a default may be left out.
    #[serde(default)]
    pub params: BTreeMap<ParamName, Value>,
    /// When: an interval or a cron expression.
    pub at: String,
    /// The time zone of the cron expression; that of `[sweep]` by default.
    #[serde(default)]
    pub timezone: Option<String>,
}

impl ScheduleEntry {
    /// The run, checked against the playbooks of its system. `timezone` holds where the entry names none.
    ///
    /// # Errors
    /// Every problem of the entry.
    pub(super) fn scheduled_run(
        &self,
        name: &ScheduleName,
        library: &Library,
        inventory: &Inventory,
        timezone: &str,
    ) -> Result<ScheduledRun, Vec<String>> {
        let section = format!("[schedules.{name}]");
        let schedule = Schedule::parse(&self.at, self.timezone.as_deref().unwrap_or(timezone));
        let schedule = schedule.map_err(|error| vec![format!("{section} at: {error}")]);
        let Some(system) = inventory.systems.get(&self.system) else {
            let known = inventory.systems.keys().map(SystemName::as_str);
            let hint = hint(self.system.as_str(), known);
            return Err(vec![format!("{section} system: there is no [systems.{}]; {hint}", self.system)]);
        };
        let Some(system_type) = library.systems.get(&system.system_type) else {
            return Err(vec![format!(
                "{section} system: there are no playbooks for `{}`",
                system.system_type
            )]);
        };
        let (system, run) = (self.system.clone(), self.run.clone());
        if let Some(request) = system_type.request(&run) {
            let values = self.values(&section, &request.params)?;
            let scope = CaseScope::AnswerRequest { system, request: run, values };
            return Ok(ScheduledRun {
                name: name.clone(),
                schedule: schedule?,
                scope,
                title: request.title.clone(),
            });
        }
        if let Some(operation) = system_type.operation(&run) {
            let values = self.values(&section, &operation.params)?;
            let scope = CaseScope::Operate { system, operation: run, values };
            let title = operation.fault.title.clone();
            return Ok(ScheduledRun { name: name.clone(), schedule: schedule?, scope, title });
        }
        let requests = system_type.requests.iter().map(|request| request.name.as_str());
        let operations = system_type.operations.iter().map(|operation| operation.fault.name.as_str());
        let hint = hint(run.as_str(), requests.chain(operations));
        Err(vec![format!(
            "{section} run: `{run}` is no request and no operation of `{}`; {hint}",
            system_type.name
        )])
    }

    fn values(
        &self,
        section: &str,
        params: &BTreeMap<ParamName, Param>,
    ) -> Result<BTreeMap<ParamName, Value>, Vec<String>> {
        checked(&self.params, params, |name, problem| match problem {
            ParamProblem::Wrong(error) => format!("{section} params.{name}: {error}"),
            ParamProblem::Unknown { hint } => format!("{section} params.{name} is unknown; {hint}"),
            ParamProblem::Missing { help } => format!("{section} params.{name} is missing: {help}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::core::chatops::scope::CaseScope;
    use crate::library::{Files, load};
    use std::path::Path;

    const CONFIG: &str = "[github]\nrepos = [\"example/tickets\"]\n[hosts.main]\naddress = \"203.0.113.10\"\nuser = \"medic\"\n\
        [systems.cloud]\ntype = \"qfieldcloud\"\nhosts = { main = \"main\" }\n[schedules.daily]\nsystem = \"cloud\"\n\
        run = \"logs\"\nparams = { service = \"app\", lines = 20 }\nat = \"0 6 * * *\"\n";

    fn scopes(config: &str) -> Result<Vec<CaseScope>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fieldmedic.toml");
        std::fs::write(&path, config).unwrap();
        let config = Config::read(&path).map_err(|error| error.to_string())?;
        let library = load(&Files::built_in()).expect("the built-in playbooks are sound");
        let inventory = config.inventory(&library, Path::new("x")).map_err(|error| error.to_string())?;
        let runs =
            config.schedules(&library, &inventory, Path::new("x")).map_err(|error| error.to_string())?;
        Ok(runs.into_iter().map(|run| run.scope).collect())
    }

    #[test]
    fn requests_and_operations_are_scheduled() {
        let logs = scopes(CONFIG).unwrap();
        assert!(
            matches!(&logs[..], [CaseScope::AnswerRequest { values, .. }] if values.len() == 2),
            "{logs:?}"
        );
        let restart = CONFIG.replace("run = \"logs\"", "run = \"restart\"").replace(", lines = 20", "");
        let restart = scopes(&restart).unwrap();
        assert!(matches!(&restart[..], [CaseScope::Operate { .. }]), "{restart:?}");
    }

    #[test]
    fn mistakes_are_reported_with_a_hint() {
        for (from, to, expect) in [
            ("0 6 * * *", "daily", "[schedules.daily] at: `daily` is neither a time"),
            ("system = \"cloud\"", "system = \"clod\"", "there is no [systems.clod]; did you mean `cloud`?"),
            (
                "run = \"logs\"",
                "run = \"log\"",
                "`log` is no request and no operation of `qfieldcloud`; did you mean `logs`?",
            ),
            ("run = \"logs\"", "run = \"worker-down\"", "`worker-down` is no request and no operation"),
            ("lines = 20", "lines = 0", "params.lines: 0 is less than 1"),
            ("lines = 20", "lin = 20", "params.lin is unknown; did you mean `lines`?"),
            ("service = \"app\", ", "", "params.service is missing"),
            ("at = ", "timezone = \"Mars\"\nat = ", "there is no time zone `Mars`"),
        ] {
            let error = scopes(&CONFIG.replace(from, to)).unwrap_err();
            assert!(error.contains(expect), "{to:?}: {expect:?} is not in {error}");
        }
    }
}
