//! Any text as a stack's files.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| devstack::exercise::loader(text));
