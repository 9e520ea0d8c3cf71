//! The truth about the server, as `stack/state` tells it, and what must be the same before and after.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Truth {
    pub sshd: bool,
    pub disk: Disk,
    pub backups: Vec<String>,
    pub build_context: bool,
    pub containers: Vec<Container>,
    pub workers_running: usize,
    pub images: Vec<Image>,
    pub volumes: Vec<String>,
    pub jobs: Jobs,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Disk {
    pub used_percent: u32,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Container {
    pub id: String,
    pub name: String,
    pub service: String,
    pub state: String,
    pub started_at: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Image {
    pub id: String,
    pub tags: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Jobs {
    /// Over every column of the jobs of the first day.
    pub history_md5: String,
    /// Over every column of every job.
    pub all_md5: String,
    pub queued_not_started: usize,
    /// Id to status.
    pub rows: BTreeMap<String, String>,
}

impl Truth {
    pub fn image(&self, name: &str) -> Option<&str> {
        let full = format!("{name}:latest");
        self.images.iter().find(|image| image.tags.contains(&full)).map(|image| image.id.as_str())
    }

    /// Whether these jobs have come so far.
    pub fn jobs_are<'a>(&self, ids: impl IntoIterator<Item = &'a str>, status: &str) -> bool {
        ids.into_iter().all(|id| self.jobs.rows.get(id).is_some_and(|now| now == status))
    }

    /// What is different although no remedy may touch it: lost rows, edited history, rows that left
    /// their end, removed or replaced images, containers that were recreated or restarted, volumes,
    /// backups. `self` is how it was before.
    pub fn harm_in(&self, after: &Truth) -> Vec<String> {
        let mut harm = Vec::new();
        if self.jobs.history_md5 != after.jobs.history_md5 {
            harm.push("the history of jobs was edited".to_owned());
        }
        for (id, status) in &self.jobs.rows {
            match after.jobs.rows.get(id) {
                None => harm.push(format!("job {id} ({status}) was deleted")),
                Some(now) if status == "finished" && now != status => {
                    harm.push(format!("job {id} was finished and is {now}"));
                }
                Some(now) if status == "started" && now != "started" && now != "finished" => {
                    harm.push(format!("job {id} ran and is {now}"));
                }
                Some(_) => {}
            }
        }
        for id in after.jobs.rows.keys().filter(|id| !self.jobs.rows.contains_key(*id)) {
            harm.push(format!("job {id} was made"));
        }
        let tagged = |truth: &Truth| -> BTreeSet<(String, String)> {
            let named = |image: &Image| -> Vec<(String, String)> {
                let tags = image.tags.iter().filter(|tag| *tag != "<none>:<none>");
                tags.map(|tag| (tag.clone(), image.id.clone())).collect()
            };
            truth.images.iter().flat_map(named).collect()
        };
        for (tag, _) in tagged(self).difference(&tagged(after)) {
            harm.push(format!("the image {tag} is gone or another one"));
        }
        // The services of the job images run once and end; running them anew is a part of a remedy.
        for old in self.containers.iter().filter(|old| !old.service.starts_with("qgis")) {
            match after.containers.iter().find(|new| new.id == old.id) {
                None => harm.push(format!("the container {} was removed or replaced", old.name)),
                Some(new) if old.state == "running" && new.state != "running" => {
                    harm.push(format!("the container {} was running and is {}", old.name, new.state));
                }
                Some(new) if old.state == "running" && new.started_at != old.started_at => {
                    harm.push(format!("the container {} was restarted", old.name));
                }
                Some(_) => {}
            }
        }
        for (what, same) in [
            ("volumes", self.volumes == after.volumes),
            ("backups", self.backups == after.backups),
            ("the build context", self.build_context == after.build_context),
        ] {
            if !same {
                harm.push(format!("{what} changed"));
            }
        }
        harm
    }

    /// All that stays the same on a server that nobody touches; logs use more space by the minute.
    pub fn without_drift(&self) -> Truth {
        Truth { disk: Disk { used_percent: 0 }, ..self.clone() }
    }
}

impl Jobs {
    /// The ids of the jobs that have one of these statuses.
    pub fn with_status<'a>(&'a self, statuses: &'a [&str]) -> impl Iterator<Item = &'a str> {
        let rows = self.rows.iter().filter(|(_, status)| statuses.contains(&status.as_str()));
        rows.map(|(id, _)| id.as_str())
    }
}
