//! What Pulsar keeps of a message beside its data; tags as in `PulsarApi.proto`.

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Metadata {
    #[prost(string, required, tag = "1")]
    pub(crate) producer_name: String,
    #[prost(uint64, required, tag = "2")]
    pub(crate) sequence_id: u64,
    /// In milliseconds since 1970.
    #[prost(uint64, required, tag = "3")]
    pub(crate) publish_time: u64,
    #[prost(message, repeated, tag = "4")]
    pub(crate) properties: Vec<Property>,
    #[prost(string, optional, tag = "6")]
    pub(crate) partition_key: Option<String>,
    /// In milliseconds since 1970.
    #[prost(uint64, optional, tag = "12")]
    pub(crate) event_time: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Property {
    #[prost(string, required, tag = "1")]
    pub(crate) key: String,
    #[prost(string, required, tag = "2")]
    pub(crate) value: String,
}
