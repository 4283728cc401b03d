//! The crates and the arrows between them: an edge only ever goes down.

use std::{collections::BTreeMap, process::Command};

use serde_json::{Value, json};

use crate::repository;

#[test]
fn an_edge_only_goes_down() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(repository::root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(metadata["packages"].as_array().unwrap().len() > 10);
    assert_eq!(violations(&metadata), Vec::<String>::new());
}

#[test]
fn manifests_take_lints_and_dependencies_from_the_workspace() {
    let manifests = repository::files(|path| {
        path.ends_with("Cargo.toml") && path.parent().is_some_and(|dir| dir.iter().count() > 0)
    });
    assert!(manifests.len() > 10);
    for (path, text) in manifests {
        let path = path.display();
        assert!(
            text.contains("[lints]\nworkspace = true"),
            "{path} does not take the lints"
        );
        let mut section = "";
        for line in text.lines() {
            if line.starts_with('[') {
                section = line;
            } else if section.ends_with("dependencies]") && line.contains('=') {
                assert!(
                    line.contains("workspace = true"),
                    "{path} has its own `{line}`"
                );
            }
        }
    }
}

/// What is wrong with the layers of a workspace, as `cargo metadata` describes it. Dependencies
/// of tests are not looked at: they may reach for anything.
fn violations(metadata: &Value) -> Vec<String> {
    let name = |package: &Value| package["name"].as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    let layers: BTreeMap<String, Option<u64>> = packages
        .iter()
        .map(|package| {
            (
                name(package),
                package["metadata"]["vanus"]["layer"].as_u64(),
            )
        })
        .collect();
    let mut violations = Vec::new();
    for package in packages {
        let from = name(package);
        let Some(layer) = layers[&from] else {
            violations.push(format!("{from} has no [package.metadata.vanus] layer"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().unwrap();
        for dependency in dependencies
            .iter()
            .filter(|dependency| dependency["kind"] != "dev")
        {
            let to = name(dependency);
            if let Some(Some(lower)) = layers.get(&to)
                && *lower >= layer
            {
                violations.push(format!(
                    "{from} (layer {layer}) depends on {to} (layer {lower})"
                ));
            }
        }
    }
    violations
}

#[test]
fn every_kind_of_violation_is_found() {
    let package = |name: &str, layer: Value, dependencies: Value| {
        let metadata = json!({ "vanus": { "layer": layer } });
        json!({ "name": name, "metadata": metadata, "dependencies": dependencies })
    };
    let on = |name: &str, kind: Value| json!([{ "name": name, "kind": kind }]);
    let metadata = json!({ "packages": [
        package("types", json!(0), json!([])),
        package("net", json!(2), on("types", Value::Null)),
        package("client", json!(3), on("engine", Value::Null)),
        package("engine", json!(3), on("daemon", json!("build"))),
        package("daemon", json!(6), on("engine", Value::Null)),
        package("tested", json!(1), on("daemon", json!("dev"))),
        package("lost", Value::Null, json!([])),
        { "name": "bare", "metadata": null, "dependencies": [] },
    ]});
    assert_eq!(
        violations(&metadata),
        [
            "client (layer 3) depends on engine (layer 3)",
            "engine (layer 3) depends on daemon (layer 6)",
            "lost has no [package.metadata.vanus] layer",
            "bare has no [package.metadata.vanus] layer",
        ]
    );
}
