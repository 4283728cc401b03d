//! Signature Version 4 of AWS. Pure; proven with the published test suite.
//!
//! What is signed is the method, the path, the query, some headers and the digest of the body, with a
//! key that is good for one day, one region and one service.

use ring::{digest, hmac};

/// Whose signature it is, and for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    /// The time of the request, as `20150830T123600Z`.
    pub(super) time: &'a str,
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// The path in the form that is sent: percent-encoded once.
    pub(super) path: &'a str,
    /// The query, encoded and sorted.
    pub(super) query: &'a str,
    /// The headers: names in lower case, sorted; `host` and `x-amz-date` among them.
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

/// The value of the header `Authorization`.
pub(super) fn authorization(scope: Scope<'_>, secret_key: &str, signed: Signed<'_>) -> String {
    let day = scope.time.split('T').next().unwrap_or_default();
    let reach = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let canonical = canonical_request(signed);
    let digest = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{reach}\n{digest}", scope.time);
    let start = format!("AWS4{secret_key}").into_bytes();
    let parts = [day, scope.region, scope.service, "aws4_request"];
    let key = parts
        .iter()
        .fold(start, |key, part| mac(&key, part.as_bytes()));
    let signature = hex(&mac(&key, to_sign.as_bytes()));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{reach}, SignedHeaders={}, Signature={signature}",
        scope.access_key_id,
        names(signed.headers),
    )
}

fn canonical_request(signed: Signed<'_>) -> String {
    let headers: String = signed
        .headers
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", one_line(value)))
        .collect();
    let body = hex(digest::digest(&digest::SHA256, signed.body).as_ref());
    let path = encode(signed.path, b"/");
    let (method, query, names) = (signed.method, signed.query, names(signed.headers));
    format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{body}")
}

fn names(headers: &[(&str, &str)]) -> String {
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    names.join(";")
}

/// A value without spaces around it, and with one where there are many.
fn one_line(value: &str) -> String {
    let words: Vec<_> = value.split_ascii_whitespace().collect();
    words.join(" ")
}

/// Percent-encodes everything but unreserved characters and those in `also`.
pub(super) fn encode(text: &str, also: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || also.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, data).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: (&str, &str) = ("x-amz-date", "20150830T123600Z");
    const HOST: (&str, &str) = ("host", "example.amazonaws.com");

    const UNRESERVED: &str = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// Of the published suite: name, method, path, query and signature.
    const SUITE: [(&str, &str, &str, &str, &str); 10] = [
        (
            "get-vanilla",
            "GET",
            "/",
            "",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/",
            "Param1=value1&Param2=value2",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-empty-query-key",
            "GET",
            "/",
            "Param1=value1",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            "get-vanilla-query-unreserved",
            "GET",
            "/",
            UNRESERVED,
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        (
            "get-utf8",
            "GET",
            "/\u{1234}",
            "",
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        ),
        (
            "get-space",
            "GET",
            "/example space/",
            "",
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
        (
            "get-slashes",
            "GET",
            "/example/",
            "",
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        (
            "get-slash-pointless-dot",
            "GET",
            "/example",
            "",
            "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        ),
        (
            "post-vanilla",
            "POST",
            "/",
            "",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "post-vanilla-query",
            "POST",
            "/",
            "Param1=value1",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
    ];

    fn signed_by_suite(signed: Signed<'_>) -> (String, String) {
        let scope = Scope {
            access_key_id: "AKIDEXAMPLE",
            region: "us-east-1",
            service: "service",
            time: "20150830T123600Z",
        };
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let all = authorization(scope, secret, signed);
        let rest = all
            .strip_prefix("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=")
            .unwrap();
        let (names, signature) = rest.split_once(", Signature=").unwrap();
        (names.to_owned(), signature.to_owned())
    }

    /// The path is that before its encoding, as the canonical request encodes it.
    fn signature(method: &str, path: &str, query: &str) -> String {
        let signed = Signed {
            method,
            path,
            query,
            headers: &[HOST, DATE],
            body: b"",
        };
        let (names, signature) = signed_by_suite(signed);
        assert_eq!(names, "host;x-amz-date");
        signature
    }

    #[test]
    fn the_published_test_suite_is_signed_as_it_says() {
        for (name, method, path, query, expected) in SUITE {
            assert_eq!(signature(method, path, query), expected, "{name}");
        }
    }

    #[test]
    fn a_body_and_more_headers_are_signed_too() {
        let digest = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";
        let headers = [
            ("content-length", "13"),
            ("content-type", "application/x-www-form-urlencoded"),
            HOST,
            ("x-amz-content-sha256", digest),
            DATE,
        ];
        let signed = Signed {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: b"Param1=value1",
        };
        let (names, signature) = signed_by_suite(signed);
        assert_eq!(
            names,
            "content-length;content-type;host;x-amz-content-sha256;x-amz-date"
        );
        assert_eq!(
            signature,
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"
        );
        assert_eq!(one_line("  a   b \t c  "), "a b c");
    }

    #[test]
    fn what_was_encoded_once_is_encoded_again_for_the_signature() {
        assert_eq!(encode("arn:aws:x", b""), "arn%3Aaws%3Ax");
        assert_eq!(encode("/f/arn%3Aaws", b"/"), "/f/arn%253Aaws");
    }
}
