//! Regular expressions of bounded size.

use regex::{Regex, RegexBuilder};
use vanus_types::limits::{MAX_EXPRESSION_LEN, MAX_REGEX_LEN};

/// A pattern of at most `most` bytes, and the work it makes of a byte of text.
pub(super) fn build(pattern: &str, most: usize) -> Result<(Regex, usize), String> {
    const SMALL: usize = 4 * 1024;
    if pattern.len() > MAX_EXPRESSION_LEN {
        return Err(format!("it is longer than {MAX_EXPRESSION_LEN} bytes"));
    }
    let mut size = SMALL;
    loop {
        let built = RegexBuilder::new(pattern)
            .size_limit(size)
            .dfa_size_limit(MAX_REGEX_LEN)
            .nest_limit(50)
            .build();
        match built {
            Ok(regex) => return Ok((regex, size / 1024)),
            Err(regex::Error::CompiledTooBig(_)) if size < most => size *= 2,
            Err(regex::Error::CompiledTooBig(_)) => return Err("it is too large".to_owned()),
            Err(other) => {
                let told = other.to_string();
                let last = told.lines().last().unwrap_or_default();
                return Err(last.trim_start_matches("error: ").to_owned());
            }
        }
    }
}
