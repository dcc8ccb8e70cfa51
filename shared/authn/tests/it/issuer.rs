use std::{fs, os::unix::fs::PermissionsExt, thread};

use authn::{
    Authenticator, AuthnSettings, InvalidToken,
    dev::{Grant, Issuer, KEY_FILE},
};
use ids::{TenantId, UserId};

use crate::support::Folder;

#[tokio::test]
async fn development_tokens_say_what_they_were_granted() {
    let folder = Folder::new();
    let issuer = Issuer::open(folder.path()).unwrap();
    let authenticator = Authenticator::new(issuer.settings()).await.unwrap();
    let (shop, user) = (TenantId::new("shop").unwrap(), UserId::new("u1").unwrap());

    let token = issuer.mint(&Grant::tenant(&shop).user(&user).scope("points.read").subject("app"));
    let caller = authenticator.verify(&token).await.unwrap();
    assert_eq!((caller.tenant, caller.user, caller.subject.as_str()), (Some(shop), Some(user), "app"));
    assert_eq!(caller.scopes.into_iter().collect::<Vec<_>>(), ["points.read"]);

    let caller = authenticator.verify(&issuer.mint(&Grant::service("levels").every_scope())).await.unwrap();
    assert!(caller.cross_tenant && caller.has("tenants.admin") && caller.has("events.read"));
}

#[tokio::test]
async fn development_tokens_count_only_in_development() {
    let folder = Folder::new();
    let issuer = Issuer::open(folder.path()).unwrap();
    let settings = AuthnSettings { development: false, ..issuer.settings() };
    let authenticator = Authenticator::new(settings).await.unwrap();
    let token = issuer.mint(&Grant::service("levels"));
    assert_eq!(authenticator.verify(&token).await, Err(InvalidToken::Development));
}

#[tokio::test]
async fn processes_that_open_one_folder_at_once_share_one_key() {
    let folder = Folder::new();
    let path = folder.path().to_owned();
    let open = || {
        let path = path.clone();
        thread::spawn(move || Issuer::open(&path).unwrap().mint(&Grant::service("x")))
    };
    let threads: Vec<_> = (0..8).map(|_| open()).collect();
    let tokens: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let authenticator = Authenticator::new(Issuer::open(folder.path()).unwrap().settings()).await.unwrap();
    for token in tokens {
        assert!(authenticator.verify(&token).await.is_ok());
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn the_private_key_is_readable_by_its_owner_only() {
    let folder = Folder::new();
    Issuer::open(folder.path()).unwrap();
    let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_damaged_key_file_is_named() {
    let folder = Folder::new();
    folder.write(KEY_FILE, "not a key");
    let error = Issuer::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains(KEY_FILE), "{error}");
}
