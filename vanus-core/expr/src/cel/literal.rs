//! Escapes in strings and bytes.

/// What an escape stands for.
enum Escaped {
    Char(char),
    /// A number of two hexadecimal or three octal digits.
    Code(u8),
}

/// The characters of a string; or at which byte an escape is none.
pub(super) fn text(written: &str) -> Result<String, usize> {
    let mut text = String::with_capacity(written.len());
    unescape(written, |part| {
        match part {
            Part::Plain(plain) => text.push_str(plain),
            Part::Escaped(Escaped::Char(c)) => text.push(c),
            Part::Escaped(Escaped::Code(code)) => text.push(char::from(code)),
        }
        true
    })?;
    Ok(text)
}

/// The bytes of a bytes literal; or at which byte an escape is none.
pub(super) fn bytes(written: &str) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::with_capacity(written.len());
    unescape(written, |part| {
        match part {
            Part::Plain(plain) => bytes.extend_from_slice(plain.as_bytes()),
            // Code points have no place among bytes.
            Part::Escaped(Escaped::Char(c)) if !c.is_ascii() => return false,
            Part::Escaped(Escaped::Char(c)) => bytes.push(c as u8),
            Part::Escaped(Escaped::Code(code)) => bytes.push(code),
        }
        true
    })?;
    Ok(bytes)
}

enum Part<'w> {
    Plain(&'w str),
    Escaped(Escaped),
}

fn unescape(written: &str, mut take: impl FnMut(Part<'_>) -> bool) -> Result<(), usize> {
    let mut rest = written;
    while let Some((plain, escape)) = rest.split_once('\\') {
        take(Part::Plain(plain));
        let at = written.len() - escape.len() - 1;
        let (escaped, length) = escaped(escape).ok_or(at)?;
        if !take(Part::Escaped(escaped)) {
            return Err(at);
        }
        rest = escape.get(length..).unwrap_or_default();
    }
    take(Part::Plain(rest));
    Ok(())
}

/// The escape at the start of `text`, behind its backslash, and its length.
fn escaped(text: &str) -> Option<(Escaped, usize)> {
    let digits = |from: usize, count: usize, radix: u32| {
        let digits = text.get(from..from + count)?;
        // A sign would be taken for part of a number.
        let all = digits.chars().all(|c| c.is_digit(radix));
        all.then(|| u32::from_str_radix(digits, radix).ok())
            .flatten()
    };
    let point = |count| {
        Some((
            Escaped::Char(char::from_u32(digits(1, count, 16)?)?),
            count + 1,
        ))
    };
    let plain = |c| Some((Escaped::Char(c), 1));
    match text.chars().next()? {
        'a' => plain('\u{7}'),
        'b' => plain('\u{8}'),
        'f' => plain('\u{c}'),
        'n' => plain('\n'),
        'r' => plain('\r'),
        't' => plain('\t'),
        'v' => plain('\u{b}'),
        same @ ('\\' | '?' | '"' | '\'' | '`') => plain(same),
        'x' | 'X' => Some((Escaped::Code(u8::try_from(digits(1, 2, 16)?).ok()?), 3)),
        'u' => point(4),
        'U' => point(8),
        '0'..='3' => Some((Escaped::Code(u8::try_from(digits(0, 3, 8)?).ok()?), 3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_what_they_stand_for() {
        let written = r#"a\n\"\\\x41\101\u00e9\U0001F600\?"#;
        assert_eq!(text(written).unwrap(), "a\n\"\\AA\u{e9}\u{1F600}?");
        assert_eq!(bytes(r"\xff\377\n").unwrap(), [255, 255, b'\n']);
        for (wrong, at) in [
            (r"\q", 0),
            (r"ab\xg1", 2),
            (r"\ud800", 0),
            (r"\400", 0),
            ("\\", 0),
        ] {
            assert_eq!(text(wrong), Err(at), "{wrong}");
        }
        assert_eq!(bytes(r"a\u00e9"), Err(1));
    }
}
