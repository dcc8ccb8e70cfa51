//! Calls that no well-behaved client makes.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tonic::Status;

use crate::server::Running;

pub(crate) const GET_SCHEME: &str = "/banyan.levels.v1.LevelService/GetScheme";

pub(crate) struct Raw {
    pub(crate) sender: http2::SendRequest<Full<Bytes>>,
    token: String,
}

impl Raw {
    pub(crate) async fn connect(running: &Running) -> Self {
        let address = running.uri.strip_prefix("http://").unwrap();
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, token: running.token() }
    }

    /// A gRPC call with a token and whatever else is given.
    pub(crate) fn request(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Request<Full<Bytes>> {
        let mut request = Request::post(format!("http://localhost{path}"))
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::new(body.into())).unwrap()
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        self.sender.ready().await.unwrap();
        self.sender.send_request(request).await.unwrap()
    }

    /// The status of a call.
    pub(crate) async fn status(&mut self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Status {
        let response = self.send(self.request(path, headers, body)).await;
        assert_eq!(response.status(), StatusCode::OK);
        if let Some(status) = Status::from_header_map(response.headers()) {
            return status;
        }
        let body = response.into_body().collect().await.unwrap();
        Status::from_header_map(body.trailers().unwrap()).unwrap()
    }
}

/// A message as it stands in a body.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

pub(crate) fn encoded(message: &impl prost::Message) -> Vec<u8> {
    framed(&message.encode_to_vec())
}
