//! Any event survives any format: attributes by their canonical text, data by its bytes.

use proptest::{collection::btree_map, option, prelude::*};
use vanus_types::{
    AttributeValue, DataKind, Event,
    event::timestamp,
    format::{decode_http, http, json, json_batch, protobuf},
};

fn text() -> impl Strategy<Value = String> {
    // Everything but what an attribute may not have.
    "[^\\p{Cc}\u{FDD0}-\u{FDEF}\u{FFFE}\u{FFFF}]{1,20}".prop_filter("no character", |text| {
        text.chars().all(|c| u32::from(c) & 0xFFFE != 0xFFFE)
    })
}

fn value() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        any::<bool>().prop_map(AttributeValue::Boolean),
        any::<i32>().prop_map(AttributeValue::Integer),
        text().prop_map(AttributeValue::String),
        any::<Vec<u8>>().prop_map(AttributeValue::Binary),
        Just(AttributeValue::Uri("urn:a:b".into())),
        Just(AttributeValue::UriRef("/a%20b".into())),
        Just(AttributeValue::Timestamp("2018-04-05T17:31:00.25Z".into())),
    ]
}

fn media_type() -> impl Strategy<Value = Option<String>> {
    let known = prop::sample::select(vec![
        "application/json",
        "text/x+json; charset=utf-8",
        "text/plain",
        "application/xml",
        "application/octet-stream",
    ]);
    option::of(known.prop_map(str::to_owned))
}

fn data() -> impl Strategy<Value = (DataKind, Vec<u8>)> {
    let json = vec![
        "null",
        "\"q\"",
        "{\"a\": [1.50, \"\\u00e9\"]}",
        "-0",
        " 7\n",
    ];
    let texts = [json.clone(), vec!["[", "not json", ""]].concat();
    let with = |kind| move |text: &str| (kind, text.as_bytes().to_vec());
    prop_oneof![
        Just((DataKind::None, Vec::new())),
        any::<Vec<u8>>().prop_map(|bytes| (DataKind::Binary, bytes)),
        any::<String>().prop_map(|text| (DataKind::Text, text.into_bytes())),
        prop::sample::select(json).prop_map(with(DataKind::Json)),
        prop::sample::select(texts.clone()).prop_map(with(DataKind::Binary)),
        prop::sample::select(texts).prop_map(with(DataKind::Text)),
        Just((DataKind::Proto, b"\x0A\x01a\x12\x02\x08\x01".to_vec())),
    ]
}

prop_compose! {
    fn event()(
        id in text(), subject in option::of(text()), schema in any::<bool>(), time in any::<bool>(),
        media_type in media_type(), data in data(),
        extensions in btree_map("[a-z0-9]{1,20}", value(), 0..6),
    ) -> Event {
        let mut builder = Event::builder().id(id).source("/s#ü").ty("t %20\"").data(data.0, data.1);
        if let Some(subject) = subject {
            builder = builder.subject(subject);
        }
        if let Some(media_type) = media_type {
            builder = builder.datacontenttype(media_type);
        }
        if schema {
            builder = builder.dataschema("https://a.b/c");
        }
        if time {
            builder = builder.time("2018-04-05T17:31:00-01:00");
        }
        for (name, value) in extensions {
            builder = builder.extension(format!("x{name}"), value);
        }
        builder.build().unwrap()
    }
}

/// What must be the same after a way through a format. Without a content type JSON data may be
/// told of by one; white space around JSON means nothing, and no data is an empty body.
fn meaning(event: &Event) -> (Vec<(String, String)>, Vec<u8>) {
    let names = ["id", "source", "type", "dataschema", "subject"];
    let mut attributes: Vec<_> = names
        .iter()
        .filter_map(|name| {
            Some((
                name.to_string(),
                event.attribute(name)?.canonical().into_owned(),
            ))
        })
        .collect();
    let time = event
        .time()
        .map(|time| format!("{:?}", timestamp::parse(time)));
    attributes.extend(time.map(|time| ("time".to_owned(), time)));
    let media_type = http::content_type(event).map(str::to_owned);
    attributes.extend(media_type.map(|media_type| ("datacontenttype".to_owned(), media_type)));
    attributes.extend(
        event
            .extensions()
            .map(|(name, value)| (name.to_owned(), value.canonical().into_owned())),
    );
    let mut data = event.data().bytes;
    if serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok() {
        data = data.trim_ascii();
    }
    (attributes, data.to_vec())
}

proptest! {
    #[test]
    fn any_event_survives_the_json_format(event in event()) {
        let again = json::decode(&json::encode(&event)).unwrap();
        prop_assert_eq!(meaning(&again), meaning(&event));
        let twice = json::decode(&json::encode(&again)).unwrap();
        prop_assert_eq!(meaning(&twice), meaning(&event));
        let batch = json_batch::encode(&[event.clone(), event]);
        prop_assert_eq!(json_batch::decode(&batch).unwrap(), vec![again.clone(), again]);
    }

    #[test]
    fn any_event_survives_the_protobuf_format(event in event()) {
        let again = protobuf::decode(&protobuf::encode(&event)).unwrap();
        prop_assert_eq!(meaning(&again), meaning(&event));
        let batch = protobuf::encode_batch(&[event.clone(), event]);
        prop_assert_eq!(protobuf::decode_batch(&batch).unwrap(), vec![again.clone(), again]);
    }

    #[test]
    fn any_event_survives_binary_mode(event in event()) {
        let message = http::encode(&event);
        let headers = || message.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let again = decode_http(message.content_type.as_deref(), headers, &message.body).unwrap();
        prop_assert_eq!(meaning(&again[0]), meaning(&event));
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in any::<Vec<u8>>(), text in any::<String>()) {
        for input in [bytes.as_slice(), text.as_bytes()] {
            for content_type in [
                "application/cloudevents+json",
                "application/cloudevents-batch+json",
                "application/cloudevents+protobuf",
                "application/cloudevents-batch+protobuf",
                text.as_str(),
            ] {
                let headers = [("ce-specversion", &b"1.0"[..]), ("ce-id", input), (text.as_str(), input)];
                let _ = decode_http(Some(content_type), || headers, input);
            }
        }
    }

    #[test]
    fn a_changed_event_is_refused_or_valid(event in event(), at in any::<usize>(), byte in any::<u8>()) {
        for (encoded, content_type) in [
            (json::encode(&event), "application/cloudevents+json"),
            (protobuf::encode(&event), "application/cloudevents+protobuf"),
        ] {
            let mut changed = encoded;
            let at = at % changed.len();
            changed[at] = byte;
            if let Ok(events) = decode_http(Some(content_type), || [], &changed) {
                let record = events[0].record().clone();
                prop_assert_eq!(&Event::from_record(record).unwrap(), &events[0]);
            }
        }
    }
}
