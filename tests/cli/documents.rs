//! Checks the documents against the repository: the tests, files and links that they name exist,
//! and every option is in a table.

use crate::common::*;

use std::fs;
use std::path::Path;

const RELIABILITY: &str = "docs/RELIABILITY.md";

/// Documents to check for their paths and links. Missing ones are skipped.
const DOCUMENTS: [&str; 10] = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/BENCHMARKS.md",
    "docs/FUZZING.md",
    "docs/GLOSSARY.md",
    "docs/PROTOCOLS.md",
    RELIABILITY,
    "docs/USAGE.md",
];

/// Documents with tables of the options of the servers.
const OPTIONS: [&str; 2] = ["README.md", "docs/USAGE.md"];

const SERVERS: [&str; 6] = [
    SERVER,
    env!("CARGO_BIN_EXE_calc_serveur"),
    env!("CARGO_BIN_EXE_direct_serveur"),
    env!("CARGO_BIN_EXE_echo_serveur"),
    env!("CARGO_BIN_EXE_relay_serveur"),
    env!("CARGO_BIN_EXE_upload_serveur"),
];

#[track_caller]
fn text_of(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_default()
}

#[track_caller]
fn is_there(path: &str) -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists()
}

/// Inline code: the texts between backquotes, line by line.
#[track_caller]
fn code_of(document: &str) -> Vec<String> {
    document.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).map(str::to_string).collect()
}

/// True for `crate::module::test` of `tests/`, `crate::test` where a crate is one file, or the path
/// of a unit test in `src/`.
fn is_test_path(code: &str) -> bool {
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    code.contains("::") && code.split("::").all(is_name)
}

/// The files that may contain the tests of a module.
#[track_caller]
fn places_of(path: &[&str]) -> Vec<String> {
    let joined = path.join("/");
    match path {
        [.., "tests"] => {
            let module = joined.trim_end_matches("/tests");
            vec![format!("src/{module}.rs"), format!("src/{module}/mod.rs"), format!("src/{joined}.rs")]
        }
        _ => vec![format!("tests/{joined}.rs"), format!("tests/{joined}/mod.rs")],
    }
}

/// True if `source` contains this test: a function under `#[test]`, or one that the macro of the
/// codecs makes.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let begins = |line: &str, start: String| line.starts_with(&start);
    let is_test = |at: usize| {
        let above =
            lines[..at].iter().rev().take_while(|line| line.starts_with('#') || line.starts_with("//"));
        above.into_iter().any(|line| *line == "#[test]")
    };
    let by_hand = (0..lines.len()).any(|at| begins(lines[at], format!("fn {name}()")) && is_test(at));
    let by_macro = source.contains("\nhold! {") && lines.iter().any(|line| begins(line, format!("{name}: ")));
    by_hand || by_macro
}

#[test]
fn every_test_named_in_reliability_exists() {
    let paths: Vec<String> =
        code_of(&text_of(RELIABILITY)).into_iter().filter(|code| is_test_path(code)).collect();
    assert!(paths.len() > 60, "only {} found: are they still written as crate::module::test?", paths.len());
    let is_missing = |path: &&String| {
        let parts: Vec<&str> = path.split("::").collect();
        let (name, file) = parts.split_last().expect("a path has parts");
        !places_of(file).iter().any(|place| has_test(&text_of(place), name))
    };
    let missing: Vec<&String> = paths.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_file_named_in_the_documents_exists() {
    for document in DOCUMENTS.into_iter().filter(|path| is_there(path)) {
        let _row = Row::of(&document);
        let text = text_of(document);
        let ours = ["src/", "tests/", "fuzz/", "scripts/", "docs/", "c-compat/", "benches/"];
        // Paths of source files may be relative to src/.
        let is_source = |code: &str| code.contains('/') && code.ends_with(".rs");
        let is_ours = |code: &String| ours.iter().any(|front| code.starts_with(front)) || is_source(code);
        let is_plain = |code: &String| {
            !code.contains(|c: char| c.is_whitespace() || c.is_ascii_uppercase() || "*{".contains(c))
        };
        // Build products are not in the repository.
        let is_built = |code: &String| code.starts_with("c-compat/build");
        for path in
            code_of(&text).into_iter().filter(|code| is_ours(code) && is_plain(code) && !is_built(code))
        {
            assert!(is_there(&path) || is_there(&format!("src/{path}")), "{document} names {path}");
        }
        let directory = if document.starts_with("docs/") { "docs/" } else { "" };
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            assert!(
                link.starts_with("http")
                    || link.starts_with("mailto:")
                    || is_there(&format!("{directory}{link}")),
                "{document} links to {link}"
            );
        }
    }
}

#[test]
fn every_option_of_every_server_is_in_a_table() {
    let documents = OPTIONS.map(text_of).join("\n");
    let rows: Vec<&str> =
        documents.lines().filter(|line| line.starts_with('|') || line.contains("Every server has")).collect();
    for server in SERVERS {
        let _row = Row::of(&server);
        let help = outcome_of(server, &["--help"], "").out;
        let options: Vec<&str> = help
            .lines()
            .filter(|line| line.trim_start().starts_with('-'))
            .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")))
            .filter(|option| !["--help", "--version", "--quiet", "--verbose"].contains(option))
            .collect();
        assert!(options.len() >= 7, "{server}: {help}");
        for option in options {
            assert!(rows.iter().any(|row| row.contains(option)), "{server}: {option} is in no table");
        }
    }
}

#[test]
fn the_checks_of_documents_detect_errors() {
    // Guards the helpers above: a check that never fails proves nothing.
    assert!(is_test_path("faults::a_test") && is_test_path("a::b::tests::c1"));
    assert!(!is_test_path("Names::judge") && !is_test_path("file::") && !is_test_path("a_test"));
    let source = "#[test]\n#[cfg(unix)]\nfn real() {\n}\n\nfn helper() {}\n";
    assert!(has_test(source, "real") && !has_test(source, "helper") && !has_test(source, "rea"));
    assert_eq!(code_of("a `b` c `d`\n`e`"), ["b", "d", "e"]);
}
