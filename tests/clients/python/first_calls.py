"""First calls from Python: a tenant, an order, a balance.

Run it against `cargo xtask dev`; README.md says how to generate the client. The second run changes nothing, because every
write carries the id that it had the first time.
"""

import os
import pathlib
import sys

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from banyan.admin.v1 import tenant_pb2, tenant_pb2_grpc
from banyan.common.v1 import text_pb2
from banyan.levels.v1 import earning_pb2, earning_pb2_grpc, points_pb2, points_pb2_grpc
from banyan.profiles.v1 import intake_pb2, intake_pb2_grpc, order_pb2

ADDRESS = os.environ.get("BANYAN_ADDRESS", "127.0.0.1:50051")
STATE = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
DATA = pathlib.Path(os.environ.get("BANYAN_DATA") or f"{STATE}/banyan")


def bearer(name):
    """The token that the suite wrote into its data folder."""
    return [("authorization", "Bearer " + (DATA / "tokens" / name).read_text())]


def main():
    channel = grpc.insecure_channel(ADDRESS)
    operator, tenant = bearer("operator"), bearer("try")

    # An operator creates the tenant.
    created = tenant_pb2_grpc.TenantServiceStub(channel).CreateTenant(
        tenant_pb2.CreateTenantRequest(
            request_id="t1",
            tenant=tenant_pb2.Tenant(
                tenant_id="try", display_name="Try", zone="UTC", currency="USD", sandbox=True
            ),
        ),
        metadata=operator,
        timeout=3,
    )
    print("tenant:", created.tenant.tenant_id)

    # Its programme: a point per dollar of a completed order.
    points = points_pb2_grpc.PointsServiceStub(channel)
    points.CreatePointType(
        points_pb2.CreatePointTypeRequest(
            request_id="p1",
            point_type=points_pb2.PointType(
                point_type_id="points",
                display_name=text_pb2.LocalizedText(texts={"zh": "积分", "en": "points"}),
                spendable=True,
                expiry_policy=points_pb2.EXPIRY_POLICY_NEVER,
                reversal_policy=points_pb2.REVERSAL_POLICY_DOWN_TO_ZERO,
                zone="UTC",
            ),
        ),
        metadata=tenant,
        timeout=3,
    )
    earning_pb2_grpc.EarningRuleServiceStub(channel).PublishEarningRule(
        earning_pb2.PublishEarningRuleRequest(
            request_id="r1",
            rule=earning_pb2.EarningRule(
                rule_id="order-points",
                point_type_id="points",
                event_type="order.completed",
                formula="order.total_minor / 100",
            ),
        ),
        metadata=tenant,
        timeout=3,
    )

    # The shop's back end reports an order.
    total = Money(currency_code="USD", units=42, nanos=500_000_000)
    reported = intake_pb2_grpc.EventServiceStub(channel).RecordEvent(
        intake_pb2.RecordEventRequest(
            event=intake_pb2.UserEvent(
                event_id="python-o1-completed",
                user_id="u1",
                occurred_at=Timestamp(seconds=1_767_225_600),
                order_completed=intake_pb2.OrderCompletedReport(
                    order=order_pb2.Order(order_id="python-o1", total=total)
                ),
            )
        ),
        metadata=tenant,
        timeout=3,
    )
    print("recorded at:", reported.position.source, reported.position.partition, reported.position.seq)

    # The position makes the read wait until levels has applied the order.
    balance = points.GetBalance(
        points_pb2.GetBalanceRequest(user_id="u1", point_type_id="points", at_least=[reported.position]),
        metadata=tenant,
        timeout=3,
    )
    print("points:", balance.available)
    return 0 if balance.available >= 42 else 1


if __name__ == "__main__":
    sys.exit(main())
