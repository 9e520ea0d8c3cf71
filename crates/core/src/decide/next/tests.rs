//! What is decided where a fault that only people mend is found beside others.

use crate::case::Case;
use crate::case::detail::Detail;
use crate::case::event::{Event, ProbeReason, Source};
use crate::case::outcome::{Code, Escalation, Outcome};
use crate::case::record::Record;
use crate::decide::action::Action;
use crate::decide::{DecisionInput, decide};
use crate::diagnosis::diagnose::{Diagnosis, Finding, Unknown};
use crate::diagnosis::evidence::Evidence;
use crate::expr::{Expr, MessageTemplate};
use crate::ids::{CaseId, HostName, LibraryHash, PlaybookName, Role, SystemName, SystemTypeName};
use crate::playbook::command::Template;
use crate::playbook::inventory::{Inventory, System};
use crate::playbook::{Fault, IfInterrupted, Library, Step, Symptoms, SystemType};
use crate::policy::consent::Pause;
use crate::policy::mode::{Mode, Risk};
use crate::policy::permit::Policy;
use crate::policy::run_history::{RemediationRun, RunHistory};
use crate::text::redact::Redacted;
use crate::ticket::triage::{Intent, Triage};
use crate::ticket::{Ticket, TicketState};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// So many faults have the worlds that are made at random.
const FAULTS: usize = 4;

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_780_000_000)
}

fn name(index: usize) -> PlaybookName {
    PlaybookName::new(format!("fault-{index}")).unwrap()
}

/// What evidence says about a fault.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Seen {
    Found,
    Unknown,
    RuledOut,
}

/// A system type whose faults stand in causal order, and what is seen of them.
#[derive(Debug, Clone)]
struct World {
    for_people: [bool; FAULTS],
    /// `causes[a][b]`, for a before b.
    causes: [[bool; FAULTS]; FAULTS],
    /// The loader takes no statement that contradicts a cause.
    independent: [[bool; FAULTS]; FAULTS],
    seen: [Seen; FAULTS],
}

impl World {
    fn causes(&self, cause: usize, caused: usize) -> bool {
        cause < caused
            && (self.causes[cause][caused]
                || (cause + 1..caused)
                    .any(|between| self.causes[cause][between] && self.causes(between, caused)))
    }

    fn independent(&self, one: usize, other: usize) -> bool {
        let stated = self.independent[one][other] || self.independent[other][one];
        stated && one != other && !self.causes(one, other) && !self.causes(other, one)
    }

    fn is(&self, index: usize, seen: Seen) -> bool {
        self.seen[index] == seen
    }

    fn system_type(&self) -> SystemType {
        let fault = |index: usize| Fault {
            needs: BTreeSet::new(),
            name: name(index),
            title: format!("Fault {index}"),
            symptoms: Symptoms::default(),
            when: Expr::new("true").unwrap(),
            summary: MessageTemplate::new("it is there").unwrap(),
            reported_only: false,
            causes: (0..FAULTS)
                .filter(|other| self.causes[index][*other] && index < *other)
                .map(name)
                .collect(),
            independent_of: (0..FAULTS).filter(|other| self.independent(index, *other)).map(name).collect(),
            risk: Risk::Low,
            mode: None,
            ask_if: None,
            remediation: if self.for_people[index] { Vec::new() } else { vec![step()] },
            verify: Vec::new(),
            advice: String::new(),
            reporter_message: None,
            prevention: None,
        };
        SystemType {
            name: SystemTypeName::new("app").unwrap(),
            summary: String::new(),
            extends: Vec::new(),
            aliases: Vec::new(),
            problem_patterns: Vec::new(),
            symptoms: Default::default(),
            transient_patterns: Vec::new(),
            params: BTreeMap::new(),
            probes: BTreeMap::new(),
            sudo: Vec::new(),
            discover: None,
            faults: (0..FAULTS).map(fault).collect(),
            requests: Vec::new(),
            operations: Vec::new(),
            pattern_set: Default::default(),
        }
    }

    fn diagnosis(&self) -> Diagnosis {
        let all = |seen| (0..FAULTS).filter(move |index| self.is(*index, seen));
        let finding = |index| Finding {
            playbook: name(index),
            title: String::new(),
            summary: format!("{index} is there"),
        };
        Diagnosis {
            findings: all(Seen::Found).map(finding).collect(),
            ruled_out: all(Seen::RuledOut).map(name).collect(),
            unknown: all(Seen::Unknown)
                .map(|index| Unknown { playbook: name(index), why: "no answer".into() })
                .collect(),
        }
    }

