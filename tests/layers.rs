//! Modules are ranked, and a module imports only modules of a lower rank.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules by rank, from the bottom. Modules of one rank never import each other.
const RANKS: &[&[&str]] = &[
    &["config", "telemetry"],
    &["calendar"],
    &["domain", "table"],
    &["filter", "enrich", "spool", "encode", "throttle"],
    &["plan"],
    &["warehouse", "catalog", "engines"],
    &["analytics", "links", "redirect", "ingest", "auth", "sites", "hooks", "holdings", "privacy"],
    &["conversions", "transfer"],
    &["web"],
    &["api"],
    &["server"],
    &["cli"],
];

fn rank(module: &str) -> Option<usize> {
    RANKS.iter().position(|modules| modules.contains(&module))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("entry is readable").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules that a text names as `crate::NAME`, or in a list `crate::{NAME, NAME}`, before its tests begin.
fn imports(text: &str) -> BTreeSet<&str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut names = BTreeSet::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for rest in line.split("crate::").skip(1) {
            match rest.strip_prefix('{') {
                Some(list) => names.extend(list.split([',', '}']).map(|name| word(name.trim()))),
                None => _ = names.insert(word(rest)),
            }
        }
    }
    names.remove("");
    names
}

fn word(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
    &text[..end]
}

#[test]
fn imports_go_down_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for file in &files {
        let within = file.strip_prefix(&src).expect("files lie in src");
        let first = within.iter().next().and_then(|part| part.to_str()).unwrap_or_default();
        let module = first.trim_end_matches(".rs");
        if module == "lib" || module == "main" {
            continue;
        }
        let Some(own) = rank(module) else {
            faults.push(format!("{} has no rank", within.display()));
            continue;
        };
        seen.insert(module.to_owned());
        let text = fs::read_to_string(file).expect("source is readable");
        for import in imports(&text).into_iter().filter(|import| *import != module) {
            match rank(import) {
                Some(theirs) if theirs < own => {}
                Some(_) => faults.push(format!("{} imports crate::{import}, which is not below it", within.display())),
                None => faults.push(format!("{} imports crate::{import}, which has no rank", within.display())),
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    let ranked: BTreeSet<String> = RANKS.iter().flat_map(|modules| modules.iter().map(ToString::to_string)).collect();
    assert_eq!(seen, ranked, "every ranked module is there");
}

#[test]
fn an_import_upwards_is_found() {
    assert_eq!(imports("use crate::web::error;\n// crate::api\n"), BTreeSet::from(["web"]));
    assert_eq!(imports("use crate::{plan, catalog::Catalog};\n"), BTreeSet::from(["plan", "catalog"]));
    assert_eq!(imports("fn f(x: crate::table::Cell) {}\n#[cfg(test)]\nuse crate::api;\n"), BTreeSet::from(["table"]));
}
