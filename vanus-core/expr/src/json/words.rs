//! The words of a path, as all kinds of paths write them.

/// A path that is being read.
#[derive(Debug, Clone)]
pub(crate) struct PathWords<'p> {
    text: &'p str,
    rest: &'p str,
}

impl<'p> PathWords<'p> {
    /// All of `text`.
    pub(crate) const fn new(text: &'p str) -> Self {
        Self { text, rest: text }
    }

    /// What is left.
    pub(crate) const fn rest(&self) -> &'p str {
        self.rest
    }

    /// How many bytes were read.
    pub(crate) const fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    /// Reads `wanted`, if it comes next.
    pub(crate) fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Reads a name without quotes, if one comes next.
    pub(crate) fn name(&mut self) -> Option<&'p str> {
        let (name, rest) = self.split(is_name);
        if name.is_empty() {
            return None;
        }
        self.rest = rest;
        Some(name)
    }

    /// Reads a number whose characters are `digit`. None, and nothing is read, if there are none;
    /// an error, and nothing is read, if they are no number of the kind.
    pub(crate) fn number<N: std::str::FromStr>(
        &mut self,
        digit: impl Fn(char) -> bool,
    ) -> Result<Option<N>, N::Err> {
        let (digits, rest) = self.split(digit);
        if digits.is_empty() {
            return Ok(None);
        }
        let number = digits.parse()?;
        self.rest = rest;
        Ok(Some(number))
    }

    /// Reads a name up to the quote that ends it; the first one was read. A backslash makes the
    /// character after it itself. None, and all is read, if there is no such quote.
    pub(crate) fn quoted(&mut self, quote: char) -> Option<Box<str>> {
        let mut name = String::new();
        let mut chars = self.rest.chars();
        loop {
            match chars.next() {
                Some('\\') => name.extend(chars.next()),
                Some(c) if c == quote => break,
                Some(c) => name.push(c),
                None => {
                    self.rest = "";
                    return None;
                }
            }
        }
        self.rest = chars.as_str();
        Some(name.into())
    }

    fn split(&self, word: impl Fn(char) -> bool) -> (&'p str, &'p str) {
        let end = self.rest.find(|c| !word(c)).unwrap_or(self.rest.len());
        self.rest.split_at_checked(end).unwrap_or((self.rest, ""))
    }
}

/// Whether a character may stand in a name without quotes.
pub(crate) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@' | '/' | ':')
}
