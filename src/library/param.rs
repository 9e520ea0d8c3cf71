//! Parameters: what a system or a request lets be set.

use super::decode::{Map, Page};
use super::node::{Key, Node, Place};
use crate::core::name::ParamName;
use crate::core::playbook::{Limits, Param, System};
use crate::core::remedy::KEEP;
use crate::core::slash::Run;
use crate::core::value::Kind;
use std::collections::BTreeMap;

/// Reads the parameters of a system.
pub(super) fn decode(page: &Page, map: Map<'_>) -> BTreeMap<ParamName, Param> {
    map.into_entries().into_iter().filter_map(|(key, node)| decode_one(page, &key, node)).collect()
}

/// Reads the parameters of a request, which stand beside those of its system.
pub(super) fn decode_asked(page: &Page, map: Map<'_>, system: &System) -> BTreeMap<ParamName, Param> {
    let mut params = BTreeMap::new();
    for (key, node) in map.into_entries() {
        let (name, place) = (key.name.clone(), key.place);
        if name == Run::SYSTEM {
            page.report(
                place,
                "`system` names the system that a request is about",
                "name the parameter otherwise",
            );
        }
        if system.params.contains_key(name.as_str()) || system.probes.contains_key(name.as_str()) {
            page.report(
                place,
                &format!("the system has a parameter or a probe `{name}` already"),
                "expressions could not tell them apart; rename one",
            );
        }
        params.extend(decode_one(page, &key, node));
    }
    params
}

fn decode_one(page: &Page, key: &Key, node: Node) -> Option<(ParamName, Param)> {
    let named = ParamName::new(key.name.clone());
    let name = named.map_err(|bad| page.report(key.place, &bad.to_string(), "")).ok()?;
    if name.as_str() == KEEP {
        page.report(key.place, "`keep` has a meaning of its own", "name the parameter otherwise");
    }
    let mut map = page.map(node)?;
    let place = map.place();
    let kind = map.need("type", "say what it may hold").and_then(|node| decode_kind(page, &node));
    let default = map.take("default");
    let limits = Limits {
        min: map.take("min").and_then(|node| page.number(&node)).map(u64::from),
        max: map.take("max").and_then(|node| page.number(&node)).map(u64::from),
        one_of: map.items("one_of", |node| page.text_of(node)),
    };
    let help = map.take("help").and_then(|node| page.text_of(&node)).unwrap_or_default();
    map.finish();
    let kind = kind?;
    check_limits(page, place, kind, &limits);
    let mut param = Param { kind, default: None, limits, help };
    param.default = default.and_then(|node| match param.check(&node.value()) {
        Ok(value) => Some(value),
        Err(bad) => {
            let hint = format!("the default must be what the parameter takes: {}", param.takes());
            page.report(node.place, &bad.to_string(), &hint);
            None
        }
    });
    Some((name, param))
}

/// Numbers have bounds, and single texts choices; each choice is of the type.
fn check_limits(page: &Page, place: Place, kind: Kind, limits: &Limits) {
    let Limits { min, max, one_of } = limits;
    let is_number = matches!(kind, Kind::Integer | Kind::Percent);
    let is_text = matches!(kind, Kind::Name | Kind::Path | Kind::Image | Kind::Host);
    if (min.is_some() || max.is_some()) && !is_number {
        page.report(
            place,
            &format!("{} has no bounds", kind.article()),
            "`min` and `max` go with integer and percent",
        );
    }
    if matches!((min, max), (Some(min), Some(max)) if min > max) {
        page.report(place, "`min` is more than `max`", "no value would be right");
    }
    if !one_of.is_empty() && !is_text {
        page.report(
            place,
            &format!("{} is no choice", kind.article()),
            "`one_of` goes with name, path, image and host",
        );
    }
    for choice in one_of.iter().filter(|_| is_text) {
        if let Err(bad) = kind.check(&serde_json::Value::from(choice.as_str())) {
            page.report(place, &bad.to_string(), "each choice must be of the parameter's own type");
        }
    }
}

/// The type of a parameter or of a fact.
pub(super) fn decode_kind(page: &Page, node: &Node) -> Option<Kind> {
    let words: Vec<String> = Kind::ALL.iter().map(Kind::to_string).collect();
    page.word(node, &words.iter().map(String::as_str).collect::<Vec<_>>())
}
