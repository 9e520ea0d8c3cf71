//! `independent_of` of a fault: which other faults have nothing to do with it. It is a statement about both, so each of
//! the two gets it, and it must not contradict `causes`.

use crate::core::ids::PlaybookName;
use crate::core::playbook::SystemType;
use crate::library::decode::{YamlFile, suggest};

/// A fault, and another one that it says it has nothing to do with.
pub(super) type Independence = (PlaybookName, PlaybookName);

/// A fault of this name takes the place of an inherited one: what was said about that one says nothing about it.
pub(super) fn forget(system: &mut SystemType, name: &PlaybookName) {
    for fault in &mut system.faults {
        fault.independent_of.remove(name);
    }
}

/// Notes at both faults what one of them says. `system` has its faults in causal order. What is inherited gives way to
/// a cause that this system type knows of.
pub(super) fn add<'f>(
    system: &mut SystemType,
    stated: &[Independence],
    file_of: impl Fn(&PlaybookName) -> &'f YamlFile,
) {
    for (name, other) in stated {
        let report = |message: &str, hint: &str| file_of(name).report_at_text(other.as_str(), message, hint);
        if name == other {
            report("`independent_of` names the playbook itself", "remove it");
        } else if system.fault(other).is_none() {
            report(
                &format!("`independent_of` names `{other}`, which is not a playbook of this system type"),
                &suggest(other.as_str(), system.faults.iter().map(|fault| fault.name.as_str())),
            );
        } else if let Some((cause, caused)) = causes(system, name, other) {
            report(
                &format!("`independent_of` names `{other}`, but `causes` leads from `{cause}` to `{caused}`"),
                "remove the one that is wrong: what causes a fault is not independent of it",
            );
        }
    }
    let mut pairs: Vec<Independence> = stated.to_vec();
    for fault in &system.faults {
        pairs.extend(fault.independent_of.iter().map(|other| (fault.name.clone(), other.clone())));
    }
    pairs.retain(|(name, other)| causes(system, name, other).is_none());
    for fault in &mut system.faults {
        fault.independent_of = pairs
            .iter()
            .filter_map(|(one, other)| match () {
                () if *one == fault.name => Some(other.clone()),
                () if *other == fault.name => Some(one.clone()),
                () => None,
            })
            .collect();
    }
}

/// The two in the order of cause and consequence; `None` if neither can cause the other.
fn causes<'n>(
    system: &SystemType,
    one: &'n PlaybookName,
    other: &'n PlaybookName,
) -> Option<(&'n PlaybookName, &'n PlaybookName)> {
    match () {
        () if system.causes_of(other).contains(one) => Some((one, other)),
        () if system.causes_of(one).contains(other) => Some((other, one)),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::core::ids::PlaybookName;
    use crate::library::{Files, load};

    const SYSTEM: &str =
        "format: 1\nsystem_type: base\nprobes:\n  it:\n    run: it\n    facts: { is: text }\n";
    const DERIVED: &str = "format: 1\nsystem_type: own\nextends: base\n";

    fn fault(name: &str, more: &str) -> String {
        format!(
            "playbook: {name}\ntitle: T\nwhen: it.is == '{name}'\nsummary: s\n{more}escalate: {{ advice: look }}\n"
        )
    }

    /// The pairs of the system type `of`, or the problems.
    fn pairs(of: &str, files: &[(&str, &str, &str)]) -> Result<Vec<String>, Vec<String>> {
        let texts =
            files.iter().map(|(folder, name, more)| (format!("{folder}/{name}.yaml"), fault(name, more)));
        let systems = [("base", SYSTEM), ("own", DERIVED)];
        let systems = systems.map(|(name, text)| (format!("{name}/system.yaml"), text.to_owned()));
        let library = load(&Files::from_map(texts.chain(systems).collect()));
        let library = library.map_err(|problems| {
            let lines = problems.list().iter();
            lines
                .map(|it| format!("{}:{}: {} ({})", it.path, it.line, it.message, it.hint))
                .collect::<Vec<_>>()
        })?;
        let faults = &library.systems[of].faults;
        let pairs = faults.iter().flat_map(|one| {
            one.independent_of
                .iter()
                .filter(|other| one.name < **other)
                .map(|other| format!("{}-{other}", one.name))
        });
        let pairs: Vec<String> = pairs.collect();
        for pair in &pairs {
            let (one, other) = pair.split_once('-').expect("a pair");
            let [one, other] = [one, other].map(|name| PlaybookName::new(name).unwrap());
            let system = &library.systems[of];
            assert!(system.is_independent(&one, &other) && system.is_independent(&other, &one), "{pair}");
        }
        Ok(pairs)
    }

    #[test]
    fn either_of_two_says_it_for_both() {
        for files in [
            [("base", "alpha", "independent_of: [beta]\n"), ("base", "beta", ""), ("base", "gamma", "")],
            [("base", "alpha", ""), ("base", "beta", "independent_of: [alpha]\n"), ("base", "gamma", "")],
            [
                ("base", "alpha", "independent_of: [beta]\n"),
                ("base", "beta", "independent_of: [alpha]\n"),
                ("base", "gamma", ""),
            ],
        ] {
            assert_eq!(pairs("base", &files), Ok(vec!["alpha-beta".to_owned()]), "{files:?}");
        }
    }

    #[test]
    fn it_must_name_another_fault_and_must_not_contradict_a_cause() {
        for (a, expect) in [
            (
                "independent_of: [delta]\n",
                "base/alpha.yaml:5: `independent_of` names `delta`, which is not a playbook",
            ),
            ("independent_of: [alpha]\n", "names the playbook itself"),
            ("independent_of: [beta]\ncauses: [beta]\n", "`causes` leads from `alpha` to `beta`"),
            ("independent_of: [beta]\ncaused_by: [beta]\n", "`causes` leads from `beta` to `alpha`"),
            ("independent_of: [gamma]\ncauses: [beta]\n", "`causes` leads from `alpha` to `gamma`"),
        ] {
            let files = [("base", "alpha", a), ("base", "beta", "causes: [gamma]\n"), ("base", "gamma", "")];
            let found = pairs("base", &files).expect_err(expect);
            assert!(found.iter().any(|line| line.contains(expect)), "{expect:?} is not in {found:#?}");
        }
    }

    #[test]
    fn an_extension_inherits_it_until_it_knows_better() {
        let base = [
            ("base", "alpha", "independent_of: [beta, gamma]\n"),
            ("base", "beta", ""),
            ("base", "gamma", ""),
        ];
        let derived =
            |more: &[(&'static str, &'static str, &'static str)]| pairs("own", &[&base[..], more].concat());
        assert_eq!(derived(&[]), Ok(vec!["alpha-beta".into(), "alpha-gamma".into()]));
        // Another fault of the same name is another fault.
        assert_eq!(derived(&[("own", "beta", "")]), Ok(vec!["alpha-gamma".into()]));
        assert_eq!(
            derived(&[("own", "beta", "independent_of: [gamma]\n")]),
            Ok(vec!["alpha-gamma".into(), "beta-gamma".into()])
        );
        assert_eq!(
            derived(&[("own", "beta", "refines: base\n")]),
            Ok(vec!["alpha-beta".into(), "alpha-gamma".into()])
        );
        // A cause through a fault of the extension.
        assert_eq!(
            derived(&[("own", "delta", "caused_by: [alpha]\ncauses: [beta]\nindependent_of: [gamma]\n")]),
            Ok(vec!["alpha-gamma".into(), "delta-gamma".into()])
        );
    }
}
