//! A suite on private servers of its own, and clients of it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use ids::TenantId;
use proto::admin::v1 as admin;
use proto::common::v1::LocalizedText;
use proto::google::r#type::Money;
use proto::incentives::v1 as incentives;
use proto::incentives::v1::coupon_service_client::CouponServiceClient;
use proto::levels::v1 as levels;
use proto::levels::v1::points_service_client::PointsServiceClient;
use proto::profiles::v1::Funder;
use proto::profiles::v1::event_service_client::EventServiceClient;
use suite::folder::Folder;
use suite::processes::{Processes, serves};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_health::pb::health_client::HealthClient;

/// The point type and the coupon template of the benchmark.
pub(crate) const POINTS: &str = "points";
pub(crate) const TEMPLATE: &str = "bench";
/// Connections of a suite's clients.
const CONNECTIONS: usize = 4;
/// How long a call may take before the benchmark gives up.
const DEADLINE: Duration = Duration::from_secs(30);
const START_MAX: Duration = Duration::from_secs(180);

/// A suite that runs for the benchmark.
pub(crate) struct Rig {
    name: &'static str,
    child: Child,
    folder: PathBuf,
    clients: Vec<Client>,
}

/// A connection with the tenant's token.
#[derive(Clone)]
pub(crate) struct Client {
    channel: Channel,
    token: Bearer,
}

#[derive(Clone)]
/// Puts the token on every request.
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A connection whose requests carry the token.
pub(crate) type Authorized = InterceptedService<Channel, Bearer>;

impl Client {
    fn authorized(&self) -> Authorized {
        InterceptedService::new(self.channel.clone(), self.token.clone())
    }

    pub(crate) fn health(&self) -> HealthClient<Channel> {
        HealthClient::new(self.channel.clone())
    }

    pub(crate) fn points(&self) -> PointsServiceClient<Authorized> {
        PointsServiceClient::new(self.authorized())
    }

    pub(crate) fn coupons(&self) -> CouponServiceClient<Authorized> {
        CouponServiceClient::new(self.authorized())
    }

    pub(crate) fn events(&self) -> EventServiceClient<Authorized> {
        EventServiceClient::new(self.authorized())
    }
}

/// A request with a deadline.
pub(crate) fn fresh<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

impl Rig {
    /// Starts a suite in a folder of its own, with an empty database, and makes a tenant with a programme.
    pub(crate) async fn start(name: &'static str, together: bool) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("banyan-bench-{}-{together}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let program = std::env::current_exe()?.with_file_name("banyan-suite");
        let log = fs::File::create(folder.join("suite.log"))?;
        let mut command = Command::new(&program);
        command.args(["--port", &port.to_string(), "--data"]).arg(&folder);
        for service in ["profiles", "levels", "incentives"] {
            command.env(format!("BANYAN__SERVICE__{}__LANES__ON", service.to_uppercase()), together.to_string());
        }
        // what waits for a connection is to be measured, not refused
        command.env("BANYAN__PG__ACQUIRE_TIMEOUT_MS", DEADLINE.as_millis().to_string());
        command.env_remove("DATABASE_URL").env_remove("REDIS_URL").env("NO_COLOR", "1");
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        let child = child.with_context(|| format!("starting {}", program.display()))?;
        let mut rig = Self { name, child, folder, clients: Vec::new() };
        rig.connect(port).await?;
        rig.programme().await?;
        Ok(rig)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// A client; callers share the connections.
    pub(crate) fn client(&self, caller: usize) -> Client {
        self.clients[caller % self.clients.len()].clone()
    }

    /// Processor time used so far by the suite, and by all connections of Postgres that work for it.
    pub(crate) fn used(&self) -> (Duration, Duration) {
        let pid = self.child.id();
        let mut processes = Processes::default();
        processes.look(|_, _| None); // so that all count from their start
        processes.look(|other, command| match other == pid {
            true => Some("suite"),
            false => ["profiles", "levels", "incentives", "feedback"]
                .iter()
                .any(|service| serves(command, &format!("banyan_{service}")))
                .then_some("postgres"),
        });
        let used = processes.used();
        let of = |name: &str| used.get(name).copied().unwrap_or_default();
        (of("suite"), of("postgres"))
    }

    /// Ends the suite, which ends its servers, and removes its folder.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh"]).arg(self.child.id().to_string()).status()?;
        tokio::task::spawn_blocking(move || {
            self.child.wait()?;
            fs::remove_dir_all(&self.folder)
        })
        .await??;
        Ok(())
    }

