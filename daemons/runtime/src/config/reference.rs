//! The reference page: a table made out of the options, so that it cannot lie.

use super::options::Config;

/// The table of all options, in Markdown.
#[must_use]
pub fn reference_table() -> String {
    let mut table = String::from(
        "| option (file) | flag | environment | default | meaning |\n|---|---|---|---|---|\n",
    );
    for option in Config::manual() {
        let form = if option.switch {
            String::new()
        } else {
            format!(" Form: {}.", option.form)
        };
        table.push_str(&format!(
            "| `{}` | `--{}` | `{}` | `{}` | {}{form} |\n",
            option.key,
            option.flag(),
            option.env(),
            option.default,
            option.text,
        ));
    }
    table
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test reads the page")]
mod tests {
    use std::path::Path;

    use super::*;

    const BEGIN: &str = "<!-- options: generated, see daemons/runtime/src/config -->\n";
    const END: &str = "<!-- end of options -->\n";

    #[test]
    fn the_reference_page_says_what_the_options_are() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
        let text = std::fs::read_to_string(&page).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (table, after) = rest.split_once(END).unwrap();
        if table != reference_table() && std::env::var_os("VANUS_BLESS").is_some() {
            let new = format!("{before}{BEGIN}{}{END}{after}", reference_table());
            std::fs::write(&page, new).unwrap();
            return;
        }
        assert_eq!(
            table,
            reference_table(),
            "run the test with VANUS_BLESS=1 to write the page"
        );
    }
}
