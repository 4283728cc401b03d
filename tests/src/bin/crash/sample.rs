//! The events that are published: attributes and data of every kind, from a seed.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Map, Value};
use vanus_client::Event;
use vanus_tests::{
    harness::{Random, Result, percent_encode},
    history::Digest,
};

const KEPT: &str = "-keep";
const SUBJECTS: [&str; 4] = ["orders/1", "two words", "Euro € 😀 100%", "\"quoted\""];

/// Whether the filter of the subscription `some` lets the event of this id pass.
pub(crate) fn is_kept(id: &str) -> bool {
    id.ends_with(KEPT)
}

/// The publisher of the event of this id, which is the end of its source.
pub(crate) fn publisher(id: &str) -> &str {
    let rest = id.rsplit_once('-').map_or(id, |(rest, _)| rest);
    rest.rsplit_once('-')
        .map_or(rest, |(publisher, _)| publisher)
}

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// Its id.
    pub(crate) id: String,
    attributes: Vec<(&'static str, String)>,
    media_type: &'static str,
    data: Data,
}

#[derive(Debug, Clone)]
enum Data {
    Json(String),
    Text(String),
    Bytes(Vec<u8>),
}

impl Sample {
    /// Event number `number` of publisher `p`.
    pub(crate) fn new(random: &mut Random, p: &str, number: u64) -> Self {
        let kept = random.below(2) == 0;
        let id = format!("{p}-{number}{}", if kept { KEPT } else { "-skip" });
        let ty = if kept { "keep.it" } else { "skip.it" };
        let mut attributes = vec![("source", format!("/crash/{p}")), ("type", ty.to_owned())];
        if random.below(2) == 0 {
            attributes.push(("partitionkey", format!("key-{}", random.below(20))));
        }
        if let Some(subject) = SUBJECTS.get(usize::try_from(random.below(8)).unwrap_or(0)) {
            attributes.push(("subject", (*subject).to_owned()));
        }
        let longest = if random.below(100) == 0 {
            65_536
        } else {
            2_048
        };
        let len = usize::try_from(random.below(longest)).unwrap_or(0);
        let (media_type, data) = match random.below(3) {
            0 => {
                let text = "x".repeat(len);
                let json = format!(r#"{{"n": {number}, "text":"{text}","list":[1,2.50,null]}}"#);
                ("application/json", Data::Json(json))
            }
            1 => (
                "text/plain",
                Data::Text(format!("Grüße {}", "y".repeat(len))),
            ),
            _ => {
                let bytes = (0..=len).map(|_| random.next().to_le_bytes()[0]);
                ("application/octet-stream", Data::Bytes(bytes.collect()))
            }
        };
        Self {
            id,
            attributes,
            media_type,
            data,
        }
    }

    /// Its digest in the history.
    pub(crate) fn hash(&self) -> String {
        let mut digest = Digest::of_data(self.bytes());
        digest.attribute("specversion", "1.0");
        digest.attribute("id", &self.id);
        digest.attribute("datacontenttype", self.media_type);
        for (name, value) in &self.attributes {
            digest.attribute(name, value);
        }
        digest.text()
    }

    fn bytes(&self) -> &[u8] {
        match &self.data {
            Data::Json(text) | Data::Text(text) => text.as_bytes(),
            Data::Bytes(bytes) => bytes,
        }
    }

    /// As the client takes it.
    pub(crate) fn event(&self) -> Result<Event> {
        let mut builder = Event::builder().id(&self.id);
        for (name, value) in &self.attributes {
            builder = match *name {
                "source" => builder.source(value),
                "type" => builder.ty(value),
                "subject" => builder.subject(value),
                name => builder.extension(name, value.as_str()),
            };
        }
        let builder = match &self.data {
            Data::Json(text) => builder.json(text.as_str()),
            Data::Text(text) => builder.text(text.as_str()),
            Data::Bytes(bytes) => builder.binary(bytes.clone()),
        };
        Ok(builder.datacontenttype(self.media_type).build()?)
    }

    /// As a request of the binary mode.
    pub(crate) fn binary(&self, path: &str) -> Result<Request<Bytes>> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("content-type", self.media_type)
            .header("ce-specversion", "1.0")
            .header("ce-id", &self.id);
        for (name, value) in &self.attributes {
            request = request.header(format!("ce-{name}"), percent_encode(value));
        }
        Ok(request.body(Bytes::copy_from_slice(self.bytes()))?)
    }

    /// As an object of the JSON format.
    pub(crate) fn json(&self) -> String {
        let mut object = Map::new();
        object.insert("specversion".to_owned(), "1.0".into());
        object.insert("id".to_owned(), self.id.as_str().into());
        object.insert("datacontenttype".to_owned(), self.media_type.into());
        for (name, value) in &self.attributes {
            object.insert((*name).to_owned(), value.as_str().into());
        }
        match &self.data {
            Data::Text(text) => drop(object.insert("data".to_owned(), text.as_str().into())),
            Data::Bytes(bytes) => {
                let text = STANDARD.encode(bytes);
                object.insert("data_base64".to_owned(), text.into());
            }
            Data::Json(_) => {}
        }
        let text = Value::Object(object).to_string();
        match &self.data {
            // JSON data go out byte by byte.
            Data::Json(data) => format!("{},\"data\":{data}}}", text.trim_end_matches('}')),
            _ => text,
        }
    }
}

/// As a request of the structured mode, or of the batched mode if there are several.
pub(crate) fn request(path: &str, samples: &[Sample]) -> Result<Request<Bytes>> {
    let (kind, body) = match samples {
        [one] => ("application/cloudevents+json", one.json()),
        many => {
            let events: Vec<_> = many.iter().map(Sample::json).collect();
            let text = format!("[{}]", events.join(","));
            ("application/cloudevents-batch+json", text)
        }
    };
    let request = Request::post(path).header("content-type", kind);
    Ok(request.body(Bytes::from(body))?)
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use vanus_tests::harness::{of_binary, of_json};

    use super::*;

    #[test]
    fn an_event_has_one_digest_however_it_is_sent() {
        let mut random = Random::new(7);
        for number in 0..200 {
            let sample = Sample::new(&mut random, "p", number);
            let expected = (sample.id.clone(), sample.hash());
            let binary = sample.binary("/").unwrap();
            let (parts, body) = binary.into_parts();
            assert_eq!(of_binary(&parts.headers, &body).unwrap(), expected);
            let json = serde_json::from_str::<Box<RawValue>>(&sample.json()).unwrap();
            assert_eq!(of_json(&json).unwrap(), expected);
            assert_eq!(sample.event().unwrap().id(), expected.0);
        }
    }
}
