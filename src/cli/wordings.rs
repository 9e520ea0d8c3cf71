//! `fieldmedic playbook read` and `playbook evaluate`: what is understood of the words of tickets.

#![expect(clippy::disallowed_methods, reason = "reads files with wordings")]

use crate::cli::output::{ExitStatus, Format};
use crate::console::{eprint, print, print_json};
use crate::core::ids::SystemTypeName;
use crate::core::playbook::{Library, SystemType};
use crate::core::reading::{Besides, Reading, Relevance, besides, relevance};
use crate::core::ticket::authored_text::AuthoredText;
use crate::core::ticket::triage::{Intent, read_intent};
use crate::ports::Reader;
use crate::reader::evaluation::{Evaluation, Judged, Situations, Tally, Wording, evaluate as judge};
use crate::reader::{BuiltInReader, EmbeddingReader};
use clap::Args;
use miette::{IntoDiagnostic, Result, WrapErr, miette};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use tokio::time::Instant;

/// The command line of `fieldmedic playbook read`.
#[derive(Debug, Args)]
pub(super) struct Read {
    /// The text of a ticket; its first line is the title.
    text: String,
    /// The system type whose symptoms are looked for.
    #[arg(long, value_name = "NAME", default_value = "qfieldcloud")]
    system_type: String,
    /// The folder of playbooks [default: as configured, else the built-in ones].
    #[arg(long, value_name = "DIR")]
    pub(super) playbooks: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// The command line of `fieldmedic playbook evaluate`.
#[derive(Debug, Args)]
pub(super) struct Evaluate {
    /// A JSON file: a list of {"situation", "lang", "title", "body"}. A situation is a playbook, a symptom,
    /// `look-alike` for a ticket about something else, or `status-question`.
    wordings: PathBuf,
    /// A YAML file that maps other situations to lists of playbooks or symptoms.
    #[arg(long, value_name = "FILE")]
    situations: Option<PathBuf>,
    /// The system type that the tickets are about.
    #[arg(long, value_name = "NAME", default_value = "qfieldcloud")]
    system_type: String,
    /// The folder of playbooks [default: as configured, else the built-in ones].
    #[arg(long, value_name = "DIR")]
    pub(super) playbooks: Option<PathBuf>,
    /// Ask the endpoint of `[reader]` for a second opinion. Its examples and all wordings are sent there.
    #[arg(long)]
    pub(super) endpoint: bool,
    #[command(flatten)]
    format: Format,
}

/// Reads one text.
///
/// # Errors
/// If there is no such system type, or it has no symptoms.
pub(super) async fn read(library: &Library, arguments: Read) -> Result<ExitStatus> {
    let system_type = system_type(library, &arguments.system_type)?;
    let (title, body) = arguments.text.split_once('\n').unwrap_or((&arguments.text, ""));
    let text = AuthoredText::read(title, body);
    let reading = BuiltInReader.read(&system_type.symptoms, &text.own).await;
    let reading = reading.ok_or_else(|| miette!("the system type `{}` has no symptoms", system_type.name))?;
    if arguments.format.json {
        print_json(&reading)?;
        return Ok(ExitStatus::Done);
    }
    let mut out = reading_in_words(&reading);
    let asked: Vec<&str> = system_type
        .faults
        .iter()
        .filter(|fault| relevance(&reading, &fault.symptoms.names) == Relevance::AskedFor)
        .map(|fault| fault.name.as_str())
        .collect();
    let intent = read_intent(&text, system_type, Some(&reading));
    let conclusion = match asked.as_slice() {
        _ if matches!(intent, Intent::Question { in_doubt: false, .. }) => {
            "it is answered as a question".to_owned()
        }
        _ if matches!(intent, Intent::Question { .. }) => {
            "it is answered, and the reporter is asked whether that was the question".to_owned()
        }
        _ if relevance(&reading, []) == Relevance::Unrelated => {
            "it is about something else, and stays open whatever is fixed".to_owned()
        }
        [] => "after any fix the reporter is asked".to_owned(),
        some => format!("it is closed when one of these is fixed: {}", some.join(", ")),
    };
    let _ = writeln!(out, "so: {conclusion}");
    for (sentence, besides) in besides(&reading, []) {
        if let Besides::Topic(topic) = besides {
            let _ = writeln!(out, "it stays open in any case for {topic}: {}", sentence.words);
        }
    }
    print(&out);
    Ok(ExitStatus::Done)
}

fn reading_in_words(reading: &Reading) -> String {
    let percent = |share: f32| format!("{:3.0} %", share * 100.0);
    let mut out =
        format!("language: {}\ntrouble of the system: {}\n", reading.language, percent(reading.problem));
    for read in reading.symptoms.iter().take(3) {
        let _ = writeln!(out, "  {} {}: {}", percent(read.confidence), read.name, read.words.join(" … "));
    }
    let _ = writeln!(out, "something else: {}", percent(1.0 - reading.problem));
    for read in reading.topics.iter().take(3) {
        let _ = writeln!(out, "  {} {}: {}", percent(read.confidence), read.topic, read.words.join(" … "));
    }
    for read in &reading.cues {
        let _ = writeln!(out, "cue {}: {}", read.cue, read.words);
    }
    out
}

/// Reads many texts and counts.
///
/// # Errors
/// If a file cannot be read, or a situation is not known.
pub(super) async fn evaluate(
    library: &Library,
    embedding_reader: Option<EmbeddingReader>,
    arguments: Evaluate,
) -> Result<ExitStatus> {
    let system_type = system_type(library, &arguments.system_type)?;
    let wordings: Vec<Wording> = serde_json::from_str(&text(&arguments.wordings)?)
        .into_diagnostic()
        .wrap_err_with(|| format!("{} is no list of wordings", arguments.wordings.display()))?;
    let situations: Situations = match &arguments.situations {
        Some(path) => serde_saphyr::from_str_with_options(&text(path)?, crate::library::yaml())
            .into_diagnostic()
            .wrap_err_with(|| format!("{} is no map of situations", path.display()))?,
        None => Situations::new(),
    };
    let evaluation = match &embedding_reader {
        Some(reader) => {
            let started = Instant::now();
            let learnt = reader.learn(&system_type.symptoms).await.map_err(|error| miette!("{error}"))?;
            let took = started.elapsed().as_secs_f32();
            eprint(&format!("learnt from the embeddings of {learnt} examples in {took:.1} s"));
            judge(reader, system_type, &wordings, &situations).await?
        }
        None => judge(&BuiltInReader, system_type, &wordings, &situations).await?,
    };
    let alone = evaluation.wordings.iter().filter(|judged| judged.reading.model.is_none()).count();
    if embedding_reader.is_some() && alone > 0 {
        eprint(&format!("{alone} of {} wordings were read without the endpoint", evaluation.wordings.len()));
    }
    if arguments.format.json {
        print_json(&evaluation)?;
    } else {
        print(&table(&evaluation));
    }
    Ok(ExitStatus::Done)
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot read {}", path.display()))
}

fn system_type<'l>(library: &'l Library, name: &str) -> Result<&'l SystemType> {
    let known = || library.systems.keys().map(SystemTypeName::as_str).collect::<Vec<_>>().join(", ");
    library
        .systems
        .get(name)
        .ok_or_else(|| miette!("there is no system type `{name}`; there are: {}", known()))
}

