//! The commands of Pulsar's binary protocol that a producer needs, and no more of their fields.
//!
//! Tags are those of `PulsarApi.proto`; fields that are not named here are skipped when read.

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Command {
    #[prost(enumeration = "Kind", required, tag = "1")]
    pub(crate) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) connect: Option<Connect>,
    #[prost(message, optional, tag = "3")]
    pub(crate) connected: Option<Connected>,
    #[prost(message, optional, tag = "5")]
    pub(crate) producer: Option<OpenProducer>,
    #[prost(message, optional, tag = "6")]
    pub(crate) send: Option<Send>,
    #[prost(message, optional, tag = "7")]
    pub(crate) send_receipt: Option<SendReceipt>,
    #[prost(message, optional, tag = "8")]
    pub(crate) send_error: Option<SendError>,
    #[prost(message, optional, tag = "14")]
    pub(crate) error: Option<RequestError>,
    #[prost(message, optional, tag = "15")]
    pub(crate) close_producer: Option<CloseProducer>,
    #[prost(message, optional, tag = "17")]
    pub(crate) producer_success: Option<ProducerSuccess>,
    #[prost(message, optional, tag = "18")]
    pub(crate) ping: Option<Nothing>,
    #[prost(message, optional, tag = "19")]
    pub(crate) pong: Option<Nothing>,
    #[prost(message, optional, tag = "21")]
    pub(crate) partitions: Option<AskPartitions>,
    #[prost(message, optional, tag = "22")]
    pub(crate) partitions_response: Option<Partitions>,
    #[prost(message, optional, tag = "23")]
    pub(crate) lookup: Option<Lookup>,
    #[prost(message, optional, tag = "24")]
    pub(crate) lookup_response: Option<LookupResponse>,
    #[prost(message, optional, tag = "36")]
    pub(crate) auth_challenge: Option<Nothing>,
    #[prost(message, optional, tag = "37")]
    pub(crate) auth_response: Option<AuthResponse>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Kind {
    Connect = 2,
    Connected = 3,
    Producer = 5,
    Send = 6,
    SendReceipt = 7,
    SendError = 8,
    Success = 13,
    Error = 14,
    CloseProducer = 15,
    ProducerSuccess = 17,
    Ping = 18,
    Pong = 19,
    Partitions = 21,
    PartitionsResponse = 22,
    Lookup = 23,
    LookupResponse = 24,
    AuthChallenge = 36,
    AuthResponse = 37,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Nothing {}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Connect {
    #[prost(string, required, tag = "1")]
    pub(crate) client_version: String,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub(crate) auth_data: Option<Vec<u8>>,
    #[prost(int32, optional, tag = "4")]
    pub(crate) protocol_version: Option<i32>,
    #[prost(string, optional, tag = "5")]
    pub(crate) auth_method_name: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) proxy_to_broker_url: Option<String>,
    #[prost(message, optional, tag = "10")]
    pub(crate) feature_flags: Option<FeatureFlags>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FeatureFlags {
    #[prost(bool, optional, tag = "1")]
    pub(crate) supports_auth_refresh: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Connected {
    #[prost(string, required, tag = "1")]
    pub(crate) server_version: String,
    #[prost(int32, optional, tag = "3")]
    pub(crate) max_message_size: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AuthResponse {
    #[prost(string, optional, tag = "1")]
    pub(crate) client_version: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub(crate) response: Option<AuthData>,
    #[prost(int32, optional, tag = "3")]
    pub(crate) protocol_version: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AuthData {
    #[prost(string, optional, tag = "1")]
    pub(crate) auth_method_name: Option<String>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(crate) auth_data: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AskPartitions {
    #[prost(string, required, tag = "1")]
    pub(crate) topic: String,
    #[prost(uint64, required, tag = "2")]
    pub(crate) request_id: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Partitions {
    /// 0 for a topic that is not partitioned.
    #[prost(uint32, optional, tag = "1")]
    pub(crate) partitions: Option<u32>,
    #[prost(uint64, required, tag = "2")]
    pub(crate) request_id: u64,
    /// 0 is success.
    #[prost(int32, optional, tag = "3")]
    pub(crate) response: Option<i32>,
    #[prost(int32, optional, tag = "4")]
    pub(crate) error: Option<i32>,
    #[prost(string, optional, tag = "5")]
    pub(crate) message: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Lookup {
    #[prost(string, required, tag = "1")]
    pub(crate) topic: String,
    #[prost(uint64, required, tag = "2")]
    pub(crate) request_id: u64,
    #[prost(bool, optional, tag = "3")]
    pub(crate) authoritative: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct LookupResponse {
    #[prost(string, optional, tag = "1")]
    pub(crate) broker_url: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(crate) broker_url_tls: Option<String>,
    #[prost(enumeration = "LookupAnswer", optional, tag = "3")]
    pub(crate) response: Option<i32>,
    #[prost(uint64, required, tag = "4")]
    pub(crate) request_id: u64,
    #[prost(bool, optional, tag = "5")]
    pub(crate) authoritative: Option<bool>,
    #[prost(int32, optional, tag = "6")]
    pub(crate) error: Option<i32>,
    #[prost(string, optional, tag = "7")]
    pub(crate) message: Option<String>,
    #[prost(bool, optional, tag = "8")]
    pub(crate) proxy_through_service_url: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum LookupAnswer {
    Redirect = 0,
    Connect = 1,
    Failed = 2,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OpenProducer {
    #[prost(string, required, tag = "1")]
    pub(crate) topic: String,
    #[prost(uint64, required, tag = "2")]
    pub(crate) producer_id: u64,
    #[prost(uint64, required, tag = "3")]
    pub(crate) request_id: u64,
    #[prost(string, optional, tag = "4")]
    pub(crate) producer_name: Option<String>,
    #[prost(bool, optional, tag = "9")]
    pub(crate) user_provided_producer_name: Option<bool>,
    /// 0 is `Shared`, 3 is `ExclusiveWithFencing`.
    #[prost(int32, optional, tag = "10")]
    pub(crate) producer_access_mode: Option<i32>,
    #[prost(uint64, optional, tag = "11")]
    pub(crate) topic_epoch: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ProducerSuccess {
    #[prost(uint64, required, tag = "1")]
    pub(crate) request_id: u64,
    /// The highest number that the topic has of the producer of that name; -1 if none, and whenever
    /// the topic does not drop duplicates.
    #[prost(int64, optional, tag = "3")]
    pub(crate) last_sequence_id: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CloseProducer {
    #[prost(uint64, required, tag = "1")]
    pub(crate) producer_id: u64,
    #[prost(uint64, required, tag = "2")]
    pub(crate) request_id: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Send {
    #[prost(uint64, required, tag = "1")]
    pub(crate) producer_id: u64,
    #[prost(uint64, required, tag = "2")]
    pub(crate) sequence_id: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SendReceipt {
    #[prost(uint64, required, tag = "1")]
    pub(crate) producer_id: u64,
    #[prost(uint64, required, tag = "2")]
    pub(crate) sequence_id: u64,
    #[prost(message, optional, tag = "3")]
    pub(crate) message_id: Option<MessageId>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MessageId {
    /// All bits set, which is -1, for a message that was stored before.
    #[prost(uint64, required, tag = "1")]
    pub(crate) ledger: u64,
    #[prost(uint64, required, tag = "2")]
    pub(crate) entry: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SendError {
    #[prost(uint64, required, tag = "1")]
    pub(crate) producer_id: u64,
    #[prost(uint64, required, tag = "2")]
    pub(crate) sequence_id: u64,
    #[prost(int32, required, tag = "3")]
    pub(crate) error: i32,
    #[prost(string, required, tag = "4")]
    pub(crate) message: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RequestError {
    #[prost(uint64, required, tag = "1")]
    pub(crate) request_id: u64,
    #[prost(int32, required, tag = "2")]
    pub(crate) error: i32,
    #[prost(string, required, tag = "3")]
    pub(crate) message: String,
}

impl Command {
    pub(crate) fn of(kind: Kind) -> Self {
        Self { kind: kind.into(), ..Self::default() }
    }

    pub(crate) fn connect(connect: Connect) -> Self {
        Self { connect: Some(connect), ..Self::of(Kind::Connect) }
    }

    pub(crate) fn auth_response(response: AuthResponse) -> Self {
        Self { auth_response: Some(response), ..Self::of(Kind::AuthResponse) }
    }

    pub(crate) fn ping() -> Self {
        Self { ping: Some(Nothing {}), ..Self::of(Kind::Ping) }
    }

    pub(crate) fn pong() -> Self {
        Self { pong: Some(Nothing {}), ..Self::of(Kind::Pong) }
    }

    pub(crate) fn partitions(topic: &str, request_id: u64) -> Self {
        let ask = AskPartitions { topic: topic.to_owned(), request_id };
        Self { partitions: Some(ask), ..Self::of(Kind::Partitions) }
    }

    pub(crate) fn lookup(topic: &str, authoritative: bool, request_id: u64) -> Self {
        let lookup =
            Lookup { topic: topic.to_owned(), request_id, authoritative: Some(authoritative) };
        Self { lookup: Some(lookup), ..Self::of(Kind::Lookup) }
    }

    pub(crate) fn producer(open: OpenProducer) -> Self {
        Self { producer: Some(open), ..Self::of(Kind::Producer) }
    }

    pub(crate) fn close_producer(producer_id: u64, request_id: u64) -> Self {
        let close = CloseProducer { producer_id, request_id };
        Self { close_producer: Some(close), ..Self::of(Kind::CloseProducer) }
    }

    pub(crate) fn send(producer_id: u64, sequence_id: u64) -> Self {
        let send = Send { producer_id, sequence_id };
        Self { send: Some(send), ..Self::of(Kind::Send) }
    }
}

impl SendReceipt {
    /// Whether the broker had the number before and dropped the message.
    pub(crate) fn is_duplicate(&self) -> bool {
        self.message_id.as_ref().is_some_and(|id| id.ledger == u64::MAX && id.entry == u64::MAX)
    }
}