    /// The faults whose remediation may begin although a person has to see to another fault.
    fn fixable_beside(&self) -> Vec<usize> {
        let found = || (0..FAULTS).filter(|index| self.is(*index, Seen::Found));
        let may_be_there = || (0..FAULTS).filter(|index| !self.is(*index, Seen::RuledOut));
        let fixable = found().filter(|fault| !self.for_people[*fault]);
        let fixable = fixable.filter(|fault| !may_be_there().any(|cause| self.causes(cause, *fault)));
        let of_people = || found().filter(|other| self.for_people[*other]);
        fixable
            .filter(|fault| {
                of_people().all(|other| self.causes(*fault, other) || self.independent(*fault, other))
            })
            .collect()
    }
}

fn step() -> Step {
    Step {
        name: "mend it".into(),
        host: Role::main(),
        command: Template::nothing(),
        if_interrupted: IfInterrupted::Rerun,
        optional: false,
        only_if: None,
        expect: None,
        did_nothing: None,
        rollback: None,
    }
}

fn host() -> HostName {
    HostName::new("host-1").unwrap()
}

fn system() -> System {
    System {
        name: SystemName::new("north").unwrap(),
        system_type: SystemTypeName::new("app").unwrap(),
        hosts: BTreeMap::from([(Role::main(), host())]),
        params: BTreeMap::new(),
        aliases: Vec::new(),
        mode: None,
    }
}

/// A case that has just diagnosed this world, and has the hosts.
fn case(world: &World) -> Case {
    let ticket = Ticket {
        id: "example/tickets#7".parse().unwrap(),
        title: Redacted::constant("It fails"),
        body: Redacted::constant(""),
        author: "ada".into(),
        labels: Vec::new(),
        state: TicketState::Open,
        locked: false,
        created_at: now(),
        updated_at: now(),
        url: String::new(),
    };
    let id = CaseId::derive(&ticket.id, "key");
    let evidence =
        Evidence { at: now(), took_ms: 0, connect_ms: 0, probes: BTreeMap::new(), facts: BTreeMap::new() };
    let triage = Triage {
        system: Some(system()),
        intent: Intent::Problem,
        matched_faults: Vec::new(),
        unknown_names: Vec::new(),
    };
    let reason = ProbeReason::Diagnose;
    let events = [
        Event::Opened { ticket, source: Source::Poll, library: LibraryHash(String::new()) },
        Event::Triaged(triage),
        Event::Probed { reason, evidence, unchanged: BTreeSet::new() },
        Event::Diagnosed(world.diagnosis()),
        Event::Rechecked { open: true },
        Event::HostsLeased { hosts: vec![host()], waited: false },
    ];
    let record = |(seq, event)| Record { seq, at: now(), event };
    let records: Vec<Record> = (0..).zip(events).map(record).collect();
    Case::fold(&id, &records).unwrap()
}

/// What is done next.
#[derive(Debug, PartialEq)]
enum Next {
    Fixed(PlaybookName),
    HandedOver(PlaybookName),
    /// Whether a cause is there is unknown.
    CauseUnknown(PlaybookName),
    Other(String),
}

#[derive(Default)]
struct Circumstances {
    mode: Option<Mode>,
    pause: Option<Pause>,
    history: RunHistory,
}

fn next_under(world: &World, circumstances: &Circumstances) -> Next {
    let system_type = world.system_type();
    let systems = BTreeMap::from([(system_type.name.clone(), system_type)]);
    let library = Library { hash: LibraryHash(String::new()), systems };
    let inventory = Inventory {
        systems: BTreeMap::from([(system().name, system())]),
        hosts: BTreeSet::from([host()]),
        ..Inventory::default()
    };
    let policy = Policy { mode: circumstances.mode.unwrap_or(Mode::Act), ..Policy::default() };
    let input = DecisionInput {
        library: &library,
        inventory: &inventory,
        policy: &policy,
        pause: circumstances.pause.as_ref(),
        signals: &[],
        history: Some(&circumstances.history),
        now: now(),
    };
    match decide(&case(world), input) {
        Action::Record(Event::RemediationStarted(plan)) => Next::Fixed(plan.playbook),
        Action::Record(Event::OutcomeDecided(Outcome::Escalated(Escalation {
            code: Code::NeedsPerson,
            detail: Detail::NeedsPerson { playbook, summary },
        }))) => {
            assert!(playbook.as_str().ends_with(summary.split(' ').next().unwrap()), "{playbook}: {summary}");
            Next::HandedOver(playbook)
        }
        Action::Record(Event::OutcomeDecided(Outcome::Escalated(Escalation {
            code: Code::CannotTell,
            detail: Detail::CauseUnknown { playbook, .. },
        }))) => Next::CauseUnknown(playbook),
        other => Next::Other(format!("{other:?}")),
    }
}

fn next(world: &World) -> Next {
    next_under(world, &Circumstances::default())
}

