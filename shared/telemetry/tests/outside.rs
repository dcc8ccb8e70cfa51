//! What a process sends and serves when it is told to: spans by OTLP, metrics for Prometheus.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use telemetry::TelemetrySettings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn metrics(address: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_are_sent_and_metrics_served_where_addresses_are_set() {
    let collector = Collector::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(collector.clone()));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let settings = TelemetrySettings {
        filter: "off".to_owned(),
        otlp_endpoint: endpoint,
        metrics_address: free.clone(),
        ..TelemetrySettings::default()
    };

    let guard = telemetry::init(&settings, "levels").unwrap();
    let span = tracing::info_span!("call");
    let trace_id = span.in_scope(|| telemetry::trace_id(&tracing::Span::current()));
    drop(span);
    let served = metrics(&free).await;
    drop(guard);

    assert!(served.contains("banyan_build_info{service=\"levels\""), "{served}");
    let sent = collector.0.lock().unwrap();
    let resource = &sent[0].resource_spans[0];
    let ids: Vec<_> = resource.scope_spans.iter().flat_map(|scope| &scope.spans).map(|span| &span.trace_id).collect();
    assert_eq!(
        ids.iter().map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect()).collect::<Vec<String>>(),
        [trace_id]
    );
    assert!(format!("{:?}", resource.resource).contains("\"levels\""));
}

#[tokio::test]
async fn settings_that_cannot_work_are_named() {
    let faulty = [
        (TelemetrySettings { filter: "a=b=c".to_owned(), ..Default::default() }, "telemetry.filter"),
        (TelemetrySettings { sample_ratio: 1.5, ..Default::default() }, "telemetry.sample_ratio"),
        (TelemetrySettings { metrics_address: "9464".to_owned(), ..Default::default() }, "telemetry.metrics_address"),
        (TelemetrySettings { otlp_endpoint: "not a uri".to_owned(), ..Default::default() }, "telemetry.otlp_endpoint"),
    ];
    for (settings, name) in faulty {
        let error = telemetry::init(&settings, "levels").unwrap_err().to_string();
        assert!(error.starts_with(name), "{error}");
    }
}
