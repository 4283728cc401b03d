//! Functions of clouds and gRPC services as sinks, against servers of this machine.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Method, Version};
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use vanus_core::{
    AttributeRef, Coded as _, Credential, DeliverySpec, ErrorCode, EventbusSpec, Name, OpenOptions,
    Protocol, Secret, StartFrom, SubscriptionId, SubscriptionSpec, Vanus,
};
use vanus_types::format::{json, protobuf};

use crate::{
    support::{event, eventbus, in_memory, subscription, until},
    web::{Asked, Web, answer, answer_with},
};

const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:bill:live";

/// A key made for these tests; nobody trusts it.
const TEST_KEY: &str = include_str!("clouds/test-key.pem");

fn to(sink: &str, protocol: Protocol, credential: Credential) -> SubscriptionSpec {
    let mut spec = SubscriptionSpec {
        sink: sink.into(),
        protocol,
        credential,
        ..subscription("orders")
    };
    spec.config.start_from = StartFrom::Earliest;
    spec
}

fn aws() -> Credential {
    Credential::Aws {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    }
}

async fn dead_letter_reason(vanus: &Vanus, id: SubscriptionId) -> String {
    until("it is given up", async || {
        vanus.subscription(id).await.unwrap().totals.dead_lettered > 0
    })
    .await;
    let letters = vanus.dead_letters(id, None, 1).await.unwrap().letters;
    match letters[0].event.attribute("xvanusdlreason") {
        Some(AttributeRef::String(reason)) => reason.to_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lambda_function_is_invoked_signed_and_its_failure_is_seen() {
    let web = Web::serve(|number, _| match number {
        // The status says nothing about the function.
        0 => answer_with(
            200,
            &[("x-amz-function-error", "Unhandled")],
            r#"{"errorMessage":"no"}"#,
        ),
        1 => answer(200, "null"),
        _ => answer(403, r#"{"message":"The security token is invalid"}"#),
    })
    .await;
    let options = OpenOptions {
        aws_lambda_endpoint: Some(web.url("")),
        ..OpenOptions::default()
    };
    let vanus = Vanus::builder()
        .in_memory()
        .options(options)
        .open()
        .await
        .unwrap();
    let bus = vanus
        .create_eventbus("default", EventbusSpec::new(Name::new("orders").unwrap()))
        .await
        .unwrap();
    let sent = event(1, "order.placed").to_builder();
    let sent = sent.datacontenttype("text/plain").build().unwrap();
    bus.publish(sent.clone()).await.unwrap();
    let id = vanus
        .create_subscription(to(ARN, Protocol::AwsLambda, aws()))
        .await
        .unwrap()
        .record
        .id;
    until("it is invoked again", async || {
        vanus.subscription(id).await.unwrap().totals.delivered == 1
    })
    .await;
    for asked in web.asked() {
        assert_eq!(
            asked.uri.to_string(),
            "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Abill%3Alive/invocations"
        );
        assert_eq!(json::decode(&asked.body).unwrap(), sent);
        assert_eq!(asked.header("x-amz-invocation-type"), "RequestResponse");
        let time = asked.header("x-amz-date");
        let day = &time[..8];
        let start = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{day}/eu-west-1/lambda/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-invocation-type, Signature="
        );
        let signature = asked.header("authorization").strip_prefix(&start).unwrap();
        assert_eq!(signature.len(), 64);
    }
    bus.publish(sent).await.unwrap();
    assert_eq!(dead_letter_reason(&vanus, id).await, "Response403");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_suits_no_protocol_is_refused() {
    let vanus = in_memory().await;
    eventbus(&vanus, "orders", 1).await;
    let gcloud = Credential::Gcloud {
        credentials_json: Secret::new("{}"),
    };
    for (sink, protocol, credential, code) in [
        (
            "http://h/",
            Protocol::AwsLambda,
            aws(),
            ErrorCode::InvalidSink,
        ),
        (
            ARN,
            Protocol::Http,
            Credential::None,
            ErrorCode::InvalidSink,
        ),
        (
            ARN,
            Protocol::AwsLambda,
            Credential::None,
            ErrorCode::InvalidArgument,
        ),
        (
            "https://h/",
            Protocol::Http,
            aws(),
            ErrorCode::InvalidArgument,
        ),
        (
            "https://h/",
            Protocol::GcloudFunctions,
            aws(),
            ErrorCode::InvalidArgument,
        ),
        (
            "https://h/",
            Protocol::GcloudFunctions,
            gcloud,
            ErrorCode::InvalidArgument,
        ),
        (
            "ftp://h/",
            Protocol::Grpc,
            Credential::None,
            ErrorCode::InvalidSink,
        ),
        (
            "10.0.0.1:80",
            Protocol::Grpc,
            Credential::None,
            ErrorCode::SinkForbidden,
        ),
    ] {
        let spec = to(sink, protocol, credential);
        let error = vanus.create_subscription(spec).await.unwrap_err();
        assert_eq!(error.code(), code, "{sink} {protocol:?}: {error}");
    }
}

/// A key file whose tokens come from `token_uri`.
fn key_file(token_uri: &str) -> Credential {
    let json = serde_json::json!({
        "type": "service_account",
        "client_email": "vanus@test.iam.gserviceaccount.com",
        "private_key_id": "k1",
        "private_key": TEST_KEY,
        "token_uri": token_uri,
    });
    Credential::Gcloud {
        credentials_json: Secret::new(json.to_string()),
    }
}

/// The claims of a JWT, whose signature is verified with the test key.
fn verified(jwt: &str) -> serde_json::Value {
    let body: String = TEST_KEY
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let der = base64::engine::general_purpose::STANDARD
        .decode(body)
        .unwrap();
    let key = ring::rsa::KeyPair::from_pkcs8(&der).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    key.verify(signed.as_bytes(), &signature).unwrap();
    let claims = signed.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

fn token(number: usize, ends_in_s: i64) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let (head, claims) = (
        serde_json::json!({"alg": "none"}),
        serde_json::json!({"exp": now + ends_in_s, "n": number}),
    );
    format!("{}.{}.x", part(head), part(claims))
}

fn bearer(asked: &Asked) -> &str {
    asked
        .header("authorization")
        .strip_prefix("Bearer ")
        .unwrap()
}

/// Delivers `count` events, one after the other, to a function; answers what the server was asked.
async fn with_tokens(ends_in_s: i64, refuse: usize, count: usize) -> Vec<Asked> {
    let web = Web::serve(move |number, asked| match asked.uri.path() {
        "/token" => {
            let json = serde_json::json!({ "id_token": token(number, ends_in_s) });
            answer(200, json.to_string())
        }
        _ if number == refuse => answer(401, ""),
        _ => answer(200, ""),
    })
    .await;
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    let credential = key_file(&web.url("/token"));
    let mut spec = to(&web.url("/bill"), Protocol::GcloudFunctions, credential);
    spec.config.in_flight = 1;
    let id = vanus.create_subscription(spec).await.unwrap().record.id;
    for number in 0..count {
        bus.publish(event(number, "t")).await.unwrap();
    }
    until("all are delivered", async || {
        vanus.subscription(id).await.unwrap().totals.delivered == count as u64
    })
    .await;
    web.asked()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_function_is_shown_a_token_that_is_asked_for_once() {
    let asked = with_tokens(3_600, usize::MAX, 4).await;
    let tokens: Vec<_> = asked
        .iter()
        .filter(|asked| asked.uri.path() == "/token")
        .collect();
    assert_eq!((tokens.len(), asked.len()), (1, 5));
    let form = String::from_utf8(tokens[0].body.to_vec()).unwrap();
    let jwt = form
        .strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=")
        .unwrap();
    let claims = verified(jwt);
    assert_eq!(claims["iss"], "vanus@test.iam.gserviceaccount.com");
    assert!(claims["aud"].as_str().unwrap().ends_with("/token"));
    assert!(
        claims["target_audience"]
            .as_str()
            .unwrap()
            .ends_with("/bill")
    );
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        3600
    );
    for function in &asked[1..] {
        assert_eq!(function.method, Method::POST);
        assert_eq!(bearer(function), bearer(&asked[1]));
        assert!(json::decode(&function.body).is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_anew_shortly_before_its_end_and_when_it_is_refused() {
    // Five minutes before their end tokens are no longer used, so these never are twice.
    let asked = with_tokens(299, usize::MAX, 3).await;
    let paths: Vec<_> = asked.iter().map(|asked| asked.uri.path()).collect();
    assert_eq!(
        paths,
        ["/token", "/bill", "/token", "/bill", "/token", "/bill"]
    );
    let asked = with_tokens(3_600, 1, 1).await;
    let paths: Vec<_> = asked.iter().map(|asked| asked.uri.path()).collect();
    assert_eq!(paths, ["/token", "/bill", "/token", "/bill"]);
    assert_ne!(bearer(&asked[1]), bearer(&asked[3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_tokens_come_from_is_guarded_too() {
    let vanus = in_memory().await;
    eventbus(&vanus, "orders", 1).await;
    let credential = key_file("http://169.254.169.254/token");
    let spec = to(
        "https://example.com/",
        Protocol::GcloudFunctions,
        credential,
    );
    let error = vanus.create_subscription(spec).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::SinkForbidden);
}

/// A call carries all five events, and says who calls.
fn check_call(call: &Asked, bus: u64) {
    assert_eq!(
        (&call.method, call.version),
        (&Method::POST, Version::HTTP_2)
    );
    assert_eq!(call.uri.path(), "/vanus.core.cloudevents.CloudEvents/Send");
    assert_eq!(call.header("content-type"), "application/grpc");
    assert_eq!(call.header("te"), "trailers");
    assert_eq!(call.header("grpc-timeout"), "5000m");
    assert_eq!(call.header("authorization"), "Bearer t0ken");
    let (frame, message) = call.body.split_at(5);
    assert_eq!(frame[0], 0);
    assert_eq!(
        u32::from_be_bytes(frame[1..].try_into().unwrap()) as usize,
        message.len()
    );
    let (events, eventbus) = protobuf::decode_vanus_batch(message).unwrap();
    assert_eq!(events.len(), 5);
    assert_eq!(eventbus, bus);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_service_gets_batches_over_http_2_and_its_status_counts() {
    let web = Web::serve(|number, _| {
        // Both forms of a call that has no message in its answer.
        let status = match number {
            0 => "14",
            1 => "0",
            _ => "3",
        };
        answer_with(
            200,
            &[
                ("content-type", "application/grpc"),
                ("grpc-status", status),
            ],
            "",
        )
    })
    .await;
    let vanus = in_memory().await;
    let bus = eventbus(&vanus, "orders", 1).await;
    for number in 0..5 {
        bus.publish(event(number, "t")).await.unwrap();
    }
    let credential = Credential::Bearer {
        token: Secret::new("t0ken"),
    };
    let address = web.url("");
    let mut spec = to(
        address.strip_prefix("http://").unwrap(),
        Protocol::Grpc,
        credential,
    );
    spec.delivery = DeliverySpec {
        batch_events: 8,
        batch_linger_ms: 100,
        ..DeliverySpec::default()
    };
    let id = vanus.create_subscription(spec).await.unwrap().record.id;
    until("all are delivered", async || {
        vanus.subscription(id).await.unwrap().totals.delivered == 5
    })
    .await;
    let asked = web.asked();
    assert_eq!(asked.len(), 2);
    for call in &asked {
        check_call(call, bus.id().get());
    }
    bus.publish(event(9, "t")).await.unwrap();
    assert_eq!(dead_letter_reason(&vanus, id).await, "Grpc3");
}
