//! One gRPC call with raw bytes.

use bytes::{Buf, BufMut};
use http::uri::PathAndQuery;
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
    transport::Channel,
};

/// What came back from a call that succeeded.
#[derive(Debug)]
pub struct Answer {
    /// The first response message.
    pub message: Vec<u8>,
    /// Metadata after it.
    pub trailers: MetadataMap,
}

/// Sends one message to a method, unary or streaming, and reads the first answer. `token` is the bearer token.
pub async fn call(channel: &Channel, path: &str, token: Option<&str>, message: Vec<u8>) -> Result<Answer, Status> {
    let mut request = Request::new(tokio_stream::once(message));
    request.set_timeout(std::time::Duration::from_secs(10));
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().map_err(|_| Status::invalid_argument("token is not a header"))?;
        request.metadata_mut().insert("authorization", value);
    }
    let path: PathAndQuery = path.parse().map_err(|_| Status::invalid_argument("path is not a URI path"))?;
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|err| Status::unavailable(err.to_string()))?;
    let mut answers = grpc.streaming(request, path, RawCodec).await?.into_inner();
    let message = answers.message().await?.ok_or_else(|| Status::data_loss("the call ended without an answer"))?;
    let trailers = answers.trailers().await?.unwrap_or_default();
    Ok(Answer { message, trailers })
}

#[derive(Debug, Clone, Copy, Default)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = RawCodec;
    type Decoder = RawCodec;

    fn encoder(&mut self) -> Self::Encoder {
        Self
    }

    fn decoder(&mut self) -> Self::Decoder {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, dst: &mut EncodeBuf<'_>) -> Result<(), Status> {
        dst.put_slice(&item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(src.copy_to_bytes(src.remaining()).into()))
    }
}
