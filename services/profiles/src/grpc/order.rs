use proto::profiles::v1::order_service_server::OrderService;
use proto::profiles::v1::{GetOrderRequest, GetOrderResponse, ListOrdersRequest, ListOrdersResponse, OrderRecord};
use service::List;
use tonic::{Request, Response, Status};

use super::Api;
use crate::queries::order::OrderRecord as Record;
use crate::wire;

#[tonic::async_trait]
impl OrderService for Api {
    async fn get_order(&self, request: Request<GetOrderRequest>) -> Result<Response<GetOrderResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let GetOrderRequest { user_id, order_id, at_least } = request.into_inner();
        let (record, terms) = self.profiles.get_order(&tenant, (&user_id, &order_id), &at_least).await?;
        Ok(Response::new(GetOrderResponse { order: Some(message(&record, &terms.currency)) }))
    }

    async fn list_orders(&self, request: Request<ListOrdersRequest>) -> Result<Response<ListOrdersResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let ListOrdersRequest { user_id, page_size, page_token, at_least } = request.into_inner();
        let list = List::new(&self.pages, "OrderService/ListOrders", &tenant, &[&user_id]);
        let after = list.open_time(&page_token)?;
        let after = after.as_ref().map(|(at, order_id)| (*at, order_id.as_str()));
        let (page, terms) = self.profiles.list_orders(&tenant, &user_id, (after, page_size), &at_least).await?;
        let orders = page.rows.iter().map(|record| message(record, &terms.currency)).collect();
        Ok(Response::new(ListOrdersResponse { orders, next_page_token: list.next_time(page.next) }))
    }
}

fn message(record: &Record, currency: &str) -> OrderRecord {
    wire::order_record(&record.user_id, &record.order, &record.refunds, currency)
}
