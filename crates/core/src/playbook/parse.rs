//! Reading an output: from the text that a command printed to a value that expressions can use.
//!
//! Every reader is total: what it cannot read is an error, which makes the facts unknown.

use crate::expr::{Expr, Scope, Truth};
use regex::Regex;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// How a probe's output is read, and under which name its facts find it.
#[derive(Debug, Clone)]
pub enum OutputParser {
    /// `text`: the whole output, trimmed.
    Text,
    /// `lines`: a list of the lines that are not blank.
    Lines,
    /// `number`: the output is one number.
    Number,
    /// `json`: any JSON value.
    Json,
    /// `rows`: one JSON object a line; one JSON array is taken too (Compose before 2.21 prints that).
    JsonLines,
    /// `rows`: a header line and rows, columns parted by white space, as `df -P` prints them. The last
    /// column takes the rest of the line.
    Table,
    /// `values`: `key=value` or `key: value` a line.
    KeyValue,
    /// `groups`: the named groups of the first match; `matches`: those of every match.
    Regex(Regex),
}

impl PartialEq for OutputParser {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (OutputParser::Regex(a), OutputParser::Regex(b)) => a.as_str() == b.as_str(),
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }
}

impl OutputParser {
    /// The names that this reader gives to facts.
    pub fn names(&self) -> &'static [&'static str] {
        match self {
            OutputParser::Text => &["text"],
            OutputParser::Lines => &["lines"],
            OutputParser::Number => &["number"],
            OutputParser::Json => &["json"],
            OutputParser::JsonLines | OutputParser::Table => &["rows"],
            OutputParser::KeyValue => &["values"],
            OutputParser::Regex(_) => &["groups", "matches"],
        }
    }

    /// Reads `output` into `scope`, under [`OutputParser::names`].
    ///
    /// # Errors
    /// What is wrong with the output, in a few words.
    pub fn parse(&self, output: &str, scope: &mut Scope) -> Result<(), String> {
        let mut set = |name: &str, value: Value| scope.set(name, Ok(value));
        match self {
            OutputParser::Text => set("text", json!(output.trim())),
            OutputParser::Lines => set("lines", lines(output).collect()),
            OutputParser::Number => set("number", number(output)?),
            OutputParser::Json => set("json", json_value(output)?),
            OutputParser::JsonLines => set("rows", json_lines(output)?),
            OutputParser::Table => set("rows", table(output)?),
            OutputParser::KeyValue => set("values", key_values(output)),
            OutputParser::Regex(regex) => {
                let matches: Vec<Value> =
                    regex.captures_iter(output).take(10_000).map(|found| groups(regex, &found)).collect();
                let first = matches.first().cloned();
                scope.set("matches", Ok(Value::Array(matches)));
                scope.set("groups", first.ok_or_else(|| format!("nothing matches {:?}", regex.as_str())));
            }
        }
        Ok(())
    }
}

/// Gives every row the keys that it lacks, or that are null: versions of a program print more or fewer.
/// Then drops the rows that do not count.
///
/// # Errors
/// It cannot be told whether a row counts.
pub fn select_rows(
    scope: &mut Scope,
    defaults: &BTreeMap<String, Value>,
    row_if: Option<&Expr>,
) -> Result<(), String> {
    let Ok(Value::Array(rows)) = scope.get("rows") else { return Ok(()) };
    let mut kept = Vec::new();
    for mut row in rows {
        if let Some(entries) = row.as_object_mut() {
            for (key, default) in defaults {
                if entries.get(key).is_none_or(Value::is_null) {
                    entries.insert(key.clone(), default.clone());
                }
            }
        }
        let counts = row_if.map_or(Truth::True, |condition| {
            let mut one = scope.clone();
            one.set("row", Ok(row.clone()));
            condition.truth(&one)
        });
        match counts {
            Truth::True => kept.push(row),
            Truth::False => {}
            Truth::Unknown(why) => return Err(why),
        }
    }
    scope.set("rows", Ok(Value::Array(kept)));
    Ok(())
}

fn lines(output: &str) -> impl Iterator<Item = &str> {
    output.lines().map(str::trim_end).filter(|line| !line.trim().is_empty())
}

fn number(output: &str) -> Result<Value, String> {
    let text = output.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(json!(whole));
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(json!(number)),
        _ => Err(format!("{:?} is not a number", start(text))),
    }
}

fn json_value(output: &str) -> Result<Value, String> {
    serde_json::from_str(output.trim())
        .map_err(|error| format!("not JSON ({error}): {:?}", start(output.trim())))
}

fn json_lines(output: &str) -> Result<Value, String> {
    if output.trim_start().starts_with('[') {
        return json_value(output);
    }
    lines(output).map(json_value).collect()
}

fn table(output: &str) -> Result<Value, String> {
    let mut all = lines(output);
    let header: Vec<&str> = all.next().ok_or("the table is empty")?.split_whitespace().collect();
    let rows = all.map(|line| row(&header, line)).collect::<Result<Vec<_>, _>>()?;
    Ok(Value::Array(rows))
}

