//! Measures the pure parts with criterion, or performs one of them so often, for an instruction count.
//!
//! ```text
//! cargo bench -p fieldmedic-bench                                every part, with criterion
//! cargo bench -p fieldmedic-bench -- triage                      those with this word
//! valgrind --tool=callgrind <the bench> --repeat triage 10       one part, ten times
//! ```

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "it measures, and ends where it cannot"
)]

mod parts;

use criterion::Criterion;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let parts = runtime.block_on(parts::parts());
    match &arguments[..] {
        [names] if names == "--names" => parts.iter().for_each(|part| println!("{}", part.name)),
        [repeat, name, times] if repeat == "--repeat" => {
            let part = parts.iter().find(|part| part.name == name).expect("a part of this name");
            // The first time builds what is built once.
            (part.run)();
            for _ in 0..times.parse::<u32>().expect("a number") {
                (part.run)();
            }
        }
        _ => {
            let mut criterion = Criterion::default().configure_from_args();
            for part in &parts {
                criterion.bench_function(part.name, |bencher| bencher.iter(&part.run));
            }
            criterion.final_summary();
        }
    }
}
