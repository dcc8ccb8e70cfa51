use proto::google::rpc;
use proto::profiles::v1 as pb;
use proto::profiles::v1::member_service_server::MemberService;
use proto::profiles::v1::{GetMemberPageRequest, GetMemberPageResponse, MemberPartStatus};
use tonic::{Request, Response, Status};

use super::Api;
use crate::queries::member_page::{AskedPage, Gathered, MemberPart};
use crate::queries::profile::AskedProfile;
use crate::wire;

#[tonic::async_trait]
impl MemberService for Api {
    async fn get_member_page(
        &self,
        request: Request<GetMemberPageRequest>,
    ) -> Result<Response<GetMemberPageResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let asked = asked(request.into_inner());
        let (user_id, at_least) = (asked.user_id.clone(), asked.at_least.clone());
        let profile = self.by_id.ask(&tenant, &user_id, &at_least, AskedProfile { user_id: user_id.clone() });
        let page = Box::pin(self.profiles.member_page(&tenant, asked, profile)).await; // a large future
        let locale = &page.locale;
        let mut told = Told::default();
        Ok(Response::new(GetMemberPageResponse {
            profile: told.part(pb::MemberPart::Profile, page.profile, |(profile, terms)| {
                wire::profile(&profile, &terms.currency)
            }),
            levels: told.part(pb::MemberPart::Levels, page.levels, |found| wire::member::levels(found, locale)),
            points: told.part(pb::MemberPart::Points, page.points, |found| wire::member::points(found, locale)),
            coupons: told.part(pb::MemberPart::Coupons, page.coupons, |found| wire::member::coupons(&found, locale)),
            cases: told.part(pb::MemberPart::Cases, page.cases, |found| wire::member::cases(&found)),
            restrictions: told
                .part(pb::MemberPart::Restrictions, page.restrictions, |found| wire::member::restrictions(&found)),
            benefits: told.part(pb::MemberPart::Benefits, page.benefits, |found| wire::member::benefits(found, locale)),
            locale: page.locale.clone(),
            statuses: told.0,
        }))
    }
}

fn asked(sent: GetMemberPageRequest) -> AskedPage {
    let part = |part| match part {
        pb::MemberPart::Unspecified => None, // refused before a handler is reached
        pb::MemberPart::Profile => Some(MemberPart::Profile),
        pb::MemberPart::Levels => Some(MemberPart::Levels),
        pb::MemberPart::Points => Some(MemberPart::Points),
        pb::MemberPart::Coupons => Some(MemberPart::Coupons),
        pb::MemberPart::Cases => Some(MemberPart::Cases),
        pb::MemberPart::Restrictions => Some(MemberPart::Restrictions),
        pb::MemberPart::Benefits => Some(MemberPart::Benefits),
    };
    let parts = if sent.parts.is_empty() { MemberPart::ALL.into() } else { sent.parts().filter_map(part).collect() };
    AskedPage { user_id: sent.user_id, parts, locale: sent.locale, at_least: sent.at_least }
}

/// The statuses of parts, in the order in which the parts are put into the page.
#[derive(Default)]
struct Told(Vec<MemberPartStatus>);

impl Told {
    /// Notes how a part was gathered, and shows it where it was.
    fn part<T, M>(&mut self, part: pb::MemberPart, gathered: Gathered<T>, show: impl FnOnce(T) -> M) -> Option<M> {
        let (status, shown) = match gathered? {
            Ok(found) => (rpc::Status::default(), Some(show(found))),
            Err(status) => (status::to_rpc(&status), None),
        };
        self.0.push(MemberPartStatus { part: part.into(), status: Some(status) });
        shown
    }
}
