"""A first hour: a programme, a user, a coupon, an order, a return, a case, and the user's page.

Run it against `cargo xtask dev`; README.md says how to generate the client. The second run changes nothing, because every
write carries the id that it had the first time.
"""

import os
import pathlib

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from banyan.admin.v1 import tenant_pb2, tenant_pb2_grpc
from banyan.common.v1 import text_pb2
from banyan.feedback.v1 import case_pb2, case_service_pb2, case_service_pb2_grpc
from banyan.incentives.v1 import checkout_pb2, checkout_pb2_grpc, coupon_pb2, coupon_pb2_grpc, quote_pb2
from banyan.levels.v1 import points_pb2, points_pb2_grpc
from banyan.profiles.v1 import intake_pb2, intake_pb2_grpc, member_pb2, member_pb2_grpc, order_pb2
from banyan.profiles.v1 import profile_pb2, profile_pb2_grpc
from banyan.programme.v1 import programme_service_pb2, programme_service_pb2_grpc

ADDRESS = os.environ.get("BANYAN_ADDRESS", "127.0.0.1:50051")
STATE = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
DATA = pathlib.Path(os.environ.get("BANYAN_DATA") or f"{STATE}/banyan")
USER, CHECKOUT, ORDER, CASE = "xiaolin", "cart-1", "order-1", "first-case"
ORDERED_AT = Timestamp(seconds=1_767_225_600)


def bearer(name):
    """The token that the suite wrote into its data folder."""
    return [("authorization", "Bearer " + (DATA / "tokens" / name).read_text())]


def usd(amount):
    return Money(currency_code="USD", units=int(amount), nanos=round(amount % 1 * 1_000_000_000))


def text(zh, en):
    return text_pb2.LocalizedText(texts={"zh": zh, "en": en})


class Banyan:
    """Stubs of the tenant `try`: calls wait three seconds at most and carry the tenant's token."""

    def __init__(self):
        self.channel = grpc.insecure_channel(ADDRESS)
        self.operator, self.tenant = bearer("operator"), bearer("try")

    def call(self, stub, method, request, token=None):
        return getattr(stub(self.channel), method)(request, metadata=token or self.tenant, timeout=3)


def main():
    banyan = Banyan()
    create_tenant(banyan)
    apply_programme(banyan)
    register(banyan)
    publish_coupon(banyan)
    earned = buy(banyan)
    give_back_half(banyan)
    complain(banyan)
    show_page(banyan, earned)


def create_tenant(banyan):
    tenant = tenant_pb2.Tenant(tenant_id="try", display_name="Try", zone="UTC", currency="USD", sandbox=True)
    banyan.call(
        tenant_pb2_grpc.TenantServiceStub,
        "CreateTenant",
        tenant_pb2.CreateTenantRequest(request_id="t1", tenant=tenant),
        banyan.operator,
    )


def apply_programme(banyan):
    """A preset is a programme to begin with; plan shows what it would change, apply puts it into force."""
    stub = programme_service_pb2_grpc.ProgrammeServiceStub
    preset = banyan.call(stub, "GetPreset", programme_service_pb2.GetPresetRequest(preset_id="retail")).preset
    plan = banyan.call(stub, "PlanProgramme", programme_service_pb2.PlanProgrammeRequest(bundle=preset.bundle))
    kind = programme_service_pb2.DefinitionKind.Name
    for change in plan.changes:
        print("plan:", kind(change.kind).removeprefix("DEFINITION_KIND_").lower(), change.definition_id)
    request = programme_service_pb2.ApplyProgrammeRequest(request_id="hour", bundle=preset.bundle)
    applied = banyan.call(stub, "ApplyProgramme", request)
    print("programme: version", applied.programme.version)


def register(banyan):
    profile = profile_pb2.Profile(user_id=USER, locale="zh-CN", channel="wechat")
    request = profile_pb2.UpsertProfileRequest(request_id="u1", profile=profile)
    banyan.call(profile_pb2_grpc.ProfileServiceStub, "UpsertProfile", request)


def publish_coupon(banyan):
    """满 100 减 20, paid by the shop, good for a week from the claim."""
    template = coupon_pb2.CouponTemplate(
        template_id="hour-100-20",
        display_name=text("满 100 减 20", "20 off 100"),
        layer=quote_pb2.COUPON_LAYER_SHOP,
        amount_min=usd(100),
        threshold_price=coupon_pb2.THRESHOLD_PRICE_LIST,
        amount_off=coupon_pb2.AmountOff(amount=usd(20)),
        funders=[coupon_pb2.FunderShare(funder=order_pb2.FUNDER_SHOP, basis_points=10_000)],
        relative_validity=coupon_pb2.RelativeValidity(days=7, zone="UTC"),
        per_user_max=1,
        distribution=coupon_pb2.COUPON_DISTRIBUTION_CLAIMABLE,
    )
    request = coupon_pb2.PublishCouponTemplateRequest(request_id="c1", template=template)
    banyan.call(coupon_pb2_grpc.CouponServiceStub, "PublishCouponTemplate", request)
    claim = coupon_pb2.ClaimCouponRequest(request_id="c2", user_id=USER, template_id="hour-100-20")
    claimed = banyan.call(coupon_pb2_grpc.CouponServiceStub, "ClaimCoupon", claim)
    print("coupon:", claimed.coupon.coupon_id)


