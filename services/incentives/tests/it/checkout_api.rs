//! The contract through a real socket.

use authn::dev::Grant;
use eventlog::{Log, LogSettings};
use host::{Assembly, Kit, Part, Services};
use incentives::config::Settings;
use proto::incentives::v1 as pb;
use proto::incentives::v1::checkout_service_client::CheckoutServiceClient;
use proto::incentives::v1::coupon_service_client::CouponServiceClient;
use rt::{Channel, ServerSettings, Shutdown};
use status::{metadata_of, reason_of};
use tokio::task::JoinHandle;
use tonic::Code;

use crate::stage::{profiles_log, tenant, user, yuan};

struct Server {
    uri: String,
    channel: Channel,
    shutdown: Shutdown,
    serving: JoinHandle<bool>,
    _db: testkit::TestDb,
}

async fn server() -> Server {
    let db = testkit::database(&[&incentives::migrations(), &profiles_log()]).await;
    db.register(incentives::NAME, &[&tenant("shop")]).await;
    let pool = db.db("profiles").await;
    let source = Part::new(pool.clone(), Log::new(pool, None, LogSettings::default()));
    let pool = db.db(incentives::NAME).await;
    let log = Log::new(pool.clone(), None, LogSettings::default());
    let (pages, peers) = (page::Tokens::new("a secret of the test"), host::Peers::default());
    let part = incentives::start(Kit { db: pool, log, pages, peers: peers.clone(), settings: Settings::default() });
    let token = testkit::tokens().mint(&Grant::service("incentives").every_scope());
    let services = Services {
        server: ServerSettings::for_tests(),
        authn: testkit::tokens().settings(),
        client: rt::ClientSettings::default(),
        consumer: eventlog::ConsumerSettings::default(),
        // nobody is there: nothing of levels is consumed
        sources: [("levels".to_owned(), "http://127.0.0.1:9".to_owned())].into(),
        token: std::sync::Arc::new(move || token.clone()),
        peers,
        pages: page::Tokens::new("a secret of the test"),
    };
    let assembly = Assembly::bind(services, vec![source, part]).await.unwrap();
    let uri = format!("http://{}", assembly.address());
    let channel = channel(&uri, &Grant::tenant(&tenant("shop")).every_scope());
    let shutdown = Shutdown::new();
    let serving = tokio::spawn(assembly.serve(shutdown.clone()));
    Server { uri, channel, shutdown, serving, _db: db }
}

fn channel(uri: &str, grant: &Grant) -> Channel {
    let token = testkit::tokens().mint(grant);
    rt::connect(uri, &rt::ClientSettings::default()).unwrap().with_token(token)
}

impl Server {
    fn coupons(&self) -> CouponServiceClient<Channel> {
        CouponServiceClient::new(self.channel.clone())
    }

    fn checkouts(&self) -> CheckoutServiceClient<Channel> {
        CheckoutServiceClient::new(self.channel.clone())
    }

    async fn end(self) {
        self.shutdown.ask();
        self.serving.await.unwrap();
    }
}

fn template() -> pb::CouponTemplate {
    let text = proto::common::v1::LocalizedText {
        texts: [("zh".to_owned(), "满200减20".to_owned())].into(),
        ..Default::default()
    };
    let share =
        |funder: proto::profiles::v1::Funder, basis_points| pb::FunderShare { funder: funder.into(), basis_points };
    pb::CouponTemplate {
        template_id: "200-20".to_owned(),
        display_name: Some(text),
        layer: pb::CouponLayer::Shop.into(),
        amount_min: yuan(20_000),
        threshold_price: pb::ThresholdPrice::Running.into(),
        benefit: Some(pb::coupon_template::Benefit::AmountOff(pb::AmountOff { amount: yuan(2_000) })),
        funders: vec![
            share(proto::profiles::v1::Funder::Platform, 7_000),
            share(proto::profiles::v1::Funder::Shop, 3_000),
        ],
        validity: Some(pb::coupon_template::Validity::RelativeValidity(pb::RelativeValidity {
            days: 7,
            zone: "Asia/Shanghai".to_owned(),
        })),
        per_user_max: 1,
        distribution: pb::CouponDistribution::Claimable.into(),
        ..Default::default()
    }
}

fn basket() -> Option<pb::Basket> {
    let line = |id: &str, price| pb::BasketLine {
        line_id: id.to_owned(),
        quantity: 1,
        list_price: yuan(price),
        ..Default::default()
    };
    Some(pb::Basket { lines: vec![line("b", 5_000), line("a", 15_000)], freight: yuan(800) })
}

fn claim(id: &str) -> pb::ClaimCouponRequest {
    pb::ClaimCouponRequest { request_id: id.to_owned(), user_id: "u".to_owned(), template_id: "200-20".to_owned() }
}

