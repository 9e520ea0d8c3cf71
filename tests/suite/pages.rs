//! The pages about the system types.

use crate::scenarios::built_in;
use fieldmedic::library;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn the_pages_say_what_the_playbooks_say() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let list = fs::read_to_string(docs.join("PLAYBOOKS.md")).expect("the list");
    let mut wanted = BTreeSet::new();
    for system in built_in().library().systems.values() {
        let name = format!("{}.md", system.name);
        let page = fs::read_to_string(docs.join("playbooks").join(&name)).unwrap_or_default();
        assert!(
            page == library::page(system),
            "docs/playbooks/{name} is out of date: run `fieldmedic playbook docs docs/playbooks`"
        );
        assert!(list.contains(&format!("(playbooks/{name})")), "docs/PLAYBOOKS.md does not link to {name}");
        wanted.insert(name);
    }
    let pages = fs::read_dir(docs.join("playbooks")).expect("the folder");
    let pages = pages.map(|page| page.expect("a page").file_name().to_string_lossy().into_owned());
    assert_eq!(pages.collect::<BTreeSet<_>>(), wanted);
}
