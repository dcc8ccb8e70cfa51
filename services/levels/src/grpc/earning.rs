use proto::levels::v1 as pb;
use proto::levels::v1::earning_rule_service_server::EarningRuleService;
use service::{List, write};
use tonic::{Request, Response, Status};

use super::{Api, convert, earning_convert};
use crate::wire;

#[tonic::async_trait]
impl EarningRuleService for Api {
    async fn publish_earning_rule(
        &self,
        request: Request<pb::PublishEarningRuleRequest>,
    ) -> Result<Response<pb::PublishEarningRuleResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = earning_convert::publish(request.get_ref())?;
        if request.get_ref().validate_only {
            let rule = pb::EarningRule { publish_time: None, ..wire::earning_rule(&command.rule) };
            return Ok(Response::new(pb::PublishEarningRuleResponse { rule: Some(rule), position: None }));
        }
        let levels = self.levels.clone();
        write(async move { levels.publish_earning_rule(&tenant, &command).await }).await
    }

    async fn get_earning_rule(
        &self,
        request: Request<pb::GetEarningRuleRequest>,
    ) -> Result<Response<pb::GetEarningRuleResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let id = convert::one_key("rule_id", &request.get_ref().rule_id)?;
        let found = self.levels.earning_rule(&tenant, &id).await?;
        Ok(Response::new(pb::GetEarningRuleResponse { rule: Some(wire::earning_rule(&found)) }))
    }

    async fn dry_run_earning(
        &self,
        request: Request<pb::DryRunEarningRequest>,
    ) -> Result<Response<pb::DryRunEarningResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let asked = earning_convert::dry_run(request.get_ref())?;
        let trials = self.levels.dry_run_earning(&tenant, asked, &request.get_ref().at_least).await?;
        Ok(Response::new(pb::DryRunEarningResponse { rules: trials.iter().map(wire::trial).collect() }))
    }

    async fn backtest_earning(
        &self,
        request: Request<pb::BacktestEarningRequest>,
    ) -> Result<Response<pb::BacktestEarningResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let asked = earning_convert::backtest(request.get_ref())?;
        Ok(Response::new(wire::backtested(self.levels.backtest_earning(&tenant, asked).await?)))
    }

    async fn list_earning_rules(
        &self,
        request: Request<pb::ListEarningRulesRequest>,
    ) -> Result<Response<pb::ListEarningRulesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let list = List::new(&self.pages, "EarningRuleService/ListEarningRules", &tenant, &[]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let page = self.levels.list_earning_rules(&tenant, &after, page::size(sent.page_size, 50, 200)).await?;
        Ok(Response::new(pb::ListEarningRulesResponse {
            rules: page.rows.iter().map(wire::earning_rule).collect(),
            next_page_token: list.next(page.next.map(|id| vec![id])),
        }))
    }
}
