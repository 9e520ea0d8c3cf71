//! See `webhook` in tests/suite/hostile/targets.rs.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fieldmedic_fuzz::targets::webhook(data));
