//! Parameters: what a system or a request lets be set.

use crate::core::chatops::RunRequest;
use crate::core::diagnosis::plan::BACKUP;
use crate::core::expr::value_type::ValueType;
use crate::core::ids::ParamName;
use crate::core::playbook::{Bounds, Param, SystemType};
use crate::library::decode::{Map, YamlFile};
use crate::library::node::{MapKey, Node, Span};
use std::collections::BTreeMap;

/// Reads the parameters of a system.
pub(super) fn decode(page: &YamlFile, map: Map<'_>) -> BTreeMap<ParamName, Param> {
    map.into_entries().into_iter().filter_map(|(key, node)| decode_one(page, &key, node)).collect()
}

/// Reads the parameters of a request, which stand beside those of its system.
pub(super) fn decode_request_params(
    page: &YamlFile,
    map: Map<'_>,
    system: &SystemType,
) -> BTreeMap<ParamName, Param> {
    let mut params = BTreeMap::new();
    for (key, node) in map.into_entries() {
        let (name, place) = (key.name.clone(), key.span);
        if name == RunRequest::SYSTEM {
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

fn decode_one(page: &YamlFile, key: &MapKey, node: Node) -> Option<(ParamName, Param)> {
    let named = ParamName::new(key.name.clone());
    let name = named.map_err(|bad| page.report(key.span, &bad.to_string(), "")).ok()?;
    if name.as_str() == BACKUP {
        page.report(key.span, "`keep` has a meaning of its own", "name the parameter otherwise");
    }
    let mut map = page.map(node)?;
    let place = map.place();
    let kind = map.require("type", "say what it may hold").and_then(|node| decode_type(page, &node));
    let default = map.take("default");
    let limits = Bounds {
        min: map.take("min").and_then(|node| page.number(&node)).map(u64::from),
        max: map.take("max").and_then(|node| page.number(&node)).map(u64::from),
        one_of: map.items("one_of", |node| page.text_of(node)),
    };
    let help = map.take("help").and_then(|node| page.text_of(&node)).unwrap_or_default();
    map.finish();
    let kind = kind?;
    check_limits(page, place, kind, &limits);
    let mut param = Param { value_type: kind, default: None, bounds: limits, help };
    param.default = default.and_then(|node| match param.check(&node.value()) {
        Ok(value) => Some(value),
        Err(bad) => {
            let hint = format!("the default must be what the parameter takes: {}", param.accepts());
            page.report(node.span, &bad.to_string(), &hint);
            None
        }
    });
    Some((name, param))
}

/// Numbers have bounds, and single texts choices; each choice is of the type.
fn check_limits(page: &YamlFile, place: Span, kind: ValueType, limits: &Bounds) {
    let Bounds { min, max, one_of } = limits;
    let is_number = matches!(kind, ValueType::Integer | ValueType::Percent);
    let is_text = matches!(kind, ValueType::Name | ValueType::Path | ValueType::Image | ValueType::Host);
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
pub(super) fn decode_type(page: &YamlFile, node: &Node) -> Option<ValueType> {
    let words: Vec<String> = ValueType::ALL.iter().map(ValueType::to_string).collect();
    page.word(node, &words.iter().map(String::as_str).collect::<Vec<_>>())
}