fn row(header: &[&str], line: &str) -> Result<Value, String> {
    // `df` heads its last column `Mounted on`: a header may have more words than a row has cells.
    let cells = line.split_whitespace().count().min(header.len());
    let mut row = Map::new();
    let mut rest = line.trim_start();
    for (index, name) in header.iter().take(cells).enumerate() {
        let (cell, behind) = match rest.split_once(char::is_whitespace) {
            Some(parts) if index + 1 < cells => parts,
            _ => (rest.trim_end(), ""),
        };
        row.insert((*name).to_owned(), json!(cell));
        rest = behind.trim_start();
    }
    if header.len() > cells + 1 {
        return Err(format!("a row has {cells} cells where the header has {}", header.len()));
    }
    Ok(Value::Object(row))
}

fn key_values(output: &str) -> Value {
    lines(output)
        .filter_map(|line| {
            let (key, value) = line.split_once(['=', ':'])?;
            Some((key.trim().to_owned(), json!(value.trim())))
        })
        .collect::<Map<_, _>>()
        .into()
}

fn groups(regex: &Regex, found: &regex::Captures<'_>) -> Value {
    regex
        .capture_names()
        .flatten()
        .filter_map(|name| found.name(name).map(|text| (name.to_owned(), json!(text.as_str()))))
        .collect::<Map<_, _>>()
        .into()
}

fn start(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(read: &OutputParser, output: &str, expression: &str) -> Result<Value, String> {
        let mut scope = Scope::default();
        read.parse(output, &mut scope)?;
        Expr::new(expression).unwrap().value(&scope)
    }

    #[test]
    fn rows_are_completed_and_selected() {
        let read = |output: &str, row_if: &str| {
            let mut scope = Scope::default();
            scope.set_namespace("config", BTreeMap::from([("services".to_owned(), Ok(json!(["app"])))]));
            OutputParser::JsonLines.parse(output, &mut scope).unwrap();
            let defaults = BTreeMap::from([("Labels".to_owned(), json!(""))]);
            let row_if = Expr::new(row_if).unwrap();
            select_rows(&mut scope, &defaults, Some(&row_if)).and_then(|()| scope.get("rows"))
        };
        let own = "row.Service in config.services and row.Labels is not matching('oneoff=True')";
        assert_eq!(
            read("{\"Service\":\"app\",\"Labels\":null}\n{\"Service\":\"gone\"}\n", own),
            Ok(json!([{ "Service": "app", "Labels": "" }])),
            "a key that is null or lacking has its default, and a row that does not count is dropped"
        );
        assert_eq!(read("[{\"Service\":\"app\",\"Labels\":\"x=1,oneoff=True\"}]", own), Ok(json!([])));
        assert!(read("{\"Name\":\"app\"}\n", own).is_err(), "whether it counts cannot be told");
    }

    #[test]
    fn outputs_become_values() {
        let df = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 100 91 9 91% /var/lib/my docker\n";
        let named = OutputParser::Regex(Regex::new(r"(?P<key>\w+) is (?P<value>\d+)").unwrap());
        for (reader, output, expression, expect) in [
            (&OutputParser::Text, " ok \n", "text", Some(json!("ok"))),
            (&OutputParser::Lines, "a\n\n b\n", "lines", Some(json!(["a", " b"]))),
            (&OutputParser::Number, " 42\n", "number", Some(json!(42))),
            (&OutputParser::Number, "nan", "number", None),
            (&OutputParser::Number, "", "number", None),
            (&OutputParser::Json, "{\"a\": [1]}", "json.a[0]", Some(json!(1))),
            (&OutputParser::Json, "Error: no", "json", None),
            (
                &OutputParser::JsonLines,
                "{\"a\":1}\n{\"a\":2}\n",
                "rows | map(attribute='a') | list",
                Some(json!([1, 2])),
            ),
            (&OutputParser::JsonLines, "[{\"a\":1}]", "rows[0].a", Some(json!(1))),
            (&OutputParser::JsonLines, "", "rows | length", Some(json!(0))),
            (&OutputParser::JsonLines, "{\"a\":1}\n{\"a\":", "rows", None),
            (&OutputParser::Table, df, "rows[0]['Capacity'] | number", Some(json!(91))),
            (&OutputParser::Table, "", "rows", None),
            (&OutputParser::KeyValue, "A=1\nB: two\nnoise\n", "values.B", Some(json!("two"))),
            (&named, "x is 3, y is 4", "groups.value | number", Some(json!(3))),
            (&named, "x is 3, y is 4", "matches | length", Some(json!(2))),
            (&named, "nothing", "groups.value", None),
            (&named, "nothing", "matches | length", Some(json!(0))),
        ] {
            assert_eq!(read(reader, output, expression).ok(), expect, "{reader:?} {output:?} {expression}");
        }
    }
}
