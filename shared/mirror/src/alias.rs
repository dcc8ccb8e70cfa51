use std::collections::{BTreeSet, HashMap};

use ids::{TenantId, UserId};
use pg::{StoreError, Tx};

/// Whom ids mean, of those asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aliases(HashMap<String, UserId>);

impl Aliases {
    /// Whom an id means: itself, where it is no alias.
    pub fn meant(&self, user: &UserId) -> UserId {
        self.0.get(user.as_str()).unwrap_or(user).clone()
    }
}

/// Looks up whom ids mean, in one statement however many they are.
pub async fn resolve<'a>(
    tx: &mut Tx,
    tenant: &TenantId,
    users: impl IntoIterator<Item = &'a UserId>,
) -> Result<Aliases, StoreError> {
    let ids: BTreeSet<&str> = users.into_iter().map(UserId::as_str).collect();
    if ids.is_empty() {
        return Ok(Aliases::default());
    }
    let ids: Vec<&str> = ids.into_iter().collect();
    let rows = sqlx::query!(
        "select alias, user_id from user_alias where tenant_id = $1 and alias = any($2)",
        tenant.as_str(),
        &ids as _
    )
    .fetch_all(&mut **tx)
    .await?;
    let unreadable = |_| StoreError::from(sqlx::Error::Decode("user_alias.user_id is no user id".into()));
    let read = |(alias, user): (String, String)| Ok((alias, UserId::new(user).map_err(unreadable)?));
    let found = rows.into_iter().map(|row| read((row.alias, row.user_id))).collect::<Result<_, StoreError>>();
    found.map(Aliases)
}

/// Makes an id an alias of a user, and what were aliases of that id too.
pub(crate) async fn link(tx: &mut Tx, tenant: &TenantId, alias: &str, user: &UserId) -> Result<(), StoreError> {
    sqlx::query!(
        "with repointed as (
            update user_alias set user_id = $3 where tenant_id = $1 and user_id = $2
        )
        insert into user_alias (tenant_id, alias, user_id) values ($1, $2, $3)
        on conflict on constraint user_alias_pkey do update set user_id = excluded.user_id",
        tenant.as_str(),
        alias,
        user.as_str()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
