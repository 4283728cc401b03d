//! The command line keeps its word: everything is explained, and every example parses.

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

use super::Cli;

/// Every command with its path, the program itself first.
fn commands() -> Vec<(String, clap::Command)> {
    fn walk(path: &str, command: &clap::Command, all: &mut Vec<(String, clap::Command)>) {
        all.push((path.to_owned(), command.clone()));
        for inner in command
            .get_subcommands()
            .filter(|inner| inner.get_name() != "help")
        {
            walk(&format!("{path} {}", inner.get_name()), inner, all);
        }
    }
    let (mut all, mut root) = (Vec::new(), Cli::command());
    root.build();
    walk("vsctl", &root, &mut all);
    all
}

/// The words of a line as a shell reads them: single quotes, double quotes, backslashes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), close) if open == close => quote = None,
            (None, '\'' | '"') => (quote, begun) = (Some(letter), true),
            (None, ' ') => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (None, '|' | '>') => break,
            (None, '\\') => word.extend(letters.next()),
            (_, letter) => {
                word.push(letter);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_example_in_the_help_parses() {
    let mut seen = 0;
    for (path, command) in commands() {
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        for line in help
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("vsctl "))
        {
            seen += 1;
            if let Err(error) = Cli::try_parse_from(words(line)) {
                assert_eq!(
                    error.kind(),
                    ErrorKind::DisplayHelp,
                    "{path}: {line}\n{error}"
                );
            }
        }
    }
    assert!(seen > 30, "only {seen} examples were found");
}

#[test]
fn every_command_has_an_example_of_itself_and_every_argument_is_explained() {
    for (path, command) in commands() {
        if command.is_hide_set() {
            continue;
        }
        assert!(command.get_about().is_some(), "{path} is not explained");
        if command.has_subcommands() {
            continue;
        }
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(help.contains(&format!("  {path}")), "{path} has no example");
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{path} {} is not explained",
                argument.get_id()
            );
        }
    }
}

#[test]
fn the_help_of_every_command_is_no_wider_than_promised() {
    for (path, mut command) in commands() {
        let help = command.render_long_help().to_string();
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{path}: {line}");
        }
    }
}

/// The words of every command of the reference that exists here, with their flags.
#[test]
fn the_reference_commands_parse() {
    let id = "00000000000000AB";
    for line in [
        "event put b --namespace n --id 1 --source /s --type t --data {} --data-format json \
         --subject x --extension a=b --eventlog 1 --durability page-cache --detail",
        "event put b --file events.json",
        "event put b --print-template",
        "event get b --namespace n --eventlog 1 --offset 3 --number 4",
        "event get b --event-id AAAAAAAAAAEAAAAAAAAAAA==",
        "event get b --follow",
        "event query b --namespace n --time 2026-01-01T00:00:00Z --eventlog 1",
        "eventbus create --name b --namespace n --eventlog 4 --description d --retention 72h \
         --retention-size 10GiB --retain-for subscriptions",
        "eventbus list --namespace n",
        "eventbus list -A",
        "eventbus info --name a,b --namespace n --segment",
        "eventbus info --eventbus a,b",
        "eventbus update --name b --retention 1h --description d",
        "eventbus update --name b --retention-size none --retain-for none",
        "eventbus delete --name b --namespace n",
        "namespace create --name n --description d",
        "namespace list",
        "namespace info --name n",
        "namespace delete --name n",
        "subscription create --name s --namespace n --eventbus b --sink http://h/ --filters [] \
         --from earliest --rate-limit 5 --delivery-timeout 1s --max-retry-attempts 3 \
         --ordered-event --key-limit subject=2 --disable-dead-letter --in-flight 4 --header a=b --disable \
         --description d --id 1",
        "subscription reset-offset --id 1 --eventlog 2 --offset 7 --drop-retries",
        "subscription create --name s --eventbus b --routes @routes.json",
        "subscription update --id 1 --routes @routes.json",
        "route list --id 1",
        "route update --id 1 --weights a=90,b@10%",
        "route set --id 1 --route a --condition {} --strength 50",
        "route set --id 1 --route a --no-condition",
        "route replace --id 1 --routes []",
        "subscription update --id 1 --ordering key=subject --key-limit 0",
        "subscription update --id 1 --name s --sink http://h/ --ordered-event false \
         --disable-dead-letter true --disable true",
        "subscription list --namespace n --eventbus b --name s",
        "subscription list -A",
        "subscription reset-offset --id 1 --time 2026-01-01T00:00:00Z",
        "subscription dead-letter get --id 1 --offset 0 --number 5",
        "subscription dead-letter resend --id 1 --start 0 --end 5",
        "cluster info",
        "version",
        "completions fish",
        "--endpoint a:1,b:2 --format json --ca f --timeout 1s -D version",
    ] {
        let line = format!("vsctl {line}");
        Cli::try_parse_from(words(&line)).unwrap_or_else(|error| panic!("{line}\n{error}"));
    }
    for verb in ["info", "delete", "disable", "resume"] {
        let line = format!("vsctl subscription {verb} --id {id}");
        Cli::try_parse_from(words(&line)).unwrap_or_else(|error| panic!("{line}\n{error}"));
    }
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_asked() {
    for line in [
        "event get",
        "event get b --number 0",
        "event get b --event-id x",
        "event put b --file f --data {}",
        "event put b --durability maybe",
        "eventbus create --name 'no spaces'",
        "eventbus create --name b --eventlog 0",
        "eventbus create --name b --eventlog 65",
        "eventbus create --name b --retention 72",
        "eventbus create --name b --retention-size 10GB",
        "eventbus update --name b --retain-for ever",
        "eventbus update --name b",
        "subscription create --name s --eventbus b",
        "subscription create --name s --eventbus b --sink http://h/ --from lunchtime",
        "subscription info --id xyz",
        "--endpoint nowhere version",
        "--timeout 0s version",
    ] {
        let line = format!("vsctl {line}");
        assert!(Cli::try_parse_from(words(&line)).is_err(), "{line}");
    }
}
