//! What a sink may be named, and which headers it may be sent.

use super::{
    arn::LambdaArn,
    credential::{Credential, Protocol},
    delivery::DeliveryMode,
    invalid::InvalidSpec,
    subscription::SubscriptionSpec,
};

/// Checks that the sink is an address of its protocol, or has no address.
pub(super) fn check_sink(spec: &SubscriptionSpec) -> Result<(), InvalidSpec> {
    let bad = |why| {
        Err(InvalidSpec::Sink {
            sink: spec.sink.clone(),
            why,
        })
    };
    if spec.sink == SubscriptionSpec::EMBEDDED || spec.sink == SubscriptionSpec::PULL {
        let delivery = &spec.delivery;
        let plain = spec.protocol == Protocol::Http
            && spec.credential == Credential::None
            && delivery.mode == DeliveryMode::Binary
            && delivery.reply.is_none()
            && delivery.handshake.is_none();
        return match plain {
            true => Ok(()),
            false => bad("has neither protocol, credential, mode, reply nor handshake"),
        };
    }
    if spec.protocol == Protocol::AwsLambda {
        return spec.sink.parse::<LambdaArn>().map_or_else(bad, |_| Ok(()));
    }
    let lower = spec.sink.to_ascii_lowercase();
    let rest = lower
        .strip_prefix("http://")
        .or_else(|| lower.strip_prefix("https://"));
    // A gRPC server is often named by host and port alone.
    let grpc = spec.protocol == Protocol::Grpc;
    let bare = (grpc && !lower.contains("://")).then_some(lower.as_str());
    let rest = rest.or(bare);
    match rest {
        None => bad("must start with http:// or https://"),
        Some(rest) if rest.is_empty() || rest.starts_with(['/', '?', '#', ':']) => {
            bad("names no host")
        }
        Some(rest)
            if rest
                .split(['/', '?'])
                .next()
                .is_some_and(|host| host.contains('@')) =>
        {
            bad("must not carry a user name or password")
        }
        Some(_)
            if (bare.is_none() && !crate::event::check_uri(&spec.sink))
                || !spec.sink.is_ascii() =>
        {
            bad("is no valid URL")
        }
        Some(_) => Ok(()),
    }
}

/// The scheme and the authority of a URL, or what stands in their place.
pub(super) fn server_of(sink: &str) -> String {
    let lower = sink.to_ascii_lowercase();
    let (scheme, rest) = lower.split_once("://").unwrap_or(("", &lower));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{authority}")
}

/// Checks a header that a subscription adds.
pub(super) fn check_header(name: &str, value: &str) -> Result<(), InvalidSpec> {
    const OWN: [&str; 8] = [
        "host",
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "te",
        "upgrade",
        "trailer",
    ];
    let bad = |why| {
        Err(InvalidSpec::Header {
            name: name.to_owned(),
            why,
        })
    };
    let lower = name.to_ascii_lowercase();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return bad("is no valid header name");
    }
    if OWN.contains(&lower.as_str())
        || ["ce-", "vanus-", "webhook-", "grpc-"]
            .iter()
            .any(|own| lower.starts_with(own))
    {
        return bad("is set by Vanus itself");
    }
    if !value.bytes().all(|b| (0x20..0x7F).contains(&b)) {
        return bad("has a value with characters that no header may have");
    }
    Ok(())
}
