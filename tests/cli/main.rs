//! Command lines, scripts and documents.

#[path = "../common/mod.rs"]
mod common;

mod chat_arguments;
mod documents;
mod error_texts;
#[cfg(target_os = "linux")]
mod inspect_script;
mod launch_scripts;
#[cfg(target_os = "linux")]
mod script_shells;
