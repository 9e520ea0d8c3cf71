//! A fake host that answers commands from a data file.
//!
//! A [`FakeHost`] holds the state and the rules of one host. [`Server`] serves it over a real SSH
//! connection. `playbook test` asks it directly, on a virtual clock. Both report faults as a real host does.
//!
//! # The format of `host.yaml`
//!
//! ```yaml
//! state:                                  # any values, nested as you like
//!   workers: { running: 0, expected: 4 }
//!   queue: { pending: 7 }
//!   disk: { used: 95 }
//! commands:                               # the first that matches answers
//!   - run: docker compose ps -a --format json worker_wrapper
//!     stdout: |
//!       {% for n in range(workers.running) %}
//!       {"Service": "worker_wrapper", "State": "running"}
//!       {% endfor %}
//!   - run: docker compose up -d **
//!     cwd: /opt/qfieldcloud
//!     duration: 3s
//!     times: 1
//!     fault: drop
//!   - run: docker compose up -d **
//!     duration: 3s
//!     set: { workers.running: workers.expected }
//!   - script: queue
//!     stdout: '{"pending": {{ queue.pending }}}'
//! ticks:                                  # changes that happen by themselves
//!   - interval: 5s
//!     when: workers.running > 0 and queue.pending > 0
//!     set: { queue.pending: queue.pending - 1 }
//! ```
//!
//! A command is matched by its words, after `cd -- … &&` and `sudo -n --` were taken off. Words are
//! compared as the host would see them, unquoted. `*` stands for any one word, and `**` at the end for all
//! that follow, or none. `script` matches a playbook's script by the name of its probe or step.
//!
//! | field | means | unless given |
//! |---|---|---|
//! | `run`, `script` | what it answers to; one of them | |
//! | `cwd` | only in this working directory | anywhere |
//! | `when` | only while this expression is true | always |
//! | `times` | only so many times, then the next that matches answers | always |
//! | `sudo` | `required`: without it, permission is denied; `denied`: with it, sudo asks for a password | either way |
//! | `stdout`, `stderr` | templates of what it writes | nothing |
//! | `exit` | its status; `unknown`: the channel closes without one | 0 |
//! | `signal` | the signal that kills it, such as `KILL` | |
//! | `duration` | how long it runs: `500ms`, `2s`, `5m`, `1h` | no time |
//! | `set` | what the state becomes when it ends | |
//! | `after` | a list of `delay`, `set` and optional `when`: changes that follow the end | |
//! | `fault` | what goes wrong, see below | |
//!
//! `set` takes a path in `state` to a value. A text is an expression, in the language of playbooks; a text
//! as such needs quotes of its own: `status: "'failed'"`. All of one `set` is computed before any of it is
//! written. Expressions and templates see the state, `now` (seconds since 1970), `cwd`, `args` (the words
//! that `*` and `**` stood for) and `env` (a script's variables). `{{ now | time }}` writes a time as
//! `2026-01-31T12:00:00Z`.
//!
//! | fault | what happens |
//! |---|---|
//! | `hang` | it writes, and never ends until it is told to |
//! | `stuck` | the same, and no signal ends it |
//! | `drop` | it runs; the connection breaks, and nobody hears of it |
//! | `partial` | half of the output comes, then the connection breaks |
//! | `garbage` | bytes that are no text come in place of the output |
//! | `flood` | it writes and writes |
//! | `refuse` | the host does not run it |
//!
//! What `set` says happens with a fault as without, except `refuse`: a dropped connection does not stop a
//! command. One that is ended before its `duration` is over has changed nothing.
//!
//! At the top, `unreachable:` is `true`, or an expression: while it is true, the host refuses connections. `summary:` is
//! for people. To let every command hang, begin with `{ run: "**", fault: hang }`.
//!
//! A command that nobody described ends as in a shell that does not know it, with 127.

mod command_line;
mod fake_host;
mod garbage;
mod server;
mod server_context;
mod spec;
mod spec_file;
mod ssh_session;
mod state;

pub use crate::host::command_line::ReceivedCommand;
pub use crate::host::fake_host::{FakeHost, HostResponse, LoggedCommand, RunId, SharedHost};
pub use crate::host::server::{AuthorizedKey, Server, write_key};
pub use crate::host::spec::{HostSpec, HostSpecError};
pub use crate::host::spec_file::HostFault;
