//! A template's line with its values left open: for whoever must recognise the commands that it renders
//! to, and nothing else.

use crate::expr::value_type;
use crate::expr::value_type::ValueType;
use crate::playbook::command::quote::quote;
use crate::playbook::command::template::{Piece, Template, TemplateForm, Word};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One stretch of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PatternPart {
    /// These bytes.
    Text(String),
    /// One word: a value between two texts, quoted as [`quote`] quotes.
    Value {
        /// The constant text of the word before the value, unquoted; may be empty.
        before: String,
        /// What the value looks like.
        shape: ValueShape,
        /// The constant text of the word after the value, unquoted; may be empty.
        after: String,
    },
    /// One word: a text and any number of values, parted by blanks.
    List {
        /// The constant text of the word before the values, unquoted; may be empty.
        before: String,
        /// What each value looks like.
        shape: ValueShape,
    },
    /// To the end of the line, any number of words, each after a blank.
    Words(ValueShape),
}

/// What a single value looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueShape {
    /// As [`ValueType::Name`].
    Name,
    /// As [`ValueType::Path`].
    Path,
    /// A directory, or a path below it.
    PathBelow(String),
    /// As [`ValueType::Image`].
    Image,
    /// One UUID.
    Uuid,
    /// As [`ValueType::Integer`], without leading zeros.
    Integer,
    /// As [`ValueType::Host`].
    Host,
    /// As [`ValueType::Unit`].
    Unit,
}

/// What is known of a placeholder.
#[derive(Debug, Clone, PartialEq)]
pub enum Binding {
    /// The value, which has to be of this type.
    Value(Value, ValueType),
    /// Only what it may be.
    Type(ValueType),
    /// The same for paths below a directory.
    Below(ValueType, String),
    /// That no value was given.
    Absent,
}

impl Binding {
    /// What may stand in place of a value that is not known.
    fn shape(&self, name: &str) -> Result<(ValueShape, Count), String> {
        match self {
            Binding::Value(_, kind) | Binding::Type(kind) => ValueShape::of(*kind, name),
            Binding::Below(kind, directory) => {
                let (_, count) = ValueShape::of(*kind, name)?;
                Ok((ValueShape::PathBelow(directory.trim_end_matches('/').to_owned()), count))
            }
            Binding::Absent => Err(format!("`{name}` may be absent here; pass it in a variable of its own")),
        }
    }
}

impl ValueShape {
    /// Every shape but [`ValueShape::PathBelow`], which needs a directory.
    pub const ALL: [ValueShape; 7] = [
        ValueShape::Name,
        ValueShape::Path,
        ValueShape::Image,
        ValueShape::Uuid,
        ValueShape::Integer,
        ValueShape::Host,
        ValueShape::Unit,
    ];

    /// Whether a command may hold this text as a value of the shape: it is of its type, and a value that
    /// is written just so.
    pub fn admits(&self, text: &str) -> bool {
        let one = Value::String(text.to_owned());
        let checked = match self {
            ValueShape::Name => ValueType::Name.check(&one),
            ValueShape::Path => ValueType::Path.check(&one),
            ValueShape::PathBelow(directory) if !value_type::is_below(text, directory) => return false,
            ValueShape::PathBelow(_) => ValueType::Path.check(&one),
            ValueShape::Image => ValueType::Image.check(&one),
            ValueShape::Uuid => ValueType::Uuids.check(&Value::Array(vec![one])),
            ValueShape::Integer => ValueType::Integer.check(&one),
            ValueShape::Host => ValueType::Host.check(&one),
            ValueShape::Unit => ValueType::Unit.check(&one),
        };
        checked.is_ok_and(|value| value_type::words(&value) == [text])
    }

