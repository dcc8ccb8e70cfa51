//! Whether what was written adds up. A rate without it does not count.

use anyhow::{bail, ensure};
use proto::incentives::v1::GetCouponTemplateRequest;
use proto::levels::v1::VerifyLedgerRequest;

use crate::client::fresh;
use crate::drive::Run;
use crate::rig::Rig;
use crate::section::{GONE, Scene, Section};

impl Section {
    /// The rows of which each thing done makes one, and nothing else does.
    fn rows(self) -> Option<&'static str> {
        match self {
            Self::Earn | Self::Spend | Self::SpendMany => Some("select count(*) from levels.entry"),
            Self::HoldCapture => Some("select count(*) from levels.hold where state = 2"),
            Self::Claim | Self::Scarce => Some("select count(*) from incentives.held_coupon"),
            Self::Checkout => Some("select count(*) from incentives.checkout where state = 2"),
            Self::Case => Some("select count(*) from feedback.feedback_case"),
            Self::Intake | Self::IntakeBatch | Self::IntakeStream => {
                Some("select count(*) from profiles.intake_event where refusal is null")
            }
            Self::Loop => Some("select count(distinct (user_id, source_event_id)) from levels.earning"),
            Self::HotBudget => Some("select count(*) from levels.reward where state = 2"),
            Self::Empty | Self::Profile | Self::Balance | Self::Coupons | Self::Restrictions | Self::MemberPage => None,
        }
    }
}

/// How many rows there are of what a section makes; 0 for one that only reads.
pub(crate) async fn count(rig: &Rig, section: Section) -> anyhow::Result<u64> {
    let Some(sql) = section.rows() else { return Ok(0) };
    let mut database = rig.database().await?;
    let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut database).await?;
    Ok(u64::try_from(count)?)
}

/// After a run: exactly the stock was issued where claims were refused, and never more.
pub(crate) async fn run(rig: &Rig, section: Section, scene: Scene, stock: u64, run: &Run) -> anyhow::Result<()> {
    if section != Section::Scarce {
        return Ok(());
    }
    let request = GetCouponTemplateRequest { template_id: scene.scarce() };
    let template = rig.client(0).coupons().get_coupon_template(fresh(request)).await?.into_inner().template;
    let issued = u64::try_from(template.unwrap_or_default().issued)?;
    let all_gone = run.other.contains_key(GONE);
    ensure!(
        issued <= stock && within(issued, run.units, run.unknown) && (!all_gone || issued == stock),
        "{}: of {stock} coupons {issued} were issued and {} claims answered so",
        rig.name(),
        run.units
    );
    Ok(())
}

/// After a section: there is a row for each thing that was answered as done, and for nothing else; accounts add up.
pub(crate) async fn section(
    rig: &Rig,
    section: Section,
    before: u64,
    (units, unknown): (u64, u64),
) -> anyhow::Result<()> {
    if section.rows().is_some() {
        let made = count(rig, section).await? - before;
        ensure!(
            within(made, units, unknown),
            "{section}, {}: {units} things were answered as done and {made} were",
            rig.name()
        );
    }
    if section.keeps_ledger() { ledger(rig).await } else { Ok(()) }
}

/// A call whose answer is not known may have had its effect.
fn within(made: u64, units: u64, unknown: u64) -> bool {
    (units..=units + unknown).contains(&made)
}

/// Every account: Σ entries = Σ lots + held − debt = balance after the last entry.
pub(crate) async fn ledger(rig: &Rig) -> anyhow::Result<()> {
    let client = rig.client(0);
    let mut page_token = String::new();
    loop {
        let request = VerifyLedgerRequest { page_token, page_size: 1_000, ..Default::default() };
        let page = client.points().verify_ledger(fresh(request)).await?.into_inner();
        if !page.mismatches.is_empty() {
            bail!("{}: the ledger disagrees with itself: {:?}", rig.name(), page.mismatches);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(());
        }
    }
}
