//! Codes, sums and identifiers.

use base64::{
    Engine as _,
    alphabet::{STANDARD as LETTERS, URL_SAFE as URL_LETTERS},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use ring::digest::{SHA256, digest};

use super::super::{action::Action, error::ActionFault, run::Run};

/// Takes texts with and without padding.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

pub(super) fn sha256<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let sum = {
        let text = run.text(action, 1)?;
        run.budget.pay(4 * text.len() + 500)?;
        digest(&SHA256, text.as_bytes())
    };
    let text = hex(sum.as_ref());
    run.set_text(action, 0, text)
}

pub(super) fn base64_encode<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let text = {
        let text = run.text(action, 1)?;
        run.budget.pay(2 * text.len())?;
        STANDARD.encode(text.as_bytes())
    };
    run.set_text(action, 0, text)
}

pub(super) fn base64_decode<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let text = {
        let text = run.text(action, 1)?;
        run.budget.pay(2 * text.len())?;
        let letters = match text.contains(['-', '_']) {
            true => URL_LETTERS,
            false => LETTERS,
        };
        let bytes = GeneralPurpose::new(&letters, LENIENT).decode(text.trim());
        let bytes = bytes.map_err(|error| ActionFault::value(format!("no base64: {error}")))?;
        String::from_utf8(bytes).map_err(|_| ActionFault::value("the bytes are no UTF-8 text"))?
    };
    run.set_text(action, 0, text)
}

pub(super) fn uuid<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    run.budget.pay(500)?;
    let random = (u128::from(run.entropy.next_u64()) << 64) | u128::from(run.entropy.next_u64());
    // RFC 9562, version 4: four bits of version and two of variant.
    let uuid = random & !(0xF << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{uuid:032x}");
    let groups = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    let groups = groups.map(|(start, end)| digits.get(start..end).unwrap_or_default());
    run.set_text(action, 0, groups.join("-"))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
