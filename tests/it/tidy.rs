//! What every source file keeps to: small, introduced, and not reaching round the seams.
//!
//! Clippy bans the same calls by their meaning, and lets a file say with a reason that it is the
//! exception; here it is written down which files may.

use std::path::Path;

use crate::repository;

/// Most lines of a source file.
const MAX_LINES: usize = 500;

/// Calls that go round a seam, and the only places that may make them.
struct Ban {
    what: &'static str,
    instead: &'static str,
    calls: &'static [&'static str],
    /// Files, or folders with a slash at the end.
    allowed: &'static [&'static str],
}

const BANS: &[Ban] = &[
    Ban {
        what: "opens or changes files",
        instead: "take a vanus_storage Fs",
        calls: &[
            "std::fs::",
            "tokio::fs",
            "rustix::fs",
            "fs::read",
            "fs::read_dir",
            "fs::read_to_string",
            "fs::write",
            "fs::rename",
            "fs::remove_",
            "fs::create_dir",
            "fs::create_dir_all",
            "fs::copy",
            "fs::hard_link",
            "fs::metadata",
            "File::open",
            "File::create",
            "File::options",
            "OpenOptions::new",
        ],
        allowed: &[
            "vanus-core/storage/src/fs/disk.rs",
            // fjall opens its files itself; these look after them.
            "vanus-core/storage/src/meta/fjall/files.rs",
            "vanus-core/storage/src/meta/fjall/manifest.rs",
            "vanus-core/storage/src/meta/fjall/witness.rs",
            // Configuration files.
            "daemons/runtime/src/",
        ],
    },
    Ban {
        what: "opens sockets",
        instead: "take them from vanus-net",
        calls: &[
            "TcpListener::bind",
            "TcpStream::connect",
            "TcpSocket::new",
            "UdpSocket::bind",
            "UnixListener::bind",
            "UnixStream::connect",
            "UnixDatagram::bind",
            "Endpoint::server(",
            "Endpoint::client(",
            "socket2::",
            "rustix::net",
        ],
        allowed: &["vanus-core/net/src/"],
    },
    Ban {
        what: "reads a clock",
        instead: "take a vanus_types Clock",
        calls: &[
            "SystemTime::now",
            "Instant::now",
            "UtcDateTime::now",
            "OffsetDateTime::now",
        ],
        allowed: &[
            "vanus-core/types/src/clock.rs",
            // Time-outs of sockets and links follow the timers of the runtime, with its own `Instant`; the
            // system's is banned there too, by clippy.
            "vanus-core/net/src/",
            "vanus-client/src/",
        ],
    },
    Ban {
        what: "draws randomness",
        instead: "take a vanus_types Entropy",
        calls: &["getrandom::", "rand::", "thread_rng", "OsRng"],
        allowed: &[
            "vanus-core/types/src/entropy.rs",
            // Hides a key while it signs; the signature is the same whatever is drawn.
            "vanus-core/src/trigger/sinks/identity.rs",
        ],
    },
    Ban {
        what: "reads the environment",
        instead: "only daemons/ does; take an option",
        calls: &["env::var", "env::vars", "env::set_var", "env::home_dir"],
        allowed: &["daemons/"],
    },
];

fn sources() -> Vec<(std::path::PathBuf, String)> {
    let sources = repository::files(|path| path.extension().is_some_and(|ext| ext == "rs"));
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

#[test]
fn no_file_is_long() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(
            lines <= MAX_LINES,
            "{} has {lines} lines, at most {MAX_LINES}",
            path.display()
        );
    }
}

#[test]
fn every_file_says_what_lives_there() {
    for (path, text) in sources() {
        let path = path.display();
        assert!(
            text.starts_with("//! "),
            "{path} does not begin with a `//!` sentence"
        );
    }
}

#[test]
fn nothing_reaches_round_a_seam() {
    let mut found = Vec::new();
    for (path, text) in sources() {
        for (line, ban, call) in reaches(&path, &text) {
            let (path, Ban { what, instead, .. }) = (path.display(), ban);
            found.push(format!("{path}:{line} {what} (`{call}`); {instead}"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Lines of product code that make banned calls, with the call.
fn reaches(path: &Path, text: &str) -> Vec<(usize, &'static Ban, &'static str)> {
    if is_test(path) {
        return Vec::new();
    }
    let path = path.to_string_lossy();
    let allowed =
        |place: &&str| path == *place || (place.ends_with('/') && path.starts_with(*place));
    let bans: Vec<_> = BANS
        .iter()
        .filter(|ban| !ban.allowed.iter().any(allowed))
        .collect();
    let mut found = Vec::new();
    for (number, line) in product_lines(text) {
        for ban in &bans {
            let call = ban.calls.iter().find(|call| calls(line, call));
            found.extend(call.map(|call| (number, *ban, *call)));
        }
    }
    found
}

/// Whether a file holds nothing but tests.
fn is_test(path: &Path) -> bool {
    let mut parts = path.iter().map(std::ffi::OsStr::to_string_lossy);
    parts.any(|part| ["tests", "tests.rs", "benches"].contains(&&*part))
}

/// The numbered lines of a file without comments and without the test module at its end.
fn product_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let module = text.lines().collect::<Vec<_>>();
    let end = module.windows(2).position(|pair| {
        pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
    });
    let lines = text.lines().take(end.unwrap_or(usize::MAX)).enumerate();
    lines.map(|(n, line)| (n + 1, line.split_once("//").map_or(line, |(code, _)| code)))
}

/// Whether a line has `call`, neither as the end nor, if it ends a word, the start of a longer one.
fn calls(line: &str, call: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let ends_a_word = call.ends_with(|c: char| c.is_alphanumeric());
    line.match_indices(call).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + call.len()..]);
        let after = ends_a_word && part(after.chars().next());
        !(after || part(before.chars().next_back()))
    })
}

#[test]
fn a_reach_round_a_seam_is_found_and_what_is_allowed_is_not() {
    let found = |path: &str, text: &str| -> Vec<usize> {
        reaches(Path::new(path), text)
            .into_iter()
            .map(|(line, ..)| line)
            .collect()
    };
    let code = "//! A file.\nuse std::fs::read; // opens\nlet a = Instant::now();\nlet b = TcpListener::bind(x);\n";
    assert_eq!(found("vanus-core/src/a.rs", code), [2, 3, 4]);
    assert_eq!(found("vanus-core/net/src/a.rs", code), [2]);
    assert_eq!(found("vanus-core/storage/src/fs/disk.rs", code), [3, 4]);
    assert_eq!(found("daemons/runtime/src/config.rs", code), [3, 4]);
    assert_eq!(found("vanus-core/types/src/clock.rs", code), [2, 4]);
    assert_eq!(found("tests/it/a.rs", code), [0; 0]);
    assert_eq!(found("vanus-core/storage/src/log/tests.rs", code), [0; 0]);
    assert_eq!(
        found(
            "vanus-core/src/a.rs",
            "// std::fs::read\nlet x = MyInstant::now() + fs::write_all_at(f);"
        ),
        [0; 0]
    );
    let with_tests = "std::env::var(a);\n#[cfg(test)]\nmod tests {\n    std::fs::read(a);\n}\n";
    assert_eq!(found("vanus-core/src/a.rs", with_tests), [1]);
    assert_eq!(found("daemons/vsctl/src/a.rs", with_tests), [0; 0]);
    let in_the_middle = "#[cfg(test)]\nfn a() {}\nstd::fs::read(a);\n";
    assert_eq!(found("vanus-core/src/a.rs", in_the_middle), [3]);
}