#[tokio::test]
async fn a_shop_publishes_a_user_claims_and_an_order_goes_from_quote_to_return() {
    let server = server().await;
    let publish = pb::PublishCouponTemplateRequest {
        request_id: "t".to_owned(),
        template: Some(template()),
        validate_only: false,
    };
    let published = server.coupons().publish_coupon_template(publish).await.unwrap().into_inner();
    assert_eq!(published.template.unwrap().version, 1);
    let own = channel(&server.uri, &Grant::tenant(&tenant("shop")).user(&user("u")).scope("coupons.write"));
    let claimed = CouponServiceClient::new(own).claim_coupon(claim("c")).await.unwrap().into_inner();
    let coupon = claimed.coupon.unwrap();
    let best = pb::BestForBasketRequest {
        user_id: "u".to_owned(),
        basket: basket(),
        at_least: vec![claimed.position.unwrap()],
    };
    let best = server.coupons().best_for_basket(best).await.unwrap().into_inner();
    assert_eq!(best.coupon_ids, std::slice::from_ref(&coupon.coupon_id));
    let quote = best.quote.unwrap();
    assert_eq!((quote.payable.clone(), quote.lines[0].payable.clone()), (yuan(18_800), yuan(13_500)));
    let funded: Vec<_> = quote.lines[0].discounts[0].funded.iter().map(|it| it.amount.clone()).collect();
    assert_eq!(funded, [yuan(450), yuan(1_050)], "in the order of the funders: the shop, then the platform");
    let reserve = pb::ReserveRequest {
        request_id: "r".to_owned(),
        user_id: "u".to_owned(),
        checkout_id: "k".to_owned(),
        basket: basket(),
        coupons: Some(pb::CouponChoice { coupon_ids: best.coupon_ids, best: false }),
        expected_payable: quote.payable,
        ..Default::default()
    };
    let reserved = server.checkouts().reserve(reserve).await.unwrap().into_inner().checkout.unwrap();
    let confirm = pb::ConfirmRequest {
        request_id: "c".to_owned(),
        user_id: "u".to_owned(),
        checkout_id: reserved.checkout_id.clone(),
        order_id: "o".to_owned(),
    };
    server.checkouts().confirm(confirm).await.unwrap();
    let back = pb::ReturnRequest {
        request_id: "b".to_owned(),
        user_id: "u".to_owned(),
        checkout_id: reserved.checkout_id.clone(),
        ..Default::default()
    };
    let back = server.checkouts().r#return(back).await.unwrap().into_inner();
    assert_eq!(back.outcome.unwrap().refund, yuan(18_800));
    let get = pb::GetCheckoutRequest {
        user_id: "u".to_owned(),
        checkout_id: reserved.checkout_id,
        at_least: vec![back.position.unwrap()],
    };
    let read = server.checkouts().get_checkout(get).await.unwrap().into_inner();
    assert_eq!(read.checkout, back.checkout);
    server.end().await;
}

#[tokio::test]
async fn refusals_carry_their_reason_and_all_violations_come_at_once() {
    let server = server().await;
    let missing = server.coupons().claim_coupon(claim("c")).await.unwrap_err();
    assert_eq!((missing.code(), reason_of(&missing).as_deref()), (Code::NotFound, Some("COUPON_TEMPLATE_NOT_FOUND")));
    let publish = pb::PublishCouponTemplateRequest {
        request_id: "t".to_owned(),
        template: Some(template()),
        validate_only: false,
    };
    server.coupons().publish_coupon_template(publish).await.unwrap();
    server.coupons().claim_coupon(claim("1")).await.unwrap();
    let limit = server.coupons().claim_coupon(claim("2")).await.unwrap_err();
    assert_eq!((limit.code(), reason_of(&limit).as_deref()), (Code::ResourceExhausted, Some("COUPON_LIMIT_REACHED")));
    assert_eq!(metadata_of(&limit).get("per_user_max").map(String::as_str), Some("1"));
    let wrong = pb::CouponTemplate {
        funders: vec![pb::FunderShare { funder: 1, basis_points: 9_000 }],
        floor_price: Some(units::money::to_proto(5, "USD")),
        distribution: pb::CouponDistribution::Automatic.into(),
        ..template()
    };
    let publish =
        pb::PublishCouponTemplateRequest { request_id: "w".to_owned(), template: Some(wrong), validate_only: false };
    let refused = server.coupons().publish_coupon_template(publish).await.unwrap_err();
    let fields: Vec<String> = status::violations_of(&refused).into_iter().map(|(field, _)| field).collect();
    let want = ["template.floor_price", "template.funders", "template.per_user_max", "template.validity"];
    assert_eq!(fields, want);
    server.end().await;
}