def buy(banyan):
    """What it costs, then the coupon set aside, then the order that it was for, and profiles hears of it."""
    stub = checkout_pb2_grpc.CheckoutServiceStub
    lines = [quote_pb2.BasketLine(line_id="1", sku="tea", category="drinks", quantity=4, list_price=usd(30))]
    basket = quote_pb2.Basket(lines=lines)
    best = checkout_pb2.CouponChoice(best=True)
    quoted = banyan.call(stub, "Quote", checkout_pb2.QuoteRequest(user_id=USER, basket=basket, coupons=best))
    payable = quoted.quote.payable
    print("to pay:", payable.units, payable.currency_code)
    reserve = checkout_pb2.ReserveRequest(
        request_id="b1", user_id=USER, checkout_id=CHECKOUT, basket=basket, coupons=best, order_id=ORDER
    )
    reserved = banyan.call(stub, "Reserve", reserve)
    confirm = checkout_pb2.ConfirmRequest(request_id="b2", user_id=USER, checkout_id=CHECKOUT, order_id=ORDER)
    confirmed = banyan.call(stub, "Confirm", confirm)
    order = order_pb2.Order(order_id=ORDER, total=reserved.checkout.quote.payable)
    event = intake_pb2.UserEvent(
        event_id="order-1-completed",
        user_id=USER,
        occurred_at=ORDERED_AT,
        order_completed=intake_pb2.OrderCompletedReport(order=order),
    )
    recorded = banyan.call(
        intake_pb2_grpc.EventServiceStub, "RecordEvent", intake_pb2.RecordEventRequest(event=event)
    )
    # The position makes the read wait until levels has applied the order.
    balance = points_pb2.GetBalanceRequest(
        user_id=USER, point_type_id="points", at_least=[recorded.position, confirmed.position]
    )
    earned = banyan.call(points_pb2_grpc.PointsServiceStub, "GetBalance", balance).available
    print("points:", earned)
    return earned


def give_back_half(banyan):
    """Two of the four come back: what to refund is asked for first."""
    stub = checkout_pb2_grpc.CheckoutServiceStub
    half = [checkout_pb2.LineQuantity(line_id="1", quantity=2)]
    preview = checkout_pb2.PreviewReturnRequest(user_id=USER, checkout_id=CHECKOUT, lines=half)
    outcome = banyan.call(stub, "PreviewReturn", preview).outcome
    request = checkout_pb2.ReturnRequest(request_id="r1", user_id=USER, checkout_id=CHECKOUT, lines=half)
    returned = banyan.call(stub, "Return", request).outcome
    print("refund:", returned.refund.units, returned.refund.currency_code, "previewed", outcome.refund.units)
    refund = order_pb2.Refund(refund_id="r1", order_id=ORDER, amount=returned.refund)
    event = intake_pb2.UserEvent(
        event_id="order-1-refund-1",
        user_id=USER,
        occurred_at=ORDERED_AT,
        order_refunded=intake_pb2.OrderRefundedReport(refund=refund),
    )
    banyan.call(intake_pb2_grpc.EventServiceStub, "RecordEvent", intake_pb2.RecordEventRequest(event=event))


def complain(banyan):
    """A complaint, its answer, its end, and what the user thinks of that."""
    stub = case_service_pb2_grpc.CaseServiceStub
    submit = case_service_pb2.SubmitCaseRequest(
        request_id="k1", user_id=USER, case_id=CASE, kind=case_pb2.CASE_KIND_COMPLAINT,
        text="退款三天了还没到账，客服一直不回复", channel="app", external_reference=ORDER,
    )
    banyan.call(stub, "SubmitCase", submit)
    # What the desk sees of it; the user's own answer leaves that out.
    case = banyan.call(stub, "GetCase", case_service_pb2.GetCaseRequest(user_id=USER, case_id=CASE)).case
    quadrant = case_pb2.Quadrant.Name(case.triage.quadrant).removeprefix("QUADRANT_").lower()
    print("case:", case.case_type_id, "for", case.triage.department + ",", quadrant)
    answer = case_service_pb2.AnswerCaseRequest(
        request_id="k2", user_id=USER, case_id=CASE, agent_id="agent-1", text="已加急处理，今天内到账。"
    )
    banyan.call(stub, "AnswerCase", answer)
    resolve = case_service_pb2.ResolveCaseRequest(
        request_id="k3", user_id=USER, case_id=CASE, agent_id="agent-1",
        resolution=case_pb2.RESOLUTION_SOLVED, text="退款已到账。",
    )
    banyan.call(stub, "ResolveCase", resolve)
    rate = case_service_pb2.RateCaseRequest(request_id="k4", user_id=USER, case_id=CASE, score=5)
    banyan.call(stub, "RateCase", rate)


def show_page(banyan, earned):
    """All of it in one call, as the app shows it."""
    request = member_pb2.GetMemberPageRequest(user_id=USER, locale="zh-CN")
    answer = banyan.call(member_pb2_grpc.MemberServiceStub, "GetMemberPage", request)
    for status in answer.statuses:
        print("page:", member_pb2.MemberPart.Name(status.part).removeprefix("MEMBER_PART_").lower(), status.status.message or "ok")


if __name__ == "__main__":
    main()
