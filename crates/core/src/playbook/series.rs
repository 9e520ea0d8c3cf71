//! Facts that are kept over time: what `keep_series` of a playbook says about one.

use crate::expr::Expr;
use crate::ids::ParamName;
use serde_json::Value;
use std::collections::BTreeMap;

/// How a fact is kept as a series of measurements.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesSpec {
    /// What its numbers count, such as `%` or `jobs`; empty if the playbook does not say.
    pub unit: String,
    /// Where trouble begins; `None`: nobody can tell.
    pub bound: Option<Bound>,
    /// From here on it is worth a look; on the good side of the bound.
    pub watch: Option<f64>,
    /// Over facts and parameters: unless it is true, nobody knows the value. `None`: it is known if the fact is.
    pub only_if: Option<Expr>,
}

/// Where trouble begins, as a playbook writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// The number, or the parameter that holds it.
    pub value: BoundValue,
    /// On which side trouble is.
    pub side: Side,
}

/// A number, or the parameter of the system that holds it.
#[derive(Debug, Clone, PartialEq)]
pub enum BoundValue {
    /// The number itself.
    Number(f64),
    /// A parameter whose value is a number.
    Param(ParamName),
}

/// The side of a bound on which trouble is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Large numbers are trouble: a disk that fills up.
    Above,
    /// Small numbers are trouble: the days of a certificate.
    Below,
}

/// The bound of a series on one system.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// In the unit of the series.
    pub value: f64,
    /// On which side trouble is.
    pub side: Side,
}

impl Side {
    /// Turns numbers so that larger ones are worse, and turns them back.
    pub fn turned(self, value: f64) -> f64 {
        match self {
            Side::Above => value,
            Side::Below => -value,
        }
    }
}

impl Limit {
    /// Whether a number is beyond the limit.
    pub fn is_exceeded_by(self, value: f64) -> bool {
        self.side.turned(value) > self.side.turned(self.value)
    }
}

impl SeriesSpec {
    /// The limit on a system with these parameters; `None` if there is none, or its parameter holds no number.
    pub fn limit(&self, params: &BTreeMap<String, Value>) -> Option<Limit> {
        let bound = self.bound.as_ref()?;
        let value = match &bound.value {
            BoundValue::Number(number) => *number,
            BoundValue::Param(name) => params.get(name.as_str())?.as_f64()?,
        };
        Some(Limit { value, side: bound.side })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_limit_may_be_a_parameter_of_the_system() {
        let bound = |value, side| SeriesSpec { bound: Some(Bound { value, side }), ..SeriesSpec::default() };
        let params = BTreeMap::from([("disk_limit".to_owned(), json!(85)), ("name".to_owned(), json!("x"))]);
        let param = |name: &str| BoundValue::Param(ParamName::new(name).unwrap());
        let limit = bound(param("disk_limit"), Side::Above).limit(&params).unwrap();
        assert!(limit.is_exceeded_by(85.5) && !limit.is_exceeded_by(85.0));
        assert_eq!(bound(param("name"), Side::Above).limit(&params), None);
        assert_eq!(bound(param("gone"), Side::Above).limit(&params), None);
        let floor = bound(BoundValue::Number(14.0), Side::Below).limit(&params).unwrap();
        assert!(floor.is_exceeded_by(13.0) && !floor.is_exceeded_by(14.0));
    }
}
