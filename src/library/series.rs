//! `keep_series` of a fact: what is kept of it over time.

use crate::core::expr::value_type::ValueType;
use crate::core::ids::ParamName;
use crate::core::measurement::series_of;
use crate::core::playbook::series::{Bound, BoundValue, SeriesSpec, Side};
use crate::core::playbook::{Param, SystemType};
use crate::library::decode::{YamlFile, suggest};
use crate::library::node::{Content, Node};
use std::collections::BTreeMap;

/// So many series one system type has at most: each sweep writes all of them.
const MOST: usize = 64;

/// The longest unit, in characters.
const LONGEST_UNIT: usize = 16;

/// Decodes `keep_series`: `true`, or a map with a unit and limits. `false` is as if it were not there.
pub(super) fn decode(
    file: &YamlFile,
    node: Node,
    value_type: Option<ValueType>,
    params: &BTreeMap<ParamName, Param>,
) -> Option<SeriesSpec> {
    let span = node.span;
    if !matches!(value_type, None | Some(ValueType::Integer | ValueType::Percent)) {
        let kind = value_type.map_or("no number", ValueType::article);
        let hint = "only numbers can be kept over time: leave `type` out, or use integer or percent";
        file.report(span, &format!("the fact is {kind}, so `keep_series` cannot keep it"), hint);
        return None;
    }
    if !matches!(node.content, Content::Map(_)) {
        let is_kept = node.value().as_bool();
        if is_kept.is_none() {
            let hint = "write `keep_series: true`, or `keep_series: { unit: \"%\", limit: 90 }`";
            file.report(span, &format!("expected true or a map, found {}", node.describe()), hint);
        }
        let percent = if value_type == Some(ValueType::Percent) { "%" } else { "" };
        return is_kept?.then(|| SeriesSpec { unit: percent.to_owned(), ..SeriesSpec::default() });
    }
    let mut map = file.map(node)?;
    let unit = map.take("unit").and_then(|node| Some((file.text_of(&node)?, node.span)));
    if let Some((_, span)) = unit.as_ref().filter(|(unit, _)| !is_unit(unit)) {
        let hint = format!("write at most {LONGEST_UNIT} letters, digits, spaces or any of % / . ° µ");
        file.report(*span, "this is no unit", &hint);
    }
    let limit = map.take("limit").and_then(|node| bound_value(file, &node, params));
    let floor_node = map.take("floor");
    let floor_span = floor_node.as_ref().map(|node| node.span);
    let floor = floor_node.and_then(|node| bound_value(file, &node, params));
    let watch = map.take("watch").and_then(|node| Some((plain_number(file, &node)?, node.span)));
    let only_if = map.take("only_if").and_then(|node| file.expr(&node));
    map.finish();
    if let (Some(_), Some(_), Some(span)) = (&limit, &floor, floor_span) {
        file.report(
            span,
            "a series has a `limit` or a `floor`, not both",
            "keep the side on which trouble is",
        );
    }
    let above = limit.map(|value| Bound { value, side: Side::Above });
    let bound = above.or(floor.map(|value| Bound { value, side: Side::Below }));
    if let Some((watch, span)) = watch {
        match &bound {
            None => {
                file.report(span, "`watch` needs a `limit` or a `floor`", "name where trouble begins too")
            }
            Some(Bound { value: BoundValue::Number(limit), side })
                if side.turned(watch) >= side.turned(*limit) =>
            {
                file.report(span, "`watch` is not on the good side of the limit", "trouble begins after it");
            }
            Some(_) => {}
        }
    }
    let unit = unit.map(|(unit, _)| unit).unwrap_or_default();
    Some(SeriesSpec { unit, bound, watch: watch.map(|(watch, _)| watch), only_if })
}

/// Reports conditions with names that do not exist, and a system type that keeps too many series.
pub(super) fn check(file: &YamlFile, system: &SystemType) {
    for spec in series_of(system).into_values() {
        let Some(only_if) = &spec.only_if else { continue };
        file.check_names(file.span_of(only_if.source()), &only_if.names(), &[], system);
    }
    let count = series_of(system).len();
    if count > MOST {
        let message = format!("the system type keeps {count} series, and {MOST} at most are kept");
        file.report_at_text("keep_series", &message, "keep those that somebody looks at");
    }
}

fn is_unit(unit: &str) -> bool {
    let is_good = |c: char| c.is_alphanumeric() || "%/. °µ".contains(c);
    !unit.trim().is_empty() && unit.chars().count() <= LONGEST_UNIT && unit.chars().all(is_good)
}

/// A number, or the name of a parameter that holds one.
fn bound_value(file: &YamlFile, node: &Node, params: &BTreeMap<ParamName, Param>) -> Option<BoundValue> {
    let Content::Text(name) = &node.content else { return plain_number(file, node).map(BoundValue::Number) };
    let is_number = |param: &Param| matches!(param.value_type, ValueType::Integer | ValueType::Percent);
    let known = params.iter().filter(|(_, param)| is_number(param)).map(|(name, _)| name);
    let found = known.clone().find(|known| known.as_str() == name).cloned();
    if found.is_none() {
        let hint = suggest(name, known.map(ParamName::as_str));
        file.report(
            node.span,
            &format!("`{name}` is neither a number nor a parameter that holds one"),
            &hint,
        );
    }
    found.map(BoundValue::Param)
}

fn plain_number(file: &YamlFile, node: &Node) -> Option<f64> {
    let number = node.value().as_f64();
    if number.is_none() {
        file.report(node.span, &format!("expected a number, found {}", node.describe()), "for example 90");
    }
    number
}
