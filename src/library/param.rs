//! Parameters of a system type or of a request.

use crate::core::chatops::RunRequest;
use crate::core::diagnosis::plan::BACKUP;
use crate::core::expr::value_type::ValueType;
use crate::core::ids::ParamName;
use crate::core::playbook::{Bounds, Param, SystemType};
use crate::library::decode::{Map, YamlFile};
use crate::library::node::{MapKey, Node, Span};
use std::collections::BTreeMap;

/// Decodes the parameters of a system type. One that is inherited keeps what is not said anew.
pub(super) fn decode(file: &YamlFile, map: Map<'_>, params: &mut BTreeMap<ParamName, Param>) {
    for (key, node) in map.into_entries() {
        let decoded = decode_one(file, &key, node, params.get(key.name.as_str()));
        params.extend(decoded);
    }
}

/// Decodes the parameters of a request. They share one namespace with those of the system type.
pub(super) fn decode_request_params(
    file: &YamlFile,
    map: Map<'_>,
    system: &SystemType,
) -> BTreeMap<ParamName, Param> {
    let mut params = BTreeMap::new();
    for (key, node) in map.into_entries() {
        let (name, span) = (key.name.clone(), key.span);
        if name == RunRequest::SYSTEM {
            file.report(
                span,
                "`system` is reserved: it selects the system of a request",
                "give the parameter another name",
            );
        }
        if system.params.contains_key(name.as_str()) || system.probes.contains_key(name.as_str()) {
            file.report(
                span,
                &format!("the system type already has a parameter or a probe `{name}`"),
                "rename one of them",
            );
        }
        params.extend(decode_one(file, &key, node, None));
    }
    params
}

fn decode_one(
    file: &YamlFile,
    key: &MapKey,
    node: Node,
    inherited: Option<&Param>,
) -> Option<(ParamName, Param)> {
    let named = ParamName::new(key.name.clone());
    let name = named.map_err(|bad| file.report(key.span, &bad.to_string(), "")).ok()?;
    if name.as_str() == BACKUP {
        file.report(key.span, &format!("`{BACKUP}` is reserved"), "give the parameter another name");
    }
    let mut map = file.map(node)?;
    let span = map.span();
    let value_type = match inherited {
        Some(inherited) => {
            let own = map.take("type").and_then(|node| Some((decode_type(file, &node)?, node.span)));
            if let Some((_, span)) = own.filter(|(own, _)| *own != inherited.value_type) {
                let message = format!("the inherited parameter is {}", inherited.value_type.article());
                file.report(span, &message, "give this one the same type, or a name of its own");
            }
            Some(inherited.value_type)
        }
        None => map
            .require("type", "the type of its values, such as name or integer")
            .and_then(|node| decode_type(file, &node)),
    };
    let default = map.take("default");
    let optional = map.take("optional").map(|node| (file.flag(&node) == Some(true), node.span));
    let own = Bounds {
        min: map.take("min").and_then(|node| file.number(&node)).map(u64::from),
        max: map.take("max").and_then(|node| file.number(&node)).map(u64::from),
        one_of: map.items("one_of", |node| file.text_of(node)),
    };
    let bounds = match inherited {
        Some(inherited) if own == Bounds::default() => inherited.bounds.clone(),
        _ => own,
    };
    let help = map.take("help").and_then(|node| file.text_of(&node));
    let help = help.or_else(|| inherited.map(|inherited| inherited.help.clone())).unwrap_or_default();
    map.finish();
    let value_type = value_type?;
    check_bounds(file, span, value_type, &bounds);
    if let Some((true, span)) = optional {
        check_optional(file, span, value_type, default.is_some());
    }
    let inherits = || default.is_none() && inherited.is_some_and(|inherited| inherited.optional);
    let optional = optional.map_or_else(inherits, |(optional, _)| optional);
    let mut param = Param { value_type, default: None, optional, bounds, help };
    param.default = match default {
        None if optional => Some("".into()),
        None => {
            inherited.filter(|inherited| !inherited.optional).and_then(|inherited| inherited.default.clone())
        }
        Some(node) => match param.check(&node.value()) {
            Ok(value) => Some(value),
            Err(bad) => {
                let hint = format!("the default must be a valid value: {}", param.accepts());
                file.report(node.span, &bad.to_string(), &hint);
                None
            }
        },
    };
    Some((name, param))
}

/// Only single texts can be optional: there the empty text says that none was given.
fn check_optional(file: &YamlFile, span: Span, value_type: ValueType, has_default: bool) {
    if !is_text(value_type) {
        let hint =
            "only name, path, image, host and unit can; give a list `default: []`, and a number a default";
        file.report(span, &format!("{} cannot be optional", value_type.article()), hint);
    }
    if has_default {
        file.report(
            span,
            "an optional parameter has no default",
            "remove one of them: with a default, no value need be given either",
        );
    }
}

fn is_text(value_type: ValueType) -> bool {
    matches!(
        value_type,
        ValueType::Name | ValueType::Path | ValueType::Image | ValueType::Host | ValueType::Unit
    )
}

/// Only numbers have bounds, and only single texts have choices, each of the parameter's type.
fn check_bounds(file: &YamlFile, span: Span, value_type: ValueType, bounds: &Bounds) {
    let Bounds { min, max, one_of } = bounds;
    let is_number = matches!(value_type, ValueType::Integer | ValueType::Percent);
    let is_text = is_text(value_type);
    if (min.is_some() || max.is_some()) && !is_number {
        file.report(
            span,
            &format!("{} cannot have `min` or `max`", value_type.article()),
            "only integer and percent have `min` and `max`",
        );
    }
    if matches!((min, max), (Some(min), Some(max)) if min > max) {
        file.report(span, "`min` is more than `max`", "swap them, or correct one");
    }
    if !one_of.is_empty() && !is_text {
        file.report(
            span,
            &format!("{} cannot have `one_of`", value_type.article()),
            "only name, path, image, host and unit have `one_of`",
        );
    }
    for choice in one_of.iter().filter(|_| is_text) {
        if let Err(bad) = value_type.check(&serde_json::Value::from(choice.as_str())) {
            file.report(span, &bad.to_string(), "each choice must have the type of the parameter");
        }
    }
}

/// The type of a parameter or of a fact.
pub(super) fn decode_type(file: &YamlFile, node: &Node) -> Option<ValueType> {
    let names: Vec<String> = ValueType::ALL.iter().map(ValueType::to_string).collect();
    file.one_of(node, &names.iter().map(String::as_str).collect::<Vec<_>>())
}
