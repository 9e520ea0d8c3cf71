//! What every text passes: redaction, for the journal and for publishing.

use crate::{Figure, median};
use fieldmedic::core::text::redact::Redactor;
use std::hint::black_box;
use std::time::Instant;

pub fn measure() -> Vec<Figure> {
    let redactor = Redactor::default();
    let ticket = "The synchronisation has been waiting since this morning, and nothing happens. ".repeat(26);
    let service = r#"{"image":"registry.example.org/app:1.2","ports":["8000:8000"],"path":"/opt/app/log"},"#;
    let output = format!("[{}]", service.repeat(60));
    let begun = Instant::now();
    drop(black_box(redactor.text(black_box(&ticket))));
    let mut figures = vec![Figure::ms("the first ticket of 2 KB", begun.elapsed())];
    for (name, text) in [("a ticket of 2 KB", &ticket), ("an output of 5 KB", &output)] {
        let record = time(|| drop(black_box(redactor.text(black_box(text)))));
        let publish = time(|| drop(black_box(redactor.publish(black_box(text)))));
        figures.push(Figure::new(format!("{name}, for the journal"), record, "µs"));
        figures.push(Figure::new(format!("{name}, for publishing"), publish, "µs"));
    }
    figures
}

/// The median of many runs, in microseconds. The first builds the patterns.
fn time(run: impl Fn()) -> f64 {
    run();
    let times = (0..200).map(|_| {
        let begun = Instant::now();
        run();
        begun.elapsed().as_secs_f64() * 1e6
    });
    median(times.collect())
}