/// A fault of people, a fixable one, and nothing else.
fn two(person_first: bool, change: impl Fn(&mut World, usize, usize)) -> World {
    let mut world = World {
        for_people: [false; FAULTS],
        causes: [[false; FAULTS]; FAULTS],
        independent: [[false; FAULTS]; FAULTS],
        seen: [Seen::RuledOut; FAULTS],
    };
    let (person, fixable) = if person_first { (0, 1) } else { (1, 0) };
    world.for_people[person] = true;
    world.seen[person] = Seen::Found;
    world.seen[fixable] = Seen::Found;
    change(&mut world, person, fixable);
    world
}

#[test]
fn a_fault_of_people_holds_up_what_nobody_knows_to_be_independent() {
    for person_first in [true, false] {
        let (person, fixable) = if person_first { (0, 1) } else { (1, 0) };
        let world = two(person_first, |_, _, _| {});
        assert_eq!(next(&world), Next::HandedOver(name(person)), "the order of names decides nothing");
        let world = two(person_first, |world, person, fixable| world.independent[person][fixable] = true);
        assert_eq!(next(&world), Next::Fixed(name(fixable)));
        let world = two(person_first, |world, person, fixable| world.independent[fixable][person] = true);
        assert_eq!(next(&world), Next::Fixed(name(fixable)));
    }
    let caused = two(true, |world, person, fixable| world.causes[person][fixable] = true);
    assert_eq!(next(&caused), Next::HandedOver(name(0)));
    let consequence = two(false, |world, person, fixable| world.causes[fixable][person] = true);
    assert_eq!(next(&consequence), Next::Fixed(name(0)));
}

#[test]
fn nobody_waits_for_the_fix_of_an_independent_fault() {
    let world = two(true, |world, person, fixable| world.independent[person][fixable] = true);
    let run = |case: &str, ago: i64, end| RemediationRun {
        case: CaseId::derive(&case, "key"),
        ticket: "example/tickets#8".parse().unwrap(),
        system: Some(system().name),
        playbook: name(1),
        hosts: BTreeSet::from([host()]),
        at: now() - TimeDelta::minutes(ago),
        end,
    };
    let pause = Pause { by: "olive".into(), at: now(), why: Redacted::constant("") };
    let fixed = crate::policy::run_history::RunResult::Fixed(now() - TimeDelta::minutes(1));
    let history = |runs| RunHistory { runs, changes: Vec::new() };
    for (why, circumstances) in [
        ("it needs approval", Circumstances { mode: Some(Mode::Ask), ..Circumstances::default() }),
        ("it is not permitted", Circumstances { mode: Some(Mode::Observe), ..Circumstances::default() }),
        ("changes are paused", Circumstances { pause: Some(pause), ..Circumstances::default() }),
        (
            "another case fixes it",
            Circumstances { history: history(vec![run("other", 1, None)]), ..Circumstances::default() },
        ),
        (
            "a limit is exceeded",
            Circumstances {
                history: history(vec![run("other", 2, Some(fixed))]),
                ..Circumstances::default()
            },
        ),
    ] {
        assert_eq!(next_under(&world, &circumstances), Next::HandedOver(name(0)), "{why}");
    }
}

fn worlds() -> impl Strategy<Value = World> {
    let seen = prop_oneof![4 => Just(Seen::Found), 1 => Just(Seen::Unknown), 1 => Just(Seen::RuledOut)];
    let flags = || proptest::array::uniform4(proptest::array::uniform4(proptest::bool::weighted(0.3)));
    (proptest::array::uniform4(any::<bool>()), flags(), flags(), proptest::array::uniform4(seen))
        .prop_map(|(for_people, causes, independent, seen)| World { for_people, causes, independent, seen })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_fixed_is_not_caused_by_a_fault_of_people_nor_perhaps(world in worlds()) {
        let found: Vec<usize> = (0..FAULTS).filter(|index| world.is(*index, Seen::Found)).collect();
        let of_people: Vec<usize> = found.iter().copied().filter(|index| world.for_people[*index]).collect();
        let beside: Vec<PlaybookName> = world.fixable_beside().into_iter().map(name).collect();
        match next(&world) {
            Next::Fixed(fixed) if of_people.is_empty() => prop_assert_eq!(fixed, name(found[0])),
            Next::Fixed(fixed) => prop_assert!(beside.contains(&fixed), "{} of {:?}", fixed, beside),
            Next::HandedOver(left) => {
                prop_assert_eq!(beside, Vec::new(), "nothing is held up without a reason");
                prop_assert_eq!(left, name(of_people[0]));
            }
            // Of the first fault of people, or of one with which all of them may be gone.
            Next::CauseUnknown(of) => {
                let of = (0..FAULTS).find(|index| name(*index) == of).unwrap();
                match of_people.first() == Some(&of) {
                    true => prop_assert_eq!(beside, Vec::new()),
                    false => prop_assert!(of_people.iter().all(|other| world.causes(of, *other))),
                }
            }
            Next::Other(other) => prop_assert!(found.is_empty(), "{}", other),
        }
    }
}
