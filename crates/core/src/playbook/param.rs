//! Parameters: what may be given to a system, or to a request.

use crate::expr::value_type::{ValueError, ValueType};
use serde_json::Value;

/// A parameter of a system or of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// What a value is checked against first.
    pub value_type: ValueType,
    /// Without one, a value has to be given. Of an optional parameter it is the empty text, which no type admits.
    pub default: Option<Value>,
    /// No value need be given: then a script's variable is empty, and so is the text in expressions.
    pub optional: bool,
    /// What is checked beside the type.
    pub bounds: Bounds,
    /// What the value means, for people; may be empty.
    pub help: String,
}

/// What a value has to be beside of its type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Of a number.
    pub min: Option<u64>,
    /// Of a number. Both bounds are allowed values; `None` is no bound.
    pub max: Option<u64>,
    /// All that a text may be; empty: anything.
    pub one_of: Vec<String>,
}

/// Why a parameter cannot have a value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParamError {
    /// It is not of the parameter's type.
    #[error(transparent)]
    Type(#[from] ValueError),
    /// A number below `min`.
    #[error("{value} is less than {min}")]
    Low {
        /// The refused value.
        value: Value,
        /// The least value that is allowed.
        min: u64,
    },
    /// A number above `max`.
    #[error("{value} is more than {max}")]
    High {
        /// The refused value.
        value: Value,
        /// The greatest value that is allowed.
        max: u64,
    },
    /// A text that is none of `one_of`.
    #[error("{value} is none of {}", among.join(", "))]
    Other {
        /// The refused value.
        value: String,
        /// The values that are allowed.
        among: Vec<String>,
    },
}

impl Param {
    /// Whether this value of the parameter means that none was given.
    pub fn is_absent(&self, value: &Value) -> bool {
        self.optional && value.as_str() == Some("")
    }

    /// The value if the parameter may have it.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check(&self, value: &Value) -> Result<Value, ParamError> {
        let value = self.value_type.check(value)?;
        let Bounds { min, max, one_of } = &self.bounds;
        if let Some(number) = value.as_f64() {
            match (min, max) {
                (Some(min), _) if number < *min as f64 => return Err(ParamError::Low { value, min: *min }),
                (_, Some(max)) if number > *max as f64 => return Err(ParamError::High { value, max: *max }),
                _ => {}
            }
        }
        match value.as_str() {
            Some(text) if !one_of.is_empty() && !one_of.iter().any(|one| one == text) => {
                Err(ParamError::Other { value: text.to_owned(), among: one_of.clone() })
            }
            _ => Ok(value),
        }
    }

    /// The value that a person wrote. Several are parted by commas.
    ///
    /// # Errors
    /// As [`Param::check`].
    pub fn parse(&self, text: &str) -> Result<Value, ParamError> {
        let value = match self.value_type {
            ValueType::Names | ValueType::Paths | ValueType::Images | ValueType::Uuids | ValueType::Units => {
                text.split(',').filter(|part| !part.is_empty()).map(Value::from).collect()
            }
            _ => Value::from(text),
        };
        self.check(&value)
    }

    /// What it takes, in a few words: `a whole number from 1 to 500`.
    pub fn accepts(&self) -> String {
        let Bounds { min, max, one_of } = &self.bounds;
        match (one_of.is_empty(), min, max) {
            (false, ..) => format!("one of {}", one_of.join(", ")),
            (true, Some(min), Some(max)) => format!("{} from {min} to {max}", self.value_type.article()),
            (true, Some(min), None) => format!("{} from {min}", self.value_type.article()),
            (true, None, Some(max)) => format!("{} up to {max}", self.value_type.article()),
            (true, None, None) => self.value_type.article().to_owned(),
        }
    }

    /// A value that it may have, for an example.
    pub fn example(&self) -> String {
        if let Some(default) = self.default.as_ref().filter(|_| !self.optional) {
            return crate::expr::value_type::words(default).join(",");
        }
        match (self.bounds.one_of.first(), self.bounds.min) {
            (Some(first), _) => first.clone(),
            (None, Some(min)) => min.to_string(),
            (None, None) => self.value_type.example().to_owned(),
        }
    }
}
