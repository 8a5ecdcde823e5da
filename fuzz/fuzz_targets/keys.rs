#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| forklab_fuzz::keys::holds(bytes));
