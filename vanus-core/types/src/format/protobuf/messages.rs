//! The messages of `io.cloudevents.v1`, written out by hand so that building needs no protobuf
//! compiler.

use std::collections::BTreeMap;

use bytes::Bytes;

/// `io.cloudevents.v1.CloudEvent`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CloudEvent {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(string, tag = "2")]
    pub(super) source: String,
    #[prost(string, tag = "3")]
    pub(super) spec_version: String,
    #[prost(string, tag = "4")]
    pub(super) ty: String,
    #[prost(btree_map = "string, message", tag = "5")]
    pub(super) attributes: BTreeMap<String, AttributeMessage>,
    #[prost(oneof = "DataMessage", tags = "6, 7, 8")]
    pub(super) data: Option<DataMessage>,
}

/// The data of an event.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum DataMessage {
    #[prost(bytes = "bytes", tag = "6")]
    Binary(Bytes),
    #[prost(string, tag = "7")]
    Text(String),
    /// A message field and a bytes field look the same on the wire, so the bytes of the `Any` are
    /// kept as they came.
    #[prost(bytes = "bytes", tag = "8")]
    Proto(Bytes),
}

/// `CloudEvent.CloudEventAttributeValue`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AttributeMessage {
    #[prost(oneof = "ValueMessage", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub(super) attr: Option<ValueMessage>,
}

/// The value of an attribute.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum ValueMessage {
    #[prost(bool, tag = "1")]
    Boolean(bool),
    #[prost(int32, tag = "2")]
    Integer(i32),
    #[prost(string, tag = "3")]
    String(String),
    #[prost(bytes = "vec", tag = "4")]
    Bytes(Vec<u8>),
    #[prost(string, tag = "5")]
    Uri(String),
    #[prost(string, tag = "6")]
    UriRef(String),
    #[prost(message, tag = "7")]
    Timestamp(TimestampMessage),
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct TimestampMessage {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct AnyMessage {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) value: Bytes,
}

/// `vanus.core.cloudevents.BatchEvent`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BatchEvent {
    #[prost(message, optional, tag = "2")]
    pub(super) events: Option<CloudEventBatch>,
    #[prost(uint64, tag = "3")]
    pub(super) eventbus_id: u64,
}

/// `io.cloudevents.v1.CloudEventBatch`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CloudEventBatch {
    #[prost(message, repeated, tag = "1")]
    pub(super) events: Vec<CloudEvent>,
}