    fn of(kind: ValueType, name: &str) -> Result<(Self, Count), String> {
        Ok(match kind {
            ValueType::Name => (ValueShape::Name, Count::One),
            ValueType::Names => (ValueShape::Name, Count::Many),
            ValueType::Path => (ValueShape::Path, Count::One),
            ValueType::Paths => (ValueShape::Path, Count::Many),
            ValueType::Image => (ValueShape::Image, Count::One),
            ValueType::Images => (ValueShape::Image, Count::Many),
            ValueType::Uuids => (ValueShape::Uuid, Count::Many),
            ValueType::Integer => (ValueShape::Integer, Count::One),
            ValueType::Host => (ValueShape::Host, Count::One),
            ValueType::Unit => (ValueShape::Unit, Count::One),
            ValueType::Units => (ValueShape::Unit, Count::Many),
            // The same number can be written in many ways, and which of them is printed is no rule.
            ValueType::Percent => {
                return Err(format!("`{name}` is a percentage; give the fact `type: integer`"));
            }
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Count {
    One,
    Many,
}

/// Where a word stands, which decides what a list becomes in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// A list becomes several words.
    Argument { is_last: bool },
    /// A list is joined by blanks, and no value of it holds one.
    Joined,
}

impl Template {
    /// The outline of the line, with what `known` says in place.
    ///
    /// # Errors
    /// Why such a line could not be told from others.
    pub fn pattern(
        &self,
        known: &dyn Fn(&str) -> Result<Binding, String>,
    ) -> Result<Vec<PatternPart>, String> {
        let mut line = PatternBuilder::default();
        if let Some(cwd) = &self.cwd {
            line.text("cd -- ");
            line.word("", cwd, known, Position::Joined)?;
            line.text(" && ");
        }
        if self.sudo {
            line.text("sudo -n -- ");
        }
        match &self.form {
            TemplateForm::Words(words) => {
                for (index, word) in words.iter().enumerate() {
                    let place = Position::Argument { is_last: index + 1 == words.len() };
                    let mut own = PatternBuilder::default();
                    own.word("", word, known, place)?;
                    // A list without values leaves no word, and so no blank.
                    if index > 0 && !matches!(own.0.first(), None | Some(PatternPart::Words(_))) {
                        line.text(" ");
                    }
                    own.0.into_iter().for_each(|part| line.push(part));
                }
            }
            TemplateForm::Script { name, text, env } => {
                line.text("env ");
                for (key, word) in env {
                    line.word(&format!("{key}="), word, known, Position::Joined)?;
                    line.text(" ");
                }
                line.text(&format!("sh -euc {} {}", quote(text), quote(name)));
            }
        }
        Ok(line.0)
    }
}

/// Parts, with texts that follow each other made one.
#[derive(Default)]
struct PatternBuilder(Vec<PatternPart>);

impl PatternBuilder {
    fn text(&mut self, text: &str) {
        if let Some(PatternPart::Text(last)) = self.0.last_mut() {
            last.push_str(text);
        } else if !text.is_empty() {
            self.0.push(PatternPart::Text(text.to_owned()));
        }
    }

    fn push(&mut self, part: PatternPart) {
        match part {
            PatternPart::Text(text) => self.text(&text),
            other => self.0.push(other),
        }
    }

    fn word(
        &mut self,
        start: &str,
        word: &Word,
        known: &dyn Fn(&str) -> Result<Binding, String>,
        place: Position,
    ) -> Result<(), String> {
        if let [Piece::Value(name)] = &word.0[..] {
            return self.whole(start, name, known(name)?, place);
        }
        let (mut before, mut open) = (start.to_owned(), None);
        for piece in &word.0 {
            let text = match piece {
                Piece::Literal(text) => text.clone(),
                Piece::Value(name) => match known(name)? {
                    Binding::Value(value, kind) => match &checked(name, &value, kind)?[..] {
                        [one] => one.clone(),
                        several => {
                            return Err(format!("`{name}` has {} values where one fits", several.len()));
                        }
                    },
                    unknown if open.is_none() => {
                        open = Some((unknown.shape(name)?.0, String::new()));
                        continue;
                    }
                    _ => {
                        return Err(format!(
                            "`{name}` is the second fact in one word, and nobody can say where the first one \
                             ends; pass each in a variable of its own"
                        ));
                    }
                },
            };
            match &mut open {
                None => before.push_str(&text),
                Some((_, after)) => after.push_str(&text),
            }
        }
        match open {
            None => self.text(&quote(&before)),
            Some((shape, after)) => self.push(PatternPart::Value { before, shape, after }),
        }
        Ok(())
    }

    /// A word that is nothing but a value, after a constant start.
    fn whole(&mut self, start: &str, name: &str, known: Binding, place: Position) -> Result<(), String> {
        if known == Binding::Absent && place == Position::Joined {
            self.text(&quote(start));
            return Ok(());
        }
        let Binding::Value(value, kind) = known else {
            let part = match (known.shape(name)?, place) {
                ((shape, Count::One), _) => {
                    PatternPart::Value { before: start.to_owned(), shape, after: String::new() }
                }
                ((shape, Count::Many), Position::Joined) => {
                    PatternPart::List { before: start.to_owned(), shape }
                }
                ((shape, Count::Many), Position::Argument { is_last: true }) => PatternPart::Words(shape),
                ((_, Count::Many), Position::Argument { is_last: false }) => {
                    return Err(format!("the list `{name}` must be the last word"));
                }
            };
            self.push(part);
            return Ok(());
        };
        let words = checked(name, &value, kind)?;
        match place {
            Position::Joined => self.text(&quote(&format!("{start}{}", words.join(" ")))),
            Position::Argument { .. } => {
                let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
                self.text(&quoted.join(" "));
            }
        }
        Ok(())
    }
}

fn checked(name: &str, value: &Value, kind: ValueType) -> Result<Vec<String>, String> {
    let value = kind.check(value).map_err(|bad| format!("`{name}`: {bad}"))?;
    Ok(value_type::words(&value))
}