    async fn connect(&mut self, port: u16) -> anyhow::Result<()> {
        let begun = Instant::now();
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?.tcp_nodelay(true);
        while endpoint.connect().await.is_err() {
            if self.child.try_wait()?.is_some() || begun.elapsed() > START_MAX {
                bail!("the suite did not start: {}", fs::read_to_string(self.folder.join("suite.log"))?);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let token = Folder::new(Some(self.folder.clone())).tenant_token(&tenant()?)?;
        let token = Bearer(format!("Bearer {token}").parse()?);
        for _ in 0..CONNECTIONS {
            self.clients.push(Client { channel: endpoint.connect().await?, token: token.clone() });
        }
        Ok(())
    }

    async fn programme(&self) -> anyhow::Result<()> {
        let client = self.client(0);
        let operator = Folder::new(Some(self.folder.clone())).operator_token()?;
        let operator = Client { token: Bearer(format!("Bearer {operator}").parse()?), ..client.clone() };
        let tenant = admin::Tenant {
            tenant_id: tenant()?.to_string(),
            display_name: "bench".to_owned(),
            zone: "UTC".to_owned(),
            currency: "USD".to_owned(),
            ..Default::default()
        };
        let request = admin::CreateTenantRequest { request_id: "tenant".to_owned(), tenant: Some(tenant) };
        admin::tenant_service_client::TenantServiceClient::new(operator.authorized())
            .create_tenant(fresh(request))
            .await?;
        let name = Some(LocalizedText { texts: [("en".to_owned(), "bench".to_owned())].into(), ..Default::default() });
        let points = levels::PointType {
            point_type_id: POINTS.to_owned(),
            display_name: name.clone(),
            spendable: true,
            expiry_policy: levels::ExpiryPolicy::Days.into(),
            expiry_count: 365,
            reversal_policy: levels::ReversalPolicy::DownToZero.into(),
            zone: "UTC".to_owned(),
            ..Default::default()
        };
        let request = levels::CreatePointTypeRequest {
            request_id: "points".to_owned(),
            point_type: Some(points),
            ..Default::default()
        };
        client.points().create_point_type(fresh(request)).await?;
        let off = Money { currency_code: "USD".to_owned(), units: 1, nanos: 0 };
        let template = incentives::CouponTemplate {
            template_id: TEMPLATE.to_owned(),
            display_name: name,
            layer: incentives::CouponLayer::Shop.into(),
            threshold_price: incentives::ThresholdPrice::List.into(),
            benefit: Some(incentives::coupon_template::Benefit::AmountOff(incentives::AmountOff { amount: Some(off) })),
            funders: vec![incentives::FunderShare { funder: Funder::Shop.into(), basis_points: 10_000 }],
            validity: Some(incentives::coupon_template::Validity::RelativeValidity(incentives::RelativeValidity {
                days: 30,
                zone: "UTC".to_owned(),
            })),
            stock: 1_000_000_000,
            distribution: incentives::CouponDistribution::Claimable.into(),
            ..Default::default()
        };
        let request = incentives::PublishCouponTemplateRequest {
            request_id: "template".to_owned(),
            template: Some(template),
            ..Default::default()
        };
        client.coupons().publish_coupon_template(fresh(request)).await?;
        Ok(())
    }
}

fn tenant() -> anyhow::Result<TenantId> {
    TenantId::new("bench").context("a tenant id")
}
