//! The pages of `docs/` name tests as proof; here it is checked that those tests exist.

use std::{collections::BTreeSet, path::Path};

use crate::repository;

const GUARANTEES: usize = 12;

/// What a page claims to be proof, line by line.
#[derive(Debug, PartialEq, Eq)]
struct Proof<'a> {
    /// The file, from the root of the repository.
    file: &'a str,
    /// Functions in it.
    tests: Vec<&'a str>,
}

/// The lines of a list that begin with a link to a file of the sources.
fn proofs(page: &str) -> impl Iterator<Item = Proof<'_>> {
    page.lines().filter_map(|line| {
        let (_, rest) = line.strip_prefix("- [")?.split_once("](../")?;
        let (file, rest) = rest.split_once(')')?;
        let tests = quoted(rest).collect();
        Some(Proof { file, tests })
    })
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names of all test functions in a source file.
fn tests_in(source: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut attributed = false;
    for line in source.lines().map(str::trim_start) {
        // Inside `proptest!` the attribute stands there as well.
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            attributed = true;
        } else if let Some((_, rest)) = line.split_once("fn ")
            && attributed
        {
            found.extend(rest.split(['(', '<']).next());
            attributed = false;
        }
    }
    found
}

fn page(name: &str) -> String {
    let files = repository::files(|path| path == Path::new("docs").join(name));
    files.into_iter().next().unwrap().1
}

#[test]
fn every_guarantee_is_quoted_and_proven_by_tests_that_exist() {
    let text = page("guarantees.md");
    let sources = repository::files(|path| path.extension().is_some_and(|ext| ext == "rs"));
    let mut wrong = Vec::new();
    for number in 1..=GUARANTEES {
        let heading = format!("\n## G{number}: ");
        let (_, section) = text.split_once(&heading).expect(&heading);
        let section = section.split("\n## ").next().unwrap();
        assert!(section.contains("\n> "), "G{number} is not quoted");
        let absent = section.contains("**Not in this version");
        if !absent && proofs(section).all(|proof| proof.tests.is_empty()) {
            wrong.push(format!("G{number} has no proof"));
        }
        for Proof { file, tests } in proofs(section) {
            let source = sources.iter().find(|(path, _)| path == Path::new(file));
            let known = source.map(|(_, text)| tests_in(text));
            match known {
                Some(known) => wrong.extend(
                    tests
                        .iter()
                        .filter(|test| !known.contains(**test))
                        .map(|test| format!("G{number}: no test {test} in {file}")),
                ),
                None if !tests.is_empty() || !repository::root().join(file).exists() => {
                    wrong.push(format!("G{number}: there is no {file}"));
                }
                None => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_test_the_disk_page_names_exists() {
    let text = page("disk.md");
    let (_, table) = text.split_once("## What happens when").unwrap();
    let sources = repository::files(|path| path.extension().is_some_and(|ext| ext == "rs"));
    let known: BTreeSet<&str> = sources
        .iter()
        .flat_map(|(_, text)| tests_in(text))
        .collect();
    let mut named = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        let proof = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for test in quoted(proof) {
            named += 1;
            assert!(known.contains(test), "there is no test {test}");
        }
    }
    assert!(named > 20, "the table was not found");
}

#[test]
fn a_test_is_told_from_a_function_and_a_proof_from_prose() {
    let source = "#[test]\nfn one() {}\nfn two() {}\n  #[tokio::test]\n  async fn three() {}";
    assert_eq!(
        tests_in(source).into_iter().collect::<Vec<_>>(),
        ["one", "three"]
    );
    let page = "see `x` in [y](../y.rs)\n- [A thing](../a/b.rs): `one`, `two`\n- plain\n";
    let proof = Proof {
        file: "a/b.rs",
        tests: vec!["one", "two"],
    };
    assert_eq!(proofs(page).collect::<Vec<_>>(), [proof]);
}
