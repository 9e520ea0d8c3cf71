//! The other contestants: programs without a language model that watch and restart. Each gets what a careful
//! administrator would give it in an evening; see `peers/`.

use crate::machine::{Machine, file};
use crate::trial::{Contestant, Work};
use std::time::Duration;

/// A watcher works for so long. It is several of its own rounds.
const WATCH: Duration = Duration::from_secs(40);

pub fn work(contestant: Contestant, machine: &Machine) -> Work {
    let read = |name: &str| std::fs::read_to_string(file("peers").join(name)).expect("a peer's rules");
    let script = match contestant {
        Contestant::Autoheal => {
            format!("timeout {} sh -u <<'END' 2>&1 || true\n{}\nEND", WATCH.as_secs(), read("autoheal"))
        }
        Contestant::Monit => format!(
            "cat >/etc/monit/monitrc <<'END'\n{}\nEND\nchmod 600 /etc/monit/monitrc\n{}",
            read("monitrc"),
            read("monit").replace("@seconds@", &WATCH.as_secs().to_string())
        ),
        Contestant::Ansible => format!(
            "cat >/tmp/bench.yaml <<'END'\n{}\nEND\ncode=0\nANSIBLE_NOCOLOR=1 timeout 300 ansible-playbook -i localhost, -c local /tmp/bench.yaml 2>&1 || code=$?\necho \"result $code\"",
            read("playbook.yaml")
        ),
        Contestant::Fieldmedic => panic!("the agent is no peer"),
    };
    let said = machine.run(&script, Duration::from_secs(400)).output;
    // A watcher that finds nothing wrong says nothing; it closes no ticket.
    let last = said.lines().rev().find(|line| line.starts_with("result ")).unwrap_or_default();
    let calls = last.starts_with("result ") && last != "result 0";
    Work { calls, end: last.to_owned(), said, ..Work::default() }
}
