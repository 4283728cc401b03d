//! The command line, made from the manual of the configuration, so that flags, environment and
//! file always agree.

use clap::{Arg, ArgAction, Command, builder::Str, error::ErrorKind};
use vanus_runtime::config::{Config, OptionDoc, Sources};

const EXAMPLES: &str = "\
Examples:
  vanus                                          keep everything in ./vanus-data
  vanus --data-dir /var/lib/vanus                keep everything there
  vanus --http 127.0.0.1:9081 --log-level debug  other address, more logs
  vanus --config /etc/vanus.yaml                 options from a file

Every option can also be given as an environment variable (shown in brackets) and in the
configuration file, under its name with underscores. A flag beats the environment, which beats the
file. SIGTERM or Ctrl-C drains; a second one stops at once.";

/// Reads the command line and the environment.
///
/// # Errors
/// What clap has to say: a mistake, the help or the version.
pub(crate) fn parse() -> Result<Sources, clap::Error> {
    parse_from(std::env::args_os(), Sources::of_process())
}

fn parse_from(
    args: impl IntoIterator<Item = std::ffi::OsString>,
    mut sources: Sources,
) -> Result<Sources, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(args)?;
    let start = matches.subcommand_matches("start");
    // An option may stand before or after the word "start".
    for matches in [Some(&matches), start].into_iter().flatten() {
        if let Some(path) = matches.get_one::<String>("config") {
            sources.file = Some(path.into());
        }
        for option in Config::manual() {
            let given = matches.value_source(option.key);
            if given != Some(clap::parser::ValueSource::CommandLine) {
                continue;
            }
            let text = if option.switch {
                matches.get_flag(option.key).to_string()
            } else {
                matches
                    .get_one::<String>(option.key)
                    .cloned()
                    .unwrap_or_default()
            };
            sources.flags.push((option.key.to_owned(), text));
        }
    }
    if let Some((name, _)) = matches.subcommand().filter(|(name, _)| *name != "start") {
        let text = format!("there is no command \"{name}\"");
        return Err(command.error(ErrorKind::InvalidSubcommand, text));
    }
    Ok(sources)
}

fn command() -> Command {
    let start = Command::new("start").about("Start the daemon; the same as no command");
    let daemon = Command::new("vanus")
        .about("Vanus, an event streaming engine for CloudEvents: stores, filters, delivers")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(EXAMPLES)
        .max_term_width(100);
    with_options(daemon).subcommand(with_options(start).max_term_width(100))
}

fn with_options(command: Command) -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .help("Read options from this YAML file [env: VANUS_CONFIG]");
    Config::manual()
        .iter()
        .fold(command.arg(config), |command, option| {
            command.arg(arg(option))
        })
}

fn arg(option: &OptionDoc) -> Arg {
    let help = format!(
        "{} [env: {}] [default: {}]",
        option.text,
        option.env(),
        option.default
    );
    let arg = Arg::new(Str::from(option.key))
        .long(Str::from(option.flag()))
        .help(help);
    if option.switch {
        return arg.action(ArgAction::SetTrue);
    }
    arg.value_name(Str::from(option.form))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(line: &str) -> Result<Vec<(String, String)>, clap::Error> {
        let args = line.split(' ').map(Into::into);
        parse_from(args, Sources::default()).map(|sources| sources.flags)
    }

    #[test]
    fn the_word_start_changes_nothing() {
        let expected = vec![("http".to_owned(), "127.0.0.1:1".to_owned())];
        for line in [
            "vanus --http 127.0.0.1:1",
            "vanus start --http 127.0.0.1:1",
            "vanus --http 127.0.0.1:1 start",
        ] {
            assert_eq!(flags(line).unwrap(), expected, "{line}");
        }
        assert!(flags("vanus begin").is_err());
        assert!(flags("vanus --htp 1").is_err());
    }

    #[test]
    fn every_option_has_a_flag_and_its_help() {
        let help = command().render_long_help().to_string();
        for option in Config::manual() {
            assert!(
                help.contains(&format!("--{}", option.flag())),
                "{}",
                option.key
            );
            assert!(help.contains(&option.env()), "{}", option.key);
        }
        assert_eq!(
            flags("vanus --insecure").unwrap(),
            [("insecure".to_owned(), "true".to_owned())]
        );
    }
}
