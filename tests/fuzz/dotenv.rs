//! Any text as a `.env` file.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| devstack::exercise::dotenv(text));