fn table(evaluation: &Evaluation) -> String {
    let mut out = String::new();
    let percent = |part: f32, of: usize| format!("{:5.1} %", 100.0 * part / of.max(1) as f32);
    let row = |name: &str, tally: Tally| {
        format!(
            "{name:20} {:4}   closed {}   closed or asked {}   left open in part {}   answered {}   closed wrongly {}\n",
            tally.wordings,
            percent(tally.closed as f32, tally.wordings),
            percent(tally.closed_or_asked as f32, tally.wordings),
            percent(tally.partial as f32, tally.wordings),
            percent(tally.answered as f32, tally.wordings),
            percent(tally.closed_wrongly, tally.wordings),
        )
    };
    for situation in evaluation.situations() {
        out += &row(situation, evaluation.tally(|judged| judged.situation == situation && !judged.has_rest));
    }
    let several = evaluation.tally(|judged| judged.has_rest);
    if several.wordings > 0 {
        out += &row("several topics", several);
    }
    out += &row("all faults", evaluation.tally(Judged::is_fault));
    let languages: std::collections::BTreeSet<&str> =
        evaluation.wordings.iter().map(|judged| judged.lang.as_str()).collect();
    for language in languages {
        let name = format!("all faults, {language}");
        out += &row(&name, evaluation.tally(|judged| judged.is_fault() && judged.lang == language));
    }
    let wrong: Vec<&Judged> = evaluation.wordings.iter().filter(|judged| judged.is_wrong()).collect();
    if !wrong.is_empty() {
        out += "\nwrong:\n";
    }
    for judged in wrong {
        let first = judged.reading.symptoms.first();
        let symptom = first.map_or_else(String::new, |read| format!("{} {:.2}", read.name, read.confidence));
        let topic = judged.reading.topics.first();
        let topic = topic.map_or_else(String::new, |read| format!("{} {:.2}", read.topic, read.confidence));
        let _ = writeln!(
            out,
            "  {} [{}] {:?} ({:?}): trouble {:.2}, {symptom}, {topic}",
            judged.situation, judged.lang, judged.title, judged.verdict, judged.reading.problem
        );
    }
    out
}
